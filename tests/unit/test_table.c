/* The tables against themselves, the kernel's headers and libseccomp. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/mount.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "table/table.h"

static const struct {
	uint32_t audit, libseccomp;
} arches[] = {
	{ AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64 },
	{ AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64 },
};

/* ---- system calls ---- */

static void calls_are_sorted_and_found(void **state)
{
	(void)state;
	assert_string_equal(syscalls[syscalls_count].name, "");
	for (size_t i = 0; i < syscalls_count; i++) {
		if (i != 0 && strcmp(syscalls[i - 1].name, syscalls[i].name) >= 0)
			fail_msg("%s comes after %s", syscalls[i].name, syscalls[i - 1].name);
		assert_ptr_equal(syscall_find(syscalls[i].name), &syscalls[i]);
	}
}

static void unknown_names_are_not_found(void **state)
{
	static const char *const names[] = { "", "_", "opena", "openat3", "OPEN", "zz", "@open" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_null(syscall_find(names[i]));
}

static void numbers_lead_back_to_their_call(void **state)
{
	(void)state;
	for (size_t a = 0; a < COUNT(arches); a++) {
		uint32_t arch = arches[a].audit;
		size_t known = 0, expected = 0;

		for (size_t i = 0; i < syscalls_count; i++) {
			int nr = syscall_nr(&syscalls[i], arch);

			if (nr < 0)
				continue;
			expected++;
			assert_ptr_equal(syscall_number(arch, nr), &syscalls[i]);
			assert_string_equal(syscall_name(arch, nr), syscalls[i].name);
			assert_true((uint32_t)nr < syscall_top(arch));
		}
		for (int nr = 0; nr < 1000; nr++)
			known += syscall_number(arch, nr) != NULL;
		assert_int_equal(known, expected);
		assert_non_null(syscall_name(arch, (int)syscall_top(arch) - 1));
	}
}

static void unknown_numbers_are_not_found(void **state)
{
	static const int strange[] = { -1, INT32_MIN, INT32_MAX, 400, 0x40000190, 0x40000300 };

	(void)state;
	for (size_t i = 0; i < COUNT(strange); i++) {
		assert_null(syscall_number(AUDIT_ARCH_X86_64, strange[i]));
		assert_null(syscall_name(AUDIT_ARCH_AARCH64, strange[i]));
	}
	assert_null(syscall_number(AUDIT_ARCH_X86_64, (int)syscall_top(AUDIT_ARCH_X86_64)));
	assert_null(syscall_number(AUDIT_ARCH_I386, 17));
	assert_null(syscall_number(AUDIT_ARCH_I386, -1));
	assert_null(syscall_number(AUDIT_ARCH_I386, (int)syscall_top(AUDIT_ARCH_I386)));
	assert_null(syscall_number(AUDIT_ARCH_ARM, 1));
	assert_int_equal(syscall_top(AUDIT_ARCH_ARM), 0);
	assert_int_equal(syscall_nr(syscall_find("open"), AUDIT_ARCH_AARCH64), -1);
}

/* "0" where the header defines __NR_read, "__NR_mseal" where it does not know the call. */
#define TEXT_OF(word)   #word
#define HEADER_OF(word) TEXT_OF(word)

static const struct {
	const char *name, *header;
} by_header[] = {
#define BOTH(call, ...)   { #call, HEADER_OF(__NR_##call) },
#define X86_64(call, ...) { #call, HEADER_OF(__NR_##call) },
#include "table/syscalls.def"
};

static void numbers_are_those_of_this_machine_s_headers(void **state)
{
#ifdef __x86_64__
	uint32_t arch = AUDIT_ARCH_X86_64;
#else
	uint32_t arch = AUDIT_ARCH_AARCH64;
#endif
	size_t compared = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(by_header); i++) {
		if (strncmp(by_header[i].header, "__NR", 4) == 0)
			continue;
		if (syscall_nr(&syscalls[i], arch) != atoi(by_header[i].header))
			fail_msg("%s is %s", by_header[i].name, by_header[i].header);
		compared++;
	}
	/* Linux 5.10, the oldest whose headers build this, has 300 on aarch64 and more on
	 * x86_64. */
	assert_in_range(compared, 300, syscalls_count);
}

