/*
 * zviz verify: proves that what a profile compiles to means what it says.
 */
#include <errno.h>
#include <linux/audit.h>
#include <time.h>

#include "cli/command.h"
#include "cli/filter_file.h"
#include "cli/print.h"
#include "policy/reference.h"
#include "policy/verify.h"
#include "policy/verify_files.h"
#include "table/table.h"

struct verify_options {
	const char *filter;
	struct amount arch;
};

static const struct name arch_names[] = {
	{ "x86_64", HOST_X86_64 },
	{ "aarch64", HOST_AARCH64 },
	{ 0 },
};

static const struct option_row rows[] = {
	{ "filter", 0, OPTION_STRING, "FILE",
	  "compare these bytes (an array of struct sock_filter) instead of what is compiled",
	  .offset = offsetof(struct verify_options, filter) },
	{ "arch", 0, OPTION_CHOICE, "x86_64|aarch64", "--filter: the architecture that it is for",
	  .choices = arch_names, .offset = offsetof(struct verify_options, arch) },
	{ 0 },
};

/* What changes a filter beside profile and architecture. */
static const struct variant {
	const char *name;
	bool verbose, events;
} variants[] = { { "", false, false },
		 { " under --events", false, true },
		 { " under --verbose", true, false } };

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

static uint32_t audit_arch(int arch)
{
	return arch == HOST_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

static int compare(struct cli *c, const struct profile *p, const struct name *arch,
		   const struct variant *v, const struct bpf_program *f, struct buf *out,
		   struct err *e)
{
	const struct meaning_request meant = { .verbose = v->verbose, .events = v->events };
	struct meaning m;
	struct verify_result r;
	struct buf text = { .arena = c->arena };

	meaning_make(c->arena, p, &meant, audit_arch((int)arch->value), &m);

	int result = verify_filter(&m, f, &r, e);

	if (result < 0)
		return within(e, "seccomp on %s%s", arch->name, v->name);
	if (result == 1) {
		verify_describe(&r, &text);
		return fail(e, EINVAL, "seccomp%s: %s", v->name, buf_text(&text));
	}
	buf_printf(
		out,
		"seccomp on %s%s: %zu instructions, equal for every number and argument (%zu sets of calls)\n",
		arch->name, v->name, f->n, r.sets);
	return 0;
}

static int verify_compiled(struct cli *c, const struct profile *p, struct buf *out, struct err *e)
{
	for (const struct name *arch = arch_names; arch->name != NULL; arch++)
		for (size_t i = 0; i < COUNT(variants); i++) {
			struct reference ref;
			struct plan plan;

			TRY(reference_plan(c->arena, p, (enum host_arch)arch->value,
					   variants[i].verbose, variants[i].events, &ref, &plan,
					   e));
			TRY(compare(c, p, arch, &variants[i], &plan.filter, out, e));
		}
	return 0;
}

static int verify_plan_files(struct cli *c, const struct profile *p, struct buf *out, struct err *e)
{
	struct reference ref;
	struct plan plan;
	const char *path;
	size_t classes;

	TRY(reference_plan(c->arena, p, HOST_X86_64, false, false, &ref, &plan, e));
	if (verify_files(c->arena, &plan, &ref.request, &classes, &path) != 0)
		return fail(e, EINVAL, "files: %s gets more than the profile says", path);
	buf_printf(out, "files: none of %zu classes of paths gets more than the profile says\n",
		   classes);
	return 0;
}

static int verify_file(struct cli *c, const struct verify_options *o, const struct profile *p,
		       struct buf *out, struct err *e)
{
	const struct name *arch = name_of(arch_names, o->arch.set ? (int64_t)o->arch.value
								  : filter_file_own_arch());
	struct bpf_program f;

	TRY(filter_file_read(c->arena, o->filter, &f, e));
	if (compare(c, p, arch, &variants[0], &f, out, e) < 0)
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
