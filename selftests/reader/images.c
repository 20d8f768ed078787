// SPDX-License-Identifier: GPL-2.0
/*
 * Journals to be read: devices that were written by simulated runs, some of them damaged.
 *
 * Usage: images DIRECTORY COUNT SEED
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_image.h"
#include "rng.h"

#define UNITS	128u
#define BYTES	(UNITS * 4096u)

static u8 image[BYTES];

/* A byte that says something, anywhere. */
static void flip(struct rng *rng)
{
	u32 at;

	do
		at = rng_below(rng, BYTES);
	while (!image[at]);
	image[at] ^= 1u << rng_below(rng, 8);
}

/* Returns the size that the device has from now on. */
static u32 damage(u32 n, struct rng *rng)
{
	switch (n % 8) {
	case 3:
		memset(image, 0, 4096);
		break;
	case 4:
		memset(image + BYTES - 4096, 0, 4096);
		break;
	case 5:
	case 6:
		flip(rng);
		break;
	case 7:
		return BYTES - 4096 * (n % 3);
	}
	return BYTES;
}

int main(int argc, char **argv)
{
	u32 made = 0, wanted = argc > 3 ? strtoul(argv[2], NULL, 10) : 0, bytes;
	u64 seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	struct rng rng = { seed };
	char name[4096];
	FILE *f;

	if (!wanted) {
		fprintf(stderr, "usage: images DIRECTORY COUNT SEED\n");
		return 2;
	}
	for (; made < wanted; seed++) {
		if (!jimage_make(seed, image, UNITS, rng_below(&rng, 200), rng_below(&rng, 120),
				 seed % 2))
			continue;
		bytes = damage(made, &rng);
		snprintf(name, sizeof(name), "%s/%u", argv[1], made++);
		f = fopen(name, "wb");
		if (!f || fwrite(image, 1, bytes, f) != bytes || fclose(f)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}
