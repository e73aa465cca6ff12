/*
 * Ways round the filter, and what it must leave to a workload that tightens itself further.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static struct sock_filter allow_all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
static struct sock_filter deny_getppid[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const struct sock_fprog permissive = { 1, allow_all };
static const struct sock_fprog tighter = { 4, deny_getppid };

static long seccomp_install(unsigned flags, const struct sock_fprog *filter)
{
	return outcome(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter));
}

/* A filter that allows everything is added, and changes nothing: mount stays refused. */
static long seccomp_loosen(void)
{
	seccomp_install(0, &permissive);
	return outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
}

static long seccomp_tighten(void)
{
	long ret = seccomp_install(0, &tighter);

	if (ret < 0)
		return ret;
	return syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : -ENOTRECOVERABLE;
}

static long seccomp_tsync(void)
{
	return seccomp_install(SECCOMP_FILTER_FLAG_TSYNC, &permissive);
}

static long seccomp_listener(void)
{
	return outcome(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			       SECCOMP_FILTER_FLAG_NEW_LISTENER, &permissive));
}

static long seccomp_prctl(void)
{
	return outcome(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &permissive, 0, 0));
}

/* The permissive program again, from a second thread: filters belong to threads, all of them
 * keep theirs. */
static void *mount_in_thread(void *out)
{
	*(long *)out = outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
	return NULL;
}

static long thread_filtered(void)
{
	pthread_t thread;
	long ret = 0;

	if (pthread_create(&thread, NULL, mount_in_thread, &ret) != 0)
		return -EAGAIN;
	pthread_join(thread, NULL);
	return ret;
}

static long landlock_own(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

	return fd < 0 ? -errno : outcome(syscall(SYS_landlock_restrict_self, fd, 0));
}

/* __X32_SYSCALL_BIT; a number that nobody has on other machines. */
static long x32_number(void)
{
	return outcome(syscall(0x40000000 | SYS_getpid));
}

static long negative_number(void)
{
	return outcome(syscall(-1));
}

#ifdef __x86_64__
static sigjmp_buf no_entry;

static void on_no_entry(int sig)
{
	(void)sig;
	siglongjmp(no_entry, 1);
}
#endif

/* The 32-bit entry: number 20 is getpid there and writev here. A kernel without it faults. */
static void i386_entry(char *say)
{
#ifdef __x86_64__
	const struct sigaction catch = { .sa_handler = on_no_entry };
	long ret;

	strcpy(say, "absent");
	sigaction(SIGSEGV, &catch, NULL);
	if (sigsetjmp(no_entry, 1) != 0)
		return;
	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20) : "r8", "r9", "r10", "r11", "memory");
	strcpy(say, ret > 0 ? "ok" : "refused");
#else
	strcpy(say, "absent");
#endif
}

/* Never a terminal: only one that the filter let through would be told so (ENOTTY). */
static int no_terminal(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static long ioctl_with(unsigned long request)
{
	char byte = '\n';

	return outcome(syscall(SYS_ioctl, no_terminal(), request, &byte));
}

/* clang-format off */
static long tiocsti(void) { return ioctl_with(TIOCSTI); }
static long tiocsti_high(void) { return ioctl_with(0xdeadbeef00000000ul | TIOCSTI); }
static long tioclinux(void) { return ioctl_with(TIOCLINUX); }
static long tioclinux_high(void) { return ioctl_with(0x100000000ul | TIOCLINUX); }
static long tiocsetd(void) { return ioctl_with(TIOCSETD); }
static long tiocconsole(void) { return ioctl_with(TIOCCONS); }
static long fibmap(void) { return ioctl_with(1); }
static long tcgets(void) { return ioctl_with(TCGETS); }
/* clang-format on */

/* clang-format off */
static long set_personality(unsigned long value) { return outcome(syscall(SYS_personality, value)); }
static long read_implies_exec(void) { return set_personality(READ_IMPLIES_EXEC); }
static long mmap_page_zero(void) { return set_personality(MMAP_PAGE_ZERO); }
static long no_randomize(void) { return set_personality(ADDR_NO_RANDOMIZE); }
static long personality_ask(void) { return set_personality(0xffffffff); }
static long personality_high(void) { return set_personality(0x100000000ul | READ_IMPLIES_EXEC); }
/* clang-format on */

/* clang-format off */
const struct probe filter_probes[] = {
	RUN("seccomp-tighten",      seccomp_tighten),
	RUN("seccomp-loosen",       seccomp_loosen),
	RUN("seccomp-tsync",        seccomp_tsync),
	RUN("seccomp-listener",     seccomp_listener),
	RUN("seccomp-by-prctl",     seccomp_prctl),
	RUN("thread-is-filtered",   thread_filtered),
	RUN("landlock-own",         landlock_own),
	RUN("number-x32",           x32_number),
	RUN("number-negative",      negative_number),
	TELL("entry-i386",          i386_entry),
	RUN("ioctl-TIOCSTI",        tiocsti),
	RUN("ioctl-TIOCSTI-high",   tiocsti_high),
	RUN("ioctl-TIOCLINUX",      tioclinux),
	RUN("ioctl-TIOCLINUX-high", tioclinux_high),
	RUN("ioctl-TIOCSETD",       tiocsetd),
	RUN("ioctl-TIOCCONS",       tiocconsole),
	RUN("ioctl-FIBMAP",         fibmap),
	RUN("ioctl-TCGETS",         tcgets),
	CALL("prctl-SET_MM",        SYS_prctl, PR_SET_MM, 1, 0, 0, 0),
	CALL("prctl-SET_MM-high",   SYS_prctl, 0x100000000ul | PR_SET_MM, 1, 0, 0, 0),
	CALL("prctl-IO_FLUSHER",    SYS_prctl, PR_SET_IO_FLUSHER, 1, 0, 0, 0),
	CALL("prctl-PERF_DISABLE",  SYS_prctl, PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0),
	CALL("prctl-unknown",       SYS_prctl, 0x7a7a7a, 0, 0, 0, 0),
	CALL("prctl-SET_NAME",      SYS_prctl, PR_SET_NAME, P("probe"), 0, 0, 0),
	CALL("prctl-no-new-privs",  SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0),
	RUN("personality-ask",      personality_ask),
	RUN("personality-READ_IMPLIES_EXEC", read_implies_exec),
	RUN("personality-high",     personality_high),
	RUN("personality-MMAP_PAGE_ZERO", mmap_page_zero),
	RUN("personality-ADDR_NO_RANDOMIZE", no_randomize),
	{ 0 }
};
