#include "policy/spec.h"

#include <inttypes.h>
#include <linux/seccomp.h>
#include <string.h>

#include "kern/uapi.h"
#include "policy/spec_fields.h"
#include "table/table.h"

enum {
	HOST_NAME_BYTES = 64, /* __NEW_UTS_LEN, include/uapi/linux/utsname.h */
	ENV_BYTES = 131072,   /* MAX_ARG_STRLEN, include/uapi/linux/binfmts.h */
	LABEL_BYTES = 255,    /* fsconfig(2) takes as much for an option's value */
};

static int odd(const struct bind *b, const struct node *n, const char *what, struct err *e)
{
	return doc_fail(b->doc, n, e, "'%s' is no %s", text_shown(b->doc->arena, n->text), what);
}

static bool one_of(const char *const *words, const char *word)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

int spec_check_version(const struct bind *b, const struct node *n, struct err *e)
{
	const char *v = n->text;
	size_t minor = strspn(v + (strncmp(v, "1.", 2) == 0 ? 2 : 0), "0123456789");

	if (strncmp(v, "1.", 2) == 0 && minor > 0 && (v[2 + minor] == '.' || v[2 + minor] == '\0'))
		return 0;
	return doc_fail(b->doc, n, e,
			"version '%s' of the OCI runtime specification: this zviz reads 1.x",
			text_shown(b->doc->arena, v));
}

int spec_check_hostname(const struct bind *b, const struct node *n, struct err *e)
{
	if (strlen(n->text) > HOST_NAME_BYTES)
		return doc_fail(b->doc, n, e, "longer than %d bytes", HOST_NAME_BYTES);
	for (const char *s = n->text; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '/')
			return odd(b, n, "host name", e);
	return 0;
}

/* A word for a file of the kernel's and for an option of a mount, where it stands in quotes. */
int spec_check_label(const struct bind *b, const struct node *n, struct err *e)
{
	if (strlen(n->text) > LABEL_BYTES)
		return doc_fail(b->doc, n, e, "longer than %d bytes", LABEL_BYTES);
	for (const char *s = n->text; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '"' || *s == '\\')
			return odd(b, n, "SELinux label", e);
	return 0;
}

int spec_check_env(const struct bind *b, const struct node *n, struct err *e)
{
	const char *equals = strchr(n->text, '=');

	if (equals == NULL || equals == n->text)
		return doc_fail(b->doc, n, e, "'%s' must be NAME=VALUE",
				text_shown(b->doc->arena, n->text));
	if (strlen(n->text) >= ENV_BYTES)
		return doc_fail(b->doc, n, e, "longer than the %d bytes that the kernel takes",
				ENV_BYTES);
	return 0;
}

/* Newer kernels have capabilities that this build does not know: the shape must be right, no more. */
int spec_check_capability(const struct bind *b, const struct node *n, struct err *e)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *s = n->text;

	if (strncmp(s, "CAP_", 4) != 0 || s[4] == '\0' || s[strspn(s, letters)] != '\0')
		return odd(b, n, "capability", e);
	return 0;
}

int spec_check_rlimit(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "resource limit", rlimit_names, &value, e);
}

int spec_check_namespace(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "namespace", namespace_names, &value, e);
}

int spec_check_device_type(const struct bind *b, const struct node *n, struct err *e)
{
	static const char *const types[] = { "b", "c", "u", "p", NULL };

	return one_of(types, n->text) ? 0 : odd(b, n, "device type: b, c, u or p", e);
}

int spec_check_propagation(const struct bind *b, const struct node *n, struct err *e)
{
	static const char *const types[] = { "private",    "rprivate",    "slave",
					     "rslave",     "shared",      "rshared",
					     "unbindable", "runbindable", NULL };

	return one_of(types, n->text) ? 0 : odd(b, n, "mount propagation", e);
}

int spec_check_personality(const struct bind *b, const struct node *n, struct err *e)
{
	static const char *const domains[] = { "LINUX", "LINUX32", NULL };

	return one_of(domains, n->text) ? 0 : odd(b, n, "personality: LINUX or LINUX32", e);
}

int spec_check_scheduler_flag(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "scheduler flag", scheduler_flags, &value, e);
}

/* Keys become a path below /proc/sys: "net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding". */
int spec_check_sysctl(const struct bind *b, const struct node *n, struct err *e)
{
	const char *k = n->key;
	bool dots = strstr(k, "..") != NULL || k[0] == '.' || k[0] == '/' ||
		    strstr(k, "/.") != NULL;

	for (; !dots && *k != '\0'; k++)
		dots = *k <= ' ' || *k >= 0x7f;
	return dots ? doc_fail(b->doc, n, e, "no name of a sysctl") : 0;
}

const struct name spec_seccomp_arches[] = {
	{ "SCMP_ARCH_AARCH64", 0 },     { "SCMP_ARCH_ARM", 0 },    { "SCMP_ARCH_LOONGARCH64", 0 },
	{ "SCMP_ARCH_M68K", 0 },        { "SCMP_ARCH_MIPS", 0 },   { "SCMP_ARCH_MIPS64", 0 },
	{ "SCMP_ARCH_MIPS64N32", 0 },   { "SCMP_ARCH_MIPSEL", 0 }, { "SCMP_ARCH_MIPSEL64", 0 },
	{ "SCMP_ARCH_MIPSEL64N32", 0 }, { "SCMP_ARCH_PARISC", 0 }, { "SCMP_ARCH_PARISC64", 0 },
	{ "SCMP_ARCH_PPC", 0 },         { "SCMP_ARCH_PPC64", 0 },  { "SCMP_ARCH_PPC64LE", 0 },
	{ "SCMP_ARCH_RISCV64", 0 },     { "SCMP_ARCH_S390", 0 },   { "SCMP_ARCH_S390X", 0 },
	{ "SCMP_ARCH_SH", 0 },          { "SCMP_ARCH_SHEB", 0 },   { "SCMP_ARCH_X32", 0 },
	{ "SCMP_ARCH_X86", 0 },         { "SCMP_ARCH_X86_64", 0 }, { 0 },
};

