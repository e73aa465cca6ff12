/*
 * What may be asked, and what of the answers is passed on.
 *
 * A name that no rule allows does not exist for the container (NXDOMAIN), instead of the more honest REFUSED. Measured: after
 * that one getaddrinfo() of musl 1.2.3 waits 5.1 s for another answer and glibc 2.36 asks twice and calls the failure temporary, so
 * programs try again; after NXDOMAIN both say at once that there is no such name. The reason is in the event, and in an extended error (RFC 8914) for who asks with EDNS.
 */
#include "net/dns.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/fd.h"
#include "net/dns_parts.h"

enum {
	/* RFC 8914 */
	EXTENDED_BLOCKED = 15,
	EXTENDED_NO_SERVER = 22,
};

static const char *const whys[] = {
	[DNS_WHY_NAME] = "no rule allows this name",
	[DNS_WHY_TYPE] = "only addresses are asked for, types A and AAAA",
	[DNS_WHY_MALFORMED] = "not a question that can be answered",
	[DNS_WHY_ADDRESS] = "all its addresses are private, loopback or otherwise special",
	[DNS_WHY_PRIVATE] = "all its addresses are private, and no rule of this name allows these",
	[DNS_WHY_NAMES] = "too many different names below a wildcard within an hour",
	[DNS_WHY_BUSY] = "too many questions at once",
	[DNS_WHY_SERVERS] = "no name server of the host gave an answer",
	[DNS_WHY_PERMIT] = "its addresses could not be permitted",
};

const char *dns_why_text(enum dns_why why)
{
	return whys[why];
}

