/*
 * Without namespaces: what of the calls and sockets that a profile permits is left.
 */
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "policy/plan_bare.h"
#include "table/table.h"

/* What reaches beyond the container where ids and paths are the machine's, and no argument says whether it does. */
static const struct closed {
	const char *name;
	bool unknown; /* ENOSYS, by which libraries fall back; otherwise EPERM */
} closed[] = {
	/* An ipc namespace. */
	{ "shmget", true },
	{ "shmat", true },
	{ "shmctl", true },
	{ "shmdt", true },
	{ "semget", true },
	{ "semop", true },
	{ "semtimedop", true },
	{ "semctl", true },
	{ "msgget", true },
	{ "msgsnd", true },
	{ "msgrcv", true },
	{ "msgctl", true },
	{ "mq_open", true },
	{ "mq_unlink", true },
	{ "mq_timedsend", true },
	{ "mq_timedreceive", true },
	{ "mq_notify", true },
	{ "mq_getsetattr", true },
	/* A pid namespace. Landlock answers for ptrace and all that asks for its right; these ask for less. */
	{ "setpriority", false },
	{ "ioprio_set", false },
	{ "ptrace", false },
	{ "process_vm_readv", false },
	{ "process_vm_writev", false },
	{ "process_madvise", false },
	{ "process_mrelease", false },
	{ "pidfd_getfd", false },
	{ "kcmp", false },
	{ "move_pages", false },
	{ "migrate_pages", false },
	{ "perf_event_open", false },
	{ "bpf", false },
	/* Namespaces of others: a user's own containers have some that the user may join. */
	{ "setns", false },
	/* Keyrings of the user, which no namespace but the user's keeps apart. */
	{ "add_key", false },
	{ "request_key", false },
	{ "keyctl", false },
	/* A mount namespace, whose read-only mounts these change nothing on: Landlock does not ask about them. */
	{ "setxattr", true },
	{ "lsetxattr", true },
	{ "fsetxattr", true },
	{ "setxattrat", true },
	{ "removexattr", true },
	{ "lremovexattr", true },
	{ "fremovexattr", true },
	{ "removexattrat", true },
	{ "file_setattr", true },
	/* Files that no broker sees, and what happens to others' files. */
	{ "open_by_handle_at", true },
	{ "io_uring_setup", true },
	{ "io_uring_enter", true },
	{ "io_uring_register", true },
	{ "inotify_init", true },
	{ "inotify_init1", true },
	{ "inotify_add_watch", true },
	{ "fanotify_init", true },
	{ "fanotify_mark", true },
};

/* Their first argument names a process, and 0 is the caller. */
static const char *const of_oneself[] = { "prlimit64", "sched_setaffinity", "sched_setparam",
					  "sched_setscheduler", "sched_setattr" };

/* Flags of a file may be changed by its owner through a descriptor that only reads; the terminal is the caller's own. */
static const uint32_t far_ioctls[] = { FS_IOC_SETFLAGS,
				       FS_IOC_FSSETXATTR,
				       _IOW('v', 2, long), /* FS_IOC_SETVERSION */
				       FS_IOC32_SETFLAGS,
				       FS_IOC32_SETVERSION,
				       _IOW('f', 133, char[128]), /* FS_IOC_ENABLE_VERITY */
				       _IOR('f', 19, char[12]),   /* FS_IOC_SET_ENCRYPTION_POLICY */
				       TIOCSTI,
				       TIOCLINUX };

static bool permits(const struct call_mention *m)
{
	return m->allow && (!m->deny || (m->allow_by_name && !m->deny_by_name));
}

static bool is_closed(const char *name)
{
	for (size_t i = 0; i < COUNT(closed); i++)
		if (strcmp(closed[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < COUNT(of_oneself); i++)
		if (strcmp(of_oneself[i], name) == 0)
			return true;
	return false;
}

int bare_check_calls(const struct draft *d, struct err *e)
{
	const struct where_rules *w = &d->p->syscalls.where;
	const struct words *list = &d->p->syscalls.architectures;

	for (size_t i = 0; i < w->n; i++)
		if (w->at[i].then == PROFILE_ALLOW && is_closed(w->at[i].syscall))
			return bare_refuse(
				d,
				arena_printf(d->a, "%s: a row of syscalls.where permits %s",
					     from_text(d->a, &w->at[i].from), w->at[i].syscall),
				"take the row out", e);
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->at[i].text, "i386") == 0 || strcmp(list->at[i].text, "x32") == 0)
			return bare_refuse(d,
					   arena_printf(d->a, "%s: calls of %s are not judged here",
							from_text(d->a, &list->at[i].from),
							list->at[i].text),
					   "list native alone under syscalls.architectures", e);
	for (size_t i = 0; i < d->p->ioctl_values.n; i++)
		for (size_t k = 0; k < COUNT(far_ioctls); k++)
			if ((uint32_t)d->p->ioctl_values.at[i] == far_ioctls[k])
				return bare_refuse(
					d,
					arena_printf(d->a,
						     "ioctl.allow: 0x%x changes what is not the "
						     "container's",
						     far_ioctls[k]),
					"take it out of ioctl.allow", e);
	return 0;
}

static void add_row(struct draft *d, struct profile *p, const char *name)
{
	static uint64_t none[] = { 0 };

	*LIST_ADD(d->a, &p->syscalls.where) = (struct where_rule){
		.syscall = name,
		.arg = 0,
		.mask = UINT32_MAX,
		.n = 1,
		.cap = 1,
		.in = none,
		.then = PROFILE_ALLOW,
	};
}

void bare_close_calls(struct draft *d, struct profile *p)
{
	struct call_mentions *all = &p->syscalls.mentions;

	COPY(d->a, all);
	COPY(d->a, &p->syscalls.deny);
	COPY(d->a, &p->syscalls.where);
	*LIST_ADD(d->a, &p->syscalls.deny) = (struct word){ "no namespaces", { 0 } };

	const uint16_t reason = (uint16_t)p->syscalls.deny.n;

	for (size_t i = 0; i < COUNT(closed); i++) {
		const struct syscall *s = syscall_find(closed[i].name);

		if (s != NULL && permits(&all->at[s - syscalls]))
			all->at[s - syscalls] = (struct call_mention){
				.deny = closed[i].unknown ? 0 : reason,
				.deny_by_name = !closed[i].unknown,
			};
	}
	for (size_t i = 0; i < COUNT(of_oneself); i++) {
		const struct syscall *s = syscall_find(of_oneself[i]);

		if (s == NULL || !permits(&all->at[s - syscalls]))
			continue;
		all->at[s - syscalls] = (struct call_mention){ .deny = reason,
							       .deny_by_name = true,
							       .where = true };
		add_row(d, p, of_oneself[i]);
	}
}

/* ---- sockets ---- */

void bare_keep_unix(struct draft *d, struct profile *p)
{
	struct socket_rules kept = { 0 };

	for (size_t i = 0; i < p->sockets_allow.n; i++)
		if (p->sockets_allow.at[i].family == AF_UNIX)
			*LIST_ADD(d->a, &kept) = p->sockets_allow.at[i];
	p->sockets_allow = kept;
}
