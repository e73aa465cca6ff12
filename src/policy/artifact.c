#include "policy/artifact.h"

#include <errno.h>
#include <string.h>

#include "base/sha256.h"
#include "policy/draft.h"
#include "policy/landing.h"
#include "policy/manifest.h"
#include "policy/reference.h"
#include "table/table.h"
#include "text/json_write.h"

enum { ARCHES = 2 };

/* One without options for each machine that the profile is for. */
struct plans {
	size_t n;
	struct plan at[ARCHES];
};

struct maker {
	struct arena *a;
	const struct profile *p;
	struct artifacts *out;
};

static void add(struct maker *m, const char *name, const void *bytes, size_t len)
{
	*LIST_ADD(m->a, m->out) = (struct artifact){ name, bytes, len };
}

static void add_text(struct maker *m, const char *name, const struct buf *text)
{
	add(m, name, buf_text(text), text->len);
}

const struct artifact *artifact_find(const struct artifacts *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->at[i].name, name) == 0)
			return &all->at[i];
	return NULL;
}

/* ---- filters ---- */

static const char *filter_stem(struct arena *a, enum host_arch arch, const struct variant *v)
{
	return arena_printf(a, "seccomp-%s%s%s", name_of(prove_arches, arch)->name,
			    v == variants ? "" : "-", v == variants ? "" : v->name);
}

const char *artifact_filter_name(struct arena *a, enum host_arch arch, const struct variant *v)
{
	return arena_printf(a, "%s.bpf", filter_stem(a, arch, v));
}

int artifact_filter(struct arena *a, const struct artifact *file, struct bpf_program *out,
		    struct err *e)
{
	const size_t one = sizeof(struct sock_filter);

	if (file->len == 0 || file->len % one != 0 || file->len / one > BPF_MAXINSNS)
		return fail(e, EINVAL, "%s: %zu bytes are no filter", file->name, file->len);
	out->n = file->len / one;
	out->at = arena_alloc(a, file->len);
	memcpy(out->at, file->bytes, file->len);
	return 0;
}

static void add_filter(struct maker *m, const struct plan *p, const struct variant *v)
{
	const char *stem = filter_stem(m->a, p->host->arch, v);
	struct buf listing = { .arena = m->a };

	add(m, arena_printf(m->a, "%s.bpf", stem), p->filter.at,
	    p->filter.n * sizeof *p->filter.at);
	bpf_list(&p->filter, syscall_name, &listing);
	add_text(m, arena_printf(m->a, "%s.txt", stem), &listing);
}

static int add_filters(struct maker *m, struct plans *plain, struct err *e)
{
	for (const struct name *arch = prove_next(m->p, NULL); arch != NULL; plain->n++) {
		for (const struct variant *v = variants; v->name != NULL; v++) {
			struct reference *ref = arena_alloc(m->a, sizeof *ref);
			struct plan other, *p = v == variants ? &plain->at[plain->n] : &other;

			TRY(reference_plan(m->a, m->p, (enum host_arch)arch->value, v->verbose,
					   v->events, ref, p, e));
			add_filter(m, p, v);
		}
		arch = prove_next(m->p, arch);
	}
	if (plain->n == 0) {
		struct reference ref;
		struct plan none;

		/* Its error says why. */
		return reference_plan(m->a, m->p, prove_first(m->p), false, false, &ref, &none, e);
	}
	return 0;
}

/* ---- the other layers ---- */

static void add_layers(struct maker *m, const struct plans *plain)
{
	static const struct row {
		const char *name;
		void (*write)(const struct plan *p, struct buf *out);
	} rows[] = {
		{ "landlock.json", artifact_landlock },
		{ "mounts.json", artifact_mounts },
		{ "cgroup.json", artifact_cgroup },
		{ "network.nft", artifact_network },
	};
	struct buf broker = { .arena = m->a };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = { .arena = m->a };

		rows[i].write(&plain->at[0], &text);
		add_text(m, rows[i].name, &text);
	}
	artifact_broker(plain->at, plain->n, &broker);
	add_text(m, "broker.json", &broker);
}

/* ---- the manifest ---- */

static void put_digest(struct json_writer *w, const void *bytes, size_t len)
{
	char digest[SHA256_TEXT];

	sha256_text(bytes, len, digest);
	json_put_string(w, "sha256", digest);
}

/* The files that the profile was read from lie beside what was made of them. */
static void put_inputs(struct maker *m, const struct sources *s, struct json_writer *w)
{
	json_open_array(w, "inputs");
	for (size_t i = 0; i < s->n; i++) {
		const struct source *in = &s->at[i];

		json_open_object(w, NULL);
		json_put_string(w, "name", in->name);
		if (!in->builtin) {
			const char *file = arena_printf(m->a, "profile-%zu.yaml", i + 1);

			add(m, file, in->text, in->len);
			json_put_string(w, "file", file);
		}
		put_digest(w, in->text, in->len);
		json_close(w);
	}
	json_close(w);
}

