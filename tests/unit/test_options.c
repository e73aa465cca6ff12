/*
 * Command lines and what they mean. A row's line is split at spaces ('' is an empty word); what was
 * understood is written as text, and compared. An expectation that starts with '!' is part of the
 * error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "cli/run_options.h"

#include <cmocka.h> /* last: it has a macro fail() */

struct extra {
	const char *root;
	bool verbose;
	const char *profile;
};

static const struct option_row extra_rows[] = {
	{ "profile", 0, OPTION_STRING, "NAME", "", offsetof(struct extra, profile) },
	{ "verbose", 0, OPTION_FLAG, NULL, "", offsetof(struct extra, verbose) },
	{ 0 },
};

static const struct option_row outer_rows[] = {
	{ "root", 0, OPTION_STRING, "DIR", "", offsetof(struct extra, root) },
	{ 0 },
};

struct row {
	const char *line, *expect;
};

enum { WORDS_MAX = 32 };

static int split(struct arena *a, const char *line, char **argv)
{
	int n = 0;

	for (char *word = strtok(arena_strdup(a, line), " "); word != NULL;
	     word = strtok(NULL, " ")) {
		assert_true(n < WORDS_MAX);
		argv[n++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	argv[n] = NULL;
	return n;
}

static void show_text(struct buf *b, const char *name, const char *value)
{
	if (value != NULL)
		buf_printf(b, "%s=%s ", name, value);
}

static void show_amount(struct buf *b, const char *name, const struct amount *v)
{
	if (v->set)
		buf_printf(b, "%s=%" PRIu64 " ", name, v->value);
}

static void show_strings(struct buf *b, const char *name, const struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		show_text(b, name, list->at[i]);
}

static void show_pairs(struct buf *b, const char *name, const struct pairs *list)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(b, "%s=%s:%s ", name, list->at[i].key, list->at[i].value);
}

static void show_user(struct buf *b, const struct user_option *u)
{
	if (u->set && u->user != NULL)
		buf_printf(b, "user=%.*s", (int)strcspn(u->user, ":"), u->user);
	else if (u->set)
		buf_printf(b, "user=%u", u->uid);
	if (u->has_gid && u->group != NULL)
		buf_printf(b, ":%s", u->group);
	else if (u->has_gid)
		buf_printf(b, ":%u", u->gid);
	if (u->set)
		buf_puts(b, " ");
}

static void show(struct buf *b, const struct run_options *o, const struct extra *x)
{
	show_text(b, "profile", x->profile);
	buf_puts(b, x->verbose ? "verbose " : "");
	show_text(b, "bundle", o->bundle);
	show_text(b, "rootfs", o->rootfs);
	show_text(b, "work", o->work);
	show_strings(b, "read", &o->read);
	show_strings(b, "write", &o->write);
	show_strings(b, "hide", &o->hide);
	show_pairs(b, "env", &o->env);
	show_text(b, "cwd", o->cwd);
	show_user(b, &o->user);
	show_text(b, "hostname", o->hostname);
	show_amount(b, "memory", &o->memory);
	show_amount(b, "swap", &o->swap);
	show_amount(b, "cpus", &o->cpus);
	show_amount(b, "pids", &o->pids);
	show_amount(b, "network", &o->network);
	show_strings(b, "allow", &o->allow);
	show_strings(b, "publish", &o->publish);
	show_amount(b, "timeout", &o->timeout);
	show_amount(b, "tty", &o->tty);
	show_amount(b, "init", &o->init);
	if (o->events.set && o->events.file == NULL)
		buf_printf(b, "events=%d ", o->events.fd);
	show_text(b, "events", o->events.file);
	buf_puts(b, o->detach ? "detach " : "");
	buf_puts(b, o->timings ? "timings " : "");
	show_pairs(b, "annotation", &o->annotations);
	show_text(b, "pid-file", o->pid_file);
}

/* Paths that the tests call bundles and folders. */
static enum run_path kind(const char *path)
{
	if (strcmp(path, "/bundle") == 0 || strcmp(path, "bundle") == 0)
		return RUN_PATH_BUNDLE;
	return strcmp(path, "./folder/") == 0 ? RUN_PATH_FOLDER : RUN_PATH_OTHER;
}

static enum run_path kind_here(const char *path)
{
	return strcmp(path, ".") == 0 ? RUN_PATH_BUNDLE : RUN_PATH_OTHER;
}

static int parse(struct arena *a, const char *line, enum option_order order, struct run_options *o,
		 struct extra *x, struct option_words *words, struct err *e)
{
	const struct option_table tables[] = {
		{ run_option_rows, o },
		{ extra_rows, x },
		{ outer_rows, NULL },
	};
	char **argv = arena_array(a, WORDS_MAX + 1, sizeof *argv);
	int argc = split(a, line, argv);

	return options_parse(a, tables, COUNT(tables), order, argc, argv, words, e);
}

static void compare(const struct row *row, int r, const char *got, const struct err *e)
{
	if (row->expect[0] == '!') {
		if (r >= 0)
			fail_msg("'%s' was understood as '%s'", row->line, got);
		assert_true(e->no > 0 && r == -e->no);
		if (strstr(e->text, row->expect + 1) == NULL &&
		    strstr(e->hint, row->expect + 1) == NULL)
			fail_msg("'%s': error '%s' (%s) lacks '%s'", row->line, e->text, e->hint,
				 row->expect + 1);
	} else if (r < 0) {
		fail_msg("'%s': %s", row->line, e->text);
	} else if (strcmp(got, row->expect) != 0) {
		fail_msg("'%s': got '%s' instead of '%s'", row->line, got, row->expect);
	}
}

static void try_options(const struct row *row, enum option_order order)
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a };
	struct run_options o = { 0 };
	struct extra x = { 0 };
	struct option_words words = { 0 };
	struct err e = { 0 };
	int r = parse(&a, row->line, order, &o, &x, &words, &e);

	if (r >= 0) {
		show(&b, &o, &x);
		buf_puts(&b, "|");
		for (int i = 0; i < words.n; i++)
			buf_printf(&b, " %s", words.at[i]);
		assert_null(words.at[words.n]);
	}
	compare(row, r, buf_text(&b), &e);
	arena_free(&a);
}

