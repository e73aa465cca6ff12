/*
 * Calls that are allowed for some arguments only, and those that the broker performs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>

#include "kern/uapi.h"
#include "policy/plan_calls.h"

/* Namespace flags that clone and unshare may never carry; unshare alone knows CLONE_NEWTIME, whose bit is part
 * of clone's exit signal. */
static const uint64_t clone_new = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

/* Flags of open that change something, or may. O_DIRECTORY, part of O_TMPFILE, alone changes nothing. */
static const uint64_t open_writes = UAPI_O_ACCMODE | O_CREAT | O_TRUNC | UAPI_O_TMPFILE;

struct bpf_case *add_case(struct calls *c, uint32_t then)
{
	struct bpf_case *bc = LIST_ADD(c->scratch, &c->cases);

	*bc = (struct bpf_case){ .then = then };
	return bc;
}

void add_test(struct bpf_case *bc, unsigned arg, uint64_t mask, uint64_t value)
{
	bc->tests[bc->n++] = (struct bpf_test){
		.arg = arg, .op = BPF_OP_EQ, .mask = mask, .value = value
	};
}

/* One case a value of a list: allowed when the low 32 bits of `arg` are one of them, as the kernel reads them. */
static void allow_values(struct calls *c, unsigned arg, const struct numbers *values)
{
	for (size_t i = 0; i < values->n; i++)
		add_test(add_case(c, SECCOMP_RET_ALLOW), arg, 0xffffffff, values->at[i]);
}

static bool brokered(const struct calls *c, const char *name)
{
	return !c->d->nobody_to_ask &&
	       c->d->p->syscalls.mentions.at[syscall_find(name) - syscalls].broker;
}

static void call_is_args(struct calls *c, struct plan_call *call, enum mediator by,
			 const char *broker_name)
{
	bool ask = brokered(c, broker_name) || c->d->audit >= AUDIT_DENIALS;

	call->verdict = CALL_ARGS;
	call->rest = ask ? CALL_ASK : CALL_DENY;
	call->mediator = ask ? by : MEDIATE_NONE;
}

/* Whether the broker, which is asked about the rest of this call, may as well be asked about rare arguments that are
 * allowed: a comparison less for every start, some microseconds more for each such call. Where rows of `where:` refuse
 * something, the broker refuses all that it is asked. */
static bool asks_for_rare(const struct calls *c, const struct plan_call *call)
{
	return call->rest == CALL_ASK &&
	       !c->d->p->syscalls.mentions.at[syscall_find(call->name) - syscalls].where;
}

static void plan_ioctl(struct calls *c, struct plan_call *call)
{
	const struct profile *p = c->d->p;

	call_is_args(c, call, MEDIATE_IOCTL, "ioctl");
	allow_values(c, 1, asks_for_rare(c, call) ? &p->ioctl_common : &p->ioctl_values);
	call->fix = "add the request to ioctl.allow";
}

static void plan_prctl(struct calls *c, struct plan_call *call)
{
	const struct profile *p = c->d->p;

	call_is_args(c, call, MEDIATE_PRCTL, "prctl");
	allow_values(c, 0, asks_for_rare(c, call) ? &p->prctl_common : &p->prctl_values);
	call->fix = "add the operation to prctl.allow";
}

static void plan_socket_rule(struct calls *c, const struct socket_rule *r, int type)
{
	for (size_t i = 0; i < (r->n != 0 ? r->n : 1); i++) {
		struct bpf_case *bc = add_case(c, SECCOMP_RET_ALLOW);

		add_test(bc, 0, 0xffffffff, (uint32_t)r->family);
		if (type >= 0)
			/* SOCK_TYPE_MASK, include/linux/net.h */
			add_test(bc, 1, 0xf, (uint64_t)type);
		if (r->n != 0)
			add_test(bc, 2, 0xffffffff, r->protocols[i] & 0xffffffff);
	}
}