static void put_outputs(const struct artifacts *all, size_t n, struct json_writer *w)
{
	json_open_array(w, "outputs");
	for (size_t i = 0; i < n; i++) {
		json_open_object(w, NULL);
		json_put_string(w, "file", all->at[i].name);
		put_digest(w, all->at[i].bytes, all->at[i].len);
		json_close(w);
	}
	json_close(w);
}

static void take_userns(struct host *h)
{
	h->user_namespaces = false;
}

static void take_landlock(struct host *h)
{
	h->landlock_abi = 0;
}

static void take_notify(struct host *h)
{
	h->seccomp_notify = h->seccomp_killable_wait = h->seccomp_sync_wake = false;
}

static void take_cgroup(struct host *h)
{
	h->cgroup = (struct host_cgroup){ 0 };
}

static bool has_userns(const struct plan *p)
{
	return p->mapping != IDS_NONE;
}

static bool has_landlock(const struct plan *p)
{
	return p->landlock_abi != 0;
}

static bool has_broker(const struct plan *p)
{
	return p->broker.used;
}

static bool has_limits(const struct plan *p)
{
	return p->nlimits != 0;
}

/* What a host may lack, and what the plan then is: asked of the planner itself. */
static const struct lack {
	const char *layer;
	bool (*active)(const struct plan *p);
	void (*take)(struct host *h);
} lacks[] = {
	{ "user namespaces", has_userns, take_userns },
	{ "landlock", has_landlock, take_landlock },
	{ "seccomp: asking a broker", has_broker, take_notify },
	{ "cgroup", has_limits, take_cgroup },
};

static void put_lack(struct maker *m, const struct lack *lack, const struct plan *plain,
		     struct json_writer *w)
{
	struct err e = { 0 };
	struct reference ref = { 0 };
	struct plan p;

	reference_host(prove_first(m->p), &ref.host);
	lack->take(&ref.host);

	bool runs = reference_plan_on(m->a, m->p, &ref, &p, &e) == 0;

	json_open_object(w, NULL);
	json_put_string(w, "layer", lack->layer);
	json_put_bool(w, "active", lack->active(plain));
	json_put_string(w, "need", !runs ? "required" : p.nmissing != 0 ? "preferred" : "none");
	json_open_array(w, "without");
	if (!runs)
		json_put_string(w, NULL, arena_printf(m->a, "refused: %s", e.text));
	for (size_t i = 0; runs && i < p.nmissing; i++)
		json_put_string(w, NULL, p.missing[i].why);
	json_close(w);
	json_close(w);
}

static void put_rules(struct maker *m, const struct plan *plain, struct json_writer *w)
{
	struct landings landings;

	landing_find(m->a, plain, &landings);
	json_open_array(w, "rules");
	for (size_t i = 0; i < landings.n; i++) {
		const struct landing *l = &landings.at[i];

		json_open_object(w, NULL);
		json_put_string(w, "rule", l->rule);
		json_put_string(w, "from", from_text(m->a, &l->from));
		json_put_string(w, "layer", l->layer);
		json_put_string(w, "cost", landing_cost(m->a, l));
		json_close(w);
	}
	json_close(w);
}

static void add_manifest(struct maker *m, const char *version, const struct sources *s,
			 const struct plan *plain)
{
	struct buf text = { .arena = m->a };
	struct json_writer w = { .out = &text, .pretty = true };
	size_t outputs = m->out->n;

	json_open_object(&w, NULL);
	json_put_u64(&w, "format", MANIFEST_FORMAT);
	json_put_string(&w, "zviz", version);
	json_put_string(&w, "profile", m->p->name);
	put_inputs(m, s, &w);
	put_outputs(m->out, outputs, &w);
	json_open_array(&w, "layers");
	for (size_t i = 0; i < COUNT(lacks); i++)
		put_lack(m, &lacks[i], plain, &w);
	json_close(&w);
	put_rules(m, plain, &w);
	json_close(&w);
	buf_puts(&text, "\n");
	add_text(m, MANIFEST_NAME, &text);
}

int artifacts_make(struct arena *a, const char *version, const struct sources *s,
		   const struct profile *p, struct artifacts *out, struct err *e)
{
	struct maker m = { a, p, out };
	struct plans plain = { 0 };

	*out = (struct artifacts){ 0 };
	TRY(add_filters(&m, &plain, e));
	add_layers(&m, &plain);
	add_manifest(&m, version, s, &plain.at[0]);
	return 0;
}

/* ---- the proof ---- */

int artifacts_prove(struct arena *a, const struct artifacts *all, const struct profile *p,
		    struct err *e)
{
	struct reference ref;
	struct plan plan;
	size_t n;

	for (const struct name *arch = prove_next(p, NULL); arch != NULL;
	     arch = prove_next(p, arch))
		for (const struct variant *v = variants; v->name != NULL; v++) {
			const enum host_arch on = (enum host_arch)arch->value;
			struct bpf_program f;

			TRY(artifact_filter(a, artifact_find(all, artifact_filter_name(a, on, v)),
					    &f, e));
			TRY(prove_filter(a, p, on, v, &f, &n, e));
		}
	TRY(reference_plan(a, p, prove_first(p), false, false, &ref, &plan, e));
	return prove_files(a, &plan, &ref.request, &n, e);
}
