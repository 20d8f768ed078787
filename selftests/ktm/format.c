// SPDX-License-Identifier: GPL-2.0
/*
 * Making journals, and damaging them, with the module's own code for the format.
 */
#include <fcntl.h>
#include <sys/random.h>

#include "../../kernel/core/journal_format.h"
#include "format.h"

#define UNIT	4096

uint64_t journal_smallest(void)
{
	return ktm_jf_min_bytes(UNIT);
}

static void put(int fd, uint64_t place, const void *block)
{
	CHECK_EQ(pwrite(fd, block, KTM_JF_SB_BYTES, place), KTM_JF_SB_BYTES);
	CHECK_EQ(fsync(fd), 0);
}

void journal_format(const char *path, guid_t tm)
{
	static unsigned char block[KTM_JF_SB_BYTES];
	struct ktm_jf_params p = { .logical = 512, .physical = 512, .tm_guid = tm };
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;
	int fd = disk_open(path);

	p.dev_bytes = lseek(fd, 0, SEEK_END);
	CHECK_EQ(getrandom(&p.uuid, sizeof(p.uuid), 0), sizeof(p.uuid));
	CHECK_EQ(getrandom(&p.epoch, sizeof(p.epoch), 0), sizeof(p.epoch));
	if (ktm_jf_format(&p, &sb, &fault))
		FAIL("format of %s: %s", path, fault.msg);
	memset(block, 0, sizeof(block));
	put(fd, 0, block);
	put(fd, ktm_jf_sb2_place(&sb), block);
	ktm_jf_sb_encode(&sb, block);
	put(fd, ktm_jf_signpost_place(&sb), block);
	put(fd, 0, block);
	put(fd, ktm_jf_sb2_place(&sb), block);
	close(fd);
}

uint64_t journal_ring_place(const char *path)
{
	static unsigned char block[KTM_JF_SB_BYTES];
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;
	int fd = disk_open(path);

	CHECK_EQ(pread(fd, block, sizeof(block), 0), sizeof(block));
	CHECK_EQ(ktm_jf_sb_decode(block, lseek(fd, 0, SEEK_END), 0, &sb, &fault), 0);
	close(fd);
	return sb.ring[0].start;
}

#define FIELD(f, s, n, ...) {						\
	.name = #f, .offset = offsetof(struct ktm_jf_dsb, f),		\
	.bytes = sizeof(((struct ktm_jf_dsb *)0)->f),			\
	.status = KTM_STATUS_LOG_##s, .nr_values = n, .values = { __VA_ARGS__ } }

const struct sb_field sb_fields[] = {
	FIELD(version, UNSUPPORTED, 4, 0, 1, 3, U32_MAX),
	FIELD(ro_compat, UNSUPPORTED, 2, 1, 1u << 31),
	FIELD(incompat, UNSUPPORTED, 2, 1, 1u << 31),
	FIELD(unit, CORRUPTION_DETECTED, 5, 0, 512, 4097, 12288, 131072),
	FIELD(units, CORRUPTION_DETECTED, 1, 0),
	FIELD(units, TOO_SMALL, 2, 1 << 20, U64_MAX),
	FIELD(window, CORRUPTION_DETECTED, 4, 0, 4096, 65537, U64_MAX),
	FIELD(restart[0].start, CORRUPTION_DETECTED, 3, 0, 1 << 20, U64_MAX),
	FIELD(restart[0].units, CORRUPTION_DETECTED, 3, 0, 1 << 20, U64_MAX),
	FIELD(restart[1].start, CORRUPTION_DETECTED, 3, 0, 1, U64_MAX),
	FIELD(restart[1].units, CORRUPTION_DETECTED, 2, 1, U64_MAX),
	FIELD(ring_lsn, CORRUPTION_DETECTED, 3, 0, 1, U64_MAX),
	FIELD(ring_count, CORRUPTION_DETECTED, 3, 0, KTM_JF_RING_EXTENTS + 1, U32_MAX),
	FIELD(ring[0].start, CORRUPTION_DETECTED, 3, 0, 1, U64_MAX),
	FIELD(ring[0].units, CORRUPTION_DETECTED, 3, 0, 1, U64_MAX),
	FIELD(generation, CORRUPTION_DETECTED, 1, U64_MAX),
	FIELD(epoch, CORRUPTION_DETECTED, 1, 0),
	FIELD(start_lsn, CORRUPTION_DETECTED, 3, 0, 4097, U64_MAX - 4095),
	FIELD(start_seq, CORRUPTION_DETECTED, 1, U64_MAX),
	FIELD(restart_index, CORRUPTION_DETECTED, 2, 2, U32_MAX),
	FIELD(restart_bytes, CORRUPTION_DETECTED, 4, 1, 4096, 1u << 30, U64_MAX),
	FIELD(restart_crc, CORRUPTION_DETECTED, 1, 1),
	FIELD(restart_lsn, CORRUPTION_DETECTED, 4, 0, 1, 8192, U64_MAX),
	FIELD(tail_lsn, CORRUPTION_DETECTED, 4, 0, 4097, 1 << 20, U64_MAX),
};

