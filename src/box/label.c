/*
 * label.set: the AppArmor profile that a bundle names, from exec on: one more layer, of the host's administrator. It is asked for of
 * the host's procfs, before init stands in the container, or by the launcher of a process that joins: what the workload may have made of
 * its own /proc has no part in it. Children inherit what was asked for, so hooks that run beside the container come before.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"

/* apparmor(7); the folder is there since Linux 5.8. */
static const char file[] = "/proc/self/attr/apparmor/exec";

int step_label_set(struct box *b, struct err *e)
{
	const char *label = b->plan->label;
	const char *words = arena_printf(b->arena, "exec %s", label);

	if (file_set(AT_FDCWD, file, words, e) == 0)
		return 0;
	if (e->no == ENOENT && access(file, F_OK) < 0) {
		fail(e, ENOENT, "process.apparmorProfile: %s is not there: AppArmor is not on",
		     file);
		return advise(e, "start the kernel with it (lsm=...,apparmor), or leave the "
				 "profile out of the bundle");
	}
	if (e->no == ENOENT) {
		fail(e, ENOENT, "process.apparmorProfile: no profile '%.200s' is loaded", label);
		return advise(e,
			      "load it (apparmor_parser -r FILE), or leave it out of the bundle");
	}
	return within(e, "process.apparmorProfile");
}
