#include "box/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "kern/sys.h"
#include "text/json_write.h"

enum { OUTPUT_SHOWN = 240 };

static const char *state_text(struct arena *a, const struct hooks_state *s)
{
	struct buf out = { .arena = a };
	struct json_writer j = { .out = &out };

	json_open_object(&j, NULL);
	json_put_string(&j, "ociVersion", "1.2.0");
	json_put_string(&j, "id", s->id);
	json_put_string(&j, "status", s->status);
	if (s->pid != 0)
		json_put_i64(&j, "pid", s->pid);
	json_put_string(&j, "bundle", s->bundle != NULL ? s->bundle : "");
	json_open_object(&j, "annotations");
	for (size_t i = 0; i < s->annotations->n; i++)
		json_put_string(&j, s->annotations->at[i].key, s->annotations->at[i].value);
	json_close(&j);
	json_close(&j);
	return buf_text(&out);
}

/* A file, not a pipe: who does not read it breaks nothing, and nobody has to write beside. */
static int state_file(const char *text, struct err *e)
{
	OWN_FD fd = sys_memfd_create("state", MFD_CLOEXEC);
	int r = fd < 0 ? fd : fd_write_all(fd, text, strlen(text));

	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return fail(e, r < 0 ? -r : errno, "the state for hooks: %m");
	return fd_take(&fd);
}

static char *const *words(struct arena *a, const struct strings *list, const char *only)
{
	const char **at = arena_array(a, list->n + 2, sizeof *at);
	size_t n = 0;

	if (list->n == 0 && only != NULL)
		at[n++] = only;
	for (size_t i = 0; i < list->n; i++)
		at[n++] = list->at[i];
	return (char *const *)at;
}

/* Its output would be the container's, if the caller gave it to us for that: it is kept for the error instead. */
static int spawn(struct arena *a, const struct spec_hook *h, const char *bundle, int in, int out,
		 pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t ours; /* that we ignore it is no matter of theirs */
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return -r;
	sigemptyset(&ours);
	sigaddset(&ours, SIGPIPE);
	r = posix_spawnattr_init(&attr);
	if (r == 0)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&attr, &ours);
	if (r == 0 && bundle != NULL)
		r = posix_spawn_file_actions_addchdir_np(&files, bundle);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, in, 0);
	for (int fd = 1; fd <= 2 && r == 0; fd++)
		r = posix_spawn_file_actions_adddup2(&files, out, fd);
	if (r == 0)
		r = posix_spawn(pid, h->path, &files, &attr, words(a, &h->args, h->path),
				words(a, &h->env, NULL));
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* Its exit status, or -ETIMEDOUT: then it and its group are dead. */
static int await_end(pid_t pid, const struct amount *timeout_s, int *status)
{
	OWN_FD pidfd = timeout_s->set ? sys_pidfd_open(pid, 0) : -1;
	struct timespec now, end;
	int left_ms = 1, timed_out = 0;

	sys_clock(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)timeout_s->value;
	while (pidfd >= 0 && left_ms > 0) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };

		sys_clock(CLOCK_MONOTONIC, &now);

		int64_t ms = (int64_t)(end.tv_sec - now.tv_sec) * 1000 +
			     (end.tv_nsec - now.tv_nsec) / 1000000;

		left_ms = ms < INT32_MAX ? (int)ms : INT32_MAX;
		if (left_ms > 0 && poll(&p, 1, left_ms) > 0)
			break;
	}
	if (pidfd >= 0 && left_ms <= 0) {
		kill(-pid, SIGKILL);
		timed_out = -ETIMEDOUT;
	}
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return timed_out;
}

static const char *said(struct arena *a, int out)
{
	char *text = arena_alloc(a, OUTPUT_SHOWN + 1);
	ssize_t n = pread(out, text, OUTPUT_SHOWN, 0);

	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? arena_printf(a, ": %s", text) : "";
}

static int run_one(struct arena *a, const struct spec_hook *h, const char *bundle, int in,
		   struct err *e)
{
	OWN_FD out = sys_memfd_create("output", MFD_CLOEXEC);
	pid_t pid = -1;
	int status = 0, r;

	if (out < 0)
		return fail(e, -out, "%m");
	r = spawn(a, h, bundle, in, out, &pid);
	if (r < 0)
		return fail(e, -r, "%s: %m", h->path);
	r = await_end(pid, &h->timeout, &status);
	if (r < 0)
		return fail(e, -r, "%s: it took longer than %llu s%s", h->path,
			    (unsigned long long)h->timeout.value, said(a, out));
	if (WIFSIGNALED(status))
		return fail(e, EIO, "%s: killed by signal %d%s", h->path, WTERMSIG(status),
			    said(a, out));
	if (WEXITSTATUS(status) != 0)
		return fail(e, EIO, "%s: exit status %d%s", h->path, WEXITSTATUS(status),
			    said(a, out));
	return 0;
}

int hooks_run(struct arena *a, const struct spec_hooks *hooks, const char *name,
	      const struct hooks_state *s, struct err *e)
{
	const char *text = hooks->n != 0 ? state_text(a, s) : NULL;

	/* What the caller has left open is not theirs. */
	if (hooks->n != 0)
		(void)sys_close_range(3 + s->preserve, UINT_MAX, CLOSE_RANGE_CLOEXEC);

	for (size_t i = 0; i < hooks->n; i++) {
		OWN_FD in = state_file(text, e);

		if (in < 0 || run_one(a, &hooks->at[i], s->bundle, in, e) < 0)
			return within(e, "error running hook #%zu (%s)", i, name);
	}
	return 0;
}

