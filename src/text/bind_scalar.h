/*
 * The scalar half of text/bind.c.
 */
#ifndef TEXT_BIND_SCALAR_H
#define TEXT_BIND_SCALAR_H

#include "text/bind.h"

int bind_scalar(const struct bind *b, const struct field *f, const struct node *n, void *at,
		struct err *e);

/* A number in the field's unit and range, at most `limit`. */
int bind_u64(const struct bind *b, const struct field *f, const struct node *n, uint64_t limit,
	     uint64_t *out, struct err *e);

/* The refusal of a value of the wrong type. */
int bind_expected(const struct bind *b, const struct node *n, const char *what, struct err *e);

#endif
