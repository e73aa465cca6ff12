/*
 * Where a profile has ask.execute, the command itself is asked about as every other program: the broker attaches to who
 * executes it. It cannot attach to init, whose memory is a copy of the launcher's and so belongs to the host's user
 * namespace. Therefore init becomes a program first that knows nothing, under every layer: zviz's own once more, which
 * executes the command (starter_main()). That exec alone is let through unasked (exec_serve() of the broker).
 *
 * It is a sealed copy of the program file: its /proc/PID/exe leads to nothing that the host uses.
 */
#include "box/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"
#include "kern/sys.h"
#include "kern/uapi.h"

static const char starter_word[] = "zviz: starting";

/* Words before the command's own: starter_word, the descriptor of the note, the row, the path. */
enum { STARTER_WORDS = 4, NUMBER_CHARS = 12 };

/* ---- the launcher's ---- */

static int copy_program(int to)
{
	OWN_FD program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0;

	if (program < 0 || fstat(program, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(to, program, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	if (fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return 0;
}

int step_starter_make(struct box *b, struct err *e)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	OWN_FD fd = sys_memfd_create("zviz", flags | MFD_EXEC);

	if (fd == -EINVAL) /* before Linux 6.3 each of them can be executed */
		fd = sys_memfd_create("zviz", flags);
	if (fd == -EACCES) {
		fail(e, EACCES, "ask.execute: the host permits no program in memory");
		return advise(e, "set vm.memfd_noexec to 0 or 1, or take ask.execute out");
	}

	int r = fd < 0 ? fd : copy_program(fd);

	if (r < 0)
		return fail(e, -r, "ask.execute: a copy of zviz: %m");
	b->starter = fd_take(&fd);
	return 0;
}

/* ---- init's ---- */

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	return n;
}

int starter_exec(struct box *b)
{
	char note[NUMBER_CHARS], row[NUMBER_CHARS];
	size_t n = count(b->plan->args);
	const char **argv = arena_array(b->arena, STARTER_WORDS + n + 1, sizeof *argv);

	snprintf(note, sizeof note, "%d", b->note);
	snprintf(row, sizeof row, "%zu", row_of(b, "exec"));
	argv[0] = starter_word;
	argv[1] = note;
	argv[2] = row;
	argv[3] = b->exec_path;
	memcpy(argv + STARTER_WORDS, b->plan->args, n * sizeof *argv);
	argv[STARTER_WORDS + n] = NULL;
	if (fcntl(b->note, F_SETFD, 0) < 0)
		return -errno;
	return sys_execveat(b->starter, "", (char *const *)argv, box_env(b), AT_EMPTY_PATH);
}

int exec_failed(const char *command, int no, struct err *e)
{
	return fail(e, no, "exec: \"%s\": %s", command,
		    no == EACCES   ? "permission denied"
		    : no == ENOENT ? "no such file or directory"
				   : strerror(no));
}

/* ---- the program's own ---- */

bool starter_is_meant(int argc, char **argv)
{
	return argc > STARTER_WORDS && strcmp(argv[0], starter_word) == 0;
}

int starter_main(char **argv)
{
	int note = (int)strtol(argv[1], NULL, 10);
	struct note n = { .step = (int32_t)strtol(argv[2], NULL, 10) };
	struct err e = { 0 };

	/* By which name the question shows it; where prctl is refused it has another one. */
	prctl(PR_SET_NAME, "zviz");
	if (fcntl(note, F_SETFD, FD_CLOEXEC) < 0) {
		fail(&e, errno, "the way to the launcher: %m");
	} else {
		execv(argv[3], argv + STARTER_WORDS);
		exec_failed(argv[STARTER_WORDS], errno, &e);
	}
	within(&e, "exec");
	n.no = e.no;
	memcpy(n.text, e.text, sizeof n.text);
	(void)!write(note, &n, sizeof n);
	return 1;
}
