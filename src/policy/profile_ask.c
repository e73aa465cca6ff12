/*
 * The schema's section ask:.
 */
#include <stddef.h>

#include "base/num.h"
#include "policy/profile_fields.h"

#define IN(member) offsetof(struct profile, member)

/* A day: who is asked may be asleep, and the call holds nothing but itself up. */
enum { TIMEOUT_MS_MAX = 24 * 60 * 60 * 1000 };

static const char timeout_pattern[] = "^[0-9]+(ms|s|m|h)?$";

static int read_timeout(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct amount *timeout = at;
	uint64_t ms;

	if ((n->kind != NODE_PLAIN && n->kind != NODE_STRING) ||
	    num_duration_ms(n->text, &ms) < 0 || ms == 0 || ms > TIMEOUT_MS_MAX) {
		doc_fail(b->doc, n, e, "this is no time that a question can wait");
		return advise(e, "write a time such as 30s, 10m or 500ms, at most 24h");
	}
	*timeout = (struct amount){ .set = true, .value = ms, .from = doc_place(b->doc, n) };
	return 0;
}

static const struct field timeout_forms[] = {
	{ "", AS_STRING, .about = ABOUT(.pattern = timeout_pattern) }, { 0 }
};

static const struct field always_fields[] = {
	{ "read", AS_WORDS, IN(ask.always.read), .check = profile_check_pattern,
	  .about = ABOUT(.pattern = profile_pattern_pattern,
			 .told = "What may be read without a question.") },
	{ "write", AS_WORDS, IN(ask.always.write), .check = profile_check_pattern,
	  .about = ABOUT(.pattern = profile_pattern_pattern,
			 .told = "What may be written without a question.") },
	{ "execute", AS_WORDS, IN(ask.always.execute), .check = profile_check_pattern,
	  .about = ABOUT(.pattern = profile_pattern_pattern,
			 .told = "What may be executed without a question.") },
	{ 0 }
};

#define LISTS                                                                                                    \
	{ "read", AS_WORDS, IN(ask.read), .check = profile_check_pattern,                                        \
	  .about = ABOUT(.pattern = profile_pattern_pattern,                                                     \
			 .told = "Files about which is asked before they are read.") },                          \
		{ "write", AS_WORDS, IN(ask.write), .check = profile_check_pattern,                              \
		  .about =                                                                                       \
			  ABOUT(.pattern = profile_pattern_pattern,                                              \
				.told = "Files about which is asked before they are written, made, removed or "  \
					"replaced.") },                                                          \
		{ "execute", AS_WORDS, IN(ask.execute), .check = profile_check_pattern,                          \
		  .about =                                                                                       \
			  ABOUT(.pattern = profile_pattern_pattern,                                              \
				.told = "Programs about which is asked before they are started. Of a script, "   \
					"that is its interpreter; the script itself is read.") },                \
	{                                                                                                        \
		"always", AS_STRUCT,                                                                             \
			.fields = always_fields,                                                                 \
			.about =                                                                                 \
				ABOUT(.told = "What has been answered already. An answer \"always\" prints the " \
					      "line to be added here.")                                          \
	}

const struct field_about profile_ask_about = {
	.told = "Patterns inside of what filesystem permits, as those of filesystem.deny: the call waits until a person at the "
		"terminal, or the program behind --ask-socket, has said yes or no. Nobody there to be asked is a no.",
};

const struct field profile_ask_fields[] = {
	LISTS,
	{ "timeout", AS_CALL, IN(ask.timeout), .call = read_timeout,
	  .about = ABOUT(.forms = timeout_forms,
			 .told = "How long a question waits for its answer: 60s unless written.") },
	{ 0 }
};

const struct field profile_ask_lists[] = { LISTS, { 0 } };
