#include "kern/sys.h"

#include <linux/keyctl.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int sys_wait_pidfd(int pidfd, int options, siginfo_t *info, struct rusage *usage)
{
	if (info != NULL)
		info->si_pid = 0; /* WNOHANG leaves it alone when there is nothing */
	return SYS_CALL(SYS_waitid, ZVIZ_P_PIDFD, pidfd, info, options, usage);
}

void *sys_pages(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at != MAP_FAILED ? at : NULL;
}

/* One page below this frame stays, for what is called here. */
__attribute__((noinline)) void sys_give_back_stack(void)
{
	const uintptr_t page = getauxval(AT_PAGESZ);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

	madvise((void *)(here - SYS_STACK_BYTES), SYS_STACK_BYTES - page, MADV_DONTNEED);
}

uint64_t sys_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sys_die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
}

ssize_t sys_read_memory(pid_t pid, uint64_t address, void *to, size_t len)
{
	struct iovec here = { .iov_base = to, .iov_len = len };
	struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = len };

	return sys_result(syscall(SYS_process_vm_readv, pid, &here, 1L, &there, 1L, 0L));
}

int sys_capget(struct sys_caps *out)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct w[_LINUX_CAPABILITY_U32S_3];
	int r = SYS_CALL(SYS_capget, &head, w);

	if (r < 0)
		return r;
	out->effective = (uint64_t)w[1].effective << 32 | w[0].effective;
	out->permitted = (uint64_t)w[1].permitted << 32 | w[0].permitted;
	out->inheritable = (uint64_t)w[1].inheritable << 32 | w[0].inheritable;
	return 0;
}

int sys_capset(const struct sys_caps *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct w[_LINUX_CAPABILITY_U32S_3];

	for (unsigned i = 0; i < 2; i++) {
		w[i].effective = (uint32_t)(caps->effective >> 32 * i);
		w[i].permitted = (uint32_t)(caps->permitted >> 32 * i);
		w[i].inheritable = (uint32_t)(caps->inheritable >> 32 * i);
	}
	return SYS_CALL(SYS_capset, &head, w);
}

int sys_keyring_new_session(void)
{
	int r = SYS_CALL(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0L, 0L, 0L);

	return r < 0 ? r : 0;
}

int sys_set_schedule(const struct sys_schedule *s)
{
	struct sched_attr attr = { .size = SCHED_ATTR_SIZE_VER0, /* linux/sched/types.h */
				   .sched_policy = s->policy,
				   .sched_flags = s->flags,
				   .sched_nice = s->nice,
				   .sched_priority = s->priority,
				   .sched_runtime = s->runtime,
				   .sched_deadline = s->deadline,
				   .sched_period = s->period };

	return SYS_CALL(SYS_sched_setattr, 0, &attr, 0);
}

int sys_mount_setattr(int fd, const char *path, unsigned at_flags, uint64_t set, uint64_t clear,
		      uint64_t propagation, int userns)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	if (set & MOUNT_ATTR_IDMAP)
		attr.userns_fd = (uint64_t)userns;
	return SYS_CALL(SYS_mount_setattr, fd, path, at_flags, &attr, sizeof attr);
}

int sys_landlock_abi(void)
{
	return SYS_CALL(SYS_landlock_create_ruleset, NULL, 0L, LANDLOCK_CREATE_RULESET_VERSION);
}

int sys_landlock_create(uint64_t fs, uint64_t net, uint64_t scoped)
{
	struct zviz_landlock_ruleset_attr attr = {
		.handled_access_fs = fs,
		.handled_access_net = net,
		.scoped = scoped,
	};

	return SYS_CALL(SYS_landlock_create_ruleset, &attr, sizeof attr, 0L);
}

int sys_landlock_add_path(int ruleset, int path_fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = path_fd };

	return SYS_CALL(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0L);
}

int sys_landlock_add_port(int ruleset, uint16_t port, uint64_t rights)
{
	struct zviz_landlock_net_port_attr rule = { .allowed_access = rights, .port = port };

	return SYS_CALL(SYS_landlock_add_rule, ruleset, ZVIZ_LANDLOCK_RULE_NET_PORT, &rule, 0L);
}

int sys_seccomp_load(const struct sock_filter *code, size_t n, unsigned flags)
{
	struct sock_fprog program = { .len = (unsigned short)n,
				      .filter = (struct sock_filter *)code };

	if (n > BPF_MAXINSNS)
		return -EINVAL;
	return SYS_CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int sys_seccomp_has_flags(unsigned flags)
{
	/* seccomp_set_mode_filter() looks at the flags before it copies the program: EFAULT
	 * means that they passed (kernel/seccomp.c, since 3.17). */
	int r = SYS_CALL(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL);

	return r == -EFAULT ? 1 : r == -EINVAL ? 0 : r;
}

int sys_seccomp_has_action(uint32_t action)
{
	return SYS_CALL(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0L, &action) == 0;
}

pid_t sys_clone3_call(struct clone_args *args, void (*fn)(void *), void *arg)
{
	/* In the child every register but the stack pointer and the result is as it was. */
#if defined(__x86_64__)
	register void (*f)(void *) __asm__("r8") = fn;
	register void *a __asm__("r9") = arg;
	long r;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t" /* the outermost frame */
			 "movq %%r9, %%rdi\n\t"
			 "callq *%%r8\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(r)
			 : "a"(SYS_clone3), "D"(args), "S"(sizeof *args), "r"(f), "r"(a)
			 : "rcx", "r11", "memory", "cc");
	return (pid_t)r;
#elif defined(__aarch64__)
	register long nr __asm__("x8") = SYS_clone3;
	register void *first __asm__("x0") = args;
	register size_t size __asm__("x1") = sizeof *args;
	register void (*f)(void *) __asm__("x10") = fn;
	register void *a __asm__("x11") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t" /* the outermost frame */
			 "mov x0, x11\n\t"
			 "blr x10\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(first)
			 : "r"(nr), "r"(size), "r"(f), "r"(a)
			 : "memory", "cc", "x30");
	return (pid_t)(long)first;
#else
#error "sys_clone3_call: write it for this architecture"
#endif
}
