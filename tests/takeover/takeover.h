/*
 * Attacker's code, run inside the broker when the workload opens /takeover/ATTEMPT/ARGUMENT: what has been found out
 * is written into /work/report, as far as it is still there to write.
 */
#ifndef TAKEOVER_H
#define TAKEOVER_H

#include <stdint.h>

#include "broker/call.h"

enum { SAID_MAX = 8192 };

/* What an attempt knows. */
struct attack {
	const struct server *s;
	const struct call *c;
	const char *argument; /* behind the attempt's name, with the slash before it */
	char said[SAID_MAX];  /* instead of the result, when it is not empty */
};

/* One of `run` and a plain system call. 0 or more: "ok", else -errno. */
struct attempt {
	const char *name;
	long (*run)(struct attack *a);
	long nr;
	uintptr_t arg[6];
};

/* Each ends with a row without a name. */
extern const struct attempt call_attempts[], file_attempts[], memory_attempts[];

/* Of the broker's procfs: calls `each` with every process's number until that returns 0 or more; its last result. */
long takeover_each_process(struct attack *a, long (*each)(struct attack *a, int pid));

/* As fd_read_all(), for a path below a folder. */
long takeover_read(int dir, const char *path, char *to, size_t size);

#endif
