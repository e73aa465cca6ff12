/*
 * zviz-scope [--user] UNIT SLICE ID [PROPERTY=NUMBER...]: asks systemd for a scope, and stands in it until somebody
 * else does.
 *
 * A program of its own because it needs libsystemd, which zviz, static and started thousands of times, does without.
 * systemd gives a scope to processes that exist, and takes it away when the last has gone; the container's first
 * process is born into it. So this one asks for itself, prints "ok PATH" (the scope's group, from the top of the
 * hierarchy) or "error TEXT", and ends when its standard input says so, or is closed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager"

enum {
	JOB_WAIT_US = 30 * 1000 * 1000, /* as long as the engines wait for it */
	JOB_PATH_ROOM = 256,
};

struct request {
	bool user;
	const char *unit, *slice, *id;
	char **properties; /* "MemoryMax=67108864", up to a NULL */
};

struct job {
	char path[JOB_PATH_ROOM];
	char result[32]; /* "" while it runs */
};

static int refused(const char *what, int r, const sd_bus_error *error)
{
	if (error != NULL && sd_bus_error_is_set(error))
		printf("error %s: %s\n", what, error->message);
	else
		printf("error %s: %s\n", what, strerror(-r));
	return r < 0 ? r : -EIO;
}

/* JobRemoved: number, path, unit, result. */
static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t number;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &number, &path, &unit, &result) >= 0 &&
	    strcmp(path, job->path) == 0)
		snprintf(job->result, sizeof job->result, "%s", result);
	return 0;
}

/* ---- StartTransientUnit ---- */

static int append_number(sd_bus_message *m, const char *property)
{
	const char *equals = strchr(property, '=');
	char name[64], *end;
	uint64_t value;

	if (equals == NULL || (size_t)(equals - property) >= sizeof name)
		return -EINVAL;
	snprintf(name, sizeof name, "%.*s", (int)(equals - property), property);
	errno = 0;
	value = strtoull(equals + 1, &end, 10);
	if (errno != 0 || end == equals + 1 || *end != '\0')
		return -EINVAL;
	return sd_bus_message_append(m, "(sv)", name, "t", value);
}

static int append_properties(sd_bus_message *m, const struct request *q)
{
	/* Delegate: what lies below is the container's, and systemd leaves the files of its controllers alone. */
	static const char *const switches[] = { "Delegate", "CPUAccounting", "MemoryAccounting",
						"IOAccounting", "TasksAccounting" };
	char description[192];
	int r;

	snprintf(description, sizeof description, "zviz container %.150s", q->id);
	if ((r = sd_bus_message_open_container(m, 'a', "(sv)")) < 0 ||
	    (r = sd_bus_message_append(m, "(sv)", "Description", "s", description)) < 0 ||
	    (r = sd_bus_message_append(m, "(sv)", "Slice", "s", q->slice)) < 0 ||
	    (r = sd_bus_message_append(m, "(sv)", "DefaultDependencies", "b", 0)) < 0 ||
	    (r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, (uint32_t)getpid())) < 0)
		return r;
	for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
		if ((r = sd_bus_message_append(m, "(sv)", switches[i], "b", 1)) < 0)
			return r;
	for (char **p = q->properties; *p != NULL; p++)
		if ((r = append_number(m, *p)) < 0)
			return r;
	return sd_bus_message_close_container(m);
}

static int start_unit(sd_bus *bus, const struct request *q, struct job *job, sd_bus_error *error)
{
	sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", q->unit, "fail");
	if (r >= 0)
		r = append_properties(m, q);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, m, JOB_WAIT_US, error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		snprintf(job->path, sizeof job->path, "%s", path);
	sd_bus_message_unref(m);
	sd_bus_message_unref(reply);
	return r;
}

/* A scope that failed stays until somebody looks: nobody does. */
static int start_fresh(sd_bus *bus, const struct request *q, struct job *job, sd_bus_error *error)
{
	int r = start_unit(bus, q, job, error);

	if (r >= 0 || !sd_bus_error_has_name(error, SYSTEMD ".UnitExists"))
		return r;
	if (sd_bus_call_method(bus, MANAGER, "ResetFailedUnit", NULL, NULL, "s", q->unit) < 0)
		return r;
	sd_bus_error_free(error);
	return start_unit(bus, q, job, error);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int wait_job(sd_bus *bus, struct job *job)
{
	uint64_t end = now_us() + JOB_WAIT_US;

	while (job->result[0] == '\0') {
		int r = sd_bus_process(bus, NULL);
		uint64_t now = now_us();

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (now >= end)
			return -ETIMEDOUT;
		r = sd_bus_wait(bus, end - now);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

/* ---- the scope's group ---- */

static int control_group(sd_bus *bus, const char *unit, char **out, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int r = sd_bus_call_method(bus, MANAGER, "GetUnit", error, &reply, "s", unit);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = sd_bus_get_property_string(bus, SYSTEMD, path, SYSTEMD ".Scope", "ControlGroup",
					       error, out);
	sd_bus_message_unref(reply);
	return r;
}

static int make_scope(sd_bus *bus, const struct request *q, sd_bus_error *error)
{
	struct job job = { 0 };
	char *group = NULL;
	int r = sd_bus_match_signal(bus, NULL, MANAGER, "JobRemoved", on_job_removed, &job);

	if (r < 0)
		return refused("listen to systemd", r, NULL);
	/* Without it systemd sends signals to nobody but its private clients. */
	r = sd_bus_call_method(bus, MANAGER, "Subscribe", error, NULL, "");
	if (r < 0)
		return refused("subscribe to systemd", r, error);
	r = start_fresh(bus, q, &job, error);
	if (r < 0)
		return refused("start the scope", r, error);
	r = wait_job(bus, &job);
	if (r < 0)
		return refused("wait for the scope", r, NULL);
	if (strcmp(job.result, "done") != 0) {
		printf("error start the scope: its job ended as '%s'\n", job.result);
		return -EIO;
	}
	r = control_group(bus, q->unit, &group, error);
	if (r < 0)
		return refused("find the scope's group", r, error);
	printf("ok %s\n", group);
	free(group);
	return 0;
}

static int open_bus(bool user, sd_bus **bus)
{
	int r = user ? sd_bus_open_user(bus) : sd_bus_open_system(bus);

	return r < 0 ? refused(user ? "reach the user's systemd" : "reach systemd", r, NULL) : 0;
}

static int serve(const struct request *q)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *bus = NULL;
	char end;
	int r = open_bus(q->user, &bus);

	if (r >= 0)
		r = make_scope(bus, q, &error);
	sd_bus_error_free(&error);
	sd_bus_flush_close_unref(bus);
	if (fflush(stdout) != 0 || r < 0)
		return 1;
	while (read(STDIN_FILENO, &end, 1) < 0 && errno == EINTR)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct request q = { .user = argc > 1 && strcmp(argv[1], "--user") == 0 };
	int at = 1 + q.user;

	if (argc < at + 3) {
		fputs("usage: zviz-scope [--user] UNIT SLICE ID [PROPERTY=NUMBER...]\n"
		      "It is zviz that calls this, under --systemd-cgroup.\n",
		      stderr);
		return 1;
	}
	q.unit = argv[at];
	q.slice = argv[at + 1];
	q.id = argv[at + 2];
	q.properties = argv + at + 3;
	return serve(&q);
}
