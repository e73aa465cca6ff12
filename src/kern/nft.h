/*
 * Named counters and quotas of nftables in another network namespace. Only the kernel answers.
 */
#ifndef KERN_NFT_H
#define KERN_NFT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { NFT_NAME_BYTES = 64 };

struct nft_count {
	char name[NFT_NAME_BYTES];
	uint64_t packets; /* of a counter; 0 for a quota */
	uint64_t bytes;   /* counted, or used of the quota */
};

/* A socket of NETLINK_NETFILTER that stands in `netns`, opened by a process of its own; `userns` owns it, and is entered first
 * where the caller may not go there as it is; -1: not known. `like` is the inode of net/dev below /proc of who is in the network that is
 * meant, 0: whichever it is; -ESTALE where it is another. The caller owns the socket, which keeps the namespace. -errno. */
int nft_open(int netns, int userns, ino_t like);

/* Calls each() for each counter and quota of table `inet TABLE`. 0 or -errno; -ENOENT without such a table. */
int nft_counts(int socket, const char *table, void (*each)(void *ctx, const struct nft_count *c),
	       void *ctx);

#endif
