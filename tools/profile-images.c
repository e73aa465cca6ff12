/*
 * profile-images - prints what a file of tools/embed-profiles includes as PROFILE_IMAGES: each built-in
 * profile as profile_load() reads it. Runs when zviz is built.
 */
#include <inttypes.h>
#include <stdio.h>

#include "policy/profile_image.h"

/* image_ci_runner of "ci-runner" */
static void print_symbol(const char *kind, const char *name)
{
	printf("%s_", kind);
	for (; *name != '\0'; name++)
		putchar(*name == '-' ? '_' : *name);
}

static void print_image(const char *name, const struct profile_image *image)
{
	printf("\nstatic const uint64_t ");
	print_symbol("words", name);
	printf("[] = {");
	for (size_t i = 0; i < image->nwords; i++)
		printf("%s0x%" PRIx64 ",", i % 6 == 0 ? "\n\t" : " ", image->words[i]);
	printf("\n};\nstatic const uint16_t ");
	print_symbol("pointers", name);
	printf("[] = {");
	for (size_t i = 0; i < image->npointers; i++)
		printf("%s%u,", i % 16 == 0 ? "\n\t" : " ", image->pointers[i]);
	printf("\n};\nstatic const struct profile_image ");
	print_symbol("image", name);
	printf(" = {\n\t%zu, %zu, ", image->nwords, image->npointers);
	print_symbol("words", name);
	printf(", ");
	print_symbol("pointers", name);
	printf("\n};\n");
}

/* An image is laid out as structs are on the machine that makes it. */
static void print_layout(void)
{
	printf("#include \"policy/profile_image.h\"\n\n"
	       "_Static_assert(__BYTE_ORDER__ == %d && sizeof(void *) == %zu && sizeof(struct "
	       "profile) == %zu,\n"
	       "\t       \"these images were made on a machine that lays structs out in another "
	       "way\");\n",
	       __BYTE_ORDER__, sizeof(void *), sizeof(struct profile));
}

static int print_all(struct arena *a, struct err *e)
{
	struct profile p;
	struct profile_image image;

	print_layout();
	for (const struct builtin_profile *b = builtin_profiles; b->name != NULL; b++) {
		TRY(profile_load(a, b->name, b->text, b->len, NULL, NULL, &p, e));
		TRY(profile_pack(a, &p, &image, e));
		print_image(b->name, &image);
	}
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
