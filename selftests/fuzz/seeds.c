// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's first inputs: devices that were written by simulated runs.
 *
 * Usage: seeds DIRECTORY COUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_image.h"
#include "pieces.h"

static u8 image[UNITS * UNIT];

int main(int argc, char **argv)
{
	static struct piece pieces[MAX_PIECES];
	static u8 out[INPUT_MAX];
	u32 made = 0, wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	char name[4096];

	if (!wanted) {
		fprintf(stderr, "usage: seeds DIRECTORY COUNT\n");
		return 2;
	}
	for (u64 seed = 1; made < wanted; seed++) {
		size_t bytes;
		FILE *f;

		if (!jimage_make(seed, image, UNITS, seed * 7 % 120, seed * 5 % 60, seed % 2))
			continue;
		bytes = pieces_write(pieces, pieces_of_image(image, UNITS, pieces), out,
				     sizeof(out));
		if (!bytes)
			continue;
		snprintf(name, sizeof(name), "%s/%u", argv[1], made++);
		f = fopen(name, "wb");
		if (!f || fwrite(out, 1, bytes, f) != bytes || fclose(f)) {
			perror(name);
			return 1;
		}
	}
	return 0;
}
