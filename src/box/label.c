/*
 * label.set: the AppArmor profile that a bundle names, from exec on: one more layer, of the host's administrator. It is asked for of
 * the host's procfs, before init stands in the container, or by the launcher of a process that joins: what the workload may have made of
 * its own /proc has no part in it. Children inherit what was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/sequence.h"

int step_label_set(struct box *b, struct err *e)
{
	const char *label = b->plan->label;
	const char *words = arena_printf(b->arena, "exec %s", label);

	/* apparmor(7); the folder is there since Linux 4.17. */
	if (file_set(AT_FDCWD, "/proc/self/attr/apparmor/exec", words, e) == 0)
		return 0;
	if (e->no == ENOENT) {
		fail(e, ENOENT, "process.apparmorProfile: no profile '%.200s' is loaded", label);
		return advise(e,
			      "load it (apparmor_parser -r FILE), or leave it out of the bundle");
	}
	return within(e, "process.apparmorProfile");
}
