/*
 * A config.json. What is accepted must keep the promises of policy/spec.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void check_process(const struct spec *s)
{
	if (!s->process.set)
		return;
	need(s->process.args.n > 0 && s->process.args.at[0][0] != '\0');
	need(s->process.cwd != NULL && s->process.cwd[0] == '/');
	need(s->process.uid != UINT32_MAX && s->process.gid != UINT32_MAX &&
	     s->process.umask <= 0777);
	for (size_t i = 0; i < s->process.env.n; i++)
		need(strchr(s->process.env.at[i], '=') > s->process.env.at[i]);
	for (size_t i = 0; i < s->process.rlimits.n; i++)
		need(s->process.rlimits.at[i].soft <= s->process.rlimits.at[i].hard &&
		     s->process.rlimits.at[i].type != NULL &&
		     s->process.rlimits.at[i].from.path != NULL);
}

static void check_id_maps(const struct id_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		need(maps->at[i].count > 0 &&
		     maps->at[i].inside + maps->at[i].count > maps->at[i].inside);
}

static void check_linux(const struct spec *s)
{
	check_id_maps(&s->linux_.uid_maps);
	check_id_maps(&s->linux_.gid_maps);
	need(s->linux_.namespaces.n <= 8);
	for (size_t i = 0; i < s->linux_.namespaces.n; i++)
		need(s->linux_.namespaces.at[i].path == NULL ||
		     s->linux_.namespaces.at[i].path[0] == '/');
	for (size_t i = 0; i < s->linux_.devices.n; i++)
		need(s->linux_.devices.at[i].path[0] == '/' &&
		     s->linux_.devices.at[i].mode <= 07777);
	for (size_t i = 0; i < s->linux_.masked_paths.n; i++)
		need(s->linux_.masked_paths.at[i][0] == '/');
	for (size_t i = 0; i < s->linux_.resources.unified.n; i++)
		need(strchr(s->linux_.resources.unified.at[i].key, '/') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct spec s;
	struct err e = { 0 };
	int r = spec_load(&a, "config.json", (const char *)data, size, &s, &e);

	if (r < 0) {
		need(e.no == -r && e.text[0] != '\0' && strlen(e.text) < ERR_TEXT_MAX);
	} else {
		need(s.oci_version != NULL && s.root.path != NULL && s.root.path[0] != '\0');
		check_process(&s);
		check_linux(&s);
		for (size_t i = 0; i < s.mounts.n; i++)
			need(s.mounts.at[i].destination[0] == '/' &&
			     s.mounts.at[i].from.path != NULL);
	}
	arena_free(&a);
	return 0;
}
