#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"

enum { CASE_BYTES_MAX = 1 << 20, LIKE_DEPTH = 4 };

/* ---- hosts ---- */

static const struct host root_host = {
	.arch = HOST_X86_64,
	.privileged = true,
	.initial_userns = true,
	.id_limit = UINT32_MAX,
	.user_namespaces = true,
	.landlock_abi = 7,
	.seccomp_notify = true,
	.seccomp_killable_wait = true,
	.seccomp_sync_wake = true,
	.time_namespaces = true,
	.last_capability = 40,
	.has_newuidmap = true,
	.net_admin = true,
};

static int set_host(struct golden *g, const char *value)
{
	bool user = strcmp(value, "user") == 0;

	if (!user && strcmp(value, "root") != 0)
		return -EINVAL;

	struct host_cgroup cgroup = g->host.cgroup;

	g->host = root_host;
	g->host.cgroup = cgroup;
	if (user) {
		g->host.uid = g->host.gid = 1000;
		g->host.privileged = g->host.net_admin = false;
	}
	return 0;
}

/* What makes private networks for who may not configure the host's: pasta, slirp4netns or none. */
static int set_tap(struct golden *g, const char *value)
{
	bool pasta = strcmp(value, "pasta") == 0, slirp = strcmp(value, "slirp4netns") == 0;

	g->host.net_admin = false;
	if (pasta)
		strcpy(g->host.pasta, "/usr/bin/pasta");
	if (slirp)
		strcpy(g->host.slirp4netns, "/usr/bin/slirp4netns");
	return pasta || slirp || strcmp(value, "none") == 0 ? 0 : -EINVAL;
}

static void set_path(char to[HOST_PATH_MAX], const char *path)
{
	size_t len = strlen(path);

	memcpy(to, path, len < HOST_PATH_MAX ? len + 1 : HOST_PATH_MAX);
	to[HOST_PATH_MAX - 1] = '\0';
}

static int set_cgroup(struct golden *g, const char *value)
{
	struct host_cgroup *c = &g->host.cgroup;
	bool v2 = strcmp(value, "v2") == 0, v1 = strcmp(value, "v1") == 0;
	bool hybrid = strcmp(value, "hybrid") == 0, delegated = strcmp(value, "delegated") == 0;

	*c = (struct host_cgroup){ 0 };
	if (v2 || delegated) {
		set_path(c->v2_mount, "/sys/fs/cgroup");
		set_path(c->v2_parent,
			 v2 ? "/sys/fs/cgroup/zviz" : "/sys/fs/cgroup/user.slice/own.scope");
		c->v2_controllers = CGROUP_MEMORY | CGROUP_PIDS |
				    (v2 ? CGROUP_CPU | CGROUP_IO | CGROUP_CPUSET : 0);
	}
	if (hybrid) {
		set_path(c->v2_mount, "/sys/fs/cgroup/unified");
		set_path(c->v2_parent, "/sys/fs/cgroup/unified/zviz");
		c->v2_controllers = CGROUP_CPUSET;
	}
	if (v1 || hybrid) {
		set_path(c->v1_parent[0], "/sys/fs/cgroup/memory/zviz");
		set_path(c->v1_parent[1], "/sys/fs/cgroup/cpu/zviz");
		set_path(c->v1_parent[2], "/sys/fs/cgroup/pids/zviz");
		set_path(c->v1_parent[8], "/sys/fs/cgroup/devices/zviz");
	}
	return v2 || v1 || hybrid || delegated || strcmp(value, "none") == 0 ? 0 : -EINVAL;
}

static int set_arch(struct golden *g, const char *value)
{
	g->host.arch = strcmp(value, "aarch64") == 0 ? HOST_AARCH64 : HOST_X86_64;
	return strcmp(value, "aarch64") == 0 || strcmp(value, "x86_64") == 0 ? 0 : -EINVAL;
}

/* ---- what the caller looked up ---- */

/* As /etc/subuid and /etc/subgid would have it for this user. */
static int set_delegated(struct golden *g, const char *value)
{
	static struct id_map uids = { 1, 100000, 65536 }, gids = { 1, 200000, 65536 };

	g->request.uid_ranges = (struct id_maps){ 1, 1, &uids };
	g->request.gid_ranges = (struct id_maps){ 1, 1, &gids };
	return strcmp(value, "yes") == 0 ? 0 : -EINVAL;
}

