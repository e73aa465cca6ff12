/*
 * profile-manual FILE - prints zviz-profile(5) for scdoc: FILE, and in place of its lines "@KEYS@" and "@GROUPS@" what
 * the table that reads profiles says of each key, and the groups of system calls. Runs when zviz is built.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/profile_fields.h"
#include "table/table.h"

enum { LINE_MAX_BYTES = 1024, PATH_BYTES = 128 };

static const struct field_about *about(const struct field *f)
{
	static const struct field_about nothing = { 0 };

	return f->about != NULL ? f->about : &nothing;
}

/* scdoc reads these as markup. */
static void put_plain(const char *s)
{
	for (; *s != '\0'; s++) {
		if (strchr("\\*_`#", *s) != NULL)
			putchar('\\');
		putchar(*s);
	}
}

static void put_names(const struct name *names)
{
	const char *between = "";

	for (const struct name *n = names; n->name[0] != '\0'; n++) {
		printf("%s_", between);
		put_plain(n->name);
		putchar('_');
		between = n[1].name[0] != '\0' && n[2].name[0] == '\0' ? " or " : ", ";
	}
}

static void put_size(uint64_t bytes)
{
	static const char *const units[] = { "", "K", "M", "G" };
	size_t u = 0;

	for (; u + 1 < COUNT(units) && bytes >= 1024 && bytes % 1024 == 0; u++)
		bytes /= 1024;
	printf("%" PRIu64 "%s", bytes, units[u]);
}

static void put_number(const struct field *f)
{
	switch (f->unit) {
	case UNIT_BYTES:
		printf("a size such as 512M or 4G");
		if (f->min > 1) {
			printf(", at least ");
			put_size((uint64_t)f->min);
		}
		return;
	case UNIT_MILLI:
		printf("a number such as 2 or 0.5");
		return;
	case UNIT_ONE:
		break;
	}
	if (f->max != 0 && (uint64_t)f->min == f->max)
		printf("%" PRIu64, f->max);
	else if (f->max != 0)
		printf("a number from %" PRId64 " to %" PRIu64, f->min, f->max);
	else if (f->as == AS_U16)
		printf("a number from %" PRId64 " to %u", f->min, UINT16_MAX);
	else
		printf("a number, in decimal or hexadecimal");
}

/* What one element of a list is called, in the plural. */
static void put_elements(const struct field *f)
{
	if (about(f)->words != NULL)
		printf("%s", about(f)->words->plural);
	else if (about(f)->pattern != NULL)
		printf(strstr(about(f)->pattern, "\\*\\*/") != NULL
			       ? "patterns that start with / or \\*\\*/"
			       : "absolute paths");
	else
		printf("lines of text");
}

static void put_kind(const struct field *f)
{
	switch (f->as) {
	case AS_SKIP:
	case AS_CALL:
		for (const struct field *form = about(f)->forms; form->name != NULL; form++) {
			put_kind(form);
			if (form[1].name != NULL)
				printf("; or ");
		}
		return;
	case AS_STRING:
		printf("%s", about(f)->words != NULL ? "one of the " : "text");
		if (about(f)->words != NULL)
			put_elements(f);
		return;
	case AS_PATH:
		printf("an absolute path");
		return;
	case AS_ENUM:
		put_names(f->names);
		return;
	case AS_BITS:
		printf("a list of ");
		put_names(f->names);
		return;
	case AS_NUMBERS:
		printf("a list, each of it ");
		put_number(f);
		return;
	case AS_WORDS:
		printf("a list of ");
		put_elements(f);
		return;
	case AS_LIST:
		printf("a list of maps");
		return;
	case AS_STRUCT:
		printf("a map");
		return;
	default:
		put_number(f);
	}
}

/* Each key by its whole name, and those below it behind it. */
static void put_keys(const struct field *fields, const char *above)
{
	char path[PATH_BYTES];

	for (const struct field *f = fields; f->name != NULL; f++) {
		if (f->as == AS_FROM || f->name[0] == '\0')
			continue;
		snprintf(path, sizeof path, "%s%s", above, f->name);
		printf("*");
		put_plain(path);
		printf("*\n\t");
		put_kind(f);
		printf("%s. ", f->required ? "; needed" : "");
		put_plain(about(f)->told != NULL ? about(f)->told : "");
		printf("\n\n");
		if (f->fields == NULL)
			continue;
		snprintf(path, sizeof path, "%s%s%s.", above, f->name,
			 f->as == AS_LIST ? "[]" : "");
		put_keys(f->fields, path);
	}
}

static void put_groups(void)
{
	for (const struct syscall_group *g = syscall_groups; g->name != NULL; g++) {
		printf("*%s*\n\t", g->name);
		put_plain(g->description);
		printf(":");
		for (const char *const *m = g->members; *m != NULL; m++) {
			putchar(' ');
			put_plain(*m);
		}
		printf("\n\n");
	}
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_BYTES];
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (in == NULL) {
		fprintf(stderr, "profile-manual: no file to read\n");
		return 1;
	}
	while (fgets(line, sizeof line, in) != NULL) {
		if (strcmp(line, "@KEYS@\n") == 0)
			put_keys(profile_fields, "");
		else if (strcmp(line, "@GROUPS@\n") == 0)
			put_groups();
		else
			fputs(line, stdout);
	}
	return ferror(in) || fflush(stdout) != 0;
}
