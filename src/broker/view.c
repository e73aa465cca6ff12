#include "broker/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sysinfo.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/act.h"
#include "broker/wait.h"
#include "kern/sys.h"

enum {
	/* A file that is still open cannot be watched: how soon to try again, twice as long each time. Whoever opens it
	 * meanwhile reads what the one before him did. */
	AGAIN_MS = 1,
	AGAIN_MS_MAX = 1024,
	SOURCE_BYTES = 4096, /* memory.stat, of which what is needed stands in the first half */
	MASK_BYTES = 1024,   /* 8192 processors (NR_CPUS of x86) */
};

struct view_work {
	struct view limits;
	int fds[VIEW_FDS];
	bool watched[VIEW_KEPT];
	uint64_t start_ms, load_ms, load_busy; /* busy: 1/100 s of processors, at that time */
	unsigned load[3];
	char text[VIEW_TEXT_MAX];
};

/* ---- what is so now ---- */

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* "" where there is no such file. */
static const char *source_text(const struct view_work *w, enum view_source at,
			       char text[SOURCE_BYTES])
{
	ssize_t n = w->fds[at] >= 0 ? pread(w->fds[at], text, SOURCE_BYTES - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static uint64_t source_number(const struct view_work *w, enum view_source at)
{
	char text[SOURCE_BYTES];

	return strtoull(source_text(w, at, text), NULL, 10);
}

/* The limit that is in force now, which is the plan's until somebody changes it. */
static uint64_t memory_limit(const struct view_work *w)
{
	char text[SOURCE_BYTES];

	source_text(w, VIEW_FROM_LIMIT, text);
	if (text[0] == '\0' || w->limits.memory == 0)
		return w->limits.memory;
	return text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX; /* "max" */
}

static void memory_now(const struct view_work *w, const struct sysinfo *machine,
		       struct view_now *out)
{
	uint64_t total = machine->totalram * machine->mem_unit,
		 swap = machine->totalswap * machine->mem_unit;
	char text[SOURCE_BYTES];

	view_read_memory_stat(source_text(w, VIEW_FROM_MEMORY_STAT, text), out);
	out->total = memory_limit(w);
	out->total = out->total < total ? out->total : total;
	out->swap_total = w->limits.has_swap && w->limits.swap < swap ? w->limits.swap : swap;
	out->used = source_number(w, VIEW_FROM_MEMORY);
	if (w->fds[VIEW_FROM_SWAP] >= 0)
		out->swap_used = source_number(w, VIEW_FROM_SWAP);
}

static void look(const struct view_work *w, struct view_now *out)
{
	struct sysinfo machine = { .mem_unit = 1 };
	char text[SOURCE_BYTES];
	uint64_t now = clock_ms(CLOCK_BOOTTIME);

	(void)SYS_CALL(SYS_sysinfo, &machine);
	*out = (struct view_now){ .cpus = w->limits.cpus,
				  .up = (now - w->start_ms) / 10,
				  .boot = (clock_ms(CLOCK_REALTIME) - now) / 1000 };
	memory_now(w, &machine, out);
	view_read_cpu_stat(source_text(w, VIEW_FROM_CPU, text), out);
	out->tasks = (unsigned)source_number(w, VIEW_FROM_TASKS);
	memcpy(out->load, w->load, sizeof out->load);
}

/* How busy it was since it was last looked at. */
static void follow_load(struct view_work *w, struct view_now *n)
{
	uint64_t ms = w->start_ms + n->up * 10, busy = n->user + n->system,
		 passed = ms - w->load_ms;

	if (passed < 1000)
		return;
	view_load(w->load, (unsigned)((busy - w->load_busy) * 1000 / passed), passed);
	w->load_ms = ms;
	w->load_busy = busy;
	memcpy(n->load, w->load, sizeof n->load);
}

/* ---- the files ---- */

static void write_file(struct view_work *w, enum view_file file)
{
	struct view_now now;

	look(w, &now);
	follow_load(w, &now);

	size_t len = view_write(file, &now, w->text);

	if (pwrite(w->fds[file], w->text, len, 0) == (ssize_t)len)
		(void)!ftruncate(w->fds[file], (off_t)len);
}

/* Somebody opens it: he waits until the lease is given back. */
static bool is_wanted(const struct view_work *w, enum view_file file)
{
	return w->watched[file] && fcntl(w->fds[file], F_GETLEASE) != F_WRLCK;
}

/* False: somebody has it open, and it cannot be watched yet. Where it never can (fs.leases-enable is 0), it stays as it is. */
static bool watch(struct view_work *w, enum view_file file)
{
	w->watched[file] = w->watched[file] || fcntl(w->fds[file], F_SETLEASE, F_WRLCK) == 0;
	if (w->watched[file] || errno == EAGAIN)
		return w->watched[file];
	fd_close(&w->fds[file]);
	return true;
}

static bool tend(struct view_work *w)
{
	bool all = true;

	for (unsigned i = 0; i < VIEW_KEPT; i++) {
		if (w->fds[i] < 0)
			continue;
		if (is_wanted(w, i)) {
			write_file(w, i);
			fcntl(w->fds[i], F_SETLEASE, F_UNLCK);
			w->watched[i] = false;
		}
		all &= watch(w, i);
	}
	return all;
}

static void *view_run(void *work)
{
	struct view_work *w = work;
	unsigned ms = AGAIN_MS;
	sigset_t opened;

	sigemptyset(&opened);
	sigaddset(&opened, SIGIO);
	for (;;) {
		const struct timespec again = { .tv_sec = ms / 1000,
						.tv_nsec = (long)(ms % 1000) * 1000000 };
		bool all = tend(w);

		if (sigtimedwait(&opened, NULL, all ? NULL : &again) > 0)
			ms = AGAIN_MS;
		else if (!all && ms < AGAIN_MS_MAX)
			ms *= 2;
	}
	return NULL;
}

static int begin_files(struct view_work *w, struct err *e)
{
	bool any = false;
	sigset_t opened;

	for (unsigned i = 0; i < VIEW_KEPT; i++) {
		if (w->fds[i] < 0)
			continue;
		any = true;
		if (fcntl(w->fds[i], F_SETOWN, getpid()) < 0)
			return fail(e, errno, "files of limits: F_SETOWN: %m");
	}
	if (!any)
		return 0;
	/* For all threads: one of them takes it when it comes to it. The workload runs already, and may have a file open. */
	sigemptyset(&opened);
	sigaddset(&opened, SIGIO);
	sigprocmask(SIG_BLOCK, &opened, NULL);

	int r = wait_thread(view_run, w);

	return r < 0 ? fail(e, -r, "files of limits: thread: %m") : 0;
}

struct view_work *view_begin(const struct view *v, const int fds[VIEW_FDS], struct err *e)
{
	struct view_work *w = sys_pages(sizeof *w);

	if (w == NULL) {
		fail(e, ENOMEM, "files of limits: %m");
		return NULL;
	}
	w->limits = *v;
	memcpy(w->fds, fds, sizeof w->fds);
	w->start_ms = w->load_ms = clock_ms(CLOCK_BOOTTIME);
	return begin_files(w, e) == 0 ? w : NULL;
}

/* ---- the calls ---- */

static void go_on(const struct server *s, const struct call *c)
{
	act_answer(s, c, &(struct verdict){ .what = GO_ON });
}

static void answer_bytes(const struct server *s, const struct call *c, uint64_t to,
			 const void *bytes, size_t len, int result)
{
	int r = act_write_memory(s, c, to, bytes, len);

	act_answer_result(s, c, r < 0 ? r : result);
}

/* The first of those that the thread may run on, as many as it may use. Another's are told as they are: who knows its
 * number has other ways to find out. */
static void serve_affinity(const struct server *s, const struct call *c, unsigned cpus)
{
	unsigned char mask[MASK_BYTES];
	size_t room = (uint32_t)c->arg[1];
	long n;

	if ((int32_t)c->arg[0] != 0 || cpus == 0) {
		go_on(s, c);
		return;
	}
	n = SYS_CALL(SYS_sched_getaffinity, c->tid, room < sizeof mask ? room : sizeof mask, mask);
	for (long i = 0; i < n * 8; i++)
		if (mask[i / 8] & 1u << i % 8) {
			if (cpus == 0)
				mask[i / 8] &= (unsigned char)~(1u << i % 8);
			else
				cpus--;
		}
	if (n < 0)
		act_answer_result(s, c, (int)n);
	else
		answer_bytes(s, c, c->arg[2], mask, (size_t)n, (int)n);
}

static void serve_sysinfo(const struct server *s, const struct call *c, const struct view_work *w)
{
	struct sysinfo out = { 0 };
	struct view_now now;

	if (w->limits.memory == 0 || SYS_CALL(SYS_sysinfo, &out) < 0) {
		go_on(s, c);
		return;
	}
	look(w, &now);
	out.mem_unit = 1;
	out.totalram = now.total;
	out.freeram = view_free(&now);
	out.sharedram = now.shmem;
	out.bufferram = 0;
	out.totalswap = now.swap_total;
	out.freeswap = now.swap_total > now.swap_used ? now.swap_total - now.swap_used : 0;
	out.totalhigh = out.freehigh = 0;
	out.procs = (uint16_t)now.tasks;
	/* Without a group that counts time the load stays the machine's, as in /proc/loadavg. */
	for (size_t i = 0; i < 3 && w->fds[VIEW_FROM_CPU] >= 0;
	     i++) /* SI_LOAD_SHIFT, include/uapi/linux/sysinfo.h */
		out.loads[i] = ((unsigned long)now.load[i] << SI_LOAD_SHIFT) / 100;
	answer_bytes(s, c, c->arg[0], &out, sizeof out, 0);
}

void view_serve(const struct server *s, const struct call *c, const struct plan_call *row)
{
	/* Another machine's structs look otherwise: it is told what the kernel says. */
	if (s->view == NULL || c->nr != row->nr || c->arch == AUDIT_ARCH_I386)
		go_on(s, c);
	else if (strcmp(row->name, "sysinfo") == 0)
		serve_sysinfo(s, c, s->view);
	else
		serve_affinity(s, c, s->view->limits.cpus);
}
