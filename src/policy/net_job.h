/*
 * What zviz-net is told, as text: written by the launcher, read by a program that may have been installed at another time.
 * Pure.
 *
 *	zviz-net 1
 *	container ID
 *	publish tcp|udp ADDRESS|* HOST CONTAINER        any number
 *	rules BYTES
 *	(so many bytes for nftables, and the end)
 */
#ifndef POLICY_NET_JOB_H
#define POLICY_NET_JOB_H

#include "base/buf.h"
#include "policy/plan.h"

/* The descriptors that it is started with. */
enum { NET_FD_CONTROL = 3, NET_FD_JOB, NET_FD_NETNS, NET_FD_USERNS, NET_FD_END };

enum { NET_JOB_BYTES_MAX = 4 << 20, NET_REPORT_VERSION = 1 };

struct net_job {
	const char *id;
	size_t npublished, cap;
	struct plan_publish *published;
	const char *rules;
};

/* One message over the control socket: the network stands (no is 0), or what failed. */
struct net_report {
	uint32_t version;
	int32_t no;
	char text[ERR_TEXT_MAX], hint[ERR_HINT_MAX];
};

/* `rules` is the text of net_rules_print(). */
void net_job_print(const struct plan *p, const char *rules, size_t len, struct buf *out);

/* `text` has a NUL behind its `len` bytes; the job lives in `a`. -EINVAL for whatever is not exactly as above. */
int net_job_parse(struct arena *a, const char *text, size_t len, struct net_job *out,
		  struct err *e);

#endif
