/*
 * zviz update: another profile for a container that runs.
 */
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/net_change.h"
#include "cli/again.h"
#include "cli/print.h"
#include "cli/update_limits.h"
#include "policy/describe.h"
#include "policy/diff.h"
#include "policy/live.h"
#include "policy/net_change.h"
#include "policy/reference.h"

static const struct option_row rows[] = {
	{ "widen", 0, OPTION_FLAG, NULL,
	  "permit more than now, as far as the broker decides it; the machine's root alone may",
	  .offset = offsetof(struct update_options, widen) },
	{ 0 },
};

/* One change, from its words to the tables. */
struct change {
	struct cli *c;
	const char *id;
	struct state_info info;
	struct prepared start;
	struct sources sources; /* of the new profile */
	struct profile next;
	struct plan_request request;
	struct plan plan;
	struct live_tables tables;
	struct live_file *file;
	struct plan_net net; /* of the profile in force */
	bool net_changes;
};

/* ---- what is said when it cannot be ---- */

static void tell(const struct buf *text)
{
	(void)!fd_write_all(STDERR_FILENO, buf_text(text), text->len);
}

static int tell_obstacles(struct change *u, const struct live_obstacles *list, struct err *e)
{
	struct buf text = { .arena = u->c->arena };
	char rule[256];

	if (list->n == 0)
		return 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct live_obstacle *o = &list->at[i];

		describe_rule(rule, sizeof rule, &o->from);
		print_safe(&text, rule);
		buf_puts(&text, ": ");
		print_safe(&text, o->rule);
		buf_printf(&text, ": %s; %s\n", o->why, o->fix);
	}
	tell(&text);
	return fail(e, EOPNOTSUPP,
		    "container %s: %zu rule%s of profile %s cannot take effect while it runs",
		    u->id, list->n, list->n == 1 ? "" : "s", u->next.name);
}

static int tell_wider(struct change *u, const struct profile *now, const struct diff_lines *lines,
		      struct err *e)
{
	struct buf text = { .arena = u->c->arena };

	for (size_t i = 0; i < lines->n; i++) {
		buf_printf(&text, "%s permits, and %s does not: ", u->next.name, now->name);
		print_safe(&text, lines->at[i]);
		buf_puts(&text, "\n");
	}
	tell(&text);
	fail(e, EPERM, "container %s: profile %s permits more than %s, which is in force", u->id,
	     u->next.name, now->name);
	return advise(e, "leave that out, or, as the machine's root, say --widen");
}

/* ---- comparing ---- */

/* A copy of the profile of its own, as `zviz diff` looks at it. */
static int for_diff(struct cli *c, const struct sources *s, struct profile *out, struct err *e)
{
	struct sources copy = *s;

	TRY(sources_profile(c->arena, &copy, out, e));
	*out = diff_profile(out);
	return 0;
}

struct side {
	struct profile profile;
	struct reference reference;
	struct plan plan;
	struct diff_side is;
};

static int side_of(struct change *u, const struct sources *s, struct side *out, struct err *e)
{
	TRY(for_diff(u->c, s, &out->profile, e));
	TRY(reference_plan(u->c->arena, &out->profile, u->start.host.arch, false, false,
			   &out->reference, &out->plan, e));
	out->is = (struct diff_side){ .name = out->profile.name,
				      .filter = &out->plan.filter,
				      .plan = &out->plan,
				      .request = &out->reference.request };
	return 0;
}

/* What the profile in force was read from. */
static int in_force(struct change *u, struct sources *out, struct err *e)
{
	if (u->info.now != NULL || u->info.start != NULL) {
		*out = (u->info.now != NULL ? u->info.now : u->info.start)->sources;
		return 0;
	}
	*out = (struct sources){ 0 };
	if (!u->start.profile.builtin) {
		fail(e, EOPNOTSUPP, "container %s: it was started from compiled files", u->id);
		return advise(e, "start it with --profile: then it can be updated");
	}
	sources_add_builtins(u->c->arena, &u->start.profile, out);
	return 0;
}

static int check_stricter(struct change *u, bool widen, struct err *e)
{
	struct diff_lines beyond = { 0 };
	struct sources now;
	struct side one, other;

	TRY(in_force(u, &now, e));
	TRY(side_of(u, &u->sources, &one, e));
	TRY(side_of(u, &now, &other, e));
	TRY(diff_beyond(u->c->arena, plan_audit_arch(u->start.host.arch), &one.is, &other.is,
			&beyond, e));
	return beyond.n == 0 || widen ? 0 : tell_wider(u, &other.profile, &beyond, e);
}

