/*
 * One descriptor and a few bytes over a unix socket.
 */
#ifndef KERN_SCM_H
#define KERN_SCM_H

#include <stddef.h>
#include <sys/types.h>

/* Sends `len` (at least 1) bytes in one message, with `fd` unless it is -1. 0 or -errno;
 * -EMSGSIZE when the socket took only a part. Never raises SIGPIPE. */
int scm_send(int socket, const void *data, size_t len, int fd);

/* Receives one message of at most `len` bytes: their number, 0 at the end. *fd becomes an owned,
 * close-on-exec descriptor, or -1 when none came. A longer message, or one with more descriptors
 * than one, is -EBADMSG and nothing of it is kept. */
ssize_t scm_receive(int socket, void *data, size_t len, int *fd);

#endif
