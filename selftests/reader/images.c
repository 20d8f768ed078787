// SPDX-License-Identifier: GPL-2.0
/*
 * Journals to be read: devices that were written by simulated runs, some of them damaged, and
 * some changed where it means something, with checksums that are right (the fuzzer's mutator).
 *
 * Usage: images DIRECTORY COUNT SEED
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_image.h"
#include "pieces.h"
#include "rng.h"

#define BYTES	(UNITS * UNIT)

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t room, unsigned int seed);
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t room);

static u8 image[BYTES];
static struct rng rng;

/* A byte that says something, anywhere. */
static void flip(void)
{
	u32 at;

	do
		at = rng_below(&rng, BYTES);
	while (!image[at]);
	image[at] ^= 1u << rng_below(&rng, 8);
}

/* What the mutator does to bytes that mean nothing to it, without libFuzzer. */
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t room)
{
	(void)room;
	if (size)
		data[rng_below(&rng, size)] ^= 1u << rng_below(&rng, 8);
	return size;
}

static void mutate(void)
{
	static struct piece pieces[MAX_PIECES];
	static u8 bytes[INPUT_MAX];
	size_t size = pieces_write(pieces, pieces_of_image(image, UNITS, pieces), bytes,
				   sizeof(bytes));
	u32 n;

	if (!size)
		return;
	size = LLVMFuzzerCustomMutator(bytes, size, sizeof(bytes), rng_next(&rng));
	n = pieces_parse(bytes, size, pieces);
	memset(image, 0, sizeof(image));
	for (u32 i = 0; i < n; i++) {
		u32 at = pieces[i].unit % UNITS * UNIT;

		if (pieces[i].unit != PIECE_DEVICE && pieces[i].len)
			memcpy(image + at, pieces[i].data, min(pieces[i].len, BYTES - at));
	}
}

/* Returns the size that the device has from now on. */
static u32 damage(u32 n)
{
	switch (n % 12) {
	case 3:
		memset(image, 0, UNIT);
		break;
	case 4:
		memset(image + BYTES - UNIT, 0, UNIT);
		break;
	case 5:
		flip();
		break;
	case 6:
		return BYTES - UNIT * (n % 3);
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
		mutate();
		break;
	}
	return BYTES;
}

int main(int argc, char **argv)
{
	u32 made = 0, wanted = argc > 3 ? strtoul(argv[2], NULL, 10) : 0, bytes;
	u64 seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	char name[4096];
	FILE *f;

	rng.s = seed;
	if (!wanted) {
		fprintf(stderr, "usage: images DIRECTORY COUNT SEED\n");
		return 2;
	}
	for (; made < wanted; seed++) {
		if (!jimage_make(seed, image, UNITS, rng_below(&rng, 200), rng_below(&rng, 120),
				 seed % 2))
			continue;
		bytes = damage(made);
		snprintf(name, sizeof(name), "%s/%u", argv[1], made++);
		f = fopen(name, "wb");
		if (!f || fwrite(image, 1, bytes, f) != bytes || fclose(f)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}