/* Those of the user namespace that the bundle names by path. */
static int set_given(struct golden *g, const char *value)
{
	static struct id_map uids = { 0, 100000, 65536 }, gids = { 0, 200000, 65536 };

	g->request.given_uids = (struct id_maps){ 1, 1, &uids };
	g->request.given_gids = (struct id_maps){ 1, 1, &gids };
	return strcmp(value, "yes") == 0 ? 0 : -EINVAL;
}

/* Those of the user namespace that owns the pid namespace that the bundle names by path. */
static int set_owner(struct golden *g, const char *value)
{
	static struct id_map ids = { 0, 524288 + 3 * 65536, 65536 };
	static struct id_map foreign = { 0, 300000, 65536 };
	bool ours = strcmp(value, "zviz") == 0;

	g->request.owner_uids = (struct id_maps){ 1, 1, ours ? &ids : &foreign };
	return ours || strcmp(value, "foreign") == 0 ? 0 : -EINVAL;
}

/* Those of the user namespace that the caller is root of, as rootless Podman makes it. */
static int set_own(struct golden *g, const char *value)
{
	static struct id_map ids[] = { { 0, 0, 1 }, { 1, 1, 65536 } };

	g->request.own_uids = g->request.own_gids = (struct id_maps){ 2, 2, ids };
	return strcmp(value, "yes") == 0 ? 0 : -EINVAL;
}

/* The one path of resources.io lies on this disk. */
static int set_disk(struct golden *g, const char *value)
{
	static const struct plan_disk sda = { 8, 0 };

	g->request.disks = &sda;
	g->request.ndisks = 1;
	return strcmp(value, "8:0") == 0 ? 0 : -EINVAL;
}

/* Nodes of the host that are meant or bound: "PATH=c10:229", b for a disk, "PATH=" for what is not there, "PATH=folder"; with ! before it
 * one that nothing lists. */
static int set_nodes(struct golden *g, const char *value)
{
	enum { NODES = 16, TEXT = 512 };
	static struct plan_node nodes[NODES];
	static char text[TEXT];
	size_t n = 0;

	if (strlen(value) >= sizeof text)
		return -EINVAL;
	strcpy(text, value);
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
		char *is = strchr(word, '=');
		struct plan_node *node = &nodes[n++];
		unsigned major, minor;
		char kind;

		if (is == NULL || n == NODES)
			return -EINVAL;
		*is++ = '\0';
		*node = (struct plan_node){ .kind = *is == '\0' ? DEVICE_ABSENT : DEVICE_OTHER,
					    .listed = word[0] != '!',
					    .from = { .file = "ours.yaml", .line = 4 } };
		node->path = node->source = word + (word[0] == '!');
		if (sscanf(is, "%c%u:%u", &kind, &major, &minor) == 3) {
			node->kind = kind == 'b' ? DEVICE_BLOCK : DEVICE_CHAR;
			node->major = major;
			node->minor = minor;
		}
	}
	g->request.nodes = nodes;
	g->request.nnodes = n;
	return 0;
}

static int set_network(struct golden *g, const char *value)
{
	bool host = strcmp(value, "host") == 0, private = strcmp(value, "private") == 0;

	g->request.network = (struct amount){ .set = true,
					      .value = host      ? NETWORK_HOST
						       : private ? NETWORK_PRIVATE
								 : NETWORK_NONE };
	return host || private || strcmp(value, "none") == 0 ? 0 : -EINVAL;
}

/* ---- keys ---- */

enum kind { TEXT, FLAG, NUMBER, WORDS, BYTES, MILLI, COUNT_OF, DURATION, FILE_IN_FOLDER };

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	int (*set)(struct golden *g, const char *value); /* in place of kind and offset */
};

#define AT(field) offsetof(struct golden, field)

