/*
 * The kernel's own files: they show the machine, and some of them steer it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

#define OPEN(name, path, flags)                                                                    \
	CALL(name, SYS_openat, (uintptr_t)AT_FDCWD, P(path), (flags) | O_CLOEXEC)

/* Opened and one byte read: a masked file opens, and is empty. */
static void content(const char *path, char *say)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char byte;
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);

	strcpy(say, n < 0 ? strerrorname_np(errno) : n == 0 ? "empty" : "content");
}

/* clang-format off */
static void kcore(char *say) { content("/proc/kcore", say); }
static void kmsg(char *say) { content("/proc/kmsg", say); }
static void keys(char *say) { content("/proc/keys", say); }
static void interrupts(char *say) { content("/proc/interrupts", say); }
static void timer_list(char *say) { content("/proc/timer_list", say); }
static void sched_debug(char *say) { content("/proc/sched_debug", say); }
static void slabinfo(char *say) { content("/proc/slabinfo", say); }
static void vmallocinfo(char *say) { content("/proc/vmallocinfo", say); }
static void kpagecount(char *say) { content("/proc/kpagecount", say); }
/* clang-format on */

/* An address that is not zero would help every exploit of the kernel. */
static void kernel_addresses(char *say)
{
	char text[4096];

	read_text("/proc/kallsyms", text, sizeof text);
	strcpy(say, "hidden");
	for (const char *line = text; *line != '\0';) {
		if (strtoull(line, NULL, 16) != 0)
			strcpy(say, "shown");
		line = strchr(line, '\n');
		if (line++ == NULL)
			break;
	}
}

/* Where it exists it is covered by /dev/null: opening that for writing is no success. */
static void sysrq(char *say)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		strcpy(say, strerrorname_np(errno));
	else
		strcpy(say, S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) ? "masked" : "ok");
}

static void io_memory(char *say)
{
	char text[4096];

	read_text("/proc/iomem", text, sizeof text);
	strcpy(say, strtoull(text, NULL, 16) == 0 ? "hidden" : "shown");
}

static void user_namespaces(char *say)
{
	char text[32];

	read_text("/proc/sys/user/max_user_namespaces", text, sizeof text);
	text[strcspn(text, "\n")] = '\0';
	snprintf(say, SAY_MAX, "%s", text[0] != '\0' ? text : "unreadable");
}

/* The processes that are visible and neither the first, nor this one and its parent. */
static void others(char *say)
{
	DIR *d = opendir("/proc");
	int n = 0;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atoi(e->d_name) : 0;

		n += pid > 1 && pid != getpid() && pid != getppid();
	}
	snprintf(say, SAY_MAX, "%d", d == NULL ? -1 : n);
}

static void parent_of_first(char *say)
{
	char text[8192];
	const char *at;

	read_text("/proc/1/status", text, sizeof text);
	at = strstr(text, "\nPPid:\t");
	snprintf(say, SAY_MAX, "%d", at == NULL ? -1 : atoi(at + 7));
}

/* The first process is zviz's own: its links are judged by ptrace's rules (ptrace_may_access). */
static void root_of_first(char *say)
{
	struct stat there, here;

	if (stat("/proc/1/root/", &there) < 0 || stat("/", &here) < 0)
		strcpy(say, strerrorname_np(errno));
	else
		strcpy(say, there.st_ino == here.st_ino && there.st_dev == here.st_dev
				    ? "same"
				    : "elsewhere");
}

/* A uid map that is written twice would be a way to other ids. */
static long uid_map(void)
{
	int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : outcome(write(fd, "0 0 1\n", 6));
}

static long own_comm(void)
{
	int fd = open("/proc/self/comm", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : outcome(write(fd, "probe\n", 6));
}

static long less_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : outcome(write(fd, "-1000\n", 6));
}

/* clang-format off */
const struct probe proc_probes[] = {
	TELL("proc-kcore",            kcore),
	TELL("proc-kmsg",             kmsg),
	TELL("proc-keys",             keys),
	TELL("proc-interrupts",       interrupts),
	TELL("proc-timer_list",       timer_list),
	TELL("proc-sched_debug",      sched_debug),
	TELL("proc-slabinfo",         slabinfo),
	TELL("proc-vmallocinfo",      vmallocinfo),
	TELL("proc-kpagecount",       kpagecount),
	TELL("proc-kallsyms",         kernel_addresses),
	TELL("proc-iomem",            io_memory),
	TELL("proc-sysrq-trigger",    sysrq),
	OPEN("proc-core_pattern",     "/proc/sys/kernel/core_pattern", O_WRONLY),
	OPEN("proc-modprobe",         "/proc/sys/kernel/modprobe", O_WRONLY),
	OPEN("proc-hostname",         "/proc/sys/kernel/hostname", O_WRONLY),
	OPEN("proc-ip_forward",       "/proc/sys/net/ipv4/ip_forward", O_WRONLY),
	OPEN("proc-drop_caches",      "/proc/sys/vm/drop_caches", O_WRONLY),
	OPEN("proc-irq",              "/proc/irq/default_smp_affinity", O_WRONLY),
	OPEN("proc-mtrr",             "/proc/mtrr", O_WRONLY),
	OPEN("proc-cgroups",          "/proc/self/cgroup", O_WRONLY),
	TELL("proc-max_user_namespaces", user_namespaces),
	OPEN("proc-write-max_user_namespaces", "/proc/sys/user/max_user_namespaces", O_WRONLY),
	OPEN("self-exe-write",        "/proc/self/exe", O_WRONLY),
	OPEN("self-mem",              "/proc/self/mem", O_RDWR),
	OPEN("first-exe-write",       "/proc/1/exe", O_WRONLY),
	OPEN("first-mem",             "/proc/1/mem", O_RDWR),
	OPEN("first-environ",         "/proc/1/environ", O_RDONLY),
	TELL("first-root",            root_of_first),
	TELL("first-parent",          parent_of_first),
	TELL("other-processes",       others),
	RUN("self-uid_map",           uid_map),
	RUN("self-comm",              own_comm),
	RUN("self-oom_score_adj",     less_oom),
	{ 0 }
};
