/*
 * A network device of the host's that zviz-net made, to be taken away by who may: zviz-net may not any more.
 */
#ifndef KERN_LINK_H
#define KERN_LINK_H

enum { LINK_TEXT_BYTES = 64 };

/* In which network namespace it is, and its number and name there, as text to keep. "" when there is none of this number, or its name
 * is not one of ours. */
void link_describe(unsigned index, char out[LINK_TEXT_BYTES]);

/* Removes it, and so its other end, wherever that is. Nothing happens where the caller stands in another network namespace, or the
 * number and the name are no longer one device's; an error is nobody's, for the kernel removes it with its other end's namespace. */
void link_remove(const char *text);

#endif
