#include "policy/diff.h"

#include <linux/seccomp.h>
#include <string.h>

#include "policy/symbolic.h"
#include "table/table.h"

enum {
	SETS_SHOWN = 12, /* of one call */
	NR_LIMIT = 0x40000000,
};

struct profile diff_profile(const struct profile *p)
{
	struct profile copy = *p;

	copy.audit = AUDIT_NONE;
	copy.syscalls.broker = (struct words){ 0 };
	for (size_t i = 0; i < copy.syscalls.mentions.n; i++)
		copy.syscalls.mentions.at[i].broker = false;
	return copy;
}

/* ---- one call, or a range of numbers ---- */

/* All that a set says of one word under one mask, but for single values that it leaves out: [low, high). */
struct span {
	unsigned word;
	uint32_t mask;
	uint64_t low, high;
};

struct comparison {
	struct arena *a;
	const struct bpf_program *other;
	const char *name; /* of the call */
	const struct syscall *call;
	bool refuses;    /* the same side: some of these calls */
	bool both;       /* the other side permits some that this one does */
	struct buf sets; /* what this side alone permits */
	size_t nsets, nshown;
	bool listed; /* the last one shown was a single value of this: */
	struct span last;
	struct err *e;
};

/* What is asked of the broker is performed, if its rules permit: files compare those. */
static bool permits(bpf_verdict v)
{
	switch (v & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return true;
	default:
		return false;
	}
}

static const struct name *names_of(const struct syscall *s, unsigned arg)
{
	switch (s != NULL && arg < 6 ? s->arg[arg] : ARG_NONE) {
	case ARG_IOCTL:
		return ioctl_names;
	case ARG_PRCTL:
		return prctl_names;
	case ARG_SOCKET_FAMILY:
		return socket_families;
	case ARG_SOCKET_TYPE:
		return socket_types;
	default:
		return NULL;
	}
}

static struct span span_of(const struct symbolic_set *s, unsigned word, uint32_t mask)
{
	struct span span = { word, mask, 0, UINT64_C(1) << 32 };

	for (size_t i = 0; i < s->n; i++) {
		const struct symbolic_condition *c = &s->at[i];

		if (c->word != word || c->mask != mask)
			continue;
		if ((c->op == SYMBOLIC_EQ || c->op == SYMBOLIC_GE) && c->value > span.low)
			span.low = c->value;
		if (c->op == SYMBOLIC_EQ && (uint64_t)c->value + 1 < span.high)
			span.high = (uint64_t)c->value + 1;
		if (c->op == SYMBOLIC_LT && c->value < span.high)
			span.high = c->value;
	}
	return span;
}

/* Conditions on the same word under the same mask are shown once, with the first. Which call it is, is known. */
static bool is_shown(const struct symbolic_set *s, size_t i)
{
	const struct symbolic_condition *c = &s->at[i];

	if (c->word == SYMBOLIC_NR || c->word == SYMBOLIC_ARCH)
		return true;
	for (size_t j = 0; j < i; j++)
		if (s->at[j].word == c->word && s->at[j].mask == c->mask)
			return true;
	return false;
}

static void describe_value(struct comparison *c, const struct span *span, uint64_t value)
{
	const struct name *names = names_of(c->call, (span->word - SYMBOLIC_ARGS) / 2u);
	const struct name *n = names != NULL && span->word % 2 == 0 ? name_of(names, (int64_t)value)
								    : NULL;

	if (n != NULL)
		buf_puts(&c->sets, n->name);
	else
		buf_printf(&c->sets, "0x%llx", (unsigned long long)value);
}

static void describe_word(struct comparison *c, const struct span *span)
{
	unsigned arg = (span->word - SYMBOLIC_ARGS) / 2u;

	if (span->word < SYMBOLIC_ARGS)
		buf_puts(&c->sets, "the instruction pointer");
	else
		buf_printf(&c->sets, "arg%u%s", arg, span->word % 2 ? " (high half)" : "");
	if (span->mask != UINT32_MAX)
		buf_printf(&c->sets, " & 0x%x", span->mask);
}

static void describe_span(struct comparison *c, const struct symbolic_set *s,
			  const struct span *span, const char *between)
{
	const char *more = between;

	if (span->low != 0 || span->high != UINT64_C(1) << 32) {
		buf_puts(&c->sets, more);
		describe_word(c, span);
		buf_puts(&c->sets, " = ");
		describe_value(c, span, span->low);
		if (span->high != span->low + 1) {
			buf_puts(&c->sets, " to ");
			describe_value(c, span, span->high - 1);
		}
		more = ", ";
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct symbolic_condition *n = &s->at[i];

		if (n->word != span->word || n->mask != span->mask || n->op != SYMBOLIC_NE ||
		    n->value < span->low || n->value >= span->high)
			continue;
		buf_puts(&c->sets, more);
		describe_word(c, span);
		buf_puts(&c->sets, " != ");
		describe_value(c, span, n->value);
		more = ", ";
	}
}

/* Whether a set is nothing but single values of one word, as most are: then it only adds a value to a list. */
static bool only_value(const struct symbolic_set *s, struct span *out)
{
	size_t spans = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (is_shown(s, i))
			continue;
		*out = span_of(s, s->at[i].word, s->at[i].mask);
		if (spans++ > 0 || out->high != out->low + 1)
			return false;
	}
	return spans == 1;
}

