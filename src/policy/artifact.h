/*
 * A profile as files: the filters that are loaded, the tables of the other layers, and a manifest of them. Pure.
 *
 * They are made of the plan of a command in the direct form on a host that has every layer (reference.h), so the same
 * profile gives the same bytes everywhere. The manifest is the last file.
 */
#ifndef POLICY_ARTIFACT_H
#define POLICY_ARTIFACT_H

#include "policy/prove.h"
#include "policy/sources.h"

struct artifact {
	const char *name;
	const char *bytes;
	size_t len;
};
struct artifacts {
	size_t n, cap;
	struct artifact *at;
};

/* `p` was read from `s` (sources_profile()); `version` is zviz's own. Nothing is proved yet. */
int artifacts_make(struct arena *a, const char *version, const struct sources *s,
		   const struct profile *p, struct artifacts *out, struct err *e);

const struct artifact *artifact_find(const struct artifacts *all, const char *name);

/* "seccomp-x86_64.bpf", "seccomp-aarch64-events.bpf" … */
const char *artifact_filter_name(struct arena *a, enum host_arch arch, const struct variant *v);

/* The program that its bytes are. -EINVAL when they cannot be one. */
int artifact_filter(struct arena *a, const struct artifact *file, struct bpf_program *out,
		    struct err *e);

/* Proves every filter among them, byte for byte, and the files' side of the plan. */
int artifacts_prove(struct arena *a, const struct artifacts *all, const struct profile *p,
		    struct err *e);

/* ---- one layer each: artifact_layers.c ---- */

void artifact_landlock(const struct plan *p, struct buf *out);
void artifact_mounts(const struct plan *p, struct buf *out);
void artifact_cgroup(const struct plan *p, struct buf *out);
void artifact_network(const struct plan *p, struct buf *out);

/* Calls have other numbers, and some are missing, on each machine: a plan for each. */
void artifact_broker(const struct plan *plans, size_t n, struct buf *out);

#endif