/* ---- options in front of the first word ---- */

static const struct row first[] = {
	{ "", "|" },
	{ "id", "| id" },
	{ "id cmd -x --memory", "| id cmd -x --memory" },
	{ "-- id", "| id" },
	{ "-- --memory", "| --memory" },
	{ "--", "|" },
	{ "-- --", "| --" },
	{ "id --", "| id --" },
	{ "-", "| -" },
	{ "- --memory", "| - --memory" },
	{ "--memory 1G id", "memory=1073741824 | id" },
	{ "--memory=1G id", "memory=1073741824 | id" },
	{ "-memory 1G id", "memory=1073741824 | id" },
	{ "-memory=1G id", "memory=1073741824 | id" },
	{ "--memory 64 id", "memory=64 | id" },
	{ "--memory 64KiB id", "memory=65536 | id" },
	{ "--memory 0.5K id", "memory=512 | id" },
	{ "--memory 1G --memory 2K id", "memory=2048 | id" },
	{ "--swap 0", "swap=0 |" },
	{ "--bundle /b id", "bundle=/b | id" },
	{ "-bundle /b id", "bundle=/b | id" },
	{ "-b /b id", "bundle=/b | id" },
	{ "-b=/b id", "bundle=/b | id" },
	{ "--bundle=a=b id", "bundle=a=b | id" },
	{ "--bundle - id", "bundle=- | id" },
	{ "--bundle -- id", "bundle=-- | id" },
	{ "--rootfs /r --work . id", "rootfs=/r work=. | id" },
	{ "--read /a --read /b id", "read=/a read=/b | id" },
	{ "--write /a --hide /b --write /c id", "write=/a write=/c hide=/b | id" },
	{ "--env A=1 -e B=2 -e=C=3 id", "env=A:1 env=B:2 env=C:3 | id" },
	{ "--env A= id", "env=A: | id" },
	{ "--env A=b=c id", "env=A:b=c | id" },
	{ "--annotation zviz.io/profile=x id", "annotation=zviz.io/profile:x | id" },
	{ "--cwd /work id", "cwd=/work | id" },
	{ "--user 0", "user=0 |" },
	{ "-u 1000:1000", "user=1000:1000 |" },
	{ "-u nobody", "user=nobody |" },
	{ "-u nobody:nogroup", "user=nobody:nogroup |" },
	{ "-u nobody:7", "user=nobody:7 |" },
	{ "-u 7:nogroup", "user=7:nogroup |" },
	{ "-u 4294967294", "user=4294967294 |" },
	{ "--hostname box", "hostname=box |" },
	{ "--cpus 2", "cpus=2000 |" },
	{ "--cpus 0.5", "cpus=500 |" },
	{ "--pids-limit 0x10", "pids=16 |" },
	{ "--network none", "network=0 |" },
	{ "--network=host", "network=1 |" },
	{ "--network private", "network=2 |" },
	{ "--allow 10.0.0.0/8 --publish 80", "allow=10.0.0.0/8 publish=80 |" },
	{ "--timeout 30", "timeout=30000 |" },
	{ "--timeout 1.5m", "timeout=90000 |" },
	{ "--timeout 200ms", "timeout=200 |" },
	{ "--detach", "detach |" },
	{ "-d -t", "tty=1 detach |" },
	{ "-detach", "detach |" },
	{ "--detach=true", "detach |" },
	{ "--detach=false", "|" },
	{ "--tty", "tty=1 |" },
	{ "--no-tty", "tty=0 |" },
	{ "--tty --no-tty", "tty=0 |" },
	{ "--no-tty --tty", "tty=1 |" },
	{ "--tty=false", "tty=0 |" },
	{ "--no-init", "init=0 |" },
	{ "--no-init=false", "init=1 |" },
	{ "--init", "init=1 |" },
	{ "--events out.json", "events=out.json |" },
	{ "--events 3", "events=3 |" },
	{ "--events 3x", "events=3x |" },
	{ "--timings id", "timings | id" },
	{ "--pid-file p id", "pid-file=p | id" },
	{ "--profile web-server --verbose id", "profile=web-server verbose | id" },
	{ "--verbose id --verbose", "verbose | id --verbose" },
	{ "'' x", "|  x" },

	{ "--memroy 1G", "!unknown option --memroy" },
	{ "--memroy 1G", "!--memory" },
	{ "--memroy=1G", "!unknown option --memroy" },
	{ "-memroy 1G", "!unknown option -memroy" },
	{ "--zzzzzzzz", "!unknown option --zzzzzzzz" },
	{ "-z", "!unknown option -z" },
	{ "-dt", "!unknown option -dt" },
	{ "--b /b", "!unknown option --b" },
	{ "---memory 1", "!unknown option ---memory" },
	{ "--=x", "!unknown option --" },
	{ "-=x", "!unknown option -" },
	{ "--MEMORY 1", "!unknown option --MEMORY" },
	{ "--root /x", "!before the command" },
	{ "--memory", "!needs a value: SIZE" },
	{ "--memory ''", "!not a size" },
	{ "--memory=", "!not a size" },
	{ "--memory -1", "!not a size" },
	{ "--memory 1X", "!'1X' is not a size" },
	{ "--memory 99999999999999999999", "!too large" },
	{ "--memory 99999999T", "!too large" },
	{ "--bundle", "!needs a value: DIR" },
	{ "--bundle=", "!not empty" },
	{ "-b", "!--bundle needs a value" },
	{ "--env A", "!NAME=VALUE" },
	{ "--env =1", "!NAME=VALUE" },
	{ "--env", "!needs a value" },
	{ "--cpus two", "!at most three decimals" },
	{ "--cpus 0.0001", "!at most three decimals" },
	{ "--cpus .5", "!at most three decimals" },
	{ "--pids-limit -1", "!whole number" },
	{ "--pids-limit 1.5", "!whole number" },
	{ "--pids-limit 18446744073709551616", "!too large" },
	{ "--network bridge", "!none, host or private" },
	{ "--network Host", "!none, host or private" },
	{ "--timeout soon", "!a time" },
	{ "--timeout 5d", "!a time" },
	{ "--detach=yes", "!true or false" },
	{ "--detach=", "!true or false" },
	{ "--tty=1", "!true or false" },
	{ "--user ''", "!--user" },
	{ "--user :", "!--user" },
	{ "--user 0:", "!no group" },
	{ "--user :0", "!NAME:GROUP" },
	{ "--user -1", "!NAME:GROUP" },
	{ "--user +0", "!NAME:GROUP" },
	{ "--user 0x0", "!NAME:GROUP" },
	{ "--user 0b", "!NAME:GROUP" },
	{ "--user 4294967295", "!NAME:GROUP" },
	{ "--user 4294967296", "!NAME:GROUP" },
	{ "--user 18446744073709551616", "!NAME:GROUP" },
	{ "--user 0:4294967295", "!no group" },
	{ "--user 0:0:0", "!no group" },
	{ "--user root:0x0", "!no group" },
	{ "--user a/b", "!NAME:GROUP" },
	{ "--user abcdefghijklmnopqrstuvwxyzabcdefg", "!NAME:GROUP" },
	{ "--events 4294967296", "!no file descriptor" },
	{ "--events 2147483648", "!no file descriptor" },
	{ "--events ''", "!not empty" },
};

