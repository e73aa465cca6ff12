/*
 * What else a profile may permit beside the rules of its network: no socket whose packets they do not see.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/plan_calls.h"

/* ---- what no list of sockets has a say in ---- */

const struct where_rule *row_that_allows(const struct calls *c, const char *const *names, size_t n)
{
	const struct where_rules *w = &c->d->p->syscalls.where;

	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < n; k++)
			if (w->at[i].then == PROFILE_ALLOW &&
			    strcmp(w->at[i].syscall, names[k]) == 0)
				return &w->at[i];
	return NULL;
}

const struct plan_call *rings_allowed(const struct calls *c)
{
	const struct plan_call *call = planned(c, "io_uring_setup");

	if (call == NULL || call->verdict == CALL_DENY || call->verdict == CALL_NOSYS ||
	    call->mediator == MEDIATE_DENY)
		return NULL;
	return call;
}

static int check_unlisted(const struct calls *c, struct err *e)
{
	static const char *const makes[] = { "socket" };
	const struct where_rule *row = row_that_allows(c, makes, COUNT(makes));
	const struct plan_call *rings = rings_allowed(c);
	const struct draft *d = c->d;

	if (row != NULL) {
		fail(e, EINVAL,
		     "%s: this row of syscalls.where lets %s go on by itself, and sockets of some kinds send past "
		     "the rules of a network",
		     from_text(d->a, &row->from), row->syscall);
		return advise(e, "take the row out, and list the sockets in sockets.allow");
	}
	if (rings == NULL)
		return 0;
	fail(e, EINVAL,
	     "%s: io_uring_setup is allowed, whose rings make sockets unseen, and some send past the rules of a network",
	     from_text(d->a, rings->from));
	return advise(e, "take io_uring_setup out of syscalls.allow");
}

/* ---- the list of sockets ---- */

/* Those of which it is known that what they send is a packet of IP, or stays in the network. Of the others some leave every network
 * (vsock, qipcrtr), some send frames to a device (pppox, can), and of what the rest do nobody has made sure. */
static bool is_seen(int family)
{
	switch (family) {
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
	case AF_NETLINK:
	case AF_ALG:
	case AF_KCM: /* over sockets of TCP */
		return true;
	default:
		return false;
	}
}

/* Frames that are made by hand pass no rule (packet(7), AF_XDP); the kernel takes a type of inet for them as well. */
static bool is_for_frames(const struct socket_rule *r)
{
	return r->family == AF_PACKET || r->family == AF_XDP ||
	       (r->family == AF_INET && (r->types & 1u << SOCK_PACKET));
}

/* They take CAP_NET_RAW, which nobody has over a network by path. */
static int check_frames(const struct draft *d, const struct socket_rule *r, const struct word *w,
			struct err *e)
{
	if (d->plan->net.given || w == NULL)
		return 0;
	fail(e, EINVAL,
	     "%s: with %s and the sockets of %s the workload could send frames past the rules of its network",
	     from_text(d->a, &w->from), w->text, from_text(d->a, &r->from));
	return advise(e, "leave it out, or sockets of packet and xdp; of inet, name types other "
			 "than packet");
}

static int check_listed(const struct draft *d, struct err *e)
{
	const struct socket_rules *rules = &d->p->sockets_allow;
	const struct word *raw = kept_capability(d, CAP_NET_RAW);

	for (size_t i = 0; i < rules->n; i++) {
		const struct socket_rule *r = &rules->at[i];
		const struct name *family = name_of(socket_families, r->family);

		if (is_for_frames(r)) {
			TRY(check_frames(d, r, raw, e));
			continue;
		}
		if (is_seen(r->family))
			continue;
		fail(e, EINVAL, "%s: %s sockets are not under the rules of a network",
		     from_text(d->a, &r->from), family != NULL ? family->name : "such");
		return advise(e, "take them out of sockets.allow");
	}
	return 0;
}

int check_network(const struct calls *c, struct err *e)
{
	if (!c->d->plan->net.used)
		return 0;
	TRY(check_listed(c->d, e));
	return check_unlisted(c, e);
}
