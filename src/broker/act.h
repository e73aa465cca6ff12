/*
 * The broker's deeds: the only code that opens a file for a caller, installs a descriptor or answers.
 */
#ifndef BROKER_ACT_H
#define BROKER_ACT_H

#include <sys/stat.h>

#include "broker/fetch.h"

/* What came of an open. */
struct outcome {
	int fd;       /* what was opened, owned; negative when nothing was, or it was handed over */
	int err;      /* positive errno when nothing was opened; 0 */
	bool later;   /* a waiter answers */
	bool refused; /* by a rule of the broker: `why` says which, or that it has to ASK */
	bool alone;   /* our copy must be closed before the caller goes on */
	bool full;    /* the caller's table is: EMFILE is its own */
	bool stands;  /* the notification did after its path had been copied */
	bool empties; /* the file is to lose what it holds once its descriptor is there */
	struct verdict why;
	struct open_request request; /* path "" when it could not be read; its `dir` is owned */
};

/* Answers a call that registers decided: DENY or GO_ON. */
void act_answer(const struct server *s, const struct call *c, const struct verdict *v);

/* Performs an open: fills *out, but answers nothing. act_done() frees what *out holds. */
void act_open(const struct server *s, const struct call *c, const struct plan_call *row,
	      struct outcome *out);

/* Answers with what came of it, unless a waiter will. */
void act_finish(const struct server *s, const struct call *c, struct outcome *o);
void act_done(struct outcome *o);

/* ---- for names.c and socket.c ---- */

/* Answers with a result of 0 or more, or with a negative errno. */
void act_answer_result(const struct server *s, const struct call *c, int result);

/* Writes what a call gives back into the caller's memory. 0 or -errno. */
int act_write_memory(const struct server *s, const struct call *c, uint64_t to, const void *bytes,
		     size_t len);

/* The name that the kernel gives to what we opened, which no caller chose: 0 or -errno. */
int act_path_of(const struct server *s, int fd, char path[PATH_MAX]);

/* Whether `path` leads to this object in the container's tree. An object outside it has a path as well, one
 * that means something else here. */
struct place;
bool act_leads_to(const char *path, int fd);

/* Whether what was found lies in the container's tree, though its path leads through a folder that may not be searched: if
 * the folder does from which it was found. */
bool act_lies_inside(const struct server *s, const struct place *at);

/* Whether the mount is. */
bool act_is_read_only(int fd);

/* A list of folders does not permit to write to a file that is on such a mount anyway: then the kernel says why not,
 * in its own order. */
bool act_refused_by_mount(const struct verdict *v, int fd, const struct stat *st);
int act_open_in_vain(const struct server *s, int fd, uint64_t flags);

struct verdict act_judge(const struct server *s, const struct call *c, const struct place *at,
			 const struct stat *st, unsigned wants);

/* The kernel takes the creating thread's umask, or a default ACL: so ours becomes the caller's. */
int act_borrow_umask(const struct server *s, const struct call *c);

/* What to say in place of EMFILE when it is our own table that is full: the caller's is not. */
int act_own_limit(int err);

/* What the kernel sends to who writes beyond RLIMIT_FSIZE. Where signals interrupt calls it would begin anew: none. */
void act_signal_size(const struct server *s, const struct call *c);

/* For a waiter: opens for good what `fd` (O_PATH) is, blocking if the object blocks. Descriptor or -errno. */
int act_reopen(const struct server *s, int fd, uint64_t flags);

/* Gives the caller a copy of *fd, or the error when that is a negative errno, and answers. */
void act_install(const struct server *s, const struct call *c, const int *fd, uint64_t flags);

/* The same for what the caller must be alone with: *fd is closed before the answer. It takes one switch more. Where signals
 * interrupt a call, what was opened stays open here for a moment longer. */
void act_hand_over(const struct server *s, const struct call *c, int *fd, uint64_t flags);

#endif
