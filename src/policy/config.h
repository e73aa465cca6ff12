/*
 * /etc/zviz/config.yaml: what holds for every container that is started on this host. Pure.
 */
#ifndef POLICY_CONFIG_H
#define POLICY_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "text/values.h"

enum on_excess {
	EXCESS_CUT,    /* what a bundle asks for beyond the profile is left out, and told */
	EXCESS_REFUSE, /* then it is not started */
};

struct config {
	const char *file;           /* what messages call it; NULL: there is none */
	struct word profile, floor; /* `default` and `floor`; text NULL: not written */
	const char *profiles;       /* the folder of profiles that are named without a path */
	int on_excess;              /* enum on_excess */
	struct from on_excess_from;
};

extern const char config_default_file[];

/* What holds where there is no file. */
struct config config_defaults(void);

/* Reads the file's text. Errors carry file:line:column. Everything lives in `a` or is borrowed. */
int config_load(struct arena *a, const char *file, const char *text, size_t len, struct config *out,
		struct err *e);

#endif