static void options_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(first); i++)
		try_options(&first[i], OPTIONS_FIRST);
}

static void options_anywhere(void **state)
{
	static const struct row rows[] = {
		{ "id --memory 1K", "memory=1024 | id" },
		{ "a -d b -t c", "tty=1 detach | a b c" },
		{ "a -- -d b", "| a -d b" },
		{ "a - -d", "detach | a -" },
		{ "a --nonsense", "!unknown option --nonsense" },
		{ "a b --memory", "!needs a value" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		try_options(&rows[i], OPTIONS_ANYWHERE);
}

/* ---- the three forms of run ---- */

static void try_request(const struct row *row, enum run_path (*is)(const char *path))
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a };
	struct run_options o = { 0 };
	struct extra x = { 0 };
	struct option_words words = { 0 };
	struct run_request q = { 0 };
	struct err e = { 0 };
	int r = parse(&a, row->line, OPTIONS_FIRST, &o, &x, &words, &e);

	if (r >= 0)
		r = run_request(&o, words.n, words.at, is, &q, &e);
	if (r >= 0) {
		buf_printf(&b, "%s %s", q.id, q.bundle != NULL ? q.bundle : "direct");
		for (int i = 0; i < q.argc; i++)
			buf_printf(&b, " %s", q.argv[i]);
		assert_null(q.argv[q.argc]);
	}
	compare(row, r, buf_text(&b), &e);
	arena_free(&a);
}

