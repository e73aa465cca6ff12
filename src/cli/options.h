/*
 * Command lines as data: a table of options fills a struct. Pure: no file, no environment, no
 * output.
 *
 * Taken: --name VALUE, --name=VALUE, -name VALUE (one dash, as container engines write it), -n
 * VALUE, --flag, --flag=true|false. "--" ends the options; "-" alone is a word. Unknown options are
 * errors.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/name.h"

/* What an option stores at its offset. */
enum option_type {
	OPTION_FLAG = 0, /* bool */
	OPTION_SET,     /* struct amount: the row's `value`; for pairs such as --tty and --no-tty */
	OPTION_STRING,  /* const char *, never "" */
	OPTION_STRINGS, /* struct strings: one more each time */
	OPTION_PAIRS,   /* struct pairs: KEY=VALUE, one more each time; KEY is never "" */
	OPTION_U64,     /* struct amount */
	OPTION_BYTES,   /* struct amount */
	OPTION_MILLI,   /* struct amount: thousandths */
	OPTION_DURATION, /* struct amount: milliseconds */
	OPTION_CHOICE,   /* struct amount: the value of one of `choices` */
	OPTION_PARSED,   /* whatever `parse` fills */
};

struct option_row {
	const char *name; /* without dashes */
	char letter;      /* 0: no short form */
	enum option_type type;
	const char *argument; /* what the help calls the value, NULL for flags */
	const char *help;     /* one line */
	size_t offset;        /* into the struct of the table */
	uint64_t value;
	const struct name *choices;
	int (*parse)(const char *text, void *into, struct err *e);
	bool positive; /* of a number: 0 is no value of it */
};

/* Rows ended by a NULL name, and the struct that they fill. Without a struct the options are
 * known but belong before the command, and the error says so. */
struct option_table {
	const struct option_row *rows;
	void *into;
};

enum option_order {
	OPTIONS_FIRST,    /* the first word ends the options: what follows is another program's */
	OPTIONS_ANYWHERE, /* words and options mix */
};

struct option_words {
	int n;
	char **at;
};

/* Reads `argv` (without the program's name) into the tables' structs, which must start zeroed,
 * and puts the words that are no options into *words. Strings are borrowed from argv; lists and
 * copies live in `a`. */
int options_parse(struct arena *a, const struct option_table *tables, size_t ntables,
		  enum option_order order, int argc, char **argv, struct option_words *words,
		  struct err *e);

/* The option called `word` (dashes and "=value" permitted), or NULL. */
const struct option_row *option_find(const struct option_row *rows, const char *word);

#endif
