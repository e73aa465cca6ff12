/*
 * What a broker that serves one plan or another may still do once it is confined.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/rules.h"
#include "kern/sys.h"
#include "kern/uapi.h"
#include "policy/bpf.h"
#include "table/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

enum {
	NUMBERS = 600, /* more than any architecture has */
	FILES = BROKER_NEEDS_OPENS | BROKER_NEEDS_NAMES | BROKER_NEEDS_ADDRESSES |
		BROKER_NEEDS_TRACES,
};

static bool is_whole(unsigned needs)
{
	return needs == broker_needs_whole(needs);
}

static struct bpf_program compiled(unsigned needs)
{
	const struct broker_filter *f = &broker_filters[needs];

	return (struct bpf_program){ .n = f->length,
				     .at = (struct sock_filter *)broker_instructions + f->at };
}

static void test_filters_are_the_table(void **state)
{
	(void)state;
	for (unsigned needs = 0; needs <= BROKER_NEEDS_ALL; needs++) {
		struct bpf_program p, is = compiled(needs);
		struct arena a = { 0 };
		struct bpf_policy policy = broker_policy(&a, broker_needs_whole(needs));
		struct err e;

		assert_int_equal(bpf_compile(&a, &policy, &p, &e), 0);
		assert_int_equal(p.n, is.n);
		assert_memory_equal(p.at, is.at, p.n * sizeof *p.at);
		arena_free(&a);
	}
}

/* ---- what each need adds, said a second time ---- */

/* Registers that some row of the table permits, or forbids, beside none at all. */
static const uint64_t registers[][6] = {
	{ 0 },
	{ 0, SECCOMP_IOCTL_NOTIF_RECV },
	{ 0, SECCOMP_IOCTL_NOTIF_SEND },
	{ 0, SECCOMP_IOCTL_NOTIF_ID_VALID },
	{ 0, SECCOMP_IOCTL_NOTIF_SET_FLAGS },
	{ 0, SECCOMP_IOCTL_NOTIF_ADDFD },
	{ SECCOMP_GET_NOTIF_SIZES },
	{ 0, F_GETFL },
	{ 0, F_DUPFD_CLOEXEC },
	{ 0, F_SETFL },
	{ 0, F_SETOWN },
	{ 0, F_SETLEASE },
	{ 0, F_GETLEASE },
	{ 0, SOL_SOCKET, SO_TYPE },
	{ CLONE_FS },
	{ CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
	  CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID },
	{ PTRACE_SEIZE },
	{ PTRACE_INTERRUPT },
	{ PTRACE_DETACH },
	{ PTRACE_ATTACH },
	{ 0, SIGXFSZ },
	{ 0, 0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK },
	{ 0, 0, O_PATH | O_DIRECTORY | O_CLOEXEC },
	{ 0, 0, O_WRONLY },
	{ 0, 0, O_RDWR },
	{ 0, 0, O_CREAT },
	{ 0, 0, O_TRUNC },
	{ 0, 0, O_TMPFILE },
	{ 0, 0, PROT_READ | PROT_WRITE },
	{ 0, 0, PROT_READ | PROT_EXEC },
	{ SIGCHLD },
	{ CLONE_NEWUSER },
};

static const char always[] =
	" poll ppoll seccomp restart_syscall clock_gettime write close recvmsg sendto ioctl "
	"futex gettid getpid tgkill rt_sigaction rt_sigprocmask rt_sigreturn exit exit_group brk munmap mremap "
	"madvise mmap mprotect getrandom "
	/* whoever joins the container later brings a listener, which gets a thread */
	"accept4 clone unshare clone3 set_robust_list rseq membarrier ";