/* ---- the other ABIs of x86_64 ---- */

/* Never made, or taken out again; and those that stand for many calls. */
static bool has_no_row(int nr, const char *name)
{
	static const char *const gone[] = { "break",   "stty",   "gtty",   "ftime",  "prof",
					    "lock",    "mpx",    "idle",   "ulimit", "vm86",
					    "vm86old", "profil", "bdflush" };

	for (size_t i = 0; i < COUNT(gone); i++)
		if (strcmp(gone[i], name) == 0)
			return true;
	return syscall_parts(AUDIT_ARCH_I386, nr) != NULL;
}

static void i386_numbers_are_libseccomp_s(void **state)
{
	size_t compared = 0;

	(void)state;
	for (int nr = 0; nr < 600; nr++) {
		char *theirs = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86, nr);
		const char *ours = syscall_name(AUDIT_ARCH_I386, nr);

		if (theirs == NULL || (ours == NULL && has_no_row(nr, theirs))) {
			free(theirs);
			continue;
		}
		if (ours == NULL || strcmp(ours, theirs) != 0)
			fail_msg("%d: %s here, %s there", nr, ours != NULL ? ours : "unknown",
				 theirs);
		if ((syscall_number(AUDIT_ARCH_I386, nr) == NULL) != has_no_row(nr, theirs))
			fail_msg("%d, %s: a row or none?", nr, theirs);
		compared++;
		free(theirs);
	}
	assert_true(compared > 400);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && strcmp(s + n - k, end) == 0;
}

/* A call of the same name, or a wider one of it, is judged as that one; all arguments count only where none is wider than
 * a register and none in memory. */
static void i386_calls_are_judged_as_their_namesakes(void **state)
{
	static const char *const wide[] = {
		"pread64",   "pwrite64",     "preadv",          "pwritev",       "preadv2",
		"pwritev2",  "truncate64",   "ftruncate64",     "readahead",     "fallocate",
		"fadvise64", "fadvise64_64", "sync_file_range", "fanotify_mark", "_llseek",
		"mmap",      "select"
	};

	(void)state;
	for (int nr = 0; nr < (int)syscall_top(AUDIT_ARCH_I386); nr++) {
		const struct syscall *s = syscall_number(AUDIT_ARCH_I386, nr);
		const char *own = syscall_name(AUDIT_ARCH_I386, nr);
		size_t len = s != NULL ? strlen(s->name) : 0;

		if (s == NULL)
			continue;
		if (syscall_find(own) != NULL)
			assert_string_equal(own, s->name);
		else if (ends_with(own, "32") || ends_with(own, "_time64"))
			assert_memory_equal(own, s->name, len);
		for (size_t i = 0; i < COUNT(wide); i++)
			if (strcmp(wide[i], own) == 0)
				assert_in_range(syscall_same(AUDIT_ARCH_I386, nr), 0, 3);
		assert_in_range(syscall_same(AUDIT_ARCH_I386, nr), 0, 6);
	}
	assert_int_equal(syscall_same(AUDIT_ARCH_X86_64, 17), 6);
}

static void parts_are_calls(void **state)
{
	static const int numbers[] = { 102, 117 };

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const struct syscall_parts *p = syscall_parts(AUDIT_ARCH_I386, numbers[i]);

		assert_non_null(p);
		assert_null(syscall_number(AUDIT_ARCH_I386, numbers[i]));
		assert_string_equal(syscall_name(AUDIT_ARCH_I386, numbers[i]), p->name);
		for (const struct syscall_part *part = p->at; part->call != NULL; part++)
			assert_non_null(syscall_find(part->call));
	}
	assert_null(syscall_parts(AUDIT_ARCH_X86_64, 102));
	assert_null(syscall_parts(AUDIT_ARCH_I386, 103));
}

