/*
 * What malicious packages do when they are built, each as one attempt that says how it went. It hurts
 * nobody: it starts only inside a sandbox, sends nothing where there is a network, leaves nothing
 * behind, and undoes what it should not have been able to do.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS_MAX = 2000, OPENED = 0 };

/* ---- files: each returns OPENED or the errno that refused it ------------------------------- */

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return OPENED;
}

static int try_create(const char *path)
{
	int r = try_open(path, O_WRONLY | O_CREAT | O_EXCL);

	if (r == OPENED)
		unlink(path);
	return r;
}

/* The first file that a pattern finds and that opens. */
static int try_pattern(const char *pattern)
{
	glob_t found;
	int r = ENOENT;

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc && r != OPENED; i++)
			r = try_open(found.gl_pathv[i], O_RDONLY);
	globfree(&found);
	return r;
}

static int read_ssh_keys(void)
{
	int r = try_pattern("/home/*/.ssh/id_*");

	if (r != OPENED)
		r = try_pattern("/root/.ssh/id_*");
	return r;
}

/* `run` plants a key where only the host can see it, and leaves its path in the project. */
static int read_planted_key(void)
{
	char path[4096];
	FILE *note = fopen("planted-key", "re");

	if (note == NULL || fgets(path, sizeof path, note) == NULL) {
		fputs("postbuild: no note about a planted key: start this with ./run\n", stderr);
		exit(1);
	}
	fclose(note);
	path[strcspn(path, "\n")] = '\0';
	return try_open(path, O_RDONLY);
}

static int read_shadow(void)
{
	return try_open("/etc/shadow", O_RDONLY);
}

/* A private, empty /root is as good as none. */
static int list_root_home(void)
{
	DIR *d = opendir("/root");
	int r = ENOENT;

	if (d == NULL)
		return errno;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = OPENED;
	closedir(d);
	return r;
}

static int write_usr_bin(void)
{
	return try_create("/usr/bin/untrusted-was-here");
}

static int write_etc(void)
{
	return try_create("/etc/untrusted-was-here");
}

static int write_root(void)
{
	return try_create("/untrusted-was-here");
}

static int write_core_pattern(void)
{
	return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int open_memory(void)
{
	return try_open("/dev/mem", O_RDONLY);
}

/* ---- other processes ---------------------------------------------------------------------- */

static bool has_token(const char *path)
{
	static char text[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(text, (size_t)n, "EXAMPLE_TOKEN=", 14) != NULL;
}

/* `run` keeps a token in its environment, as a build server would. */
static int steal_token(void)
{
	glob_t found;
	int r = ENOENT;

	if (glob("/proc/[0-9]*/environ", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			if (has_token(found.gl_pathv[i]))
				r = OPENED;
	globfree(&found);
	return r;
}

static int ptrace_parent(void)
{
	pid_t parent = getppid();

	if (ptrace(PTRACE_ATTACH, parent, NULL, NULL) < 0)
		return errno;
	waitpid(parent, NULL, __WALL);
	ptrace(PTRACE_DETACH, parent, NULL, NULL);
	return OPENED;
}

/* Every child only waits; all are ended before this returns. */
static int fork_bomb(void)
{
	static pid_t child[FORKS_MAX];
	int n, r = OPENED;

	for (n = 0; n < FORKS_MAX; n++) {
		child[n] = fork();
		if (child[n] == 0) {
			sleep(60);
			_exit(0);
		}
		if (child[n] < 0) {
			r = errno;
			break;
		}
	}
	for (int i = 0; i < n; i++)
		kill(child[i], SIGKILL);
	for (int i = 0; i < n; i++)
		waitpid(child[i], NULL, 0);
	return r;
}

/* ---- the network --------------------------------------------------------------------------- */

/* Where there is any interface but loopback, nothing is sent: being there is the success. */
static bool network_is_there(void)
{
	struct if_nameindex *all = if_nameindex();
	bool there = false;

	if (all == NULL)
		return false;
	for (struct if_nameindex *i = all; i->if_name != NULL; i++)
		there = there || strcmp(i->if_name, "lo") != 0;
	if_freenameindex(all);
	return there;
}

/* 198.51.100.0/24 is set aside for documentation (RFC 5737): nobody is there. */
static int phone_home(int type)
{
	struct sockaddr_in home = { .sin_family = AF_INET, .sin_port = htons(443) };
	int fd, r;

	if (network_is_there())
		return OPENED;
	inet_pton(AF_INET, "198.51.100.1", &home.sin_addr);
	fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	r = connect(fd, (struct sockaddr *)&home, sizeof home);
	if (r == 0 && type == SOCK_DGRAM)
		r = send(fd, "hi", 2, 0) < 0 ? -1 : 0;
	r = r < 0 && errno != EINPROGRESS ? errno : OPENED;
	close(fd);
	return r;
}

static int phone_home_tcp(void)
{
	return phone_home(SOCK_STREAM);
}

static int phone_home_udp(void)
{
	return phone_home(SOCK_DGRAM);
}

static int docker_socket(void)
{
	struct sockaddr_un docker = { AF_UNIX, "/var/run/docker.sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return errno;
	r = connect(fd, (struct sockaddr *)&docker, sizeof docker) < 0 ? errno : OPENED;
	close(fd);
	return r;
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static int mount_something(void)
{
	if (mount("none", "/tmp", "tmpfs", 0, NULL) < 0)
		return errno;
	umount("/tmp");
	return OPENED;
}

/* In a child, so that success would not change this process. */
static int unshare_user(void)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 ? errno : OPENED);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int clone_user(void)
{
	long child = syscall(SYS_clone, (unsigned long)CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL,
			     NULL);

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	waitpid((pid_t)child, NULL, 0);
	return OPENED;
}

static int load_module(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int r = syscall(SYS_finit_module, fd, "", 0) < 0 ? errno : OPENED;

	close(fd);
	return r;
}

static int push_into_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int r = ioctl(fd < 0 ? STDIN_FILENO : fd, TIOCSTI, " ") < 0 ? errno : OPENED;

	if (fd >= 0)
		close(fd);
	return r;
}

static int read_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1) < 0 ? errno
											   : OPENED;
}

static int make_bpf_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);

	if (fd < 0)
		return errno;
	close((int)fd);
	return OPENED;
}

