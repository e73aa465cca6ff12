/*
 * zviz list, state and delete: what is there, and its end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/state.h"
#include "cli/command.h"
#include "cli/print.h"
#include "text/json_write.h"

enum { PASSWD_BYTES_MAX = 1 << 20 };

static const char *const status_words[] = { "creating", "running", "stopped", "paused", "created" };

/* ---- what is said of one ---- */

/* The name of a user, as /etc/passwd has it: a static program has no other way to ask. */
static const char *user_name(struct arena *a, uid_t uid)
{
	char *text, *save = NULL;
	struct err ignored;
	const char *number = arena_printf(a, "%u", uid);

	if (file_read(AT_FDCWD, "/etc/passwd", PASSWD_BYTES_MAX, a, &text, NULL, &ignored) < 0)
		return number;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t name = strcspn(line, ":");
		const char *id = line[name] == ':' ? strchr(line + name + 1, ':') : NULL;

		if (id != NULL && strncmp(id + 1, number, strlen(number)) == 0 &&
		    id[1 + strlen(number)] == ':')
			return arena_strndup(a, line, name);
	}
	return number;
}

static void put_strings(struct json_writer *j, const char *key, const struct strings *list)
{
	json_open_array(j, key);
	for (size_t i = 0; i < list->n; i++)
		json_put_string(j, NULL, list->at[i]);
	json_close(j);
}

/* The keys of the OCI runtime spec's state first, then ours. `owner` NULL: it is not asked for. */
static void put_state(struct json_writer *j, const struct state_info *info, const char *owner)
{
	json_open_object(j, NULL);
	json_put_string(j, "ociVersion", "1.2.0");
	json_put_string(j, "id", info->id);
	json_put_i64(j, "pid", info->pid);
	json_put_string(j, "status", status_words[info->status]);
	json_put_string(j, "bundle", info->bundle != NULL ? info->bundle : "");
	json_put_string(j, "rootfs", info->rootfs != NULL ? info->rootfs : "");
	/* Not written yet: the container is being made. The readers' type is a date. */
	json_put_string(j, "created",
			info->created != NULL ? info->created : "0001-01-01T00:00:00Z");
	json_open_object(j, "annotations");
	for (size_t i = 0; i < info->annotations.n; i++)
		json_put_string(j, info->annotations.at[i].key, info->annotations.at[i].value);
	json_close(j);
	if (owner != NULL)
		json_put_string(j, "owner", owner);
	if (info->profile != NULL)
		json_put_string(j, "profile", info->profile);
	if (info->changes != 0)
		json_put_u64(j, "updates", info->changes);
	if (info->next != NULL)
		json_put_string(j, "updating",
				info->next->profile != NULL ? info->next->profile : "");
	if (info->cut_off)
		json_put_string(j, "reason", "zviz-net was killed, and the container with it");
	else if (info->cut_short)
		json_put_string(j, "reason", "its broker was killed, and the container with it");
	put_strings(j, "missing", &info->missing);
	put_strings(j, "cut", &info->cut);
	json_close(j);
}

/* ---- list ---- */

enum { LIST_TABLE, LIST_JSON };

struct list_options {
	bool quiet;
	struct amount format;
};

static const struct name list_formats[] = { { "table", LIST_TABLE }, { "json", LIST_JSON }, { 0 } };

static const struct option_row list_rows[] = {
	{ "format", 'f', OPTION_CHOICE, "table|json", "a table, or an array of what state prints",
	  .offset = offsetof(struct list_options, format), .choices = list_formats },
	{ "quiet", 'q', OPTION_FLAG, NULL, "ids only",
	  .offset = offsetof(struct list_options, quiet) },
	{ 0 },
};

/* Engines' ids have 64 letters. */
static int id_width(const struct strings *ids)
{
	size_t widest = 24;

	for (size_t i = 0; i < ids->n; i++)
		if (strlen(ids->at[i]) > widest)
			widest = strlen(ids->at[i]);
	return (int)widest;
}

static void list_row(struct buf *out, const struct state_info *info, int width)
{
	buf_printf(out, "%-*s %-9s %-7d ", width, info->id, status_words[info->status], info->pid);
	print_safe(out, info->profile != NULL ? info->profile : "-");
	buf_puts(out, "\n");
}

static int list_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct list_options *o = options;
	const bool json = o->format.value == LIST_JSON && !o->quiet;
	struct buf out = { .arena = c->arena };
	struct json_writer j = { .out = &out };
	struct strings ids;

	(void)argc;
	(void)argv;
	TRY(state_list(c->arena, cli_state_root(c), &ids, e));
	if (json)
		json_open_array(&j, NULL);
	else if (!o->quiet)
		buf_printf(&out, "%-*s STATUS    PID     PROFILE\n", id_width(&ids), "ID");
	for (size_t i = 0; i < ids.n; i++) {
		struct state_info info;
		struct err gone;

		if (state_read(c->arena, cli_state_root(c), ids.at[i], &info, &gone) < 0)
			continue; /* it ended meanwhile */
		if (json)
			put_state(&j, &info, user_name(c->arena, info.owner));
		else if (o->quiet)
			buf_printf(&out, "%s\n", info.id);
		else
			list_row(&out, &info, id_width(&ids));
	}
	if (json) {
		json_close(&j);
		buf_puts(&out, "\n");
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
	put_state(&j, &info, NULL);
	buf_puts(&out, "\n");
	return print_out(&out, e);
}

/* ---- delete ---- */

struct delete_options {
	bool force;
};

static const struct option_row delete_rows[] = {
	{ "force", 'f', OPTION_FLAG, NULL, "end it first if it runs; none there is no error",
	  .offset = offsetof(struct delete_options, force) },
	{ 0 },
};

static int delete_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct delete_options *o = options;

	(void)argc;

	int r = state_delete(c->arena, cli_state_root(c), argv[0], o->force, e);

	if (r > 0) {
		struct buf out = { .arena = c->arena };

		buf_puts(&out, "zviz: warning: ");
		print_safe(&out, e->text);
		buf_puts(&out, "\n");
		(void)!fd_write_all(STDERR_FILENO, buf_text(&out), out.len);
		return 0;
	}
	/* Cleaning up after a crash begins with what need not be there. */
	return r == -ENOENT && o->force ? 0 : r;
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
