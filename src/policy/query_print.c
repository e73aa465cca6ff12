/*
 * Answers as text, and as JSON.
 */
#include <string.h>

#include "policy/query_parts.h"
#include "text/json_write.h"

enum { WIDTH = 100, LABEL = 15 };

static const char *errno_word(int err)
{
	const struct name *n = name_of(errno_names, err);

	return n != NULL ? n->name : "an error";
}

/* One word for programs. */
static const char *verdict_word(enum query_verdict v)
{
	static const char *const words[] = {
		[QUERY_ALLOWED] = "allowed",    [QUERY_ALLOWED_ARGS] = "allowed-for-arguments",
		[QUERY_ASKED] = "asked",        [QUERY_ASKED_LATER] = "asked",
		[QUERY_REFUSED] = "refused",    [QUERY_KILLED] = "killed",
		[QUERY_UNSEEN] = "not-visible", [QUERY_VISIBLE] = "visible",
		[QUERY_DEPENDS] = "depends",
	};

	return words[v];
}

static const char *verdict_text(struct arena *a, enum query_verdict v, int err)
{
	static const char *const texts[] = {
		[QUERY_ALLOWED] = "allowed natively",
		[QUERY_ALLOWED_ARGS] = "allowed for these arguments",
		[QUERY_ASKED] = "asked of the broker, which allows it",
		[QUERY_ASKED_LATER] = "asked of the broker",
		[QUERY_KILLED] = "the process is killed",
		[QUERY_UNSEEN] = "not visible",
		[QUERY_VISIBLE] = "visible",
		[QUERY_DEPENDS] = "depends on the arguments",
	};

	if (v == QUERY_REFUSED)
		return arena_printf(a, "refused with %s", errno_word(err));
	return texts[v];
}

/* In a layer's own line: seccomp alone knows natively and for these arguments. */
static const char *part_text(struct arena *a, const struct query_part *part)
{
	bool seccomp = strcmp(part->layer, "seccomp") == 0;

	if (part->verdict == QUERY_ASKED && strcmp(part->layer, "broker") == 0)
		return "allowed";
	if (part->verdict == QUERY_ALLOWED && !seccomp)
		return "allowed";
	return verdict_text(a, part->verdict, part->err);
}

/* A label, then text in lines of at most WIDTH. */
static void put_line(struct buf *out, const char *label, const char *text)
{
	size_t column = LABEL;

	buf_printf(out, "  %-*s", LABEL - 2, label);
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		bool first = column == LABEL;

		if (!first && column + 1 + len > WIDTH) {
			buf_printf(out, "\n%*s", LABEL, "");
			column = LABEL;
		} else if (!first) {
			buf_puts(out, " ");
			column++;
		}
		buf_add(out, text, len);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	buf_puts(out, "\n");
}

static void print_part(const struct query_part *part, struct buf *out)
{
	struct arena *a = out->arena;
	bool sentence = part->why != NULL &&
			(part->verdict == QUERY_VISIBLE || part->verdict == QUERY_UNSEEN);
	const char *text = sentence ? part->why : part_text(a, part);

	if (part->why != NULL && !sentence)
		text = arena_printf(a, "%s: %s", text, part->why);
	if (strcmp(part->what, part->layer) != 0)
		text = arena_printf(a, "%s (%s)", text, part->layer);
	/* Who wrote none of it is said by default; mounts and addresses are no rule's then. */
	if (part->from.file != NULL || strcmp(part->layer, "seccomp") == 0)
		text = arena_printf(a, "%s  [%s]", text, from_text(a, &part->from));
	put_line(out, part->what, text);
}

static void print_cases(const struct query_answer *answer, struct buf *out)
{
	for (size_t i = 0; i < answer->cases.n; i++) {
		const struct query_case *c = &answer->cases.at[i];
		const char *verdict = c->verdict == QUERY_ALLOWED_ARGS
					      ? "allowed"
					      : verdict_text(out->arena, c->verdict, c->err);

		put_line(out, "", arena_printf(out->arena, "%s: %s", c->when, verdict));
	}
}

static const char *cost_text(struct arena *a, const struct query_cost *cost)
{
	if (cost->cached)
		return arena_printf(
			a,
			"none: the kernel remembers that it is always allowed (before Linux "
			"5.11: %u instructions of BPF)",
			cost->instructions);
	return arena_printf(a, "%u instructions of BPF%s", cost->instructions,
			    cost->broker ? ", and a switch to the broker and back" : "");
}

