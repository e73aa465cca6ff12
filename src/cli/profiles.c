#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/print.h"
#include "policy/choice.h"
#include "policy/profile_schema.h"
#include "policy/stats.h"
#include "table/table.h"

struct profiles_options {
	bool expand;
};

static const struct option_row rows[] = {
	{ "expand", 0, OPTION_FLAG, NULL, "show: the system calls, with the groups' members",
	  .offset = offsetof(struct profiles_options, expand) },
	{ 0 },
};

enum {
	WIDTH = 100,
	GROUPS_DEEP = 8, /* groups in groups; the tables' own go two deep */
};

static int list(struct cli *c, struct buf *b, struct err *e)
{
	for (const struct builtin_profile *p = builtin_profiles; p->name != NULL; p++) {
		struct profile loaded;

		TRY(cli_profile(c, p->name, &loaded, e));
		buf_printf(b, "%-16s%s%s\n", p->name,
			   loaded.description != NULL ? loaded.description : "",
			   strcmp(p->name, choice_default) == 0 ? " (default)" : "");
	}
	return 0;
}

/* The names of a group and of the groups in it, in lines of at most WIDTH. */
static void members(struct buf *b, const struct syscall_group *group, unsigned deep, size_t *column)
{
	for (const char *const *m = group->members; *m != NULL; m++) {
		const struct syscall_group *inner = (*m)[0] == '@' ? syscall_group_find(*m) : NULL;

		if (inner != NULL && deep < GROUPS_DEEP) {
			members(b, inner, deep + 1, column);
			continue;
		}
		if (*column == 0 || *column + 1 + strlen(*m) > WIDTH) {
			buf_puts(b, *column == 0 ? "     " : "\n     ");
			*column = 5;
		}
		buf_printf(b, " %s", *m);
		*column += 1 + strlen(*m);
	}
}

static void words(struct buf *b, const char *title, const struct words *list)
{
	if (list->n == 0)
		return;
	buf_printf(b, "%s:\n", title);
	for (size_t i = 0; i < list->n; i++) {
		const struct syscall_group *group = syscall_group_find(list->at[i].text);
		size_t column = 0;

		buf_puts(b, "  ");
		print_safe(b, list->at[i].text);
		if (group != NULL) {
			buf_printf(b, "  (%s)\n", group->description);
			members(b, group, 0, &column);
		}
		buf_puts(b, "\n");
	}
}

static int expand(struct cli *c, const char *name, struct buf *b, struct err *e)
{
	struct profile p;

	TRY(cli_profile(c, name, &p, e));
	words(b, "allow", &p.syscalls.allow);
	words(b, "deny", &p.syscalls.deny);
	words(b, "broker", &p.syscalls.broker);
	words(b, "tripwire", &p.syscalls.tripwire);
	return 0;
}

static int show(struct cli *c, const char *name, struct buf *b, struct err *e)
{
	const struct builtin_profile *p = profile_builtin(name);
	struct profile ignored;

	if (p == NULL && cli_profile(c, name, &ignored, e) < 0)
		return -e->no;
	if (p == NULL)
		return fail(e, EINVAL, "%s is your own file; --expand shows what its groups mean",
			    name);
	buf_add(b, p->text, p->len);
	return 0;
}

/* ---- numbers ---- */

static const struct stat_row {
	const char *title;
	size_t offset;
} stat_rows[] = {
	{ "calls allowed, whatever their arguments", offsetof(struct profile_stats, allowed) },
	{ "calls allowed for some arguments", offsetof(struct profile_stats, by_argument) },
	{ "of the allowed, judged by the broker for some arguments",
	  offsetof(struct profile_stats, brokered) },
	{ "calls answered EPERM", offsetof(struct profile_stats, eperm) },
	{ "calls answered ENOSYS, beside every unknown number",
	  offsetof(struct profile_stats, enosys) },
	{ "instructions of the filter", offsetof(struct profile_stats, instructions) },
	{ "instructions for a call without rules for its arguments, at most",
	  offsetof(struct profile_stats, longest) },
};

enum { ARCHES = HOST_AARCH64 + 1, BUILTINS_MAX = 16 };

/* Of each built-in profile and both architectures. */
static int count_all(struct cli *c, struct profile_stats out[BUILTINS_MAX][ARCHES], size_t *n,
		     struct err *e)
{
	for (*n = 0; *n < BUILTINS_MAX && builtin_profiles[*n].name != NULL; (*n)++)
		for (int arch = HOST_X86_64; arch <= HOST_AARCH64; arch++) {
			struct profile loaded;

			TRY(cli_profile(c, builtin_profiles[*n].name, &loaded, e));
			TRY(profile_stats(c->arena, &loaded, (enum host_arch)arch, &out[*n][arch],
					  e));
		}
	return 0;
}

static unsigned stat_of(const struct profile_stats *s, const struct stat_row *row)
{
	return *(const unsigned *)((const char *)s + row->offset);
}

/* A table of Markdown: profiles/README.md holds it, and a test compares. */
static int stats(struct cli *c, struct buf *b, struct err *e)
{
	struct profile_stats all[BUILTINS_MAX][ARCHES];
	size_t n;

	TRY(count_all(c, all, &n, e));
	buf_puts(b, "| x86_64 / aarch64 |");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, " %s |", builtin_profiles[i].name);
	buf_puts(b, "\n|---|");
	for (size_t i = 0; i < n; i++)
		buf_puts(b, "---|");
	for (size_t r = 0; r < COUNT(stat_rows); r++) {
		buf_printf(b, "\n| %s |", stat_rows[r].title);
		for (size_t i = 0; i < n; i++)
			buf_printf(b, " %u / %u |", stat_of(&all[i][HOST_X86_64], &stat_rows[r]),
				   stat_of(&all[i][HOST_AARCH64], &stat_rows[r]));
	}
	buf_puts(b, "\n");
	return 0;
}

static int run_profiles(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct profiles_options *o = options;
	struct buf b = { .arena = c->arena };

	if (argc == 0 || (argc == 1 && strcmp(argv[0], "list") == 0)) {
		TRY(list(c, &b, e));
	} else if (argc == 1 && strcmp(argv[0], "stats") == 0) {
		TRY(stats(c, &b, e));
	} else if (argc == 1 && strcmp(argv[0], "schema") == 0) {
		profile_schema(&b);
	} else if (strcmp(argv[0], "show") != 0) {
		fail(e, EINVAL, "profiles: '%.80s' is not known here", argv[0]);
		return advise(
			e, "zviz profiles show NAME, zviz profiles schema or zviz profiles stats");
	} else if (argc == 1) {
		fail(e, EINVAL, "profiles show: which one?");
		return advise(e, "zviz profiles lists them");
	} else if (o->expand) {
		TRY(expand(c, argv[1], &b, e));
	} else {
		TRY(show(c, argv[1], &b, e));
	}
	return print_out(&b, e);
}

const struct command command_profiles = {
	.name = "profiles",
	.usage = "\nshow [--expand] NAME\nschema\nstats",
	.summary = "List the built-in profiles, show one, or say how they are written",
	.help = "A profile says what a workload may do. `show` prints it as it was written, every "
		"group\n"
		"with its reason; with --expand, the system calls that the groups stand for. `schema` "
		"prints\n"
		"the format as JSON Schema, for editors and checkers. `stats` counts what the filter of "
		"each does\n"
		"with the system calls, and how long it is.",
	.options = rows,
	.options_size = sizeof(struct profiles_options),
	.order = OPTIONS_ANYWHERE,
	.max_words = 2,
	.run = run_profiles,
};
