/*
 * The tables of the layers that are not programs, as files.
 */
#include <string.h>

#include "policy/artifact.h"
#include "policy/plan_mounts.h"
#include "table/table.h"
#include "text/json_write.h"

static void put_from(struct json_writer *w, const struct from *from)
{
	json_put_string(w, "from", from_text(w->out->arena, from));
}

static void end(struct json_writer *w)
{
	json_close(w);
	buf_puts(w->out, "\n");
}

static void append_word(struct buf *b, const char *word)
{
	buf_printf(b, "%s%s", b->len != 0 ? "," : "", word);
}

/* ---- landlock ---- */

static void put_rights(struct json_writer *w, const char *key, uint64_t rights)
{
	struct buf b = { .arena = w->out->arena };

	for (const struct landlock_right *r = landlock_fs_rights; r->name != NULL; r++)
		if (rights & r->bit)
			append_word(&b, r->name);
	json_put_string(w, key, buf_text(&b));
}

void artifact_landlock(const struct plan *p, struct buf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_open_object(&w, NULL);
	json_put_u64(&w, "abi", p->landlock_abi);
	put_rights(&w, "handled", p->landlock_fs);
	json_put_bool(&w, "scopes_abstract_sockets", p->landlock_scoped != 0);
	json_open_array(&w, "rules");
	for (size_t i = 0; i < p->npaths; i++) {
		json_open_object(&w, NULL);
		json_put_string(&w, "path", p->paths[i].path);
		put_rights(&w, "rights", p->paths[i].rights);
		put_from(&w, &p->paths[i].from);
		json_close(&w);
	}
	json_close(&w);
	end(&w);
}

/* ---- mounts ---- */

/* The words of the OCI specification that set these bits. */
static void put_attributes(struct json_writer *w, uint64_t set)
{
	struct buf b = { .arena = w->out->arena };

	for (const struct mount_option *o = mount_options; o->name[0] != '\0'; o++)
		if (o->set != 0 && !o->recursive && (set & o->set) == o->set)
			append_word(&b, o->name);
	json_put_string(w, "attributes", buf_text(&b));
}

static void put_fs(struct json_writer *w, const struct plan_mount *m)
{
	struct buf b = { .arena = w->out->arena };

	for (size_t i = 0; i < m->noptions; i++)
		append_word(&b, m->options[i]);
	json_put_string(w, "options", buf_text(&b));
}

static void put_mount(struct json_writer *w, const struct plan_mount *m)
{
	json_open_object(w, NULL);
	json_put_string(w, "kind", mount_kind_word(m->kind));
	json_put_string(w, "target", m->target);
	if (m->source != NULL)
		json_put_string(w, "source", m->source);
	if (m->kind == MOUNT_FS)
		put_fs(w, m);
	put_attributes(w, m->attr_set);
	json_put_bool(w, "tree", m->recursive_attr);
	json_put_bool(w, "optional", m->optional);
	json_put_bool(w, "own_ids", m->idmap);
	json_put_bool(w, "pattern", m->pattern);
	json_put_string(w, "mode", arena_printf(w->out->arena, "%04o", m->mode));
	if (m->kind == MOUNT_DEVICE)
		json_put_string(w, "device",
				arena_printf(w->out->arena, "%s%u:%u", m->block ? "b " : "",
					     m->major, m->minor));
	put_from(w, &m->from);
	json_close(w);
}

/* Which nodes they are is seen when a container starts. */
static void put_device(struct json_writer *w, const struct word *device)
{
	json_open_object(w, NULL);
	json_put_string(w, "path", device->text);
	put_from(w, &device->from);
	json_close(w);
}

void artifact_mounts(const struct plan *p, struct buf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_open_object(&w, NULL);
	json_put_u64(&w, "root_bytes", p->root_bytes);
	json_put_bool(&w, "root_readonly", p->rootfs_readonly);
	json_open_array(&w, "mounts");
	for (size_t i = 0; i < p->nmounts; i++)
		put_mount(&w, &p->mounts[i]);
	json_close(&w);
	json_open_array(&w, "devices");
	for (size_t i = 0; i < p->policy->devices.n; i++)
		put_device(&w, &p->policy->devices.at[i]);
	json_close(&w);
	end(&w);
}

