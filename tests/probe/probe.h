/*
 * Small attacks, each tried once from inside a sandbox. Every probe runs in a child of its own,
 * so that whatever it closes, tightens or breaks is gone afterwards, and is harmless where it
 * succeeds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long the text of a result may be. */
enum { SAY_MAX = 1024 };

/* One of `run` and `tell`, or a plain system call: number and arguments.
 * run:  0 or more is "ok", less is -errno and printed as its name.
 * tell: writes the value itself into `say` of SAY_MAX bytes. */
struct probe {
	const char *name;
	long (*run)(void);
	void (*tell)(char *say);
	long nr;
	uintptr_t arg[6];
};

/* A number that this architecture does not have: the probe says "absent". */
enum { NO_SUCH_CALL = -2 };

/* clang-format off */
#define CALL(name, nr, ...) { name, NULL, NULL, nr, { __VA_ARGS__ } }
#define RUN(name, function) { name, function, NULL, 0, { 0 } }
#define TELL(name, function) { name, NULL, function, 0, { 0 } }
/* clang-format on */
#define P(text) ((uintptr_t)(text))

/* Each ends with a row without a name. */
extern const struct probe call_probes[], namespace_probes[], filter_probes[], socket_probes[],
	file_probes[], proc_probes[], process_probes[], limit_probes[];

/* 0 or -errno, from what a libc function returned. */
long outcome(long ret);

/* Adds ",word" to the list in `say`, or "word" when it is empty; drops what does not fit. */
void say_word(char *say, const char *word);

/* The text of a small file, "" when it cannot be read. */
void read_text(const char *path, char *text, size_t size);
