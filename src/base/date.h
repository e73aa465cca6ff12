/*
 * Dates in UTC, without the C library: glibc's gmtime_r() and strftime() look at /etc/localtime first, which in a container
 * is the container's own file.
 */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

enum { DATE_ROOM = sizeof "9999-12-31T23:59:59" };

/* Seconds since 1970 as "2026-01-02T03:04:05". What is past the year 9999 is shown as 1970's beginning. Makes no system call. */
void date_write(uint64_t seconds, char out[DATE_ROOM]);

#endif
