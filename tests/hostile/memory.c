/*
 * Pages of every kind side by side: there, read-only, not there, of a file that ends before them.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

enum { PAGE = 4096, PAGES = 64, STRETCH = 4 /* pages in a row, before one that is not there */ };

#define BASE ((char *)0x20000000)

static _Thread_local sigjmp_buf out;
static _Thread_local volatile sig_atomic_t copying;

static char *page(uint32_t n)
{
	return BASE + (size_t)n * PAGE;
}

static bool is_gap(uint32_t n)
{
	return n % (STRETCH + 1) == STRETCH;
}

static void map(uint32_t n)
{
	mmap(page(n), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void memory_make(void)
{
	for (uint32_t n = 0; n < PAGES; n++)
		if (!is_gap(n))
			map(n);
		else
			munmap(page(n), PAGE);
}

/* Of four in a stretch, the last two change; a string that begins in the second one may lose its end. */
static bool is_spoiled(uint32_t n)
{
	return n % (STRETCH + 1) >= 2 && !is_gap(n);
}

void memory_spoil(void)
{
	uint32_t n = below(PAGES);

	if (!is_spoiled(n))
		return;
	switch (below(6)) {
	case 0:
		munmap(page(n), PAGE);
		break;
	case 1:
		mprotect(page(n), PAGE, once_in(2) ? PROT_NONE : PROT_READ);
		break;
	case 2:
		madvise(page(n), PAGE, MADV_DONTNEED);
		break;
	case 3: {
		uint64_t bits = any_bits();

		memory_put(page(n) + below(PAGE - 8), &bits, sizeof bits);
		break;
	}
	default:
		map(n);
	}
}

void *memory_room(size_t len)
{
	uint32_t stretch = below(PAGES / (STRETCH + 1));
	char *from = page(stretch * (STRETCH + 1));

	if (len > (size_t)STRETCH * PAGE || once_in(60))
		return NULL;
	switch (below(16)) {
	case 0: /* up to the page that is not there */
		return from + STRETCH * PAGE - len;
	case 1: /* and a little into it */
		return from + STRETCH * PAGE - len + below(16);
	case 2: /* across two that change */
		return from + 3 * PAGE - len / 2 - (len < PAGE ? 0 : PAGE);
	case 3: /* from a good one into one that changes */
		return from + 2 * PAGE - (len < PAGE ? len / 2 : PAGE);
	default:
		return from + below(PAGE);
	}
}

uint64_t memory_anywhere(void)
{
	static const uint64_t odd[] = { 0,
					1,
					PAGE - 1,
					UINT64_MAX,
					0x7fffffffffff,
					0x800000000000,
					0xffffffffff600000,
					0xffff888000000000,
					0xffffffff,
					0x1ffff000 };

	return once_in(2) ? odd[below(COUNT(odd))]
			  : (uint64_t)(uintptr_t)BASE + below((PAGES + 2) * PAGE);
}

static void on_fault(int sig)
{
	if (copying)
		siglongjmp(out, 1);
	signal(sig, SIG_DFL); /* it comes again, and is the end */
}

void memory_catch_faults(void)
{
	const struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

void memory_put(void *to, const void *from, size_t len)
{
	if (sigsetjmp(out, 0) == 0) {
		copying = 1;
		memcpy(to, from, len);
	}
	copying = 0;
}
