/*
 * What a meaning says of one call.
 */
#include <linux/seccomp.h>

#include "policy/meaning.h"

static bool test_holds(const struct meaning_test *t, const struct bpf_call *call)
{
	uint64_t masked = call->arg[t->arg] & t->mask;

	return t->not_zero ? masked != 0 : masked == t->value;
}

/* The row that decides, or NULL: then it is `*otherwise`. */
static const struct meaning_row *deciding(const struct meaning *m, const struct bpf_call *call,
					  bpf_verdict *otherwise)
{
	const struct meaning_call *c = NULL;

	*otherwise = m->other_arch;
	while (m != NULL && call->arch != m->arch)
		m = m->also;
	if (m == NULL)
		return NULL;
	for (size_t i = 0; i < m->n && c == NULL; i++)
		if (m->at[i].nr == call->nr)
			c = &m->at[i];
	*otherwise = c != NULL                          ? c->otherwise
		     : (uint32_t)call->nr < m->nr_limit ? m->unknown
							: m->beyond;
	for (size_t i = 0; c != NULL && i < c->n; i++) {
		size_t t = 0;

		while (t < c->at[i].ntests && test_holds(&c->at[i].tests[t], call))
			t++;
		if (t == c->at[i].ntests)
			return &c->at[i];
	}
	return NULL;
}

bpf_verdict meaning_of(const struct meaning *m, const struct bpf_call *call)
{
	bpf_verdict otherwise;
	const struct meaning_row *r = deciding(m, call, &otherwise);

	return r != NULL ? r->answer : otherwise;
}

bool meaning_row_admits(const struct meaning_row *r, bpf_verdict does)
{
	return does == r->answer || (r->or_asked && does == SECCOMP_RET_USER_NOTIF);
}

bool meaning_admits(const struct meaning *m, const struct bpf_call *call, bpf_verdict does)
{
	bpf_verdict otherwise;
	const struct meaning_row *r = deciding(m, call, &otherwise);

	return r != NULL ? meaning_row_admits(r, does) : does == otherwise;
}
