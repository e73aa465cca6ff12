/*
 * Mode, owner and times of a file. Landlock does not ask about them, so where no mount is read-only (policy/plan_bare.c) they may be
 * changed of what may be written to, and of nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "broker/names_known.h"
#include "kern/sys.h"

enum { NUMBER_ROOM = 16 };

bool names_is_known(enum names_deed deed)
{
	return deed == NAMES_MODE || deed == NAMES_OWNER || deed == NAMES_TIMES;
}

/* Times as the call has them in its caller's memory; *now: there are none. */
static int fetch_times(const struct call *c, const struct names_request *r, struct timespec out[2],
		       bool *now)
{
	const bool pairs = r->call->flags != TIMES_BUF;
	int64_t raw[4] = { 0 };

	*now = r->number[0] == 0;
	if (*now)
		return 0;
	TRY(fetch_memory(c, r->number[0], raw, (pairs ? 4 : 2) * sizeof *raw));
	for (unsigned i = 0; i < 2; i++) {
		int64_t rest = pairs ? raw[2 * i + 1] : 0;

		if (r->call->flags == TIMES_VAL && (rest < 0 || rest >= 1000000))
			return -EINVAL;
		out[i].tv_sec = pairs ? raw[2 * i] : raw[i];
		out[i].tv_nsec = r->call->flags == TIMES_VAL ? rest * 1000 : rest;
	}
	return 0;
}

/* The link leads to the object itself, also to one that is a link. The broker has no capability: whom a file may be given to, and
 * by whom, the kernel says. */
static int change(const struct server *s, const struct call *c, const struct names_request *r,
		  const char *link)
{
	struct timespec times[2];
	bool now;

	if (r->call->deed == NAMES_MODE)
		return fchmodat(s->self_fds, link, (mode_t)(r->number[0] & 07777), 0) < 0 ? -errno
											  : 0;
	if (r->call->deed == NAMES_OWNER)
		return fchownat(s->self_fds, link, (uid_t)r->number[0], (gid_t)r->number[1], 0) < 0
			       ? -errno
			       : 0;
	TRY(fetch_times(c, r, times, &now));
	if (!fetch_valid(s, c->id))
		return -ESRCH;
	return SYS_CALL(SYS_utimensat, s->self_fds, link, now ? NULL : times, 0);
}

static int judge(const struct server *s, const struct call *c, struct names_outcome *out,
		 const struct place *at, const struct stat *st)
{
	struct verdict v;

	/* Who may write to a device does not have it. */
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		return -EPERM;
	v = act_judge(s, c, at, st, WANT_WRITE);
	if (v.what == PERFORM)
		return fetch_valid(s, c->id) ? 0 : -ESRCH;
	out->refused = true;
	out->why = v;
	return -v.err;
}

int names_change_known(const struct server *s, const struct call *c, struct names_outcome *out)
{
	const struct names_request *r = &out->request;
	struct place at;
	struct stat st;
	char link[NUMBER_ROOM];
	int err = names_find_object(s, c, r, r->at & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0, &at,
				    &st);
	OWN_FD fd = at.fd;

	if (err == 0)
		err = judge(s, c, out, &at, &st);
	if (err < 0)
		return err;
	fetch_number(link, (uint32_t)fd);
	return change(s, c, r, link);
}
