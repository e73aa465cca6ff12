/*
 * Which device nodes of this machine a container may have. Private to src/cli.
 */
#ifndef CLI_NODES_H
#define CLI_NODES_H

#include "cli/command.h"
#include "cli/prepare.h"

/* Fills p->request.nodes by p->profile, p->spec and the rest of p->request: nothing is looked up that nobody asks for. */
void nodes_find(struct cli *c, struct prepared *p);

#endif
