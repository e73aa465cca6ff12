#include "policy/seccomp_file.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/plan_calls.h"
#include "policy/spec_fields.h"

/* What Docker and Podman leave to a container unless told otherwise. */
static const char *const usual_capabilities[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID",           "CAP_KILL",
	"CAP_SETGID",  "CAP_SETUID",       "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
	"CAP_SETFCAP",
};

static bool is_usual(const char *capability)
{
	for (size_t i = 0; i < COUNT(usual_capabilities); i++)
		if (strcmp(usual_capabilities[i], capability) == 0)
			return true;
	return false;
}

/* Templates name architectures as Go does. */
static bool is_arch(const char *name, uint32_t arch)
{
	return strcmp(name, arch == AUDIT_ARCH_AARCH64 ? "arm64" : "amd64") == 0;
}

/* How many words of a list are so, and how many there are. */
static size_t count(const struct node *list, uint32_t arch, size_t *n)
{
	size_t met = 0;

	*n = 0;
	if (list == NULL || list->kind != NODE_LIST)
		return 0;
	for (const struct node *w = list->first; w != NULL; w = w->next) {
		if (w->text == NULL)
			continue;
		++*n;
		met += arch != 0 ? is_arch(w->text, arch) : is_usual(w->text);
	}
	return met;
}

/* Whether an entry of a template becomes one of a section: all capabilities of `includes`, one of its architectures,
 * nothing of `excludes`. */
static bool counts(const struct node *entry, uint32_t arch)
{
	const struct node *with = node_get(entry, "includes"),
			  *without = node_get(entry, "excludes");
	size_t n;

	if (with != NULL && with->kind == NODE_MAP) {
		if (count(node_get(with, "caps"), 0, &n) != n)
			return false;
		if (count(node_get(with, "arches"), arch, &n) == 0 && n != 0)
			return false;
	}
	if (without == NULL || without->kind != NODE_MAP)
		return true;
	return count(node_get(without, "caps"), 0, &n) == 0 &&
	       count(node_get(without, "arches"), arch, &n) == 0;
}

/* Entries were bound in the order of their nodes. */
static void leave_out(struct spec_seccomp *s, const struct node *section, uint32_t arch)
{
	const struct node *list = node_get(section, "syscalls");
	const struct node *entry = list != NULL ? list->first : NULL;
	size_t kept = 0;

	for (size_t i = 0; i < s->rules.n && entry != NULL; i++, entry = entry->next)
		if (entry->kind != NODE_MAP || counts(entry, arch))
			s->rules.at[kept++] = s->rules.at[i];
	s->rules.n = kept;
}

static int find_section(const struct doc *d, const struct node **out, struct err *e)
{
	const struct node *linux_ = d->root->kind == NODE_MAP ? node_get(d->root, "linux") : NULL;

	*out = linux_ != NULL && linux_->kind == NODE_MAP ? node_get(linux_, "seccomp") : d->root;
	if (*out != NULL && (*out)->kind == NODE_MAP && node_get(*out, "defaultAction") != NULL)
		return 0;
	fail(e, EINVAL,
	     "%s: no seccomp section: linux.seccomp of a config.json, or such a section alone",
	     d->file);
	return -e->no;
}

int seccomp_file_filter(struct arena *a, const char *file, const char *text, size_t len,
			uint32_t arch, struct bpf_program *out, struct err *e)
{
	struct arena scratch = { 0 };
	struct spec *spec = arena_alloc(a, sizeof *spec);
	const struct node *section;
	struct bpf_arch own;
	const struct bpf_policy policy = { 1, &own, SECCOMP_RET_KILL_PROCESS };
	struct doc d;
	size_t unknown;

	TRY(doc_from_json(a, file, text, len, &d, e));
	TRY(find_section(&d, &section, e));

	struct bind b = { .doc = &d };

	TRY(bind_map(&b, section, spec_seccomp_fields, spec, e));
	leave_out(&spec->linux_.seccomp, section, arch);
	spec_seccomp_rules(&scratch, &spec->linux_.seccomp, arch, &own, &unknown);

	int r = bpf_compile(a, &policy, out, e);

	arena_free(&scratch);
	return r < 0 ? within(e, "%s", file) : 0;
}
