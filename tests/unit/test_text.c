#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text/bind.h"
#include "text/json_write.h"

#include <cmocka.h> /* last: it has a macro called fail */

/* ---- JSON ---- */

static const struct {
	const char *text, *wrong; /* NULL: it is right */
} json_rows[] = {
	{ "{}", NULL },
	{ " [1, -2, 3.5e-7, 0, true, false, null, \"\"] \n", NULL },
	{ "{\"a\": {\"b\": [[], {}]}}", NULL },
	{ "[\"\\u00e9\\ud83d\\ude00\\n\\/\"]", NULL },
	{ "[9223372036854775807, -9223372036854775808]", NULL },
	{ "", "j:1:1: the text ends too early" },
	{ "  \n ", "j:2:2: the text ends too early" },
	{ "{", "j:1:2: expected a key in quotes" },
	{ "{\"a\"", "j:1:5: expected a colon after the key" },
	{ "{\"a\":", "j:1:6: the text ends too early" },
	{ "{\"a\":1", "j:1:7: expected , or }" },
	{ "{\"a\":1,}", "j:1:8: expected a key in quotes" },
	{ "{a:1}", "j:1:2: expected a key in quotes" },
	{ "[1,]", "j:1:4: expected a value" },
	{ "[1 2]", "j:1:4: expected , or ]" },
	{ "[1]\n]", "j:2:1: expected nothing more" },
	{ "{} // no", "j:1:4: expected nothing more" },
	{ "[01]", "j:1:2: a number cannot start with 0" },
	{ "[-]", "j:1:3: expected a digit" },
	{ "[1.]", "j:1:4: expected a digit" },
	{ "[1e]", "j:1:4: expected a digit" },
	{ "[+1]", "j:1:2: expected a value" },
	{ "[.5]", "j:1:2: expected a value" },
	{ "[True]", "j:1:2: expected a value" },
	{ "[nul]", "j:1:2: expected a value" },
	{ "['a']", "j:1:2: expected a value" },
	{ "[\"a", "j:1:4: the text ends within a string" },
	{ "[\"a\nb\"]", "j:1:4: a control character within a string" },
	{ "[\"\\x41\"]", "j:1:3: unknown escape" },
	{ "[\"\\", "j:1:3: unknown escape" },
	{ "[\"\\u12g4\"]", "j:1:5: \\u needs four hexadecimal digits" },
	{ "[\"\\u0000\"]", "j:1:5: a NUL character is not permitted" },
	{ "[\"\\ud800\"]", "j:1:9: half of a surrogate pair" },
	{ "[\"\\ud800\\u0041\"]", "j:1:9: half of a surrogate pair" },
	{ "[\"\\udc00\"]", "j:1:9: half of a surrogate pair" },
	{ "[\"\xff\"]", "j:1:3: not valid UTF-8" },
	{ "[\"\xc0\x80\"]", "j:1:3: not valid UTF-8" },
	{ "[\"\xed\xa0\x80\"]", "j:1:3: not valid UTF-8" },
	{ "{\"a\":1,\"b\":2,\"a\":3}", "j: a: this key was given before" },
	{ "{\"x\":[{\"b\":2,\"b\":3}]}", "j: x[0].b: this key was given before" },
	{ "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":"
	  "1,"
	  "\"l\":1,\"m\":1,\"c\":2}",
	  "j: c: this key was given before" },
};

static void json_syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_rows); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct doc d;
		const char *text = json_rows[i].text;
		int r = doc_from_json(&a, "j", text, strlen(text), &d, &e);

		assert_int_equal(r, json_rows[i].wrong != NULL ? -EINVAL : 0);
		if (r < 0)
			assert_string_equal(e.text, json_rows[i].wrong);
		arena_free(&a);
	}
}

/* jansson is the judge of what JSON is, except for the integers that it cannot hold. */
static void json_agrees_with_jansson(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_rows); i++) {
		json_error_t why;
		json_t *j = json_loads(json_rows[i].text, JSON_REJECT_DUPLICATES, &why);

		if ((j != NULL) != (json_rows[i].wrong == NULL))
			fail_msg("%s: jansson says %s", json_rows[i].text,
				 j != NULL ? "right" : why.text);
		json_decref(j);
	}
}

