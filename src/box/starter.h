/*
 * What zviz is between init and the command where a profile has ask.execute (starter.c).
 */
#ifndef BOX_STARTER_H
#define BOX_STARTER_H

#include <stdbool.h>

/* Whether this program was started as that one. */
bool starter_is_meant(int argc, char **argv);

/* Becomes the command; returns the exit code when it cannot, and the launcher knows why. */
int starter_main(char **argv);

#endif
