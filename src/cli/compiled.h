/*
 * A folder that `zviz compile` made, read back: nothing in it is used before all of it is what it says.
 */
#ifndef CLI_COMPILED_H
#define CLI_COMPILED_H

#include "cli/command.h"
#include "policy/artifact.h"

/* Checks the folder and reads the profile from it. Every file must be there, no other may be, each must have its hash, the
 * filter that is needed must be proved equal to the profile, and all must be, byte for byte, what this zviz compiles the
 * profile to. Errors name the file. */
int compiled_load(struct cli *c, const char *folder, bool verbose, bool events, struct profile *out,
		  struct bpf_program *filter, struct err *e);

/* Makes the folder's filter the one that the plan loads. An error when the plan's own is another. */
int compiled_adopt(const char *folder, const struct bpf_program *filter, struct plan *plan,
		   struct err *e);

#endif
