/*
 * Whose network, and what crosses its border.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>

#include "policy/draft.h"
#include "policy/net_counts.h"
#include "policy/net_job.h"
#include "policy/net_own.h"
#include "policy/net_rules.h"
#include "table/table.h"

/* Rules about addresses have no layer on the host's network; in a namespace without a way out, nothing gets past them. */
static int host_rules(struct draft *d, const char *what, const struct from *from, struct err *e)
{
	if (d->p->requirements.network_policy == NEED_PREFERRED) {
		draft_missing(
			d, "network",
			arena_printf(d->a, "%s rules are not enforced on the host's network", what),
			"use `mode: none` or `mode: private`");
		return 0;
	}
	fail(e, EOPNOTSUPP, "%s: %s rules on the host's network are enforced by nothing",
	     from_text(d->a, from), what);
	return advise(
		e, "use `mode: none` or `private`, or `requirements: {network_policy: preferred}`");
}

static int plan_host(struct draft *d, struct err *e)
{
	const struct profile *p = d->p;

	d->plan->namespaces &= ~(uint64_t)CLONE_NEWNET;
	d->plan->share_network = true;
	if (p->network.egress.n != 0)
		TRY(host_rules(d, "egress", &p->network.egress.at[0].from, e));
	if (p->network.ingress.n != 0)
		TRY(host_rules(d, "ingress", &p->network.ingress.at[0].from, e));
	return 0;
}

static void add_egress(struct draft *d, const struct egress_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		*LIST_ADD(d->a, &d->plan->net.egress) = rules->at[i];
}

/* What may come in: ports of the profile's rows, and what the command line publishes. */
static void add_ingress(struct draft *d)
{
	struct plan_net *n = &d->plan->net;

	for (size_t i = 0; i < d->p->network.ingress.n; i++)
		*LIST_ADD(d->a, &n->ingress) = d->p->network.ingress.at[i];
	for (size_t i = 0; i < n->npublished; i++)
		*LIST_ADD(d->a, &n->ingress) = (struct ingress_rule){ n->published[i].container,
								      { .file = "--publish" } };
}

/* The resolver's memory is taken when it starts. */
static int count_names(struct draft *d, struct err *e)
{
	struct plan_net *n = &d->plan->net;

	for (size_t i = 0; i < n->egress.n; i++) {
		const struct egress_rule *r = &n->egress.at[i];

		if (r->domain != NULL && ++n->ndomains > NET_DOMAINS_MAX)
			return fail(e, E2BIG, "%s: %d rows that name domains are the most",
				    from_text(d->a, &r->from), NET_DOMAINS_MAX);
	}
	/* In the direct form /etc/resolv.conf is ours, and names it. */
	n->catches = n->ndomains != 0 && d->r->direct == NULL;
	return 0;
}

const struct word *kept_capability(const struct draft *d, int64_t wanted)
{
	for (size_t i = 0; i < d->p->keep_capabilities.n; i++) {
		const struct word *w = &d->p->keep_capabilities.at[i];
		const struct name *n = name_find(capability_names, w->text);

		if (n != NULL && n->value == wanted)
			return w;
	}
	return NULL;
}

/* Who may configure a network takes its rules away. */
static int check_capabilities(const struct draft *d, enum network_mode mode, struct err *e)
{
	const struct word *w = kept_capability(d, CAP_NET_ADMIN);

	if (w != NULL) {
		fail(e, EINVAL,
		     "%s: with %s the workload could take away the rules of its private network",
		     from_text(d->a, &w->from), w->text);
		return advise(e, mode == NETWORK_NONE ? "leave it out"
						      : "leave it out, or use `mode: none`");
	}
	return 0;
}

/* Devices and NAT are the host's: who may not configure its network has a program speak for the container. */
static int choose_way(struct draft *d, struct err *e)
{
	struct plan_net *n = &d->plan->net;

	n->way = d->h->net_admin ? NET_PAIR : d->h->pasta[0] != '\0' ? NET_PASTA : NET_SLIRP4NETNS;
	n->program = n->way == NET_PAIR    ? NULL
		     : n->way == NET_PASTA ? d->h->pasta
					   : d->h->slirp4netns;
	if (n->program == NULL || n->program[0] != '\0')
		return 0;
	fail(e, ENOENT, "network mode private [%s]: neither pasta nor slirp4netns is installed",
	     d->r->network.set ? "--network" : from_text(d->a, &d->p->network.mode_from));
	return advise(e, "apt-get install passt (or slirp4netns), start zviz as root, "
			 "or use `mode: none` or `mode: host`");
}

