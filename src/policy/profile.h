/*
 * A workload profile as written: what a person means, before any host is known.
 * Everything lives in the arena that it was loaded into. profile_load() fills it from YAML.
 * A new field has a row in profile_fields.c, one in profile_pack.c and a line in test_profile_image.c.
 */
#ifndef POLICY_PROFILE_H
#define POLICY_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/name.h"
#include "text/from.h"
#include "text/values.h"

enum profile_verdict { PROFILE_ALLOW, PROFILE_DENY };

/* {syscall: personality, arg: 0, mask: …, in: [0x0, 0xffffffff], then: allow}: when no row of a syscall
 * fits, the syscall's plain verdict (allow, deny, or absent) holds. */
struct where_rule {
	const char *syscall;
	unsigned arg;  /* 0 to 5 */
	uint64_t mask; /* all ones unless written */
	size_t n, cap;
	uint64_t *in;
	enum profile_verdict then;
	struct from from;
};
struct where_rules {
	size_t n, cap;
	struct where_rule *at;
};

/* {family: inet, types: [stream, dgram], protocols: [0, 6]}: without types, every type; without
 * protocols, every protocol. */
struct socket_rule {
	int family;     /* AF_* */
	unsigned types; /* bit n is set for SOCK_* value n; ~0u when not written */
	size_t n, cap;  /* protocols */
	uint64_t *protocols;
	struct from from;
};
struct socket_rules {
	size_t n, cap;
	struct socket_rule *at;
};

/* What the lists say of one system call, worked out of their words once the profile is complete. */
struct call_mention {
	uint16_t allow,
		deny; /* the word of syscalls.allow or .deny that says it, from 1; 0: none */
	bool allow_by_name, deny_by_name; /* not only as the member of a group */
	bool broker, where, tripwire;     /* is in that list, has a row there */
};
struct call_mentions { /* in the order of syscalls[] (table/table.h) */
	size_t n, cap;
	struct call_mention *at;
};
struct numbers {
	size_t n, cap;
	uint64_t *at;
};

enum network_mode { NETWORK_NONE, NETWORK_HOST, NETWORK_PRIVATE };

/* One of `cidr` and `domain` is set, the other NULL; no ports means every port. */
struct egress_rule {
	const char *cidr, *domain;
	size_t n, cap;
	uint64_t *ports;
	uint64_t
		limit; /* bytes, both ways together, as long as the container lives; 0: as many as it likes */
	uint32_t connections; /* at once; 0: as many as it likes */
	bool allow_private;   /* the domain may lead to private addresses */
	struct from from;
};
enum { EGRESS_CONNECTIONS_MAX = 1 << 20 };
struct egress_rules {
	size_t n, cap;
	struct egress_rule *at;
};
/* {cidr: 10.0.0.0/8, ports: [443]}; no ports means every port. policy/address.h says what meets it. */
struct address_rule {
	const char *cidr;
	size_t n, cap;
	uint64_t *ports;
	/* worked out of these */
	unsigned char base[16];
	uint8_t bits;     /* of base that count: 0 to 128 */
	const char *text; /* "10.0.0.0/8:443,8443" */
	struct from from;
};
struct address_rules {
	size_t n, cap;
	struct address_rule *at;
};
struct ingress_rule {
	uint16_t port;
	struct from from;
};
struct ingress_rules {
	size_t n, cap;
	struct ingress_rule *at;
};

/* {path: /work, rbps: …, wbps: …, riops: …, wiops: …}: bytes or operations a second, 0 when not set. */
struct io_rule {
	const char *path;
	uint64_t rbps, wbps, riops, wiops;
	struct from from;
};
struct io_rules {
	size_t n, cap;
	struct io_rule *at;
};

/* {size: 2MB, limit: 64M}: huge pages of one size, in bytes. */
struct hugetlb_rule {
	const char *size;
	uint64_t limit;
	struct from from;
};
struct hugetlb_rules {
	size_t n, cap;
	struct hugetlb_rule *at;
};

/* Required is zero: the strict reading is the default. */
enum need { NEED_REQUIRED, NEED_PREFERRED };

enum audit_level { AUDIT_NONE, AUDIT_DENIALS, AUDIT_DECISIONS, AUDIT_ALL };

