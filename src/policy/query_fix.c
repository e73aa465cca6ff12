/*
 * The smallest change that would permit what was refused; or that none does.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/query_parts.h"

/* Values that nobody gave stand for every other: they are no part of a change. */
static bool given(const struct asking *q, unsigned arg)
{
	return q->query->kind != QUERY_CALL || q->query->given[arg];
}

/* What an ioctl.allow or prctl.allow would have to list. */
static const char *named(struct asking *q, const struct name *names, uint32_t value)
{
	const struct name *known = name_of(names, value);

	return known != NULL ? known->name : arena_printf(q->a, "0x%x", value);
}

static const char *socket_row(struct asking *q, const struct call *c)
{
	const struct name *family = name_of(socket_families, (int)c->arg[0]);
	const struct name *type = name_of(socket_types, (int)(c->arg[1] & 0xf));

	if (family == NULL || type == NULL)
		return "none: a socket of this family and type has no name in a profile";
	if (!given(q, 2))
		return arena_printf(q->a, "add {family: %s, types: [%s]} to sockets.allow",
				    family->name, type->name);
	return arena_printf(q->a, "add {family: %s, types: [%s], protocols: [%u]} to sockets.allow",
			    family->name, type->name, (uint32_t)c->arg[2]);
}

/* Calls with a list of their own: the very value that is missing. */
static const char *list_fix(struct asking *q, const struct plan_call *row, const struct call *c)
{
	if (strcmp(row->name, "ioctl") == 0 && given(q, 1))
		return arena_printf(q->a, "add %s to ioctl.allow",
				    named(q, ioctl_names, (uint32_t)c->arg[1]));
	if (strcmp(row->name, "prctl") == 0 && given(q, 0))
		return arena_printf(q->a, "add %s to prctl.allow",
				    named(q, prctl_names, (uint32_t)c->arg[0]));
	if (strncmp(row->name, "socket", 6) == 0 && given(q, 0) && given(q, 1))
		return socket_row(q, c);
	return row->fix;
}

static const char *where_fix(struct asking *q, const struct plan_call *row, const struct call *c)
{
	const struct where_rules *w = &q->plan->policy->syscalls.where;

	for (size_t i = 0; i < w->n; i++) {
		const struct where_rule *r = &w->at[i];
		const char *value = "the value";

		if (strcmp(r->syscall, row->name) != 0 || r->then != PROFILE_ALLOW)
			continue;
		if (given(q, r->arg))
			value = arena_printf(q->a, "0x%llx",
					     (unsigned long long)(c->arg[r->arg] & r->mask));
		return arena_printf(q->a, "add %s to `in` of its row at %s", value,
				    from_text(q->a, &r->from));
	}
	return NULL;
}

const char *query_fix(struct asking *q, const struct plan_call *row, const struct call *c,
		      const struct where_rule *rule)
{
	const struct profile *p = q->plan->policy;
	const struct call_mention *m = &p->syscalls.mentions.at[syscall_find(row->name) - syscalls];
	bool allowed = m->allow != 0 && (m->deny == 0 || (m->allow_by_name && !m->deny_by_name));
	const char *fix = NULL;

	if (rule != NULL)
		return arena_printf(q->a, "change its row of syscalls.where at %s",
				    from_text(q->a, &rule->from));
	if (m->where && !allowed)
		fix = where_fix(q, row, c);
	if (fix != NULL)
		return fix;
	if (allowed)
		return list_fix(q, row, c);
	if (m->deny == 0 && row->fix != NULL)
		return row->fix;
	if (m->deny_by_name)
		return arena_printf(q->a, "take %s out of syscalls.deny%s", row->name,
				    m->allow_by_name ? "" : ", and add it to syscalls.allow");
	return arena_printf(q->a, "add %s to syscalls.allow", row->name);
}

/* ---- what the kernel itself asks ---- */

/* Calls that need a capability whatever their arguments, and where: in the container's own user namespace, or in the
 * machine's, where a container has none. The documentation of each: capabilities(7). */
enum needed_where { OWN, MACHINE, UNCONFINED };

static const struct needs {
	const char *call;
	unsigned capability;
	enum needed_where where;
} needs[] = {
	{ "acct", CAP_SYS_PACCT, MACHINE },
	{ "chroot", CAP_SYS_CHROOT, OWN },
	{ "delete_module", CAP_SYS_MODULE, MACHINE },
	{ "finit_module", CAP_SYS_MODULE, MACHINE },
	{ "fsconfig", CAP_SYS_ADMIN, OWN },
	{ "fsmount", CAP_SYS_ADMIN, OWN },
	{ "fsopen", CAP_SYS_ADMIN, OWN },
	{ "init_module", CAP_SYS_MODULE, MACHINE },
	{ "kexec_file_load", CAP_SYS_BOOT, MACHINE },
	{ "kexec_load", CAP_SYS_BOOT, MACHINE },
	{ "mount", CAP_SYS_ADMIN, UNCONFINED },
	{ "move_mount", CAP_SYS_ADMIN, UNCONFINED },
	{ "pivot_root", CAP_SYS_ADMIN, UNCONFINED },
	{ "reboot", CAP_SYS_BOOT, OWN },
	{ "setdomainname", CAP_SYS_ADMIN, OWN },
	{ "sethostname", CAP_SYS_ADMIN, OWN },
	{ "settimeofday", CAP_SYS_TIME, MACHINE },
	{ "swapoff", CAP_SYS_ADMIN, MACHINE },
	{ "swapon", CAP_SYS_ADMIN, MACHINE },
	{ "umount2", CAP_SYS_ADMIN, UNCONFINED },
};

static const struct needs *needs_of(const char *name)
{
	for (size_t i = 0; i < COUNT(needs); i++)
		if (strcmp(needs[i].call, name) == 0)
			return &needs[i];
	return NULL;
}

void query_capability(struct asking *q, const char *name)
{
	const struct needs *n = needs_of(name);
	const char *capability = n != NULL ? name_of(capability_names, n->capability)->name : "";
	bool landlock = q->plan->landlock_abi != 0;
	bool kept = n != NULL && q->plan->keep_capabilities & UINT64_C(1) << n->capability;
	struct query_part *part;

	if (n == NULL || (kept && n->where == OWN) || (kept && n->where == UNCONFINED && !landlock))
		return;
	part = part_add(q, kept && n->where == UNCONFINED ? "landlock" : "capabilities",
			QUERY_REFUSED, NULL);
	part->err = EPERM;
	part->why = arena_printf(q->a, "the kernel wants %s%s", capability,
				 n->where == MACHINE ? " in the machine's own user namespace" : "");
	if (n->where == MACHINE)
		part->never = "no capability of a user namespace counts for this call";
	else if (n->where == UNCONFINED && landlock)
		part->never = "Landlock refuses changed mounts to every process that it confines";
	else
		part->fix = arena_printf(q->a, "add %s to capabilities.keep", capability);
}
