/*
 * The host's configuration: what its text means, whose word chooses a profile, and what its floor holds back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/choice.h"
#include "policy/floor.h"

#include <cmocka.h> /* last: it has a macro called fail */

static int load(struct arena *a, const char *text, struct config *out, struct err *e)
{
	return config_load(a, "/etc/zviz/config.yaml", text, strlen(text), out, e);
}

static void test_text(void **state)
{
	struct arena a = { 0 };
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(load(&a,
			      "zviz: 1\ndefault: web-server\nfloor: ./least.yaml\n"
			      "profiles: /srv/profiles\non_excess: refuse\n",
			      &c, &e),
			 0);
	assert_string_equal(c.profile.text, "web-server");
	assert_int_equal(c.profile.from.line, 2);
	assert_string_equal(c.floor.text, "./least.yaml");
	assert_int_equal(c.floor.from.line, 3);
	assert_string_equal(c.profiles, "/srv/profiles");
	assert_int_equal(c.on_excess, EXCESS_REFUSE);
	assert_int_equal(c.on_excess_from.line, 5);
	arena_free(&a);
}

/* Nothing but comments is what is shipped as the example. */
static void test_nothing_said(void **state)
{
	static const char *const texts[] = { "", "\n \n", "# floor: ci-runner", "#\n\t# x\n\n" };
	struct arena a = { 0 };
	struct config c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(load(&a, texts[i], &c, &e), 0);
		assert_null(c.profile.text);
		assert_null(c.floor.text);
		assert_int_equal(c.on_excess, EXCESS_CUT);
		assert_string_equal(c.profiles, "/etc/zviz/profiles");
	}
	arena_free(&a);
}

static void test_refused_texts(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "flor: ci-runner", ":1:7: flor: unknown key 'flor'; did you mean 'floor'?" },
		{ "floor: a\nfloor: b", "config.yaml:2:" },
		{ "default:\n", ":1:9: default: needs a value" },
		{ "default: ''", ":1:10: default: must not be empty" },
		{ "default: 'a b'", "'a b' is neither the name of a profile nor a file's" },
		{ "floor: -x", "neither the name" },
		{ "floor: [ci-runner]", ":1:8: floor:" },
		{ "on_excess: ignore", ":1:12: on_excess:" },
		{ "on_excess: true", ":1:12: on_excess:" },
		{ "profiles: profiles", ":1:11: profiles:" },
		{ "profiles: /a/../b", ":1:11: profiles:" },
		{ "zviz: 2", ":1:7: zviz: this zviz reads version 1" },
		{ "- floor", "config.yaml:1:1: " },
		{ "floor", "config.yaml:1:1: " },
		{ "floor: ci-runner\n---\nfloor: ci-runner", "config.yaml:" },
		{ "floor: &x ci-runner", "config.yaml:1:8: anchors" },
		{ "floor: \"a\\0b\"", "NUL" },
	};
	struct arena a = { 0 };
	struct config c;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(load(&a, rows[i].text, &c, &e), -EINVAL);
		if (strstr(e.text, rows[i].says) == NULL)
			fail_msg("%s: '%s' does not say '%s'", rows[i].text, e.text, rows[i].says);
	}
	arena_free(&a);
}

/* ---- whose word ---- */

static void annotate(struct arena *a, struct spec *s, const char *key, const char *value)
{
	*LIST_ADD(a, &s->annotations) = (struct pair){ key, value };
}

static void test_order(void **state)
{
	struct arena a = { 0 };
	struct spec plain = { .file = "config.json" }, marked = { .file = "config.json" };
	struct config none = config_defaults(), host = config_defaults();
	struct choice got;
	struct err e;

	(void)state;
	host.file = "/etc/zviz/config.yaml";
	host.profile = (struct word){ "batch-job", { .file = host.file, .line = 7 } };
	annotate(&a, &marked, "zviz.io/profile", "web-server");

	assert_int_equal(choice_of_profile(&a, NULL, &plain, &none, &got, &e), 0);
	assert_string_equal(got.name, choice_default);
	assert_null(got.from.file);
	assert_int_equal(choice_of_profile(&a, NULL, &plain, &host, &got, &e), 0);
	assert_string_equal(got.name, "batch-job");
	assert_int_equal(got.from.line, 7);
	assert_int_equal(choice_of_profile(&a, NULL, &marked, &host, &got, &e), 0);
	assert_string_equal(got.name, "web-server");
	assert_string_equal(got.from.path, "annotations[\"zviz.io/profile\"]");
	assert_null(got.file);
	assert_int_equal(choice_of_profile(&a, "development", &marked, &host, &got, &e), 0);
	assert_string_equal(got.name, "development");
	assert_string_equal(got.from.file, "--profile");
	assert_false(got.by_host);
	arena_free(&a);
}

