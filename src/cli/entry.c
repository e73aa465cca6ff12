/*
 * The first instructions of a static zviz, before the C library's own _start: what is needed of the program is mapped at once,
 * and the packed relocations (DT_RELR) are applied.
 *
 * A page fault costs more than most system calls (0.5 us on bare metal, 10 where a hypervisor keeps shadow page tables),
 * and a start takes some forty: pages that relocation writes to, the program itself, its stack. Three calls map all of
 * them. What they return does not matter: a kernel before 5.14 does not know them, and pages come by faults as ever.
 *
 * 5,000 pointers are a table of 125 kB as RELA, and of 2 kB packed. musl applies those since 1.2.4, glibc since 2.36. They
 * are applied here, and the table is left empty: whichever C library comes next finds nothing to do twice. What cannot be
 * packed (RELA) stays for it. Where nothing stays, what was relocated is made read-only at once (PT_GNU_RELRO), which no start file of
 * musl's does.
 *
 * Nothing is relocated yet: no address of a symbol but relative to the instruction, no stack protector, no errno.
 */
#include <elf.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
enum { PAGE_BYTES = 4096 };

__asm__(".globl zviz_entry\n"
	".type zviz_entry, @function\n"
	"zviz_entry:\n"
	"	endbr64\n"
	"	push %rdx\n" /* for _start: what it is to call at the end */
	"	push %rdx\n" /* keeps the stack aligned */
	"	mov %rsp, %rdi\n"
	"	call entry_begin\n"
	"	pop %rdx\n"
	"	pop %rdx\n"
	"	jmp _start\n");

static void call_kernel(long nr, uintptr_t at, uintptr_t len, long how)
{
	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(at), "S"(len), "d"(how)
			 : "rcx", "r11", "memory");
}

#elif defined(__aarch64__)
enum { PAGE_BYTES = 64 * 1024 }; /* the largest of three */

__asm__(".globl zviz_entry\n"
	".type zviz_entry, %function\n"
	"zviz_entry:\n"
	"	bti c\n"
	"	str x0, [sp, #-16]!\n" /* for _start: what it is to call at the end */
	"	mov x0, sp\n"
	"	bl entry_begin\n"
	"	ldr x0, [sp], #16\n"
	"	b _start\n");

static void call_kernel(long nr, uintptr_t at, uintptr_t len, long how)
{
	register uintptr_t x0 __asm__("x0") = at;
	register uintptr_t x1 __asm__("x1") = len;
	register long x2 __asm__("x2") = how;
	register long x8 __asm__("x8") = nr;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
}

#else
#error "an entry for this architecture is missing"
#endif

/* What `zviz run` uses of it. The kernel maps twice as much at exec (setup_arg_pages() in fs/exec.c). */
enum { STACK_BYTES = 32 * 1024 };

/* musl's elf.h has them since 1.2.4. */
#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR   36
#endif

/* The linker's name for the first byte of the file. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

void entry_begin(uintptr_t sp);

/* An even entry is the address of a word to relocate; an odd one has a bit for each of the 63 words that follow. */
static inline void relocate(uintptr_t base, const uint64_t *at, size_t bytes)
{
	uint64_t *next = (uint64_t *)base; /* the first entry is an address */

	for (const uint64_t *end = at + bytes / sizeof *at; at < end; at++) {
		if ((*at & 1) == 0) {
			next = (uint64_t *)(base + *at);
			*next++ += base;
			continue;
		}
		for (uint64_t bits = *at >> 1, i = 0; bits != 0; bits >>= 1, i++)
			if (bits & 1)
				next[i] += base;
		next += 63;
	}
}

/* True when no relocation is left to the C library. */
static inline bool relocate_packed(uintptr_t base, Elf64_Dyn *dynamic)
{
	const uint64_t *table = NULL;
	Elf64_Xword *bytes = NULL, left = 0;

	for (Elf64_Dyn *d = dynamic; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_RELR)
			table = (const uint64_t *)(base + d->d_un.d_ptr);
		else if (d->d_tag == DT_RELRSZ)
			bytes = &d->d_un.d_val;
		else if (d->d_tag == DT_RELASZ)
			left = d->d_un.d_val;
	if (table == NULL || bytes == NULL)
		return false;
	relocate(base, table, *bytes);
	*bytes = 0;
	return left == 0;
}

__attribute__((used, visibility("hidden"), no_stack_protector)) void entry_begin(uintptr_t sp)
{
	const uintptr_t mask = ~(uintptr_t)(PAGE_BYTES - 1), base = (uintptr_t)&__ehdr_start;
	const Elf64_Phdr *p = (const Elf64_Phdr *)(base + __ehdr_start.e_phoff);
	uintptr_t read_end = base, relro = 0, relro_end = 0;
	Elf64_Dyn *dynamic = NULL;

	for (const Elf64_Phdr *end = p + __ehdr_start.e_phnum; p < end; p++) {
		uintptr_t from = (base + p->p_vaddr) & mask;
		uintptr_t to = (base + p->p_vaddr + p->p_filesz + PAGE_BYTES - 1) & mask;

		if (p->p_type == PT_DYNAMIC)
			dynamic = (Elf64_Dyn *)(base + p->p_vaddr);
		else if (p->p_type == PT_GNU_RELRO)
			relro = from, relro_end = (base + p->p_vaddr + p->p_memsz) & mask;
		else if (p->p_type == PT_LOAD && p->p_flags & PF_W)
			call_kernel(SYS_madvise, from, to - from, MADV_POPULATE_WRITE);
		else if (p->p_type == PT_LOAD)
			read_end = to;
	}
	call_kernel(SYS_madvise, base & mask, read_end - base, MADV_POPULATE_READ);
	sp &= mask;
	call_kernel(SYS_madvise, sp - STACK_BYTES, STACK_BYTES, MADV_POPULATE_WRITE);
	if (dynamic != NULL && relocate_packed(base, dynamic) && relro < relro_end)
		call_kernel(SYS_mprotect, relro, relro_end - relro, PROT_READ);
}