static void x32_numbers_are_libseccomp_s(void **state)
{
	size_t compared = 0;

	(void)state;
	for (int nr = 0; nr < 1024; nr++) {
		const struct syscall *s = syscall_number(AUDIT_ARCH_X86_64, SYSCALL_X32_BIT + nr);
		char *theirs = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X32,
								SYSCALL_X32_BIT + nr);

		if (theirs != NULL && (s == NULL || strcmp(s->name, theirs) != 0))
			fail_msg("%d: %s here, %s there", nr, s != NULL ? s->name : "unknown",
				 theirs);
		compared += theirs != NULL;
		free(theirs);
	}
	assert_true(compared > 300);
	/* 13 is rt_sigaction of x86_64, which x32 has under 512. */
	assert_null(syscall_number(AUDIT_ARCH_X86_64, SYSCALL_X32_BIT + 13));
	assert_null(syscall_number(AUDIT_ARCH_AARCH64, SYSCALL_X32_BIT + 1));
}

static void judge_name(size_t a, const struct syscall *s)
{
	int theirs = seccomp_syscall_resolve_name_arch(arches[a].libseccomp, s->name);
	int ours = syscall_nr(s, arches[a].audit);

	/* Below -1 are its own numbers for calls that this architecture lacks. */
	if (theirs != __NR_SCMP_ERROR && (theirs >= 0 ? theirs : -1) != ours)
		fail_msg("%s: %d here, %d there", s->name, ours, theirs);
}

static void judge_number(size_t a, int nr)
{
	char *theirs = seccomp_syscall_resolve_num_arch(arches[a].libseccomp, nr);
	const char *ours = syscall_name(arches[a].audit, nr);

	if (theirs != NULL && (ours == NULL || strcmp(ours, theirs) != 0))
		fail_msg("%d: %s here, %s there", nr, ours != NULL ? ours : "unknown", theirs);
	free(theirs);
}

static void libseccomp_agrees(void **state)
{
	(void)state;
	for (size_t a = 0; a < COUNT(arches); a++) {
		for (size_t i = 0; i < syscalls_count; i++)
			judge_name(a, &syscalls[i]);
		for (int nr = 0; nr < 1000; nr++)
			judge_number(a, nr);
	}
}

static void new_calls_have_one_number(void **state)
{
	(void)state;
	/* Since Linux 5.1 a new call gets the same number everywhere: from 424 on. */
	for (size_t i = 0; i < syscalls_count; i++)
		if (syscalls[i].x86_64 >= 424 || syscalls[i].aarch64 >= 424)
			assert_int_equal(syscalls[i].x86_64, syscalls[i].aarch64);
	for (int nr = 424; nr <= 469; nr++)
		assert_non_null(syscall_number(AUDIT_ARCH_AARCH64, nr));
}

static void arguments_have_no_holes(void **state)
{
	(void)state;
	for (size_t i = 0; i < syscalls_count; i++) {
		const enum arg_role *arg = syscalls[i].arg;

		for (size_t j = 1; j < 6; j++)
			if (arg[j - 1] == ARG_NONE && arg[j] != ARG_NONE)
				fail_msg("%s: argument %zu", syscalls[i].name, j);
	}
	assert_int_equal(syscall_find("openat")->arg[0], ARG_DIRFD);
	assert_int_equal(syscall_find("openat")->arg[2], ARG_OPEN_FLAGS);
	assert_int_equal(syscall_find("ioctl")->arg[1], ARG_IOCTL);
	assert_int_equal(syscall_find("socket")->arg[0], ARG_SOCKET_FAMILY);
	assert_int_equal(syscall_find("prctl")->arg[0], ARG_PRCTL);
	assert_int_equal(syscall_find("clone")->arg[0], ARG_CLONE_FLAGS);
	assert_int_equal(syscall_find("ptrace")->arg[0], ARG_PTRACE);
	assert_int_equal(syscall_find("kill")->arg[1], ARG_SIGNAL);
}

