/*
 * Files a second and a third time: Landlock over what the mounts show, and the broker's own rules.
 */
#include <errno.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>

#include "kern/uapi.h"
#include "policy/draft.h"
#include "table/table.h"

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

/* Everything that changes a tree, but device nodes: nobody makes those. */
static const uint64_t write_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |
				     LANDLOCK_ACCESS_FS_REMOVE_DIR |
				     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
				     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
				     LANDLOCK_ACCESS_FS_REFER;

static void add_path(struct draft *d, const char *path, uint64_t rights, const struct from *from)
{
	for (size_t i = 0; i < d->paths.n; i++)
		if (strcmp(d->paths.at[i].path, path) == 0) {
			d->paths.at[i].rights |= rights;
			return;
		}
	*LIST_ADD(d->a, &d->paths) = (struct plan_path){ path, rights, *from };
}

static void add_words(struct draft *d, const struct words *list, uint64_t rights)
{
	for (size_t i = 0; i < list->n; i++)
		add_path(d, list->at[i].text, rights, &list->at[i].from);
}

static bool is_folder_mount(const struct plan_mount *m)
{
	return (m->kind == MOUNT_BIND || m->kind == MOUNT_FS || m->kind == MOUNT_DIR ||
		m->kind == MOUNT_MIRROR) &&
	       strrchr(m->target, '/') == m->target;
}

/* A rule on "/" is walked up to by every open; in the direct form the plan knows what lies in the root, so the
 * rules go to those folders and "/" itself keeps the right to be listed. */
static void spread_root(struct draft *d)
{
	for (size_t i = 0; i < d->paths.n; i++) {
		struct plan_path *root = &d->paths.at[i];
		struct plan_path whole = *root;

		if (strcmp(root->path, "/") != 0 || !d->plan->direct || d->plan->rootfs != NULL)
			continue;
		root->rights &= LANDLOCK_ACCESS_FS_READ_DIR;
		for (size_t m = 0; m < d->mounts.n; m++)
			if (is_folder_mount(&d->mounts.at[m]))
				add_path(d, d->mounts.at[m].target, whole.rights, &whole.from);
		return;
	}
}

/* What a bundle mounts read-write was asked for by whoever wrote it. */
static void add_volumes(struct draft *d)
{
	for (size_t i = 0; i < d->mounts.n; i++) {
		const struct plan_mount *m = &d->mounts.at[i];
		bool volume = m->kind == MOUNT_BIND ||
			      (m->kind == MOUNT_FS && (strcmp(m->fstype, "tmpfs") == 0 ||
						       strcmp(m->fstype, "mqueue") == 0));

		if (volume && !(m->attr_set & MOUNT_ATTR_RDONLY) && strcmp(m->target, "/dev") != 0)
			add_path(d, m->target, read_rights | write_rights, &m->from);
	}
}

static int landlock_host(struct draft *d, struct err *e)
{
	const struct profile *p = d->p;
	unsigned want = p->requirements.landlock, have = d->h->landlock_abi;

	if (have >= (want != 0 ? want : 1))
		return 0;
	if (p->requirements.landlock_need == NEED_PREFERRED) {
		if (have == 0)
			draft_missing(d, "landlock",
				      "this kernel has no Landlock, or it is switched off",
				      "boot with lsm=landlock,... (see `zviz check`)");
		return 0;
	}
	fail(e, ENOSYS, "landlock: profile %s requires ABI %u, this host has %u (%s)", p->name,
	     want != 0 ? want : 1, have, from_text(d->a, &p->requirements.landlock_from));
	return advise(
		e,
		"use a newer kernel, boot with lsm=landlock,..., or `requirements: {landlock: preferred}`");
}

/* What the mounts show. */
static void add_places(struct draft *d)
{
	static const struct from nobody = { 0 };

	add_volumes(d);
	spread_root(d);
	/* Devices are there to be written to and asked; which ones there are, the mounts decide. */
	add_path(d, "/dev",
		 read_rights | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV,
		 &nobody);
	/* A process writes its own comm and oom_score_adj; what is not its own, ids and mounts keep shut. */
	add_path(d, "/proc", read_rights | LANDLOCK_ACCESS_FS_WRITE_FILE, &nobody);
}

/* Without mounts, which show none but those that are listed. */
static void add_nodes(struct draft *d)
{
	for (size_t i = 0; i < d->r->nnodes; i++)
		if (nodes_gives(&d->r->nodes[i]))
			add_path(d, d->r->nodes[i].source,
				 LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
					 LANDLOCK_ACCESS_FS_IOCTL_DEV,
				 &d->r->nodes[i].from);
}

