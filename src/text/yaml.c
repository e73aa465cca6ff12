/*
 * YAML to a tree, by libyaml's events. Anchors, aliases, tags and further documents are refused: a profile
 * means what its lines say, and no line can stand for a thousand others.
 */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "text/node.h"

struct reader {
	struct doc *doc;
	struct node *open; /* the innermost list or map that is not closed yet */
	const char *key;   /* read, its value not yet */
	unsigned key_line, key_column;
	unsigned depth, nodes;
	bool documents; /* one was seen */
	struct err *e;
};

static int refuse(const struct reader *r, const yaml_event_t *ev, const char *why)
{
	return fail(r->e, EINVAL, "%s:%zu:%zu: %s", r->doc->file, ev->start_mark.line + 1,
		    ev->start_mark.column + 1, why);
}

static int syntax_error(const struct reader *r, const yaml_parser_t *p)
{
	const char *problem = p->problem != NULL ? p->problem : "cannot be read";

	if (p->error == YAML_READER_ERROR)
		return fail(r->e, EINVAL, "%s: byte %zu: %s", r->doc->file, p->problem_offset,
			    problem);
	if (p->context != NULL)
		return fail(r->e, EINVAL, "%s:%zu:%zu: %s %s", r->doc->file,
			    p->problem_mark.line + 1, p->problem_mark.column + 1, problem,
			    p->context);
	return fail(r->e, EINVAL, "%s:%zu:%zu: %s", r->doc->file, p->problem_mark.line + 1,
		    p->problem_mark.column + 1, problem);
}

/* Puts a new value where the document stands. */
static struct node *add(struct reader *r, const yaml_event_t *ev, enum node_kind kind)
{
	struct node *n = node_add(r->doc->arena, r->open, kind);

	n->line = (unsigned)ev->start_mark.line + 1;
	n->column = (unsigned)ev->start_mark.column + 1;
	n->key = r->key;
	r->key = NULL;
	if (r->open == NULL)
		r->doc->root = n;
	return n;
}

static bool means_null(const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;

	return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int take_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (ev->data.scalar.anchor != NULL || ev->data.scalar.tag != NULL)
		return refuse(r, ev, "anchors and tags are not permitted");
	if (memchr(text, '\0', len) != NULL)
		return refuse(r, ev, "a NUL character is not permitted");
	if (r->open != NULL && r->open->kind == NODE_MAP && r->key == NULL) {
		r->key = arena_strndup(r->doc->arena, text, len);
		return 0;
	}

	struct node *n = add(r, ev, means_null(ev) ? NODE_NULL : plain ? NODE_PLAIN : NODE_STRING);

	if (n->kind != NODE_NULL)
		n->text = arena_strndup(r->doc->arena, text, len);
	return 0;
}

static int open_list_or_map(struct reader *r, const yaml_event_t *ev, enum node_kind kind,
			    bool marked)
{
	if (marked)
		return refuse(r, ev, "anchors and tags are not permitted");
	if (r->open != NULL && r->open->kind == NODE_MAP && r->key == NULL)
		return refuse(r, ev, "a key must be a word");
	if (r->depth++ >= DOC_DEPTH_MAX)
		return refuse(r, ev, "nested too deeply");
	r->open = add(r, ev, kind);
	return 0;
}

static int close_list_or_map(struct reader *r, const yaml_event_t *ev)
{
	const struct node *twice = NULL;

	if (r->open == NULL) /* libyaml promises that it never happens */
		return refuse(r, ev, "the end of a list or map that was not begun");
	if (r->open->kind == NODE_MAP)
		twice = node_twice(r->doc->arena, r->open);
	if (twice != NULL)
		return doc_fail(r->doc, twice, r->e, "this key was given before");
	r->open = r->open->parent;
	r->depth--;
	return 0;
}

static int take(struct reader *r, const yaml_event_t *ev)
{
	if (r->nodes++ >= DOC_YAML_NODES_MAX)
		return refuse(r, ev, "too many values in one document");
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents)
			return refuse(r, ev, "only one document is permitted");
		r->documents = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(r, ev, "aliases are not permitted");
	case YAML_SCALAR_EVENT:
		return take_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		return open_list_or_map(r, ev, NODE_LIST,
					ev->data.sequence_start.anchor != NULL ||
						ev->data.sequence_start.tag != NULL);
	case YAML_MAPPING_START_EVENT:
		return open_list_or_map(r, ev, NODE_MAP,
					ev->data.mapping_start.anchor != NULL ||
						ev->data.mapping_start.tag != NULL);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_list_or_map(r, ev);
	default:
		return 0;
	}
}

static int read_events(struct reader *r, yaml_parser_t *p)
{
	for (;;) {
		yaml_event_t ev;

		if (!yaml_parser_parse(p, &ev))
			return syntax_error(r, p);

		int result = take(r, &ev);
		bool end = ev.type == YAML_STREAM_END_EVENT;

		yaml_event_delete(&ev);
		if (result < 0 || end)
			return result;
	}
}

int doc_from_yaml(struct arena *a, const char *file, const char *text, size_t len, struct doc *out,
		  struct err *e)
{
	__attribute__((cleanup(yaml_parser_delete))) yaml_parser_t p;
	struct reader r = { .doc = out, .e = e };

	*out = (struct doc){ .arena = a, .file = file };
	if (!yaml_parser_initialize(&p))
		return fail(e, ENOMEM, "%s: %m", file);
	if (len > DOC_YAML_BYTES_MAX)
		return fail(e, EFBIG, "%s: larger than %d bytes", file, DOC_YAML_BYTES_MAX);
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	TRY(read_events(&r, &p));
	if (out->root == NULL)
		return fail(e, EINVAL, "%s: empty", file);
	return 0;
}
