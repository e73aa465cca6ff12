/*
 * The host's configuration, then a choice by what it says; what is accepted names files as promised.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const struct builtin_profile builtin_profiles[] = { { "ci-runner", "", 0 }, { 0 } };

static void check_choice(const struct choice *c)
{
	if (c->name == NULL || *c->name == '\0' || !c->by_host ||
	    (c->file == NULL && profile_builtin(c->name) == NULL) || c->from.line == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct spec none = { .file = "config.json" };
	struct arena a = { 0 };
	struct config c;
	struct choice choice;
	struct err e = { 0 };
	int r = config_load(&a, "dir/config.yaml", (const char *)data, size, &c, &e);

	if (r < 0) {
		if (e.no != -r || e.text[0] == '\0' || strlen(e.text) >= ERR_TEXT_MAX)
			abort();
	} else {
		if (c.profiles[0] != '/' || c.on_excess < EXCESS_CUT || c.on_excess > EXCESS_REFUSE)
			abort();
		if (choice_of_profile(&a, NULL, &none, &c, &choice, &e) < 0)
			abort();
		if (c.profile.text != NULL)
			check_choice(&choice);
		if (choice_of_floor(&a, &c, &choice))
			check_choice(&choice);
	}
	arena_free(&a);
	return 0;
}
