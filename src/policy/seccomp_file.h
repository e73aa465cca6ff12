/*
 * Seccomp sections on their own, to be compared with profiles: linux.seccomp of a config.json, or the file that an
 * engine makes such sections from. Pure.
 */
#ifndef POLICY_SECCOMP_FILE_H
#define POLICY_SECCOMP_FILE_H

#include "policy/bpf.h"

/* The section as the filter that it stands for on one architecture (AUDIT_ARCH_*). `text` is a config.json, or a section
 * alone. Entries of an engine's template that depend on capabilities count as for a container with the engine's usual
 * ones, those that depend on the kernel as for a new one. Errors name the JSON path. */
int seccomp_file_filter(struct arena *a, const char *file, const char *text, size_t len,
			uint32_t arch, struct bpf_program *out, struct err *e);

#endif
