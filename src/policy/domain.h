/*
 * Names of hosts, and which of them a rule of network.egress means. Pure. `zviz explain` and the resolver of a
 * container (src/net) share it, so they cannot differ.
 */
#ifndef POLICY_DOMAIN_H
#define POLICY_DOMAIN_H

#include <stdbool.h>

enum { DOMAIN_NAME_MAX = 253 }; /* RFC 1035, 2.3.4: 255 bytes on the wire */

/* Labels of 1 to 63 letters, digits, '-' and '_', with dots between them and none at the end. A name of other
 * scripts is one in its ASCII form, xn--… (RFC 5891). */
bool domain_name_valid(const char *name);

/* A name, or "*." and a name. */
bool domain_pattern_valid(const char *pattern);

/* Whether a valid pattern means a valid name: "example.org" itself alone, "*.example.org" whatever lies below
 * example.org, at any depth, and not example.org. A to Z are a to z; all other bytes are compared as they are. */
bool domain_covers(const char *pattern, const char *name);

#endif
