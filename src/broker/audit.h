/*
 * Decisions as events. One non-blocking write each; what cannot be written is counted and forgotten. A refused
 * caller is described before it gets its answer, while it certainly lives; others afterwards.
 */
#ifndef BROKER_AUDIT_H
#define BROKER_AUDIT_H

#include "broker/act.h"
#include "broker/names.h"
#include "broker/socket.h"

/* Monotonic time, or 0 when nobody audits. */
uint64_t audit_now(const struct server *s);

/* A call that registers decided. */
void audit_call(const struct server *s, const struct call *c, const struct plan_call *row,
		const struct verdict *v);

/* One that starts `path`; NULL: unknown. */
void audit_program(const struct server *s, const struct call *c, const struct plan_call *row,
		   const struct verdict *v, const char *path);

void audit_names(const struct server *s, const struct call *c, const struct plan_call *row,
		 const struct names_outcome *o);

void audit_socket(const struct server *s, const struct call *c, const struct plan_call *row,
		  const struct socket_outcome *o);

void audit_open(const struct server *s, const struct call *c, const struct plan_call *row,
		const struct outcome *o);

/* The profile was exchanged, or an attempt at it could not be taken: `profile` is NULL then. */
void audit_update(const struct server *s, const char *profile, uint32_t generation);

#endif
