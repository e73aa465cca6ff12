#include "libseccomp_judge.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"

/* Last: it defines a macro fail(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

scmp_filter_ctx judge_open(uint32_t arch, bpf_verdict usual)
{
	scmp_filter_ctx ctx = seccomp_init(usual);

	assert_non_null(ctx);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
	if (seccomp_arch_exist(ctx, arch) != 0) {
		assert_int_equal(seccomp_arch_add(ctx, arch), 0);
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	}
	return ctx;
}

int judge_number(uint32_t arch, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(arch, nr);
	int native = name != NULL ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;

	free(name);
	return native;
}

void judge_program(struct arena *a, scmp_filter_ctx ctx, struct bpf_program *out)
{
	OWN_FD fd = memfd_create("filter", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);

	off_t size = lseek(fd, 0, SEEK_END);

	assert_true(size > 0 && size % (off_t)sizeof *out->at == 0);
	out->n = (size_t)size / sizeof *out->at;
	out->at = arena_alloc(a, (size_t)size);
	assert_int_equal(pread(fd, out->at, (size_t)size, 0), size);
}

/* libseccomp 2.5 keeps some memory of rules that it replaced, until the process ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}
