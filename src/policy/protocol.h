/*
 * Protocols by the words that rules and events have for them. Pure.
 */
#ifndef POLICY_PROTOCOL_H
#define POLICY_PROTOCOL_H

/* "tcp" for IPPROTO_TCP; "ip" for what has no word. */
const char *protocol_word(int protocol);

#endif