static void test_files(void **state)
{
	struct arena a = { 0 };
	struct spec s = { .file = "config.json" };
	struct config c = config_defaults();
	struct choice got;
	struct err e;

	(void)state;
	c.file = "/srv/zviz/config.yaml";
	c.profiles = "/srv/p";
	c.floor.text = "least.yaml";
	assert_true(choice_of_floor(&a, &c, &got));
	assert_string_equal(got.file, "/srv/zviz/least.yaml");
	assert_true(got.by_host);
	c.floor.text = "/srv/least.yaml";
	assert_true(choice_of_floor(&a, &c, &got));
	assert_string_equal(got.file, "/srv/least.yaml");
	c.floor.text = "least";
	assert_true(choice_of_floor(&a, &c, &got));
	assert_string_equal(got.file, "/srv/p/least.yaml");
	/* Nobody's file takes the place of a built-in profile. */
	c.floor.text = "ci-runner";
	assert_true(choice_of_floor(&a, &c, &got));
	assert_null(got.file);
	c.floor.text = NULL;
	assert_false(choice_of_floor(&a, &c, &got));

	annotate(&a, &s, "zviz.io/profile", "team-7.b_C");
	assert_int_equal(choice_of_profile(&a, NULL, &s, &c, &got, &e), 0);
	assert_string_equal(got.file, "/srv/p/team-7.b_C.yaml");
	assert_true(got.by_host);
	/* The command line's annotations come behind the bundle's. */
	annotate(&a, &s, "zviz.io/profile", "batch-job");
	assert_int_equal(choice_of_profile(&a, NULL, &s, &c, &got, &e), 0);
	assert_string_equal(got.name, "batch-job");
	arena_free(&a);
}

static void test_refused_annotations(void **state)
{
	static const struct {
		const char *key, *value, *says;
	} rows[] = {
		{ "zviz.io/profile", "", "annotations[\"zviz.io/profile\"]: '' is no name" },
		{ "zviz.io/profile", "/etc/passwd", "'/etc/passwd' is no name" },
		{ "zviz.io/profile", "../ci-runner", "is no name" },
		{ "zviz.io/profile", "..", "is no name" },
		{ "zviz.io/profile", ".hidden", "is no name" },
		{ "zviz.io/profile", "a/b", "is no name" },
		{ "zviz.io/profile", "mine.yaml", "is no name" },
		{ "zviz.io/profile", "--widen", "is no name" },
		{ "zviz.io/profile", "ci-runner ", "is no name" },
		{ "zviz.io/profile", "a\nb", "'a\\x0ab' is no name" },
		{ "zviz.io/profile",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "is no name" },
		{ "zviz.io/profil", "x",
		  "annotations[\"zviz.io/profil\"]: zviz has no annotation" },
		{ "zviz.io/", "x", "zviz has no annotation" },
		{ "zviz.io/Profile", "x", "zviz has no annotation" },
	};
	static const char *const others[] = { "zviz.iox/profile", "io.zviz/profile", "zviz.io",
					      "run.oci.keep_original_groups" };
	struct arena a = { 0 };
	const struct config c = config_defaults();
	struct choice got;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spec s = { .file = "config.json" };

		annotate(&a, &s, rows[i].key, rows[i].value);
		assert_int_equal(choice_of_profile(&a, NULL, &s, &c, &got, &e), -EINVAL);
		if (strstr(e.text, rows[i].says) == NULL)
			fail_msg("'%s' does not say '%s'", e.text, rows[i].says);
		/* What is wrong is said though another word counts. */
		assert_int_equal(choice_of_profile(&a, "ci-runner", &s, &c, &got, &e), -EINVAL);
	}
	for (size_t i = 0; i < COUNT(others); i++) {
		struct spec s = { .file = "config.json" };

		annotate(&a, &s, others[i], "/x");
		assert_int_equal(choice_of_profile(&a, NULL, &s, &c, &got, &e), 0);
	}
	arena_free(&a);
}