static int landlock_plan(struct draft *d, struct err *e)
{
	struct plan *p = d->plan;

	TRY(landlock_host(d, e));
	p->landlock_abi = d->h->landlock_abi;
	p->landlock_fs = landlock_fs_handled(p->landlock_abi);
	if (p->landlock_abi >= 6 && (p->share_network || (p->given & CLONE_NEWNET)))
		p->landlock_scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	if (p->bare) {
		p->landlock_scoped |= LANDLOCK_SCOPE_SIGNAL;
		if (plan_network_mode(d->r, d->p) == NETWORK_NONE)
			p->landlock_net = LANDLOCK_ACCESS_NET_BIND_TCP |
					  LANDLOCK_ACCESS_NET_CONNECT_TCP;
	}
	add_words(d, &d->p->filesystem.read, read_rights);
	add_words(d, &d->p->filesystem.execute, LANDLOCK_ACCESS_FS_EXECUTE | read_rights);
	add_words(d, &d->p->filesystem.write, write_rights | read_rights);
	add_words(d, &d->r->read, read_rights | LANDLOCK_ACCESS_FS_EXECUTE);
	add_words(d, &d->r->write, write_rights | read_rights | LANDLOCK_ACCESS_FS_EXECUTE);
	if (!p->bare)
		add_places(d);
	else
		add_nodes(d);
	/* Without Landlock they are the broker's lists all the same. */
	for (size_t i = 0; p->landlock_abi != 0 && i < d->paths.n; i++)
		d->paths.at[i].rights &= p->landlock_fs;
	return 0;
}

static void landlock_explain(const struct plan *p, struct buf *out)
{
	if (p->landlock_abi == 0) {
		buf_puts(out, "  off: this host has none\n");
		return;
	}
	buf_printf(out, "  ABI %u%s%s%s\n", p->landlock_abi, p->landlock_net != 0 ? ", no TCP" : "",
		   p->landlock_scoped & LANDLOCK_SCOPE_SIGNAL ? ", signals to others out of reach"
							      : "",
		   p->landlock_scoped == 0 ? ""
		   : p->share_network      ? ", abstract sockets of the host out of reach"
					   : ", abstract sockets of others out of reach");
	for (size_t i = 0; i < p->npaths; i++) {
		const struct plan_path *path = &p->paths[i];

		buf_printf(out, "  %-24s %s%s%s  [%s]\n", shown(out->arena, path->path),
			   path->rights & read_rights ? "read " : "",
			   path->rights & LANDLOCK_ACCESS_FS_WRITE_FILE ? "write " : "",
			   path->rights & LANDLOCK_ACCESS_FS_EXECUTE ? "execute" : "",
			   from_text(out->arena, &path->from));
	}
}

/* ---- the broker ---- */

static const struct file_rule *rules_of(struct draft *d, const struct words *one,
					const struct words *two, size_t *n)
{
	struct file_rule *out = arena_array(d->a, one->n + (two != NULL ? two->n : 0), sizeof *out);

	*n = 0;
	for (size_t i = 0; i < one->n; i++)
		out[(*n)++] = (struct file_rule){ one->at[i].text, one->at[i].from };
	for (size_t i = 0; two != NULL && i < two->n; i++)
		out[(*n)++] = (struct file_rule){ two->at[i].text, two->at[i].from };
	return out;
}

/* Where the broker may open for reading or writing: what Landlock allows the workload. */
static const struct file_rule *rules_by_right(struct draft *d, uint64_t right, size_t *n)
{
	struct file_rule *out = arena_array(d->a, d->paths.n, sizeof *out);

	*n = 0;
	for (size_t i = 0; i < d->paths.n; i++)
		if (d->paths.at[i].rights & right)
			out[(*n)++] = (struct file_rule){ d->paths.at[i].path,
							  d->paths.at[i].from };
	return out;
}

/* The broker's own list. */
static const uint32_t *values_of(struct draft *d, const struct numbers *values, size_t *n)
{
	uint32_t *out = arena_array(d->a, values->n, sizeof *out);

	for (size_t i = 0; i < values->n; i++)
		out[i] = (uint32_t)values->at[i];
	*n = values->n;
	return out;
}

static struct from first_from(const struct words *w)
{
	return w->n != 0 ? w->at[0].from : (struct from){ 0 };
}

static size_t asked_about(const struct broker_plan *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->ncalls; i++)
		n += b->calls[i].mediator != MEDIATE_NONE;
	return n;
}

static bool performs(const struct broker_plan *b, enum mediator what)
{
	for (size_t i = 0; i < b->ncalls; i++)
		if (b->calls[i].mediator == what)
			return true;
	return false;
}

/* What is asked about, and what has been answered. Most profiles have none of it. */
static void plan_ask(struct draft *d, struct broker_plan *b)
{
	enum { TIMEOUT_MS = 60 * 1000 };
	const struct words *const rules[] = { &d->p->ask.read, &d->p->ask.write,
					      &d->p->ask.execute };
	const struct words *const always[] = { &d->p->ask.always.read, &d->p->ask.always.write,
					       &d->p->ask.always.execute };

	for (size_t i = 0; i < ASK_FILE_KINDS && !d->nobody_to_ask; i++) {
		if (rules[i]->n == 0)
			continue;
		b->ask[i].rules = rules_of(d, rules[i], NULL, &b->ask[i].n);
		b->ask[i].always = rules_of(d, always[i], NULL, &b->ask[i].nalways);
		b->asks = true;
	}
	if (d->p->ask.connect.n != 0 && !d->nobody_to_ask) {
		b->nconnect = d->p->ask.connect.n;
		b->connect = d->p->ask.connect.at;
		b->nconnect_always = d->p->ask.always.connect.n;
		b->connect_always = d->p->ask.always.connect.at;
		b->asks = true;
	}
	b->traces = b->ask[ASK_EXECUTE].n != 0;
	b->ask_timeout_ms = d->p->ask.timeout.set ? d->p->ask.timeout.value : TIMEOUT_MS;
}

