/*
 * What holds for a profile as a whole, whichever files it was read from: no more than can be served, and no limit that limits nothing.
 */
#include <errno.h>
#include <string.h>

#include "policy/profile_fields.h"

#define MOST(name, list, element, most)                                                            \
	name, offsetof(struct profile, list), sizeof(struct element),                              \
		offsetof(struct element, from), most

/* Each path costs a mount, a rule of Landlock, or a comparison at each open that the broker performs; the filter asks
 * for each value; and the proof looks at each beside each. A profile of a person has a tenth of it. */
static const struct {
	const char *name;
	size_t offset, size, from, most;
	const char *fix;
} limits[] = {
	{ MOST("filesystem.read", filesystem.read, word, 256), "name a folder above them" },
	{ MOST("filesystem.write", filesystem.write, word, 256), "name a folder above them" },
	{ MOST("filesystem.execute", filesystem.execute, word, 256), "name a folder above them" },
	{ MOST("filesystem.hide", filesystem.hide, word, 128), "name a folder above them" },
	{ MOST("filesystem.deny.read", filesystem.deny_read, word, 64),
	  "name a folder above them" },
	{ MOST("filesystem.deny.write", filesystem.deny_write, word, 64),
	  "name a folder above them" },
	{ MOST("ask.read", ask.read, word, 64), "name a folder above them" },
	{ MOST("ask.write", ask.write, word, 64), "name a folder above them" },
	{ MOST("ask.execute", ask.execute, word, 64), "name a folder above them" },
	{ MOST("ask.always.read", ask.always.read, word, 64), "name a folder above them" },
	{ MOST("ask.always.write", ask.always.write, word, 64), "name a folder above them" },
	{ MOST("ask.always.execute", ask.always.execute, word, 64), "name a folder above them" },
	{ MOST("ask.connect", ask.connect, address_rule, 64), "name a range that holds them" },
	{ MOST("ask.always.connect", ask.always.connect, address_rule, 64),
	  "name a range that holds them" },
	{ MOST("devices", devices, word, 64), "write a pattern for them" },
	{ MOST("ioctl.allow", ioctl_allow, word, 256), "keep what the workload uses" },
	{ MOST("prctl.allow", prctl_allow, word, 256), "keep what the workload uses" },
	{ MOST("sockets.allow", sockets_allow, socket_rule, 64), "leave types or protocols out" },
	{ MOST("syscalls.where", syscalls.where, where_rule, 64),
	  "write values of one mask into one row" },
};

/* Of one row. Linux knows some 30 protocols of a family. */
enum { PROTOCOLS_MAX = 64, VALUES_MAX = 256 };

/* The shape of every list. */
struct any_list {
	size_t n, cap;
	const char *at;
};

static int too_many(const struct from *f, const char *name, size_t most, const char *fix,
		    struct err *e)
{
	fail(e, E2BIG, "%s:%u:%u: %s: more than %zu of them", f->file, f->line, f->column, name,
	     most);
	return advise(e, "%s", fix);
}

static int check_limits(const struct profile *p, struct err *e)
{
	const struct socket_rules *sockets = &p->sockets_allow;
	const struct where_rules *where = &p->syscalls.where;

	for (size_t i = 0; i < COUNT(limits); i++) {
		struct any_list list;

		memcpy(&list, (const char *)p + limits[i].offset, sizeof list);
		if (list.n > limits[i].most)
			return too_many((const struct from *)(list.at +
							      limits[i].most * limits[i].size +
							      limits[i].from),
					limits[i].name, limits[i].most, limits[i].fix, e);
	}
	for (size_t i = 0; i < sockets->n; i++)
		if (sockets->at[i].n > PROTOCOLS_MAX)
			return too_many(&sockets->at[i].from, "sockets.allow: protocols",
					PROTOCOLS_MAX, "leave them out to allow every one", e);
	for (size_t i = 0; i < where->n; i++)
		if (where->at[i].n > VALUES_MAX)
			return too_many(&where->at[i].from, "syscalls.where: in", VALUES_MAX,
					"write what they have in common with a mask", e);
	return 0;
}

int profile_whole(const struct profile *p, struct err *e)
{
	const struct amount *memory = &p->resources.memory, *high = &p->resources.memory_high;
	const struct from *swap = &p->resources.swap.from;

	TRY(check_limits(p, e));
	if (p->resources.swap.set && !memory->set) {
		fail(e, EINVAL,
		     "%s:%u:%u: resources.swap: it limits nothing without resources.memory",
		     swap->file, swap->line, swap->column);
		return advise(e, "set memory, too: swap is what may be used beyond it");
	}
	/* In one file it is a slip; a profile that extends another may lower memory alone. */
	if (!high->set || !memory->set || high->value < memory->value ||
	    high->from.file != memory->from.file)
		return 0;
	fail(e, EINVAL,
	     "%s:%u:%u: resources.memory_high: memory ends there at %llu, so it is never reached",
	     high->from.file, high->from.line, high->from.column,
	     (unsigned long long)memory->value);
	return advise(e, "write less than memory, or leave it out");
}
