/*
 * From a tree to C structs, by one table for each struct: the only code that knows types, required,
 * unknown.
 *
 *   static const struct field root_fields[] = {
 *           { "path",     AS_STRING, offsetof(struct root, path), .required = true },
 *           { "readonly", AS_BOOL,   offsetof(struct root, readonly) },
 *           { 0 }
 *   };
 *
 * Several rows may have the same name: each takes what it wants from the value. Lists of structs and of
 * words append to what is there; everything else replaces it. Strict documents name no number and no bit twice.
 */
#ifndef TEXT_BIND_H
#define TEXT_BIND_H

#include "base/name.h"
#include "text/node.h"
#include "text/values.h"

struct bind;

enum field_as {
	AS_SKIP,    /* known, read elsewhere */
	AS_FROM,    /* struct from: where the value stands; with the name "", the map itself */
	AS_PRESENT, /* bool: true when the key is there */
	AS_CALL,    /* .call reads it; with the name "", it checks the map when all else is bound */
	AS_STRING,  /* const char * */
	AS_PATH,    /* const char *, absolute and without ".." */
	AS_BOOL,
	AS_U16,
	AS_U32,
	AS_U64,
	AS_I64,
	AS_ENUM,          /* int: a value of .names */
	AS_BITS,          /* unsigned: a list of .names, each sets the bit of its value */
	AS_AMOUNT,        /* struct amount */
	AS_SIGNED_AMOUNT, /* struct signed_amount */
	AS_NUMBERS,       /* list of numbers, .size bytes each (4 or 8) */
	AS_WORDS,         /* struct words */
	AS_STRINGS,       /* struct strings */
	AS_PAIRS,         /* struct pairs: a map of strings */
	AS_STRUCT,        /* a map, by .fields */
	AS_LIST,          /* a list of maps, .size bytes each, by .fields */
} __attribute__((packed));

/* How a number is written. */
enum field_unit {
	UNIT_ONE,
	UNIT_BYTES, /* "4G" */
	UNIT_MILLI, /* "0.5" is 500 */
} __attribute__((packed));

/* Words that have a table of their own. */
struct field_words {
	const char *name, *plural;    /* of one, and of several */
	const char *(*nth)(size_t i); /* NULL behind the last */
};

/* What people and other programs are told of a row: what it means, in sentences; the words that .check takes, and
 * whether it takes numbers as well; what they look like (a regular expression of ECMA 262); how AS_CALL and AS_SKIP may
 * be written, rows without names. Apart from the rows, most of which have none: their pages are written at each start, when
 * addresses are put in. */
struct field_about {
	const char *told;
	const struct field_words *words;
	const char *pattern;
	const struct field *forms;
	const char *needs; /* the key without which this one is refused */
	/* Of the whole map, in a row with the name "": which keys exclude each other, one being needed, up to a NULL; and
	 * the least number of keys. */
	const char *const *one_of;
	unsigned keys;
	bool numbers_too;
};
#define ABOUT(...)                                                                                 \
	&(const struct field_about)                                                                \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

struct field {
	const char *name;
	enum field_as as;
	uint16_t offset;
	bool required : 1;
	bool not_empty : 1; /* a list needs at least one element */
	enum field_unit unit;
	uint16_t size;
	int64_t min; /* of numbers; both 0: whatever the type holds */
	uint64_t max;
	const struct name *names;
	const struct field *fields;
	/* Looks at a scalar, at each element of a list of words or strings, or at each of the pairs. */
	int (*check)(const struct bind *b, const struct node *n, struct err *e);
	/* AS_CALL; `at` is the offset within the struct. */
	int (*call)(const struct bind *b, const struct node *n, void *at, struct err *e);

	/* For whoever describes the document, not for binding it. */
	const struct field_about *about;
};

/* Strict documents: an unknown key or a key without a value is an error. Others ignore the first,
 * and take null and "" for an absent value. */
struct bind {
	const struct doc *doc;
	bool strict;
};

/* Reads a map into *out, which holds the defaults. -EINVAL with the place. */
int bind_map(const struct bind *b, const struct node *map, const struct field *fields, void *out,
	     struct err *e);

/* For .check: an absolute path without "..", as long as the kernel takes. */
int bind_check_path(const struct bind *b, const struct node *n, struct err *e);

/* Whether it is text (and not a number or a bool in JSON). */
bool bind_is_text(const struct node *n);

/* The refusal of an unknown word, with the nearest known one (may be NULL) as its hint. */
int bind_unknown(const struct bind *b, const struct node *n, const char *what, const char *word,
		 const char *nearest, struct err *e);

/* A whole number from `min` to `max`. */
int bind_number(const struct bind *b, const struct node *n, uint64_t min, uint64_t max,
		uint64_t *out, struct err *e);

/* Looks a word up, or refuses it. */
int bind_name(const struct bind *b, const struct node *n, const char *what,
	      const struct name *names, int64_t *out, struct err *e);

#endif
