/*
 * Which device nodes may be opened, whatever nodes there are. Mounts show no node but the few of /dev, and a user
 * namespace makes none that works; this is the same once more, by the kernel's own list.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "policy/plan_limits.h"

/* What a container's /dev holds (plan_mounts.c), and terminals. */
static const struct device_rule own[] = {
	{ true, 'c', 1, 3, DEVICE_READ | DEVICE_WRITE },    /* null */
	{ true, 'c', 1, 5, DEVICE_READ | DEVICE_WRITE },    /* zero */
	{ true, 'c', 1, 7, DEVICE_READ | DEVICE_WRITE },    /* full */
	{ true, 'c', 1, 8, DEVICE_READ | DEVICE_WRITE },    /* random */
	{ true, 'c', 1, 9, DEVICE_READ | DEVICE_WRITE },    /* urandom */
	{ true, 'c', 5, 0, DEVICE_READ | DEVICE_WRITE },    /* tty */
	{ true, 'c', 5, 2, DEVICE_READ | DEVICE_WRITE },    /* ptmx */
	{ true, 'c', 136, -1, DEVICE_READ | DEVICE_WRITE }, /* pts/… */
};

bool devices_wanted(const struct draft *d)
{
	const struct words *list = &d->p->requirements.cgroup;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].text, controller_names[DEVICES]) == 0)
			return true;
	return d->s->linux_.resources.devices.n != 0;
}

/* ---- the rules ---- */

static unsigned access_bits(const char *access)
{
	if (access == NULL)
		return DEVICE_ALL;
	return (strchr(access, 'r') ? DEVICE_READ : 0u) |
	       (strchr(access, 'w') ? DEVICE_WRITE : 0u) |
	       (strchr(access, 'm') ? DEVICE_MKNOD : 0u);
}

static struct device_rule rule_of(const struct spec_device_rule *s)
{
	struct device_rule r = { .allow = s->allow, .type = 'a', .major = -1, .minor = -1 };

	if (s->type != NULL)
		r.type = s->type[0] == 'u' ? 'c' : s->type[0];
	if (s->major.set)
		r.major = s->major.value;
	if (s->minor.set)
		r.minor = s->minor.value;
	r.access = access_bits(s->access);
	return r;
}

static bool covers_all(const struct device_rule *r)
{
	return r->type == 'a' && r->major == -1 && r->minor == -1 && r->access == DEVICE_ALL;
}

/* Where the bundle's rules begin to matter: one about everything makes those before it pointless, and that everything
 * is refused at first goes without saying. */
static size_t first_rule(const struct spec_device_rules *list)
{
	for (size_t i = list->n; i-- > 0;) {
		struct device_rule r = rule_of(&list->at[i]);

		if (covers_all(&r))
			return r.allow ? i : i + 1;
	}
	return 0;
}

static const char *number_text(struct arena *a, int64_t v)
{
	return v < 0 ? "*" : arena_printf(a, "%lld", (long long)v);
}

static const char *rule_text(struct arena *a, const struct device_rule *r)
{
	return arena_printf(a, "%c %s:%s %s%s%s", r->type, number_text(a, r->major),
			    number_text(a, r->minor), r->access & DEVICE_READ ? "r" : "",
			    r->access & DEVICE_WRITE ? "w" : "",
			    r->access & DEVICE_MKNOD ? "m" : "");
}

static bool is_listed(const struct plan_mount *m)
{
	return m->kind == MOUNT_DEVICE && m->owned;
}

static struct device_rule rule_of_node(const struct plan_mount *m)
{
	return (struct device_rule){ .allow = true,
				     .type = m->block ? 'b' : 'c',
				     .major = m->major,
				     .minor = m->minor,
				     .access = DEVICE_READ | DEVICE_WRITE };
}

/* The bundle's in their order, then our own; a bundle has rules of its own for what it asks for. */
static void gather(struct draft *d, struct plan_devices *out)
{
	const struct spec_device_rules *list = &d->s->linux_.resources.devices;
	struct device_rule *rules = arena_array(d->a, list->n + COUNT(own) + d->mounts.n,
						sizeof *rules);
	size_t n = 0;

	for (size_t i = first_rule(list); i < list->n; i++)
		if (list->at[i].type == NULL || list->at[i].type[0] != 'p')
			rules[n++] = rule_of(&list->at[i]);
	memcpy(rules + n, own, sizeof own);
	n += COUNT(own);
	for (size_t i = 0; i < d->mounts.n && d->r->direct != NULL; i++)
		if (is_listed(&d->mounts.at[i]))
			rules[n++] = rule_of_node(&d->mounts.at[i]);
	out->rules = rules;
	out->nrules = n;
	for (size_t i = 0; i < out->nrules; i++)
		rules[i].text = rule_text(d->a, &rules[i]);
}

