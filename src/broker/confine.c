/*
 * A broker that the workload has taken over shall have gained nothing: it can read the workload, open what the
 * workload's ids can open in the workload's mounts, and answer. It gives up everything else here; which calls it
 * may make is in rules.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "broker/broker.h"
#include "broker/rules.h"
#include "kern/sys.h"

enum {
	NOFILE = 1024, /* a handful, and two for each waiter; the kept ones may have any number */
	/* Its memory is not counted in the container's group. It needs 6 MiB, and 17 for the stacks of its waiters. */
	MEMORY_BYTES = 96 << 20,
};

unsigned broker_needs(const struct broker_plan *plan)
{
	return (plan->procfs ? BROKER_NEEDS_CALLERS : 0u) |
	       (plan->opens ? BROKER_NEEDS_OPENS : 0u) | (plan->names ? BROKER_NEEDS_NAMES : 0u) |
	       (plan->addresses ? BROKER_NEEDS_ADDRESSES : 0u) |
	       (plan->traces ? BROKER_NEEDS_TRACES : 0u) |
	       (plan->view.used ? BROKER_NEEDS_VIEW : 0u) | (plan->bare ? BROKER_NEEDS_KNOWN : 0u);
}

/* Compiled when zviz was built: see rules.c. */
static int load_filter(unsigned needs, struct err *e)
{
	const struct broker_filter *f = &broker_filters[needs & BROKER_NEEDS_ALL];
	int err = sys_seccomp_load(broker_instructions + f->at, f->length, 0);

	return err < 0 ? fail(e, -err, "load the broker's filter: %m") : 0;
}

/* Closes all but the n sorted ones. The numbers of standard streams stay taken, by something that can be
 * neither read nor written: else a file opened for a caller might become what a failing libc writes to. */
static int close_others(const int *keep_fds, size_t n, struct err *e)
{
#ifdef ZVIZ_SANITIZED
	unsigned first = 3; /* what is found is said there */
#else
	unsigned first = 0;
#endif

	for (size_t i = 0; i <= n; i++) {
		unsigned kept = i < n ? (unsigned)keep_fds[i] : ~0u;
		int err = kept > first ? sys_close_range(first, kept - 1, 0) : 0;

		if (err < 0)
			return fail(e, -err, "close descriptors: %m");
		first = kept + 1;
	}
	for (;;) {
		/* Not a file: the root at this moment may still be the host's. */
		int fd = eventfd(0, EFD_CLOEXEC);

		if (fd < 0)
			return fail(e, errno, "eventfd: %m");
		if (fd <= 2)
			continue;
		fd_close(&fd);
		return 0;
	}
}

/* Without CAP_SYS_RESOURCE and prlimit, which its filter forbids, they stay as they are. What the launcher has less of
 * already is not raised. */
static int set_limits(struct err *e)
{
	static const struct {
		int resource;
		rlim_t max;
		const char *name;
	} limits[] = {
		{ RLIMIT_CORE, 0,
		  "RLIMIT_CORE" }, /* a core pattern may be a program that the host runs */
		{ RLIMIT_NOFILE, NOFILE, "RLIMIT_NOFILE" },
#ifndef ZVIZ_SANITIZED /* which reserves terabytes */
		{ RLIMIT_AS, MEMORY_BYTES, "RLIMIT_AS" },
#endif
	};

	for (size_t i = 0; i < COUNT(limits); i++) {
		struct rlimit now;

		if (getrlimit(limits[i].resource, &now) < 0)
			return fail(e, errno, "%s: %m", limits[i].name);
		if (now.rlim_max <= limits[i].max && now.rlim_cur == now.rlim_max)
			continue;
		if (now.rlim_max > limits[i].max)
			now.rlim_max = limits[i].max;
		now.rlim_cur = now.rlim_max;
		if (setrlimit(limits[i].resource, &now) < 0)
			return fail(e, errno, "%s: %m", limits[i].name);
	}
	return 0;
}

/* The bounding set and securebits speak of exec and setuid, which the filter forbids: who may no longer change
 * them (CAP_SETPCAP is gone) loses nothing. */
static int drop_capabilities(unsigned needs, struct err *e)
{
	struct sys_caps left = { .permitted = needs != 0 ? 1ULL << CAP_SYS_PTRACE : 0 };
	struct sys_caps now;
	int err = sys_capget(&now);

	if (err < 0)
		return fail(e, -err, "capabilities: %m");
	left.permitted &= now.permitted; /* without namespaces there is none */
	now.effective = now.permitted;   /* a change of the uid has cleared it */
	err = sys_capset(&now);
	if (err < 0)
		return fail(e, -err, "capabilities: %m");
	/* Up to the first that the kernel does not have (EINVAL). */
	for (unsigned cap = 0; cap < 64 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	if (prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS, 0, 0, 0) < 0 &&
	    errno != EPERM)
		return fail(e, errno, "securebits: %m");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(e, errno, "ambient capabilities: %m");
	/* Not in effect either: fetch.c takes it for the moment of a read that needs it. */
	err = sys_capset(&left);
	if (err < 0)
		return fail(e, -err, "keep no capability but CAP_SYS_PTRACE at most: %m");
	return 0;
}

int broker_confine(unsigned needs, const int *keep_fds, size_t n, struct err *e)
{
	TRY(close_others(keep_fds, n, e));
	TRY(set_limits(e));
	TRY(drop_capabilities(needs, e));
	/* After the capabilities: changing them may set it again. Keeps the workload from tracing us, even if it
	 * got into our pid namespace. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(e, errno, "non-dumpable: %m");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, errno, "no_new_privs: %m");
	return load_filter(needs, e);
}
