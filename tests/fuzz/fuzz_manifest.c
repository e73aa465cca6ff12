/*
 * A manifest.json. What is accepted must keep the promises of policy/manifest.h: no name leads out of the folder.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void check_files(const struct manifest *m, const struct manifest_files *list)
{
	need(list->n > 0);
	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *f = &list->at[i];

		need(strlen(f->sha256) == 64);
		if (f->file == NULL)
			continue;
		need(f->file[0] != '\0' && f->file[0] != '.' && strchr(f->file, '/') == NULL);
		need(strcmp(f->file, MANIFEST_NAME) != 0);
		need(manifest_find(m, f->file) == f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct manifest m;
	struct err e = { 0 };

	if (manifest_read(&a, (const char *)data, size, &m, &e) == 0) {
		need(m.format == MANIFEST_FORMAT && m.zviz != NULL && m.profile != NULL);
		check_files(&m, &m.inputs);
		check_files(&m, &m.outputs);
		for (size_t i = 0; i < m.outputs.n; i++)
			need(m.outputs.at[i].file != NULL);
		for (size_t i = 0; i < m.inputs.n; i++)
			need(m.inputs.at[i].name != NULL);
	} else {
		need(e.no > 0 && e.text[0] != '\0');
	}
	arena_free(&a);
	return 0;
}
