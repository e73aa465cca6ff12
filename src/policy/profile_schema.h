/*
 * The profile's format as JSON Schema, made from the table that reads profiles. Pure.
 */
#ifndef POLICY_PROFILE_SCHEMA_H
#define POLICY_PROFILE_SCHEMA_H

#include "base/buf.h"

/* Draft 2020-12: https://json-schema.org/draft/2020-12. For what YAML gives as JSON. It accepts every profile that
 * zviz reads, but for words that YAML 1.1 takes for numbers or booleans, and refuses what can be seen of a single key;
 * what hangs together (extends, contradictions, what a host lacks) it cannot say. */
void profile_schema(struct buf *out);

#endif
