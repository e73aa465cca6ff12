/*
 * Profiles as ready-made data. Reading a built-in's YAML at every start costs more than all the rest
 * of the plan, so the build reads it once and keeps the result as an image: struct profile with
 * everything it points at in one piece, pointers as offsets. An image needs no relocation: the binary
 * is position independent, and 1,700 pointers in const data would be relocated, and their pages
 * copied, at every start of every command. Private to src/policy and tools/.
 */
#ifndef POLICY_PROFILE_IMAGE_H
#define POLICY_PROFILE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "policy/profile.h"

/* What a struct holds that an image must keep. Rows end with size 0. */
enum shape_kind {
	SHAPE_BYTES, /* numbers, enums, bools: no pointer in them */
	SHAPE_TEXT,  /* const char *, may be NULL */
	SHAPE_LIST,  /* { size_t n, cap; T *at; } */
};

struct shape {
	enum shape_kind kind;
	uint16_t offset, size;    /* in the struct */
	uint16_t row_size;        /* of a list: of one T */
	const struct shape *rows; /* of a list: T's shape */
};

extern const struct shape profile_shape[];

/* `words` starts with the struct profile. `pointers` are the words, by number, that hold an offset in
 * bytes from the start of the image instead of an address. */
struct profile_image {
	size_t nwords, npointers;
	const uint64_t *words;
	const uint16_t *pointers;
};

/* The same profile, the same bytes. -E2BIG when it is larger than `pointers` can say. */
int profile_pack(struct arena *a, const struct profile *p, struct profile_image *out,
		 struct err *e);

/* A copy that may be changed as one that was loaded may be. */
void profile_unpack(struct arena *a, const struct profile_image *image, struct profile *out);

#endif