/* What a program cannot do is said before it is started. */
static int check_published(const struct draft *d, struct err *e)
{
	const struct plan_net *n = &d->plan->net;

	for (size_t i = 0; n->way == NET_SLIRP4NETNS && i < n->npublished; i++) {
		const struct plan_publish *p = &n->published[i];

		if (p->address == NULL || strchr(p->address, ':') == NULL)
			continue;
		fail(e, EAFNOSUPPORT,
		     "--publish [%s]:%u:%u: slirp4netns publishes at IPv4 addresses alone",
		     p->address, p->host, p->container);
		return advise(
			e, "apt-get install passt, whose pasta can, or publish at an IPv4 address");
	}
	return 0;
}

int network_write(struct draft *d, struct err *e)
{
	struct plan_net *n = &d->plan->net;
	struct buf rules = { .arena = d->a };

	if (!n->used)
		return 0;
	if (n->given) {
		net_own_ids(d->a, &d->plan->gid_maps, n);
		if (n->egress.n > NET_MARK_ROWS_MAX)
			return fail(e, E2BIG,
				    "network.egress: in a network by path %d rows are the most",
				    NET_MARK_ROWS_MAX);
	}
	net_rules_print(d->plan, &rules);
	n->rules = buf_text(&rules);
	n->rules_len = rules.len;
	return 0;
}

static int plan_private(struct draft *d, struct err *e)
{
	struct plan_net *n = &d->plan->net;

	TRY(choose_way(d, e));
	n->used = true;
	n->told = d->r->events || d->r->verbose;
	n->npublished = d->r->npublished;
	n->published = d->r->published;
	TRY(check_published(d, e));
	add_egress(d, &d->p->network.egress);
	add_egress(d, &d->r->allow);
	add_ingress(d);
	TRY(count_names(d, e));
	return check_capabilities(d, NETWORK_PRIVATE, e);
}

/* ---- rules alone ---- */

/* Mode none has no row, so that nothing but the loopback is left. */
static int plan_rules(struct draft *d, enum network_mode mode, struct err *e)
{
	struct plan_net *n = &d->plan->net;

	n->used = true;
	n->told = d->r->events || d->r->verbose;
	if (mode == NETWORK_PRIVATE) {
		add_egress(d, &d->p->network.egress);
		add_egress(d, &d->r->allow);
		add_ingress(d);
	}
	TRY(count_names(d, e));
	return check_capabilities(d, mode, e);
}

/* ---- a network that hooks or the engine connect ---- */

/* Those that run on this machine: they can reach a network of its own, and lead anywhere from there. */
static bool hooks_may_connect(const struct spec *s)
{
	return s->hooks.prestart.n + s->hooks.create_runtime.n + s->hooks.poststart.n != 0;
}

/* Where the container is to have ids of the engine's choice, it has the runtime make the network as well, for the owner to be that
 * user namespace, and connects it between create and start: Podman with --userns, --uidmap and their like, and containerd 1.7 for
 * Pods with hostUsers: false. */
static const struct pair engines[] = {
	{ "io.container.manager", "libpod" },
	{ "io.kubernetes.cri.container-type", "sandbox" },
};

static bool is_annotated(const struct spec *s, const struct pair *with, size_t n)
{
	for (size_t i = 0; i < s->annotations.n; i++)
		for (size_t j = 0; j < n; j++)
			if (strcmp(s->annotations.at[i].key, with[j].key) == 0 &&
			    strcmp(s->annotations.at[i].value, with[j].value) == 0)
				return true;
	return false;
}

static bool is_mounted(const struct spec *s, const char *at)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (strcmp(s->mounts.at[i].destination, at) == 0)
			return true;
	return false;
}

