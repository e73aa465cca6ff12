#include "policy/describe.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kern/uapi.h"
#include "table/table.h"

/* Text of a fixed size that is cut, never overrun. */
struct text {
	char *at;
	size_t left; /* NUL included, at least 1 */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;

	size_t used = (size_t)n < t->left ? (size_t)n : t->left - 1;

	t->at += used;
	t->left -= used;
}

static void put_quoted(struct text *t, const char *s)
{
	put(t, "\"");
	for (; *s != '\0' && t->left > 1; s++) {
		unsigned char c = (unsigned char)*s;

		put(t, c >= 0x20 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
	}
	put(t, "\"");
}

static void put_name(struct text *t, const struct name *table, uint64_t value, const char *fallback)
{
	const struct name *row = name_of(table, (int64_t)value);

	if (row != NULL)
		put(t, "%s", row->name);
	else
		put(t, fallback[0] == 'x' ? "0x%llx" : "%lld", (long long)value);
}

/* Names of the bits that are set, then what is left as a number. */
static void put_flags(struct text *t, const struct name *table, uint64_t value, const char *between)
{
	for (const struct name *row = table; row->name[0] != '\0'; row++) {
		uint64_t bits = (uint64_t)row->value;

		if (bits == 0 || (value & bits) != bits)
			continue;
		put(t, "%s%s", between, row->name);
		value &= ~bits;
		between = "|";
	}
	if (value != 0)
		put(t, "%s0x%llx", between, (unsigned long long)value);
	else if (between[0] == '\0')
		put(t, "0");
}

static void put_open_flags(struct text *t, uint64_t flags)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
	const uint64_t temporary =
		O_TMPFILE; /* holds the bit of O_DIRECTORY, which comes first in the table */

	put(t, "%s", access[flags & UAPI_O_ACCMODE]);
	flags &= ~(uint64_t)UAPI_O_ACCMODE;
	if ((flags & temporary) == temporary) {
		put(t, "|O_TMPFILE");
		flags &= ~temporary;
	}
	if (flags != 0)
		put_flags(t, open_flags, flags, "|");
}

static void put_argument(struct text *t, enum arg_role role, uint64_t value)
{
	uint32_t low = (uint32_t)value;

	switch (role) {
	case ARG_INT:
	case ARG_FD:
	case ARG_PID:
		put(t, "%d", (int)low);
		break;
	case ARG_DIRFD:
		if ((int)low == AT_FDCWD)
			put(t, "AT_FDCWD");
		else
			put(t, "%d", (int)low);
		break;
	case ARG_UINT:
	case ARG_SIZE:
		put(t, "%llu", (unsigned long long)value);
		break;
	case ARG_OPEN_FLAGS:
		put_open_flags(t, low);
		break;
	case ARG_MODE:
		put(t, "0%o", low & 07777);
		break;
	case ARG_SOCKET_FAMILY:
		put_name(t, socket_families, low, "d");
		break;
	case ARG_SOCKET_TYPE: /* the flags above the type have open's values */
		put_name(t, socket_types, low & 0xf, "d");
		if (low & ~0xfu)
			put_flags(t, open_flags, low & ~0xfu, "|");
		break;
	case ARG_IOCTL:
		put_name(t, ioctl_names, low, "x");
		break;
	case ARG_PRCTL:
		put_name(t, prctl_names, low, "d");
		break;
	case ARG_CLONE_FLAGS:
		put_flags(t, clone_flags, low, "");
		break;
	case ARG_SIGNAL:
		put_name(t, signal_names, low, "d");
		break;
	default:
		put(t, "0x%llx", (unsigned long long)value);
	}
}

void describe_call(char *out, size_t size, const struct call *c, const struct paths *paths,
		   const uint64_t *flags)
{
	static const struct paths none = { 0 };
	const struct paths *known = paths != NULL ? paths : &none;
	size_t npath = 0;
	const struct syscall *s = syscall_number(c->arch, c->nr);
	struct text t = { .at = out, .left = size };

	out[0] = '\0';
	for (unsigned i = 0; s != NULL && i < 6 && s->arg[i] != ARG_NONE; i++) {
		if (i != 0)
			put(&t, ", ");
		bool path = s->arg[i] == ARG_PATH || s->arg[i] == ARG_ADDRESS;

		if (path && npath < COUNT(known->at) && known->at[npath] != NULL) {
			put_quoted(&t, known->at[npath++]);
		} else if (path) {
			put_argument(&t, s->arg[i], c->arg[i]);
			npath++;
		} else if (flags != NULL && (s->arg[i] == ARG_OPEN_FLAGS ||
					     (s->arg[i] == ARG_POINTER && npath != 0))) {
			put_open_flags(&t, *flags);
			flags = NULL;
		} else {
			put_argument(&t, s->arg[i], c->arg[i]);
		}
	}
}

void describe_argument(char *out, size_t size, enum arg_role role, uint64_t value)
{
	struct text t = { .at = out, .left = size };

	out[0] = '\0';
	put_argument(&t, role, value);
}

void describe_rule(char *out, size_t size, const struct from *from)
{
	if (from == NULL || from->file == NULL)
		snprintf(out, size, "default");
	else if (from->line != 0)
		snprintf(out, size, "%s:%u", from->file, from->line);
	else if (from->path != NULL)
		snprintf(out, size, "%s: %s", from->file, from->path);
	else
		snprintf(out, size, "%s", from->file);
}