static int broker_plan_make(struct draft *d, struct err *e)
{
	struct broker_plan *b = &d->plan->broker;

	(void)e;
	b->calls = d->plan->calls;
	b->ncalls = d->plan->ncalls;
	b->where = &d->p->syscalls.where;
	b->used = asked_about(b) != 0;
	b->bare = d->plan->bare;
	b->opens = performs(b, MEDIATE_OPEN);
	b->names = performs(b, MEDIATE_NAMES);
	plan_ask(d, b);
	/* A run that somebody waits for, and that has nothing to cut off, does without the cost. */
	b->live = b->used && !b->bare &&
		  (d->r->detach || d->p->syscalls.tripwire.n != 0 || b->names || b->nconnect != 0);
	b->addresses = performs(b, MEDIATE_ADDRESS);
	b->abstract_apart = d->plan->landlock_scoped & LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
	/* It answers some calls in the memory of whoever makes them. */
	bool answers = performs(b, MEDIATE_VIEW) && d->plan->view.used;

	b->procfs = b->used && (b->opens || b->names || b->addresses || b->asks || answers ||
				d->r->events || d->r->verbose);
	b->ended_by_launcher = !d->r->detach;
	b->signals_interrupt = !d->h->seccomp_killable_wait;
	b->view = d->plan->view;
	b->id = d->plan->id;
	b->profile = d->plan->profile;
	b->audit = d->audit;
	b->ioctls = values_of(d, &d->p->ioctl_values, &b->nioctls);
	b->prctls = values_of(d, &d->p->prctl_values, &b->nprctls);
	b->nsockets = d->p->sockets_allow.n;
	b->sockets = d->p->sockets_allow.at;
	b->clone_forbidden = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	b->ioctl_from = first_from(&d->p->ioctl_allow);
	b->prctl_from = first_from(&d->p->prctl_allow);
	b->socket_from = b->nsockets != 0 ? b->sockets[0].from : (struct from){ 0 };
	b->deny_read = rules_of(d, &d->p->filesystem.deny_read, NULL, &b->ndeny_read);
	b->deny_write = rules_of(d, &d->p->filesystem.deny_write, NULL, &b->ndeny_write);
	b->hidden = rules_of(d, &d->p->filesystem.hide, &d->r->hide, &b->nhidden);
	b->read = rules_by_right(d, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
				 &b->nread);
	b->write = rules_by_right(d, LANDLOCK_ACCESS_FS_WRITE_FILE, &b->nwrite);
	b->write_from = first_from(&d->p->filesystem.write);
	b->landlock_abi = d->plan->landlock_abi;
	b->npaths = d->paths.n;
	b->paths = d->paths.at;
	return 0;
}

static void broker_explain(const struct plan *p, struct buf *out)
{
	static const char *const audit[] = { "none", "denials", "decisions", "all" };

	if (!p->broker.used) {
		buf_puts(out, "  not needed: the filter decides every call\n");
		return;
	}
	buf_printf(out, "  asked about %zu calls; audit: %s; opens: %s\n", asked_about(&p->broker),
		   audit[p->broker.audit], p->broker.opens ? "performed by the broker" : "native");
	if (p->broker.names)
		buf_puts(out, "  names: changed by the broker, which keeps the patterns below\n");
	if (p->broker.addresses)
		buf_puts(
			out,
			"  addresses of sockets: connected to, bound and sent to by the broker, which keeps the "
			"patterns below\n");
	for (size_t i = 0; i < p->broker.ndeny_read; i++)
		buf_printf(out, "  never read: %s\n",
			   shown(out->arena, p->broker.deny_read[i].pattern));
	for (size_t i = 0; i < p->broker.ndeny_write; i++)
		buf_printf(out, "  never written: %s\n",
			   shown(out->arena, p->broker.deny_write[i].pattern));
	for (size_t kind = 0; kind < ASK_FILE_KINDS; kind++)
		for (size_t i = 0; i < p->broker.ask[kind].n; i++)
			buf_printf(out, "  %s after asking: %s\n", ask_kind_names[kind],
				   shown(out->arena, p->broker.ask[kind].rules[i].pattern));
	for (size_t i = 0; i < p->broker.nconnect; i++)
		buf_printf(out, "  connect after asking: %s\n",
			   shown(out->arena, p->broker.connect[i].text));
}

const struct layer layer_landlock = { "landlock", landlock_plan, landlock_explain };
const struct layer layer_broker = { "broker", broker_plan_make, broker_explain };