int hooks_run_all(struct arena *a, const struct spec_hooks *hooks, const char *name,
		  const struct hooks_state *s, struct err *e)
{
	int failed = 0;

	for (size_t i = 0; i < hooks->n; i++) {
		const struct spec_hooks one = { .n = 1, .at = &hooks->at[i] };

		if (hooks_run(a, &one, name, s, e) < 0)
			failed = 1;
	}
	return failed;
}

/* ---- the rows ---- */

static struct hooks_state state_of(const struct box *b, const char *status, pid_t pid)
{
	return (struct hooks_state){ .id = b->plan->id,
				     .status = status,
				     .bundle = b->opt->bundle,
				     .pid = pid,
				     .annotations = &b->plan->spec->annotations };
}

/* Init has its namespaces and its root, and has not gone there yet. */
int step_hooks_reach(struct box *b, struct err *e)
{
	const struct note n = { .step = NOTE_WAITS };

	return send(b->note, &n, sizeof n, MSG_NOSIGNAL) == (ssize_t)sizeof n
		       ? 0
		       : fail(e, errno, "tell the launcher: %m");
}

int step_hooks_create(struct box *b, struct err *e)
{
	const struct hooks_state s = state_of(b, "creating", b->init);
	const struct note go = { 0 };

	TRY(box_await_created(b, e));
	TRY(hooks_run(b->arena, &b->plan->spec->hooks.prestart, "prestart", &s, e));
	TRY(hooks_run(b->arena, &b->plan->spec->hooks.create_runtime, "createRuntime", &s, e));
	if (send(b->init_note, &go, sizeof go, MSG_NOSIGNAL) != (ssize_t)sizeof go)
		return fail(e, errno, "the first process is gone: %m");
	return 0;
}

/* What came after they had been run has failed, or an attached run has ended: they have to hear of the end. Of one that is kept
 * `delete` tells them. */
void undo_hooks_create(struct box *b)
{
	const struct hooks_state s = state_of(b, "stopped", 0);
	struct err ignored;

	undo_init_spawn(b);
	if (b->kept)
		return;
	hooks_run_all(b->arena, &b->plan->spec->hooks.poststop, "poststop", &s, &ignored);
}

/* A first process that reaps, and has a launcher, never closes its end of the notes: the row says that its command is about to begin, and
 * the first note, unless that is of a stop, that it could not. */
static bool await_reaped(struct box *b)
{
	struct pollfd p = { .fd = b->init_note, .events = POLLIN };
	struct note n;

	while (poll(&p, 1, 1) == 0 || p.revents == 0)
		if (box_has_begun(b))
			return true;
	return recv(b->init_note, &n, sizeof n, MSG_PEEK) == (ssize_t)sizeof n
		       ? n.step == NOTE_STOPPED
		       : box_has_begun(b);
}

int box_poststart(struct box *b, struct err *e)
{
	const struct hooks_state s = state_of(b, "running", b->init);

	if (b->plan->spec->hooks.poststart.n == 0 ||
	    !(b->plan->init && !b->plan->detach ? await_reaped(b) : box_await_exec(b)))
		return 0; /* whoever waits for its end hears why */
	return hooks_run(b->arena, &b->plan->spec->hooks.poststart, "poststart", &s, e);
}

/* In the container's namespaces, where the root is still the caller's. */
int step_hooks_container(struct box *b, struct err *e)
{
	struct hooks_state s = state_of(b, "creating", getpid());

	s.preserve = b->opt->preserve; /* which the workload is to have */
	return hooks_run(b->arena, &b->plan->spec->hooks.create_container, "createContainer", &s,
			 e);
}

/* Before the filters, under which it is read and passed on. */
int step_hooks_ready(struct box *b, struct err *e)
{
	struct hooks_state s = state_of(b, "created", getpid());

	b->hooks_input = state_file(state_text(b->arena, &s), e);
	return b->hooks_input < 0 ? b->hooks_input : 0;
}

/* Under everything that the workload is under, since it is a program of the container's. The timer lasts beyond exec. */
static _Noreturn void become_hook(struct box *b, const struct spec_hook *h)
{
	if (dup2(b->hooks_input, 0) < 0 ||
	    (h->timeout.set && alarm((unsigned)h->timeout.value) != 0))
		_exit(126);
	execve(h->path, words(b->arena, &h->args, h->path), words(b->arena, &h->env, NULL));
	_exit(127);
}

int step_hooks_start(struct box *b, struct err *e)
{
	const struct spec_hooks *hooks = &b->plan->spec->hooks.start_container;

	for (size_t i = 0; i < hooks->n; i++) {
		const char *path = hooks->at[i].path;
		int status = 0;

		if (lseek(b->hooks_input, 0, SEEK_SET) < 0)
			return fail(e, errno, "error running hook #%zu (startContainer): %m", i);

		pid_t pid = sys_fork();

		if (pid == 0)
			become_hook(b, &hooks->at[i]);
		if (pid < 0)
			return fail(e, -pid,
				    "error running hook #%zu (startContainer): %s: fork: %m", i,
				    path);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM && hooks->at[i].timeout.set)
			return fail(
				e, ETIMEDOUT,
				"error running hook #%zu (startContainer): %s: it took longer than %llu s",
				i, path, (unsigned long long)hooks->at[i].timeout.value);
		if (status != 0)
			return fail(e, EIO, "error running hook #%zu (startContainer): %s: %s %d",
				    i, path,
				    WIFSIGNALED(status) ? "killed by signal" : "exit status",
				    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	return 0;
}
