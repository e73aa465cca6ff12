/*
 * The words of a question: arguments by the role that the table of system calls gives them.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "policy/query_parts.h"

enum { NAME_MAX_BYTES = 64 };

static const struct name no_names[] = { { 0 } };
static const struct name dir_names[] = { { "AT_FDCWD", AT_FDCWD }, { 0 } };
static const struct name socket_flags[] = { { "SOCK_CLOEXEC", SOCK_CLOEXEC },
					    { "SOCK_NONBLOCK", SOCK_NONBLOCK },
					    { "O_CLOEXEC", O_CLOEXEC },
					    { "O_NONBLOCK", O_NONBLOCK },
					    { 0 } };
static const struct name ptrace_names[] = { { "PTRACE_TRACEME", PTRACE_TRACEME },
					    { "PTRACE_ATTACH", PTRACE_ATTACH },
					    { "PTRACE_SEIZE", PTRACE_SEIZE },
					    { 0 } };

/* What may stand for an argument of each role, besides a number. C's names of families and types lose `prefix`. */
static const struct role {
	enum arg_role role;
	const char *what, *shown;
	const struct name *names, *more;
	const char *prefix, *other_prefix;
} roles[] = {
	{ ARG_FD, "descriptor", "descriptor", no_names, no_names },
	{ ARG_DIRFD, "descriptor of a folder", "folder", dir_names, no_names },
	{ ARG_OPEN_FLAGS, "flag of open", "flags", open_flags, no_names },
	{ ARG_PATH, "path", "path", no_names, no_names },
	{ ARG_ADDRESS, "address, or path of a unix socket", "address", no_names, no_names },
	{ ARG_MODE, "mode", "mode", no_names, no_names },
	{ ARG_SOCKET_FAMILY, "socket family", "family", socket_families, no_names, "AF_", "PF_" },
	{ ARG_SOCKET_TYPE, "socket type", "type", socket_types, socket_flags, "SOCK_" },
	{ ARG_IOCTL, "ioctl", "request", ioctl_names, no_names },
	{ ARG_PRCTL, "prctl", "operation", prctl_names, no_names },
	{ ARG_CLONE_FLAGS, "flag of clone", "flags", clone_flags, signal_names },
	{ ARG_SIGNAL, "signal", "signal", signal_names, no_names },
	{ ARG_PTRACE, "ptrace request", "request", ptrace_names, no_names },
};

static const struct role *role_find(enum arg_role role)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (roles[i].role == role)
			return &roles[i];
	return NULL;
}

bool query_is_number(const char *word)
{
	return isdigit((unsigned char)(word[0] == '-' ? word[1] : word[0]));
}

/* A mode is octal without a word about it, as everywhere. */
static bool octal(const char *word, uint64_t *out)
{
	char *end;

	if (strlen(word) > 6)
		return false;
	*out = strtoull(word, &end, 8);
	return *end == '\0';
}

static int number(enum arg_role role, const char *word, uint64_t *out, struct err *e)
{
	int64_t negative;

	if (role == ARG_MODE && octal(word, out))
		return 0;
	if (num_u64(word, out) == 0)
		return 0;
	if (word[0] != '-' || num_i64(word, &negative) < 0)
		return fail(e, EINVAL, "'%.80s' is no number", word);
	*out = (uint64_t)negative;
	return 0;
}

/* "AF_INET" is the table's "inet". */
static void without_prefix(const struct role *r, char *name)
{
	const char *const prefixes[] = { r->prefix, r->other_prefix };

	for (size_t i = 0; i < COUNT(prefixes); i++) {
		size_t len = prefixes[i] != NULL ? strlen(prefixes[i]) : 0;

		if (len == 0 || strncmp(name, prefixes[i], len) != 0 || name[len] == '\0')
			continue;
		memmove(name, name + len, strlen(name + len) + 1);
		for (char *c = name; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		return;
	}
}

static int unknown(const struct role *r, const char *name, struct err *e)
{
	struct name_near near = { 0 };

	if (r == NULL || r->names == no_names)
		return fail(e, EINVAL, "'%.80s': only a number is understood here", name);
	for (const struct name *n = r->names; n->name[0] != '\0'; n++)
		name_offer(&near, name, n->name);
	for (const struct name *n = r->more; n->name[0] != '\0'; n++)
		name_offer(&near, name, n->name);
	fail(e, EINVAL, "'%.80s' is no %s", name, r->what);
	if (near.best != NULL)
		return advise(e, "the nearest known is '%s'", near.best);
	return advise(e, "a name such as %s, or a number", r->names[0].name);
}

/* One name of those that are joined by '|'. */
static int one_name(const struct role *r, const char *word, size_t len, uint64_t *out,
		    struct err *e)
{
	char name[NAME_MAX_BYTES];
	const struct name *found = NULL;

	if (len == 0 || len >= sizeof name)
		return fail(e, EINVAL, "'%.80s': a name is missing, or too long", word);
	memcpy(name, word, len);
	name[len] = '\0';
	if (query_is_number(name))
		return number(ARG_HEX, name, out, e);
	if (r != NULL && (found = name_find(r->more, name)) == NULL) {
		without_prefix(r, name);
		found = name_find(r->names, name);
	}
	if (found == NULL)
		return unknown(r, name, e);
	*out = (uint64_t)found->value;
	return 0;
}

int query_value(enum arg_role role, const char *word, uint64_t *out, struct err *e)
{
	const struct role *r = role_find(role);

	*out = 0;
	if (query_is_number(word) && strchr(word, '|') == NULL)
		return number(role, word, out, e);
	for (const char *at = word;; at++) {
		size_t len = strcspn(at, "|");
		uint64_t one = 0;

		TRY(one_name(r, at, len, &one, e));
		*out |= one;
		at += len;
		if (*at == '\0')
			return 0;
	}
}

const char *query_argument(struct arena *a, const struct syscall *s, unsigned arg)
{
	const struct role *r = role_find(s->arg[arg]);

	if (r != NULL && r->shown != NULL)
		return r->shown;
	if (arg == 2 && s->arg[1] == ARG_SOCKET_TYPE)
		return "protocol";
	return arena_printf(a, "argument %u", arg);
}
