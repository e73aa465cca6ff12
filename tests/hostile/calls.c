/*
 * The calls that a broker is asked about: a row each. Its arguments are drawn anew every time.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

typedef uint64_t argument(void);

struct call {
	const char *name;
	int nr, nr32; /* the machine's own, -1: there is none; that of i386 */
	uint8_t often;
	uint8_t opens; /* answers with a descriptor */
	argument *arg[6];
};

#ifdef SYS_open
#define OLD(nr) nr
#else
#define OLD(nr)     (-1)
#define SYS_open    (-1)
#define SYS_creat   (-1)
#define SYS_rename  (-1)
#define SYS_link    (-1)
#define SYS_unlink  (-1)
#define SYS_symlink (-1)
#define SYS_mkdir   (-1)
#define SYS_rmdir   (-1)
#define SYS_mknod   (-1)
#endif

static const struct call calls[] = {
	{ "open", SYS_open, 5, 6, 1, { some_path, some_open_flags, some_mode } },
	{ "creat", SYS_creat, 8, 2, 1, { some_path, some_mode } },
	{ "openat", SYS_openat, 295, 10, 1, { some_dir, some_path, some_open_flags, some_mode } },
	{ "openat2", SYS_openat2, 437, 8, 1, { some_dir, some_path, some_how, some_how_size } },
	{ "rename", SYS_rename, 38, 2, 0, { some_path, some_path } },
	{ "renameat", SYS_renameat, 302, 2, 0, { some_dir, some_path, some_dir, some_path } },
	{ "renameat2",
	  SYS_renameat2,
	  353,
	  3,
	  0,
	  { some_dir, some_path, some_dir, some_path, some_name_flags } },
	{ "link", SYS_link, 9, 2, 0, { some_path, some_path } },
	{ "linkat",
	  SYS_linkat,
	  303,
	  3,
	  0,
	  { some_dir, some_path, some_dir, some_path, some_name_flags } },
	{ "unlink", SYS_unlink, 10, 2, 0, { some_path } },
	{ "unlinkat", SYS_unlinkat, 301, 2, 0, { some_dir, some_path, some_name_flags } },
	{ "rmdir", SYS_rmdir, 40, 1, 0, { some_path } },
	{ "symlink", SYS_symlink, 83, 2, 0, { some_text, some_path } },
	{ "symlinkat", SYS_symlinkat, 304, 2, 0, { some_text, some_dir, some_path } },
	{ "mkdir", SYS_mkdir, 39, 2, 0, { some_path, some_mode } },
	{ "mkdirat", SYS_mkdirat, 296, 2, 0, { some_dir, some_path, some_mode } },
	{ "mknod", SYS_mknod, 14, 2, 0, { some_path, some_mode, any_bits } },
	{ "mknodat", SYS_mknodat, 297, 2, 0, { some_dir, some_path, some_mode, any_bits } },
	{ "truncate", SYS_truncate, 92, 3, 0, { some_path, some_length } },
	{ "ioctl", SYS_ioctl, 54, 2, 0, { some_fd, some_ioctl, memory_anywhere } },
	{ "prctl", SYS_prctl, 172, 2, 0, { some_prctl, any_bits, any_bits, any_bits, any_bits } },
	{ "socket", SYS_socket, 359, 2, 1, { some_family, some_type, any_bits } },
	{ "socketpair",
	  SYS_socketpair,
	  360,
	  2,
	  0,
	  { some_family, some_type, any_bits, memory_anywhere } },
	{ "connect", SYS_connect, 362, 3, 0, { some_socket, some_address, some_address_length } },
	{ "bind", SYS_bind, 361, 3, 0, { some_socket, some_address, some_address_length } },
	{ "sendto",
	  SYS_sendto,
	  369,
	  3,
	  0,
	  { some_socket, memory_anywhere, some_length, some_send_flags, some_address,
	    some_address_length } },
	{ "sendmsg", SYS_sendmsg, 370, 5, 0, { some_socket, some_message, some_send_flags } },
	{ "sendmmsg",
	  SYS_sendmmsg,
	  345,
	  4,
	  0,
	  { some_socket, some_messages, some_message_count, some_send_flags } },
	{ "socketcall", -1, 102, 1, 0, { some_part_of_many, some_words } },
	{ "unshare", SYS_unshare, 310, 1, 0, { some_clone_flags } },
	{ "clone3", SYS_clone3, 435, 1, 0, { memory_anywhere, some_length } },
	{ "clone",
	  SYS_clone,
	  120,
	  1,
	  0,
	  { some_clone_flags, NULL, memory_anywhere, memory_anywhere, memory_anywhere } },
	{ "execve", SYS_execve, 11, 1, 0, { some_path, some_pointers, some_pointers } },
	{ "execveat",
	  SYS_execveat,
	  358,
	  1,
	  0,
	  { some_dir, some_path, some_pointers, some_pointers, some_name_flags } },
};
_Static_assert(COUNT(calls) <= CALLS_MAX, "a counter each");

