/*
 * The tables of an image (live_image.h), from a plan and into one.
 */
#include <string.h>

#include "policy/live_image.h"

/* Lists of a plan are const and without a capacity; here they are only read. */
#define LEND(to, n_, at_)                                                                          \
	((to).n = (to).cap = (n_), memcpy(&(to).at, &(const void *){ (at_) }, sizeof(void *)))

void live_tables_of(const struct broker_plan *p, struct live_tables *out)
{
	*out = (struct live_tables){
		.profile = p->profile,
		.audit = p->audit,
		.ioctl_from = p->ioctl_from,
		.prctl_from = p->prctl_from,
		.socket_from = p->socket_from,
		.clone_from = p->clone_from,
		.write_from = p->write_from,
		.ask_timeout_ms = p->ask_timeout_ms,
	};
	if (p->where != NULL)
		out->where = *p->where;
	LEND(out->calls, p->ncalls, p->calls);
	LEND(out->ioctls, p->nioctls, p->ioctls);
	LEND(out->prctls, p->nprctls, p->prctls);
	LEND(out->sockets, p->nsockets, p->sockets);
	LEND(out->read, p->nread, p->read);
	LEND(out->write, p->nwrite, p->write);
	LEND(out->deny_read, p->ndeny_read, p->deny_read);
	LEND(out->deny_write, p->ndeny_write, p->deny_write);
	LEND(out->hidden, p->nhidden, p->hidden);
	LEND(out->ask_read, p->ask[ASK_READ].n, p->ask[ASK_READ].rules);
	LEND(out->always_read, p->ask[ASK_READ].nalways, p->ask[ASK_READ].always);
	LEND(out->ask_write, p->ask[ASK_WRITE].n, p->ask[ASK_WRITE].rules);
	LEND(out->always_write, p->ask[ASK_WRITE].nalways, p->ask[ASK_WRITE].always);
	LEND(out->ask_execute, p->ask[ASK_EXECUTE].n, p->ask[ASK_EXECUTE].rules);
	LEND(out->always_execute, p->ask[ASK_EXECUTE].nalways, p->ask[ASK_EXECUTE].always);
	LEND(out->ask_connect, p->nconnect, p->connect);
	LEND(out->always_connect, p->nconnect_always, p->connect_always);
	LEND(out->paths, p->npaths, p->paths);
}

void live_take_numbers(const struct plan_net *n, struct live_tables *out)
{
	const struct net_numbers *x = &n->numbers;

	out->net_change = x->change;
	out->net_last = x->last;
	out->net_last_in = x->last_in;
	if (x->change == 0)
		return;
	LEND(out->net_egress, n->egress.n, x->egress);
	LEND(out->net_names, n->egress.n, x->names);
	LEND(out->net_ingress, n->ingress.n, x->ingress);
}

bool live_give_numbers(const struct live_tables *t, struct plan_net *n)
{
	if (t->net_change == 0)
		return true;
	if (t->net_egress.n != n->egress.n || t->net_names.n != n->egress.n ||
	    t->net_ingress.n != n->ingress.n)
		return false;
	n->numbers = (struct net_numbers){ .change = t->net_change,
					   .egress = t->net_egress.at,
					   .names = t->net_names.at,
					   .ingress = t->net_ingress.at,
					   .known = t->net_last,
					   .known_in = t->net_last_in,
					   .last = t->net_last,
					   .last_in = t->net_last_in };
	return true;
}

static void apply_ask(struct broker_plan *out, enum ask_kind kind, const struct live_rules *rules,
		      const struct live_rules *always)
{
	out->ask[kind].n = rules->n;
	out->ask[kind].rules = rules->at;
	out->ask[kind].nalways = always->n;
	out->ask[kind].always = always->at;
}

void live_apply(const struct broker_plan *base, const struct live_tables *t,
		struct broker_plan *out)
{
	*out = *base;
	out->profile = t->profile;
	out->audit = t->audit;
	out->ncalls = t->calls.n;
	out->calls = t->calls.at;
	out->where = &t->where;
	out->nioctls = t->ioctls.n;
	out->ioctls = t->ioctls.at;
	out->nprctls = t->prctls.n;
	out->prctls = t->prctls.at;
	out->nsockets = t->sockets.n;
	out->sockets = t->sockets.at;
	out->ioctl_from = t->ioctl_from;
	out->prctl_from = t->prctl_from;
	out->socket_from = t->socket_from;
	out->clone_from = t->clone_from;
	out->write_from = t->write_from;
	out->nread = t->read.n;
	out->read = t->read.at;
	out->nwrite = t->write.n;
	out->write = t->write.at;
	out->ndeny_read = t->deny_read.n;
	out->deny_read = t->deny_read.at;
	out->ndeny_write = t->deny_write.n;
	out->deny_write = t->deny_write.at;
	out->nhidden = t->hidden.n;
	out->hidden = t->hidden.at;
	apply_ask(out, ASK_READ, &t->ask_read, &t->always_read);
	apply_ask(out, ASK_WRITE, &t->ask_write, &t->always_write);
	apply_ask(out, ASK_EXECUTE, &t->ask_execute, &t->always_execute);
	out->nconnect = t->ask_connect.n;
	out->connect = t->ask_connect.at;
	out->nconnect_always = t->always_connect.n;
	out->connect_always = t->always_connect.at;
	out->ask_timeout_ms = t->ask_timeout_ms;
	out->npaths = t->paths.n;
	out->paths = t->paths.at;
}

static bool is_performed(enum mediator m)
{
	return m == MEDIATE_OPEN || m == MEDIATE_NAMES || m == MEDIATE_ADDRESS;
}

/* Whether the filter sends this call to a broker that is prepared for what is to decide about it. */
static bool call_fits(const struct plan_call *was, const struct plan_call *is)
{
	return strcmp(is->name, was->name) == 0 &&
	       (!is_performed(is->mediator) || is->mediator == was->mediator);
}

static bool calls_fit(const struct broker_plan *base, const struct live_calls *calls)
{
	const struct plan_call *was = base->calls, *end = was + base->ncalls;
	int last = -1;

	for (size_t i = 0; i < calls->n; i++) {
		const struct plan_call *is = &calls->at[i];

		if (is->nr <= last)
			return false;
		last = is->nr;
		if (was == end || was->nr != is->nr) {
			if (is->mediator != MEDIATE_NONE)
				return false;
		} else if (!call_fits(was++, is)) {
			return false;
		}
	}
	return was == end;
}

void live_asked(struct arena *a, const struct broker_plan *p, struct live_calls *out)
{
	*out = (struct live_calls){ .at = arena_array(a, p->ncalls, sizeof *out->at) };
	for (size_t i = 0; i < p->ncalls; i++)
		if (p->calls[i].mediator != MEDIATE_NONE)
			out->at[out->n++] = p->calls[i];
	out->cap = out->n;
}

bool live_fits(const struct broker_plan *base, const struct live_tables *t)
{
	if (t->profile == NULL)
		return false;
	if (!base->asks &&
	    t->ask_read.n + t->ask_write.n + t->ask_execute.n + t->ask_connect.n != 0)
		return false;
	if (!base->addresses && t->ask_connect.n != 0)
		return false;
	if (!base->traces && t->ask_execute.n != 0)
		return false;
	return calls_fit(base, &t->calls);
}
