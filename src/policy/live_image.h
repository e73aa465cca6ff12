/*
 * What a broker decides with, in one piece that another process can hand to it while it works: `zviz update`. Pure.
 *
 * The file "policy" in a container's state folder is a head, two slots for images and a third that never changes. The
 * head's generation says which slot is in force: none while it is 0, then the one of its lowest bit. Whoever writes fills
 * the other slot, and then counts up. A reader copies the slot, and has a whole one if the generation is still the same: no
 * writer touches the slot in force.
 */
#ifndef POLICY_LIVE_IMAGE_H
#define POLICY_LIVE_IMAGE_H

#include <stdatomic.h>

#include "policy/plan.h"
#include "policy/sources.h"

enum {
	LIVE_MAGIC = 0x6c76697a, /* "zivl" */
	LIVE_HEAD_BYTES = 4096,
	LIVE_SLOT_BYTES = 1 << 20, /* a profile of a person takes a tenth of it */
	LIVE_SLOTS = 2,
	/* Behind the slots: what the container was started with. */
	LIVE_START = LIVE_HEAD_BYTES + LIVE_SLOTS * LIVE_SLOT_BYTES,
	LIVE_BYTES = LIVE_START + LIVE_SLOT_BYTES,
};

extern const char live_file_name[];

struct live_head {
	uint32_t magic;
	_Atomic uint32_t generation;
	_Atomic uint32_t
		pending; /* the next generation, while rules of a network change with it; whatever else: none */
};

/* Where the image of a generation begins in the file. */
size_t live_slot(uint32_t generation);

struct live_calls {
	size_t n, cap;
	struct plan_call *at; /* without cases: those are the filter's */
};
struct live_values {
	size_t n, cap;
	uint32_t *at;
};
struct live_rules {
	size_t n, cap;
	struct file_rule *at;
};
struct live_paths {
	size_t n, cap;
	struct plan_path *at;
};

/* The parts of a broker_plan that a profile says, and where the profile was read from. */
struct live_tables {
	const char *profile;
	struct sources sources;
	enum audit_level audit;
	struct live_calls calls;
	struct where_rules where;
	struct live_values ioctls, prctls;
	struct socket_rules sockets;
	struct from ioctl_from, prctl_from, socket_from, clone_from, write_from;
	struct live_rules read, write, deny_read, deny_write, hidden;
	struct live_rules ask_read, ask_write, ask_execute, always_read, always_write,
		always_execute;
	struct address_rules ask_connect, always_connect;
	uint64_t ask_timeout_ms;
	struct live_paths paths;
	/* Of a network whose rules were changed: struct net_numbers. */
	uint32_t net_change, net_last, net_last_in;
	struct live_values net_egress, net_names, net_ingress;
};

/* The numbers of a network's rows, into tables and out of them; the latter is false when they are not those of `n`. They borrow. */
void live_take_numbers(const struct plan_net *n, struct live_tables *out);
bool live_give_numbers(const struct live_tables *t, struct plan_net *n);

/* Of a plan's tables; they borrow from it. */
void live_tables_of(const struct broker_plan *p, struct live_tables *out);

/* `base` with these tables in place of its own; what belongs to the process stays as it was. */
void live_apply(const struct broker_plan *base, const struct live_tables *t,
		struct broker_plan *out);

/* The same tables, the same bytes, into a slot that is zeroed and aligned for any type. -E2BIG: it is too small. */
int live_write(char *image, const struct live_tables *t, size_t *len, struct err *e);

/* The same, into memory of its own. */
int live_pack(struct arena *a, const struct live_tables *t, char **image, size_t *len,
	      struct err *e);

/* How long an image says it is, from its first bytes; 0: none that fits into a slot. */
size_t live_length(const void *slot);

/* Makes pointers of its offsets, in place, and returns the tables in it; NULL unless every offset, count and enumeration
 * is within its bounds. `image` must be aligned for any type, the caller's own, and outlive the tables. */
const struct live_tables *live_unpack(void *image, size_t len);

/* Of a plan's calls those that its filter asks about, which are all that a broker ever looks up. */
void live_asked(struct arena *a, const struct broker_plan *p, struct live_calls *out);

/* Whether a broker that was started with `base`, or with no more of its calls than are asked about, can carry these out: no
 * other call asked about, none performed that it was not prepared to perform. */
bool live_fits(const struct broker_plan *base, const struct live_tables *t);

#endif
