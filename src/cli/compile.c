/*
 * zviz compile: a profile as files, proved; and where each of its rules landed.
 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/filter_file.h"
#include "cli/folder.h"
#include "cli/print.h"
#include "policy/landing.h"
#include "policy/reference.h"

struct compile_options {
	const char *output;
	bool force, explain;
};

static const struct option_row rows[] = {
	{ "output", 'o', OPTION_STRING, "DIR", "make the folder DIR with the files",
	  .offset = offsetof(struct compile_options, output) },
	{ "force", 0, OPTION_FLAG, NULL, "replace what an earlier compile made",
	  .offset = offsetof(struct compile_options, force) },
	{ "explain", 0, OPTION_FLAG, NULL, "print where each rule landed, and what it costs",
	  .offset = offsetof(struct compile_options, explain) },
	{ 0 },
};

/* What the file is called where it lies. Its ending tells a file from a built-in profile. */
static int short_name(const char *path, const char **out, struct err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	const char *ending = strrchr(name, '.');

	if (ending == NULL || (strcmp(ending, ".yaml") != 0 && strcmp(ending, ".yml") != 0)) {
		fail(e, EINVAL, "%s: the name of a profile to compile ends in .yaml", path);
		return advise(e, "rename the file");
	}
	*out = name;
	return 0;
}

/* Errors name the file as the caller does; what is compiled, as it is called in its own folder. So the profile is read
 * twice, from the files and then from what they held. */
static int load(struct cli *c, const char *name, struct sources *s, struct profile *out,
		struct err *e)
{
	struct profile read;

	TRY(cli_profile_sources(c, name, s, &read, e));
	for (size_t i = 1; i < s->n; i++)
		s->at[i].name = NULL;
	if (s->n != 0)
		TRY(short_name(name, &s->at[0].name, e));
	sources_add_builtins(c->arena, &read, s);
	return sources_profile(c->arena, s, out, e);
}

static int write_out(struct cli *c, const struct compile_options *o, const struct sources *s,
		     const struct profile *p, struct buf *out, struct err *e)
{
	struct artifacts files;

	TRY(artifacts_make(c->arena, ZVIZ_VERSION, s, p, &files, e));
	TRY(artifacts_prove(c->arena, &files, p, e));
	if (folder_write(c->arena, o->output, &files, o->force, e) < 0)
		return within(e, "compile");
	print_safe(out, o->output);
	buf_printf(out, ": %zu files, every filter proved equal to the profile\n", files.n);
	return 0;
}

static int explain(struct cli *c, const char *name, struct buf *out, struct err *e)
{
	struct landings landings;
	struct reference ref;
	struct profile p;
	struct plan plan;

	TRY(cli_profile(c, name, &p, e));
	TRY(reference_plan(c->arena, &p, filter_file_own_arch(), false, false, &ref, &plan, e));
	landing_find(c->arena, &plan, &landings);
	landing_print(&landings, out);
	return 0;
}

static int run_compile(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct compile_options *o = options;
	struct buf out = { .arena = c->arena };
	struct sources sources = { 0 };
	struct profile p;
	const char *name = argc > 0 ? argv[0] : c->globals.profile;

	if (argc > 0 && c->globals.profile != NULL)
		return fail(e, EINVAL, "compile: --profile and '%.80s' both name a profile",
			    argv[0]);
	if (name == NULL)
		return fail(e, EINVAL, "compile: which profile?");
	if (o->output == NULL && !o->explain) {
		fail(e, EINVAL, "compile: neither -o nor --explain: nothing would come of it");
		return advise(e, "for example: zviz compile %.80s -o compiled", name);
	}
	if (o->force && o->output == NULL)
		return fail(e, EINVAL, "compile: --force is about the folder of -o");
	TRY(load(c, name, &sources, &p, e));
	if (o->output != NULL)
		TRY(write_out(c, o, &sources, &p, &out, e));
	if (o->explain)
		TRY(explain(c, name, &out, e));
	return print_out(&out, e);
}

const struct command command_compile = {
	.name = "compile",
	.usage = "-o DIR [--force] [PROFILE]\n--explain [PROFILE]",
	.summary = "Turn a profile into the files that enforce it, and prove them",
	.help = "DIR gets the seccomp filters of both architectures, as they are loaded and as a listing; the tables\n"
		"of the other layers; what the profile was read from; and manifest.json with the hash of each, and where\n"
		"each rule landed. The same profile gives the same bytes everywhere. Nothing is written unless\n"
		"`zviz verify` would agree. `zviz run --compiled DIR` runs under it.\n"
		"\n"
		"--explain prints for each rule the line that says it, the layer that enforces it, and the cost: how many\n"
		"instructions of BPF a call takes at most, whether the kernel remembers the answer and runs none, and the\n"
		"time in the broker. They are counted for this machine's architecture.",
	.options = rows,
	.options_size = sizeof(struct compile_options),
	.order = OPTIONS_ANYWHERE,
	.max_words = 1,
	.run = run_compile,
};
