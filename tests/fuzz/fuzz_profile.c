/*
 * A profile. Whatever extends a file gets the same text again: chains and cycles end. What is accepted
 * must keep the promises of policy/profile.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char base[] =
	"zviz: 1\nsyscalls: {allow: [read, write], deny: [ptrace]}\n"
	"sockets: {allow: [{family: unix}]}\nfilesystem: {read: [/], hide: [/etc/shadow]}\n";

const struct builtin_profile builtin_profiles[] = { { "base", base, sizeof base - 1 }, { 0 } };

struct input {
	const char *text;
	size_t len;
};

static int open_again(void *ctx, const char *name, struct arena *a, char **text, size_t *len,
		      struct err *e)
{
	const struct input *in = ctx;

	if (strstr(name, "none") != NULL)
		return fail(e, 2, "%s: %m", name);
	*text = arena_alloc(a, in->len + 1);
	memcpy(*text, in->text, in->len);
	*len = in->len;
	return 0;
}

static void check_words(const struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->at[i].text == NULL ||
		    (w->at[i].from.file != NULL && w->at[i].from.line == 0))
			abort();
}

static void check_paths(const struct words *w)
{
	check_words(w);
	for (size_t i = 0; i < w->n; i++)
		if (w->at[i].text[0] != '/')
			abort();
}

static void check_rows(const struct profile *p)
{
	for (size_t i = 0; i < p->syscalls.where.n; i++) {
		const struct where_rule *w = &p->syscalls.where.at[i];

		if (w->syscall == NULL || w->arg > 5 || w->mask == 0 || w->n == 0 ||
		    w->from.line == 0)
			abort();
	}
	for (size_t i = 0; i < p->sockets_allow.n; i++)
		if (p->sockets_allow.at[i].types == 0)
			abort();
	for (size_t i = 0; i < p->network.egress.n; i++)
		if ((p->network.egress.at[i].cidr == NULL) ==
		    (p->network.egress.at[i].domain == NULL))
			abort();
	for (size_t i = 0; i < p->resources.io.n; i++)
		if (p->resources.io.at[i].path[0] != '/')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { (const char *)data, size };
	struct arena a = { 0 };
	struct profile p;
	struct err e = { 0 };
	int r = profile_load(&a, "dir/fuzz.yaml", in.text, in.len, open_again, &in, &p, &e);

	if (r < 0) {
		if (e.no != -r || e.text[0] == '\0' || strlen(e.text) >= ERR_TEXT_MAX)
			abort();
	} else {
		check_words(&p.namespaces);
		check_words(&p.syscalls.allow);
		check_words(&p.syscalls.deny);
		check_words(&p.warnings);
		check_paths(&p.filesystem.read);
		check_paths(&p.filesystem.write);
		check_paths(&p.filesystem.execute);
		check_paths(&p.filesystem.hide);
		check_rows(&p);
		if (p.name == NULL || p.file == NULL)
			abort();
	}
	arena_free(&a);
	return 0;
}
