/*
 * Descriptors and a few bytes over a unix socket.
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

enum { SCM_ALL_MAX = 16 };

/* Sends an array of n (1 to SCM_ALL_MAX) descriptors in one message, -1 where there is none. 0 or -errno. */
int scm_send_all(int socket, const int *fds, size_t n);

/* Receives what scm_send_all() sent: 1, or 0 at the end, or -errno (-EBADMSG: it was something else). All of fds is -1
 * unless it came, and then owned and close-on-exec. */
int scm_receive_all(int socket, int *fds, size_t n);

#endif
