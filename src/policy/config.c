#include "policy/config.h"

#include <string.h>

#include "policy/choice.h"
#include "text/bind.h"

const char config_default_file[] = "/etc/zviz/config.yaml";

#define IN(member) offsetof(struct config, member)

static const struct name excess_words[] = { { "cut", EXCESS_CUT },
					    { "refuse", EXCESS_REFUSE },
					    { 0 } };

static int read_version(const struct bind *b, const struct node *n, void *at, struct err *e)
{
	(void)at;
	if (n->kind == NODE_PLAIN && strcmp(n->text, "1") == 0)
		return 0;
	doc_fail(b->doc, n, e, "this zviz reads version 1 of the configuration only");
	return advise(e, "write 'zviz: 1', or leave it out");
}

/* That there is such a profile is found out where it is wanted. */
static int check_profile(const struct bind *b, const struct node *n, struct err *e)
{
	if (choice_is_file(n->text) || choice_is_name(n->text))
		return 0;
	doc_fail(b->doc, n, e, "'%s' is neither the name of a profile nor a file's",
		 text_shown(b->doc->arena, n->text));
	return advise(e, "a file's name has a slash or ends in .yaml");
}

static const struct field config_fields[] = {
	{ "zviz", AS_CALL, .call = read_version },
	{ "default", AS_STRING, IN(profile.text), .check = check_profile },
	{ "default", AS_FROM, IN(profile.from) },
	{ "floor", AS_STRING, IN(floor.text), .check = check_profile },
	{ "floor", AS_FROM, IN(floor.from) },
	{ "profiles", AS_PATH, IN(profiles) },
	{ "on_excess", AS_ENUM, IN(on_excess), .names = excess_words },
	{ "on_excess", AS_FROM, IN(on_excess_from) },
	{ 0 }
};

struct config config_defaults(void)
{
	return (struct config){ .profiles = "/etc/zviz/profiles" };
}

/* A file of comments, such as the example that is shipped, says nothing; to YAML it is no document. */
static bool says_nothing(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '#')
			while (i < len && text[i] != '\n')
				i++;
		else if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
			return false;
	}
	return true;
}

int config_load(struct arena *a, const char *file, const char *text, size_t len, struct config *out,
		struct err *e)
{
	struct doc doc;
	const struct bind b = { &doc, .strict = true };

	*out = config_defaults();
	out->file = file;
	if (says_nothing(text, len))
		return 0;
	TRY(doc_from_yaml(a, file, text, len, &doc, e));
	return bind_map(&b, doc.root, config_fields, out, e);
}
