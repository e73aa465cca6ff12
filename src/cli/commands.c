#include "cli/command.h"

#include <errno.h>
#include <string.h>

extern const struct command command_list, command_state, command_delete, command_explain,
	command_check, command_profiles, command_compile, command_completion, command_help,
	command_events, command_exec, command_update, command_verify, command_diff, command_version,
	command_features, command_spec, command_start, command_kill, command_ps, command_pause,
	command_resume;

const struct command *const commands[] = {
	&command_run,     &command_create,   &command_start,  &command_exec,    &command_explain,
	&command_compile, &command_verify,   &command_diff,   &command_check,   &command_profiles,
	&command_list,    &command_state,    &command_ps,     &command_events,  &command_kill,
	&command_pause,   &command_resume,   &command_update, &command_delete,  &command_completion,
	&command_spec,    &command_features, &command_help,   &command_version, NULL,
};

static const struct name log_formats[] = {
	{ "text", LOG_TEXT },
	{ "json", LOG_JSON },
	{ 0 },
};

static const struct name cgroup_managers[] = {
	{ "cgroupfs", MANAGER_CGROUPFS },
	{ "systemd", MANAGER_SYSTEMD },
	{ "disabled", MANAGER_DISABLED },
	{ 0 },
};

static const struct name rootless_words[] = {
	{ "auto", ROOTLESS_AUTO },
	{ "true", ROOTLESS_TRUE },
	{ "false", ROOTLESS_FALSE },
	{ 0 },
};

#define AT(member) .offset = offsetof(struct globals, member)

const struct option_row global_options[] = {
	{ "root", 0, OPTION_STRING, "DIR", "where the state of containers is kept", AT(root) },
	{ "config", 0, OPTION_STRING, "FILE",
	  "the host's configuration (default: /etc/zviz/config.yaml)", AT(config) },
	{ "log", 0, OPTION_STRING, "FILE", "write errors to FILE too", AT(log) },
	{ "log-format", 0, OPTION_CHOICE, "text|json", "how the log file is written",
	  AT(log_format), .choices = log_formats },
	{ "debug", 0, OPTION_FLAG, NULL, "say what was done and how long each step took",
	  AT(debug) },
	{ "systemd-cgroup", 0, OPTION_FLAG, NULL, "let systemd make the control groups",
	  AT(systemd_cgroup) },
	{ "cgroup-manager", 0, OPTION_CHOICE, "cgroupfs|systemd|disabled",
	  "who makes the control groups, if anybody", AT(cgroup_manager),
	  .choices = cgroup_managers },
	{ "hooks", 0, OPTION_FLAG, NULL,
	  "let `run` run the hooks of its bundle, on this machine and as you", AT(hooks) },
	{ "rootless", 0, OPTION_CHOICE, "auto|true|false", "run as an ordinary user would",
	  AT(rootless), .choices = rootless_words },
	{ "version", 'v', OPTION_FLAG, NULL, "print the version", AT(version) },
	{ 0 },
};

const struct option_row common_options[] = {
	{ "profile", 0, OPTION_STRING, "NAME|FILE", "what the workload may do (default: ci-runner)",
	  AT(profile) },
	{ "verbose", 0, OPTION_FLAG, NULL, "show each refused operation, and why", AT(verbose) },
	{ "help", 'h', OPTION_FLAG, NULL, "print this help", AT(help) },
	{ 0 },
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c != NULL; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

int command_unknown(const char *name, struct err *e)
{
	struct name_near near = { 0 };

	for (const struct command *const *c = commands; *c != NULL; c++)
		name_offer(&near, name, (*c)->name);
	fail(e, EINVAL, "unknown command '%.80s'", name);
	if (near.best != NULL)
		return advise(e, "the nearest known command is '%s'", near.best);
	return advise(e, "zviz help lists the commands");
}
