/*
 * What the broker learns of a calling thread: bounded copies, made once. fetch.c is the only file that reads
 * the memory of a tracee, or its folder in /proc; fetch_socket.c makes messages and addresses of what it gives. Each
 * function returns 0 or -errno.
 *
 * A copy may stem from a thread that has since died and whose number was taken over: before acting on it
 * fetch_valid() must say that the notification still stands.
 */
#ifndef BROKER_FETCH_H
#define BROKER_FETCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/call.h"

/* An open, whichever of the four calls asked for it. The flags are valid ones. */
struct open_request {
	uint64_t flags, mode, resolve;
	int dir; /* where a relative path starts, owned; -1: the path is absolute */
	char path[PATH_MAX];
};

/* A call that changes names (or the length of a named file), as its arguments stand. */
enum names_deed {
	NAMES_RENAME,
	NAMES_LINK,
	NAMES_UNLINK,
	NAMES_SYMLINK,
	NAMES_MKDIR,
	NAMES_MKNOD,
	NAMES_TRUNCATE,
	NAMES_MODE,
	NAMES_OWNER,
	NAMES_TIMES, /* the second number is how they are written: enum times_form */
};
enum times_form { TIMES_SPEC, TIMES_VAL, TIMES_BUF };
enum { NO_ARG = -1 };
struct names_call {
	const char *name;
	enum names_deed deed;
	/* Which arguments hold the folders' descriptors, the paths (of symlink: the text, then the path), and two numbers:
	 * a mode, flags or a length, and a device. */
	signed char dir[2], path[2], number[2];
	int flags; /* that the call implies */
};
struct names_request {
	const struct names_call *call;
	int dir[2]; /* where a relative path starts, owned; -1: the path is absolute, or there is none */
	int err[2]; /* of fetching the path, negative: the kernel minds when it comes to it */
	uint64_t number[2];
	unsigned at; /* AT_* of calls that change what is known of a file */
	char path[2][PATH_MAX];
};

/* What /proc/TID/status says. */
struct task {
	char comm[64]; /* as printed there: special characters escaped */
	uint32_t umask;
	uint32_t inner_pid, inner_tid; /* as the container numbers them */
};

/* Whether the thread still waits for the answer to this very call. */
bool fetch_valid(const struct server *s, uint64_t id);

/* `own_nr` is the machine's own number of the call. The errno is the kernel's for the same mistake. *out owns a descriptor
 * only on success. Unlike the others it leaves it to who calls it to ask fetch_valid(). */
int fetch_open(const struct server *s, const struct call *c, int own_nr, struct open_request *out);

/* The file that execve or execveat (`name`) is about to start; an empty path is `dir` itself. */
int fetch_exec(const struct server *s, const struct call *c, const char *name,
	       struct open_request *out);

/* The file that a process runs, by the kernel's name for it. */
int fetch_program(const struct server *s, uint32_t tid, char path[PATH_MAX]);

/* The mode of a mknod. */
mode_t fetch_node_mode(const struct names_request *r);

/* What the registers say. The errno is the kernel's, from before it looks at any path; -ENOSYS: no such call. */
int fetch_names_numbers(const struct call *c, const char *call, struct names_request *out);
/* Then the paths. */
int fetch_names_paths(const struct server *s, const struct call *c, struct names_request *out);
void fetch_names_done(struct names_request *r);

/* Copies a string of at most PATH_MAX bytes with its NUL: -EFAULT, -ENAMETOOLONG, and then it is "". */
int fetch_string(const struct call *c, uint64_t address, char out[PATH_MAX]);

/* Copies exactly `len` bytes: -EFAULT. */
int fetch_memory(const struct call *c, uint64_t address, void *to, size_t len);

/* Its memory as a file to be written to, or -errno; owned by the caller. It stays that of the same process. */
int fetch_memory_file(const struct server *s, const struct call *c);

/* The number of its process in the broker's procfs. */
int fetch_group(const struct server *s, const struct call *c, uint32_t *out);

int fetch_task(const struct server *s, const struct call *c, struct task *out);

/* An O_PATH descriptor (or a copy) of what the thread's descriptor `fd` is: -EBADF. */
int fetch_fd(const struct server *s, const struct call *c, int fd, int *out);

/* A soft limit, by its name in /proc/TID/limits. UINT64_MAX: unlimited. */
int fetch_limit(const struct server *s, const struct call *c, const char *name, uint64_t *out);

/* O_PATH of the folder with a name for each of the thread's descriptors. */
int fetch_table(const struct server *s, const struct call *c, int *out);
/* A copy of it that can be used. */
int fetch_copy(const struct server *s, const struct call *c, int fd, int *out);

/* The controlling terminal's device number, 0 when there is none. */
int fetch_terminal(const struct server *s, const struct call *c, dev_t *out);

/* Where an argument path starts: the thread's working folder for AT_FDCWD, else the descriptor. */
int fetch_dir(const struct server *s, const struct call *c, int dirfd, int *out);

/* Runs `open` with CAP_SYS_PTRACE in effect when it failed without it, and takes the capability back. */
int fetch_as_tracer(int (*open)(void *ctx), void *ctx);

/* Writes a number in decimal, and a NUL; returns where the NUL stands. */
char *fetch_number(char *at, uint32_t n);

#endif