/* ---- groups ---- */

static void members_exist_and_come_once(void **state)
{
	const struct syscall_group **owner = test_calloc(syscalls_count, sizeof(*owner));

	(void)state;
	for (const struct syscall_group *g = syscall_groups; g->name != NULL; g++) {
		assert_ptr_equal(syscall_group_find(g->name), g);
		assert_int_equal(g->name[0], '@');
		assert_in_range(strlen(g->description), 10, 100);
		for (const char *const *m = g->members; *m != NULL; m++) {
			const struct syscall_group *inner = syscall_group_find(*m);
			const struct syscall *s = syscall_find(*m);

			/* A group contains earlier groups only: no circle is possible. */
			if (inner != NULL ? inner >= g : s == NULL)
				fail_msg("%s: %s", g->name, *m);
			if (inner != NULL)
				continue;
			if (owner[s - syscalls] != NULL)
				fail_msg("%s is in %s and %s", *m, owner[s - syscalls]->name,
					 g->name);
			owner[s - syscalls] = g;
		}
	}
	test_free(owner);
}

static bool group_has(const struct syscall_group *g, const char *call)
{
	for (const char *const *m = g->members; *m != NULL; m++) {
		const struct syscall_group *inner = syscall_group_find(*m);

		if (inner != NULL ? group_has(inner, call) : strcmp(*m, call) == 0)
			return true;
	}
	return false;
}

static void dangerous_is_complete(void **state)
{
	static const char *const calls[] = {
		"mount",
		"umount2",
		"pivot_root",
		"chroot",
		"fsopen",
		"open_tree",
		"move_mount",
		"mount_setattr",
		"setns",
		"bpf",
		"perf_event_open",
		"userfaultfd",
		"init_module",
		"finit_module",
		"kexec_load",
		"reboot",
		"swapon",
		"ptrace",
		"process_vm_readv",
		"process_vm_writev",
		"pidfd_getfd",
		"open_by_handle_at",
		"keyctl",
		"add_key",
		"request_key",
		"settimeofday",
		"clock_settime",
		"sethostname",
		"iopl",
		"syslog",
		"move_pages",
		"migrate_pages",
		"acct",
		"quotactl",
	};
	const struct syscall_group *dangerous = syscall_group_find("@dangerous");

	(void)state;
	assert_non_null(dangerous);
	for (size_t i = 0; i < COUNT(calls); i++)
		if (!group_has(dangerous, calls[i]))
			fail_msg("%s", calls[i]);
	assert_null(syscall_group_find("@nothing"));
	assert_null(syscall_group_find("basic-io"));
}

static void fallbacks_are_in_no_group(void **state)
{
	static const char *const calls[] = { "clone3",         "io_uring_setup",
					     "io_uring_enter", "io_uring_register",
					     "modify_ldt",     "uselib" };

	(void)state;
	for (const struct syscall_group *g = syscall_groups; g->name != NULL; g++)
		for (size_t i = 0; i < COUNT(calls); i++)
			assert_false(group_has(g, calls[i]));
}

/* ---- names ---- */

static void names_are_unique(void **state)
{
	static const struct name *const tables[] = {
		capability_names, rlimit_names,    signal_names, ioctl_names,
		prctl_names,      socket_families, socket_types, clone_flags,
		namespace_names,  errno_names,     open_flags,
	};

	(void)state;
	for (size_t t = 0; t < COUNT(tables); t++)
		for (const struct name *n = tables[t]; n->name[0] != '\0'; n++)
			if (name_find(tables[t], n->name) != n)
				fail_msg("%s comes twice", n->name);
}