/* Docker from 28 on and Buildah have no hook and say nothing of themselves: they move devices into a network that create has made,
 * as a program that has been given names of its neighbours and of servers is to have neighbours. Podman writes the same files, and
 * names a path where it connects (but as above). */
static bool names_neighbours(const struct spec *s)
{
	return is_mounted(s, "/etc/hosts") && is_mounted(s, "/etc/hostname") &&
	       is_mounted(s, "/etc/resolv.conf") && !is_annotated(s, engines, 1);
}

/* Between create and start: a run leaves no time for it. */
static bool engine_connects(const struct draft *d)
{
	const struct spec *s = d->s;
	bool own = false;

	for (size_t i = 0; i < s->linux_.namespaces.n; i++)
		own |= strcmp(s->linux_.namespaces.at[i].type, "network") == 0;
	if (!own)
		return false;
	if (s->linux_.uid_maps.n != 0 && is_annotated(s, engines, COUNT(engines)))
		return true;
	return d->r->create && names_neighbours(s);
}

/* A second way out beside theirs would be one that nobody asked for. */
static int plan_brought(struct draft *d, enum network_mode mode, struct err *e)
{
	d->plan->net.way = NET_BROUGHT;
	/* By hand, as only CAP_NET_RAW lets anybody: then the workload has it not. */
	d->plan->net.announced = kept_capability(d, CAP_NET_RAW) == NULL;
	return plan_rules(d, mode, e);
}

/* ---- a namespace by path ---- */

static const char *given_where(const struct draft *d)
{
	for (size_t i = 0; i < d->plan->ngivens; i++)
		if (d->plan->givens[i].type == CLONE_NEWNET)
			return arena_printf(d->a, "%s: linux.namespaces[%zu].path", d->s->file,
					    d->plan->givens[i].index);
	return d->s->file;
}

/* The bundle has said which network it is, and whoever made that one leads into it. */
static int given_options(const struct draft *d, enum network_mode mode, struct err *e)
{
	if (d->r->network.set || d->r->npublished != 0) {
		fail(e, EINVAL, "--%s: %s names the network",
		     d->r->network.set ? "network" : "publish", given_where(d));
		return advise(e, "leave out the option, or the path");
	}
	if (d->r->allow.n == 0 || mode == NETWORK_PRIVATE)
		return 0;
	fail(e, EINVAL,
	     "--allow: network mode %s [%s] permits nothing, in the network of %s as well",
	     mode == NETWORK_NONE ? "none" : "host", from_text(d->a, &d->p->network.mode_from),
	     given_where(d));
	return advise(e, "use a profile with `network: {mode: private}`");
}

/* Mode host means that nothing is asked. */
static int plan_given(struct draft *d, enum network_mode mode, struct err *e)
{
	TRY(given_options(d, mode, e));
	if (mode == NETWORK_HOST) {
		if (d->p->network.egress.n != 0)
			TRY(host_rules(d, "egress", &d->p->network.egress.at[0].from, e));
		if (d->p->network.ingress.n != 0)
			TRY(host_rules(d, "ingress", &d->p->network.ingress.at[0].from, e));
		return 0;
	}
	d->plan->net.given = true;
	return plan_rules(d, mode, e);
}

static int only_private(const struct draft *d, struct err *e)
{
	if (d->r->allow.n == 0 && d->r->npublished == 0)
		return 0;
	fail(e, EINVAL, "--%s needs a network with a way out",
	     d->r->allow.n != 0 ? "allow" : "publish");
	return advise(e, "add --network private, or `network: {mode: private}` to the profile");
}

enum network_mode plan_network_mode(const struct plan_request *r, const struct profile *p)
{
	return r->network.set ? (enum network_mode)r->network.value : p->network.mode;
}