/* What would permit it: what every layer that refuses wants, or that none does. */
static const char *change(const struct query_answer *answer, struct arena *a)
{
	struct buf b = { .arena = a };
	const char *last = "";

	for (size_t i = 0; i < answer->nparts; i++)
		if (answer->parts[i].never != NULL)
			return arena_printf(a, "none: %s", answer->parts[i].never);
	for (size_t i = 0; i < answer->nparts; i++) {
		const char *fix = answer->parts[i].fix;

		if (fix == NULL || strcmp(fix, last) == 0)
			continue;
		buf_printf(&b, "%s%s", b.len != 0 ? "; and " : "", fix);
		last = fix;
	}
	return b.len != 0 ? buf_text(&b) : NULL;
}

/* For a path alone each question has its own change. */
static bool asks_several(const struct query_answer *answer)
{
	for (size_t i = 0; i < answer->nparts; i++)
		if (strcmp(answer->parts[i].what, answer->parts[i].layer) != 0)
			return true;
	return false;
}

static void print_changes(const struct query_answer *answer, struct buf *out)
{
	const char *fix = change(answer, out->arena);

	if (!asks_several(answer)) {
		if (fix != NULL)
			put_line(out, "to permit", fix);
		return;
	}
	for (size_t i = 0; i < answer->nparts; i++) {
		const struct query_part *part = &answer->parts[i];

		if (part->fix != NULL)
			put_line(out, "to permit",
				 arena_printf(out->arena, "%s: %s", part->what, part->fix));
	}
}

void query_print(const struct query_answer *answer, struct buf *out)
{
	buf_printf(out, "%s: %s\n", answer->operation,
		   verdict_text(out->arena, answer->verdict, answer->decides->err));
	for (size_t i = 0; i < answer->nparts; i++) {
		print_part(&answer->parts[i], out);
		if (i == 0)
			print_cases(answer, out);
	}
	if (answer->has_cost)
		put_line(out, "cost", cost_text(out->arena, &answer->cost));
	print_changes(answer, out);
}

/* ---- JSON ---- */

static void json_verdict(struct json_writer *w, enum query_verdict v, int err)
{
	json_put_string(w, "verdict", verdict_word(v));
	json_put_string(w, "errno", v == QUERY_REFUSED ? errno_word(err) : NULL);
}

static void json_part(struct json_writer *w, const struct query_part *part)
{
	json_open_object(w, NULL);
	json_put_string(w, "what", part->what);
	json_put_string(w, "layer", part->layer);
	json_verdict(w, part->verdict, part->err);
	json_put_string(w, "rule", from_text(w->out->arena, &part->from));
	json_put_string(w, "why", part->why);
	json_put_string(w, "fix", part->fix);
	json_close(w);
}

static void json_cost(struct json_writer *w, const struct query_cost *cost)
{
	json_open_object(w, "cost");
	json_put_u64(w, "instructions", cost->instructions);
	json_put_bool(w, "cached", cost->cached);
	json_put_bool(w, "broker", cost->broker);
	json_close(w);
}

void query_json(const struct query_answer *answer, struct buf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_open_object(&w, NULL);
	json_put_string(&w, "operation", answer->operation);
	json_verdict(&w, answer->verdict, answer->decides->err);
	json_put_string(&w, "layer", answer->decides->layer);
	json_put_string(&w, "rule", from_text(out->arena, &answer->decides->from));
	json_put_string(&w, "fix", change(answer, out->arena));
	if (answer->has_cost)
		json_cost(&w, &answer->cost);
	json_open_array(&w, "parts");
	for (size_t i = 0; i < answer->nparts; i++)
		json_part(&w, &answer->parts[i]);
	json_close(&w);
	json_open_array(&w, "cases");
	for (size_t i = 0; i < answer->cases.n; i++) {
		json_open_object(&w, NULL);
		json_put_string(&w, "when", answer->cases.at[i].when);
		json_verdict(&w, answer->cases.at[i].verdict, answer->cases.at[i].err);
		json_close(&w);
	}
	json_close(&w);
	json_close(&w);
	buf_puts(out, "\n");
}
