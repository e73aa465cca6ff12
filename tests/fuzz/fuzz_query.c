/*
 * A question: a line for the profile, then words that end with a newline. What is answered agrees with the filter,
 * prints without a byte that steers a terminal, and is JSON.
 */
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/query.h"
#include "text/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 16, PROFILES = 2 };

static const char asks_for_opens[] =
	"zviz: 1\nname: own\nextends: ci-runner\n"
	"syscalls: {allow: [mount], where: [{syscall: kill, arg: 1, mask: 0xff, in: [9], then: deny}]}\n"
	"filesystem: {deny: {read: [\"**/.env\", \"/work/*/x\"], write: [\"**/.git/**\"]}}\n";

struct world {
	struct arena a;
	struct profile profile;
	struct spec spec;
	struct host host;
	struct direct_view view;
	struct plan_request request;
	struct plan plan;
};

static void make(struct world *w, const char *file, const char *text, size_t len)
{
	struct err e;

	w->host = (struct host){ .privileged = true,
				 .initial_userns = true,
				 .id_limit = UINT32_MAX,
				 .user_namespaces = true,
				 .landlock_abi = 6,
				 .seccomp_notify = true };
	w->spec.file = "fuzz";
	*LIST_ADD(&w->a, &w->spec.process.args) = "true";
	w->view = (struct direct_view){ .work = "/w", .user = "user", .home = "/home/user" };
	w->request.id = "fuzz";
	w->request.direct = &w->view;
	if (profile_load(&w->a, file, text, len, NULL, NULL, &w->profile, &e) < 0 ||
	    plan_make(&w->a, &w->request, &w->spec, &w->profile, &w->host, &w->plan, &e) < 0)
		abort();
}

/* Made once: a plan takes longer than a question. */
static const struct plan *plan_of(unsigned which)
{
	static struct world worlds[PROFILES];
	struct world *w = &worlds[which % PROFILES];
	const struct builtin_profile *b = profile_builtin("web-server");

	if (w->plan.id == NULL && which % PROFILES == 0)
		make(w, b->name, b->text, b->len);
	else if (w->plan.id == NULL)
		make(w, "own.yaml", asks_for_opens, sizeof asks_for_opens - 1);
	return &w->plan;
}

static int split(struct arena *a, const uint8_t *data, size_t size, const char **argv)
{
	int n = 0;

	while (size > 0 && n < WORDS_MAX) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t len = newline != NULL ? (size_t)(newline - data) : size;

		argv[n++] = arena_strndup(a, (const char *)data, len);
		len += newline != NULL;
		data += len;
		size -= len;
	}
	return n;
}

static bool all_given(const struct query *q)
{
	for (unsigned i = 0; i < QUERY_ARGS; i++)
		if (q->call->arg[i] != ARG_NONE && !q->given[i])
			return false;
	return q->kind == QUERY_CALL;
}

static void check_verdict(const struct plan *p, const struct query *q,
			  const struct query_answer *answer)
{
	struct bpf_call c = { .arch = AUDIT_ARCH_X86_64,
			      .nr = syscall_nr(q->call, AUDIT_ARCH_X86_64) };
	enum query_verdict said = answer->parts[0].verdict;

	memcpy(c.arg, q->arg, sizeof c.arg);
	switch (bpf_run(&p->filter, &c, NULL, NULL) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		if (said != QUERY_ALLOWED && said != QUERY_ALLOWED_ARGS)
			abort();
		break;
	case SECCOMP_RET_USER_NOTIF:
		if (!answer->cost.broker)
			abort();
		break;
	default:
		if (said != QUERY_REFUSED || answer->cost.broker)
			abort();
	}
}

static void check_text(struct arena *a, const struct query_answer *answer)
{
	struct buf text = { .arena = a }, json = { .arena = a };
	struct doc doc;
	struct err e;

	query_print(answer, &text);
	for (size_t i = 0; i < text.len; i++)
		if ((text.text[i] < 0x20 && text.text[i] != '\n') || text.text[i] == 0x7f)
			abort();
	query_json(answer, &json);
	if (doc_from_json(a, "answer", buf_text(&json), json.len, &doc, &e) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	const char *argv[WORDS_MAX];
	struct query_answer answer;
	struct query q;
	struct err e = { 0 };

	if (size < 2 || size > 1 << 14)
		return 0;

	const struct plan *p = plan_of(data[0]);
	int argc = split(&a, data + 1, size - 1, argv);
	int r = query_parse(&a, argc, argv, &q, &e);

	if (r == 0)
		r = query_ask(&a, p, &q, &answer, &e);
	if (r < 0 && (e.no != -r || e.text[0] == '\0'))
		abort();
	if (r == 0) {
		if (q.call != NULL && all_given(&q))
			check_verdict(p, &q, &answer);
		check_text(&a, &answer);
	}
	arena_free(&a);
	return 0;
}
