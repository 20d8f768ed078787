// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's first inputs: devices that were written by simulated runs, and images of
 * those that the module has written. An image that says too much for an input is left out.
 *
 * Usage: seeds DIRECTORY COUNT [IMAGE]...
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_image.h"
#include "pieces.h"

static u8 image[UNITS * UNIT];

/* What is in the image, as one input. False: it does not fit. */
static bool write_seed(const char *directory, const char *name)
{
	static struct piece pieces[MAX_PIECES];
	static u8 out[INPUT_MAX];
	u32 n = pieces_of_image(image, UNITS, pieces);
	size_t bytes = n < MAX_PIECES ? pieces_write(pieces, n, out, sizeof(out)) : 0;
	char path[4096];
	FILE *f;

	if (!bytes)
		return false;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "wb");
	if (!f || fwrite(out, 1, bytes, f) != bytes || fclose(f)) {
		perror(path);
		exit(1);
	}
	return true;
}

static void load(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || fread(image, 1, sizeof(image), f) != sizeof(image) || fclose(f)) {
		fprintf(stderr, "%s is no device of %u bytes\n", path, UNITS * UNIT);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	u32 made = 0, taken = 0, wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	char name[16];
	int i;

	if (!wanted) {
		fprintf(stderr, "usage: seeds DIRECTORY COUNT [IMAGE]...\n");
		return 2;
	}
	for (u64 seed = 1; made < wanted; seed++) {
		if (!jimage_make(seed, image, UNITS, seed * 7 % 120, seed * 5 % 60, seed % 2))
			continue;
		snprintf(name, sizeof(name), "%u", made);
		made += write_seed(argv[1], name);
	}
	for (i = 3; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/');

		load(argv[i]);
		taken += write_seed(argv[1], slash ? slash + 1 : argv[i]);
	}
	printf("%u\n", taken);
	return 0;
}
