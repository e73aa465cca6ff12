/*
 * Filters as files: an array of struct sock_filter.
 */
#ifndef CLI_FILTER_FILE_H
#define CLI_FILTER_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "kern/host.h"
#include "policy/bpf.h"

/* Reads one; it lives in `a`. -EINVAL when it cannot be one. */
int filter_file_read(struct arena *a, const char *path, struct bpf_program *out, struct err *e);

/* The architecture that this program was built for. */
enum host_arch filter_file_own_arch(void);

#endif
