#include "policy/stats.h"

#include <errno.h>

#include "policy/reference.h"

static void count_call(const struct plan *p, const struct plan_call *call,
		       struct profile_stats *out)
{
	struct bpf_call c = { .arch = plan_audit_arch(p->host->arch), .nr = call->nr };
	bool refused = call->verdict == CALL_DENY || call->verdict == CALL_NOSYS ||
		       (call->verdict == CALL_ASK && call->mediator == MEDIATE_DENY);
	unsigned steps;

	if (call->verdict == CALL_ARGS)
		out->by_argument++;
	else if (!refused)
		out->allowed++;
	else if (call->err == ENOSYS)
		out->enosys++;
	else
		out->eperm++;
	out->brokered += !refused && call->mediator != MEDIATE_NONE;
	if (call->verdict == CALL_ARGS)
		return;
	bpf_run(&p->filter, &c, &steps, NULL);
	out->longest = steps > out->longest ? steps : out->longest;
}

int profile_stats(struct arena *a, const struct profile *p, enum host_arch arch,
		  struct profile_stats *out, struct err *e)
{
	struct reference ref;
	struct plan plan;

	TRY(reference_plan(a, p, arch, false, false, &ref, &plan, e));
	*out = (struct profile_stats){ .instructions = (unsigned)plan.filter.n };
	for (size_t i = 0; i < plan.ncalls; i++)
		count_call(&plan, &plan.calls[i], out);
	return 0;
}
