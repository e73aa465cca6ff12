/*
 * The broker's own filter, as a table and compiled. Private to src/broker, tools/ and tests.
 */
#ifndef BROKER_RULES_H
#define BROKER_RULES_H

#include "policy/bpf.h"

extern const struct bpf_policy broker_policy;

/* What bpf_compile() makes of it. */
extern const struct sock_filter broker_filter[];
extern const size_t broker_filter_length;

#endif