static void forms(void **state)
{
	static const struct row rows[] = {
		{ "id /bundle", "id /bundle" },
		{ "id bundle", "id bundle" },
		{ "id /bundle sh -c x", "id /bundle sh -c x" },
		{ "id /bundle -- sh --", "id /bundle sh --" },
		{ "--bundle /b id", "id /b" },
		{ "--bundle /b id sh", "id /b sh" },
		{ "--bundle /b id -- -x", "id /b -x" },
		{ "--bundle /b id /bundle", "id /b /bundle" },
		{ "id make -j2 --memory 3", "id direct make -j2 --memory 3" },
		{ "id -- make", "id direct make" },
		{ "id -- /bundle", "id direct /bundle" },
		{ "id -- -x", "id direct -x" },
		{ "id -- --", "id direct --" },
		{ "--memory 1G id /bin/sh", "id direct /bin/sh" },
		{ "--network host id sh", "id direct sh" },
		{ "a-b_c+d.e sh", "a-b_c+d.e direct sh" },
		{ "...x sh", "...x direct sh" },
		{ "", "!needs an ID" },
		{ "id", "!neither a bundle nor a command" },
		{ "id --", "!neither a bundle nor a command" },
		{ "id ''", "!empty word" },
		{ "id --memory 1G sh", "!in front of the ID" },
		{ "id -d", "!in front of the ID" },
		{ "id ./folder/", "!without config.json" },
		{ "a/b sh", "!cannot be a container's ID" },
		{ ". sh", "!cannot be" },
		{ ".. sh", "!cannot be" },
		{ "'' sh", "!cannot be" },
		{ "a\nb sh", "!cannot be" },
		{ "\xc3\xa9 sh", "!cannot be" },
		{ "--network private id sh", "id direct sh" },
		{ "--rootfs /r id /bundle", "!--rootfs" },
		{ "--work /r --bundle /b id", "!--work" },
		{ "--read /r id /bundle", "!--read: only without a bundle" },
		{ "--write /r --bundle /b id", "!--write: only without a bundle" },
		{ "-d -t id sh", "!--detach" },
		{ "-d --timeout 3 id sh", "!--detach" },
		{ "-d --no-tty id sh", "id direct sh" },
	};
	static const struct row here[] = {
		{ "id", "id ." },
		{ "id sh", "id direct sh" },
		{ "id --", "!neither" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		try_request(&rows[i], kind);
	for (size_t i = 0; i < COUNT(here); i++)
		try_request(&here[i], kind_here);
}

static void long_ids(void **state)
{
	char id[130];
	struct err e;

	(void)state;
	memset(id, 'a', sizeof id);
	id[129] = '\0';
	assert_int_equal(run_id_check(id, &e), -EINVAL);
	id[128] = '\0';
	assert_int_equal(run_id_check(id, &e), 0);
}

static void amounts_say_where_from(void **state)
{
	struct arena a = { 0 };
	struct run_options o = { 0 };
	struct extra x = { 0 };
	struct option_words words;
	struct err e;

	(void)state;
	assert_int_equal(parse(&a, "--memory 3K", OPTIONS_FIRST, &o, &x, &words, &e), 0);
	assert_string_equal(o.memory.from.file, "command line");
	assert_string_equal(o.memory.from.path, "--memory");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_first),
		cmocka_unit_test(options_anywhere),
		cmocka_unit_test(forms),
		cmocka_unit_test(long_ids),
		cmocka_unit_test(amounts_say_where_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