static void numbered_names_are_complete(void **state)
{
	(void)state;
	for (int i = 0; i <= 40; i++) /* CAP_CHECKPOINT_RESTORE */
		assert_int_equal(capability_names[i].value, i);
	for (int i = 0; i < 16; i++)
		assert_non_null(name_of(rlimit_names, i));
	for (int i = 1; i < 32; i++)
		assert_non_null(name_of(signal_names, i));
	for (int i = 1; i < 46; i++) /* AF_MCTP is 45 */
		assert_non_null(name_of(socket_families, i));
	for (int i = 1; i < 134; i++) /* 41 and 58 were never errors of their own */
		if (i != 41 && i != 58)
			assert_non_null(name_of(errno_names, i));
}

static void values_find_their_usual_name(void **state)
{
	(void)state;
	assert_string_equal(name_of(errno_names, EAGAIN)->name, "EAGAIN");
	assert_string_equal(name_of(errno_names, EDEADLK)->name, "EDEADLK");
	assert_string_equal(name_of(errno_names, EOPNOTSUPP)->name, "EOPNOTSUPP");
	assert_string_equal(name_of(signal_names, 6)->name, "SIGABRT");
	assert_string_equal(name_of(socket_families, AF_UNIX)->name, "unix");
	assert_string_equal(name_of(ioctl_names, 0x5401)->name, "TCGETS");
	assert_string_equal(name_of(ioctl_names, 0x541b)->name, "FIONREAD");
	assert_int_equal(name_find(ioctl_names, "TIOCSTI")->value, 0x5412);
	assert_int_equal(name_find(ioctl_names, "TIOCLINUX")->value, 0x541c);
	assert_int_equal(name_find(prctl_names, "PR_SET_MM")->value, 35);
	assert_int_equal(name_find(namespace_names, "mount")->value, CLONE_NEWNS);
	assert_int_equal(name_find(namespace_names, "network")->value, CLONE_NEWNET);
	assert_int_equal(name_find(signal_names, "SIGRTMIN")->value, 34);
}

/* ---- mount options ---- */

static void mount_options_are_sound(void **state)
{
	(void)state;
	for (const struct mount_option *o = mount_options; o->name[0] != '\0'; o++) {
		bool does = o->set != 0 || o->clear != 0 || o->propagation != 0 || o->bind ||
			    o->rbind || o->idmap || o->copy_up;

		assert_ptr_equal(mount_option_find(o->name), o);
		assert_int_equal(o->set & o->clear, 0);
		if (!does && !o->no_op)
			fail_msg("%s does nothing", o->name);
	}
	assert_null(mount_option_find("size=64k"));
	assert_null(mount_option_find("rsize"));
}

/* What a list of words comes to. */
static uint64_t attributes(const char *const *words)
{
	uint64_t attr = 0;

	for (; *words != NULL; words++) {
		const struct mount_option *o = mount_option_find(*words);

		assert_non_null(o);
		attr = (attr | o->set) & ~o->clear;
	}
	return attr;
}

