/*
 * manifest.json as it is read: what is refused, and with which words. And the hash that it is full of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/sha256.h"
#include "policy/manifest.h"

#include <cmocka.h> /* last: it has a macro called fail */

#define ABC     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* FIPS 180-4's examples. */
static void digests(void **state)
{
	static const struct {
		const char *text, *digest;
	} known[] = {
		{ "", NOTHING },
		{ "abc", ABC },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	char digest[SHA256_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		sha256_text(known[i].text, strlen(known[i].text), digest);
		assert_string_equal(digest, known[i].digest);
	}
}

static int read_text(struct arena *a, const char *text, struct manifest *m, struct err *e)
{
	*e = (struct err){ 0 };
	return manifest_read(a, text, strlen(text), m, e);
}

static void a_good_one(void **state)
{
	static const char text[] =
		"{\"format\": 1, \"zviz\": \"0.1.0\", \"profile\": \"own\",\n"
		" \"inputs\": [{\"name\": \"own.yaml\", \"file\": \"profile-1.yaml\", \"sha256\": \"" ABC
		"\"},\n"
		"            {\"name\": \"ci-runner\", \"sha256\": \"" NOTHING "\"}],\n"
		" \"outputs\": [{\"file\": \"a.bpf\", \"sha256\": \"" ABC "\"}],\n"
		" \"layers\": [], \"rules\": [{\"rule\": \"x\"}]}";
	struct arena a = { 0 };
	struct manifest m;
	struct err e;

	(void)state;
	assert_int_equal(read_text(&a, text, &m, &e), 0);
	assert_string_equal(m.profile, "own");
	assert_int_equal(m.inputs.n, 2);
	assert_null(m.inputs.at[1].file);
	assert_ptr_equal(manifest_find(&m, "profile-1.yaml"), &m.inputs.at[0]);
	assert_ptr_equal(manifest_find(&m, "a.bpf"), &m.outputs.at[0]);
	assert_null(manifest_find(&m, "own.yaml"));
	arena_free(&a);
}

#define HEAD   "{\"format\": 1, \"zviz\": \"0\", \"profile\": \"p\", "
#define INPUTS "\"inputs\": [{\"name\": \"ci-runner\", \"sha256\": \"" ABC "\"}]"
#define OUTPUT(file, digest)                                                                       \
	HEAD INPUTS ", \"outputs\": [{\"file\": \"" file "\", \"sha256\": \"" digest "\"}]}"

static const struct bad {
	const char *text, *says;
} bad[] = {
	{ "", "manifest.json" },
	{ "[]", "not a manifest" },
	{ "{}", "it has no format" },
	{ "{\"format\": 2, \"what\": 1}", "format 2, and this zviz knows 1" },
	{ "{\"format\": 0}", "format" },
	{ "{\"format\": \"1\"}", "format" },
	{ "{\"format\": 1}", "zviz" },
	{ HEAD INPUTS "}", "outputs" },
	{ HEAD INPUTS ", \"outputs\": []}", "outputs" },
	{ HEAD INPUTS ", \"outputs\": [{\"file\": \"a\"}]}", "sha256" },
	{ HEAD "\"outputs\": [{\"file\": \"a\", \"sha256\": \"" ABC "\"}]}", "inputs" },
	{ HEAD INPUTS ", \"more\": 1, \"outputs\": []}", "more" },
	{ OUTPUT("a", "abc"), "64 hexadecimal digits" },
	{ OUTPUT("a", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
	  "64 hexadecimal digits" },
	{ OUTPUT("", ABC), "must not be empty" },
	{ OUTPUT("..", ABC), "no file" },
	{ OUTPUT("../a", ABC), "no file" },
	{ OUTPUT("/etc/passwd", ABC), "no file" },
	{ OUTPUT("a\\nb", ABC), "no file" },
	{ OUTPUT("manifest.json", ABC), "no file" },
	{ HEAD INPUTS ", \"outputs\": [{\"file\": \"a\", \"sha256\": \"" ABC
		      "\"}, {\"file\": \"a\", \"sha256\": \"" ABC "\"}]}",
	  "a is listed twice" },
	{ HEAD "\"inputs\": [{\"name\": \"p\", \"file\": \"a\", \"sha256\": \"" ABC
	       "\"}], \"outputs\": [{\"file\": \"a\", \"sha256\": \"" ABC "\"}]}",
	  "a is listed twice" },
};

static void bad_ones(void **state)
{
	struct arena a = { 0 };
	struct manifest m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (read_text(&a, bad[i].text, &m, &e) >= 0)
			fail_msg("taken: %s", bad[i].text);
		if (strstr(e.text, bad[i].says) == NULL)
			fail_msg("%s\nsays: %s", bad[i].text, e.text);
	}
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test(a_good_one),
		cmocka_unit_test(bad_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
