#include "net/told.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "policy/domain.h"
#include "policy/protocol.h"

enum { NAME_IN_FIX = 200, TYPE_A = 1, TYPE_AAAA = 28 };

static const char default_rule[] = "default";

static const char *written(const struct net_job *job, uint32_t row)
{
	for (size_t i = 0; i < job->nwritten; i++)
		if (job->written[i].row == row)
			return job->written[i].text;
	return default_rule;
}

static void begin(const struct net_job *job, struct told *out)
{
	*out = (struct told){ .event = { .container = job->id,
					 .comm = "",
					 .layer = "network",
					 .rule = default_rule,
					 .verdict = "deny",
					 .err = "" } };
	out->event.arguments = out->arguments;
	out->event.fix = out->fix;
	out->event.why = out->why;
}

static void say_why(struct told *out, const char *why, uint64_t lost)
{
	int n = snprintf(out->why, sizeof out->why, "%s", why);

	if (lost != 0 && n >= 0 && (size_t)n < sizeof out->why)
		snprintf(out->why + n, sizeof out->why - (size_t)n,
			 "; %" PRIu64 " before it could not be told", lost);
}

/* ---- packets ---- */

/* "tcp 192.0.2.7:443", "udp [fd00::1]:53", "icmp 192.0.2.7"; of what came in, "tcp 192.0.2.7 to port 80". */
static void put_place(const struct refusal *r, const char *host, struct told *out)
{
	const char *protocol = protocol_word(r->protocol);
	const bool six = r->width == 16;

	if (r->port == 0)
		snprintf(out->arguments, sizeof out->arguments, "%s %s", protocol, host);
	else if (r->why == REFUSAL_IN)
		snprintf(out->arguments, sizeof out->arguments, "%s %s to port %u", protocol, host,
			 r->port);
	else
		snprintf(out->arguments, sizeof out->arguments, "%s %s%s%s:%u", protocol,
			 six ? "[" : "", host, six ? "]" : "", r->port);
}

/* The row to add. Rows with ports are about TCP and UDP. */
static void put_row(const struct refusal *r, const char *host, struct told *out)
{
	const char *quote = r->width == 16 ? "\"" : "";

	if (r->port != 0 && (r->protocol == IPPROTO_TCP || r->protocol == IPPROTO_UDP))
		snprintf(out->fix, sizeof out->fix,
			 "add {cidr: %s%s%s, ports: [%u]} to network.egress.allow", quote, host,
			 quote, r->port);
	else
		snprintf(out->fix, sizeof out->fix, "add {cidr: %s%s%s} to network.egress.allow",
			 quote, host, quote);
}

static const char *why_packet(const struct net_job *job, const struct refusal *r)
{
	switch (r->why) {
	case REFUSAL_OUT:
		return job->ndomains == 0
			       ? "no row of network.egress names it"
			       : "no row of network.egress names it, nor does a name of one lead there now";
	case REFUSAL_GUARDED:
		return "an address for metadata or of the link, which only a row of its own opens";
	case REFUSAL_HOST:
		return "the host itself, or a group that it may be in, which no row opens";
	case REFUSAL_IN:
		return "no row of network.ingress names the port";
	case REFUSAL_PAST:
		return "the bytes that its row permits are used up";
	case REFUSAL_FULL:
		return "its row has as many connections as it may have at once";
	}
	return "";
}

static void fix_packet(const struct refusal *r, const char *host, struct told *out)
{
	if (r->why == REFUSAL_PAST)
		snprintf(out->fix, sizeof out->fix, "raise limit in this row");
	else if (r->why == REFUSAL_FULL)
		snprintf(out->fix, sizeof out->fix, "raise connections in this row");
	else if (r->why == REFUSAL_OUT || r->why == REFUSAL_GUARDED)
		put_row(r, host, out);
	else if (r->why == REFUSAL_IN && r->port != 0)
		snprintf(out->fix, sizeof out->fix, "add {port: %u} to network.ingress.allow",
			 r->port);
}

void told_packet(const struct net_job *job, const struct refusal *r, uint64_t lost,
		 struct told *out)
{
	char host[INET6_ADDRSTRLEN] = "";
	const bool tcp = r->protocol == IPPROTO_TCP;

	begin(job, out);
	inet_ntop(r->width == 16 ? AF_INET6 : AF_INET, r->at, host, sizeof host);
	out->event.syscall = r->why == REFUSAL_IN ? "receive"
			     : tcp && !r->stands  ? "connect"
						  : "send";
	/* What the rules answer is what the caller gets. */
	out->event.err = !tcp ? "EPERM" : r->stands ? "ECONNRESET" : "ECONNREFUSED";
	if (r->row != 0)
		out->event.rule = written(job, r->row);
	put_place(r, host, out);
	fix_packet(r, host, out);
	say_why(out, why_packet(job, r), lost);
}

/* ---- names ---- */

/* What a program makes of the resolver's answer: there is no such name, it has no address, or try again later. */
static const char *const name_errors[] = {
	[DNS_WHY_NAME] = "ENOENT",      [DNS_WHY_TYPE] = "ENODATA",
	[DNS_WHY_MALFORMED] = "EINVAL", [DNS_WHY_ADDRESS] = "ENODATA",
	[DNS_WHY_PRIVATE] = "ENODATA",  [DNS_WHY_NAMES] = "EAGAIN",
	[DNS_WHY_BUSY] = "EAGAIN",      [DNS_WHY_SERVERS] = "EAGAIN",
	[DNS_WHY_PERMIT] = "EAGAIN",
};

/* The first row that names it. */
static uint32_t row_of(const struct net_job *job, const char *name)
{
	for (size_t i = 0; i < job->ndomains; i++)
		if (domain_covers(job->domains[i].pattern, name))
			return job->domains[i].row;
	return 0;
}

/* No name at all, or one that would not fit, is spoken of. */
static void fix_name(const char *name, enum dns_why why, struct told *out)
{
	const bool fits = name[0] != '\0' && strlen(name) <= NAME_IN_FIX;

	if (why == DNS_WHY_NAME)
		snprintf(out->fix, sizeof out->fix, "add {domain: %s} to network.egress.allow",
			 fits ? name : "NAME");
	else if (why == DNS_WHY_PRIVATE)
		snprintf(out->fix, sizeof out->fix, "allow_private: true in this row");
}

void told_name(const struct net_job *job, const char *name, uint16_t type, enum dns_why why,
	       uint64_t lost, struct told *out)
{
	const uint32_t row = row_of(job, name);

	begin(job, out);
	out->event.syscall = "resolve";
	out->event.err = name_errors[why];
	if (row != 0)
		out->event.rule = written(job, row);
	/* Who looks up a name asks for both kinds of addresses. */
	if (type == TYPE_A || type == TYPE_AAAA || name[0] == '\0')
		snprintf(out->arguments, sizeof out->arguments, "%s", name);
	else
		snprintf(out->arguments, sizeof out->arguments, "%s, type %u", name, type);
	fix_name(name, why, out);
	say_why(out, dns_why_text(why), lost);
}
