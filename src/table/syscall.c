#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "table/table.h"

const struct syscall syscalls[] = {
#define BOTH(call, x86, arm, ...) { #call, x86, arm, { __VA_ARGS__ } },
#define X86_64(call, x86, ...)    { #call, x86, -1, { __VA_ARGS__ } },
#include "table/syscalls.def"
	{ "", -1, -1, { 0 } }
};

/* The compiler says so itself where it is longer than that. */
#define BOTH(call, ...)   _Static_assert(sizeof #call <= sizeof syscalls->name, "the name has no room for its end");
#define X86_64(call, ...) BOTH(call)
#include "table/syscalls.def"

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

static const uint16_t by_i386[] = {
#define I386(nr, name, as, same) [nr] = ROW_##as + 1,
#include "table/i386.def"
};

static const uint8_t same_i386[] = {
#define I386(nr, name, as, same) [nr] = same,
#include "table/i386.def"
};

/* Their own names, without a pointer to each: those would be relocated at every start. */
static const struct {
#define I386(nr, name, as, same) char of_##nr[sizeof #name];
#include "table/i386.def"
} names_i386 = {
#define I386(nr, name, as, same) .of_##nr = #name,
#include "table/i386.def"
};

static const uint16_t name_at_i386[] = {
#define I386(nr, name, as, same) [nr] = (uint16_t)offsetof(typeof(names_i386), of_##nr),
#include "table/i386.def"
};

enum { X32_OWN = 512 }; /* where the numbers begin that x32 alone has */

static const uint16_t by_x32[] = {
#define X32(nr, call) [nr - X32_OWN] = ROW_##call + 1,
#include "table/x32.def"
};

static const bool has_x32_number[] = {
#define X32(nr, call) [ROW_##call] = true,
#include "table/x32.def"
};

/* linux/net.h */
static const struct syscall_part socketcalls[] = {
	{ 1, "socket" },       { 2, "bind" },         { 3, "connect" },     { 4, "listen" },
	{ 5, "accept" },       { 6, "getsockname" },  { 7, "getpeername" }, { 8, "socketpair" },
	{ 9, "sendto" },       { 10, "recvfrom" },    { 11, "sendto" },     { 12, "recvfrom" },
	{ 13, "shutdown" },    { 14, "setsockopt" },  { 15, "getsockopt" }, { 16, "sendmsg" },
	{ 17, "recvmsg" },     { 18, "accept4" },     { 19, "recvmmsg" },   { 20, "sendmmsg" },
	{ 0, NULL },
};

/* linux/ipc.h; the upper half of the argument is a version */
static const struct syscall_part ipc_calls[] = {
	{ 1, "semop" },   { 2, "semget" },  { 3, "semctl" },  { 4, "semtimedop" }, { 11, "msgsnd" },
	{ 12, "msgrcv" }, { 13, "msgget" }, { 14, "msgctl" }, { 21, "shmat" },      { 22, "shmdt" },
	{ 23, "shmget" }, { 24, "shmctl" }, { 0, NULL },
};

static const struct syscall_parts socketcall = { "socketcall", UINT32_MAX, socketcalls };
static const struct syscall_parts ipc = { "ipc", 0xffff, ipc_calls };

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
	case AUDIT_ARCH_I386:
		return (struct by_number){ COUNT(by_i386), by_i386 };
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

/* Without bit 30. */
static const struct syscall *x32_number(unsigned nr)
{
	uint16_t row = 0;

	if (nr < COUNT(by_x86_64))
		row = by_x86_64[nr];
	else if (nr >= X32_OWN && nr - X32_OWN < COUNT(by_x32))
		return &syscalls[by_x32[nr - X32_OWN] - 1];
	if (row == 0 || (row <= COUNT(has_x32_number) && has_x32_number[row - 1]))
		return NULL;
	return &syscalls[row - 1];
}

const struct syscall *syscall_number(uint32_t audit_arch, int nr)
{
	struct by_number by = numbers(audit_arch);

	if (audit_arch == AUDIT_ARCH_X86_64 && nr >= SYSCALL_X32_BIT)
		return x32_number((unsigned)nr - SYSCALL_X32_BIT);
	if (nr < 0 || (size_t)nr >= by.n || by.row[nr] == 0)
		return NULL;
	return &syscalls[by.row[nr] - 1];
}

const char *syscall_name(uint32_t audit_arch, int nr)
{
	const struct syscall *s = syscall_number(audit_arch, nr);
	const struct syscall_parts *parts = syscall_parts(audit_arch, nr);

	if (parts != NULL)
		return parts->name;
	if (s != NULL && audit_arch == AUDIT_ARCH_I386)
		return (const char *)&names_i386 + name_at_i386[nr];
	return s != NULL ? s->name : NULL;
}

unsigned syscall_same(uint32_t audit_arch, int nr)
{
	return audit_arch == AUDIT_ARCH_I386 && nr >= 0 && (size_t)nr < COUNT(same_i386)
		       ? same_i386[nr]
		       : 6;
}

const struct syscall_parts *syscall_parts(uint32_t audit_arch, int nr)
{
	if (audit_arch != AUDIT_ARCH_I386)
		return NULL;
	return nr == 102 ? &socketcall : nr == 117 ? &ipc : NULL;
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
