/*
 * A broker and its workload for tests: a pid namespace for the broker, one inside for the workload, a file system of their
 * own, a real filter that asks about every open, and the confined broker answering. Needs root.
 *
 * A case is a function that runs as the workload. Its EXPECTs end it with the line that failed.
 */
#ifndef BROKER_WORLD_H
#define BROKER_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "broker/broker.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

/* What the processes of one case share. */
struct shared {
	_Atomic int line;  /* of the EXPECT that failed */
	_Atomic int error; /* errno then */
	struct broker_counters counters;
	_Atomic int stop;
	_Atomic int leave; /* those that have joined; the end of the first process is theirs, too */
	_Atomic int begun; /* the workload is under its filter */
	_Atomic int waiting; /* for `beside` to tell: how many opens wait */
	int events[2];
};
extern struct shared *shared;

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			shared->error = errno;                                                     \
			shared->line = __LINE__;                                                   \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
#define EXPECT_ERRNO(call, err) EXPECT((call) == -1 && errno == (err))

/* A macro, so that a failure names the case's own line. */
#define expect_text(open_call, text)                                                               \
	do {                                                                                       \
		char got_[64] = { 0 };                                                             \
		int fd_ = (open_call);                                                             \
                                                                                                   \
		EXPECT(fd_ >= 0);                                                                  \
		EXPECT(read(fd_, got_, sizeof got_ - 1) == (ssize_t)strlen(text) &&                \
		       strcmp(got_, (text)) == 0);                                                 \
		EXPECT(close(fd_) == 0);                                                           \
	} while (0)

struct world {
	void (*workload)(void);
	struct broker_plan plan;
	bool interruptible; /* as before Linux 5.19: any signal ends a call that the broker works on */
	unsigned nofile;    /* the broker's limit when it is less than its own choice; 0 */
	void (*furnish)(void); /* more files, before the broker begins; or NULL */
	/* In the test's own process, beside the workload: from here processes may join. */
	void (*beside)(pid_t broker);
};

/* For `beside`: a connection to the broker's door, or -1 when it has no room. */
int world_knock(pid_t broker);

/* A process under a filter of its own, whose listener goes through the connection; it runs the function. Its number here. */
pid_t world_join(pid_t broker, int connection, void (*run)(void));

/* A plan with rules of every kind: world.c has them. */
struct broker_plan world_plan(void);

/* Runs it to its end, with cmocka's assertions. world_end() follows. */
void world_run(const struct world *w);
void world_end(void);

/* ---- for workloads ---- */

pid_t child(void (*run_child)(void));
void expect_exit(pid_t pid);
void nap(void);
void put_file(const char *path, const char *text, mode_t mode);

#endif