/* Two calls are given in part: see is_given_in_part(). */
static const struct {
	unsigned needs; /* any of them */
	const char *calls;
} added[] = {
	{ BROKER_NEEDS_CALLERS, " process_vm_readv capset read openat " },
	{ FILES,
	  " pidfd_open pidfd_getfd openat openat2 readlinkat newfstatat fstat statx fstatfs fcntl " },
	{ BROKER_NEEDS_OPENS | BROKER_NEEDS_NAMES | BROKER_NEEDS_ADDRESSES, " umask " },
	{ BROKER_NEEDS_OPENS | BROKER_NEEDS_NAMES | BROKER_NEEDS_VIEW, " ftruncate " },
	{ BROKER_NEEDS_ADDRESSES | BROKER_NEEDS_VIEW, " pwrite64 " },
	{ BROKER_NEEDS_VIEW, " openat fcntl sysinfo sched_getaffinity pread64 rt_sigtimedwait " },
	{ BROKER_NEEDS_NAMES,
	  " renameat2 linkat unlinkat symlinkat mkdirat mknodat pidfd_send_signal " },
	{ BROKER_NEEDS_ADDRESSES, " connect bind sendmsg fchdir getsockopt " },
	{ BROKER_NEEDS_TRACES, " ptrace wait4 waitid " },
	{ BROKER_NEEDS_KNOWN, " fchmodat fchownat utimensat " },
};

static bool lists(const char *calls, const char *name)
{
	char word[64];

	snprintf(word, sizeof word, " %s ", name);
	return strstr(calls, word) != NULL;
}

/* Who opens nothing for others hands no descriptor over, and opens what tells of its callers for reading; leases are for
 * files that show limits. */
static bool is_given_in_part(unsigned needs, const char *name, const uint64_t arg[6])
{
	if (strcmp(name, "ioctl") == 0 && arg[1] == SECCOMP_IOCTL_NOTIF_ADDFD)
		return needs & BROKER_NEEDS_OPENS;
	if (strcmp(name, "fcntl") == 0 &&
	    (arg[1] == F_SETOWN || arg[1] == F_SETLEASE || arg[1] == F_GETLEASE))
		return needs & BROKER_NEEDS_VIEW;
	if (strcmp(name, "openat") == 0 && !(needs & (FILES | BROKER_NEEDS_VIEW)))
		return !(arg[2] & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | UAPI_O_TMPFILE));
	return true;
}

/* Whether a need gives the call. With which registers, where it is not given in part, the widest of all filters says. */
static bool is_given(unsigned needs, const char *name, const uint64_t arg[6])
{
	bool given = lists(always, name);

	for (size_t i = 0; i < COUNT(added); i++)
		given = given || ((added[i].needs & needs) && lists(added[i].calls, name));
	return given && is_given_in_part(needs, name, arg);
}

static bpf_verdict verdict(unsigned needs, int nr, size_t row)
{
	struct bpf_program p = compiled(needs);
	struct bpf_call c = { .arch = ARCH, .nr = nr };

	memcpy(c.arg, registers[row], sizeof c.arg);
	return bpf_run(&p, &c, NULL, NULL);
}

/* The widest filter, less what is not needed, to the letter. */
static void test_filters_by_need(void **state)
{
	(void)state;
	for (unsigned needs = 0; needs <= BROKER_NEEDS_ALL; needs++) {
		unsigned permitted = 0;

		for (int nr = 0; nr < NUMBERS && is_whole(needs); nr++) {
			const char *name = syscall_name(ARCH, nr);

			for (size_t row = 0; row < COUNT(registers); row++) {
				bpf_verdict widest = verdict(BROKER_NEEDS_ALL, nr, row);
				bool given = name != NULL && is_given(needs, name, registers[row]);
				bpf_verdict wanted = given ? widest : SECCOMP_RET_KILL_PROCESS;

				permitted += verdict(needs, nr, row) != SECCOMP_RET_KILL_PROCESS;
				if (verdict(needs, nr, row) != wanted)
					fail_msg("needs %#x, %s (%d), registers %zu: %#x, not %#x",
						 needs, name != NULL ? name : "?", nr, row,
						 verdict(needs, nr, row), wanted);
			}
		}
		assert_true(permitted != 0 || !is_whole(needs));
	}
}

