/*
 * One system call of a 32-bit program, without any library: call32 NUMBER [ARGUMENT…]. An argument that begins with a
 * digit or - is a number, any other a string. Exits with 0 when the call succeeds, else with its errno.
 */
static long call(long nr, const long *arg)
{
	long ret;

	/* The sixth argument goes in ebp, which the compiler keeps for itself: no call made here has one. */
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(arg[0]), "c"(arg[1]), "d"(arg[2]), "S"(arg[3]), "D"(arg[4])
			 : "memory");
	return ret;
}

static long number(const char *s)
{
	int negative = *s == '-';
	long n = 0;

	for (s += negative; *s >= '0' && *s <= '9'; s++)
		n = 10 * n + *s - '0';
	return negative ? -n : n;
}

void begin(const char *const *stack);
void begin(const char *const *stack)
{
	const char *const *argv = stack + 1;
	long arg[5] = { 0 }, ret, end[5] = { 0 };

	for (int i = 0; argv[1] != 0 && i < 5 && argv[2 + i] != 0; i++) {
		const char *s = argv[2 + i];

		arg[i] = *s == '-' || (*s >= '0' && *s <= '9') ? number(s) : (long)s;
	}
	ret = call(number(argv[1]), arg);
	end[0] = ret < 0 ? -ret : 0;
	call(1, end);
	__builtin_unreachable();
}

__asm__(".globl _start\n_start: mov %esp, %eax\n push %eax\n call begin\n hlt\n");
