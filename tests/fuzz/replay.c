/*
 * Feeds every file of a corpus folder to a fuzz target once. The name of a file is printed before it
 * is tried, so that a crash names its input.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return alphasort(a, b);
}

/* Tries one file; a buffer of exactly its size lets the sanitizer see the first byte read too many. */
static int replay(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(name);
		exit(1);
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return 0;
	}

	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size != 0 ? size : 1);

	if (data == NULL || read(fd, data, size) != st.st_size) {
		perror(name);
		exit(1);
	}
	close(fd);
	printf("%s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int tried = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 1;
	}

	int dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int n = dir < 0 ? -1 : scandir(argv[1], &names, NULL, by_name);

	if (n < 0) {
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		tried += replay(dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	close(dir);
	printf("%d inputs\n", tried);
	return tried == 0; /* an empty corpus tests nothing */
}