struct profile {
	const char *file; /* what messages call it: a path, or "ci-runner" for a built-in */
	bool builtin;     /* compiled in: it came out of no file */
	const char *name, *description;
	struct words sources; /* every profile that was read: itself last, behind what it extends */
	struct words namespaces; /* user pid mount network ipc uts cgroup time */
	struct words keep_capabilities;
	struct {
		struct words allow, deny, broker, tripwire, architectures;
		struct where_rules where;
		struct call_mentions mentions;
	} syscalls;
	struct words ioctl_allow; /* names of table/ioctls, or numbers */
	struct words prctl_allow;
	struct numbers ioctl_values, prctl_values; /* of these words, sorted */
	struct numbers ioctl_common,
		prctl_common; /* of these, what a filter tests even if it can ask */
	struct socket_rules sockets_allow;
	struct {
		bool root_readonly; /* root: readonly (default) or writable */
		struct words read, write, execute, hide;
		struct words deny_read, deny_write; /* glob patterns */
	} filesystem;
	struct words devices; /* nodes of the host, by path: patterns as in filesystem.hide */
	/* What is asked about before it is done: glob patterns, inside of what `filesystem` permits, and addresses. */
	struct {
		struct words read, write, execute;
		struct address_rules connect;
		struct {
			struct words read, write, execute; /* answered with yes already */
			struct address_rules connect;
		} always;
		struct amount timeout; /* milliseconds; without an answer it is no */
	} ask;
	struct {
		enum network_mode mode;
		struct from mode_from;
		struct egress_rules egress;
		struct ingress_rules ingress;
	} network;
	struct {
		struct amount memory, memory_high, swap; /* bytes */
		struct amount cpus;                      /* thousandths of a CPU */
		struct amount cpu_weight, io_weight;     /* 1 to 10000, of 100 that others have */
		struct {
			struct word cpus, mems; /* text NULL: not written */
		} cpuset;
		struct hugetlb_rules hugetlb;
		struct amount pids;
		struct amount nofile; /* RLIMIT_NOFILE */
		struct amount tmpfs;  /* bytes of each private tmpfs */
		struct io_rules io;
		bool view;             /* what the system tells of itself is what it may use */
		struct from view_from; /* line 0: not written */
	} resources;
	struct {
		unsigned landlock;       /* lowest ABI that will do; 0: none asked for */
		enum need landlock_need; /* `landlock: preferred` = any ABI, or none */
		enum need seccomp_notify;
		enum need user_namespace;
		struct words cgroup;   /* controllers that must be there */
		enum need cgroup_need; /* `cgroup: preferred` = limits may be missing */
		enum need network_policy;
		struct from landlock_from, cgroup_from;
	} requirements;
	enum audit_level audit;
	struct words warnings; /* `warn:` texts that every run under it prints, for development */
};

/* Reads a profile from YAML text. `file` is what errors and rules call it. Resolves `extends` through the
 * built-in profiles and, for a path, files beside the one that names them: `open_base` gets the name that they have
 * for whoever called `file` so ("sub/base.yaml"), and may be NULL: then only built-ins. Errors carry file:line:column and the nearest known name. */
typedef int (*profile_opener)(void *ctx, const char *name, struct arena *a, char **text,
			      size_t *len, struct err *e);
int profile_load(struct arena *a, const char *file, const char *text, size_t len,
		 profile_opener open_base, void *ctx, struct profile *out, struct err *e);

/* The embedded profiles: NULL-terminated. `image` is what reading the text gives, made ready when zviz was
 * built; NULL where nobody did. */
struct profile_image;
struct builtin_profile {
	const char *name, *text;
	size_t len;
	const struct profile_image *image;
};
extern const struct builtin_profile builtin_profiles[];
const struct builtin_profile *profile_builtin(const char *name);

/* The same profile as profile_load() makes of its text, in about a hundredth of the time. */
int profile_load_builtin(struct arena *a, const struct builtin_profile *b, struct profile *out,
			 struct err *e);

/* The first pattern about files that only a broker can keep, of filesystem.deny or ask; NULL: there is none. */
const struct word *profile_pattern(const struct profile *p);

/* Whether anything is asked or refused about the address of a socket. */
bool profile_judges_addresses(const struct profile *p);

/* The value of a word of ioctl.allow or prctl.allow that was checked when it was read: its name's, or the number that it
 * is. The kernel takes 32 bits of both. */
uint32_t profile_number(const struct name *names, const char *word);

#endif