static bool same_value(const struct node *n, const json_t *j);

static bool same_members(const struct node *n, const json_t *j)
{
	size_t expected = json_is_object(j) ? json_object_size(j) : json_array_size(j);

	if (n->n != expected || (n->kind == NODE_MAP) != json_is_object(j))
		return false;
	for (const struct node *x = n->first; x != NULL; x = x->next)
		if (!same_value(x, n->kind == NODE_MAP ? json_object_get(j, x->key)
						       : json_array_get(j, x->index)))
			return false;
	return true;
}

static bool same_value(const struct node *n, const json_t *j)
{
	switch (n->kind) {
	case NODE_LIST:
	case NODE_MAP:
		return same_members(n, j);
	case NODE_STRING:
		return json_is_string(j) && strcmp(n->text, json_string_value(j)) == 0;
	case NODE_NUMBER:
		return json_is_integer(j)
			       ? strtoll(n->text, NULL, 10) == json_integer_value(j)
			       : json_is_real(j) && strtod(n->text, NULL) == json_real_value(j);
	case NODE_BOOL:
		return (strcmp(n->text, "true") == 0 ? json_is_true(j) : json_is_false(j));
	default:
		return json_is_null(j);
	}
}

static void json_values(void **state)
{
	static const char text[] =
		"{\"a\": [1, -20, 2.5e3, \"x\\\"\\u20ac\\ud83d\\ude00\\b\\f\\n\\r\\t\\/\\\\y\"],"
		"\"\": {\"k\": null, \"l\": true, \"m\": [false, {}, []]}, \"\xc3\xa9\": "
		"\"\xe2\x82\xac\"}";
	struct arena a = { 0 };
	struct err e = { 0 };
	struct doc d;
	json_t *j = json_loads(text, 0, NULL);

	(void)state;
	assert_int_equal(doc_from_json(&a, "j", text, strlen(text), &d, &e), 0);
	assert_non_null(j);
	assert_true(same_value(d.root, j));
	assert_string_equal(node_path(&a, node_get(d.root, "a")->last), "a[3]");
	json_decref(j);
	arena_free(&a);
}

static void json_beyond_jansson(void **state)
{
	static const char text[] = "{\"soft\": 18446744073709551615}";
	struct arena a = { 0 };
	struct err e = { 0 };
	struct doc d;

	(void)state;
	assert_int_equal(doc_from_json(&a, "j", text, strlen(text), &d, &e), 0);
	assert_string_equal(node_get(d.root, "soft")->text, "18446744073709551615");
	assert_null(json_loads(text, 0, NULL));
	arena_free(&a);
}

static void json_raw_nul(void **state)
{
	static const char text[] = "[\"a\0b\"]";
	struct arena a = { 0 };
	struct err e = { 0 };
	struct doc d;

	(void)state;
	assert_int_equal(doc_from_json(&a, "j", text, sizeof text - 1, &d, &e), -EINVAL);
	assert_string_equal(e.text, "j:1:4: a control character within a string");
	assert_int_equal(doc_from_json(&a, "j", "1\0", 2, &d, &e), -EINVAL);
	assert_string_equal(e.text, "j:1:2: expected nothing more");
	arena_free(&a);
}

/* ---- YAML ---- */

static const struct {
	const char *text, *wrong;
} yaml_rows[] = {
	{ "", "y: empty" },
	{ "# only a comment\n", "y: empty" },
	{ "a: [1\n", "y:2:1: did not find expected ',' or ']'" },
	{ "a: {b: 1\n", "y:2:1: did not find expected ',' or '}'" },
	{ "a: 1\n b: 2\n", "y:2:3: mapping values are not allowed in this context" },
	{ "a: 'x\n", "y:2:1: found unexpected end of stream while scanning a quoted scalar" },
	{ "a:\n\tb: 1\n", "y:2:1: found character that cannot start any token" },
	{ "a: &x 1\n", "y:1:4: anchors and tags are not permitted" },
	{ "a: &x [1]\n", "y:1:4: anchors and tags are not permitted" },
	{ "a: &x {b: 1}\n", "y:1:4: anchors and tags are not permitted" },
	{ "a: *x\n", "y:1:4: aliases are not permitted" },
	{ "a: !!str 1\n", "y:1:4: anchors and tags are not permitted" },
	{ "a: !x [1]\n", "y:1:4: anchors and tags are not permitted" },
	{ "a: 1\n---\nb: 2\n", "y:2:1: only one document is permitted" },
	{ "a: 1\nb: 2\na: 3\n", "y:3:4: a: this key was given before" },
	{ "x: {b: 1, b: 2}\n", "y:1:14: x.b: this key was given before" },
	{ "[a]: 1\n", "y:1:1: a key must be a word" },
	{ "{a: 1}: 1\n", "y:1:1: a key must be a word" },
	{ "a: \"x\\0y\"\n", "y:1:4: a NUL character is not permitted" },
	{ "\"x\\0y\": 1\n", "y:1:1: a NUL character is not permitted" },
	{ "a: \xff\n", "y: byte 3: invalid leading UTF-8 octet" },
	{ "a: \x01\n", "y: byte 3: control characters are not allowed" },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
	  "y:1:33: nested too deeply" },
};

