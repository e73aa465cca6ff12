/*
 * One direction of a relay: a bounded buffer between two descriptors. It reads only when the buffer
 * is empty, so a slow reader holds back the writer.
 */
#ifndef CLI_FLOW_H
#define CLI_FLOW_H

#include <stdbool.h>
#include <stddef.h>

/* No larger than PIPE_BUF: a pipe that polls writable takes this much without blocking. */
enum { FLOW_BYTES = 4096 };

struct flow {
	int from, to;   /* borrowed */
	bool ended;     /* `from` has no more */
	bool broken;    /* `to` takes no more: what is read is thrown away */
	char last;      /* the last byte that was read */
	size_t at, end; /* bytes that wait */
	char bytes[FLOW_BYTES];
};

static inline bool flow_wants_read(const struct flow *f)
{
	return !f->ended && f->from >= 0 && f->at == f->end;
}

static inline bool flow_wants_write(const struct flow *f)
{
	return f->at < f->end;
}

/* One read, and one write. False when it would have blocked. */
bool flow_read(struct flow *f);
bool flow_write(struct flow *f);

/* The same pipe or terminal, opened once more without blocking: the flag belongs to the open
 * file, and the caller's is shared with other programs. -1 where that is not possible; use the
 * original then. */
int flow_reopen(int fd, int mode);

#endif