/* ---- the floor ---- */

static void builtin(struct arena *a, const char *name, struct profile *out)
{
	struct err e;

	assert_int_equal(profile_load_builtin(a, profile_builtin(name), out, &e), 0);
}

static size_t beyond(struct arena *a, const struct profile *p, const struct plan_request *r,
		     const struct profile *floor)
{
	struct diff_lines lines = { 0 };
	struct err e;

	assert_int_equal(floor_beyond(a, HOST_X86_64, p, r, floor, &lines, &e), 0);
	return lines.n;
}

static void test_floor(void **state)
{
	struct arena a = { 0 };
	struct profile strict, usual, loose;

	(void)state;
	builtin(&a, "hostile-tenant", &strict);
	builtin(&a, "ci-runner", &usual);
	builtin(&a, "development", &loose);
	assert_int_equal(beyond(&a, &usual, NULL, &usual), 0);
	assert_int_equal(beyond(&a, &strict, NULL, &usual), 0);
	assert_int_equal(beyond(&a, &usual, NULL, &loose), 0);
	assert_true(beyond(&a, &loose, NULL, &usual) > 0);
	assert_true(beyond(&a, &usual, NULL, &strict) > 0);
	arena_free(&a);
}

/* What the command line says instead of the profile counts as the profile's. */
static void test_floor_and_options(void **state)
{
	struct arena a = { 0 };
	struct profile p;
	struct egress_rule row = { .cidr = "10.0.0.0/8" };
	struct plan_publish port = { .host = 80, .container = 80 };
	const struct amount much = { .set = true, .value = UINT64_C(1) << 50 },
			    little = { .set = true, .value = 1 };
	struct plan_request same = { 0 }, host = { .network = { true, NETWORK_HOST, { 0 } } },
			    none = { .network = { true, NETWORK_NONE, { 0 } } },
			    out = { .network = { true, NETWORK_PRIVATE, { 0 } },
				    .allow = { 1, 1, &row } },
			    in = { .network = { true, NETWORK_PRIVATE, { 0 } },
				   .npublished = 1,
				   .published = &port },
			    memory = { .memory = much }, pids = { .pids = much },
			    less = { .memory = little, .pids = little };
	struct plan_request volumes = { 0 };

	(void)state;
	LIST_ADD(&a, &volumes.write)->text = "/srv";
	builtin(&a, "ci-runner", &p);
	assert_int_equal(beyond(&a, &p, &same, &p), 0);
	assert_int_equal(beyond(&a, &p, &none, &p), 0);
	assert_int_equal(beyond(&a, &p, &less, &p), 0);
	assert_int_equal(beyond(&a, &p, &volumes, &p), 0);
	assert_true(beyond(&a, &p, &host, &p) > 0);
	assert_true(beyond(&a, &p, &out, &p) > 0);
	assert_true(beyond(&a, &p, &in, &p) > 0);
	assert_true(beyond(&a, &p, &memory, &p) > 0);
	assert_true(beyond(&a, &p, &pids, &p) > 0);
	arena_free(&a);
}

/* The comparison leaves the profile as it is: it is about to be run. */
static void test_floor_changes_nothing(void **state)
{
	struct arena a = { 0 };
	struct profile p, floor;
	struct call_mention *before;
	size_t bytes;

	(void)state;
	builtin(&a, "web-server", &p);
	builtin(&a, "ci-runner", &floor);
	bytes = p.syscalls.mentions.n * sizeof *before;
	before = arena_alloc(&a, bytes);
	p.syscalls.mentions.at[0].broker = true;
	memcpy(before, p.syscalls.mentions.at, bytes);
	beyond(&a, &p, NULL, &floor);
	assert_memory_equal(before, p.syscalls.mentions.at, bytes);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_refused_texts),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_refused_annotations),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_floor_and_options),
		cmocka_unit_test(test_floor_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