static void yaml_syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(yaml_rows); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct doc d;
		const char *text = yaml_rows[i].text;

		assert_int_equal(doc_from_yaml(&a, "y", text, strlen(text), &d, &e), -EINVAL);
		if (strstr(e.text, yaml_rows[i].wrong) != e.text)
			fail_msg("%s: got '%s', wanted '%s'", text, e.text, yaml_rows[i].wrong);
		arena_free(&a);
	}
}

static void yaml_values(void **state)
{
	static const char text[] = "a: [x, 'y', \"z\\t\"]\nb:\n  - {c: 1}\n  - ~\n  - null\n  - "
				   "\"null\"\n  -\nd: |\n  l1\n  l2\n";
	static const enum node_kind kinds[] = { NODE_MAP, NODE_NULL, NODE_NULL, NODE_STRING,
						NODE_NULL };
	struct arena a = { 0 };
	struct err e = { 0 };
	struct doc d;
	size_t i = 0;

	(void)state;
	assert_int_equal(doc_from_yaml(&a, "y", text, strlen(text), &d, &e), 0);

	const struct node *first = node_get(d.root, "a")->first,
			  *c = node_get(d.root, "b")->first->first;

	assert_int_equal(first->kind, NODE_PLAIN);
	assert_int_equal(first->next->kind, NODE_STRING);
	assert_string_equal(first->next->next->text, "z\t");
	for (const struct node *n = node_get(d.root, "b")->first; n != NULL; n = n->next, i++)
		assert_int_equal(n->kind, kinds[i]);
	assert_int_equal(i, COUNT(kinds));
	assert_string_equal(node_get(d.root, "d")->text, "l1\nl2\n");
	assert_string_equal(node_path(&a, c), "b[0].c");

	struct from f = doc_place(&d, c);

	assert_string_equal(f.file, "y");
	assert_int_equal(f.line, 3);
	assert_int_equal(f.column, 9);
	arena_free(&a);
}

/* ---- binding ---- */

struct thing {
	const char *text, *path;
	bool yes, there;
	uint16_t small;
	uint32_t id;
	uint64_t big, bytes, milli;
	int64_t both;
	struct words words;
	struct strings strings;
	struct pairs pairs;
	struct signed_amount amount;
	struct from from;
};
static const struct field thing_fields[] = {
	{ "text", AS_STRING, offsetof(struct thing, text) },
	{ "path", AS_PATH, offsetof(struct thing, path) },
	{ "yes", AS_BOOL, offsetof(struct thing, yes) },
	{ "yes", AS_PRESENT, offsetof(struct thing, there) },
	{ "small", AS_U16, offsetof(struct thing, small), .min = 2, .max = 9 },
	{ "id", AS_U32, offsetof(struct thing, id) },
	{ "big", AS_U64, offsetof(struct thing, big) },
	{ "bytes", AS_U64, offsetof(struct thing, bytes), .unit = UNIT_BYTES, .min = 1024 },
	{ "milli", AS_U64, offsetof(struct thing, milli), .unit = UNIT_MILLI },
	{ "both", AS_I64, offsetof(struct thing, both) },
	{ "words", AS_WORDS, offsetof(struct thing, words) },
	{ "strings", AS_STRINGS, offsetof(struct thing, strings) },
	{ "pairs", AS_PAIRS, offsetof(struct thing, pairs) },
	{ "amount", AS_SIGNED_AMOUNT, offsetof(struct thing, amount), .min = -1 },
	{ "", AS_FROM, offsetof(struct thing, from) },
	{ 0 }
};

