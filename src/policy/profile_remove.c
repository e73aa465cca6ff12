#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "policy/profile_fields.h"

/* What makes two rows the same, and what a message calls one. */
static bool same_word(const void *a, const void *b)
{
	return strcmp(((const struct word *)a)->text, ((const struct word *)b)->text) == 0;
}

static bool same_where(const void *a, const void *b)
{
	return strcmp(((const struct where_rule *)a)->syscall,
		      ((const struct where_rule *)b)->syscall) == 0;
}

static bool same_socket(const void *a, const void *b)
{
	return ((const struct socket_rule *)a)->family == ((const struct socket_rule *)b)->family;
}

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool same_egress(const void *a, const void *b)
{
	const struct egress_rule *x = a, *y = b;

	return same_text(x->cidr, y->cidr) || same_text(x->domain, y->domain);
}

static bool same_address(const void *a, const void *b)
{
	return same_text(((const struct address_rule *)a)->cidr,
			 ((const struct address_rule *)b)->cidr);
}

static bool same_ingress(const void *a, const void *b)
{
	return ((const struct ingress_rule *)a)->port == ((const struct ingress_rule *)b)->port;
}

static bool same_io(const void *a, const void *b)
{
	return strcmp(((const struct io_rule *)a)->path, ((const struct io_rule *)b)->path) == 0;
}

static bool same_size(const void *a, const void *b)
{
	return strcmp(((const struct hugetlb_rule *)a)->size,
		      ((const struct hugetlb_rule *)b)->size) == 0;
}

struct kind {
	size_t size, from;
	bool (*same)(const void *a, const void *b);
};

static const struct kind words = { sizeof(struct word), offsetof(struct word, from), same_word },
			 wheres = { sizeof(struct where_rule), offsetof(struct where_rule, from),
				    same_where },
			 sockets = { sizeof(struct socket_rule), offsetof(struct socket_rule, from),
				     same_socket },
			 egress = { sizeof(struct egress_rule), offsetof(struct egress_rule, from),
				    same_egress },
			 addresses = { sizeof(struct address_rule),
				       offsetof(struct address_rule, from), same_address },
			 ingress = { sizeof(struct ingress_rule),
				     offsetof(struct ingress_rule, from), same_ingress },
			 ios = { sizeof(struct io_rule), offsetof(struct io_rule, from), same_io },
			 sizes = { sizeof(struct hugetlb_rule), offsetof(struct hugetlb_rule, from),
				   same_size };

static const struct {
	const char *name;
	size_t offset;
	const struct kind *kind;
} lists[] = {
	{ "namespaces", offsetof(struct profile, namespaces), &words },
	{ "capabilities.keep", offsetof(struct profile, keep_capabilities), &words },
	{ "syscalls.allow", offsetof(struct profile, syscalls.allow), &words },
	{ "syscalls.deny", offsetof(struct profile, syscalls.deny), &words },
	{ "syscalls.broker", offsetof(struct profile, syscalls.broker), &words },
	{ "syscalls.tripwire", offsetof(struct profile, syscalls.tripwire), &words },
	{ "syscalls.architectures", offsetof(struct profile, syscalls.architectures), &words },
	{ "syscalls.where", offsetof(struct profile, syscalls.where), &wheres },
	{ "devices", offsetof(struct profile, devices), &words },
	{ "ioctl.allow", offsetof(struct profile, ioctl_allow), &words },
	{ "prctl.allow", offsetof(struct profile, prctl_allow), &words },
	{ "sockets.allow", offsetof(struct profile, sockets_allow), &sockets },
	{ "filesystem.read", offsetof(struct profile, filesystem.read), &words },
	{ "filesystem.write", offsetof(struct profile, filesystem.write), &words },
	{ "filesystem.execute", offsetof(struct profile, filesystem.execute), &words },
	{ "filesystem.hide", offsetof(struct profile, filesystem.hide), &words },
	{ "filesystem.deny.read", offsetof(struct profile, filesystem.deny_read), &words },
	{ "filesystem.deny.write", offsetof(struct profile, filesystem.deny_write), &words },
	{ "ask.read", offsetof(struct profile, ask.read), &words },
	{ "ask.write", offsetof(struct profile, ask.write), &words },
	{ "ask.execute", offsetof(struct profile, ask.execute), &words },
	{ "ask.connect", offsetof(struct profile, ask.connect), &addresses },
	{ "ask.always.read", offsetof(struct profile, ask.always.read), &words },
	{ "ask.always.write", offsetof(struct profile, ask.always.write), &words },
	{ "ask.always.execute", offsetof(struct profile, ask.always.execute), &words },
	{ "ask.always.connect", offsetof(struct profile, ask.always.connect), &addresses },
	{ "network.egress.allow", offsetof(struct profile, network.egress), &egress },
	{ "network.ingress.allow", offsetof(struct profile, network.ingress), &ingress },
	{ "resources.io", offsetof(struct profile, resources.io), &ios },
	{ "resources.hugetlb", offsetof(struct profile, resources.hugetlb), &sizes },
	{ "requirements.cgroup", offsetof(struct profile, requirements.cgroup), &words },
	{ "warn", offsetof(struct profile, warnings), &words },
};

/* The shape of every list. */
struct list {
	size_t n, cap;
	char *at;
};

/* Takes each row like `gone` out of the list; returns how many there were. */
static size_t take_out(struct list *l, const struct kind *k, const void *gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (k->same(l->at + i * k->size, gone))
			continue;
		if (kept != i)
			memcpy(l->at + kept * k->size, l->at + i * k->size, k->size);
		kept++;
	}

	size_t taken = l->n - kept;

	if (taken != 0)
		memset(l->at + kept * k->size, 0, taken * k->size);
	l->n = kept;
	return taken;
}

static int subtract(const char *name, const struct kind *k, void *from, const void *gone,
		    struct err *e)
{
	struct list have, less;

	memcpy(&have, from, sizeof have);
	memcpy(&less, gone, sizeof less);
	for (size_t i = 0; i < less.n; i++) {
		const char *row = less.at + i * k->size;
		const struct from *place = (const struct from *)(row + k->from);

		if (take_out(&have, k, row) != 0)
			continue;
		fail(e, EINVAL, "%s:%u:%u: remove: the base profile's %s has no such row",
		     place->file, place->line, place->column, name);
		return advise(e, "`zviz profiles show` prints what a profile has; one call of a "
				 "group is refused "
				 "by listing it under syscalls.deny");
	}
	memcpy(from, &have, sizeof have);
	return 0;
}

int profile_subtract(struct profile *p, const struct profile *gone, struct err *e)
{
	for (size_t i = 0; i < COUNT(lists); i++)
		TRY(subtract(lists[i].name, lists[i].kind, (char *)p + lists[i].offset,
			     (const char *)gone + lists[i].offset, e));
	return 0;
}
