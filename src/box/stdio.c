/*
 * stdio.own: pipes at 0, 1 and 2 become the workload's, so that it can open /dev/stdout and /dev/stderr anew, as images do whose
 * logs lead there. Nothing but a pipe without a name: a file keeps its owner, and a device is the machine's.
 */
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "box/ids.h"
#include "box/sequence.h"

static bool is_pipe(int fd)
{
	struct stat st;
	struct statfs fs;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == PIPEFS_MAGIC;
}

/* Where that is not permitted all works but opening it anew. */
static void give(uint32_t uid, uint32_t gid)
{
	for (int fd = 0; fd <= 2; fd++)
		if (is_pipe(fd))
			(void)!fchown(fd, uid, gid);
}

int step_stdio_give(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;

	(void)e;
	give(ids_outside(&p->uid_maps, p->uid), ids_outside(&p->gid_maps, p->gid));
	return 0;
}

int step_stdio_take(struct box *b, struct err *e)
{
	(void)e;
	give(b->plan->uid, b->plan->gid);
	return 0;
}
