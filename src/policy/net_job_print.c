#include "policy/draft.h"
#include "policy/net_job.h"
#include "policy/net_rules.h"

/* Rows that refuse, or whose names do. */
static void print_written(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->net.egress.n; i++) {
		const struct egress_rule *r = &p->net.egress.at[i];

		if (r->limit != 0 || r->connections != 0 || r->domain != NULL)
			buf_printf(out, "written %zu %s\n", i + 1,
				   shown(out->arena, from_text(out->arena, &r->from)));
	}
}

static void print_domains(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->net.egress.n; i++) {
		const struct egress_rule *r = &p->net.egress.at[i];

		if (r->domain != NULL)
			buf_printf(out, "domain %zu %s %s\n", i + 1,
				   r->allow_private ? "private" : "public", r->domain);
	}
}

void net_job_print(const struct plan *p, const char *rules, size_t len, struct buf *out)
{
	struct buf tell = { .arena = out->arena };

	buf_printf(out, NET_JOB_HEADING "\ncontainer %s\nway %s%s%s\n%s", p->id,
		   net_way_words[p->net.way], p->net.program != NULL ? " " : "",
		   p->net.program != NULL ? p->net.program : "", p->net.given ? "given\n" : "");
	for (size_t i = 0; i < p->net.npublished; i++) {
		const struct plan_publish *x = &p->net.published[i];

		buf_printf(out, "publish %s %s %u %u\n", x->udp ? "udp" : "tcp",
			   x->address != NULL ? x->address : "*", x->host, x->container);
	}
	print_domains(p, out);
	if (p->net.told) {
		net_tell_print(p, &tell);
		buf_printf(out, "tell %zu\n", tell.len);
		print_written(p, out);
	}
	buf_printf(out, "rules %zu\n", len);
	buf_add(out, rules, len);
	buf_puts(out, "\n");
	buf_add(out, buf_text(&tell), tell.len);
}
