/*
 * File operations by a seeded generator, each with what came of it, one line each: two runs in fresh folders that should not
 * differ can be compared. Nothing that differs by itself (numbers of processes, inodes, times) is printed.
 */
#ifndef SAME_H
#define SAME_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

enum {
	PATH_ROOM = 4200, /* the longest path is one byte too long */
	SLOT = 20,        /* descriptors that operations start from have the numbers from here on */
	SLOTS = 8,
	SLOTS_FIXED = 6, /* the others change */
};

/* generate.c */
void random_seed(uint64_t seed);
/* 0 … n-1 */
uint32_t random_below(uint32_t n);
/* True once in n times. */
bool once_in(uint32_t n);
int random_dir(void);
void random_path(char path[PATH_ROOM]);
uint64_t random_flags(void);
uint32_t random_mode(void);

/* tree.c */

/* Makes the folder t, goes there and opens the slots. */
void tree_make(void);
/* Prints each name below t with what it is. */
void tree_print(void);

/* say.c: one line an operation */
extern unsigned operation;
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
/* Prints a path, shortened in the middle. */
void say_path(const char *path);
/* Ends the line with 0 or the name of an errno. */
void say_result(long r);
/* Ends it with what a descriptor is, closes it or makes it a slot; or with an errno. */
void say_descriptor(int fd);
void say_summary(void);
_Noreturn void die(const char *what);

/* opens.c, names.c: one operation */
void do_open(void);
void do_name(void);

/* Again as long as somebody on this machine renames something while ".." is looked at (EAGAIN). */
int same_openat2(int dir, const char *path, const void *how, size_t size);

/* edges.c: what is no matter of chance, and each promise of openat2 with each kind of path */
void do_edges(void);
void do_scopes(void);

#endif
