/*
 * Counting words: the honest part of the project.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

struct count {
	size_t lines, words, bytes;
};

/* Counts as wc does: a word is a run of bytes that are not white space. */
struct count words_count(const char *text, size_t len);

#endif