/* No need is for nothing, and what is said above names only calls that the widest filter has. */
static void test_needs_differ(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(added); i++) {
		char calls[512], *rest = NULL;

		snprintf(calls, sizeof calls, "%s", added[i].calls);
		for (char *word = strtok_r(calls, " ", &rest); word != NULL;
		     word = strtok_r(NULL, " ", &rest)) {
			bool any = false;
			const struct syscall *call = syscall_find(word);

			for (size_t row = 0; call != NULL && row < COUNT(registers); row++)
				any |= verdict(BROKER_NEEDS_ALL, syscall_nr(call, ARCH), row) !=
				       SECCOMP_RET_KILL_PROCESS;
			if (!any)
				fail_msg("%s is permitted to no broker", word);
		}
	}
}

static void test_needs_of_plans(void **state)
{
	(void)state;
	assert_int_equal(broker_needs(&(struct broker_plan){ .used = true }), 0);
	assert_int_equal(broker_needs(&(struct broker_plan){ .procfs = true }),
			 BROKER_NEEDS_CALLERS);
	assert_int_equal(broker_needs(&(struct broker_plan){ .procfs = true, .opens = true }),
			 BROKER_NEEDS_CALLERS | BROKER_NEEDS_OPENS);
	assert_int_equal(broker_needs(&(struct broker_plan){ .procfs = true, .names = true }),
			 BROKER_NEEDS_CALLERS | BROKER_NEEDS_NAMES);
	assert_int_equal(broker_needs(&(struct broker_plan){ .procfs = true, .addresses = true }),
			 BROKER_NEEDS_CALLERS | BROKER_NEEDS_ADDRESSES);
	assert_int_equal(broker_needs(&(struct broker_plan){ .procfs = true, .traces = true }),
			 BROKER_NEEDS_CALLERS | BROKER_NEEDS_TRACES);
	assert_int_equal(broker_needs(&(struct broker_plan){ .procfs = true, .bare = true }),
			 BROKER_NEEDS_CALLERS | BROKER_NEEDS_KNOWN);
	assert_int_equal(broker_needs(&(struct broker_plan){ .view.used = true }),
			 BROKER_NEEDS_VIEW);
}

/* ---- in the kernel ---- */

static void try_socket(void)
{
	syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}
static void try_exec(void)
{
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}
static void try_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void try_ptrace(void)
{
	syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}