static void plan_socket(struct calls *c, struct plan_call *call)
{
	call_is_args(c, call, MEDIATE_SOCKET, "socket");
	for (size_t i = 0; i < c->d->p->sockets_allow.n; i++) {
		const struct socket_rule *r = &c->d->p->sockets_allow.at[i];

		if (socket_family_is_rare(r->family) && asks_for_rare(c, call))
			continue;
		if (r->types == ~0u) {
			plan_socket_rule(c, r, -1);
			continue;
		}
		for (int type = 0; type < 16; type++)
			if (r->types & (1u << type))
				plan_socket_rule(c, r, type);
	}
	/* Without namespaces no row of the profile's about them is left (bare_keep_unix()). */
	call->fix = c->d->plan->bare && plan_network_mode(c->d->r, c->d->p) == NETWORK_NONE
			    ? "use network mode host, and name it in sockets.allow"
			    : "add {family, types} to sockets.allow";
	call->err = EACCES;
}

static void plan_clone(struct calls *c, struct plan_call *call)
{
	uint64_t never = strcmp(call->name, "unshare") == 0 ? clone_new | CLONE_NEWTIME : clone_new;

	call_is_args(c, call, MEDIATE_CLONE, "clone");
	add_test(add_case(c, SECCOMP_RET_ALLOW), 0, never, 0);
	call->fix = "none: no profile permits new namespaces inside";
}

/* Opens are asked only where the broker can refuse something that mounts and Landlock cannot, or where
 * somebody wants to see them; with rules for writing alone, the flags clear every read in BPF. */
static void plan_open(struct calls *c, struct plan_call *call, int flags_arg)
{
	const struct profile *p = c->d->p;
	bool see = c->d->audit >= AUDIT_DECISIONS || c->d->r->verbose;
	bool reads = p->filesystem.deny_read.n + p->ask.read.n != 0;
	bool writes = p->filesystem.deny_write.n + p->ask.write.n != 0;

	if (c->d->nobody_to_ask || (!see && !reads && !writes))
		return;
	call->mediator = MEDIATE_OPEN;
	if (see || reads || flags_arg < 0) {
		call->verdict = CALL_ASK;
		return;
	}
	call->verdict = CALL_ARGS;
	call->rest = CALL_ASK;
	add_test(add_case(c, SECCOMP_RET_ALLOW), (unsigned)flags_arg, open_writes, 0);
}

/* Patterns are about paths, so what changes paths is asked, too. */
static void plan_names(struct calls *c, struct plan_call *call)
{
	if (c->d->nobody_to_ask || profile_pattern(c->d->p) == NULL)
		return;
	call->verdict = CALL_ASK;
	call->mediator = MEDIATE_NAMES;
	call->err = EACCES;
}

/* Mode, times and group of a file: its owner may change them wherever Landlock lets it be seen, so where no mount is read-only the
 * broker looks whether the file may be written to. */
static void plan_attributes(struct calls *c, struct plan_call *call)
{
	if (c->d->plan->bare)
		plan_names(c, call);
}

/* Patterns are about the file of a unix socket as well, and ask.connect about addresses of the internet. */
static void plan_address(struct calls *c, struct plan_call *call)
{
	if (c->d->nobody_to_ask || !profile_judges_addresses(c->d->p))
		return;
	call->verdict = CALL_ASK;
	call->mediator = MEDIATE_ADDRESS;
	call->err = EACCES;
}

/* An address of one's own is nobody else's, unless it is a file. */
static void plan_bind(struct calls *c, struct plan_call *call)
{
	if (profile_pattern(c->d->p) != NULL)
		plan_address(c, call);
}

/* Without an address it is a write: NULL in the fifth argument, all of it, is none (__sys_sendto() of net/socket.c). */
static void plan_sendto(struct calls *c, struct plan_call *call)
{
	plan_address(c, call);
	if (call->mediator != MEDIATE_ADDRESS)
		return;
	call->verdict = CALL_ARGS;
	call->rest = CALL_ASK;
	add_test(add_case(c, SECCOMP_RET_ALLOW), 4, UINT64_MAX, 0);
}

