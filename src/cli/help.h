/*
 * The help texts, made from the tables. Pure.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/buf.h"
#include "cli/command.h"

void help_overview(struct buf *b);
void help_command(struct buf *b, const struct command *c);
void help_version(struct buf *b);

#endif