/* Only that a name is known: of them all, the launch filters the machine's own calls alone. */
int spec_check_seccomp_arch(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "architecture", spec_seccomp_arches, &value, e);
}

const struct name spec_seccomp_flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	{ 0 }
};

int spec_check_seccomp_flag(const struct bind *b, const struct node *n, struct err *e)
{
	int64_t value;

	return bind_name(b, n, "filter flag", spec_seccomp_flags, &value, e);
}

/* ---- maps ---- */

int spec_check_process(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec *s = at;
	const struct node *args = node_get(n, "args");

	if (s->process.args.n > 0 && s->process.args.at[0][0] == '\0')
		return doc_fail(b->doc, args->first, e, "the program's name is empty");
	for (size_t i = 0; i < s->process.rlimits.n; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(s->process.rlimits.at[i].type, s->process.rlimits.at[j].type) ==
			    0)
				return doc_fail(b->doc, n, e, "rlimits[%zu]: %s was given before",
						i, s->process.rlimits.at[i].type);
	return 0;
}

int spec_check_id_map(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct id_map *m = at;

	if ((uint64_t)m->inside + m->count > UINT32_MAX ||
	    (uint64_t)m->outside + m->count > UINT32_MAX)
		return doc_fail(b->doc, n, e, "reaches beyond the last id, %" PRIu32,
				UINT32_MAX - 1);
	return 0;
}

int spec_check_one_rlimit(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_rlimit *r = at;

	if (r->soft > r->hard)
		return doc_fail(b->doc, n, e, "soft (%" PRIu64 ") is above hard (%" PRIu64 ")",
				r->soft, r->hard);
	return 0;
}

int spec_check_device(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct spec_device *d = at;
	bool numbered = d->type[0] != 'p';

	if (numbered && (node_get(n, "major") == NULL || node_get(n, "minor") == NULL))
		return doc_fail(b->doc, n, e, "the keys 'major' and 'minor' are needed");
	d->mode &= 07777; /* some engines pass st_mode, the file's type included */
	return 0;
}

/* An errno stands beside an action that has a place for it. */
static int check_errno(const struct bind *b, const struct node *n, const char *key,
		       const char *action, int value, struct err *e)
{
	const struct node *no = node_get(n, key);

	if (no == NULL || no->kind == NODE_NULL || value == (int)SECCOMP_RET_ERRNO ||
	    value == (int)SECCOMP_RET_TRACE)
		return 0;
	doc_fail(b->doc, no, e, "%s returns no errno", node_get(n, action)->text);
	return advise(e, "leave it out, or write SCMP_ACT_ERRNO");
}

int spec_check_seccomp_rule(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_seccomp_rule *r = at;

	return check_errno(b, n, "errnoRet", "action", r->action, e);
}

int spec_check_seccomp(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_seccomp *s = &((const struct spec *)at)->linux_.seccomp;

	TRY(check_errno(b, n, "defaultErrnoRet", "defaultAction", s->default_action, e));
	if (s->listener_metadata != NULL && s->listener_path == NULL)
		return doc_fail(b->doc, node_get(n, "listenerMetadata"), e,
				"needs a listenerPath beside it");
	return 0;
}

/* Another clock would go on as the host's, and nobody be told. */
int spec_check_clocks(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	(void)at;
	for (const struct node *c = n->first; c != NULL; c = c->next)
		if (strcmp(c->key, "monotonic") != 0 && strcmp(c->key, "boottime") != 0) {
			doc_fail(b->doc, c, e,
				 "no time namespace has a clock of its own of that name");
			return advise(e, "the clocks that have offsets are monotonic and boottime");
		}
	return 0;
}

int spec_check_linux(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	const struct spec_namespaces *list = &((const struct spec *)at)->linux_.namespaces;

	for (size_t i = 0; i < list->n; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(list->at[i].type, list->at[j].type) == 0)
				return doc_fail(b->doc, n, e,
						"namespaces[%zu]: %s was given before", i,
						list->at[i].type);
	return 0;
}

int spec_load(struct arena *a, const char *file, const char *text, size_t len, struct spec *out,
	      struct err *e)
{
	struct doc doc;
	const struct bind b = { &doc, .strict = false };

	*out = (struct spec){ .file = file };
	TRY(doc_from_json(a, file, text, len, &doc, e));
	return bind_map(&b, doc.root, spec_fields, out, e);
}

int spec_load_process(struct arena *a, const char *file, const char *text, size_t len,
		      struct spec *out, struct err *e)
{
	struct doc doc;
	const struct bind b = { &doc, .strict = false };

	*out = (struct spec){ .file = file, .process.set = true };
	TRY(doc_from_json(a, file, text, len, &doc, e));
	return bind_map(&b, doc.root, spec_process_fields, out, e);
}

int spec_load_resources(struct arena *a, const char *file, const char *text, size_t len,
			struct spec *out, struct err *e)
{
	struct doc doc;
	const struct bind b = { &doc, .strict = false };

	*out = (struct spec){ .file = file };
	TRY(doc_from_json(a, file, text, len, &doc, e));
	return bind_map(&b, doc.root, spec_resources_fields, out, e);
}
