#include "policy/draft.h"
#include "policy/net_job.h"
#include "policy/net_rules.h"

/* Rows that refuse, or whose names do. */
static void print_written(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->net.egress.n; i++) {
		const struct egress_rule *r = &p->net.egress.at[i];

		if (r->limit != 0 || r->connections != 0 || r->domain != NULL)
			buf_printf(out, "written %u %s\n", net_number(&p->net, i),
				   shown(out->arena, from_text(out->arena, &r->from)));
	}
}

static void print_domains(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->net.egress.n; i++) {
		const struct egress_rule *r = &p->net.egress.at[i];

		if (r->domain != NULL)
			buf_printf(out, "domain %u %u %s %s\n", net_number(&p->net, i),
				   net_names(&p->net, i), r->allow_private ? "private" : "public",
				   r->domain);
	}
}

static void print_head(const struct plan *p, struct buf *out)
{
	const struct plan_net *n = &p->net;

	buf_printf(out, NET_JOB_HEADING "\ncontainer %s\nway %s%s%s\n%s", p->id,
		   net_way_words[p->net.way], p->net.program != NULL ? " " : "",
		   p->net.program != NULL ? p->net.program : "", p->net.given ? "given\n" : "");
	if (n->given)
		buf_printf(out, "mark %u\n", n->mark);
	for (size_t i = 0; n->given && i < n->nown; i++)
		buf_printf(out, "own %u %u\n", n->own[i].first, n->own[i].last);
}

/* What somebody is to hear: the texts that make the kernel tell follow the rules. */
static void print_told(const struct plan *p, size_t bytes, struct buf *out)
{
	if (!p->net.told)
		return;
	buf_printf(out, "tell %zu\n", bytes);
	print_written(p, out);
}

static void print_rules(const char *rules, size_t len, struct buf *out)
{
	buf_printf(out, "rules %zu\n", len);
	buf_add(out, rules, len);
	buf_puts(out, "\n");
}

void net_job_print(const struct plan *p, const char *rules, size_t len, struct buf *out)
{
	struct buf tell = { .arena = out->arena };

	print_head(p, out);
	for (size_t i = 0; i < p->net.npublished; i++) {
		const struct plan_publish *x = &p->net.published[i];

		buf_printf(out, "publish %s %s %u %u\n", x->udp ? "udp" : "tcp",
			   x->address != NULL ? x->address : "*", x->host, x->container);
	}
	print_domains(p, out);
	if (p->net.told)
		net_tell_print(p, &tell);
	print_told(p, tell.len, out);
	print_rules(rules, len, out);
	buf_add(out, buf_text(&tell), tell.len);
}

/* ---- a change ---- */

void net_job_print_rows(const struct plan *p, struct buf *out)
{
	print_head(p, out);
	print_domains(p, out);
	print_told(p, 0, out);
	print_rules("", 0, out);
}

static void print_out(const struct plan_net *n, size_t i, struct buf *out)
{
	const struct egress_rule *r = &n->egress.at[i];
	const enum net_spends spends = r->connections != 0 ? NET_COUNT
				       : r->limit != 0     ? NET_BYTES
							   : NET_FREE;

	buf_printf(out, "out %u %u %s %s ", net_number(n, i), net_names(n, i),
		   net_spends_words[spends], r->cidr != NULL ? r->cidr : "*");
	for (size_t k = 0; k < r->n; k++)
		buf_printf(out, "%s%llu", k != 0 ? "," : "", (unsigned long long)r->ports[k]);
	buf_puts(out, r->n == 0 ? "*\n" : "\n");
}

void net_job_print_change(const struct plan *p, const char *table, const char *rules, size_t len,
			  struct buf *out)
{
	print_head(p, out);
	buf_printf(out, "change %s\n", table);
	for (size_t i = 0; i < p->net.egress.n; i++)
		print_out(&p->net, i, out);
	for (size_t i = 0; i < p->net.ingress.n; i++)
		buf_printf(out, "in %u\n", p->net.ingress.at[i].port);
	print_rules(rules, len, out);
}
