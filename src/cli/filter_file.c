#include "cli/filter_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"

enum { FILTER_BYTES_MAX = BPF_MAXINSNS * sizeof(struct sock_filter) };

int filter_file_read(struct arena *a, const char *path, struct bpf_program *out, struct err *e)
{
	char *bytes;
	size_t len;

	TRY(file_read(AT_FDCWD, path, FILTER_BYTES_MAX, a, &bytes, &len, e));
	if (len == 0 || len % sizeof(struct sock_filter) != 0)
		return fail(e, EINVAL, "%s: %zu bytes are no array of instructions of %zu each",
			    path, len, sizeof(struct sock_filter));
	out->n = len / sizeof(struct sock_filter);
	out->at = arena_alloc(a, len);
	memcpy(out->at, bytes, len);
	return 0;
}

enum host_arch filter_file_own_arch(void)
{
#if defined(__aarch64__)
	return HOST_AARCH64;
#else
	return HOST_X86_64;
#endif
}