int network_plan(struct draft *d, struct err *e)
{
	const struct profile *p = d->p;
	enum network_mode mode = plan_network_mode(d->r, p);

	if (d->plan->given & CLONE_NEWNET)
		return plan_given(d, mode, e);
	if (mode != NETWORK_PRIVATE)
		TRY(only_private(d, e));
	if (mode == NETWORK_HOST)
		return plan_host(d, e);
	/* It is the machine's, and no socket leads to it (plan_bare.c). */
	if (d->plan->bare) {
		d->plan->share_network = true;
		return 0;
	}
	if (!(d->plan->namespaces & CLONE_NEWNET)) {
		fail(e, EINVAL,
		     "profile %s has no network namespace, and network mode %s [%s] needs one",
		     p->name, mode == NETWORK_NONE ? "none" : "private",
		     from_text(d->a, &p->network.mode_from));
		return advise(e, "list network under `namespaces:`, or use `mode: host`");
	}
	if (hooks_may_connect(d->s) || engine_connects(d))
		return plan_brought(d, mode, e);
	return mode == NETWORK_PRIVATE ? plan_private(d, e) : 0;
}

static void explain_egress(const struct plan_net *n, size_t row, struct buf *out)
{
	const struct egress_rule *r = &n->egress.at[row];

	buf_printf(out, "  out to %s", shown(out->arena, r->cidr != NULL ? r->cidr : r->domain));
	for (size_t i = 0; i < r->n; i++)
		buf_printf(out, "%s%llu", i != 0 ? ", " : " port ",
			   (unsigned long long)r->ports[i]);
	buf_puts(out, net_terms(out->arena, r));
	buf_printf(out, " [%s]", shown(out->arena, from_text(out->arena, &r->from)));
	if (n->counts != NULL)
		net_counts_print_row(r, &n->counts->egress[row], out);
	buf_puts(out, "\n");
}

static void explain_ingress(const struct plan_net *n, size_t i, struct buf *out)
{
	const struct ingress_rule *r = &n->ingress.at[i];

	buf_printf(out, "  in to port %u [%s]", r->port,
		   shown(out->arena, from_text(out->arena, &r->from)));
	if (n->counts != NULL)
		buf_printf(out, ": %llu connection%s", (unsigned long long)n->counts->ingress[i],
			   n->counts->ingress[i] == 1 ? "" : "s");
	buf_puts(out, "\n");
}

static void explain_refused(const struct plan_net *n, struct buf *out)
{
	const struct net_counts *c = n->counts;

	if (c != NULL)
		buf_printf(
			out,
			"  refused so far, in packets: %llu out that no row names, %llu to metadata or over the "
			"link, %llu in\n",
			(unsigned long long)c->out, (unsigned long long)c->guarded,
			(unsigned long long)c->in);
	if (c != NULL && n->program != NULL)
		buf_printf(out, "  refused so far, in packets: %llu to the host itself\n",
			   (unsigned long long)c->host);
}

void network_explain(const struct plan *p, struct buf *out)
{
	const struct plan_net *n = &p->net;

	buf_printf(out, "  network: %s\n",
		   p->landlock_net != 0 ? "none: no socket leads to the machine's"
		   : p->share_network   ? "the host's"
		   : n->given
			   ? "by path, with rules for what this container sends, and what comes in"
		   : (p->given & CLONE_NEWNET) ? "by path, without rules"
		   : n->used && n->way == NET_BROUGHT
			   ? "loopback, and what hooks of the bundle or its engine bring, by rules"
		   : n->used ? "private, with a way out by rules"
			     : "loopback only");
	if (n->program != NULL)
		buf_printf(out,
			   "  way out: %s, from sockets of this host's; never to the host itself\n",
			   shown(out->arena, n->program));
	for (size_t i = 0; i < n->egress.n; i++)
		explain_egress(n, i, out);
	if (n->ndomains != 0)
		buf_printf(out, "  names: asked of zviz-net%s, which opens their addresses\n",
			   n->catches ? ", whatever server is asked" : " at " NET_RESOLVER);
	for (size_t i = 0; i < n->ingress.n; i++)
		explain_ingress(n, i, out);
	explain_refused(n, out);
	for (size_t i = 0; i < n->npublished; i++) {
		const struct plan_publish *x = &n->published[i];

		buf_printf(out, "  the host's port %u/%s at %s is %u here\n", x->host,
			   x->udp ? "udp" : "tcp",
			   x->address != NULL ? x->address : "every address", x->container);
	}
}
