/*
 * zviz ps: the processes of a container. The table is that of the machine's ps(1), of which the lines of the
 * container are kept: whoever asks for columns knows its options.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/members.h"
#include "cli/command.h"
#include "cli/print.h"
#include "text/json_write.h"

enum { PS_TABLE, PS_JSON };

struct ps_options {
	struct amount format;
};

static const struct name formats[] = { { "table", PS_TABLE }, { "json", PS_JSON }, { 0 } };

static const struct option_row rows[] = {
	{ "format", 'f', OPTION_CHOICE, "table|json", "a table, or an array of numbers",
	  .offset = offsetof(struct ps_options, format), .choices = formats },
	{ 0 },
};

static int print_json(struct cli *c, const struct cgroup_pids *pids, struct err *e)
{
	struct buf out = { .arena = c->arena };
	struct json_writer j = { .out = &out };

	json_open_array(&j, NULL);
	for (size_t i = 0; i < pids->n; i++)
		json_put_i64(&j, NULL, pids->at[i]);
	json_close(&j);
	buf_puts(&out, "\n");
	return print_out(&out, e);
}

/* ---- the table ---- */

/* Callers need not have a PATH: podman's clean-up has none. */
static int spawn_ps(struct cli *c, int argc, char **argv, int out, pid_t *pid)
{
	static const char *const programs[] = { "/bin/ps", "/usr/bin/ps" };
	static const char *const environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
	const char **words = arena_array(c->arena, (size_t)argc + 3, sizeof *words);
	posix_spawn_file_actions_t files;
	int r = posix_spawn_file_actions_init(&files), n = 0;

	words[n++] = "ps";
	for (int i = 0; i < argc; i++)
		words[n++] = argv[i];
	if (argc == 0)
		words[n++] = "-ef";
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	for (size_t i = 0; i < COUNT(programs) && (i == 0 || r == ENOENT); i++)
		r = r == 0 || r == ENOENT
			    ? posix_spawn(pid, programs[i], &files, NULL, (char *const *)words,
					  (char *const *)environment)
			    : r;
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int read_all(int from, struct buf *out, struct err *e)
{
	char bytes[4096];
	ssize_t n;

	while ((n = fd_read_all(from, bytes, sizeof bytes)) > 0)
		buf_add(out, bytes, (size_t)n);
	return n < 0 ? fail(e, (int)-n, "ps: %m") : 0;
}

static int run_ps(struct cli *c, int argc, char **argv, char **text, struct err *e)
{
	struct buf out = { .arena = c->arena };
	int ends[2], status;
	pid_t pid = -1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe: %m");

	int r = spawn_ps(c, argc, argv, ends[1], &pid);

	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		fail(e, -r, "ps: %m");
		return advise(e, "install procps, or use --format json");
	}
	r = read_all(ends[0], &out, e);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && status != 0)
		return fail(e, EINVAL, "ps does not take these options");
	*text = arena_strdup(c->arena, buf_text(&out));
	return r;
}

/* Which column of the header says PID; 0: none. */
static unsigned pid_column(const char *header)
{
	unsigned column = 0;

	for (const char *at = header + strspn(header, " "); *at != '\0';) {
		size_t len = strcspn(at, " ");

		column++;
		if (len == 3 && strncmp(at, "PID", 3) == 0)
			return column;
		at += len;
		at += strspn(at, " ");
	}
	return 0;
}

static bool is_listed(const char *line, unsigned column, const struct cgroup_pids *pids)
{
	const char *at = line + strspn(line, " ");

	while (--column > 0) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}

	long pid = strtol(at, NULL, 10);

	for (size_t i = 0; i < pids->n; i++)
		if (pids->at[i] == pid)
			return true;
	return false;
}

static int print_table(struct cli *c, const struct cgroup_pids *pids, int argc, char **argv,
		       struct err *e)
{
	struct buf out = { .arena = c->arena };
	unsigned column = 0;
	char *text = NULL, *save = NULL;

	TRY(run_ps(c, argc, argv, &text, e));
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		bool header = column == 0;

		if (header)
			column = pid_column(line);
		if (column == 0) {
			fail(e, EINVAL, "ps: its table has no column PID");
			return advise(e, "ask for it: -o pid,...");
		}
		if (!header && !is_listed(line, column, pids))
			continue;
		/* What a process calls itself steers no terminal. */
		print_safe(&out, line);
		buf_puts(&out, "\n");
	}
	return print_out(&out, e);
}

static int ps_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct ps_options *o = options;
	struct cgroup_pids pids;

	TRY(members_list(c->arena, cli_state_root(c), argv[0], &pids, e));
	return o->format.value == PS_JSON ? print_json(c, &pids, e)
					  : print_table(c, &pids, argc - 1, argv + 1, e);
}

const struct command command_ps = {
	.name = "ps",
	.usage = "[options] ID [PS-OPTION...]",
	.summary = "List the processes of a container",
	.options = rows,
	.options_size = sizeof(struct ps_options),
	.order = OPTIONS_FIRST,
	.min_words = 1,
	.max_words = -1,
	.run = ps_run,
};