static const struct key keys[] = {
	{ "like", TEXT, AT(like) },
	{ "profile", FILE_IN_FOLDER, AT(profile) },
	{ "bundle", FILE_IN_FOLDER, AT(bundle) },
	{ "user", TEXT, AT(user) },
	{ "run", WORDS, AT(run) },

	{ "host", .set = set_host },
	{ "cgroup", .set = set_cgroup },
	{ "tap", .set = set_tap },
	{ "arch", .set = set_arch },
	{ "landlock-abi", NUMBER, AT(host.landlock_abi) },
	{ "id-limit", NUMBER, AT(host.id_limit) },
	{ "initial-userns", FLAG, AT(host.initial_userns) },
	{ "user-namespaces", FLAG, AT(host.user_namespaces) },
	{ "time-namespaces", FLAG, AT(host.time_namespaces) },
	{ "apparmor", FLAG, AT(host.apparmor) },
	{ "selinux", FLAG, AT(host.selinux) },
	{ "seccomp-notify", FLAG, AT(host.seccomp_notify) },
	{ "listener-taken", FLAG, AT(host.seccomp_listener_taken) },
	{ "killable-wait", FLAG, AT(host.seccomp_killable_wait) },

	{ "delegated-ids", .set = set_delegated },
	{ "given-ids", .set = set_given },
	{ "owner-ids", .set = set_owner },
	{ "processes-apart", FLAG, AT(request.processes_apart) },
	{ "own-ids", .set = set_own },
	{ "disk", .set = set_disk },
	{ "verbose", FLAG, AT(request.verbose) },
	{ "events", FLAG, AT(request.events) },
	{ "init", FLAG, AT(request.init) },
	{ "create", FLAG, AT(request.create) },
	{ "hooks", FLAG, AT(request.hooks) },
	{ "terminal", FLAG, AT(request.terminal) },
	{ "network", .set = set_network },
	{ "systemd-cgroup", FLAG, AT(request.systemd_cgroup) },
	{ "timeout", DURATION, AT(request.timeout_ms) },
	{ "read", WORDS, AT(request.read) },
	{ "write", WORDS, AT(request.write) },
	{ "hide", WORDS, AT(request.hide) },
	{ "device", WORDS, AT(request.devices) },
	{ "nodes", .set = set_nodes },
	{ "memory", BYTES, AT(request.memory) },
	{ "swap", BYTES, AT(request.swap) },
	{ "cpus", MILLI, AT(request.cpus) },
	{ "pids-limit", COUNT_OF, AT(request.pids) },

	{ "work", TEXT, AT(view.work) },
	{ "rootfs", TEXT, AT(view.rootfs) },
};

static int set_words(struct arena *a, struct words *out, const char *name, const char *value)
{
	const char *option = arena_printf(a, "--%s", name);

	*out = (struct words){ 0 };
	for (size_t len; value += strspn(value, " "), (len = strcspn(value, " ")) != 0;
	     value += len)
		*LIST_ADD(a, out) = (struct word){ arena_strndup(a, value, len),
						   { .file = option } };
	return 0;
}

static int set_amount(struct arena *a, struct amount *out, const struct key *key, const char *value)
{
	enum kind kind = key->kind;

	out->set = true;
	out->from.file = arena_printf(a, "--%s", key->name);
	return kind == BYTES   ? num_bytes(value, &out->value)
	       : kind == MILLI ? num_milli(value, &out->value)
			       : num_u64(value, &out->value);
}

static int set_flag(bool *out, const char *value)
{
	*out = strcmp(value, "yes") == 0;
	return *out || strcmp(value, "no") == 0 ? 0 : -EINVAL;
}

static int set_number(uint32_t *out, const char *value)
{
	uint64_t number;

	TRY(num_u64(value, &number));
	*out = (uint32_t)number;
	return number <= UINT32_MAX ? 0 : -ERANGE;
}

/* A name with a dot is a file of the case's own folder. */
static const char *in_folder(struct arena *a, const char *folder, const char *value)
{
	return strchr(value, '.') != NULL ? arena_printf(a, "%s/%s", folder, value) : value;
}

static int set_key(struct arena *a, struct golden *g, const char *folder, const char *name,
		   const char *value)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct key *k = &keys[i];
		void *at = (char *)g + k->offset;

		if (strcmp(k->name, name) != 0)
			continue;
		if (k->set != NULL)
			return k->set(g, value);
		switch (k->kind) {
		case TEXT:
			*(const char **)at = value;
			return 0;
		case FILE_IN_FOLDER:
			*(const char **)at = in_folder(a, folder, value);
			return 0;
		case FLAG:
			return set_flag(at, value);
		case NUMBER:
			return set_number(at, value);
		case WORDS:
			return set_words(a, at, name, value);
		case DURATION:
			return num_duration_ms(value, at);
		case BYTES:
		case MILLI:
		case COUNT_OF:
			return set_amount(a, at, k, value);
		}
	}
	return -ENOENT;
}

static int load_lines(struct arena *a, const char *folder, const char *name, struct golden *out,
		      unsigned depth, struct err *e);

static int load_line(struct arena *a, const char *folder, const char *name, struct golden *g,
		     char *line, unsigned depth, struct err *e)
{
	char *value = strstr(line, ": ");
	int r;

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (value == NULL)
		return fail(e, EINVAL, "case %s: '%s' is no \"key: value\"", name, line);
	*value = '\0';
	value += 2;
	if (strcmp(line, "like") == 0)
		TRY(load_lines(a, folder, value, g, depth + 1, e));
	r = set_key(a, g, arena_printf(a, "%s/%s", folder, name), line, value);
	return r < 0 ? fail(e, -r, "case %s: %s: %s: %m", name, line, value) : 0;
}

