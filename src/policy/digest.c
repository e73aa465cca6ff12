#include "policy/digest.h"

#include <string.h>

/* Every start makes one: eight bytes at a time. The multiplier is 2^64 / the golden ratio, made odd. */
static uint64_t add_bytes(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, at + i, n - i < sizeof word ? n - i : sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (h ^ n) * 0x9e3779b97f4a7c15u;
}

static uint64_t add_number(uint64_t h, uint64_t n)
{
	return add_bytes(h, &n, sizeof n);
}

static uint64_t add_text(uint64_t h, const char *s)
{
	return s != NULL ? add_bytes(h, s, strlen(s)) : add_number(h, 0);
}

static uint64_t add_filter(uint64_t h, const struct bpf_program *f)
{
	return add_bytes(h, f->at, f->n * sizeof *f->at);
}

static uint64_t add_rules(uint64_t h, const struct file_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = add_text(h, rules[i].pattern);
	return add_number(h, n);
}

static uint64_t add_sockets(uint64_t h, const struct broker_plan *b)
{
	for (size_t i = 0; i < b->nsockets; i++) {
		const struct socket_rule *s = &b->sockets[i];

		h = add_number(h, (uint64_t)s->family << 32 | s->types);
		h = add_bytes(h, s->protocols, s->n * sizeof *s->protocols);
	}
	return add_number(h, b->nsockets);
}

static uint64_t add_addresses(uint64_t h, const struct address_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = add_text(h, rules[i].text);
	return n != 0 ? add_number(h, n) : h;
}

static uint64_t add_broker(uint64_t h, const struct broker_plan *b)
{
	h = add_bytes(h, b->ioctls, b->nioctls * sizeof *b->ioctls);
	h = add_bytes(h, b->prctls, b->nprctls * sizeof *b->prctls);
	h = add_sockets(h, b);
	h = add_number(h, b->clone_forbidden);
	h = add_rules(h, b->deny_read, b->ndeny_read);
	h = add_rules(h, b->deny_write, b->ndeny_write);
	for (size_t i = 0; i < ASK_FILE_KINDS; i++) {
		h = add_rules(h, b->ask[i].rules, b->ask[i].n);
		h = add_rules(h, b->ask[i].always, b->ask[i].nalways);
	}
	h = add_addresses(h, b->connect, b->nconnect);
	h = add_addresses(h, b->connect_always, b->nconnect_always);
	return add_rules(h, b->hidden, b->nhidden);
}

static uint64_t add_maps(uint64_t h, const struct id_maps *maps)
{
	return add_bytes(h, maps->at, maps->n * sizeof *maps->at);
}

/* What who joins is given, and could be given more of. */
static uint64_t add_process(uint64_t h, const struct plan *p)
{
	h = add_number(h, p->keep_capabilities);
	h = add_text(h, p->label);
	h = add_text(h, p->selinux);
	h = add_text(h, p->mount_label);
	h = add_maps(h, &p->uid_maps);
	h = add_maps(h, &p->gid_maps);
	for (size_t i = 0; i < p->nrlimits; i++) {
		h = add_number(h, (uint64_t)p->rlimits[i].resource);
		h = add_number(h, p->rlimits[i].soft);
		h = add_number(h, p->rlimits[i].hard);
	}
	return add_number(h, p->has_oom_score_adj ? (uint64_t)p->oom_score_adj : UINT64_MAX);
}

static uint64_t add_mount(uint64_t h, const struct plan_mount *m)
{
	h = add_number(h, m->kind);
	h = add_text(h, m->target);
	h = add_text(h, m->source);
	h = add_text(h, m->fstype);
	h = add_number(h, (uint64_t)m->idmap | (uint64_t)m->idmap_asked << 1 |
				  (uint64_t)m->idmap_tree << 2 | (uint64_t)m->copy_up << 3);
	h = add_maps(h, &m->uid_maps);
	h = add_maps(h, &m->gid_maps);
	h = add_number(h, m->attr_set);
	return add_number(h, m->attr_clear);
}

static uint64_t add_network(uint64_t h, const struct plan_net *n)
{
	h = add_bytes(h, n->rules, n->rules_len);
	for (size_t i = 0; i < n->egress.n; i++) {
		h = add_text(h, n->egress.at[i].domain);
		h = add_number(h, n->egress.at[i].allow_private);
	}
	return h;
}

uint64_t plan_digest(const struct plan *p)
{
	uint64_t h = add_filter(0, &p->filter);

	h = add_filter(h, &p->spec_filter);
	h = add_broker(h, &p->broker);
	h = add_text(h, p->rootfs);
	/* Devices come and go. */
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind != MOUNT_DEVICE || !p->mounts[i].owned)
			h = add_mount(h, &p->mounts[i]);
	for (size_t i = 0; i < p->npaths; i++)
		h = add_number(add_text(h, p->paths[i].path), p->paths[i].rights);
	if (p->net.used)
		h = add_network(h, &p->net);
	for (size_t i = 0; i < p->ngivens; i++)
		h = add_number(add_text(h, p->givens[i].path), p->givens[i].type);
	h = add_process(h, p);
	return add_number(h, p->namespaces);
}