/* ---- the program ---- */

/* Registers: the context comes in r1 (struct bpf_cgroup_dev_ctx), the answer leaves in r0. */
enum { ANSWER, CONTEXT, TYPE, ASKED, MAJOR, MINOR };

enum { INSNS_FIXED = 7 + 2, INSNS_A_RULE = 3 + 5 };

struct code {
	struct bpf_insn *at;
	size_t n;
};

static void put(struct code *c, uint8_t op, uint8_t dst, uint8_t src, int32_t imm)
{
	c->at[c->n++] = (struct bpf_insn){
		.code = op, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .imm = imm
	};
}

static void load(struct code *c, uint8_t dst, size_t offset)
{
	put(c, BPF_LDX | BPF_MEM | BPF_W, dst, CONTEXT, 0);
	c->at[c->n - 1].off = (int16_t)offset;
}

static void answer(struct code *c, int32_t yes)
{
	put(c, BPF_ALU64 | BPF_MOV | BPF_K, ANSWER, 0, yes);
	put(c, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* A rule without effect on this call goes on behind itself. What is allowed is struck from what is asked, so that
 * each right is decided by the last rule that speaks of it. */
static void put_rule(struct code *c, const struct device_rule *r)
{
	size_t start = c->n;

	if (r->type != 'a')
		put(c, BPF_JMP32 | BPF_JNE | BPF_K, TYPE, 0,
		    r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		put(c, BPF_JMP32 | BPF_JNE | BPF_K, MAJOR, 0, (int32_t)(uint32_t)r->major);
	if (r->minor >= 0)
		put(c, BPF_JMP32 | BPF_JNE | BPF_K, MINOR, 0, (int32_t)(uint32_t)r->minor);
	if (r->allow) {
		put(c, BPF_ALU | BPF_AND | BPF_K, ASKED, 0, (int32_t)(~r->access & DEVICE_ALL));
		put(c, BPF_JMP32 | BPF_JNE | BPF_K, ASKED, 0, 0);
		answer(c, 1);
	} else {
		put(c, BPF_ALU | BPF_MOV | BPF_X, ANSWER, ASKED, 0);
		put(c, BPF_ALU | BPF_AND | BPF_K, ANSWER, 0, (int32_t)r->access);
		put(c, BPF_JMP32 | BPF_JEQ | BPF_K, ANSWER, 0, 0);
		answer(c, 0);
	}
	for (size_t i = start; i < c->n; i++)
		if ((c->at[i].code & 0x07) == BPF_JMP32)
			c->at[i].off = (int16_t)(c->n - i - 1);
}

static void compile(struct draft *d, struct plan_devices *out)
{
	struct code c = { .at = arena_array(d->a, INSNS_FIXED + out->nrules * INSNS_A_RULE,
					    sizeof *c.at) };

	load(&c, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	put(&c, BPF_ALU | BPF_MOV | BPF_X, ASKED, TYPE, 0);
	put(&c, BPF_ALU | BPF_RSH | BPF_K, ASKED, 0, 16);
	put(&c, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0xffff);
	load(&c, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	load(&c, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = out->nrules; i-- > 0;)
		put_rule(&c, &out->rules[i]);
	answer(&c, 0);
	out->code = c.at;
	out->ncode = c.n;
}

int plan_devices(struct draft *d, unsigned where, struct err *e)
{
	struct plan_devices *v = &d->plan->devices;
	const struct spec_device_rules *list = &d->s->linux_.resources.devices;
	const char *name = controller_names[DEVICES];

	(void)e; /* who requires them is refused by the list of requirements */
	v->from = list->n != 0 ? limit_place(d, "devices") : d->p->requirements.cgroup_from;
	if (where == 0) {
		if (!limit_required(d->p, name))
			draft_missing(
				d, "cgroup",
				arena_printf(d->a,
					     "device rules need root, so those of [%s] are kept by "
					     "mounts and ids alone",
					     from_text(d->a, &v->from)),
				"run as root");
		return 0;
	}
	gather(d, v);
	if (where == 2)
		compile(d, v);
	return 0;
}
