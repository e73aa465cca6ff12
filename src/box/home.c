/*
 * home.find: a bundle need not say where its user's home is; the container's passwd does then.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/num.h"
#include "box/sequence.h"
#include "kern/sys.h"

enum { PASSWD_BYTES_MAX = 1 << 20 };

/* The file is the image's, or by now the workload's: nothing but a plain one is read, and not to its end if it has none. */
static char *read_passwd(struct arena *a)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	OWN_FD fd = sys_openat2(AT_FDCWD, "/etc/passwd", flags, 0, RESOLVE_NO_MAGICLINKS);
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > PASSWD_BYTES_MAX)
		return NULL;
	text = arena_alloc(a, (size_t)st.st_size + 1);
	n = fd_read_all(fd, text, (size_t)st.st_size);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* name:password:UID:GID:comment:HOME:shell */
static const char *home_in_line(char *line, uint32_t uid)
{
	enum { UID = 2, HOME = 5 };
	char *rest = line, *field = line;
	uint32_t number;

	for (unsigned i = 0; i <= HOME && rest != NULL; i++) {
		field = strsep(&rest, ":");
		if (i == UID && (num_id(field, &number) < 0 || number != uid))
			return NULL;
	}
	return rest != NULL && field[0] == '/' ? field : NULL;
}

static const char *home_of(char *passwd, uint32_t uid)
{
	const char *home = NULL;

	for (char *line; home == NULL && (line = strsep(&passwd, "\n")) != NULL;)
		home = home_in_line(line, uid);
	return home != NULL ? home : "/";
}

int step_home_find(struct box *b, struct err *e)
{
	const struct plan *p = b->plan;
	const char **env = arena_array(b->arena, p->nenv + 2, sizeof *env);

	(void)e;
	for (size_t i = 0; i < p->nenv; i++)
		env[i] = p->env[i];
	env[p->nenv] = arena_printf(b->arena, "HOME=%s", home_of(read_passwd(b->arena), p->uid));
	b->env = (char *const *)env;
	return 0;
}