uint64_t dns_now_ms(const struct dns *d)
{
	struct timespec t;

	if (d->calls.now_ms != NULL)
		return d->calls.now_ms(d->calls.ctx);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void dns_refuse(struct dns *d, const char *name, uint16_t type, enum dns_why why)
{
	d->stats.refused[why]++;
	if (d->calls.refused != NULL && dns_bucket_take(&d->told, dns_now_ms(d)))
		d->calls.refused(d->calls.ctx, name, type, why);
	else
		d->stats.untold++;
}

/* ---- answers ---- */

void dns_reply(struct dns *d, const struct dns_asker *to, const struct dns_question *q,
	       const struct dns_answer *a, int extended)
{
	struct dns_conn *c = &d->conns[to->conn];
	uint8_t out[DNS_UDP_MAX];
	size_t len;

	if (!to->tcp) {
		len = dns_answer_write(q, a, extended, q->size, out);
		/* Who does not take it asks again. */
		(void)sendto(d->udp, out, len, MSG_DONTWAIT | MSG_NOSIGNAL,
			     (const struct sockaddr *)&to->from, to->len);
	} else if (c->fd >= 0 && c->generation == to->generation) {
		len = dns_answer_write(q, a, extended, DNS_UDP_MAX, c->out + 2);
		dns_conn_reply(d, c, len);
	}
}

static void reply_code(struct dns *d, const struct dns_asker *to, const struct dns_question *q,
		       int code, int extended)
{
	dns_reply(d, to, q, &(struct dns_answer){ .code = code }, extended);
}

/* The matched rules that allow private addresses. */
static bool private_rules(const struct dns *d, const uint8_t *matched, uint8_t *out)
{
	bool some = false;

	memset(out, 0, DNS_RULES_MAX / 8);
	for (size_t i = 0; d->job.allow_private != NULL && i < d->job.nrules; i++)
		if (d->job.allow_private[i] && (matched[i / 8] & 1u << i % 8) != 0) {
			out[i / 8] |= (uint8_t)(1u << i % 8);
			some = true;
		}
	return some;
}

/* What must not be reached under an allowed name is taken out; private addresses come last. */
struct sifted {
	size_t npublic, nprivate;
	bool dropped_private;
};

static struct sifted addresses_sift(struct dns_answer *a, bool keep_private)
{
	struct dns_address private[DNS_ADDRESSES_MAX];
	struct sifted s = { 0 };

	for (size_t i = 0; i < a->n; i++) {
		enum dns_place place = dns_place(&a->at[i]);

		if (place == DNS_PUBLIC)
			a->at[s.npublic++] = a->at[i];
		else if (place == DNS_PRIVATE && keep_private)
		private[s.nprivate++] = a->at[i];
		else if (place == DNS_PRIVATE) s.dropped_private = true;
	}
	memcpy(a->at + s.npublic, private, s.nprivate * sizeof *private);
	a->n = s.npublic + s.nprivate;
	return s;
}

/* Each row gets what it allows. */
static int permit(const struct dns *d, const struct dns_slot *slot, const struct dns_answer *a,
		  const struct sifted *s, const uint8_t *allow_private)
{
	const struct dns_calls *c = &d->calls;
	int r = 0;

	if (s->npublic != 0)
		r = c->permit(c->ctx, slot->rules, slot->q.name, a->at, s->npublic, a->ttl_s);
	if (r == 0 && s->nprivate != 0)
		r = c->permit(c->ctx, allow_private, slot->q.name, a->at + s->npublic, s->nprivate,
			      a->ttl_s);
	return r;
}

void dns_answered(struct dns *d, struct dns_slot *s, struct dns_answer *a)
{
	const struct dns_question *q = &s->q;
	uint8_t allow_private[DNS_RULES_MAX / 8];
	bool some = a != NULL && a->n > 0;
	struct sifted sifted;

	if (a == NULL) {
		dns_refuse(d, q->name, q->type, DNS_WHY_SERVERS);
		reply_code(d, &s->asker, q, DNS_SERVFAIL, EXTENDED_NO_SERVER);
		return;
	}
	sifted = addresses_sift(a, private_rules(d, s->rules, allow_private));
	if (some && a->n == 0) {
		dns_refuse(d, q->name, q->type,
			   sifted.dropped_private ? DNS_WHY_PRIVATE : DNS_WHY_ADDRESS);
		reply_code(d, &s->asker, q, DNS_NOERROR, EXTENDED_BLOCKED);
		return;
	}
	a->ttl_s = a->ttl_s < d->job.ttl_min_s   ? d->job.ttl_min_s
		   : a->ttl_s > d->job.ttl_max_s ? d->job.ttl_max_s
						 : a->ttl_s;
	if (permit(d, s, a, &sifted, allow_private) < 0) {
		dns_refuse(d, q->name, q->type, DNS_WHY_PERMIT);
		reply_code(d, &s->asker, q, DNS_SERVFAIL, 0);
		return;
	}
	d->stats.answered++;
	dns_reply(d, &s->asker, q, a, 0);
}

/* ---- questions ---- */

enum match { MATCH_NONE, MATCH_BELOW, MATCH_EXACT };

/* Marks each rule that allows the name: they can differ in ports. */
static enum match rules_match(const struct dns_job *job, const char *name, uint8_t *rules)
{
	enum match best = MATCH_NONE;

	memset(rules, 0, DNS_RULES_MAX / 8);
	for (size_t i = 0; i < job->nrules; i++) {
		enum match kind = job->rules[i][0] == '*' ? MATCH_BELOW : MATCH_EXACT;

		if (!domain_covers(job->rules[i], name))
			continue;
		rules[i / 8] |= (uint8_t)(1u << i % 8);
		best = kind > best ? kind : best;
	}
	return best;
}

static void refuse(struct dns *d, const struct dns_asker *to, const struct dns_question *q,
		   enum dns_why why, int code)
{
	dns_refuse(d, q->name, q->type, why);
	reply_code(d, to, q, code, EXTENDED_BLOCKED);
}

/* The hints of HTTPS and SVCB records (RFC 9460) would be addresses that nobody permitted, and their keys hide names. Clients
 * ask for them beside A and AAAA and do without, so that is no event. */
static void refuse_type(struct dns *d, const struct dns_asker *to, const struct dns_question *q)
{
	if (q->type == DNS_HTTPS || q->type == DNS_SVCB)
		reply_code(d, to, q, DNS_NOERROR, EXTENDED_BLOCKED);
	else
		refuse(d, to, q, DNS_WHY_TYPE, DNS_NOERROR);
}

static void ask_server(struct dns *d, const struct dns_asker *to, const struct dns_question *q)
{
	struct dns_slot *s = dns_slot_free(d);
	uint8_t rules[DNS_RULES_MAX / 8];
	enum match found = rules_match(&d->job, q->name, rules);

	if (found == MATCH_NONE) {
		refuse(d, to, q, DNS_WHY_NAME, DNS_NXDOMAIN);
	} else if (q->type != DNS_A && q->type != DNS_AAAA) {
		refuse_type(d, to, q);
	} else if (s == NULL || !dns_bucket_take(&d->asked, dns_now_ms(d))) {
		refuse(d, to, q, DNS_WHY_BUSY, DNS_SERVFAIL);
	} else if (found == MATCH_BELOW && !dns_names_take(&d->names, q->name, dns_now_ms(d))) {
		refuse(d, to, q, DNS_WHY_NAMES, DNS_SERVFAIL);
	} else {
		s->q = *q;
		s->asker = *to;
		memcpy(s->rules, rules, sizeof rules);
		dns_slot_begin(d, s);
	}
}

void dns_question(struct dns *d, const uint8_t *packet, size_t len, const struct dns_asker *to)
{
	struct dns_question q;
	int code = dns_question_read(packet, len, &q);

	d->stats.questions++;
	if (code == 0) {
		ask_server(d, to, &q);
		return;
	}
	dns_refuse(d, "", 0, DNS_WHY_MALFORMED);
	if (code > 0)
		reply_code(d, to, &q, code, 0);
	else if (to->tcp)
		dns_conn_close(&d->conns[to->conn]);
}

/* ---- the caller's loop ---- */

static void poll_add(struct dns *d, struct pollfd *at, enum dns_polled what, size_t i, int fd,
		     short events)
{
	d->polled[d->npolled].what = what;
	d->polled[d->npolled].i = i;
	at[d->npolled++] = (struct pollfd){ .fd = fd, .events = events };
}

static bool conns_full(const struct dns *d)
{
	for (size_t i = 0; i < DNS_CONNS; i++)
		if (d->conns[i].fd < 0)
			return false;
	return true;
}

/* A container that asks too much is not read from for a moment: the kernel drops what does not fit its buffer. */
static bool may_read(struct dns *d)
{
	return dns_bucket_ready(&d->all, dns_now_ms(d));
}

/* Slots come before connections, these before the two sockets: what is handled first may close what comes later,
 * and a descriptor's number is taken again only for what was not listed. */
size_t dns_pollfds(struct dns *d, struct pollfd *at)
{
	bool read = may_read(d);

	d->npolled = 0;
	for (size_t i = 0; i < DNS_SLOTS; i++)
		if (d->slots[i].fd >= 0)
			poll_add(d, at, DNS_POLL_SLOT, i, d->slots[i].fd,
				 dns_slot_events(&d->slots[i]));
	for (size_t i = 0; i < DNS_CONNS; i++) {
		short events = d->conns[i].fd < 0 ? 0 : dns_conn_events(&d->conns[i]);

		if (d->conns[i].fd >= 0 && (read || events != POLLIN))
			poll_add(d, at, DNS_POLL_CONN, i, d->conns[i].fd, events);
	}
	if (read)
		poll_add(d, at, DNS_POLL_UDP, 0, d->udp, POLLIN);
	if (read && !conns_full(d))
		poll_add(d, at, DNS_POLL_TCP, 0, d->tcp, POLLIN);
	return d->npolled;
}

/* While its question waits for a server, the slot's own times count. */
static uint64_t conn_due_ms(const struct dns_conn *c)
{
	return c->fd < 0 || (c->waits && c->out_len == 0) ? UINT64_MAX : c->due_ms;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int dns_timeout_ms(struct dns *d)
{
	uint64_t now = dns_now_ms(d), due = UINT64_MAX;

	for (size_t i = 0; i < DNS_SLOTS; i++)
		if (d->slots[i].fd >= 0)
			due = sooner(due, d->slots[i].due_ms);
	for (size_t i = 0; i < DNS_CONNS; i++)
		due = sooner(due, conn_due_ms(&d->conns[i]));
	if (!may_read(d))
		due = sooner(due, now + 20);
	if (due == UINT64_MAX)
		return -1;
	return due <= now ? 0 : (int)(due - now);
}

static void expire(struct dns *d)
{
	uint64_t now = dns_now_ms(d);

	for (size_t i = 0; i < DNS_SLOTS; i++)
		if (d->slots[i].fd >= 0 && d->slots[i].due_ms <= now)
			dns_slot_expire(d, &d->slots[i]);
	for (size_t i = 0; i < DNS_CONNS; i++)
		if (conn_due_ms(&d->conns[i]) <= now)
			dns_conn_close(&d->conns[i]);
}

void dns_handle(struct dns *d, const struct pollfd *at, size_t n)
{
	for (size_t i = 0; i < n && i < d->npolled; i++) {
		size_t of = d->polled[i].i;

		if (d->polled[i].what == DNS_POLL_SLOT)
			dns_slot_handle(d, &d->slots[of], at[i].revents);
		else if (d->polled[i].what == DNS_POLL_CONN)
			dns_conn_handle(d, of, at[i].revents);
		else if (d->polled[i].what == DNS_POLL_UDP && at[i].revents != 0)
			dns_udp_handle(d);
		else if (d->polled[i].what == DNS_POLL_TCP && at[i].revents != 0)
			dns_tcp_handle(d);
	}
	d->npolled = 0;
	expire(d);
}

/* ---- a life ---- */

static int job_check(const struct dns_job *job, struct err *e)
{
	if (job->nservers == 0 || job->nservers > DNS_SERVERS_MAX)
		return fail(e, EINVAL, "the resolver needs 1 to %d name servers", DNS_SERVERS_MAX);
	if (job->nrules > DNS_RULES_MAX)
		return fail(e, EINVAL, "%zu rules name domains: %d are the most", job->nrules,
			    DNS_RULES_MAX);
	for (size_t i = 0; i < job->nrules; i++)
		if (!domain_pattern_valid(job->rules[i]))
			return fail(e, EINVAL, "rule %zu is no domain name", i);
	return 0;
}

static struct dns_job with_defaults(const struct dns_job *from)
{
	struct dns_job job = *from;

	job.ttl_min_s = job.ttl_min_s != 0 ? job.ttl_min_s : 30;
	job.ttl_max_s = job.ttl_max_s != 0 ? job.ttl_max_s : DNS_TTL_MAX_S;
	job.timeout_ms = job.timeout_ms != 0 ? job.timeout_ms : 2000;
	job.names_max = job.names_max != 0 ? job.names_max : 1000;
	job.rate = job.rate != 0 ? job.rate : 100;
	return job;
}

static struct dns_bucket bucket_of(uint64_t rate, uint64_t most)
{
	return (struct dns_bucket){ .rate = rate, .most = most * 1000, .left = most * 1000 };
}

int dns_new(struct arena *a, const struct dns_job *job, const struct dns_calls *calls, int udp,
	    int tcp, struct dns **out, struct err *e)
{
	struct dns *d = arena_alloc(a, sizeof *d);

	TRY(job_check(job, e));
	d->job = with_defaults(job);
	d->calls = *calls;
	d->udp = udp;
	d->tcp = tcp;
	d->all = bucket_of((uint64_t)d->job.rate * 10, (uint64_t)d->job.rate * 10);
	d->asked = bucket_of(d->job.rate, (uint64_t)d->job.rate * 2);
	d->told = bucket_of(10, 50);
	d->names.max = d->job.names_max;
	d->names.marks = arena_array(a, d->names.max, sizeof *d->names.marks);
	d->names.since_ms = dns_now_ms(d);
	if (getrandom(d->names.secret, sizeof d->names.secret, 0) != sizeof d->names.secret)
		return fail(e, errno, "getrandom: %m");
	for (size_t i = 0; i < DNS_SLOTS; i++)
		d->slots[i].fd = -1;
	for (size_t i = 0; i < DNS_CONNS; i++)
		d->conns[i].fd = -1;
	*out = d;
	return 0;
}

void dns_change(struct dns *d, const char *const *rules, const bool *allow_private, size_t n)
{
	d->job.rules = rules;
	d->job.allow_private = allow_private;
	d->job.nrules = n;
	for (size_t i = 0; i < DNS_SLOTS; i++) {
		struct dns_slot *s = &d->slots[i];

		if (s->fd < 0 || rules_match(&d->job, s->q.name, s->rules) != MATCH_NONE)
			continue;
		fd_close(&s->fd);
		refuse(d, &s->asker, &s->q, DNS_WHY_NAME, DNS_NXDOMAIN);
	}
}

void dns_end(struct dns *d)
{
	for (size_t i = 0; i < DNS_SLOTS; i++)
		if (d->slots[i].fd >= 0)
			fd_close(&d->slots[i].fd);
	for (size_t i = 0; i < DNS_CONNS; i++)
		dns_conn_close(&d->conns[i]);
}

void dns_stats(const struct dns *d, struct dns_stats *out)
{
	*out = d->stats;
}
