/*
 * Limits of `zviz update`.
 */
#ifndef CLI_UPDATE_LIMITS_H
#define CLI_UPDATE_LIMITS_H

#include "cli/command.h"

struct update_options {
	bool widen;
	const char *resources;                                        /* a file, or "-" */
	struct signed_amount memory, memory_reservation, memory_swap; /* bytes; below 0: no limit */
	struct signed_amount cpu_quota, pids, cpu_idle;
	struct amount cpu_period, cpu_shares, cpu_burst, io_weight;
	const char *cpus, *mems;
};

/* They fill a struct update_options. */
extern const struct option_row update_limit_rows[];

/* Whether any of them was given. */
bool update_limits_wanted(const struct update_options *o);

/* Reads what was asked for, and puts it in force. */
int update_limits(struct cli *c, const struct update_options *o, const char *id, struct err *e);

#endif
