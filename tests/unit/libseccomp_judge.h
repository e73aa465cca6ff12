/* What the tests share that have libseccomp build the same policy. A failure in here fails the test. */
#ifndef TESTS_LIBSECCOMP_JUDGE_H
#define TESTS_LIBSECCOMP_JUDGE_H

#include <seccomp.h>

#include "policy/bpf.h"

/* A filter for this architecture alone, which kills calls of others. Free it with seccomp_release(). */
scmp_filter_ctx judge_open(uint32_t arch, bpf_verdict usual);

/* The number by which libseccomp wants this call of an architecture to be named: the native one, or one below zero.
 * __NR_SCMP_ERROR where it knows no name. */
int judge_number(uint32_t arch, int nr);

/* The program that it makes. */
void judge_program(struct arena *a, scmp_filter_ctx ctx, struct bpf_program *out);

#endif
