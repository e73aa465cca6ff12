/*
 * profile-images - prints the C file that defines builtin_images[] of policy/profile_image.h: each
 * built-in profile as profile_load() reads it. Runs when zviz is built.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/profile_image.h"

/* An image has the sizes and the byte order of the machine that it is made on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(void *) == sizeof(uint64_t),
	       "images are made for 64-bit little-endian machines");

static void print_image(size_t number, const struct profile_image *image)
{
	printf("\nstatic const uint64_t words_%zu[] = { /* %s */", number, image->name);
	for (size_t i = 0; i < image->nwords; i++)
		printf("%s0x%" PRIx64 ",", i % 4 == 0 ? "\n\t" : " ", image->words[i]);
	printf("\n};\nstatic const uint16_t pointers_%zu[] = {", number);
	for (size_t i = 0; i < image->npointers; i++)
		printf("%s%u,", i % 12 == 0 ? "\n\t" : " ", image->pointers[i]);
	printf("\n};\n");
}

static int print_all(struct arena *a, struct err *e)
{
	struct profile p;
	struct profile_image image;
	const struct builtin_profile *b = builtin_profiles;

	printf("#include \"policy/profile_image.h\"\n\n"
	       "_Static_assert(sizeof(struct profile) == %zu && sizeof(void *) == %zu,\n"
	       "\t       \"the machine that built these images lays structs out in another way\");\n",
	       sizeof(struct profile), sizeof(void *));
	for (size_t i = 0; b[i].name != NULL; i++) {
		TRY(profile_load(a, b[i].name, b[i].text, b[i].len, NULL, NULL, &p, e));
		TRY(profile_pack(a, &p, &image, e));
		print_image(i, &image);
	}
	printf("\nconst struct profile_image builtin_images[] = {\n");
	for (size_t i = 0; b[i].name != NULL; i++)
		printf("\t{ \"%s\", sizeof words_%zu / 8, sizeof pointers_%zu / 2, words_%zu, "
		       "pointers_%zu },\n",
		       b[i].name, i, i, i, i);
	printf("\t{ 0 }\n};\n");
	return 0;
}

int main(void)
{
	struct arena a = { 0 };
	struct err e = { 0 };
	int r = print_all(&a, &e);

	if (r < 0)
		fprintf(stderr, "%s\n%s%s", e.text, e.hint, e.hint[0] != '\0' ? "\n" : "");
	arena_free(&a);
	return r < 0 || fflush(stdout) != 0;
}
