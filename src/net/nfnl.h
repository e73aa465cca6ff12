/*
 * Changes of sets of the container's table, as messages of nfnetlink, where nftables' own library cannot be used: it takes
 * memory and reads files, and zviz-net does neither once it is confined.
 */
#ifndef NET_NFNL_H
#define NET_NFNL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* In the caller's network namespace; never waits. */
int nfnl_open(struct mnl_socket **out, struct err *e);

/* The same of a socket that is open, and stays its owner's. */
int nfnl_borrow(int fd, struct mnl_socket **out, struct err *e);

/* A message at `at`, whose bytes are zero: of nfnetlink itself, and of the elements of a set of this table (list or
 * deletion; without elements a deletion takes all out). `flags` are NLM_F_*. */
struct nlmsghdr *nfnl_begin(char *at, uint16_t type, uint16_t flags, uint8_t family, uint16_t res);
struct nlmsghdr *nfnl_elements(char *at, uint16_t type, uint16_t flags, const char *table,
			       const char *set);

/* Around the messages of one transaction: the room that each took. */
size_t nfnl_batch_begin(char *at);
size_t nfnl_batch_end(char *at);

/* Sends one message that is answered, each answer to each(), and hears the end. -errno. */
int nfnl_ask(struct mnl_socket *nl, struct nlmsghdr *m, mnl_cb_t each, void *data);

/* Sends a batch, in which somebody asked for an answer (NLM_F_ACK), and hears what came of it. -errno. */
int nfnl_run(struct mnl_socket *nl, const char *batch, size_t len);

#endif
