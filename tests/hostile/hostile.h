/*
 * A workload that does its worst to a broker: random calls with random and nearly valid arguments, from processes that are
 * signalled, killed and robbed of their memory and descriptors meanwhile. It works in the current folder, which has
 *
 *   keep/.env           what must be neither read nor written: its text is CANARY
 *   hooks/              what must not be written
 *   play/               what may be changed at will
 *
 * Everything comes from one seed; a worker's calls are the same each time, what its threads do to it meanwhile is not.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CANARY   "zviz-canary"
#define COUNT(a) (sizeof(a) / sizeof *(a))

enum {
	CALLS_MAX = 64,
	WORKERS = 4,             /* at once */
	SPOILERS = 2,            /* threads beside each worker's own */
	HOSTILE_PATH = 2 * 4096, /* bytes that random_path() may take */
	FDS = 48, /* the numbers that calls are about: what opens leave there, is used and closed */
};

/* What all processes share. */
struct score {
	_Atomic uint64_t made[CALLS_MAX], passed[CALLS_MAX];
	_Atomic uint64_t made32, passed32; /* of these, by i386's numbers */
	_Atomic uint64_t killed, ended;    /* workers */
	_Atomic uint64_t obtained;         /* reads that returned the canary */
};
extern struct score *score;

/* chance.c: each thread has its own. */
void chance_seed(uint64_t seed);
uint64_t chance(void);
uint32_t below(uint32_t n); /* 0 … n-1 */
bool once_in(uint32_t n);
uint64_t any_bits(void); /* small, large, negative, one bit, or anything */

/* memory.c: at addresses that fit into 32 bits, for calls of i386. */
void memory_make(void);
/* Somewhere to put `len` bytes: in the middle, at an edge, across one. NULL: take any address instead. */
void *memory_room(size_t len);
uint64_t memory_anywhere(void);
/* Changes it beneath whoever reads it. */
void memory_spoil(void);
/* Copies though the page may vanish in the middle: what faults is left out. */
void memory_put(void *to, const void *from, size_t len);
void memory_catch_faults(void);

/* arguments.c */
size_t random_path(char path[HOSTILE_PATH]); /* its length; bytes may follow its first NUL */
uint64_t some_path(void);
uint64_t some_text(void);
uint64_t some_fd(void);
uint64_t some_dir(void);
uint64_t some_open_flags(void);
uint64_t some_mode(void);
uint64_t some_how(void);
uint64_t some_how_size(void);
uint64_t some_name_flags(void);
uint64_t some_clone_flags(void);
uint64_t some_ioctl(void);
uint64_t some_prctl(void);
uint64_t some_family(void);
uint64_t some_type(void);
uint64_t some_length(void);
uint64_t some_pointers(void);

/* sockets.c */
void sockets_for(bool i386); /* how this thread's next messages are laid out */
uint64_t some_socket(void);
uint64_t some_address(void);
uint64_t some_address_length(void);
uint64_t some_send_flags(void);
uint64_t some_message(void);
uint64_t some_messages(void);
uint64_t some_message_count(void);
uint64_t some_words(void);
uint64_t some_part_of_many(void);

/* calls.c */
void call_random(bool i386);
const char *call_name(unsigned i); /* NULL: no more */
bool call_has_i386(void);

/* worker.c: never returns */
_Noreturn void worker_main(uint64_t seed, bool i386);

_Noreturn void die(const char *what);

#endif
