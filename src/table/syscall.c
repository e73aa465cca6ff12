#include <linux/audit.h>
#include <string.h>

#include "base/arena.h"
#include "table/table.h"

const struct syscall syscalls[] = {
#define BOTH(call, x86, arm, ...) { #call, x86, arm, { __VA_ARGS__ } },
#define X86_64(call, x86, ...)    { #call, x86, -1, { __VA_ARGS__ } },
#include "table/syscalls.def"
	{ NULL, -1, -1, { 0 } }
};

const size_t syscalls_count = COUNT(syscalls) - 1;

/* A name for each row's index, so that the compiler can build the two indexes below. */
enum row {
#define BOTH(call, ...)   ROW_##call,
#define X86_64(call, ...) ROW_##call,
#include "table/syscalls.def"
};

/* Number → row + 1; 0 where the architecture has no such number. A number given to two calls is
 * a warning of the compiler (-Woverride-init). */
static const uint16_t by_x86_64[] = {
#define BOTH(call, x86, arm, ...) [x86] = ROW_##call + 1,
#define X86_64(call, x86, ...)    [x86] = ROW_##call + 1,
#include "table/syscalls.def"
};

static const uint16_t by_aarch64[] = {
#define BOTH(call, x86, arm, ...) [arm] = ROW_##call + 1,
#define X86_64(call, ...)
#include "table/syscalls.def"
};

struct by_number {
	size_t n;
	const uint16_t *row;
};

static struct by_number numbers(uint32_t audit_arch)
{
	switch (audit_arch) {
	case AUDIT_ARCH_X86_64:
		return (struct by_number){ COUNT(by_x86_64), by_x86_64 };
	case AUDIT_ARCH_AARCH64:
		return (struct by_number){ COUNT(by_aarch64), by_aarch64 };
	default:
		return (struct by_number){ 0 };
	}
}

const struct syscall *syscall_find(const char *name)
{
	size_t low = 0, high = syscalls_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *row = syscalls[middle].name;
		int order = (unsigned char)name[0] - (unsigned char)row[0];

		if (order == 0)
			order = strcmp(name, row);

		if (order == 0)
			return &syscalls[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct syscall *syscall_number(uint32_t audit_arch, int nr)
{
	struct by_number by = numbers(audit_arch);

	if (nr < 0 || (size_t)nr >= by.n || by.row[nr] == 0)
		return NULL;
	return &syscalls[by.row[nr] - 1];
}

const char *syscall_name(uint32_t audit_arch, int nr)
{
	const struct syscall *s = syscall_number(audit_arch, nr);

	return s != NULL ? s->name : NULL;
}

int syscall_nr(const struct syscall *s, uint32_t audit_arch)
{
	switch (audit_arch) {
	case AUDIT_ARCH_X86_64:
		return s->x86_64;
	case AUDIT_ARCH_AARCH64:
		return s->aarch64;
	default:
		return -1;
	}
}

uint32_t syscall_top(uint32_t audit_arch)
{
	return (uint32_t)numbers(audit_arch).n;
}
