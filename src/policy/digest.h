/*
 * What a plan enforces as one number: to notice that a plan made again is not the one that runs. Pure.
 */
#ifndef POLICY_DIGEST_H
#define POLICY_DIGEST_H

#include "policy/plan.h"

/* Of the filters, the broker's lists, the mounts but those of listed devices, the Landlock rules, and what a process has: capabilities, label, ids that are
 * mapped, its own limits; not of the group's limits, of which id it is, or what is run. For accidents, not for attackers: whoever can choose the input can make two plans of one digest. */
uint64_t plan_digest(const struct plan *p);

#endif
