#include "box/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "policy/spec_fields.h"
#include "text/bind.h"

enum { FILE_MAX = 1 << 20, BOOT_ROOM = 64 };

const char record_lock_name[] = "lock";
const char record_door_name[] = "door";
const char record_objects_name[] = "objects";
const char record_waiting_name[] = "waiting";
const char record_start_name[] = "start";
const char record_reason_name[] = "reason";
const char record_overlay_name[] = "overlay";
const char record_net_name[] = "net";

bool record_stat(pid_t pid, unsigned number, char *state, uint64_t *field)
{
	char path[64], text[1024];

	snprintf(path, sizeof path, "/proc/%d/stat", pid);

	OWN_FD fd = path_open(path, O_RDONLY);
	ssize_t len = fd >= 0 ? fd_read_all(fd, text, sizeof text - 1) : -1;

	if (len <= 0)
		return false;
	text[len] = '\0';

	/* The name in brackets can hold anything; field 3 follows the last bracket. */
	char *at = strrchr(text, ')'), *save = NULL;
	unsigned n = 2;

	if (at == NULL || at[1] != ' ')
		return false;
	*state = at[2];
	for (char *word = strtok_r(at + 1, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		if (++n == number) {
			*field = strtoull(word, NULL, 10);
			return true;
		}
	return false;
}

uint64_t record_start_time(pid_t pid)
{
	uint64_t start;
	char state;

	return record_stat(pid, 22, &state, &start) && state != 'Z' && state != 'X' ? start : 0;
}

static const struct field started_fields[] = {
	{ "cwd", AS_STRING, offsetof(struct record, started.cwd) },
	{ "words", AS_STRINGS, offsetof(struct record, started.words) },
	{ "plan", AS_STRING, offsetof(struct record, digest) },
	{ "profile", AS_STRING, offsetof(struct record, started.name) },
	{ "profile_file", AS_STRING, offsetof(struct record, started.file) },
	{ "profile_by", AS_STRING, offsetof(struct record, started.by) },
	{ 0 },
};
static const struct field hooks_fields[] = {
	{ "poststart", AS_LIST, offsetof(struct record, poststart),
	  .size = sizeof(struct spec_hook), .fields = spec_hook_fields },
	{ "poststop", AS_LIST, offsetof(struct record, poststop), .size = sizeof(struct spec_hook),
	  .fields = spec_hook_fields },
	{ 0 },
};
static const struct field record_fields[] = {
	{ "hooks", AS_STRUCT, .fields = hooks_fields },
	{ "started", AS_STRUCT, .fields = started_fields },
	{ "profile", AS_STRING, offsetof(struct record, profile) },
	{ "boot", AS_STRING, offsetof(struct record, boot) },
	{ "bundle", AS_STRING, offsetof(struct record, bundle) },
	{ "rootfs", AS_STRING, offsetof(struct record, rootfs) },
	{ "created", AS_STRING, offsetof(struct record, created) },
	{ "annotations", AS_PAIRS, offsetof(struct record, annotations) },
	{ "cgroups", AS_STRING, offsetof(struct record, cgroups) },
	{ "device", AS_STRING, offsetof(struct record, device) },
	{ "table", AS_STRING, offsetof(struct record, table) },
	{ "missing", AS_STRINGS, offsetof(struct record, missing) },
	{ "cut", AS_STRINGS, offsetof(struct record, cut) },
	{ "pid", AS_U64, offsetof(struct record, init.pid) },
	{ "start", AS_U64, offsetof(struct record, init.start) },
	{ "broker_pid", AS_U64, offsetof(struct record, broker.pid) },
	{ "broker_start", AS_U64, offsetof(struct record, broker.start) },
	{ 0 },
};

const char *record_boot_id(struct arena *a)
{
	char text[BOOT_ROOM];
	OWN_FD fd = path_open("/proc/sys/kernel/random/boot_id", O_RDONLY);
	ssize_t n = fd >= 0 ? fd_read_all(fd, text, sizeof text - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text[0] != '\0' ? arena_strdup(a, text) : NULL;
}

/* Numbers and names are given out anew after a reboot, and the clock that starts are told by begins at 0. What an older zviz wrote has
 * no boot, and is believed. */
static bool is_of_another_boot(struct arena *a, const struct record *r)
{
	const char *now = r->boot != NULL ? record_boot_id(a) : NULL;

	return now != NULL && strcmp(now, r->boot) != 0;
}

struct record record_read(struct arena *a, int dir)
{
	struct record r = { 0 }, nothing = { 0 };
	struct err ignored;
	struct doc doc;
	char *text;
	size_t len;

	if (file_read(dir, "state.json", FILE_MAX, a, &text, &len, &ignored) < 0 || len == 0 ||
	    doc_from_json(a, "state.json", text, len, &doc, &ignored) < 0)
		return nothing;

	struct bind b = { .doc = &doc };

	if (bind_map(&b, doc.root, record_fields, &r, &ignored) < 0)
		return nothing;
	r.json = text;
	if (is_of_another_boot(a, &r)) {
		r.init = r.broker = (struct record_process){ 0 };
		r.cgroups = r.device = NULL;
	}
	return r;
}

/* While the launcher holds the lock it has not reaped its children, so a number is still theirs; of a detached
 * container's processes the start tells. */
pid_t record_living(const struct record_process *p, bool locked)
{
	if (p->pid == 0 || p->pid > INT32_MAX)
		return 0;
	if (p->start == 0)
		return locked ? (pid_t)p->pid : 0;
	return record_start_time((pid_t)p->pid) == p->start ? (pid_t)p->pid : 0;
}

/* A shared lock, for a moment: two who ask at once do not take each other for the holder. */
static bool is_held(int fd)
{
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static bool is_locked(int dir, const char *name)
{
	OWN_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return is_held(fd);
}

bool record_broker_lives(int dir)
{
	return is_locked(dir, record_lock_name);
}

bool record_is_locked(int dir)
{
	return is_locked(dir, "state.json") || record_broker_lives(dir);
}

bool record_is_cut_short(int dir)
{
	struct stat st;

	return fstatat(dir, record_lock_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size == 0 &&
	       !record_is_locked(dir);
}

static int open_waiting(int dir, struct record_waiting *out)
{
	OWN_FD fd = openat(dir, record_waiting_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*out = (struct record_waiting){ .row = -1 };
	if (fd >= 0)
		(void)!pread(fd, out, sizeof *out, 0);
	return fd_take(&fd);
}

enum record_phase record_phase_of(int dir)
{
	struct record_waiting w;
	OWN_FD fd = open_waiting(dir, &w);

	if (fd < 0)
		return PHASE_NONE;
	if (atomic_load(&w.created) == 0)
		return PHASE_CREATING;
	return is_held(fd) ? PHASE_CREATED : PHASE_STARTED;
}

int record_row_reached(int dir)
{
	struct record_waiting w;
	OWN_FD fd = open_waiting(dir, &w);

	return fd >= 0 ? atomic_load(&w.row) : -1;
}

bool record_is_cut_off(int dir)
{
	struct stat st;

	return fstatat(dir, record_reason_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size != 0;
}

void record_say_end(int lock)
{
	if (lock >= 0)
		(void)!write(lock, "\n",
			     1); /* what it says is nobody's to trust, that it spoke is all */
}