/* The answer is not the kernel's where the processors that may be used, or memory, are fewer than the machine's. */
static void plan_view_call(struct calls *c, struct plan_call *call)
{
	/* Not a broker for this alone, unless somebody wants it. */
	bool meant = c->d->p->resources.view || c->d->audit >= AUDIT_DENIALS;

	if (c->d->nobody_to_ask || !meant || !view_is_meant(c->d))
		return;
	call->verdict = CALL_ASK;
	call->mediator = MEDIATE_VIEW;
}

static void plan_exec(struct calls *c, struct plan_call *call)
{
	bool audits = c->d->audit >= AUDIT_ALL && brokered(c, "execve");

	if (c->d->nobody_to_ask || (!audits && c->d->p->ask.execute.n == 0))
		return;
	call->verdict = CALL_ASK;
	call->mediator = MEDIATE_EXEC;
}

/* A call that is judged by its arguments, or performed. */
static const struct special {
	const char *name;
	int open_flags_arg; /* -1: behind a pointer, -2: always writing */
	void (*plan)(struct calls *c, struct plan_call *call);
} specials[] = {
	{ "ioctl", 0, plan_ioctl },
	{ "prctl", 0, plan_prctl },
	{ "socket", 0, plan_socket },
	{ "socketpair", 0, plan_socket },
	{ "clone", 0, plan_clone },
	{ "unshare", 0, plan_clone },
	{ "execve", 0, plan_exec },
	{ "execveat", 0, plan_exec },
	{ "sched_getaffinity", 0, plan_view_call },
	{ "sysinfo", 0, plan_view_call },
	{ "open", 1, NULL },
	{ "openat", 2, NULL },
	{ "openat2", -1, NULL },
	{ "creat", -2, NULL },
	{ "link", 0, plan_names },
	{ "linkat", 0, plan_names },
	{ "mkdir", 0, plan_names },
	{ "mkdirat", 0, plan_names },
	{ "mknod", 0, plan_names },
	{ "mknodat", 0, plan_names },
	{ "rename", 0, plan_names },
	{ "renameat", 0, plan_names },
	{ "rmdir", 0, plan_names },
	{ "renameat2", 0, plan_names },
	{ "symlink", 0, plan_names },
	{ "symlinkat", 0, plan_names },
	{ "unlink", 0, plan_names },
	{ "unlinkat", 0, plan_names },
	{ "truncate", 0, plan_names },
	{ "chmod", 0, plan_attributes },
	{ "fchmod", 0, plan_attributes },
	{ "fchmodat", 0, plan_attributes },
	{ "fchmodat2", 0, plan_attributes },
	{ "chown", 0, plan_attributes },
	{ "lchown", 0, plan_attributes },
	{ "fchown", 0, plan_attributes },
	{ "fchownat", 0, plan_attributes },
	{ "utime", 0, plan_attributes },
	{ "utimes", 0, plan_attributes },
	{ "futimesat", 0, plan_attributes },
	{ "utimensat", 0, plan_attributes },
	{ "bind", 0, plan_bind },
	{ "connect", 0, plan_address },
	{ "sendto", 0, plan_sendto },
	{ "sendmsg", 0, plan_address },
	{ "sendmmsg", 0, plan_address },
	{ "setsockopt", 0, plan_setsockopt },
};

bool plan_is_path(const struct calls *c, const struct syscall *s)
{
	uint8_t known = c->known[s - syscalls];

	return known != 0 && known != CALL_IS_QUIET &&
	       (specials[known - 1].plan == NULL || specials[known - 1].plan == plan_names);
}

void mark_args(struct calls *c)
{
	for (size_t i = 0; i < COUNT(specials); i++)
		c->known[syscall_find(specials[i].name) - syscalls] = (uint8_t)(1 + i);
}

void plan_args(struct calls *c, const struct syscall *s, struct plan_call *call)
{
	uint8_t known = c->known[s - syscalls];

	if (known == 0 || known == CALL_IS_QUIET)
		return;
	if (specials[known - 1].plan != NULL)
		specials[known - 1].plan(c, call);
	else
		plan_open(c, call, specials[known - 1].open_flags_arg);
}
