/*
 * The words that values of a profile may be.
 */
#ifndef POLICY_PROFILE_WORDS_H
#define POLICY_PROFILE_WORDS_H

#include "base/name.h"
#include "text/bind.h"

/* Values that are one word of a few, each up to a row without a name: then (enum profile_verdict); every requirement (enum
 * need); network.mode; audit; filesystem.root (true is readonly). */
extern const struct name profile_verdicts[], profile_needs[], profile_modes[], profile_audits[],
	profile_roots[];

/* Words of syscalls.architectures and of requirements.cgroup. */
extern const struct name profile_architectures[], profile_controllers[];

/* The words that a list may hold, for whoever describes them; call_words are those of syscalls and of groups. */
extern const struct field_words profile_syscall_words, profile_call_words, profile_ioctl_words,
	profile_prctl_words, profile_capability_words, profile_namespace_words,
	profile_architecture_words, profile_controller_words;

/* What is wrong with a word of a profile's devices, or NULL. */
const char *profile_device_fault(const char *path);

#endif
