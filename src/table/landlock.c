#include "table/table.h"

/* Bits and ABI numbers: include/uapi/linux/landlock.h and
 * Documentation/userspace-api/landlock.rst. Written out, because the headers of older
 * distributions end at ABI 2. */
const struct landlock_right landlock_fs_rights[] = { { "execute", 1ULL << 0, 1 },
						     { "write_file", 1ULL << 1, 1 },
						     { "read_file", 1ULL << 2, 1 },
						     { "read_dir", 1ULL << 3, 1 },
						     { "remove_dir", 1ULL << 4, 1 },
						     { "remove_file", 1ULL << 5, 1 },
						     { "make_char", 1ULL << 6, 1 },
						     { "make_dir", 1ULL << 7, 1 },
						     { "make_reg", 1ULL << 8, 1 },
						     { "make_sock", 1ULL << 9, 1 },
						     { "make_fifo", 1ULL << 10, 1 },
						     { "make_block", 1ULL << 11, 1 },
						     { "make_sym", 1ULL << 12, 1 },
						     { "refer", 1ULL << 13, 2 },
						     { "truncate", 1ULL << 14, 3 },
						     { "ioctl_dev", 1ULL << 15, 5 },
						     { 0 } };

uint64_t landlock_fs_handled(unsigned abi)
{
	uint64_t all = 0;

	for (const struct landlock_right *r = landlock_fs_rights; r->name != NULL; r++)
		if (r->abi <= abi)
			all |= r->bit;
	return all;
}
