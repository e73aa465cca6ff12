/*
 * zviz verify: proves that what a profile compiles to means what it says.
 */
#include <errno.h>
#include <time.h>

#include "cli/command.h"
#include "cli/filter_file.h"
#include "cli/print.h"
#include "policy/prove.h"
#include "policy/reference.h"

struct verify_options {
	const char *filter;
	struct amount arch;
};

static const struct option_row rows[] = {
	{ "filter", 0, OPTION_STRING, "FILE",
	  "compare these bytes (an array of struct sock_filter) instead of what is compiled",
	  .offset = offsetof(struct verify_options, filter) },
	{ "arch", 0, OPTION_CHOICE, "x86_64|aarch64", "--filter: the architecture that it is for",
	  .choices = prove_arches, .offset = offsetof(struct verify_options, arch) },
	{ 0 },
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

static int prove(struct cli *c, const struct profile *p, const struct name *arch,
		 const struct variant *v, const struct bpf_program *f, struct buf *out,
		 struct err *e)
{
	size_t sets;

	TRY(prove_filter(c->arena, p, (enum host_arch)arch->value, v, f, &sets, e));
	buf_printf(
		out,
		"seccomp on %s%s: %zu instructions, equal for every number and argument (%zu sets of calls)\n",
		arch->name, v->option, f->n, sets);
	return 0;
}

static int verify_compiled(struct cli *c, const struct profile *p, struct buf *out, struct err *e)
{
	for (const struct name *arch = prove_next(p, NULL); arch != NULL;
	     arch = prove_next(p, arch))
		for (const struct variant *v = variants; v->name != NULL; v++) {
			struct reference ref;
			struct plan plan;

			TRY(reference_plan(c->arena, p, (enum host_arch)arch->value, v->verbose,
					   v->events, &ref, &plan, e));
			TRY(prove(c, p, arch, v, &plan.filter, out, e));
		}
	return 0;
}

static int verify_plan_files(struct cli *c, const struct profile *p, struct buf *out, struct err *e)
{
	struct reference ref;
	struct plan plan;
	size_t classes;

	TRY(reference_plan(c->arena, p, prove_first(p), false, false, &ref, &plan, e));
	TRY(prove_files(c->arena, &plan, &ref.request, &classes, e));
	buf_printf(out, "files: none of %zu classes of paths gets more than the profile says\n",
		   classes);
	return 0;
}

static int verify_file(struct cli *c, const struct verify_options *o, const struct profile *p,
		       struct buf *out, struct err *e)
{
	const struct name *arch = name_of(prove_arches, o->arch.set ? (int64_t)o->arch.value
								    : filter_file_own_arch());
	struct bpf_program f;

	TRY(filter_file_read(c->arena, o->filter, &f, e));
	if (prove(c, p, arch, variant_of(false, false), &f, out, e) < 0)
		return within(e, "%s", o->filter);
	return 0;
}

static int run_verify(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct verify_options *o = options;
	struct buf out = { .arena = c->arena };
	struct profile p;
	uint64_t start;

	if (o->arch.set && o->filter == NULL)
		return fail(e, EINVAL, "verify: --arch says what a --filter is for");
	TRY(cli_profile(c, argc > 0 ? argv[0] : c->globals.profile, &p, e));
	start = now_us();
	if (o->filter != NULL) {
		TRY(verify_file(c, o, &p, &out, e));
	} else {
		TRY(verify_compiled(c, &p, &out, e));
		TRY(verify_plan_files(c, &p, &out, e));
	}
	buf_printf(&out, "proved in %.1f ms\n", (double)(now_us() - start) / 1000.0);
	return print_out(&out, e);
}

const struct command command_verify = {
	.name = "verify",
	.usage = "[options] [PROFILE]",
	.summary = "Prove that what a profile compiles to means what it says",
	.help = "The filter's own bytes are compared with the profile's words, for both architectures, all 2^32 numbers\n"
		"of system calls and all values of all arguments, by code that the compiler does not share; mounts,\n"
		"Landlock rules and the broker's patterns for each class of paths. The exit code is 0 when nothing\n"
		"differs; otherwise 1, and there is an example.",
	.options = rows,
	.options_size = sizeof(struct verify_options),
	.order = OPTIONS_ANYWHERE,
	.max_words = 1,
	.run = run_verify,
};
