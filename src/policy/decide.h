/*
 * What the broker answers: values in, a verdict out. No system call, no memory of another process. The broker
 * acts on it; `zviz explain` asks the same functions.
 *
 * An int argument counts with its low 32 bits only, as in the kernel: TIOCSTI with rubbish in the upper half
 * is still TIOCSTI.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/address.h"
#include "policy/plan.h"

/* One notification: what the kernel says of a call. Registers only, so nothing in it can change. */
struct call {
	uint64_t id;
	uint32_t tid;  /* the calling thread, in the broker's pid namespace */
	uint32_t arch; /* AUDIT_ARCH_* */
	int nr;
	uint64_t arg[6];
	uint64_t start_us; /* monotonic; 0 when nobody audits */
	uint32_t turn;     /* in whose turn the broker serves it (broker/stand.h) */
	/* NULL: nothing was said, and nobody is there to be asked. */
	struct asking_call *asking;
};

enum answer {
	DENY,    /* the call fails with `err` */
	GO_ON,   /* the kernel performs it: only where registers alone decided */
	PERFORM, /* the broker performs it */
	ASK,     /* somebody has to be asked: the call's `asking` holds the question */
};

struct verdict {
	enum answer what;
	int err;                 /* of DENY: a positive errno */
	const char *layer;       /* that refused; NULL: the broker itself */
	const struct from *from; /* the rule, never NULL for a DENY */
	const char *fix;         /* the change that would permit it, or NULL */
	const char *list; /* the profile's list that the folder would have to join, or NULL */
	const char *
		call; /* without these two: the call that syscalls.allow would have to list, or NULL */
};

/* Arguments of i386 that come otherwise than the machine's own do: as those, where a decision or what is performed reads
 * them. */
void decide_widen(struct call *c);

/* The plan's row for this call, or NULL: of the machine's own that a call of i386 or x32 is judged as. */
const struct plan_call *decide_row(const struct broker_plan *p, const struct call *c);

/* Whatever needs no object: calls to refuse, and those that registers decide. Opens with O_PATH too. */
struct verdict decide_call(const struct broker_plan *p, const struct call *c,
			   const struct plan_call *row);

struct verdict decide_deny(const struct plan_call *row);
struct verdict decide_ioctl(const struct broker_plan *p, const struct call *c,
			    const struct plan_call *row);
struct verdict decide_prctl(const struct broker_plan *p, const struct call *c,
			    const struct plan_call *row);
struct verdict decide_socket(const struct broker_plan *p, const struct call *c,
			     const struct plan_call *row);
struct verdict decide_clone(const struct broker_plan *p, const struct call *c,
			    const struct plan_call *row);

/* open and openat with O_PATH, by their registers: the descriptor allows nothing that its holder could not do
 * by name without asking, and what is opened through it is asked about again. The kernel may perform it,
 * and has to: a notification cannot install such a descriptor (seccomp_notify_addfd() takes it with fget()). */
bool decide_is_path_only(const struct call *c, const struct plan_call *row);

/* ---- files ---- */

enum {
	WANT_READ = 1,
	WANT_WRITE = 2,
	WANT_TRUNCATE = 4,
	WANT_CONNECT = 8, /* beside both of the first: a unix socket's file, which is not opened */
};

/* What these flags of open ask of a file that exists, without O_PATH. */
unsigned decide_wants(uint64_t flags);

/* Something that was opened with O_PATH, or is about to be made. */
struct object {
	const char *
		path; /* absolute in the container, or the kernel's name of a nameless object ("pipe:[7]") */
	const char *
		alias; /* NULL, or another reading of it: without the " (deleted)" that the kernel adds */
	mode_t type;    /* S_IFMT bits */
	dev_t device;   /* of a device node */
	bool reachable; /* the path was seen to lead to this object */
	unsigned held;  /* WANT_* that the caller's own descriptor of it already grants */
	struct asking_call *asking; /* as in struct call */
};

/* A path that no other rule refuses: ASK, DENY if the answer was no, or PERFORM. With ASK, the question is written down in
 * `asking`, unless that is NULL. */
struct verdict decide_ask(const struct broker_plan *p, enum ask_kind kind, const char *path,
			  struct asking_call *asking);

/* A program that is about to be started: GO_ON, ASK or DENY. */
struct verdict decide_execute(const struct broker_plan *p, const char *path,
			      struct asking_call *asking);

