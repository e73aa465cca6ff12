/*
 * Rules, as text, into the kernel.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/holder.h"

static const char needs[] =
	"the kernel needs nf_tables, nft_ct, nft_nat, nft_objref, nft_reject_inet and nft_masq; "
	"for rows with budgets nft_quota and nft_connlimit as well";

int holder_load(struct nft_ctx *nft, const char *rules, const char *where, struct err *e)
{
	const char *said;
	int no;

	nft_ctx_buffer_error(nft);
	if (nft_run_cmd_from_buffer(nft, rules) == 0)
		return 0;
	no = errno;
	said = nft_ctx_get_error_buffer(nft);
	fail(e, no != 0 ? no : EINVAL, "nftables, %s: %.*s", where,
	     said != NULL ? (int)strcspn(said, "\n") : 0, said != NULL ? said : "");
	return advise(e, "%s", needs);
}

/* The library does not say which socket is its own: it is what gets the lowest free number. Where the kernel has none for it, the
 * library ends the process: so we ask before. */
int holder_open(struct holder *h, struct err *e)
{
	int lowest = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), protocol = 0;
	socklen_t len = sizeof protocol;

	if (lowest < 0) {
		fail(e, errno, "nftables: %m");
		return advise(e, "%s", needs);
	}
	close(lowest);
	h->inside = nft_ctx_new(NFT_CTX_DEFAULT);
	if (h->inside == NULL)
		return fail(e, ENOMEM, "nftables: %m");
	h->inside_fd = getsockopt(lowest, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 &&
				       protocol == NETLINK_NETFILTER
			       ? lowest
			       : -1;
	return 0;
}

int holder_rules(struct holder *h, const char *rules, const char *where, struct err *e)
{
	TRY(holder_open(h, e));
	return holder_load(h->inside, rules, where, e);
}

int holder_inside(struct holder *h, struct err *e)
{
	struct mnl_socket *nl;
	int r;

	TRY(holder_rules(h, h->job.rules, "in the container", e));
	TRY(link_open(&nl, e));
	r = link_up(nl, "lo", e);
	mnl_socket_close(nl);
	return r;
}