/* A broker that was not started to look for others answers as at its start: what it would answer must be the same. The
 * rows of a network are none of its answers. */
static int check_answers(struct change *u, struct live_obstacles *list, struct err *e)
{
	const struct from whole = { .file = u->next.file };
	struct diff_lines lines = { 0 };
	struct sources now;
	struct side one, other;

	if (u->start.plan.broker.live || !u->start.plan.broker.used)
		return 0;
	TRY(in_force(u, &now, e));
	TRY(side_of(u, &u->sources, &one, e));
	TRY(side_of(u, &now, &other, e));
	one.profile.network = other.profile.network;
	TRY(diff_beyond(u->c->arena, plan_audit_arch(u->start.host.arch), &one.is, &other.is,
			&lines, e));
	TRY(diff_beyond(u->c->arena, plan_audit_arch(u->start.host.arch), &other.is, &one.is,
			&lines, e));
	for (size_t i = 0; i < lines.n; i++)
		*LIST_ADD(u->c->arena, list) = (struct live_obstacle){
			whole, lines.at[i],
			"this container's broker was started to answer as it does",
			"start it detached, or with a pattern under filesystem.deny"
		};
	return 0;
}

/* The rows of the network get their numbers. */
static int number_rows(struct change *u, struct err *e)
{
	struct plan_net *is = &u->plan.net;

	if (!u->start.plan.net.used)
		return 0;
	u->net_changes = !net_change_same(&u->net, is);
	if (u->net_changes)
		TRY(net_change_number(u->c->arena, &u->net, is, e));
	else
		is->numbers = u->net.numbers;
	live_take_numbers(is, &u->tables);
	return 0;
}

/* The same run under the new profile, and as nothing but verdicts. */
static int make_tables(struct change *u, struct err *e)
{
	struct arena *a = u->c->arena;
	struct live_obstacles list = { 0 };
	struct plan_request silent = u->start.request;
	struct profile pure;
	struct plan verdicts;

	live_settled(a, &u->start.profile, &u->next, &list);
	live_network(a, &u->start.plan, &u->next, &list);
	TRY(tell_obstacles(u, &list, e));
	TRY(plan_make(a, &u->start.request, &u->start.spec, &u->next, &u->start.host, &u->plan, e));
	silent.events = silent.verbose = false;
	TRY(for_diff(u->c, &u->sources, &pure, e));
	TRY(plan_make(a, &silent, &u->start.spec, &pure, &u->start.host, &verdicts, e));
	TRY(live_plan(a, &u->start.plan, &u->plan, &verdicts.filter, &u->tables, &list, e));
	u->tables.sources = u->sources;
	TRY(check_answers(u, &list, e));
	TRY(tell_obstacles(u, &list, e));
	return number_rows(u, e);
}

/* ---- the command ---- */

static int check_running(const struct change *u, struct err *e)
{
	if (u->info.status == STATE_RUNNING || u->info.status == STATE_PAUSED)
		return 0;
	fail(e, ESRCH, "container %s does not run", u->id);
	return advise(e, "a profile for its next start goes to `zviz run --profile`");
}

/* Root of the machine, not of a container on it. */
static int check_root(const struct change *u, struct err *e)
{
	if (getuid() == 0 && geteuid() == 0 && u->start.host.initial_userns)
		return 0;
	fail(e, EPERM, "--widen: only the machine's root may permit a running container more");
	return advise(e, "leave --widen out: whatever is stricter can be had without it");
}

static int load_next(struct change *u, struct err *e)
{
	if (cli_own_profile(u->c) == NULL) {
		fail(e, EINVAL, "update: nothing to change%s",
		     u->c->before.profile == NULL
			     ? ""
			     : ": before the command's name, --profile is for what is made");
		return advise(e,
			      "name a profile (zviz update --profile NAME|FILE %.80s), or limits",
			      u->id);
	}
	TRY(cli_profile_sources(u->c, cli_own_profile(u->c), &u->sources, &u->next, e));
	sources_add_builtins(u->c->arena, &u->next, &u->sources);
	return 0;
}

static struct net_changing changing(const struct change *u)
{
	return (struct net_changing){ .arena = u->c->arena,
				      .root = cli_state_root(u->c),
				      .id = u->id,
				      .info = &u->info,
				      .file = u->file };
}

