/*
 * zviz list, state and delete: what is there, and its end.
 */
#include <stdio.h>
#include <string.h>

#include "box/state.h"
#include "cli/command.h"
#include "cli/print.h"
#include "text/json_write.h"

static const char *const status_words[] = { "creating", "running", "stopped", "paused", "created" };

/* ---- list ---- */

struct list_options {
	bool quiet;
	const char *format;
};

static const struct option_row list_rows[] = {
	{ "quiet", 'q', OPTION_FLAG, NULL, "ids only",
	  .offset = offsetof(struct list_options, quiet) },
	{ 0 },
};

static void list_row(struct buf *out, const struct state_info *info)
{
	buf_printf(out, "%-24s %-9s %-7d ", info->id, status_words[info->status], info->pid);
	print_safe(out, info->profile != NULL ? info->profile : "-");
	buf_puts(out, "\n");
}

static int list_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct list_options *o = options;
	struct buf out = { .arena = c->arena };
	struct strings ids;

	(void)argc;
	(void)argv;
	TRY(state_list(c->arena, cli_state_root(c), &ids, e));
	if (!o->quiet)
		buf_puts(&out, "ID                       STATUS    PID     PROFILE\n");
	for (size_t i = 0; i < ids.n; i++) {
		struct state_info info;
		struct err gone;

		if (state_read(c->arena, cli_state_root(c), ids.at[i], &info, &gone) < 0)
			continue; /* it ended meanwhile */
		if (o->quiet)
			buf_printf(&out, "%s\n", info.id);
		else
			list_row(&out, &info);
	}
	return print_out(&out, e);
}

/* ---- state ---- */

static int state_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct state_info info;
	struct buf out = { .arena = c->arena };
	struct json_writer j = { .out = &out, .pretty = true };

	(void)options;
	(void)argc;
	TRY(state_read(c->arena, cli_state_root(c), argv[0], &info, e));
	json_open_object(&j, NULL);
	json_put_string(&j, "ociVersion", "1.2.0");
	json_put_string(&j, "id", info.id);
	json_put_i64(&j, "pid", info.pid);
	json_put_string(&j, "status", status_words[info.status]);
	if (info.profile != NULL)
		json_put_string(&j, "profile", info.profile);
	if (info.changes != 0)
		json_put_u64(&j, "updates", info.changes);
	if (info.cut_short)
		json_put_string(&j, "reason", "its broker was killed, and the container with it");
	json_open_array(&j, "missing");
	for (size_t i = 0; i < info.missing.n; i++)
		json_put_string(&j, NULL, info.missing.at[i]);
	json_close(&j);
	json_close(&j);
	buf_puts(&out, "\n");
	return print_out(&out, e);
}

/* ---- delete ---- */

struct delete_options {
	bool force;
};

static const struct option_row delete_rows[] = {
	{ "force", 'f', OPTION_FLAG, NULL, "end it first if it runs",
	  .offset = offsetof(struct delete_options, force) },
	{ 0 },
};

static int delete_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct delete_options *o = options;

	(void)argc;
	return state_delete(c->arena, cli_state_root(c), argv[0], o->force, e);
}

const struct command command_list = {
	.name = "list",
	.usage = "[options]",
	.summary = "List containers",
	.options = list_rows,
	.options_size = sizeof(struct list_options),
	.order = OPTIONS_ANYWHERE,
	.run = list_run,
};

const struct command command_state = {
	.name = "state",
	.usage = "ID",
	.summary = "Say how a container is",
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = state_run,
};

const struct command command_delete = {
	.name = "delete",
	.usage = "[options] ID",
	.summary = "Remove a container and everything that it left",
	.options = delete_rows,
	.options_size = sizeof(struct delete_options),
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = delete_run,
};
