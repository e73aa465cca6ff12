/*
 * zviz features: what a bundle may ask for, as the OCI runtime spec wants it said (features.md, features-linux.md). What is listed
 * is done; what would be refused, or left out with a word, is not.
 */
#include <linux/seccomp.h>
#include <string.h>

#include "cli/command.h"
#include "cli/print.h"
#include "policy/choice.h"
#include "policy/spec_fields.h"
#include "table/table.h"
#include "text/json_write.h"

static const char *const namespaces[] = { "cgroup", "ipc",  "mount", "network", "pid",
					  "time",   "user", "uts",   NULL };

/* By create and start; `zviz run` runs none. */
static const char *const hooks[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	NULL
};

static void put_list(struct json_writer *j, const char *key, const char *const *list)
{
	json_open_array(j, key);
	for (; *list != NULL; list++)
		json_put_string(j, NULL, *list);
	json_close(j);
}

static void put_names(struct json_writer *j, const char *key, const struct name *table)
{
	json_open_array(j, key);
	for (; table->name[0] != '\0'; table++)
		json_put_string(j, NULL, table->name);
	json_close(j);
}

static void put_enabled(struct json_writer *j, const char *key, bool enabled)
{
	json_open_object(j, key);
	json_put_bool(j, "enabled", enabled);
	json_close(j);
}

static void put_mount_options(struct json_writer *j)
{
	json_open_array(j, "mountOptions");
	for (const struct mount_option *o = mount_options; o->name[0] != '\0'; o++)
		json_put_string(j, NULL, o->name);
	json_close(j);
}

static void put_cgroup(struct json_writer *j)
{
	json_open_object(j, "cgroup");
	json_put_bool(j, "v1", true);
	json_put_bool(j, "v2", true);
	json_put_bool(j, "systemd", true);
	json_put_bool(j, "systemdUser", true);
	json_put_bool(j, "rdma", true);
	json_close(j);
}

static void put_seccomp(struct json_writer *j)
{
	json_open_object(j, "seccomp");
	json_put_bool(j, "enabled", true);
	json_open_array(j, "actions");
	for (const struct name *n = spec_seccomp_actions; n->name[0] != '\0'; n++)
		if (strcmp(n->name, "SCMP_ACT_TRACE") != 0 &&
		    strcmp(n->name, "SCMP_ACT_NOTIFY") != 0)
			json_put_string(j, NULL, n->name);
	json_close(j);
	put_names(j, "operators", spec_seccomp_operators);
	put_names(j, "archs", spec_seccomp_arches);
	put_names(j, "knownFlags", spec_seccomp_flags);
	json_open_array(j, "supportedFlags");
	for (const struct name *n = spec_seccomp_flags; n->name[0] != '\0'; n++)
		if (n->value !=
		    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) /* it goes with a listener */
			json_put_string(j, NULL, n->name);
	json_close(j);
	json_close(j);
}

static void put_linux(struct json_writer *j)
{
	json_open_object(j, "linux");
	put_list(j, "namespaces", namespaces);
	put_names(j, "capabilities", capability_names);
	put_cgroup(j);
	put_seccomp(j);
	put_enabled(j, "apparmor", true);
	put_enabled(j, "selinux", true);
	put_enabled(j, "intelRdt", false);
	json_open_object(j, "mountExtensions");
	put_enabled(j, "idmap", true);
	json_close(j);
	json_close(j);
}

static int features_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	struct buf out = { .arena = c->arena };
	struct json_writer j = { .out = &out, .pretty = true };

	(void)options;
	(void)argc;
	(void)argv;
	json_open_object(&j, NULL);
	json_put_string(&j, "ociVersionMin", "1.0.0");
	json_put_string(&j, "ociVersionMax", "1.2.0");
	put_list(&j, "hooks", hooks);
	put_mount_options(&j);
	put_linux(&j);
	json_open_object(&j, "annotations");
	json_put_string(&j, "zviz.io/version", ZVIZ_VERSION);
	json_close(&j);
	put_list(&j, "potentiallyUnsafeConfigAnnotations", choice_annotations);
	json_close(&j);
	buf_puts(&out, "\n");
	return print_out(&out, e);
}

const struct command command_features = {
	.name = "features",
	.usage = "",
	.summary = "Say what a bundle may ask for, as JSON",
	.order = OPTIONS_ANYWHERE,
	.run = features_run,
};