static int load_lines(struct arena *a, const char *folder, const char *name, struct golden *g,
		      unsigned depth, struct err *e)
{
	char *text;

	if (depth > LIKE_DEPTH)
		return fail(e, ELOOP, "case %s is like itself", name);
	TRY(file_read(AT_FDCWD, arena_printf(a, "%s/%s/case", folder, name), CASE_BYTES_MAX, a,
		      &text, NULL, e));
	for (char *line; (line = strsep(&text, "\n")) != NULL;)
		TRY(load_line(a, folder, name, g, line, depth, e));
	return 0;
}

int golden_load(struct arena *a, const char *folder, const char *name, struct golden *out,
		struct err *e)
{
	*out = (struct golden){ .folder = folder, .profile = "ci-runner", .user = "1000:1000" };
	out->host = root_host;
	set_cgroup(out, "v2");
	set_words(a, &out->run, "run", "make test");
	out->request.id = "golden";
	out->view.work = "/home/ann/project";
	return load_lines(a, folder, name, out, 0, e);
}

/* ---- the plan ---- */

static int load_profile(struct arena *a, const struct golden *g, struct profile *out, struct err *e)
{
	const struct builtin_profile *p = profile_builtin(g->profile);
	const char *slash = strrchr(g->profile, '/');
	char *text;
	size_t len;

	if (p != NULL)
		return profile_load(a, p->name, p->text, p->len, NULL, NULL, out, e);
	if (slash == NULL)
		return fail(e, ENOENT, "no profile %s", g->profile);
	TRY(file_read(AT_FDCWD, g->profile, CASE_BYTES_MAX, a, &text, &len, e));
	return profile_load(a, slash + 1, text, len, NULL, NULL, out, e);
}

static int load_bundle(struct arena *a, struct golden *g, struct spec *out, struct err *e)
{
	char *text;
	size_t len;

	TRY(file_read(AT_FDCWD, g->bundle, CASE_BYTES_MAX, a, &text, &len, e));
	return spec_load(a, "config.json", text, len, out, e);
}

/* What src/cli/direct.c makes of a command line and a folder that belongs to `user`. */
static int make_direct(struct arena *a, struct golden *g, struct spec *s)
{
	char *end;

	*s = (struct spec){ .file = "the command line",
			    .oci_version = "1.2.0",
			    .hostname = g->request.id };
	s->process.set = true;
	s->process.cwd = "/work";
	s->process.uid = g->host.privileged ? (uint32_t)strtoul(g->user, &end, 10) : g->host.uid;
	s->process.gid = g->host.privileged ? (uint32_t)strtoul(end + 1, NULL, 10) : g->host.gid;
	for (size_t i = 0; i < g->run.n; i++)
		*LIST_ADD(a, &s->process.args) = g->run.at[i].text;
	g->view.user = s->process.uid == 0 ? "root" : "user";
	g->view.home = "/home/user";

	const struct words *lists[] = { &g->request.read, &g->request.write };
	struct direct_share *shares = arena_array(a, lists[0]->n + lists[1]->n, sizeof *shares);

	g->view.shared = shares;
	for (size_t l = 0; l < COUNT(lists); l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			shares[g->view.nshared++] = (struct direct_share){ lists[l]->at[i].text,
									   l == 1 };
	g->request.direct = &g->view;
	return 0;
}

int golden_plan(struct arena *a, struct golden *g, struct plan *plan, const char **text,
		struct err *e)
{
	struct spec *spec = arena_alloc(a, sizeof *spec);
	struct profile *profile = arena_alloc(a, sizeof *profile);
	struct buf out = { .arena = a };
	struct err refused = { 0 };
	int r = g->bundle != NULL ? load_bundle(a, g, spec, &refused) : make_direct(a, g, spec);

	if (r == -ENOENT)
		return fail(e, ENOENT, "%s", refused.text);
	if (r == 0)
		r = load_profile(a, g, profile, &refused);
	if (r == 0)
		r = plan_make(a, &g->request, spec, profile, &g->host, plan, &refused);
	if (r == 0)
		plan_print(plan, &out);
	else
		buf_printf(&out, "refused: %s\nadvice: %s\n", refused.text, refused.hint);
	*text = buf_text(&out);
	return 0;
}