static int bind_text(struct arena *a, bool json, const char *text, struct thing *t, struct err *e)
{
	struct doc d;
	struct bind b = { &d, .strict = !json };

	*t = (struct thing){ 0 };
	TRY(json ? doc_from_json(a, "j", text, strlen(text), &d, e)
		 : doc_from_yaml(a, "y", text, strlen(text), &d, e));
	return bind_map(&b, d.root, thing_fields, t, e);
}

static void binding_values(void **state)
{
	static const char *const texts[] = {
		"text: '1'\npath: /a\nyes: true\nsmall: 9\nid: 4294967295\nbig: "
		"0xffffffffffffffff\nbytes: 1.5K\n"
		"milli: 0.25\nboth: -9223372036854775808\nwords: [a, b]\nstrings: ['', c]\npairs: "
		"{k: v}\namount: -1\n",
		"{\"text\":\"1\",\"path\":\"/"
		"a\",\"yes\":true,\"small\":9,\"id\":4294967295,\"other\":[{}],"
		"\"big\":18446744073709551615,\"bytes\":\"1.5K\",\"milli\":0.25,\"both\":-"
		"9223372036854775808,"
		"\"words\":[\"a\",\"b\"],\"strings\":[\"\",\"c\"],\"pairs\":{\"k\":\"v\"},"
		"\"amount\":-1}",
	};

	(void)state;
	for (int json = 0; json < 2; json++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct thing t;

		if (bind_text(&a, json, texts[json], &t, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(t.text, "1");
		assert_string_equal(t.path, "/a");
		assert_true(t.yes && t.there);
		assert_int_equal(t.small, 9);
		assert_true(t.id == UINT32_MAX && t.big == UINT64_MAX && t.both == INT64_MIN);
		assert_true(t.bytes == 1536 && t.milli == 250);
		assert_int_equal(t.words.n, 2);
		assert_string_equal(t.words.at[1].text, "b");
		assert_int_equal(t.strings.n, 2);
		assert_string_equal(t.strings.at[0], "");
		assert_string_equal(t.pairs.at[0].value, "v");
		assert_true(t.amount.set && t.amount.value == -1);
		if (json)
			assert_string_equal(t.words.at[1].from.path, "words[1]");
		else
			assert_int_equal(t.words.at[1].from.line, 10);
		arena_free(&a);
	}
}

static const struct {
	bool json;
	const char *text, *wrong;
} bind_rows[] = {
	{ 0, "[a]", "y:1:1: expected a map, not a list" },
	{ 0, "txt: a", "y:1:6: txt: unknown key 'txt'; did you mean 'text'?" },
	{ 0, "qqqqqq: a", "y:1:9: qqqqqq: unknown key 'qqqqqq'" },
	{ 0, "'': a", "unknown key ''" },
	{ 0, "text:", "text: needs a value" },
	{ 0, "text: ''", "y:1:7: text: must not be empty" },
	{ 0, "text: [a]", "text: expected a string, not a list" },
	{ 0, "path: a/b", "path: 'a/b' must be an absolute path" },
	{ 0, "path: /a/../b", "path: '/a/../b' must not contain '..'" },
	{ 0, "path: /a/..", "must not contain '..'" },
	{ 0, "yes: yes", "yes: expected true or false, not 'yes'" },
	{ 0, "yes: 'true'", "yes: expected true or false, not 'true'" },
	{ 0, "small: 1", "small: must be from 2 to 9, not 1" },
	{ 0, "small: 10", "small: must be from 2 to 9, not 10" },
	{ 0, "small: -3", "small: must be from 2 to 9, not -3" },
	{ 0, "small: 99999999999999999999",
	  "small: must be from 2 to 9, not 99999999999999999999" },
	{ 0, "small: '5'", "small: expected a whole number, not '5'" },
	{ 0, "id: 1.5", "id: expected a whole number, not '1.5'" },
	{ 0, "id: 4294967296", "id: must be from 0 to 4294967295" },
	{ 0, "bytes: 4X", "bytes: expected a size such as 512M or 4G, not '4X'" },
	{ 0, "bytes: 1", "bytes: 1 is too small" },
	{ 0, "bytes: 99999999999T", "bytes: 99999999999T is too large" },
	{ 0, "milli: 0.1234", "milli: expected a number such as 2 or 0.5, not '0.1234'" },
	{ 0, "both: 9223372036854775808", "both: must be from -9223372036854775808" },
	{ 0, "amount: -2", "amount: must be from -1" },
	{ 0, "words: a", "words: expected a list, not 'a'" },
	{ 0, "words: [a, [b]]", "y:1:12: words[1]: expected a word, not a list" },
	{ 0, "pairs: {k: [v]}", "pairs.k: expected a string, not a list" },
	{ 0, "pairs: {'': v}", "an empty key" },
	{ 1, "[]", "j: expected a map, not a list" },
	{ 1, "{\"text\": 5}", "j: text: expected a string, not '5'" },
	{ 1, "{\"yes\": \"true\"}", "j: yes: expected true or false, not 'true'" },
	{ 1, "{\"small\": \"5\"}", "j: small: expected a whole number, not '5'" },
	{ 1, "{\"small\": 5.0}", "j: small: expected a whole number, not '5.0'" },
	{ 1, "{\"small\": 5e0}", "j: small: expected a whole number, not '5e0'" },
	{ 1, "{\"strings\": [\"a\", 1]}", "j: strings[1]: expected a string, not '1'" },
	{ 1, "{\"strings\": [null]}", "j: strings[0]: expected a string, not nothing" },
	{ 1, "{\"pairs\": {\"a\\u001b\\n\": 1}}",
	  "j: pairs.a\\x1b\\x0a: expected a string, not '1'" },
};

static void binding_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bind_rows); i++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct thing t;

		assert_int_equal(bind_text(&a, bind_rows[i].json, bind_rows[i].text, &t, &e),
				 -EINVAL);
		if (strstr(e.text, bind_rows[i].wrong) == NULL)
			fail_msg("%s: got '%s', wanted '%s'", bind_rows[i].text, e.text,
				 bind_rows[i].wrong);
		arena_free(&a);
	}
}

