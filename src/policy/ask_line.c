#include "policy/ask_line.h"

#include <errno.h>
#include <string.h>

#include "base/name.h"
#include "policy/address.h"
#include "policy/draft.h"
#include "text/bind.h"
#include "text/json_write.h"

static const struct name verdicts[] = { { "allow", true }, { "deny", false }, { 0 } };

/* "always" is for the run, and for the reader of the profile. */
enum { FOR_ALWAYS = ASK_RULE + 1 };
static const struct name scopes[] = {
	{ "once", ASK_ONCE },
	{ "run", ASK_RUN },
	{ "rule", ASK_RULE },
	{ "always", FOR_ALWAYS },
	{ 0 },
};

struct answer_words {
	uint64_t number;
	int verdict, scope;
};

static const struct field answer_fields[] = {
	{ "question", AS_U64, offsetof(struct answer_words, number), .required = true },
	{ "answer", AS_ENUM, offsetof(struct answer_words, verdict), .required = true,
	  .names = verdicts },
	{ "for", AS_ENUM, offsetof(struct answer_words, scope), .names = scopes },
	{ 0 },
};

static const struct field question_fields[] = {
	{ "question", AS_U64, offsetof(struct ask_question, number), .required = true },
	{ "over", AS_STRING, offsetof(struct ask_question, over) },
	{ "container", AS_STRING, offsetof(struct ask_question, container) },
	{ "profile", AS_STRING, offsetof(struct ask_question, profile) },
	{ "pid", AS_I64, offsetof(struct ask_question, pid) },
	{ "comm", AS_STRING, offsetof(struct ask_question, comm) },
	{ "syscall", AS_STRING, offsetof(struct ask_question, syscall) },
	{ "arguments", AS_STRING, offsetof(struct ask_question, arguments) },
	{ "kind", AS_STRING, offsetof(struct ask_question, kind) },
	{ "object", AS_STRING, offsetof(struct ask_question, object) },
	{ "pattern", AS_STRING, offsetof(struct ask_question, pattern) },
	{ "rule", AS_STRING, offsetof(struct ask_question, rule) },
	{ "timeout_ms", AS_U64, offsetof(struct ask_question, timeout_ms) },
	{ "always", AS_STRING, offsetof(struct ask_question, always) },
	{ 0 },
};

static int read_line(struct arena *a, const char *what, const char *line, size_t len,
		     const struct field *fields, void *out, struct err *e)
{
	struct doc doc;
	struct bind b = { .doc = &doc };

	TRY(doc_from_json(a, what, line, len, &doc, e));
	return bind_map(&b, doc.root, fields, out, e);
}

int ask_answer_read(struct arena *a, const char *line, size_t len, struct ask_answer *out,
		    struct err *e)
{
	struct answer_words w = { .scope = ASK_ONCE };

	TRY(read_line(a, "answer", line, len, answer_fields, &w, e));
	if (w.scope == FOR_ALWAYS && !w.verdict)
		return fail(e, EINVAL,
			    "answer: what is denied always belongs into filesystem.deny");
	*out = (struct ask_answer){ .number = w.number,
				    .yes = w.verdict,
				    .always = w.scope == FOR_ALWAYS,
				    .scope = w.scope == FOR_ALWAYS ? ASK_RUN
								   : (enum ask_scope)w.scope };
	return 0;
}

static const char *known(const char *s)
{
	return s != NULL ? s : "";
}

int ask_question_read(struct arena *a, const char *line, size_t len, struct ask_question *out,
		      struct err *e)
{
	const char **const texts[] = { &out->container, &out->profile, &out->comm,   &out->syscall,
				       &out->arguments, &out->kind,    &out->object, &out->pattern,
				       &out->rule,      &out->always };

	*out = (struct ask_question){ 0 };
	TRY(read_line(a, "question", line, len, question_fields, out, e));
	for (size_t i = 0; i < COUNT(texts); i++)
		*texts[i] = shown(a, known(*texts[i]));
	return 0;
}

void ask_answer_write(const struct ask_answer *answer, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_open_object(&w, NULL);
	json_put_u64(&w, "question", answer->number);
	json_put_string(&w, "answer", answer->yes ? "allow" : "deny");
	json_put_string(&w, "for", scopes[answer->always ? FOR_ALWAYS : answer->scope].name);
	json_close(&w);
	buf_puts(out, "\n");
}

void ask_question_write(const struct ask_question *q, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_open_object(&w, NULL);
	json_put_u64(&w, "question", q->number);
	if (q->over != NULL) {
		json_put_string(&w, "over", q->over);
	} else {
		json_put_string(&w, "container", q->container);
		json_put_string(&w, "profile", q->profile);
		json_put_i64(&w, "pid", q->pid);
		json_put_string(&w, "comm", q->comm);
		json_put_string(&w, "syscall", q->syscall);
		json_put_string(&w, "arguments", q->arguments);
		json_put_string(&w, "kind", q->kind);
		json_put_string(&w, "object", q->object);
		json_put_string(&w, "pattern", q->pattern);
		json_put_string(&w, "rule", q->rule);
		json_put_u64(&w, "timeout_ms", q->timeout_ms);
		json_put_string(&w, "always", q->always);
	}
	json_close(&w);
	buf_puts(out, "\n");
}

/* Rows say nothing of the protocol. */
static const char *always_connect(struct arena *a, const char *address)
{
	char host[ADDRESS_TEXT_MAX];
	uint16_t port;

	if (!address_parts(address, host, &port))
		return "";
	return arena_printf(a,
			    port != 0 ? "ask: {always: {connect: [{cidr: \"%s\", ports: [%u]}]}}"
				      : "ask: {always: {connect: [{cidr: \"%s\"}]}}",
			    host, port);
}

const char *ask_always(struct arena *a, enum ask_kind kind, const char *path)
{
	struct buf b = { .arena = a };

	if (kind == ASK_CONNECT)
		return always_connect(a, path);

	struct json_writer w = { .out = &b };
	char *pattern = arena_strdup(a, path);

	for (char *at = pattern; *at != '\0'; at++)
		if (*at == '*')
			*at = '?';
	json_put_string(&w, NULL, pattern);
	return arena_printf(a, "ask: {always: {%s: [%s]}}", ask_kind_names[kind], buf_text(&b));
}
