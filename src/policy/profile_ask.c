/*
 * The schema's section ask:.
 */
#include <stddef.h>

#include "base/buf.h"
#include "base/num.h"
#include "policy/address.h"
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

/* ---- addresses ---- */

static int check_address(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	struct address_rule *r = at;
	struct buf text = { .arena = b->doc->arena };

	if (!address_range(r->cidr, r->base, &r->bits))
		return doc_fail(b->doc, n, e, "'%s' is no address range",
				text_shown(b->doc->arena, r->cidr));
	buf_puts(&text, r->cidr);
	for (size_t i = 0; i < r->n; i++)
		buf_printf(&text, "%c%u", i == 0 ? ':' : ',', (unsigned)r->ports[i]);
	r->text = buf_text(&text);
	return 0;
}

#define CIDR                                                                                           \
	{                                                                                              \
		"cidr", AS_STRING, offsetof(struct address_rule, cidr),                                \
			.required = true, .check = profile_check_cidr,                                 \
			.about =                                                                       \
				ABOUT(.pattern = profile_cidr_pattern,                                 \
				      .told = "An address or a range such as 10.0.0.0/8 or fd00::/8.") \
	}

static const struct field address_fields[] = {
	CIDR,
	{ "ports", AS_NUMBERS, offsetof(struct address_rule, n), .not_empty = true,
	  .size = sizeof(uint64_t), .min = 1, .max = UINT16_MAX,
	  .about = ABOUT(.told = "Which ports: every one unless written.") },
	{ "", AS_FROM, offsetof(struct address_rule, from) },
	{ "", AS_CALL, .call = check_address },
	{ 0 }
};
static const struct field gone_address_fields[] = {
	CIDR, { "", AS_FROM, offsetof(struct address_rule, from) }, { 0 }
};

#define ADDRESSES(member, rows, words)                                                             \
	{                                                                                          \
		"connect", AS_LIST, IN(member), .size = sizeof(struct address_rule),               \
						.fields = (rows), .about = ABOUT(.told = words)    \
	}
#define ALWAYS_ADDRESSES(rows)                                                                     \
	ADDRESSES(ask.always.connect, rows, "Where connections may go to without a question.")
#define ASKED_ADDRESSES(rows)                                                                      \
	ADDRESSES(ask.connect, rows,                                                               \
		  "Addresses about which is asked before something is connected or sent to them. " \
		  "Sockets of other families than unix, inet, inet6 and netlink, and of other "    \
		  "protocols than TCP, UDP, UDPLITE and ICMP, cannot be allowed beside them.")

/* ---- all of them ---- */

#define ALWAYS                                                                                     \
	{ "read", AS_WORDS, IN(ask.always.read), .check = profile_check_pattern,                   \
	  .about = ABOUT(.pattern = profile_pattern_pattern,                                       \
			 .told = "What may be read without a question.") },                        \
		{ "write", AS_WORDS, IN(ask.always.write), .check = profile_check_pattern,         \
		  .about = ABOUT(.pattern = profile_pattern_pattern,                               \
				 .told = "What may be written without a question.") },             \
	{                                                                                          \
		"execute", AS_WORDS, IN(ask.always.execute),                                       \
			.check = profile_check_pattern,                                            \
			.about = ABOUT(.pattern = profile_pattern_pattern,                         \
				       .told = "What may be executed without a question.")         \
	}

static const struct field always_fields[] = { ALWAYS, ALWAYS_ADDRESSES(address_fields), { 0 } };
static const struct field gone_always_fields[] = { ALWAYS,
						   ALWAYS_ADDRESSES(gone_address_fields),
						   { 0 } };

#define LISTS(always)                                                                                            \
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
			.fields = (always),                                                                      \
			.about =                                                                                 \
				ABOUT(.told = "What has been answered already. An answer \"always\" prints the " \
					      "line to be added here.")                                          \
	}

const struct field_about profile_ask_about = {
	.told = "Patterns inside of what filesystem permits, as those of filesystem.deny, and addresses: the call waits until a person at the "
		"terminal, or the program behind --ask-socket, has said yes or no. Nobody there to be asked is a no.",
};

const struct field profile_ask_fields[] = {
	LISTS(always_fields),
	ASKED_ADDRESSES(address_fields),
	{ "timeout", AS_CALL, IN(ask.timeout), .call = read_timeout,
	  .about = ABOUT(.forms = timeout_forms,
			 .told = "How long a question waits for its answer: 60s unless written.") },
	{ 0 }
};

const struct field profile_ask_lists[] = { LISTS(gone_always_fields),
					   ASKED_ADDRESSES(gone_address_fields),
					   { 0 } };
