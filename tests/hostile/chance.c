#include "hostile.h"

static _Thread_local uint64_t state;

/* splitmix64, by Steele, Lea and Flood. */
uint64_t chance(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void chance_seed(uint64_t seed)
{
	state = seed;
	state = chance();
}

uint32_t below(uint32_t n)
{
	return (uint32_t)(chance() >> 32) % n;
}

bool once_in(uint32_t n)
{
	return below(n) == 0;
}

uint64_t any_bits(void)
{
	switch (below(5)) {
	case 0:
		return below(8);
	case 1:
		return -(uint64_t)below(300);
	case 2:
		return 1ULL << below(64);
	case 3:
		return chance() & 0xffffffff;
	default:
		return chance();
	}
}
