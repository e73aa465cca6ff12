#include "policy/prove.h"

#include <errno.h>
#include <string.h>

#include "policy/verify.h"
#include "policy/verify_files.h"

const struct name prove_arches[] = {
	{ "x86_64", HOST_X86_64 },
	{ "aarch64", HOST_AARCH64 },
	{ 0 },
};

static bool serves(const struct profile *p, const char *arch)
{
	const struct words *list = &p->syscalls.architectures;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].text, "native") == 0 || strcmp(list->at[i].text, arch) == 0)
			return true;
	return list->n == 0;
}

const struct name *prove_next(const struct profile *p, const struct name *before)
{
	const struct name *arch = before == NULL ? prove_arches : before + 1;

	while (arch->name[0] != '\0' && !serves(p, arch->name))
		arch++;
	return arch->name[0] != '\0' ? arch : NULL;
}

enum host_arch prove_first(const struct profile *p)
{
	const struct name *arch = prove_next(p, NULL);

	return (enum host_arch)(arch != NULL ? arch->value : prove_arches[0].value);
}

const struct variant variants[] = {
	{ "plain", "", false, false },
	{ "events", " under --events", false, true },
	{ "verbose", " under --verbose", true, false },
	{ 0 },
};

const struct variant *variant_of(bool verbose, bool events)
{
	const struct variant *v = variants;

	while (v->verbose != verbose || (!verbose && v->events != events))
		v++;
	return v;
}

int prove_filter(struct arena *a, const struct profile *p, enum host_arch arch,
		 const struct variant *v, const struct bpf_program *f, size_t *sets, struct err *e)
{
	const struct meaning_request meant = { .verbose = v->verbose, .events = v->events };
	struct meaning m;
	struct verify_result r;
	struct buf text = { .arena = a };

	meaning_make(a, p, &meant, plan_audit_arch(arch), &m);

	int result = verify_filter(&m, f, &r, e);

	if (result < 0)
		return within(e, "seccomp on %s%s", name_of(prove_arches, arch)->name, v->option);
	*sets = r.sets;
	if (result == 0)
		return 0;
	verify_describe(&r, &text);
	return fail(e, EINVAL, "seccomp%s: %s", v->option, buf_text(&text));
}

int prove_files(struct arena *a, const struct plan *plan, const struct plan_request *r,
		size_t *classes, struct err *e)
{
	const char *path;

	if (verify_files(a, plan, r, classes, &path) != 0)
		return fail(e, EINVAL, "files: %s gets more than the profile says", path);
	return 0;
}
