#include "broker/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/act.h"
#include "broker/ask.h"
#include "broker/audit.h"
#include "broker/live.h"
#include "broker/stand.h"
#include "broker/resolve.h"
#include "broker/wait.h"
#include "kern/sys.h"
#include "policy/decide.h"

/* One exec, as its thread sees it. */
struct exec {
	struct server own; /* with tables of its own: they may change while it waits */
	const struct server *s;
	struct call c;
	const struct plan_call *row;
	pid_t traced; /* 0: nobody */
	struct asking_call asking;
	char path[PATH_MAX];
};

static struct verdict refused(const struct exec *x, int err, const char *fix)
{
	return (struct verdict){ .what = DENY, .err = err, .from = x->row->from, .fix = fix };
}

/* ---- asking ---- */

static bool call_gone(void *exec)
{
	const struct exec *x = exec;

	return !fetch_valid(x->s, x->c.id);
}

/* Stopped before its first instruction, it can still be killed. */
static bool program_gone(void *exec)
{
	const struct exec *x = exec;
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)x->traced, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 ||
	       si.si_pid != 0;
}

/* Also without what the kernel adds to the name of a program that has lost it. */
static struct verdict decide(struct exec *x)
{
	static const char deleted[] = " (deleted)";
	struct verdict v = decide_execute(x->s->plan, x->path, &x->asking);
	size_t len = strlen(x->path), more = strlen(deleted);
	char name[PATH_MAX];

	if (v.what != GO_ON || len <= more || strcmp(x->path + len - more, deleted) != 0)
		return v;
	memcpy(name, x->path, len - more);
	name[len - more] = '\0';
	return decide_execute(x->s->plan, name, &x->asking);
}

/* The path is of an object that was found, or is started already. */
static struct verdict judge(struct exec *x, bool (*gone)(void *exec))
{
	for (;;) {
		struct verdict v = decide(x);

		if (v.what == ASK && ask_wait(x->s, &x->c, gone, x) == REPLY_NONE)
			v.what = DENY;
		if (v.what != ASK)
			return v;
	}
}

/* What the path leads to now: 0, or what keeps it from being found, which the kernel will say as well. */
static int find(struct exec *x)
{
	struct open_request r = { .dir = -1 };
	struct place at = { .fd = -1, .parent = -1 };
	int err = fetch_exec(x->s, &x->c, x->row->name, &r);

	if (err == 0 && r.path[0] != '\0')
		err = resolve(x->s, &x->c, &r, &at);
	else if (err == 0)
		at.fd = fd_take(&r.dir);
	if (err >= 0)
		err = at.fd >= 0 ? act_path_of(x->s, at.fd, x->path) : -ENOENT;
	fd_close(&r.dir);
	fd_close(&at.fd);
	fd_close(&at.parent);
	return err;
}

/* ---- tracing ---- */

static int seize(void *exec)
{
	struct exec *x = exec;

	/* Our end, or that of this thread, is the end of what it traces. */
	return ptrace(PTRACE_SEIZE, x->c.tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0
		       ? -errno
		       : 0;
}

/* Where signals interrupt, the thread that watched the caller's last exec may still be about to let go of it. */
static int attach(struct exec *x)
{
	enum { TRIES = 100 }; /* of a millisecond */
	int err = fetch_as_tracer(seize, x);

	for (unsigned i = 0; i < TRIES && err == -EPERM && x->s->plan->signals_interrupt; i++) {
		poll(NULL, 0, 1);
		err = fetch_as_tracer(seize, x);
	}
	return err;
}

static void let_go(struct exec *x, int signal)
{
	ptrace(PTRACE_DETACH, x->traced, 0, (long)signal);
	x->traced = 0;
}

/* It stands before its first instruction. Left traced, it dies with this thread. */
static void look_at_program(struct exec *x)
{
	int err = fetch_program(x->s, (uint32_t)x->traced, x->path);
	struct verdict v = err < 0 ? refused(x, -err, "none: the program could not be seen")
				   : judge(x, program_gone);

	audit_program(x->s, &x->c, x->row, &v, x->path);
	if (v.what == GO_ON)
		let_go(x, 0);
}

/* The call goes on. It ends in a new program, in an error, or with the process. */
static void watch(struct exec *x)
{
	int status;
	pid_t pid;

	/* An exec that fails stops as well then, before the caller can make another one: that could not be watched while
	 * this thread is attached. Where any signal ends the wait for an answer, it must not come before that. */
	if (!x->s->plan->signals_interrupt)
		ptrace(PTRACE_INTERRUPT, x->c.tid, 0, 0);
	act_answer(x->s, &x->c, &(struct verdict){ .what = GO_ON, .from = x->row->from });
	if (x->s->plan->signals_interrupt)
		ptrace(PTRACE_INTERRUPT, x->c.tid, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL | __WNOTHREAD)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		if (!WIFSTOPPED(status))
			return;
		x->traced = pid; /* the thread that executes becomes its process's first */
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
			look_at_program(x);
		else
			let_go(x, status >> 16 != 0 ? 0 : WSTOPSIG(status));
		return;
	}
}

static void refuse(struct exec *x, const struct verdict *v, bool named)
{
	audit_program(x->s, &x->c, x->row, v, named ? x->path : NULL);
	act_answer(x->s, &x->c, v);
}

static void serve(struct exec *x)
{
	bool named = find(x) >= 0;
	struct verdict v = named ? judge(x, call_gone)
				 : (struct verdict){ .what = GO_ON, .from = x->row->from };

	if (v.what != GO_ON) {
		refuse(x, &v, named);
		return;
	}

	int err = attach(x);

	if (err < 0) {
		v = refused(x, EPERM,
			    "none: whoever is traced by somebody else cannot be asked about");
		refuse(x, &v, named);
		return;
	}
	x->traced = (pid_t)x->c.tid;
	/* Not somebody who has its number since: then `watch` lets go of it at once. */
	watch(x);
}

static void *exec_run(void *waiter)
{
	struct waiter *w = waiter;
	struct exec x = { .own = *w->server, .s = &x.own, .c = w->call };

	atomic_store(&w->tid, sys_gettid());
	live_follow(&x.own);
	x.row = decide_row(x.s->plan, &x.c);
	x.c.asking = &x.asking;
	ask_know(x.s, x.c.tid, &x.asking);
	serve(&x);
	live_leave(&x.own);
	wait_deaf();
	atomic_store(&w->tid, 0);
	return NULL;
}

void exec_serve(const struct server *s, const struct call *c, const struct plan_call *row)
{
	struct verdict v = { .what = GO_ON, .from = row->from };

	/* The first by each listener is zviz's own process, which cannot be traced: its memory is the host's. What it executes is
	 * zviz again, and that asks for the command (box/starter.c). */
	if (!atomic_exchange(&s->stand->launched, true)) {
		audit_program(s, c, row, &v, NULL);
		act_answer(s, c, &v);
		return;
	}

	struct waiter *w = wait_place(s);
	int err = -EAGAIN;

	if (w != NULL) {
		w->server = &s->stand->server;
		w->call = *c;
		w->call.turn = UINT32_MAX; /* nobody's */
		err = wait_thread(exec_run, w);
		if (err < 0)
			atomic_store(&w->tid, 0);
	}
	if (err < 0) {
		v = (struct verdict){ .what = DENY,
				      .err = EAGAIN,
				      .from = row->from,
				      .fix = "too many programs wait to be asked about" };
		audit_program(s, c, row, &v, NULL);
		act_answer(s, c, &v);
	}
}
