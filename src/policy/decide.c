#include "policy/decide.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <string.h>

#include "table/table.h"

#if defined(__x86_64__)
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#else
#error "the broker knows x86_64 and aarch64"
#endif

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum { I386_TRUNCATE = 92, I386_TRUNCATE64 = 193 };

void decide_widen(struct call *c)
{
	/* A length is signed, and in two registers where it has 64 bits. */
	if (c->arch == AUDIT_ARCH_I386 && c->nr == I386_TRUNCATE)
		c->arg[1] = (uint64_t)(int64_t)(int32_t)c->arg[1];
	if (c->arch == AUDIT_ARCH_I386 && c->nr == I386_TRUNCATE64)
		c->arg[1] = (uint32_t)c->arg[1] | c->arg[2] << 32;
}

/* -1: this machine has no call of its own for it. */
static int own_number(const struct call *c)
{
	const struct syscall *s;

	if (c->arch == ARCH_NATIVE && c->nr < SYSCALL_X32_BIT)
		return c->nr;
	if (c->arch != ARCH_NATIVE && c->arch != AUDIT_ARCH_I386)
		return -1;
	s = syscall_number(c->arch, c->nr);
	return s != NULL ? syscall_nr(s, ARCH_NATIVE) : -1;
}

const struct plan_call *plan_row(const struct plan_call *calls, size_t n, int nr)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (calls[middle].nr == nr)
			return &calls[middle];
		if (calls[middle].nr < nr)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct plan_call *decide_row(const struct broker_plan *p, const struct call *c)
{
	return plan_row(p->calls, p->ncalls, own_number(c));
}

bool decide_is_path_only(const struct call *c, const struct plan_call *row)
{
	if (strcmp(row->name, "open") == 0)
		return c->arg[1] & O_PATH;
	return strcmp(row->name, "openat") == 0 && c->arg[2] & O_PATH;
}

static struct verdict go_on(const struct from *from)
{
	return (struct verdict){ .what = GO_ON, .from = from };
}

static struct verdict refuse(const struct plan_call *row, const struct from *from)
{
	return (struct verdict){ .what = DENY,
				 .err = row->err != 0 ? row->err : EPERM,
				 .from = from->file != NULL ? from : row->from,
				 .fix = row->fix,
				 .call = row->name };
}

struct verdict decide_deny(const struct plan_call *row)
{
	return refuse(row, row->from);
}

/* Whether the row's tests hold. A register of i386 has 32 bits. */
static bool where_holds(const struct where_rule *w, const struct call *c)
{
	const uint64_t mask = c->arch == AUDIT_ARCH_I386 ? w->mask & UINT32_MAX : w->mask;

	for (size_t i = 0; i < w->n; i++)
		if (((c->arg[w->arg] ^ w->in[i]) & mask) == 0)
			return true;
	return false;
}

/* A call that is refused whenever it is asked about: by its own line, or by the row of `where:` that sent it here. */
static struct verdict decide_denied(const struct broker_plan *p, const struct call *c,
				    const struct plan_call *row)
{
	struct verdict v = decide_deny(row);

	for (size_t i = 0; p->where != NULL && i < p->where->n; i++) {
		const struct where_rule *w = &p->where->at[i];

		if (w->then != PROFILE_ALLOW && strcmp(w->syscall, row->name) == 0 &&
		    where_holds(w, c)) {
			v.from = &w->from;
			break;
		}
	}
	return v;
}

static bool listed(const uint32_t *list, size_t n, uint32_t value)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == value)
			return true;
	return false;
}

struct verdict decide_ioctl(const struct broker_plan *p, const struct call *c,
			    const struct plan_call *row)
{
	if (listed(p->ioctls, p->nioctls, (uint32_t)c->arg[1]))
		return go_on(&p->ioctl_from);
	return refuse(row, &p->ioctl_from);
}

struct verdict decide_prctl(const struct broker_plan *p, const struct call *c,
			    const struct plan_call *row)
{
	if (listed(p->prctls, p->nprctls, (uint32_t)c->arg[0]))
		return go_on(&p->prctl_from);
	return refuse(row, &p->prctl_from);
}

static bool socket_fits(const struct socket_rule *r, const struct call *c)
{
	unsigned type = (uint32_t)c->arg[1] &
			0xf; /* SOCK_TYPE_MASK of net/socket.h: flags lie above it */

	if ((uint32_t)r->family != (uint32_t)c->arg[0] || (r->types & 1u << type) == 0)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (r->protocols[i] == (uint32_t)c->arg[2])
			return true;
	return r->n == 0;
}

struct verdict decide_socket(const struct broker_plan *p, const struct call *c,
			     const struct plan_call *row)
{
	for (size_t i = 0; i < p->nsockets; i++)
		if (socket_fits(&p->sockets[i], c))
			return go_on(&p->sockets[i].from);
	return refuse(row, &p->socket_from);
}

struct verdict decide_clone(const struct broker_plan *p, const struct call *c,
			    const struct plan_call *row)
{
	/* The flags are the first argument on both architectures; in clone's, CLONE_NEWTIME is part of the exit signal. */
	uint64_t never = p->clone_forbidden |
			 (strcmp(row->name, "unshare") == 0 ? CLONE_NEWTIME : 0);

	if (((uint32_t)c->arg[0] & never) == 0)
		return go_on(&p->clone_from);

	struct verdict v = refuse(row, &p->clone_from);

	v.err = EPERM; /* as the kernel answers who may not make namespaces */
	return v;
}

struct verdict decide_call(const struct broker_plan *p, const struct call *c,
			   const struct plan_call *row)
{
	static const struct from nobody;

	if (row != NULL) {
		switch (row->mediator) {
		case MEDIATE_DENY:
			return decide_denied(p, c, row);
		case MEDIATE_IOCTL:
			return decide_ioctl(p, c, row);
		case MEDIATE_PRCTL:
			return decide_prctl(p, c, row);
		case MEDIATE_SOCKET:
			return decide_socket(p, c, row);
		case MEDIATE_CLONE:
			return decide_clone(p, c, row);
		case MEDIATE_NAMES: /* performed */
		case MEDIATE_ADDRESS:
			break;
		case MEDIATE_OPEN: /* with O_PATH only: others are performed */
		case MEDIATE_EXEC:
		case MEDIATE_VIEW: /* unless the broker answers itself */
		case MEDIATE_TRIPWIRE:
			return go_on(row->from);
		case MEDIATE_NONE:
			break;
		}
	}
	/* Nobody planned to ask about it: the filter and the plan disagree, or another architecture slipped in. */
	return (struct verdict){ .what = DENY, .err = ENOSYS, .from = &nobody };
}
