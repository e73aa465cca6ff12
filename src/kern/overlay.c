#include "kern/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "kern/sys.h"
#include "kern/uapi.h"

/* A line has each layer's path, of which the kernel permits 500. */
enum { MOUNTINFO_MAX = 64 << 20 };

static bool is_octal(const char *s)
{
	return s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
	       s[3] >= '0' && s[3] <= '7';
}

/* Undoes seq_escape() in place: \054 is a comma. */
static char *decoded(char *s)
{
	char *to = s;

	for (const char *from = s; *from != '\0'; to++) {
		if (is_octal(from)) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return s;
}

/* The text before `end`, or all of it; *rest is what follows, NULL at the end. */
static char *cut(char **rest, char end)
{
	char *s = *rest, *at = s != NULL ? strchr(s, end) : NULL;

	*rest = at != NULL ? at + 1 : NULL;
	if (at != NULL)
		*at = '\0';
	return s;
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* How long the path is of what holds the first `len` bytes of one. */
static size_t above(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

/* Where there are many, containerd and Podman name them from the folder that holds each layer's own, which nothing names but the
 * upper one's path: FOLDER/LAYER/fs. */
static const char *absolute(struct arena *a, const struct overlay *o, const char *path)
{
	size_t len = o->upper != NULL ? above(o->upper, above(o->upper, strlen(o->upper))) : 0;

	if (path[0] == '/')
		return path;
	return len != 0 ? arena_printf(a, "%.*s/%s", (int)len, o->upper, path) : NULL;
}

/* ":" between them, and "\:" where a path has one itself: such a path is none of an engine's. */
static int add_lower(struct arena *a, char *list, struct overlay *out, struct err *e)
{
	for (char *one; (one = cut(&list, ':')) != NULL;) {
		decoded(one);
		if (one[0] == '\0')
			return fail(e, EOPNOTSUPP, "it has layers of data alone");
		if (strpbrk(one, ":\\") != NULL)
			return fail(e, EOPNOTSUPP, "a layer's path has a colon or a backslash");
		*LIST_ADD(a, &out->lower) = one;
	}
	return 0;
}

static int add_option(struct arena *a, char *option, struct overlay *out, struct err *e)
{
	static const char *const kept[] = { "redirect_dir=", "metacopy=", "userxattr" };

	if (begins(option, "lowerdir="))
		return add_lower(a, option + strlen("lowerdir="), out, e);
	if (begins(option, "lowerdir+="))
		return add_lower(a, option + strlen("lowerdir+="), out, e);
	if (begins(option, "datadir+="))
		return fail(e, EOPNOTSUPP, "it has layers of data alone");
	if (begins(option, "upperdir="))
		out->upper = decoded(option + strlen("upperdir="));
	if (begins(option, "workdir="))
		out->work = decoded(option + strlen("workdir="));
	for (size_t i = 0; i < COUNT(kept); i++)
		if (begins(option, kept[i]))
			out->options = arena_printf(a, "%s,%s", out->options, option);
	return 0;
}

/* All paths as they are from anywhere. */
static int settle(struct arena *a, struct overlay *out, struct err *e)
{
	if (out->lower.n == 0)
		return fail(e, EOPNOTSUPP, "it has no layers");
	if ((out->upper == NULL) != (out->work == NULL) ||
	    (out->upper != NULL && (out->upper[0] != '/' || out->work[0] != '/')))
		return fail(e, EOPNOTSUPP, "its upper layer has no absolute path");
	for (size_t i = 0; i < out->lower.n; i++) {
		out->lower.at[i] = absolute(a, out, out->lower.at[i]);
		if (out->lower.at[i] == NULL)
			return fail(e, EOPNOTSUPP, "its layers have no absolute paths");
	}
	return 0;
}

/* "36 35 98:0 /root /mount rw,noatime shared:1 - type source options": the line, cut into pieces. */
static int read_line(struct arena *a, char *line, struct overlay *out, struct err *e)
{
	const char *fields[6];
	char *rest = line, *type = NULL;

	for (size_t i = 0; i < COUNT(fields); i++)
		fields[i] = cut(&rest, ' ');
	while (rest != NULL && strcmp(cut(&rest, ' '), "-") != 0)
		;
	type = cut(&rest, ' ');
	if (type == NULL || strcmp(type, "overlay") != 0)
		return fail(e, EOPNOTSUPP, "it is no overlay");
	if (strcmp(fields[3], "/") != 0)
		return fail(e, EOPNOTSUPP, "it is a part of an overlay alone");
	(void)cut(&rest, ' '); /* the source, which is anything */
	while (rest != NULL)
		TRY(add_option(a, cut(&rest, ','), out, e));
	return settle(a, out, e);
}

int overlay_find(struct arena *a, char *mountinfo, uint64_t id, struct overlay *out, struct err *e)
{
	char *found = NULL;

	*out = (struct overlay){ .options = "" };
	for (char *line; (line = cut(&mountinfo, '\n')) != NULL;) {
		char *end = line;
		unsigned long long own = strtoull(line, &end, 10);

		if (own == id && end != line)
			found = line;
		else if (end != line && strtoull(end, NULL, 10) == id)
			return fail(e, EOPNOTSUPP, "something is mounted below it");
	}
	return found != NULL ? read_line(a, found, out, e) : fail(e, ENOENT, "no such mount");
}

int overlay_is_at(const char *path, struct err *e)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return fail(e, errno, "%s: %m", path);
	return fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

int overlay_read(struct arena *a, const char *path, struct overlay *out, struct err *e)
{
	struct statx at;
	char *text;
	int r = sys_statx(AT_FDCWD, path, 0, STATX_MNT_ID, &at);

	if (r < 0)
		return fail(e, -r, "%m");
	if (!(at.stx_mask & STATX_MNT_ID) || !(at.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return fail(e, EOPNOTSUPP, "it is a part of an overlay alone");
	TRY(file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, a, &text, NULL, e));
	return overlay_find(a, text, at.stx_mnt_id, out, e);
}
