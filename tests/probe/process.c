/*
 * What a process inside is, what it inherited, and what it can do to others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

extern char **environ;

static void status_field(const char *field, char *say)
{
	char text[8192];
	const char *at;

	read_text("/proc/self/status", text, sizeof text);
	at = strstr(text, field);
	if (at == NULL) {
		strcpy(say, "missing");
		return;
	}
	at += strlen(field);
	at += strspn(at, " \t");
	snprintf(say, SAY_MAX, "%.*s", (int)strcspn(at, "\n"), at);
	for (size_t len = strlen(say); len > 0 && say[len - 1] == ' ';)
		say[--len] = '\0';
	if (say[0] == '\0')
		strcpy(say, "none");
}

/* clang-format off */
static void cap_inheritable(char *say) { status_field("\nCapInh:", say); }
static void cap_permitted(char *say) { status_field("\nCapPrm:", say); }
static void cap_effective(char *say) { status_field("\nCapEff:", say); }
static void cap_bounding(char *say) { status_field("\nCapBnd:", say); }
static void cap_ambient(char *say) { status_field("\nCapAmb:", say); }
static void no_new_privs(char *say) { status_field("\nNoNewPrivs:", say); }
static void seccomp_mode(char *say) { status_field("\nSeccomp:", say); }
static void groups(char *say) { status_field("\nGroups:", say); }
static void traced(char *say) { status_field("\nTracerPid:", say); }
/* clang-format on */

/* Asked one by one and past the last that this program was built with: the kernel's last may be
 * newer. */
static void bounding_any(char *say)
{
	char word[16];

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1) {
			snprintf(word, sizeof word, "%d", cap);
			say_word(say, word);
		}
	if (say[0] == '\0')
		strcpy(say, errno == EINVAL ? "none" : strerrorname_np(errno));
}

static long raise_capability(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 1u << CAP_SYS_ADMIN, 1u << CAP_SYS_ADMIN, 0 } };

	return outcome(syscall(SYS_capset, &head, data));
}

static long become_other(void)
{
	return outcome(syscall(SYS_setuid, 4242));
}
static long join_groups(void)
{
	static const gid_t wanted[] = { 0, 6 };

	return outcome(syscall(SYS_setgroups, 2, wanted));
}

/* ---- what was inherited ---- */

/* This child's own answer pipe and the folder being read are not counted. */
static void descriptors(char *say)
{
	for (int fd = 0; fd < 4096; fd++) {
		char word[16];
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || (flags & FD_CLOEXEC))
			continue;
		snprintf(word, sizeof word, "%d", fd);
		say_word(say, word);
	}
}

/* The names alone; what the caller's environment holds beside them would be seen here. */
static void environment(char *say)
{
	char *names[256];
	size_t n = 0;

	for (char **e = environ; *e != NULL && n < 256; e++)
		names[n++] = *e;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (strcmp(names[j], names[i]) < 0) {
				char *swap = names[i];

				names[i] = names[j];
				names[j] = swap;
			}
	for (size_t i = 0; i < n; i++) {
		names[i][strcspn(names[i], "=")] = '\0';
		say_word(say, names[i]);
	}
}

/* ---- neighbours ---- */

/* A process that waits, as somebody else's would. Returns its id. */
static pid_t sibling(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

/* Seizing stops nobody: where it succeeds, the end of this child lets go again. */
/* clang-format off */
static long seize(pid_t pid) { return outcome(ptrace(PTRACE_SEIZE, pid, NULL, NULL)); }
static long ptrace_first(void) { return seize(1); }
/* clang-format on */

static long with_sibling(long (*attack)(pid_t))
{
	pid_t pid = sibling();
	long ret = attack(pid);

	kill(pid, SIGKILL);
	return ret;
}

/* clang-format off */
static long attach(pid_t pid) { return outcome(ptrace(PTRACE_ATTACH, pid, NULL, NULL)); }
static long ptrace_sibling(void) { return with_sibling(attach); }
static long ptrace_traceme(void) { return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
/* clang-format on */

static char secret[16] = "not for others";

static long read_memory(pid_t pid)
{
	char copy[sizeof secret];
	struct iovec here = { copy, sizeof copy }, there = { secret, sizeof secret };

	return outcome(syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0));
}

static long write_memory(pid_t pid)
{
	struct iovec here = { secret, sizeof secret }, there = { secret, sizeof secret };

	return outcome(syscall(SYS_process_vm_writev, pid, &here, 1, &there, 1, 0));
}

/* clang-format off */
static long vm_readv(void) { return with_sibling(read_memory); }
static long vm_writev(void) { return with_sibling(write_memory); }
static long vm_readv_first(void) { return read_memory(1); }
/* clang-format on */

static long take_fd(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return outcome(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

static long pidfd_getfd_sibling(void)
{
	return with_sibling(take_fd);
}

/* clang-format off */
static long compare(pid_t pid) { return outcome(syscall(SYS_kcmp, getpid(), pid, 0, 0, 0)); }
static long kcmp_sibling(void) { return with_sibling(compare); }
/* clang-format on */
static long advise(pid_t pid)
{
	struct iovec there = { secret, sizeof secret };

	return outcome(
		syscall(SYS_process_madvise, syscall(SYS_pidfd_open, pid, 0), &there, 1, 21, 0));
}

static long madvise_sibling(void)
{
	return with_sibling(advise);
}

/* Whoever is visible; 0 only asks. */
static long ask_all(void)
{
	return outcome(kill(-1, 0));
}

/* clang-format off */
const struct probe process_probes[] = {
	TELL("cap-inheritable",   cap_inheritable),
	TELL("cap-permitted",     cap_permitted),
	TELL("cap-effective",     cap_effective),
	TELL("cap-bounding",      cap_bounding),
	TELL("cap-ambient",       cap_ambient),
	TELL("cap-bounding-each", bounding_any),
	RUN("cap-raise",          raise_capability),
	TELL("no-new-privs",      no_new_privs),
	TELL("seccomp-mode",      seccomp_mode),
	TELL("groups",            groups),
	TELL("tracer",            traced),
	RUN("setuid",             become_other),
	RUN("setgroups",          join_groups),
	TELL("descriptors",       descriptors),
	TELL("environment",       environment),
	RUN("ptrace-first",       ptrace_first),
	RUN("ptrace-sibling",     ptrace_sibling),
	RUN("ptrace-traceme",     ptrace_traceme),
	RUN("process_vm_readv",   vm_readv),
	RUN("process_vm_readv-first", vm_readv_first),
	RUN("process_vm_writev",  vm_writev),
	RUN("pidfd_getfd",        pidfd_getfd_sibling),
	RUN("kcmp",               kcmp_sibling),
	RUN("process_madvise",    madvise_sibling),
	RUN("kill-all",           ask_all),
	{ 0 }
};
