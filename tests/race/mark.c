/*
 * Two programs. The one that may not be started (RACE_FORBIDDEN) leaves a mark by its first instructions; the other ends.
 */
#include "race.h"

#include <sys/syscall.h>

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

// clang-format off
__asm__(".globl _start\n"
	"_start:\n"
#if defined(__x86_64__)
#ifdef RACE_FORBIDDEN
	"	mov $" TEXT(__NR_write) ", %eax\n"
	"	mov $" TEXT(MARK_FD) ", %edi\n"
	"	lea _start(%rip), %rsi\n"
	"	mov $1, %edx\n"
	"	syscall\n"
#endif
	"	mov $" TEXT(__NR_exit_group) ", %eax\n"
	"	xor %edi, %edi\n"
	"	syscall\n"
#elif defined(__aarch64__)
#ifdef RACE_FORBIDDEN
	"	mov x8, #" TEXT(__NR_write) "\n"
	"	mov x0, #" TEXT(MARK_FD) "\n"
	"	adr x1, _start\n"
	"	mov x2, #1\n"
	"	svc #0\n"
#endif
	"	mov x8, #" TEXT(__NR_exit_group) "\n"
	"	mov x0, #0\n"
	"	svc #0\n"
#else
#error "a program of a few instructions for this architecture is missing"
#endif
);
// clang-format on
