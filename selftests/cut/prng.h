/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generator behind every choice: splitmix64, written out here so that a
 * seed means the same on every machine and with every C library.
 *
 *	state += 0x9e3779b97f4a7c15
 *	z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9
 *	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
 *	result = z ^ (z >> 31)
 */
#ifndef KTM_CUT_PRNG_H
#define KTM_CUT_PRNG_H

#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t prng_next(struct prng *p)
{
	uint64_t z = p->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/*
 * prng_stream() - an independent generator for stream number @n of one seed.
 *
 * The number goes through the mixing function before it meets the seed, so
 * that neighbouring seeds and neighbouring streams share no sequence.
 */
static inline struct prng prng_stream(uint64_t seed, uint64_t n)
{
	struct prng p = { .state = n };
	uint64_t salt = prng_next(&p);

	p.state = seed ^ salt;
	p.state = prng_next(&p);
	return p;
}

/*
 * prng_below() - a number in [0, @n). The bias of the multiplication is below
 * n / 2^64 and of no interest here; @n must not be 0.
 */
static inline uint64_t prng_below(struct prng *p, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)prng_next(p) * n) >> 64);
}

#endif