/* For rules that are not just about whether their pattern matches: what was said, or the question. */
struct verdict decide_ask_rule(const struct file_rule *rule, enum ask_kind kind, const char *path,
			       struct asking_call *asking);
bool decide_is_always(const struct broker_plan *p, enum ask_kind kind, const char *path);

/* Whether every path gets the same permission: then nobody needs to find the path. */
bool decide_any_path(const struct broker_plan *p, unsigned wants);

struct verdict decide_open(const struct broker_plan *p, const struct object *o, unsigned wants);

/* Landlock's rights on a path, as far as the host's version knows them. */
uint64_t decide_rights(const struct broker_plan *p, const char *path);

/* Whether something of this type (S_IFMT bits) may come into a folder that may be written to; 0: whether something may
 * go. Under /dev and /proc files are written to and nothing is made. */
struct verdict decide_making(const struct broker_plan *p, const char *folder, mode_t type);

/* ---- names ---- */

/* What is done to names. Patterns of filesystem.deny are about paths, so whoever could give a file another path could
 * get around them: where a profile has any, the broker performs these. */
enum naming {
	NAMING_MAKE,   /* something new, but a symbolic link */
	NAMING_REMOVE, /* a file or an empty folder */
	NAMING_LINK,   /* a second name */
	NAMING_MOVE,   /* perhaps over something */
	NAMING_SWAP,   /* two names for each other */
};

/* A name in a folder. */
struct named {
	const char *path;   /* absolute in the container */
	const char *folder; /* that of the folder */
	bool reachable;     /* the folder's path was seen to lead to it */
	mode_t type;        /* S_IFMT bits of what has the name, or is to get it; 0: nothing */
	struct asking_call *asking; /* as in struct call */
};

/* `old` is NULL for MAKE and REMOVE. */
struct verdict decide_naming(const struct broker_plan *p, enum naming what, const struct named *old,
			     const struct named *name);

/* ---- addresses of sockets ---- */

enum address_kind {
	ADDRESS_OTHER,    /* of another family, none at all, or one that the kernel refuses */
	ADDRESS_ABSTRACT, /* a unix socket's name without a file */
	ADDRESS_PATH,
};

enum { ADDRESS_PATH_MAX = 108 }; /* UNIX_PATH_MAX, linux/un.h */

/* What `len` bytes of an address say; `path` gets a NUL behind it, and is empty for all but ADDRESS_PATH. */
enum address_kind decide_address_kind(const void *address, size_t len,
				      char path[ADDRESS_PATH_MAX + 1]);

/* Whether somebody may connect, or send, to the socket with this file. Patterns of both lists are asked; lists of folders
 * are not, since neither mounts nor Landlock ask them of a socket. */
struct verdict decide_address(const struct broker_plan *p, const struct object *o);

/* The same for an abstract name. */
struct verdict decide_abstract(const struct broker_plan *p);

/* Connecting, or sending, to an address of the internet by a socket of this protocol (IPPROTO_*): what decide_ask() says of
 * files. */
struct verdict decide_connect(const struct broker_plan *p, const struct address *to, int protocol,
			      struct asking_call *asking);

/* Whether a control message of this kind may go out with a datagram: not one that has it go elsewhere first, where it is
 * asked about where datagrams go. */
struct verdict decide_control(const struct broker_plan *p, int level, int type);

/* The rule of filesystem.hide that a path meets, or one above it that is no pattern. NULL: none. */
const struct file_rule *decide_hidden(const struct broker_plan *p, const char *path);

/* An open failed in the kernel with `err`. True when a rule of the container explains that: *out says which.
 * `path` is what was asked for, absolute. */
bool decide_failed(const struct broker_plan *p, const char *path, int err, struct verdict *out);

/* `pattern` against an absolute path: * within one component, ** across, ? one character but not '/'. */
bool glob_match(const char *pattern, const char *path);

/* Whether the pattern matches the path or a folder above it. */
bool glob_matches_above(const char *pattern, const char *path);

/* Whether each path below `from` that matches still does when `from` is called `to`. False when in doubt. */
bool glob_carries(const char *pattern, const char *from, const char *to);

/* Whether each path below `folder` that matches would do so below any other folder as well. False when in doubt. */
bool glob_is_anywhere(const char *pattern, const char *folder);

/* How many bytes of the pattern name the folder that all it matches lies below; 0: the root. A pattern without wildcards is a name in
 * its folder. */
size_t glob_folder(const char *pattern);

/* Whether `path` is `folder` or lies below it. */
bool path_below(const char *folder, const char *path);

#endif