const unsigned int nr_sb_fields = ARRAY_SIZE(sb_fields);

static uint64_t dev_bytes(const struct disk *d)
{
	return d->bytes / UNIT * UNIT;
}

static struct ktm_jf_sb read_sb(const struct disk *d, unsigned char *block)
{
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;

	CHECK_EQ(pread(d->image, block, KTM_JF_SB_BYTES, 0), KTM_JF_SB_BYTES);
	CHECK_EQ(ktm_jf_sb_decode(block, dev_bytes(d), 0, &sb, &fault), 0);
	return sb;
}

/* All bits are little endian, as this machine is. */
void sb_patch(const struct disk *d, const struct sb_field *f, uint64_t value)
{
	unsigned char block[KTM_JF_SB_BYTES];
	const unsigned int at = offsetof(struct ktm_jf_dsb, crc);
	const struct ktm_jf_sb sb = read_sb(d, block);
	uint32_t crc;

	memcpy(block + f->offset, &value, f->bytes);
	memset(block + at, 0, sizeof(crc));
	crc = ~crc32c(~0u, block, sizeof(block));
	memcpy(block + at, &crc, sizeof(crc));
	disk_write(d, 0, block, sizeof(block));
	disk_write(d, ktm_jf_sb2_place(&sb), block, sizeof(block));
}

uint64_t restart_place(const struct disk *d)
{
	unsigned char block[KTM_JF_SB_BYTES];
	const struct ktm_jf_sb sb = read_sb(d, block);

	return sb.restart_bytes ? sb.restart[sb.restart_index].start : 0;
}

unsigned int find_batches(const struct disk *d, struct batch_place *all, unsigned int max)
{
	unsigned char block[KTM_JF_SB_BYTES];
	const struct ktm_jf_sb sb = read_sb(d, block);
	const struct ktm_jf_chain chain = { .uuid = sb.uuid, .epoch = sb.epoch, .unit = sb.unit };
	unsigned char *content = disk_read(d);
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	struct ktm_jf_batch batch;
	uint64_t lsn = sb.start_lsn;
	unsigned int n;

	for (n = 0; n < max; n++) {
		/* The tests keep to a log that has not come to the end of its ring. */
		CHECK_EQ(ktm_jf_map(&sb, lsn, sb.unit, segs), 1);
		if (!ktm_jf_batch_verify(&chain, lsn, content + segs[0].place,
					 sb.ring[0].start + sb.ring[0].bytes - segs[0].place,
					 &batch))
			break;
		all[n].place = segs[0].place;
		all[n].bytes = batch.bytes;
		all[n].lsn = lsn;
		all[n].flushed_lsn = batch.flushed_lsn;
		lsn += batch.bytes;
	}
	free(content);
	return n;
}
