/*
 * A short-lived process that shares the caller's memory. Apart from sys.c: of the kernel's and of musl's struct sched_param a file
 * can have one.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kern/sys.h"

int sys_borrow(int (*fn)(void *), void *arg, size_t stack_bytes, int flags)
{
	char *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;

	pid_t pid = clone(fn, stack + stack_bytes,
			  CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD | flags, arg);
	int no = errno;

	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(stack, stack_bytes);
	return pid < 0 ? -no : 0;
}
