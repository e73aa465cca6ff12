/*
 * What a launcher and the broker of a container that runs say to each other, when a process is to join the container.
 */
#ifndef KERN_DOOR_H
#define KERN_DOOR_H

#include <signal.h>

enum {
	DOOR_KNOCK = SIGURG, /* nothing happens of it where nobody listens for it */
	DOOR_COME = 'c',     /* the broker waits for a listener */
	DOOR_FULL = 'f',     /* it serves as many as it can */
};

#endif
