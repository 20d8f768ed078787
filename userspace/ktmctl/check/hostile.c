// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a journal hostile: some fields get values that somebody chose, and checksums are
 * made right again. What it is not: damage, which a wrong checksum shows.
 *
 *	hostile FILE SEED
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "journal_format.h"

static u64 state;

/* xorshift64* */
static u32 below(u32 limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (u32)((state * 0x2545f4914f6cdd1dull) >> 32) % limit;
}

static u32 value(u32 old)
{
	switch (below(6)) {
	case 0:
		return old + below(3) - 1;
	case 1:
		return below(300);
	case 2:
		return ~below(300);
	case 3:
		return 1u << below(32);
	case 4:
		return old ^ 1u << below(32);
	default:
		return old * 4096;
	}
}

static void seal(u8 *at, u32 bytes, u32 crc_at)
{
	u32 crc;

	memset(at + crc_at, 0, sizeof(crc));
	crc = cpu_to_le32(~crc32c(~0u, at, bytes));
	memcpy(at + crc_at, &crc, sizeof(crc));
}

static void change(u8 *at, u32 from, u32 to)
{
	u32 place = from + below((to - from) / 4) * 4, word;

	memcpy(&word, at + place, sizeof(word));
	word = value(word);
	memcpy(at + place, &word, sizeof(word));
}

/* Every batch where one begins, of the ring and of the restart areas. */
static void change_batches(u8 *image, u64 bytes)
{
	u64 at;

	for (at = 0; at + KTM_JF_UNIT_MIN <= bytes; at += KTM_JF_UNIT_MIN) {
		struct ktm_jf_dbatch *batch = (struct ktm_jf_dbatch *)(image + at);
		u32 length = le32_to_cpu(batch->bytes), used = le32_to_cpu(batch->used), n;

		if (le32_to_cpu(batch->magic) != KTM_JF_BATCH_MAGIC || below(3))
			continue;
		for (n = 1 + below(3); n; n--) {
			if (below(4))
				change(image + at, KTM_JF_BATCH_HEAD, used);
			else
				change(image + at, 8, KTM_JF_BATCH_HEAD);
		}
		seal(image + at, length, offsetof(struct ktm_jf_dbatch, crc));
	}
}

static void change_superblocks(u8 *image, u64 bytes)
{
	u32 n;

	for (n = 1 + below(3); n; n--)
		change(image, 12, offsetof(struct ktm_jf_dsb, zero));
	seal(image, KTM_JF_SB_BYTES, offsetof(struct ktm_jf_dsb, crc));
	memcpy(image + bytes - KTM_JF_SB_BYTES, image, KTM_JF_SB_BYTES);
}

int main(int argc, char **argv)
{
	struct stat found;
	u8 *image;
	int fd;

	if (argc != 3)
		return 2;
	fd = open(argv[1], O_RDWR);
	if (fd < 0 || fstat(fd, &found))
		return 1;
	image = mmap(NULL, (size_t)found.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED)
		return 1;
	state = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15ull | 1;
	if (below(3))
		change_batches(image, (u64)found.st_size);
	if (!below(3))
		change_superblocks(image, (u64)found.st_size);
	return munmap(image, (size_t)found.st_size) != 0;
}
