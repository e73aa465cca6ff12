#include "net/host_rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct texts {
	char own4[INET_ADDRSTRLEN], own6[INET6_ADDRSTRLEN];
};

/* What the container says it is, and nothing else, leaves over its device. */
static void put_forward(const char *name, const struct texts *t, struct buf *out)
{
	buf_printf(
		out,
		"\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n");
	buf_printf(out, "\t\tiifname \"%s\" ip saddr != %s drop\n", name, t->own4);
	buf_printf(out, "\t\tiifname \"%s\" ip6 saddr != %s drop\n", name, t->own6);
	buf_printf(out, "\t\tiifname \"%s\" oifname \"zviz*\" reject with icmpx admin-prohibited\n",
		   name);
	buf_printf(out, "\t\toifname \"%s\" ct state established,related accept\n", name);
	buf_printf(out, "\t\toifname \"%s\" ct status dnat accept\n", name);
	buf_printf(out, "\t\toifname \"%s\" drop\n\t}\n", name);
}

/* The host itself is no part of what is outside: its services may trust whoever reaches them. */
static void put_input(const char *name, struct buf *out)
{
	buf_printf(out,
		   "\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n");
	buf_printf(out, "\t\tiifname \"%s\" ct state established,related accept\n", name);
	buf_printf(
		out,
		"\t\tiifname \"%s\" icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n",
		name);
	buf_printf(out, "\t\tiifname \"%s\" reject with icmpx admin-prohibited\n\t}\n", name);
}

/* One published port: to the host's own addresses, wherever the connection comes from but containers. */
static void put_published(const struct plan_publish *p, const struct texts *t, struct buf *out)
{
	const char *protocol = p->udp ? "udp" : "tcp";
	bool v6 = p->address != NULL && strchr(p->address, ':') != NULL;

	if (p->address == NULL || !v6)
		buf_printf(out, "\t\t%s%s%s fib daddr type local %s dport %u dnat ip to %s:%u\n",
			   p->address != NULL ? "ip daddr " : "meta nfproto ipv4",
			   p->address != NULL ? p->address : "", "", protocol, p->host, t->own4,
			   p->container);
	if (p->address == NULL || v6)
		buf_printf(out, "\t\t%s%s fib daddr type local %s dport %u dnat ip6 to [%s]:%u\n",
			   p->address != NULL ? "ip6 daddr " : "meta nfproto ipv6 ip6 daddr != ::1",
			   p->address != NULL ? p->address : "", protocol, p->host, t->own6,
			   p->container);
}

static void put_nat(const char *name, const struct texts *t, const struct net_job *job,
		    struct buf *out)
{
	static const char *const hooks[] = { "prerouting", "output" };

	for (size_t h = 0; job->npublished != 0 && h < COUNT(hooks); h++) {
		buf_printf(out,
			   "\tchain %s {\n\t\ttype nat hook %s priority -100; policy accept;\n",
			   hooks[h], hooks[h]);
		if (h == 0)
			buf_puts(out, "\t\tiifname \"zviz*\" return\n");
		for (size_t i = 0; i < job->npublished; i++)
			put_published(&job->published[i], t, out);
		buf_puts(out, "\t}\n");
	}
	buf_puts(
		out,
		"\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
	buf_printf(out, "\t\tip saddr %s oifname != \"%s\" masquerade\n", t->own4, name);
	buf_printf(out, "\t\tip6 saddr %s oifname != \"%s\" masquerade\n", t->own6, name);
	/* From the host's loopback to a published port: answers must come back over the device. */
	if (job->npublished != 0)
		buf_printf(out, "\t\toifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n", name);
	buf_puts(out, "\t}\n");
}

void host_rules_print(const char *name, const struct pool_pair *at, const struct net_job *job,
		      struct buf *out)
{
	const struct in_addr own4 = { htonl(at->own4) };
	struct texts t;

	inet_ntop(AF_INET, &own4, t.own4, sizeof t.own4);
	inet_ntop(AF_INET6, at->own6, t.own6, sizeof t.own6);
	buf_printf(out, "table inet %s {\n\tflags owner\n", name);
	put_forward(name, &t, out);
	put_input(name, out);
	put_nat(name, &t, job, out);
	buf_puts(out, "}\n");
}