static int change_rules(struct change *u, const char *image, size_t len, struct err *e)
{
	const struct net_changing c = changing(u);
	bool changed;

	if (net_change_apply(&c, &u->plan, image, len, &changed, e) == 0)
		return 0;
	within(e, "container %s", u->id);
	return changed ? advise(e,
				"the rules of its network are those of %s already: say it again, so that all is",
				u->next.name)
		       : -e->no;
}

/* A change that was cut short: where the kernel has its rules, it is carried out to its end; otherwise it never was. */
static int end_last(struct change *u, struct err *e)
{
	const struct net_changing c = changing(u);
	struct plan plan = u->start.plan;
	uint32_t count;

	if (u->info.next == NULL)
		return 0;
	TRY(again_net(u->c, u->info.next, &u->start, &plan.net, e));
	TRY(net_change_count(&c, &plan.net, &count, e));
	if (count == plan.net.numbers.change)
		TRY(net_change_finish(&c, &plan, e));
	else
		live_abandon(u->file);
	return state_read(u->c->arena, cli_state_root(u->c), u->id, &u->info, e);
}

static int put(struct change *u, struct err *e)
{
	const pid_t pid = u->info.pid;
	char *image;
	size_t len;

	TRY(live_pack(u->c->arena, &u->tables, &image, &len, e));
	TRY(u->net_changes ? change_rules(u, image, len, e) : live_put(u->file, image, len, e));
	TRY(state_read(u->c->arena, cli_state_root(u->c), u->id, &u->info, e));
	return u->info.pid == pid ? check_running(u, e)
				  : fail(e, ESRCH, "container %s has ended meanwhile", u->id);
}

static int change(struct change *u, bool widen, struct err *e)
{
	TRY(again_start(u->c, u->id, &u->info, &u->start, e));
	TRY(end_last(u, e));
	TRY(again_net(u->c, u->info.now, &u->start, &u->net, e));
	if (widen)
		TRY(check_root(u, e));
	TRY(check_stricter(u, widen, e));
	TRY(config_check_floor(u->c, &u->start.host, &u->start.config, &u->next, &u->start.request,
			       e));
	TRY(make_tables(u, e));
	return put(u, e);
}

static int update_run(struct cli *c, void *options, int argc, char **argv, struct err *e)
{
	const struct update_options *o = options;
	struct change *u = arena_alloc(c->arena, sizeof *u);
	struct buf out = { .arena = c->arena };
	struct live_file file = { .fd = -1 };

	(void)argc;
	*u = (struct change){ .c = c, .id = argv[0], .file = &file };
	if (update_limits_wanted(o))
		TRY(update_limits(c, o, u->id, e));
	if (update_limits_wanted(o) && cli_own_profile(c) == NULL)
		return 0;
	TRY(load_next(u, e));
	TRY(state_read(c->arena, cli_state_root(c), u->id, &u->info, e));
	TRY(check_running(u, e));
	TRY(live_open(cli_state_root(c), u->id, &file, e));

	int r = change(u, o->widen, e);

	live_close(&file);
	TRY(r);
	buf_printf(&out, "container %s: profile ", u->id);
	print_safe(&out, u->next.name);
	buf_printf(&out, " is in force (change %u)\n", u->info.changes);
	return print_out(&out, e);
}

const struct command command_update = {
	.name = "update",
	.usage = "--profile NAME|FILE [options] ID\n[limits] ID",
	.summary = "Change what a running container may do",
	.help = "Without --widen the profile must be one that `zviz diff --subset` calls stricter than the one in force. A\n"
		"container's filter, mounts and Landlock rules stay as they are: what can change is what its broker is\n"
		"asked about, such as calls of syscalls.tripwire, patterns of filesystem.deny where it was started with\n"
		"one, and what the lists of ioctl, prctl and sockets leave to it; and the rows of its network, where it\n"
		"was started with rules: connections that they do not permit any more are ended. A profile of which any\n"
		"rule cannot take effect is refused as a whole, and each such rule is named. Calls that are under way\n"
		"end as they began; every later one is answered by the new profile.\n"
		"\n"
		"Of limits, what is not named stays as it is; none becomes larger than the profile's own.",
	.options = rows,
	.more_options = update_limit_rows,
	.options_size = sizeof(struct update_options),
	.order = OPTIONS_ANYWHERE,
	.min_words = 1,
	.max_words = 1,
	.run = update_run,
};
