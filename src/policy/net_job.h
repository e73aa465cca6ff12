/*
 * What zviz-net is told, as text: written by the launcher, read by a program that may have been installed at another time.
 * Pure.
 *
 *	zviz-net 4
 *	container ID
 *	way pair | hooks | pasta PATH | slirp4netns PATH
 *	given                                           perhaps: the network is not ours, rules are all that is wanted
 *	mark MARK                                       then: of its connections (policy/net_own.h)
 *	own FIRST LAST                                  then, any number: ids of its sockets
 *	change TABLE                                    perhaps: this table's rules are changed, and that is all that is wanted
 *	publish tcp|udp ADDRESS|* HOST CONTAINER        any number
 *	domain ROW SETS public|private PATTERN          any number: row ROW of network.egress names PATTERN, and may lead there; its
 *	                                                addresses go into the sets of this number
 *	out ROW SETS free|bytes|count RANGE|* PORTS|*   of a change, any number: the rows, in order; "*": of names, and any port.
 *	                                                Connections have a mark for what they spend, or are counted
 *	in PORT                                         of a change, any number
 *	tell BYTES                                      where refusals are told: so many follow the rules
 *	written ROW TEXT                                then any number: where a row that may refuse something is written
 *	rules BYTES
 *	(so many bytes for nftables, a newline, those that tell, and the end)
 */
#ifndef POLICY_NET_JOB_H
#define POLICY_NET_JOB_H

#include "base/buf.h"
#include "policy/net_range.h"
#include "policy/plan.h"

/* The descriptors that it is started with. Into REASON it writes a byte when it ends the container. */
enum {
	NET_FD_CONTROL = 3,
	NET_FD_JOB,
	NET_FD_NETNS,
	NET_FD_USERNS,
	NET_FD_REASON,
	NET_FD_EVENTS,
	NET_FD_DOOR, /* a socket that listens: where other rules are told */
	NET_FD_END
};

/* Who carries a change out has others in place of two of them: the socket that owns the table, if one does; and the lock on changes,
 * which is held until it has ended as well, whoever started it. */
enum { NET_FD_OWNER = NET_FD_REASON, NET_FD_LOCK = NET_FD_EVENTS };

/* What its first process exits with when it has ended the container: its second one was gone, or new addresses of the host
 * could not be kept from it. */
enum { NET_EXIT_ALONE = 3, NET_EXIT_BEHIND };

enum {
	NET_JOB_BYTES_MAX = 4 << 20,
	NET_REPORT_VERSION = 5,
	NET_DOMAINS_MAX = 1024,  /* rows that name domains */
	NET_SET_BYTES = 32,      /* for the name of a set */
	NET_SET_ELEMENTS = 4096, /* addresses that a row's names may have at once, of each family */
	NET_TOLD_A_S = 10,       /* refusals that are told each second, of each reason */
	NET_LOG_GROUP = 1,       /* of nfnetlink_log, in the container's network namespace */
	NET_LOG_BYTES = 192,     /* of a packet: IPv6, some extension headers, ports */
};

/* Marks of connections are numbers of rows with budgets, plus this: its bytes are used up, and it had its last packet. */
enum { NET_MARK_ENDS = 1 << 30, NET_ROWS_MAX = 1 << 28 };

/* Where the resolver listens inside, on port 53. It is also where the C libraries ask when nobody told them of a server
 * (resolv.conf(5); musl does the same), so that root filesystems need not name it. */
#define NET_RESOLVER "127.0.0.1"

/* Sets with the host's own addresses, "4" and "6" behind it: where the way out is a program. */
#define NET_HOST_SET    "host"
#define NET_JOB_HEADING "zviz-net 4"

/* As the job says them. */
extern const char *const net_way_words[NET_WAYS];
extern const char *const net_spends_words[]; /* by enum net_spends */

struct net_domain {
	uint32_t row; /* of network.egress, from 1 */
	uint32_t sets;
	bool allow_private;
	const char *pattern;
};

/* Where a row of network.egress is written: "own.yaml:7". */
struct net_written {
	uint32_t row;
	const char *text;
};

/* A row of egress, as connections that stand are judged by. */
enum net_spends { NET_FREE, NET_BYTES, NET_COUNT, NET_SPENDS };
struct net_out {
	uint32_t row, sets;
	enum net_spends spends;
	struct net_range range; /* width 0: names, whose addresses are in its sets */
	size_t nports, cap;     /* none: any */
	uint16_t *ports;
};

struct net_job {
	const char *id;
	enum net_way way;
	const char *program; /* NULL: none */
	bool given;
	uint32_t mark; /* of its connections; 0: they have none but by rows */
	size_t nown, own_cap;
	struct net_ids *own; /* none: all */
	size_t npublished, cap;
	struct plan_publish *published;
	size_t ndomains, domains_cap;
	struct net_domain *domains;
	const char *change; /* the table; NULL: it is made */
	size_t nout, out_cap;
	struct net_out *out;
	size_t nin, in_cap;
	uint16_t *in;
	const char *rules;
	const char *tell; /* NULL: nobody wants to hear of refusals */
	size_t nwritten, written_cap;
	struct net_written *written;
};

/* One message over the control socket: the network stands (no is 0), or what failed. */
struct net_report {
	uint32_t version;
	int32_t no;
	uint32_t device; /* the number of the one that it made on the host; 0: none */
	bool changed; /* of a change: the rules are the new ones, even if something failed behind them */
	uint64_t table; /* in the name of its table in a network by path; 0: it has none there */
	char text[ERR_TEXT_MAX], hint[ERR_HINT_MAX];
};

/* Over the door, whose socket keeps messages apart. The holder begins: a greeting, then (scm_send_all()) the container's network
 * namespace, its user namespace, and the socket that owns the table, if one does. Then the caller asks, each time with an answer
 * (struct net_report): CHANGE, with a file of `bytes` of net_job_print_rows(), and until the next word no name is resolved; GO, and
 * these rows are the holder's. When the caller goes before that, nothing was said. */
struct net_greeting {
	uint32_t version;
	uint16_t group; /* of nfnetlink_log; 0: it does not listen */
	bool names;     /* there is a resolver */
};
enum net_word { NET_WORD_CHANGE = 1, NET_WORD_GO };
struct net_ask {
	uint32_t version, word;
	uint64_t bytes;
};
enum {
	NET_ROWS_BYTES_MAX = 512 << 10, /* of net_job_print_rows(), */
	NET_ROWS_LINES_MAX = 8192,      /* and as many lines */
	NET_DOOR_FDS = 3,
};

enum { NET_TABLE_BYTES = 24 };

/* In a network of the container's own: net_table_name() of 0. */
#define NET_TABLE "zviz"

/* What its table inside is called: "zviz", and in a network by path a number behind it. */
void net_table_name(uint64_t number, char out[NET_TABLE_BYTES]);

/* The set with the addresses of a row's names; `width` is 4 or 16. */
void net_set_name(uint32_t row, unsigned width, char out[NET_SET_BYTES]);

/* `rules` is the text of net_rules_print(). */
void net_job_print(const struct plan *p, const char *rules, size_t len, struct buf *out);

/* What tells the holder of other rows: names and where rows are written, without rules. */
void net_job_print_rows(const struct plan *p, struct buf *out);

/* A change, with the text of net_change_print(). */
void net_job_print_change(const struct plan *p, const char *table, const char *rules, size_t len,
			  struct buf *out);

/* `text` has a NUL behind its `len` bytes; the job lives in `a`. -EINVAL for whatever is not exactly as above. */
int net_job_parse(struct arena *a, const char *text, size_t len, struct net_job *out,
		  struct err *e);

#endif
