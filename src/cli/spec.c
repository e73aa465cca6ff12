/*
 * zviz spec: a config.json to begin with.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"
#include "text/json_write.h"

struct spec_options {
	const char *bundle;
	bool rootless;
};

#define AT(member) .offset = offsetof(struct spec_options, member)

static const struct option_row rows[] = {
	{ "bundle", 'b', OPTION_STRING, "DIR", "write it there (default: the current folder)",
	  AT(bundle) },
	{ "rootless", 0, OPTION_FLAG, NULL, "for an ordinary user: root inside is whoever calls",
	  AT(rootless) },
	{ 0 },
};

/* What engines mount by default; options that an ordinary user cannot have come last, behind a NULL. */
struct mount_row {
	const char *destination, *type, *source;
	const char *options[8];
};
static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", { NULL } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", NULL, "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
};

static const char *const args[] = { "sh", NULL };
static const char *const env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL
};
static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup", NULL };

/* proc(5): what tells of the machine, or could change it. */
static const char *const masked[] = { "/proc/acpi",
				      "/proc/asound",
				      "/proc/interrupts",
				      "/proc/kcore",
				      "/proc/keys",
				      "/proc/latency_stats",
				      "/proc/sched_debug",
				      "/proc/scsi",
				      "/proc/timer_list",
				      "/proc/timer_stats",
				      "/sys/devices/virtual/powercap",
				      "/sys/firmware",
				      NULL };
static const char *const readonly[] = { "/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
					"/proc/sysrq-trigger", NULL };

static void put_list(struct json_writer *j, const char *key, const char *const *list)
{
	json_open_array(j, key);
	for (; *list != NULL; list++)
		json_put_string(j, NULL, *list);
	json_close(j);
}

static void put_process(struct json_writer *j)
{
	json_open_object(j, "process");
	json_put_bool(j, "terminal", true);
	json_open_object(j, "user");
	json_put_u64(j, "uid", 0);
	json_put_u64(j, "gid", 0);
	json_close(j);
	put_list(j, "args", args);
	put_list(j, "env", env);
	json_put_string(j, "cwd", "/");
	json_put_bool(j, "noNewPrivileges", true);
	json_close(j);
}

static void put_mounts(struct json_writer *j, bool rootless)
{
	json_open_array(j, "mounts");
	for (size_t i = 0; i < COUNT(mounts); i++) {
		const struct mount_row *m = &mounts[i];

		json_open_object(j, NULL);
		json_put_string(j, "destination", m->destination);
		json_put_string(j, "type", m->type);
		json_put_string(j, "source", m->source);
		json_open_array(j, "options");
		for (size_t o = 0; o < COUNT(m->options); o++) {
			if (m->options[o] != NULL)
				json_put_string(j, NULL, m->options[o]);
			else if (rootless)
				break;
		}
		json_close(j);
		json_close(j);
	}
	json_close(j);
}

static void put_map(struct json_writer *j, const char *key, uint32_t outside)
{
	json_open_array(j, key);
	json_open_object(j, NULL);
	json_put_u64(j, "containerID", 0);
	json_put_u64(j, "hostID", outside);
	json_put_u64(j, "size", 1);
	json_close(j);
	json_close(j);
}

static void put_linux(struct json_writer *j, bool rootless)
{
	json_open_object(j, "linux");
	if (rootless) {
		put_map(j, "uidMappings", geteuid());
		put_map(j, "gidMappings", getegid());
	}
	json_open_array(j, "namespaces");
	for (const char *const *n = namespaces; *n != NULL; n++) {
		json_open_object(j, NULL);
		json_put_string(j, "type", *n);
		json_close(j);
	}
	if (rootless) {
		json_open_object(j, NULL);
		json_put_string(j, "type", "user");
		json_close(j);
	}
	json_close(j);
	put_list(j, "maskedPaths", masked);
	put_list(j, "readonlyPaths", readonly);
	json_close(j);
}

static void put_spec(struct json_writer *j, bool rootless)
{
	json_open_object(j, NULL);
	json_put_string(j, "ociVersion", "1.2.0");
	put_process(j);
	json_open_object(j, "root");
	json_put_string(j, "path", "rootfs");
	json_put_bool(j, "readonly", true);
	json_close(j);
	json_put_string(j, "hostname", "zviz");
	put_mounts(j, rootless);
	put_linux(j, rootless);
	json_close(j);
}

static int spec_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct spec_options *o = options;
	struct buf text = { .arena = c->arena };
	struct json_writer j = { .out = &text, .pretty = true };
	const char *folder = o->bundle != NULL ? o->bundle : ".";
	OWN_FD dir = path_open(folder, O_RDONLY | O_DIRECTORY);
	OWN_FD file = dir >= 0 ? openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
					0644)
			       : -1;
	int r;

	(void)argc;
	(void)argv;
	if (dir < 0)
		return fail(e, errno, "bundle %s: %m", folder);
	if (file < 0 && errno == EEXIST) {
		fail(e, EEXIST, "%s/config.json: there is one already", folder);
		return advise(e, "remove it first, or name another folder with --bundle");
	}
	if (file < 0)
		return fail(e, errno, "%s/config.json: %m", folder);
	put_spec(&j, o->rootless);
	buf_puts(&text, "\n");
	r = fd_write_all(file, buf_text(&text), text.len);
	if (r < 0)
		unlinkat(dir, "config.json", 0);
	return r < 0 ? fail(e, -r, "%s/config.json: %m", folder) : 0;
}

const struct command command_spec = {
	.name = "spec",
	.usage = "[options]",
	.summary = "Write a config.json to begin with",
	.help = "The root of the bundle is its folder rootfs, the command a shell at a terminal.",
	.options = rows,
	.options_size = sizeof(struct spec_options),
	.order = OPTIONS_ANYWHERE,
	.run = spec_run,
};
