/*
 * What an overlay is made of, read from texts of /proc/self/mountinfo as kernels write them.
 */
#include <errno.h>
#include <string.h>

#include "kern/overlay.h"

/* Last: cmocka has a macro called fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct row {
	const char *what, *mountinfo;
	const char *lower, *upper, *work, *options; /* the lower ones with a space behind each */
	const char *error;                          /* a part of it */
} rows[] = {
	{ "containerd's",
	  "7 1 8:1 / / rw - ext4 /dev/vda rw\n"
	  "42 7 0:50 / /run/rootfs rw,relatime shared:9 - overlay overlay "
	  "rw,lowerdir=/s/2/fs:/s/1/fs,upperdir=/s/3/fs,workdir=/s/3/work,index=off\n",
	  "/s/2/fs /s/1/fs ", "/s/3/fs", "/s/3/work", "", NULL },
	{ "a view has no upper layer, and no optional fields",
	  "42 7 0:50 / /m ro - overlay none ro,lowerdir=/a:/b\n", "/a /b ", NULL, NULL, "", NULL },
	{ "options that say how layers are read are kept, in their order",
	  "42 7 0:50 / /m rw - overlay o "
	  "rw,lowerdir=/a,upperdir=/u/d,workdir=/u/w,redirect_dir=on,xino=off,metacopy=on,userxattr\n",
	  "/a ", "/u/d", "/u/w", ",redirect_dir=on,metacopy=on,userxattr", NULL },
	{ "spaces and commas",
	  "42 7 0:50 / /a\\040b rw - overlay o rw,lowerdir=/a\\040b\\054c,upperdir=/u\\054/d,workdir=/u\\054/w",
	  "/a b,c ", "/u,/d", "/u,/w", "", NULL },
	{ "layers that were given one by one (6.8)",
	  "42 7 0:50 / /m rw - overlay o rw,lowerdir+=/a,lowerdir+=/b\n", "/a /b ", NULL, NULL, "",
	  NULL },
	{ "many layers are named from the folder that holds the upper one's",
	  "42 7 0:50 / /m rw - overlay o rw,lowerdir=2/fs:1/fs,upperdir=/s/x/3/fs,workdir=/s/x/3/work\n",
	  "/s/x/2/fs /s/x/1/fs ", "/s/x/3/fs", "/s/x/3/work", "", NULL },
	{ "from nothing that is named", "42 7 0:50 / /m ro - overlay o ro,lowerdir=2/fs:1/fs\n",
	  NULL, NULL, NULL, NULL, "no absolute paths" },
	{ "an upper layer is not the only one that is relative",
	  "42 7 0:50 / /m rw - overlay o rw,lowerdir=/a,upperdir=u,workdir=w\n", NULL, NULL, NULL,
	  NULL, "upper layer has no absolute path" },
	{ "an upper layer too near to the top to be in a folder of layers",
	  "42 7 0:50 / /m rw - overlay o rw,lowerdir=2/fs,upperdir=/u/d,workdir=/u/w\n", NULL, NULL,
	  NULL, NULL, "no absolute paths" },
	{ "a colon in a path, as it was given",
	  "42 7 0:50 / /m ro - overlay o ro,lowerdir=/a\\134:b:/c\n", NULL, NULL, NULL, NULL,
	  "colon or a backslash" },
	{ "the same as newer kernels write it",
	  "42 7 0:50 / /m ro - overlay o ro,lowerdir=/a\\072b:/c\n", NULL, NULL, NULL, NULL,
	  "colon or a backslash" },
	{ "layers of data", "42 7 0:50 / /m ro - overlay o ro,lowerdir=/a::/c\n", NULL, NULL, NULL,
	  NULL, "layers of data" },
	{ "the same one by one", "42 7 0:50 / /m ro - overlay o ro,lowerdir+=/a,datadir+=/c\n",
	  NULL, NULL, NULL, NULL, "layers of data" },
	{ "a part of one", "42 7 0:50 /sub /m rw - overlay o rw,lowerdir=/a\n", NULL, NULL, NULL,
	  NULL, "a part of an overlay" },
	{ "something else", "42 7 8:1 / /m rw - ext4 /dev/vda rw\n", NULL, NULL, NULL, NULL,
	  "no overlay" },
	{ "mounted below it",
	  "42 7 0:50 / /m rw - overlay o rw,lowerdir=/a\n43 42 0:51 / /m/x rw - tmpfs t rw\n", NULL,
	  NULL, NULL, NULL, "mounted below it" },
	{ "a number that begins as its does", "421 7 0:50 / /m rw - overlay o rw,lowerdir=/a\n",
	  NULL, NULL, NULL, NULL, "no such mount" },
	{ "nothing", "", NULL, NULL, NULL, NULL, "no such mount" },
	{ "a line that was cut", "42 7 0:50 /", NULL, NULL, NULL, NULL, "no overlay" },
	{ "no layers", "42 7 0:50 / /m rw - overlay o rw\n", NULL, NULL, NULL, NULL, "no layers" },
};

static void same_text(const char *got, const char *wanted)
{
	if (wanted == NULL)
		assert_null(got);
	else
		assert_string_equal(got, wanted);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a = { 0 };
		const struct row *w = &rows[i];
		struct overlay o;
		struct err e = { 0 };
		char lower[256] = "";
		int r = overlay_find(&a, arena_strdup(&a, w->mountinfo), 42, &o, &e);

		print_message("%s\n", w->what);
		if (w->error != NULL) {
			assert_true(r < 0);
			assert_non_null(strstr(e.text, w->error));
		} else {
			assert_int_equal(r, 0);
			for (size_t n = 0; n < o.lower.n; n++)
				strcat(strcat(lower, o.lower.at[n]), " ");
			assert_string_equal(lower, w->lower);
			same_text(o.upper, w->upper);
			same_text(o.work, w->work);
			assert_string_equal(o.options, w->options);
		}
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
