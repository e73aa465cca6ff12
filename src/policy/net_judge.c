#include "policy/net_judge.h"

#include <netinet/in.h>
#include <string.h>

#include "policy/net_own.h"

static bool has_ports(const struct net_flow *f)
{
	return f->protocol == IPPROTO_TCP || f->protocol == IPPROTO_UDP;
}

static bool port_fits(const struct net_out *r, const struct net_flow *f)
{
	for (size_t i = 0; has_ports(f) && i < r->nports; i++)
		if (r->ports[i] == f->port)
			return true;
	return r->nports == 0;
}

/* 1, 0 or -errno. */
static int fits(const struct net_out *r, const struct net_flow *f, const struct net_range *one,
		net_has_name *has, void *ctx)
{
	if (!port_fits(r, f))
		return 0;
	return r->range.width != 0 ? net_range_within(one, &r->range) : has(ctx, r->sets, f);
}

static bool began_under(const struct net_job *job, const struct net_out *r, uint32_t mark)
{
	return (mark & ~(uint32_t)NET_MARK_ENDS) == job->mark + r->row;
}

/* The order of the rules: rows within a guarded range come first, and behind them nothing opens one. */
int net_judge_out(const struct net_job *job, const struct net_flow *f, uint32_t mark,
		  net_has_name *has, void *ctx, const struct net_out **out)
{
	struct net_range one = { .width = f->width, .bits = f->width * 8 };

	memcpy(one.bytes, f->to, f->width);
	*out = NULL;

	const bool guarded = net_range_guarded(&one) != NULL;

	for (size_t i = 0; i < job->nout; i++) {
		const struct net_out *r = &job->out[i];
		const bool opens = r->range.width != 0 && net_range_guarded(&r->range) != NULL;
		int hit = guarded == opens ? fits(r, f, &one, has, ctx) : 0;

		if (hit < 0)
			return hit;
		if (hit == 0)
			continue;
		*out = r->spends != NET_COUNT || began_under(job, r, mark) ? r : NULL;
		return 0;
	}
	return 0;
}

bool net_judge_in(const struct net_job *job, const struct net_flow *f)
{
	for (size_t i = 0; has_ports(f) && i < job->nin; i++)
		if (job->in[i] == f->port)
			return true;
	return false;
}

bool net_judge_own(const struct net_job *job, uint32_t mark)
{
	return !job->given || (mark & NET_MARK_OWNER) == job->mark;
}

uint32_t net_judge_mark(const struct net_job *job, const struct net_out *row, uint32_t now)
{
	if (row == NULL || row->spends == NET_FREE)
		return job->mark;
	return began_under(job, row, now) ? now : job->mark + row->row;
}
