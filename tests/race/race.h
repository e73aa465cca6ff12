/*
 * An attack on whoever decides about a call by what stands in the caller's memory, or by what a name leads to.
 *
 * The folder that it works in has, for each of the callers N, three folders:
 *
 *   other/N   what may be changed: x, dir, okok, two; and .env, which must not be read
 *   hooks/N   what must not be changed: x, dir; and nothing called new may appear
 *   flip/N    links and folders that are exchanged: link, p/s, q/s, p/r, q/r
 *
 * Both have a program, run: that of hooks/N must not be started. other/N and hooks/N have sockets besides where somebody serves them: dgram, stream.
 *
 * While callers make calls, flippers let their arguments mean now this and now that.
 */
#ifndef RACE_H
#define RACE_H

/* Written to by the program that must not run; a macro, as instructions hold it (mark.c). */
#define MARK_FD 990

#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

enum {
	CALLERS = 4,
	FLIPPERS = 4, /* threads, beside a vfork child and two other processes */
	PATH_ROOM = 256,
	DIR_ROOM = 128,
	WORDS = 12,     /* in a caller's memory that change: */
	FILE_WORDS = 6, /* so many are about files, the others about sockets */
	FILE_FD = 900,  /* + N: a descriptor that is now of this file, now of that */
	FOLDER_FD = 950,
};

/* One word of memory that changes between two values, in one store each. */
struct word {
	_Atomic uint64_t *at;
	uint64_t good, bad;
};

struct caller {
	_Alignas(64) char env[PATH_ROOM];  /* other/N/okok or other/N/.env */
	_Alignas(64) char file[PATH_ROOM]; /* {other,hooks}/N/x */
	_Alignas(64) char dir[PATH_ROOM];  /* {other,hooks}/N/dir */
	_Alignas(64) char made[PATH_ROOM]; /* {other,hooks}/N/new */
	_Alignas(64) struct open_how how;  /* reading or writing */
	/* A sockaddr_un begins at the seventh byte, so that a word of its path can change in one store. */
	_Alignas(64) char dgram[PATH_ROOM], stream[PATH_ROOM]; /* {other,hooks}/N/{dgram,stream} */
	_Alignas(64) struct sockaddr_in in;  /* the address answered with yes, or with no */
	_Alignas(64) struct mmsghdr message; /* whose name is one of: */
	struct sockaddr_in in_good, in_bad;
	_Alignas(64) struct iovec part;
	struct word words[WORDS];
	/* what does not change */
	char okok[PATH_ROOM], two[PATH_ROOM], out[PATH_ROOM], other_x[PATH_ROOM];
	char other_dir[PATH_ROOM], other_new[PATH_ROOM], hooks_new[PATH_ROOM];
	char hooks_x[PATH_ROOM], hooks_dir[PATH_ROOM], secret[PATH_ROOM];
	char link[PATH_ROOM], spare[PATH_ROOM], p[PATH_ROOM], q[PATH_ROOM], through[PATH_ROOM];
	char file_fd[PATH_ROOM]; /* /proc/self/fd/N */
	int number;
	const char *leaf;       /* what links and descriptors lead to: x or run */
	bool reads;             /* whether .env must not be read */
	int fds[4], folders[2]; /* what FILE_FD + N and FOLDER_FD + N are in turn */
	ino_t env_ino, x_ino;
	int by_unix, by_inet, good_receiver, bad_receiver;
	const _Atomic uint64_t *came; /* to hooks/N/dgram and stream, or NULL: nobody is there */
	uint64_t came_before;
	/* what came of it */
	uint64_t passed, refused, missed;
	_Atomic bool won;
};

/* In memory that all processes of the attack share. */
struct race {
	struct caller callers[CALLERS];
	unsigned first_word, nwords; /* that change in this attack */
	_Atomic bool stop;
	_Atomic uint64_t flips, foreign_flips, written;
};

enum result { PASSED, REFUSED, MISSED, WON };
enum { WAYS = 8 };

struct attack;
/* One way to make a call; a call has several, taken in turn. */
typedef enum result way(const struct attack *a, struct caller *c);

struct attack {
	const char *call;
	union {
		int (*open)(struct caller *c, int dir, const char *path, int flags);
		int (*exec)(int dir, const char *path, int flags);
		int (*one)(int dir, const char *path);
		int (*two)(int old_dir, const char *old, int dir, const char *path);
	};
	unsigned by_memory; /* so many ways lead through memory that changes; they come first */
	way *ways[WAYS];
	bool many; /* of those that send: by sendmmsg */
};

/* Each ends with a row without a call. */
extern const struct attack open_attacks[], name_attacks[], socket_attacks[], exec_attacks[];

enum result result_of(int r);

/* world.c */

/* Makes the folders and files below the current one. */
void world_make(void);
/* Fills in the caller's paths, descriptors and words. With `starts` they are about the programs. */
void world_enter(struct caller *c, const char *base, int number, bool reads, bool starts);
/* Whether everything is as it must remain. */
bool world_intact(const struct caller *c);
/* Makes again what calls that passed have used up. */
void world_mend(const struct caller *c);
/* A path of which one aligned word makes the difference. */
void world_put_path(struct word *w, char *at, const char *base, const char *good, const char *bad,
		    const char *rest);
_Noreturn void die(const char *what);

/* sockets.c */

/* Listens where world_make() was, and counts what comes. */
_Noreturn void sockets_serve(void);
void sockets_enter(struct caller *c, const char *base, int number);
void sockets_leave(struct caller *c);
/* Whether nothing has come to where nothing may. */
bool sockets_intact(const struct caller *c);

/* execs.c */

/* Makes MARK_FD, and the other end of it. */
void execs_enter(void);
/* Whether nobody has written to it. */
bool execs_intact(void);

/* flip.c */

/* Threads and processes that change things until r->stop; to be awaited with flip_end(). */
void flip_begin(struct race *r);
void flip_end(struct race *r);

#endif