static void null_is_absent_in_json(void **state)
{
	struct arena a = { 0 };
	struct err e = { 0 };
	struct thing t;

	(void)state;
	assert_int_equal(bind_text(&a, true,
				   "{\"text\":\"\",\"path\":\"\",\"yes\":null,\"words\":null}", &t,
				   &e),
			 0);
	assert_null(t.text);
	assert_null(t.path);
	assert_false(t.there);
	arena_free(&a);
}

/* ---- writing ---- */

static void write_sample(struct json_writer *w)
{
	json_open_object(w, NULL);
	json_put_string(w, "s", "q\"\\\n\x1b\x7f\xc3\xa9\xff.");
	json_put_string(w, "none", NULL);
	json_open_array(w, "list");
	json_put_u64(w, NULL, UINT64_MAX);
	json_put_i64(w, NULL, INT64_MIN);
	json_put_bool(w, NULL, true);
	json_open_object(w, NULL);
	json_close(w);
	json_close(w);
	json_open_array(w, "empty");
	json_close(w);
	json_close(w);
}

static void writer(void **state)
{
	struct arena a = { 0 };
	struct buf compact = { .arena = &a }, pretty = { .arena = &a };
	struct json_writer c = { .out = &compact }, p = { .out = &pretty, .pretty = true };

	(void)state;
	write_sample(&c);
	write_sample(&p);
	assert_string_equal(
		buf_text(&compact),
		"{\"s\":\"q\\\"\\\\\\n\\u001b\\u007f\xc3\xa9\\ufffd.\",\"none\":null,"
		"\"list\":[18446744073709551615,-9223372036854775808,true,{}],\"empty\":[]}");
	assert_string_equal(
		buf_text(&pretty),
		"{\n  \"s\": \"q\\\"\\\\\\n\\u001b\\u007f\xc3\xa9\\ufffd.\",\n  \"none\": null,\n"
		"  \"list\": [\n    18446744073709551615,\n    -9223372036854775808,\n    true,\n  "
		"  {}\n  ],\n"
		"  \"empty\": []\n}");

	struct err e = { 0 };
	struct doc d;

	assert_int_equal(doc_from_json(&a, "j", pretty.text, pretty.len, &d, &e), 0);
	assert_string_equal(node_get(d.root, "s")->text, "q\"\\\n\x1b\x7f\xc3\xa9\xef\xbf\xbd.");
	arena_free(&a);
}