static const struct {
	const char *what;
	int (*act)(void);
} attempts[] = {
	{ "read ~/.ssh/id_* of every user", read_ssh_keys },
	{ "read an SSH key by its known path", read_planted_key },
	{ "read /etc/shadow", read_shadow },
	{ "look into /root", list_root_home },
	{ "steal a token from other processes", steal_token },
	{ "write to /usr/bin", write_usr_bin },
	{ "write to /etc", write_etc },
	{ "write to /", write_root },
	{ "set the host's core_pattern", write_core_pattern },
	{ "read the machine's memory, /dev/mem", open_memory },
	{ "phone home over TCP", phone_home_tcp },
	{ "phone home over UDP", phone_home_udp },
	{ "talk to Docker", docker_socket },
	{ "ptrace the parent process", ptrace_parent },
	{ "mount a file system", mount_something },
	{ "unshare a user namespace", unshare_user },
	{ "clone into a user namespace", clone_user },
	{ "load a kernel module", load_module },
	{ "type into the terminal (TIOCSTI)", push_into_terminal },
	{ "use the session keyring", read_keyring },
	{ "make a BPF map", make_bpf_map },
	{ "fork bomb", fork_bomb },
};

/* True for the line "NAME:\tVALUE" in /proc/self/status. */
static bool status_says(const char *name, unsigned long value)
{
	char line[256];
	bool says = false;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			says = strtoul(line + strlen(name) + 1, NULL, 16) == value;
	if (f != NULL)
		fclose(f);
	return says;
}

int main(void)
{
	bool colour = isatty(STDOUT_FILENO);
	size_t n = sizeof attempts / sizeof *attempts, refused = 0;

	if (!status_says("NoNewPrivs", 1) || !status_says("Seccomp", 2) ||
	    !status_says("CapEff", 0)) {
		fputs("postbuild: this is no sandbox (/proc/self/status): nothing was tried\n",
		      stderr);
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		int r = attempts[i].act();

		/* One write a line: zviz, which reports on the same screen, must not come in between. */
		refused += r != OPENED;
		if (r != OPENED)
			printf("attempt: %-38s %srefused%s (%s)\n", attempts[i].what,
			       colour ? "\033[32m" : "", colour ? "\033[m" : "",
			       strerrorname_np(r));
		else
			printf("attempt: %-38s %sSUCCEEDED%s\n", attempts[i].what,
			       colour ? "\033[1;31m" : "", colour ? "\033[m" : "");
		fflush(stdout);
	}
	printf("%zu attempts: %zu refused, %zu succeeded\n", n, refused, n - refused);
	return refused != n;
}
