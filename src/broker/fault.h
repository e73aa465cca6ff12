/*
 * Test builds alone (-DZVIZ_FAULTS): an attacker's code in the broker's place, at the moment that it serves an open.
 * tests/takeover has that code; what is installed has neither.
 */
#ifndef BROKER_FAULT_H
#define BROKER_FAULT_H

#include "broker/call.h"

#ifdef ZVIZ_FAULTS
void fault_taken_over(const struct server *s, const struct call *c, const char *path);
#else
static inline void fault_taken_over(const struct server *s, const struct call *c, const char *path)
{
	(void)s;
	(void)c;
	(void)path;
}
#endif

#endif
