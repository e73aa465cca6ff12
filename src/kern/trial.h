/*
 * Shared by the files of probe_all(): a trial adds rows, and tries things in children.
 */
#ifndef KERN_TRIAL_H
#define KERN_TRIAL_H

#include "kern/probe.h"

enum { TRIAL_BROKEN = 255 }; /* the child died; no errno is that high */

struct trial {
	struct arena *a;
	const struct host *h;
	struct check_rows *rows;
};

void trial_add(struct trial *t, const char *layer, const char *feature, enum check_state state,
	       const char *means, const char *todo);

/* Good (CHECK_OK) or not (`otherwise`), with one text for each; `todo` is for the bad case. */
void trial_add_if(struct trial *t, const char *layer, const char *feature, bool good,
		  enum check_state otherwise, const char *means_good, const char *means_bad,
		  const char *todo);

/* Runs `body` in a child; its result (0 or an errno), or TRIAL_BROKEN. */
int trial_run(int (*body)(const void *), const void *arg);

/* For a trial's child: loads a filter that allows everything and gives its listener. -EBUSY where a filter that the
 * caller already runs under has one: the kernel takes one of them in a process (has_duplicate_listener() in
 * kernel/seccomp.c). */
int trial_listener(void);

/* "what: why", for an errno or TRIAL_BROKEN. */
const char *trial_why(struct trial *t, const char *what, int no);

void check_mounts(struct trial *t);
void check_cgroups(struct trial *t);

#endif
