/*
 * Where no namespace can be made, and the profile does without: the direct form with the layers that need none.
 *
 * What namespaces give is either given by another layer, or refused, or said to be missing; ARCHITECTURE.md has the table. All of
 * it is decided here, before any layer is planned, by a stricter profile in the place of the one that was read: its paths are
 * this machine's, what mounts would hide or keep from being written the broker's patterns name (plan_bare_files.c), and calls
 * that reach what an ipc, pid or network namespace would keep apart are not permitted (plan_bare_calls.c). The layers then read it
 * as any other.
 */
#include <errno.h>
#include <string.h>

#include "policy/plan_bare.h"

enum {
	LANDLOCK_SCOPES = 6
}; /* the ABI that keeps signals and abstract sockets apart, Linux 6.12 */

bool bare_is_meant(const struct draft *d)
{
	return !d->h->user_namespaces && !d->h->privileged && d->r->direct != NULL &&
	       d->p->requirements.user_namespace == NEED_PREFERRED;
}

int bare_refuse(const struct draft *d, const char *why, const char *fix, struct err *e)
{
	fail(e, EPERM, "without namespaces, which %s can make here: %s",
	     d->h->uid == 0 ? "not even root" : "nobody", why);
	return advise(e, "%s", fix);
}

static int check_host(const struct draft *d, struct err *e)
{
	const struct host *h = d->h;

	if (h->landlock_abi < LANDLOCK_SCOPES)
		return bare_refuse(
			d,
			arena_printf(d->a,
				     "Landlock has to keep signals apart (ABI 6), and has ABI %u",
				     h->landlock_abi),
			"use Linux 6.12 or later, with lsm=landlock,...", e);
	if (!h->seccomp_notify)
		return bare_refuse(d,
				   "the broker keeps what Landlock cannot, and there can be none",
				   "see `zviz check`", e);
	if (h->traces_children_alone)
		return bare_refuse(
			d,
			"the broker has to read the workload's memory, which Yama permits "
			"to its ancestors alone",
			"sysctl kernel.yama.ptrace_scope=0 on the machine", e);
	return 0;
}

static int check_request(const struct draft *d, struct err *e)
{
	const struct profile *p = d->p;
	const struct direct_view *v = d->r->direct;

	if (v->rootfs != NULL)
		return bare_refuse(d, "--rootfs takes a mount namespace", "leave it out", e);
	if (v->work != NULL && strpbrk(v->work, "*?") != NULL)
		return bare_refuse(d, "patterns cannot name a work folder with * or ? in its path",
				   "give it another name", e);
	if (d->r->detach)
		return bare_refuse(d, "--detach leaves nobody to end all of its processes",
				   "leave it out", e);
	if (d->s->process.uid != d->h->uid || d->s->process.gid != d->h->gid)
		return bare_refuse(d, "--user names other ids than the caller's", "leave it out",
				   e);
	if (plan_network_mode(d->r, p) == NETWORK_PRIVATE)
		return bare_refuse(d, "network mode private takes a network namespace",
				   "use `mode: none`, or `mode: host`", e);
	if (p->keep_capabilities.n != 0)
		return bare_refuse(d,
				   arena_printf(d->a, "%s: %s would be over all of the machine",
						from_text(d->a, &p->keep_capabilities.at[0].from),
						p->keep_capabilities.at[0].text),
				   "leave it out", e);
	if (p->ask.execute.n != 0)
		return bare_refuse(d,
				   arena_printf(d->a, "%s: ask.execute",
						from_text(d->a, &p->ask.execute.at[0].from)),
				   "leave it out", e);
	for (size_t i = 0; i < p->namespaces.n; i++)
		if (strcmp(p->namespaces.at[i].text, "time") == 0)
			return bare_refuse(d, "clocks of its own",
					   "leave time out of `namespaces:`", e);
	return 0;
}

static void say_missing(struct draft *d)
{
	static const struct {
		const char *layer, *why, *fix;
	} rows[] = {
		{ "namespaces",
		  "none can be made here, so there is none of any kind: Landlock, seccomp and the broker alone "
		  "confine the workload",
		  "see `zviz check`" },
		{ "mounts",
		  "the paths are this machine's, and which files it has, whose, how large and how old, can be asked; "
		  "/tmp, /home, /dev/shm and most of /proc are out of reach, HOME and TMPDIR are the work folder",
		  "as above" },
		{ "processes",
		  "numbers of all processes can be seen, and limits that are counted per user, RLIMIT_NPROC among "
		  "them, are shared with all that this user runs",
		  "as above" },
		{ "ids", "the workload has the caller's own user and groups", "as above" },
		{ "ipc", "System V ipc, message queues, keyrings and watches of files are refused",
		  "as above" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		draft_missing(d, rows[i].layer, rows[i].why, rows[i].fix);
	if (!d->plan->share_network || plan_network_mode(d->r, d->p) == NETWORK_NONE)
		draft_missing(
			d, "network",
			"mode none is kept by the filter: there are no sockets but unix ones, and no loopback",
			"as above");
	if (d->plan->terminal || d->r->terminal)
		draft_missing(d, "terminal", "the workload has the caller's own", "as above");
}

int bare_plan(struct draft *d, struct err *e)
{
	struct profile *p = arena_alloc(d->a, sizeof *p);
	struct host *h = arena_alloc(d->a, sizeof *h);

	TRY(check_host(d, e));
	TRY(check_request(d, e));
	TRY(bare_check_calls(d, e));
	*p = *d->p;
	*h = *d->h;
	h->cgroup = (struct host_cgroup){ 0 };
	bare_close_calls(d, p);
	if (plan_network_mode(d->r, p) == NETWORK_NONE)
		bare_keep_unix(d, p);
	TRY(bare_patterns(d, p, e));
	bare_folders(d, p);
	COPY(d->a, &p->warnings);
	*LIST_ADD(d->a, &p->warnings) = (struct word){
		arena_printf(
			d->a,
			"no namespace can be made here, and profile %s does without: `zviz explain` says "
			"what is missing",
			p->name),
		{ 0 }
	};
	d->p = p;
	d->h = d->plan->host = h;
	d->plan->bare = true;
	say_missing(d);
	return 0;
}

int bare_check(const struct draft *d, struct err *e)
{
	const struct broker_plan *b = &d->plan->broker;

	if (b->used && b->procfs && b->names && d->plan->landlock_abi >= LANDLOCK_SCOPES)
		return 0;
	return bare_refuse(d, "the broker would not see every name that is changed",
			   "permit unlink in the profile", e);
}
