/*
 * zviz diff: what one policy permits and another does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <string.h>

#include "base/fd.h"
#include "cli/command.h"
#include "cli/filter_file.h"
#include "cli/print.h"
#include "policy/diff.h"
#include "policy/reference.h"
#include "policy/seccomp_file.h"

enum { SECTION_BYTES_MAX = 4 << 20 }; /* as a config.json may have */

struct diff_options {
	bool subset;
};

static const struct option_row rows[] = {
	{ "subset", 0, OPTION_FLAG, NULL,
	  "only whether A permits nothing beyond B: exit code 0, or 1 and what it is",
	  .offset = offsetof(struct diff_options, subset) },
	{ 0 },
};

/* One side with all that it lives on. */
struct side {
	struct profile whole, profile;
	struct reference reference;
	struct plan plan;
	struct bpf_program filter;
	struct diff_side is;
};

static uint32_t own_audit_arch(void)
{
	return filter_file_own_arch() == HOST_AARCH64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64;
}

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static int load_section(struct cli *c, const char *path, struct bpf_program *out, struct err *e)
{
	char *text;
	size_t len;

	TRY(file_read(AT_FDCWD, path, SECTION_BYTES_MAX, c->arena, &text, &len, e));
	return seccomp_file_filter(c->arena, path, text, len, own_audit_arch(), out, e);
}

static int load(struct cli *c, const char *name, struct side *out, struct err *e)
{
	out->is = (struct diff_side){ .name = name, .filter = &out->filter };
	if (ends_in(name, ".bpf"))
		return filter_file_read(c->arena, name, &out->filter, e);
	if (ends_in(name, ".json"))
		return load_section(c, name, &out->filter, e);
	TRY(cli_profile(c, name, &out->whole, e));
	out->profile = diff_profile(&out->whole);
	TRY(reference_plan(c->arena, &out->profile, filter_file_own_arch(), false, false,
			   &out->reference, &out->plan, e));
	out->filter = out->plan.filter;
	out->is.plan = &out->plan;
	out->is.request = &out->reference.request;
	return 0;
}

static void print_side(struct buf *out, const struct diff_side *one, const struct diff_side *other,
		       const struct diff_lines *lines)
{
	buf_printf(out, "%s permits, and %s does not:%s\n", one->name, other->name,
		   lines->n == 0 ? " nothing" : "");
	for (size_t i = 0; i < lines->n; i++)
		buf_printf(out, "  %s\n", lines->at[i]);
}

static int run_diff(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct diff_options *o = options;
	struct buf out = { .arena = c->arena };
	struct diff_lines beyond = { 0 }, lacking = { 0 };
	struct side a, b;

	(void)argc;
	TRY(load(c, argv[0], &a, e));
	TRY(load(c, argv[1], &b, e));
	TRY(diff_beyond(c->arena, own_audit_arch(), &a.is, &b.is, &beyond, e));
	if (!o->subset)
		TRY(diff_beyond(c->arena, own_audit_arch(), &b.is, &a.is, &lacking, e));
	if (!o->subset || beyond.n != 0)
		print_side(&out, &a.is, &b.is, &beyond);
	if (!o->subset)
		print_side(&out, &b.is, &a.is, &lacking);
	TRY(print_out(&out, e));
	return o->subset && beyond.n != 0;
}

const struct command command_diff = {
	.name = "diff",
	.usage = "[options] A B",
	.summary = "Say what one profile permits and another does not",
	.help = "A and B are built-in profiles, files, filters (FILE.bpf, an array of struct sock_filter, for this\n"
		"machine's architecture) or seccomp sections (FILE.json: a config.json, or an engine's default as it ships\n"
		"it, read for a container with the engine's usual capabilities). System calls are compared for every number and argument, exactly; of\n"
		"profiles also files, network, namespaces, capabilities and limits.",
	.options = rows,
	.options_size = sizeof(struct diff_options),
	.order = OPTIONS_ANYWHERE,
	.min_words = 2,
	.max_words = 2,
	.run = run_diff,
};
