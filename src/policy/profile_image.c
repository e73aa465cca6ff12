#include "policy/profile_image.h"

#include <string.h>

void profile_unpack(struct arena *a, const struct profile_image *image, struct profile *out)
{
	uint64_t *words = arena_array(a, image->nwords, sizeof *words);

	memcpy(words, image->words, image->nwords * sizeof *words);
	for (size_t i = 0; i < image->npointers; i++)
		words[image->pointers[i]] += (uintptr_t)words;
	memcpy(out, words, sizeof *out);
}