static void describe_set(struct comparison *c, const struct symbolic_set *s)
{
	struct span only;
	const char *between = "";

	c->nsets++;
	if (only_value(s, &only) && c->listed && only.word == c->last.word &&
	    only.mask == c->last.mask) {
		buf_puts(&c->sets, ", ");
		describe_value(c, &only, only.low);
		return;
	}
	if (c->nshown++ >= SETS_SHOWN)
		return;
	buf_puts(&c->sets, c->nshown == 1 ? "" : "; ");
	c->listed = only_value(s, &c->last);
	for (size_t i = 0; i < s->n; i++) {
		struct span span;

		if (is_shown(s, i))
			continue;
		span = span_of(s, s->at[i].word, s->at[i].mask);
		describe_span(c, s, &span, between);
		between = ", ";
	}
}

static int other_path(void *ctx, bpf_verdict v, struct symbolic_set *calls)
{
	struct comparison *c = ctx;

	if (permits(v))
		c->both = true;
	else
		describe_set(c, calls);
	return 0;
}

static int one_path(void *ctx, bpf_verdict v, struct symbolic_set *calls)
{
	struct comparison *c = ctx;

	if (!permits(v)) {
		c->refuses = true;
		return 0;
	}
	return symbolic_run(c->other, calls, other_path, c, c->e);
}

static int compare(struct comparison *c, const struct bpf_program *one, struct symbolic_set *s,
		   struct diff_lines *out)
{
	c->sets = (struct buf){ .arena = c->a };

	int r = symbolic_run(one, s, one_path, c, c->e);

	if (r < 0 || c->nsets == 0)
		return r;
	if (!c->refuses && !c->both)
		*LIST_ADD(c->a, out) = arena_printf(c->a, "syscalls: %s", c->name);
	else if (c->nshown > SETS_SHOWN)
		*LIST_ADD(c->a, out) = arena_printf(c->a, "syscalls: %s where %s; and %zu more",
						    c->name, buf_text(&c->sets),
						    c->nshown - SETS_SHOWN);
	else
		*LIST_ADD(c->a, out) = arena_printf(c->a, "syscalls: %s where %s", c->name,
						    buf_text(&c->sets));
	return 0;
}

static int compare_calls(struct arena *a, uint32_t arch, const struct bpf_program *one,
			 const struct bpf_program *other, struct diff_lines *out, struct err *e)
{
	struct symbolic_set s;
	uint32_t next = 0, top = syscall_top(arch);

	s.branches = 0;

	for (uint32_t nr = 0; nr <= top; nr++) {
		const struct syscall *call = nr < top ? syscall_number(arch, (int)nr) : NULL;
		struct comparison c = { .a = a, .other = other, .e = e };

		if (call == NULL && nr < top)
			continue;
		/* The numbers that no call has, up to this one; at the top, all that are left. */
		if (nr > next || nr == top) {
			uint32_t end = nr < top ? nr : NR_LIMIT;

			s.n = 0;
			symbolic_add(&s, SYMBOLIC_ARCH, SYMBOLIC_EQ, UINT32_MAX, arch);
			symbolic_add(&s, SYMBOLIC_NR, SYMBOLIC_GE, UINT32_MAX, next);
			symbolic_add(&s, SYMBOLIC_NR, SYMBOLIC_LT, UINT32_MAX, end);
			c.name = arena_printf(a,
					      "numbers %u to %u, which are no calls that are known",
					      next, end - 1);
			TRY(compare(&c, one, &s, out));
			c = (struct comparison){ .a = a, .other = other, .e = e };
		}
		if (call == NULL)
			continue;
		s.n = 0;
		symbolic_add(&s, SYMBOLIC_ARCH, SYMBOLIC_EQ, UINT32_MAX, arch);
		symbolic_add(&s, SYMBOLIC_NR, SYMBOLIC_EQ, UINT32_MAX, nr);
		c.name = call->name;
		c.call = call;
		TRY(compare(&c, one, &s, out));
		next = nr + 1;
	}
	s.n = 0;
	symbolic_add(&s, SYMBOLIC_ARCH, SYMBOLIC_EQ, UINT32_MAX, arch);
	symbolic_add(&s, SYMBOLIC_NR, SYMBOLIC_GE, UINT32_MAX, NR_LIMIT);

	struct comparison x32 = {
		.a = a, .other = other, .e = e, .name = "numbers of the x32 ABI"
	};
	struct comparison others = {
		.a = a, .other = other, .e = e, .name = "calls of other architectures"
	};

	TRY(compare(&x32, one, &s, out));
	s.n = 0;
	symbolic_add(&s, SYMBOLIC_ARCH, SYMBOLIC_NE, UINT32_MAX, arch);
	return compare(&others, one, &s, out);
}

int diff_beyond(struct arena *a, uint32_t arch, const struct diff_side *one,
		const struct diff_side *other, struct diff_lines *out, struct err *e)
{
	if (compare_calls(a, arch, one->filter, other->filter, out, e) < 0)
		return within(e, "%s or %s", one->name, other->name);
	if (one->plan != NULL && other->plan != NULL)
		diff_profiles(a, one, other, out);
	return 0;
}
