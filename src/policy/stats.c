#include "policy/stats.h"

#include <errno.h>

static const struct host any_host = {
	.privileged = true,
	.initial_userns = true,
	.id_limit = UINT32_MAX,
	.user_namespaces = true,
	.landlock_abi = 6,
	.seccomp_notify = true,
	.seccomp_killable_wait = true,
	.cgroup = { .v2_parent = "/sys/fs/cgroup/zviz", .v2_controllers = UINT32_MAX },
};

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
	struct host host = any_host;
	struct spec spec = { .file = "no bundle" };
	const struct direct_view view = { .user = "user", .home = "/home/user" };
	const struct plan_request request = { .id = "stats", .init = true, .direct = &view };
	struct plan plan;

	host.arch = arch;
	*LIST_ADD(a, &spec.process.args) = "true";
	TRY(plan_make(a, &request, &spec, p, &host, &plan, e));
	*out = (struct profile_stats){ .instructions = (unsigned)plan.filter.n };
	for (size_t i = 0; i < plan.ncalls; i++)
		count_call(&plan, &plan.calls[i], out);
	return 0;
}