static void the_later_option_wins(void **state)
{
	(void)state;
	assert_int_equal(attributes((const char *const[]){ "ro", "rw", NULL }), 0);
	assert_int_equal(attributes((const char *const[]){ "rw", "ro", NULL }), MOUNT_ATTR_RDONLY);
	assert_int_equal(attributes((const char *const[]){ "noatime", "strictatime", NULL }),
			 MOUNT_ATTR_STRICTATIME);
	assert_int_equal(attributes((const char *const[]){ "strictatime", "relatime", NULL }), 0);
	assert_int_equal(attributes((const char *const[]){ "nosuid", "nodev", "noexec", "dev",
							   "async", NULL }),
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static void recursive_words_are_marked(void **state)
{
	(void)state;
	assert_true(mount_option_find("rro")->recursive);
	assert_false(mount_option_find("ro")->recursive);
	assert_true(mount_option_find("rprivate")->recursive);
	assert_int_equal(mount_option_find("rslave")->propagation, 1 << 19);
	assert_true(mount_option_find("rbind")->rbind);
	assert_false(mount_option_find("bind")->rbind);
	assert_true(mount_option_find("ridmap")->idmap && mount_option_find("ridmap")->recursive);
}

/* ---- Landlock ---- */

static void landlock_rights_grow_with_the_abi(void **state)
{
	static const uint64_t handled[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff, 0xffff };
	uint64_t bit = 1;

	(void)state;
	for (unsigned abi = 0; abi < COUNT(handled); abi++)
		assert_int_equal(landlock_fs_handled(abi), handled[abi]);
	for (const struct landlock_right *r = landlock_fs_rights; r->name != NULL; r++, bit <<= 1)
		assert_int_equal(r->bit, bit);
}

/* ---- /etc ---- */

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void etc_shows_no_secret(void **state)
{
	static const char *const never[] = {
		"/etc/passwd",
		"/etc/shadow",
		"/etc/gshadow",
		"/etc/group",
		"/etc/hosts",
		"/etc/hostname",
		"/etc/resolv.conf",
		"/etc/ssl/private",
		"/etc/pki/tls/private",
		"/etc/ssh",
		"/etc/sudoers",
		"/etc/machine-id",
		"/etc/environment",
		"/etc/gitconfig",
		"/etc/npmrc",
		"/etc/pip.conf",
		"/etc/wgetrc",
		"/etc/fstab",
		"/etc/crypttab",
		"/etc/krb5.keytab",
		"/etc/docker",
		"/etc/kubernetes",
		"/etc/NetworkManager",
		"/etc/maven/settings.xml",
		"/etc/java-17-openjdk/management",
		"/etc/apt/auth.conf",
	};

	(void)state;
	for (const struct etc_entry *e = etc_entries; e->path != NULL; e++)
		for (size_t i = 0; i < COUNT(never); i++)
			if (is_below(e->path, never[i]) || is_below(never[i], e->path))
				fail_msg("%s shows %s", e->path, never[i]);
}

static void etc_entries_stand_side_by_side(void **state)
{
	(void)state;
	for (const struct etc_entry *e = etc_entries; e->path != NULL; e++) {
		assert_true(is_below(e->path, "/etc") && strlen(e->path) > strlen("/etc/"));
		assert_null(strstr(e->path, ".."));
		for (const struct etc_entry *o = etc_entries; o->path != NULL; o++)
			if (o != e && is_below(e->path, o->path))
				fail_msg("%s lies in %s", e->path, o->path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_sorted_and_found),
		cmocka_unit_test(unknown_names_are_not_found),
		cmocka_unit_test(numbers_lead_back_to_their_call),
		cmocka_unit_test(unknown_numbers_are_not_found),
		cmocka_unit_test(i386_numbers_are_libseccomp_s),
		cmocka_unit_test(i386_calls_are_judged_as_their_namesakes),
		cmocka_unit_test(parts_are_calls),
		cmocka_unit_test(x32_numbers_are_libseccomp_s),
		cmocka_unit_test(numbers_are_those_of_this_machine_s_headers),
		cmocka_unit_test(libseccomp_agrees),
		cmocka_unit_test(new_calls_have_one_number),
		cmocka_unit_test(arguments_have_no_holes),
		cmocka_unit_test(members_exist_and_come_once),
		cmocka_unit_test(dangerous_is_complete),
		cmocka_unit_test(fallbacks_are_in_no_group),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(numbered_names_are_complete),
		cmocka_unit_test(values_find_their_usual_name),
		cmocka_unit_test(mount_options_are_sound),
		cmocka_unit_test(the_later_option_wins),
		cmocka_unit_test(recursive_words_are_marked),
		cmocka_unit_test(landlock_rights_grow_with_the_abi),
		cmocka_unit_test(etc_shows_no_secret),
		cmocka_unit_test(etc_entries_stand_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