const char *call_name(unsigned i)
{
	return i < COUNT(calls) ? calls[i].name : NULL;
}

/* A child of clone has nothing of its own that works, perhaps not even a stack: it ends at once, in the same
 * instructions. */
#if defined(__x86_64__)
static long native(bool clones, long nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4],
			      r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "test %[clones], %[clones]\n\t"
			 "jz 1f\n\t"
			 "mov $60, %%eax\n\t" /* exit */
			 "xor %%edi, %%edi\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(ret)
			 : "0"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
			   "r"(r9), [clones] "b"((long)clones)
			 : "rcx", "r11", "memory");
	return ret;
}

/* By the gate of 32-bit programs, which our own may go through as well: what is said in r8 to r11 is lost there, and the
 * compiler does not part with rbx and rbp. Below the stack pointer lies what it may have left in its red zone. */
static long other(bool clones, long nr, const uint64_t a[6])
{
	register uint64_t first __asm__("r12") = a[0], sixth __asm__("r13") = a[5];
	register long ends __asm__("r14") = clones;
	long ret;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "push %%rbx\n\t"
			 "push %%rbp\n\t"
			 "mov %[first], %%rbx\n\t"
			 "mov %[sixth], %%rbp\n\t"
			 "int $0x80\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "test %[ends], %[ends]\n\t"
			 "jz 1f\n\t"
			 "mov $1, %%eax\n\t" /* exit */
			 "xor %%ebx, %%ebx\n\t"
			 "int $0x80\n"
			 "1: pop %%rbp\n\t"
			 "pop %%rbx\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "=a"(ret)
			 : "0"(nr), "c"(a[1]), "d"(a[2]), "S"(a[3]),
			   "D"(a[4]), [first] "r"(first), [sixth] "r"(sixth), [ends] "r"(ends)
			 : "r8", "r9", "r10", "r11", "memory", "cc");
	return (int)ret;
}

bool call_has_i386(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		static const uint64_t none[6];

		signal(SIGSEGV, SIG_DFL);
		_exit(other(false, 20, none) > 0 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
#else
static long native(bool clones, long nr, const uint64_t a[6])
{
	long r = clones ? -1 : syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	return r < 0 ? -errno : r;
}

static long other(bool clones, long nr, const uint64_t a[6])
{
	return native(clones, nr, a);
}

bool call_has_i386(void)
{
	return false;
}
#endif

static unsigned draw(void)
{
	static unsigned total;
	unsigned at, i = 0;

	if (total == 0)
		for (size_t n = 0; n < COUNT(calls); n++)
			total += calls[n].often;
	for (at = below(total); at >= calls[i].often; i++)
		at -= calls[i].often;
	return i;
}

/* Whatever an open got us, the canary is not to be had from it. */
static void use(int fd)
{
	char text[256];
	ssize_t n;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_NONBLOCK) == 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	n = pread(fd, text, sizeof text - 1, 0);
	if (n > 0 && memmem(text, (size_t)n, CANARY, sizeof CANARY - 1) != NULL)
		atomic_fetch_add(&score->obtained, 1);
	if (once_in(4) && (flags & O_ACCMODE) == O_WRONLY)
		(void)!pwrite(fd, "x", 1, below(64));
	if (once_in(300))
		fcntl(fd, F_SETLEASE, once_in(2) ? F_RDLCK : F_WRLCK);
	if (once_in(2))
		dup2(fd, 3 + (int)below(FDS));
	close(fd);
}

void call_random(bool i386)
{
	unsigned i = draw();
	const struct call *c = &calls[i];
	bool clones = c->nr == SYS_clone, by32 = i386 && (c->nr < 0 || once_in(2));
	uint64_t a[6] = { 0 };

	if (c->nr < 0 && !by32)
		return;
	sockets_for(by32);
	for (unsigned n = 0; n < 6; n++)
		if (c->arg[n] != NULL)
			a[n] = c->arg[n]();
	/* Who shares our memory shares our stack: we wait for its end, and only ever in ways that end. */
	if (clones && (a[0] & CLONE_VM))
		a[0] |= CLONE_VFORK;
	if (clones)
		a[0] &= ~(uint64_t)CLONE_PTRACE;

	long r = by32 ? other(clones, c->nr32, a) : native(clones, c->nr, a);

	atomic_fetch_add(&score->made[i], 1);
	atomic_fetch_add(&score->made32, by32);
	if (r < 0)
		return;
	atomic_fetch_add(&score->passed[i], 1);
	atomic_fetch_add(&score->passed32, by32);
	if (c->opens)
		use((int)r);
	if (once_in(50))
		syscall(SYS_close_range, 3 + below(FDS), 3 + FDS, 0);
}
