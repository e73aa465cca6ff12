/*
 * sysctl.given and sysctl.set: what a bundle sets in its namespaces. In those that are shared the launcher does so, which may;
 * in its own, init.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "box/given.h"
#include "box/sequence.h"

/* A key with slashes has dots of its own, in the names of devices. Its parts are never "..": the path leads nowhere but down. */
static int set_one(const struct pair *s, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "/proc/sys/%s", s->key);

	if (n < 0 || (size_t)n >= sizeof path)
		return fail(e, ENAMETOOLONG, "%s", s->key);
	if (strchr(s->key, '/') == NULL)
		for (char *c = path; *c != '\0'; c++)
			if (*c == '.')
				*c = '/';
	return file_set(AT_FDCWD, path, s->value, e);
}

static int set_all(const struct plan *p, bool given, struct err *e)
{
	for (size_t i = 0; i < p->nsysctls; i++)
		if (plan_sysctl_is_given(p, p->sysctls[i].key) == given &&
		    set_one(&p->sysctls[i], e) < 0)
			return within(e, "linux.sysctl.%s", p->sysctls[i].key);
	return 0;
}

static int set_given(struct box *b, void *arg, struct err *e)
{
	(void)arg;
	return set_all(b->plan, true, e);
}

int step_sysctl_given(struct box *b, struct err *e)
{
	char none = 0;

	return given_visit(b, set_given, &none, sizeof none, e);
}

int step_sysctl_set(struct box *b, struct err *e)
{
	return set_all(b->plan, false, e);
}