static void try_kill(void)
{
	syscall(SYS_kill, 1, 0);
}
static void try_mount(void)
{
	syscall(SYS_mount, "a", "b", "c", 0, NULL);
}
static void try_ioctl(void)
{
	syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "");
}
static void try_prctl(void)
{
	syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
}
static void try_writev(void)
{
	syscall(SYS_process_vm_writev, 1, NULL, 0, NULL, 0, 0);
}
static void try_exec_memory(void)
{
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
#ifdef SYS_open
static void try_open(void)
{
	syscall(SYS_open, "/etc/passwd", O_RDONLY);
}
#endif
static void try_openat(void)
{
	syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static void try_make(void)
{
	syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
}
static void try_read_memory(void)
{
	syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
}
static void try_connect(void)
{
	syscall(SYS_connect, 0, NULL, 0);
}
static void try_rename(void)
{
	syscall(SYS_renameat2, AT_FDCWD, "/no/such", AT_FDCWD, "/no/such", 0);
}
static void try_seize(void)
{
	syscall(SYS_ptrace, PTRACE_SEIZE, 0, 0, 0);
}
static void try_wait(void)
{
	syscall(SYS_wait4, -1, NULL, WNOHANG, NULL);
}
static void try_give(void)
{
	syscall(SYS_ioctl, 0, SECCOMP_IOCTL_NOTIF_ADDFD, NULL);
}

static void try_sysinfo(void)
{
	syscall(SYS_sysinfo, NULL);
}

static const struct {
	void (*act)(void);
	unsigned needs; /* any of them permits it */
} acts[] = {
	{ try_socket, 0 },
	{ try_exec, 0 },
	{ try_fork, 0 },
	{ try_ptrace, 0 },
	{ try_kill, 0 },
	{ try_mount, 0 },
	{ try_ioctl, 0 },
	{ try_prctl, 0 },
	{ try_writev, 0 },
	{ try_exec_memory, 0 },
#ifdef SYS_open
	{ try_open, 0 },
#endif
	{ try_openat, BROKER_NEEDS_ALL },
	{ try_make, FILES | BROKER_NEEDS_VIEW },
	{ try_read_memory, BROKER_NEEDS_ALL },
	{ try_connect, BROKER_NEEDS_ADDRESSES },
	{ try_rename, BROKER_NEEDS_NAMES },
	{ try_seize, BROKER_NEEDS_TRACES },
	{ try_wait, BROKER_NEEDS_TRACES },
	{ try_give, BROKER_NEEDS_OPENS },
	{ try_sysinfo, BROKER_NEEDS_VIEW },
};

static int confined_status(unsigned needs, void (*act)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e;

		if (broker_confine(needs, NULL, 0, &e) < 0)
			_exit(9);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_filter_kills(void **state)
{
	(void)state;
	for (unsigned needs = 0; needs <= BROKER_NEEDS_ALL; needs++)
		for (size_t i = 0; i < COUNT(acts) && is_whole(needs); i++) {
			int status = confined_status(needs, acts[i].act);
			bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
			bool lives = WIFEXITED(status) && WEXITSTATUS(status) == 0;

			if (!(acts[i].needs & needs ? lives : killed))
				fail_msg("needs %#x, act %zu: status %#x", needs, i, status);
		}
}

static void look_around(void)
{
	char c;

	/* 0, 1, 2 are taken, by something that takes no text. */
	if (syscall(SYS_write, 2, "x", 1) != -1 || errno != EINVAL)
		_exit(2);
	if (syscall(SYS_recvmsg, 3, &c, 0) != -1 || errno != EBADF)
		_exit(3);
}

static void test_descriptors(void **state)
{
	(void)state;
	assert_int_equal(confined_status(BROKER_NEEDS_ALL, look_around), 0);
	assert_int_equal(confined_status(0, look_around), 0);
}

/* The status of a confined process, as others see it. */
static void confined_words(unsigned needs, char *status, size_t size)
{
	int link[2], said;
	char c;

	assert_int_equal(pipe(link), 0);

	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e;

		if (broker_confine(needs, &link[1], 1, &e) < 0 || write(link[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			poll(NULL, 0, -1);
	}
	close(link[1]);
	assert_int_equal(read(link[0], &c, 1), 1);
	close(link[0]);
	snprintf(status, size, "/proc/%d/status", pid);

	int fd = open(status, O_RDONLY);
	ssize_t n = read(fd, status, size - 1);

	close(fd);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &said, 0), pid);
	assert_true(n > 0);
	status[n] = '\0';
}

static void test_confined_state(void **state)
{
	static const char *const words[] = { "CapInh:\t0000000000000000",
					     "CapEff:\t0000000000000000",
					     "CapBnd:\t0000000000000000",
					     "CapAmb:\t0000000000000000",
					     "NoNewPrivs:\t1",
					     "Seccomp:\t2" };

	(void)state;
	for (unsigned needs = 0; needs <= BROKER_NEEDS_ALL; needs++) {
		char status[4096];

		if (!is_whole(needs))
			continue;
		confined_words(needs, status, sizeof status);
		for (size_t i = 0; i < COUNT(words); i++)
			if (strstr(status, words[i]) == NULL)
				fail_msg("needs %#x: not %s in\n%s", needs, words[i], status);
		/* Who looks at nobody has none that it could raise, either. */
		assert_non_null(strstr(status, needs != 0 ? "CapPrm:\t0000000000080000"
							  : "CapPrm:\t0000000000000000"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_are_the_table),
		cmocka_unit_test(test_filters_by_need),
		cmocka_unit_test(test_needs_differ),
		cmocka_unit_test(test_needs_of_plans),
		cmocka_unit_test(test_filter_kills),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_confined_state),
	};

#if SANITIZED
	puts("1..0 # SKIP the broker's filter permits more where a sanitizer is");
	return 0;
#endif
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
