#include "box/forget.h"

#include <link.h>
#include <linux/mman.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kern/sys.h"
#include "policy/live_image.h"

static struct {
	char *at;
	size_t bytes;
} command_line;

void forget_arguments_are(char *at, size_t bytes)
{
	command_line.at = at;
	command_line.bytes = bytes;
}

void forget_arguments(void)
{
	if (command_line.at != NULL)
		explicit_bzero(command_line.at, command_line.bytes);
}

char *forget_arguments_now(struct arena *a)
{
	char *kept;

	if (command_line.at == NULL)
		return NULL;
	kept = arena_alloc(a, command_line.bytes);
	memcpy(kept, command_line.at, command_line.bytes);
	forget_arguments();
	return kept;
}

void forget_no_more(const char *kept)
{
	if (kept != NULL)
		memcpy(command_line.at, kept, command_line.bytes);
}

void forget_environment(void)
{
	extern char **environ;

	for (char **at = environ; at != NULL && *at != NULL; at++)
		explicit_bzero(*at, strlen(*at));
}

/* They may be in use again a moment later: nothing is lost but that moment, nor if the kernel says no. */
static void unload(uintptr_t from, uintptr_t to)
{
	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Code and constants, which the kernel has again from the file: neighbours in one call. */
static int unload_program(struct dl_phdr_info *info, size_t size, void *page_bytes)
{
	const uintptr_t below = *(const uintptr_t *)page_bytes - 1;
	uintptr_t from = 0, to = 0;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = (info->dlpi_addr + p->p_vaddr) & ~below;

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W))
			continue;
		if (start != to) {
			unload(from, to);
			from = start;
		}
		to = (info->dlpi_addr + p->p_vaddr + p->p_memsz + below) & ~below;
	}
	unload(from, to);
	return 1; /* the program itself comes first */
}

void forget_set_up(void)
{
	uintptr_t page_bytes = getauxval(AT_PAGESZ);

	dl_iterate_phdr(unload_program, &page_bytes);
	sys_give_back_stack();
}

/* ---- for good ---- */

/* src/serving.ld, which not every build is linked by. */
extern char set_up_data[] __attribute__((weak)), set_up_data_end[] __attribute__((weak));

/* Whole pages of what only setting up uses. */
static size_t set_up_pages(uintptr_t page_bytes, char **at)
{
	uintptr_t from = ((uintptr_t)set_up_data + page_bytes - 1) & ~(page_bytes - 1);
	uintptr_t to = (uintptr_t)set_up_data_end & ~(page_bytes - 1);

	*at = (char *)from;
	return to > from ? to - from : 0;
}

/* Read again they would come from the file, without the addresses in them. So nobody may: where they were is nothing, and
 * nothing else can come there. */
static void forget_data(uintptr_t page_bytes)
{
	char *at;
	size_t n = set_up_pages(page_bytes, &at);

	/* If the kernel says no, all stays as it was. */
	if (n != 0)
		(void)mmap(at, n, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* What the kernel lays down for a signal, with all registers that a processor has, where it does not say (x86: since Linux 5.14). */
enum { SIGNAL_BYTES = 16 * 1024 };

static void unmap(uintptr_t from, uintptr_t to)
{
	if (to > from)
		munmap((void *)from, to - from);
}

void forget_launch(const struct box_stacks *own)
{
	const uintptr_t page_bytes = getauxval(AT_PAGESZ), at = (uintptr_t)own->at;
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page_bytes - 1);
	/* Above it are the command line, which `ps` shows, and the environment; below, what has grown since. */
	const uintptr_t arguments = getauxval(AT_RANDOM) & ~(page_bytes - 1);
	const uintptr_t told = getauxval(AT_MINSIGSTKSZ);
	const uintptr_t signal_bytes = ((told != 0 ? told : SIGNAL_BYTES) + page_bytes - 1) &
				       ~(page_bytes - 1);
	char *data;
	size_t data_bytes = set_up_pages(page_bytes, &data);

	unmap((uintptr_t)data, (uintptr_t)data + data_bytes);
	unmap(arguments - SYS_STACK_BYTES, arguments);
	unmap(at, here - page_bytes - signal_bytes);
	unmap(at + own->init_bytes, at + own->bytes);
}

/* ---- the plan ---- */

/* All that a broker decides by, in one piece. What is not touched costs nothing, and the end is given back. */
struct kept {
	struct broker_plan plan;
	_Alignas(max_align_t) char image[LIVE_SLOT_BYTES];
};

/* What a profile of ours takes: by one call in place of as many faults. */
enum { USUAL_BYTES = 20 * 1024 };

static const struct broker_plan *keep(struct arena *a, const struct broker_plan *p)
{
	struct kept *k = sys_pages(sizeof *k);
	const size_t id_bytes = strlen(p->id) + 1, page_bytes = getauxval(AT_PAGESZ);
	const struct live_tables *kept;
	struct live_tables tables;
	struct err none = { 0 };
	size_t len, used;
	char *end;

	if (k == NULL)
		return NULL;
	madvise(k, USUAL_BYTES, MADV_POPULATE_WRITE); /* before Linux 5.14 they come by faults */
	live_tables_of(p, &tables);
	live_asked(a, p, &tables.calls);
	if (live_write(k->image, &tables, &len, &none) < 0 || id_bytes > sizeof k->image - len ||
	    (kept = live_unpack(k->image, len)) == NULL) {
		munmap(k, sizeof *k);
		return NULL;
	}
	live_apply(p, kept, &k->plan);
	k->plan.id = memcpy(k->image + len, p->id, id_bytes);
	if (p->where == NULL)
		k->plan.where = NULL;
	used = (offsetof(struct kept, image) + len + id_bytes + page_bytes - 1) & ~(page_bytes - 1);
	end = (char *)k + used;
	if (used < sizeof *k)
		munmap(end, sizeof *k - used);
	return &k->plan;
}

const struct broker_plan *forget_plan(struct arena *a, const struct broker_plan *p)
{
	const struct broker_plan *kept = keep(a, p);

	if (kept == NULL)
		return p;
	arena_free(a);
	forget_data(getauxval(AT_PAGESZ));
	return kept;
}
