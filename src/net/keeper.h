/*
 * The program that speaks for a container, and the process that keeps it: in namespaces of its own, below the container's first
 * id, and no longer than zviz-net lives. Private to src/net.
 */
#ifndef NET_KEEPER_H
#define NET_KEEPER_H

#include <stdbool.h>

#include "net/holder.h"

#define TAP_NAME "eth0"

/* Where the keeper's root shows the container's network: in a folder in which passt's profile for AppArmor lets pasta look
 * for one (abstractions/pasta). And where slirp4netns listens for what to publish. */
#define KEEPER_FOLDER "/run/user/0/netns"
#define KEEPER_NETNS  "/run/user/0/netns/container"
#define KEEPER_API    "/run/user/0/netns/api"

enum { KEEPER_ARGS_MAX = 64, KEEPER_READY_FD = 3 };

/* Bits of the prefix of the link to the program. */
unsigned tap_bits(const struct holder *h, unsigned width);

/* A root of its own for the caller, who is alone in a namespace of mounts; NET_FD_NETNS is shown there. */
int keeper_root(struct err *e);

/* The words that the program is started with, ended by NULL. */
int keeper_args(const struct holder *h, const char **out, struct err *e);

/* Tells slirp4netns what to publish, which takes no word of it when it is started. */
int slirp_publish(const struct holder *h, struct err *e);

#endif