/* ---- limits ---- */

static void put_limit(struct json_writer *w, const struct plan_limit *l)
{
	json_open_object(w, NULL);
	json_put_string(w, "file", l->v2_file);
	json_put_string(w, "value", l->v2_value);
	json_put_string(w, "v1_file", l->v1_file);
	json_put_string(w, "v1_value", l->v1_value);
	json_put_bool(w, "optional", l->optional);
	put_from(w, &l->from);
	json_close(w);
}

static void put_rlimit(struct json_writer *w, const struct plan_rlimit *r)
{
	const struct name *n = name_of(rlimit_names, r->resource);

	json_open_object(w, NULL);
	json_put_string(w, "name", n != NULL ? n->name : NULL);
	json_put_u64(w, "soft", r->soft);
	json_put_u64(w, "hard", r->hard);
	put_from(w, &r->from);
	json_close(w);
}

static void put_devices(struct json_writer *w, const struct plan_devices *v)
{
	if (v->nrules == 0)
		return;
	json_open_array(w, "devices");
	for (size_t i = 0; i < v->nrules; i++) {
		json_open_object(w, NULL);
		json_put_string(w, v->rules[i].allow ? "allow" : "deny", v->rules[i].text);
		json_close(w);
	}
	json_close(w);
}

void artifact_cgroup(const struct plan *p, struct buf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_open_object(&w, NULL);
	json_open_array(&w, "limits");
	for (size_t i = 0; i < p->nlimits; i++)
		put_limit(&w, &p->limits[i]);
	json_close(&w);
	json_open_array(&w, "rlimits");
	for (size_t i = 0; i < p->nrlimits; i++)
		put_rlimit(&w, &p->rlimits[i]);
	json_close(&w);
	put_devices(&w, &p->devices);
	end(&w);
}

/* ---- network ---- */

void artifact_network(const struct plan *p, struct buf *out)
{
	if (p->share_network)
		buf_puts(
			out,
			"# The host's own network namespace: what is filtered there, the host decides.\n");
	else if (p->net.used)
		buf_add(out, p->net.rules, p->net.rules_len);
	else
		buf_puts(
			out,
			"# A network namespace that has nothing but its loopback: no packet comes in or goes out, so\n"
			"# there is nothing to filter.\n");
}

/* ---- the broker ---- */

static const char *mediator_word(enum mediator m)
{
	static const char *const words[] = {
		[MEDIATE_NONE] = NULL,           [MEDIATE_DENY] = "deny",
		[MEDIATE_OPEN] = "open",         [MEDIATE_IOCTL] = "ioctl",
		[MEDIATE_SOCKET] = "socket",     [MEDIATE_CLONE] = "clone",
		[MEDIATE_PRCTL] = "prctl",       [MEDIATE_NAMES] = "names",
		[MEDIATE_ADDRESS] = "address",   [MEDIATE_EXEC] = "exec",
		[MEDIATE_TRIPWIRE] = "tripwire", [MEDIATE_VIEW] = "limits",
	};

	return words[m];
}

static void put_asked(struct json_writer *w, const char *arch, const struct broker_plan *b)
{
	json_open_array(w, arch);
	for (size_t i = 0; i < b->ncalls; i++) {
		const struct plan_call *call = &b->calls[i];

		if (call->mediator == MEDIATE_NONE)
			continue;
		json_open_object(w, NULL);
		json_put_string(w, "call", call->name);
		json_put_i64(w, "number", call->nr);
		json_put_string(w, "decider", mediator_word(call->mediator));
		json_put_string(w, "refusal", name_of(errno_names, call->err)->name);
		put_from(w, call->from);
		json_close(w);
	}
	json_close(w);
}

