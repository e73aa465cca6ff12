/*
 * sysctl.given and sysctl.set: what a bundle sets in its namespaces. In those that are shared the launcher does so, which may, names
 * of the host included; in its own, init, which sets names when it attaches its console.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
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

static unsigned port_now(void)
{
	OWN_FD fd = path_open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY);
	char text[16];
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, sizeof text - 1) : 0;
	uint64_t port;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return num_u64(text, &port) == 0 && port <= UINT16_MAX ? (unsigned)port : UINT16_MAX + 1u;
}

/* Others of a network that is shared may have been permitted more already. */
static int lower_port(unsigned port, struct err *e)
{
	char text[16];
	const struct pair s = { plan_port_key, text };

	if (port == 0 || port_now() <= port)
		return 0;
	snprintf(text, sizeof text, "%u", port);
	return set_one(&s, e) < 0 ? within(e, "ports from %u on: %s", port, plan_port_key) : 0;
}

static int set_all(const struct plan *p, bool given, struct err *e)
{
	for (size_t i = 0; i < p->nsysctls; i++)
		if (plan_sysctl_is_given(p, p->sysctls[i].key) == given &&
		    set_one(&p->sysctls[i], e) < 0)
			return within(e, "linux.sysctl.%s", p->sysctls[i].key);
	return plan_sysctl_is_given(p, plan_port_key) == given ? lower_port(p->low_port, e) : 0;
}

int names_set(const char *hostname, const char *domainname, struct err *e)
{
	if (hostname != NULL && sethostname(hostname, strlen(hostname)) < 0)
		return fail(e, errno, "host name %s: %m", hostname);
	if (domainname != NULL && setdomainname(domainname, strlen(domainname)) < 0)
		return fail(e, errno, "domain name %s: %m", domainname);
	return 0;
}

/* CRI-O has a Pod's uts namespace made without a name, which each of its containers brings. */
static int set_given(struct box *b, void *arg, struct err *e)
{
	const struct spec *s = b->plan->spec;

	(void)arg;
	if (b->plan->given & CLONE_NEWUTS)
		TRY(names_set(s->hostname, s->domainname, e));
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