/* ---- time ---- */

enum { MIB = 1024 * 1024, LIMIT_MS = 100 };

#if defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 20 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SLOWER = 20 };
#else
enum { SLOWER = 1 };
#endif
#else
enum { SLOWER = 1 };
#endif

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static const struct {
	const char *start, *again;
} floods[] = {
	{ "", "[" },
	{ "", "{" },
	{ "", "[\n" },
	{ "", "{\"a\":" },
	{ "[", "1," },
	{ "[", "[]," },
	{ "[", "{}," },
	{ "{", "\"a\":1," },
	{ "[\"", "\\u00e9" },
	{ "[\"", "\xc3\xa9" },
	{ "", " " },
	{ "", "\n" },
	{ "", "- a\n" },
	{ "", "- \n" },
	{ "", "a: " },
	{ "", "a:\n" },
	{ "", "? " },
	{ "[", "? " },
	{ "[", "a: b, " },
	{ "", "a " },
	{ "", "a\n" },
	{ "", "#\n" },
	{ "a: \"", "\\x41" },
	{ "a: |\n", " b\n" },
	{ "a: >\n", " b\n\n" },
	{ "", "- - " },
	{ "[", "a," },
	{ "{", "a," },
	{ "", "&a " },
	{ "", "!a " },
	{ "", "%a\n" },
	{ "", "---\n" },
	{ "", "'" },
	{ "a: ", "''" },
	{ "", "\t" },
	{ "1", "0" },
};

/* Parses a MiB of it both ways; the fastest of three runs counts, since the machine has other work. */
static double fastest_ms(const char *text, bool json)
{
	double best = 1e9;

	for (int run = 0; run < 3; run++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		struct doc d;
		double start = cpu_ms();

		(void)!(json ? doc_from_json(&a, "j", text, MIB, &d, &e)
			     : doc_from_yaml(&a, "y", text, MIB, &d, &e));

		double ms = cpu_ms() - start;

		arena_free(&a);
		best = ms < best ? ms : best;
	}
	return best;
}

static void a_mebibyte_of_anything_is_read_in_time(void **state)
{
	char *text = malloc(MIB + 64);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < COUNT(floods); i++) {
		size_t len = strlen(floods[i].start), step = strlen(floods[i].again);

		memcpy(text, floods[i].start, len + 1);
		for (; len < MIB; len += step)
			memcpy(text + len, floods[i].again, step);
		for (int json = 0; json < 2; json++) {
			double ms = fastest_ms(text, json);

			if (ms > LIMIT_MS * SLOWER)
				fail_msg("'%s': %.1f ms as %s", floods[i].again, ms,
					 json ? "JSON" : "YAML");
		}
	}
	free(text);
}

static void many_different_keys(void **state)
{
	struct arena a = { 0 };
	struct buf b = { .arena = &a };
	struct err e = { 0 };
	struct doc d;

	(void)state;
	buf_puts(&b, "{\"x\":0");
	for (int i = 0; i < 90000; i++)
		buf_printf(&b, ",\"%d\":%d", i, i);
	buf_puts(&b, "}");

	double start = cpu_ms();

	assert_int_equal(doc_from_json(&a, "j", b.text, b.len, &d, &e), 0);
	assert_true(cpu_ms() - start < LIMIT_MS * SLOWER);
	assert_int_equal(d.root->n, 90001);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_syntax),
		cmocka_unit_test(json_agrees_with_jansson),
		cmocka_unit_test(json_values),
		cmocka_unit_test(json_beyond_jansson),
		cmocka_unit_test(json_raw_nul),
		cmocka_unit_test(yaml_syntax),
		cmocka_unit_test(yaml_values),
		cmocka_unit_test(binding_values),
		cmocka_unit_test(binding_refusals),
		cmocka_unit_test(null_is_absent_in_json),
		cmocka_unit_test(writer),
		cmocka_unit_test(a_mebibyte_of_anything_is_read_in_time),
		cmocka_unit_test(many_different_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