static void put_values(struct json_writer *w, const char *key, const struct name *names,
		       const uint32_t *values, size_t n)
{
	json_open_array(w, key);
	for (size_t i = 0; i < n; i++) {
		const struct name *known = name_of(names, values[i]);

		json_put_string(w, NULL,
				known != NULL ? known->name
					      : arena_printf(w->out->arena, "0x%x", values[i]));
	}
	json_close(w);
}

static void put_sockets(struct json_writer *w, const struct broker_plan *b)
{
	json_open_array(w, "sockets");
	for (size_t i = 0; i < b->nsockets; i++) {
		const struct socket_rule *r = &b->sockets[i];
		struct buf types = { .arena = w->out->arena };

		for (const struct name *t = socket_types; t->name[0] != '\0'; t++)
			if (r->types != ~0u && (r->types & (1u << t->value)))
				append_word(&types, t->name);
		json_open_object(w, NULL);
		json_put_string(w, "family", name_of(socket_families, r->family)->name);
		json_put_string(w, "types", r->types == ~0u ? "any" : buf_text(&types));
		json_open_array(w, "protocols");
		for (size_t k = 0; k < r->n; k++)
			json_put_u64(w, NULL, r->protocols[k]);
		json_close(w);
		put_from(w, &r->from);
		json_close(w);
	}
	json_close(w);
}

static void put_file_rules(struct json_writer *w, const char *key, const struct file_rule *rules,
			   size_t n)
{
	json_open_array(w, key);
	for (size_t i = 0; i < n; i++) {
		json_open_object(w, NULL);
		json_put_string(w, "pattern", rules[i].pattern);
		put_from(w, &rules[i].from);
		json_close(w);
	}
	json_close(w);
}

static void put_addresses(struct json_writer *w, const struct address_rule *rules, size_t n)
{
	json_open_array(w, ask_kind_names[ASK_CONNECT]);
	for (size_t i = 0; i < n; i++) {
		json_open_object(w, NULL);
		json_put_string(w, "cidr", rules[i].cidr);
		json_open_array(w, "ports");
		for (size_t k = 0; k < rules[i].n; k++)
			json_put_u64(w, NULL, rules[i].ports[k]);
		json_close(w);
		put_from(w, &rules[i].from);
		json_close(w);
	}
	json_close(w);
}

void artifact_broker(const struct plan *plans, size_t n, struct buf *out)
{
	static const char *const audit[] = { "none", "denials", "decisions", "all" };
	struct json_writer w = { .out = out, .pretty = true };
	const struct broker_plan *b = &plans[0].broker;

	json_open_object(&w, NULL);
	json_put_bool(&w, "used", b->used);
	json_put_string(&w, "audit", audit[b->audit]);
	json_open_object(&w, "calls");
	for (size_t i = 0; i < n; i++)
		put_asked(&w, name_of(prove_arches, plans[i].host->arch)->name, &plans[i].broker);
	json_close(&w);
	put_values(&w, "ioctls", ioctl_names, b->ioctls, b->nioctls);
	put_values(&w, "prctls", prctl_names, b->prctls, b->nprctls);
	put_sockets(&w, b);
	put_file_rules(&w, "read", b->read, b->nread);
	put_file_rules(&w, "write", b->write, b->nwrite);
	put_file_rules(&w, "deny_read", b->deny_read, b->ndeny_read);
	put_file_rules(&w, "deny_write", b->deny_write, b->ndeny_write);
	put_file_rules(&w, "hidden", b->hidden, b->nhidden);
	json_open_object(&w, "ask");
	for (size_t i = 0; i < ASK_FILE_KINDS; i++)
		put_file_rules(&w, ask_kind_names[i], b->ask[i].rules, b->ask[i].n);
	put_addresses(&w, b->connect, b->nconnect);
	json_open_object(&w, "always");
	for (size_t i = 0; i < ASK_FILE_KINDS; i++)
		put_file_rules(&w, ask_kind_names[i], b->ask[i].always, b->ask[i].nalways);
	put_addresses(&w, b->connect_always, b->nconnect_always);
	json_close(&w);
	json_put_u64(&w, "timeout_ms", b->ask_timeout_ms);
	json_close(&w);
	end(&w);
}
