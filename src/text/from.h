/*
 * Where a value was written, so that every refusal can name its rule.
 */
#ifndef TEXT_FROM_H
#define TEXT_FROM_H

/* `file` is NULL for what nobody wrote (a default); `line` counts from 1, 0 when the reader knows no
 * lines (OCI files). `path` is the JSON path of the value ("process.user.uid"), or NULL. */
struct from {
	const char *file;
	const char *path;
	unsigned line, column;
};

#endif
