/*
 * manifest.json of a compiled profile: what it was made from, what was made, and where each rule landed. Pure.
 */
#ifndef POLICY_MANIFEST_H
#define POLICY_MANIFEST_H

#include "base/buf.h"
#include "base/err.h"

/* Of the manifest and of the folder around it. Goes up when an older zviz could misread one. */
enum { MANIFEST_FORMAT = 1 };
#define MANIFEST_NAME "manifest.json"

/* `file` lies in the folder; of an input it is NULL where the profile is a built-in one. */
struct manifest_file {
	const char *name; /* of an input: as the profile calls it */
	const char *file;
	const char *sha256;
};
struct manifest_files {
	size_t n, cap;
	struct manifest_file *at;
};

struct manifest {
	unsigned format;
	const char *zviz, *profile;
	struct manifest_files inputs, outputs;
};

/* Reads one, strictly; a newer format is an error that says so. Every `file` is a plain name, and none is there twice. */
int manifest_read(struct arena *a, const char *text, size_t len, struct manifest *out,
		  struct err *e);

/* The file of this name among inputs and outputs, or NULL. */
const struct manifest_file *manifest_find(const struct manifest *m, const char *file);

#endif
