// SPDX-License-Identifier: GPL-2.0
/*
 * Reading records of the log again, while it runs.
 */
#include <linux/gfp.h>
#include <linux/slab.h>

#include "journal_private.h"

/* Is it still in memory? What has been written is on the device, or in its cache. */
static bool read_buffer(struct ktm_journal *j, u64 place, u32 bytes, void *buf)
{
	const u8 *data;

	spin_lock(&j->lock);
	data = ktm_jw_peek(&j->w, place, bytes);
	if (data)
		memcpy(buf, data, bytes);
	spin_unlock(&j->lock);
	return data;
}

static int read_device(struct ktm_journal *j, u64 from, u32 bytes, u8 *to)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	int i, n, err;

	spin_lock(&j->lock);
	n = ktm_jf_map(&j->w.sb, from, bytes, segs);
	spin_unlock(&j->lock);
	for (i = 0; i < n; i++) {
		err = ktm_jio_sync(j, j->bdev, KTM_JO_READ, segs[i].place, to, segs[i].bytes);
		if (err)
			return err;
		to += segs[i].bytes;
	}
	return 0;
}

static int read_record(struct ktm_journal *j, u64 place, u32 bytes, void *buf)
{
	u32 block = bdev_logical_block_size(j->bdev);
	u64 from = place - core_mod64(place, block);
	u32 length = ALIGN((u32)(place - from) + bytes, block);
	u8 *data;
	int err;

	if (read_buffer(j, place, bytes, buf))
		return 0;
	data = alloc_pages_exact(length, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	err = read_device(j, from, length, data);
	if (!err)
		memcpy(buf, data + (place - from), bytes);
	free_pages_exact(data, length);
	return err;
}

/* From here to end_reading() the journal keeps its device, whatever becomes of it. */
static bool begin_reading(struct ktm_journal *j)
{
	bool online;

	spin_lock(&j->lock);
	online = j->online;
	if (online)
		j->readers++;
	spin_unlock(&j->lock);
	return online;
}

static void end_reading(struct ktm_journal *j)
{
	spin_lock(&j->lock);
	if (!--j->readers)
		wake_up_all(&j->changed);
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_read - the bytes of a record
 * @j: the journal
 * @place: LSN of its first byte
 * @bytes: its encoded length
 * @buf: where they go
 *
 * Sleeps. The caller sees to it that the place is still needed, or looks afterwards
 * whether it was; what was read may be anything, so it is to be decoded with care.
 *
 * Return: 0, -ENOMEM, -ENOTCONN: the journal is offline, -ENODATA: a medium error, or why
 * the device failed.
 */
int ktm_journal_read(struct ktm_journal *j, u64 place, u32 bytes, void *buf)
{
	int err;

	if (!begin_reading(j))
		return -ENOTCONN;
	err = read_record(j, place, bytes, buf);
	end_reading(j);
	return err;
}

/* What is in the ring may be an older lap's where the log has not been written yet. */
static u32 written_from(struct ktm_journal *j, u64 from, u32 most)
{
	u64 written;

	spin_lock(&j->lock);
	written = ktm_jw_written(&j->w);
	spin_unlock(&j->lock);
	return written > from ? min_t(u64, most, written - from) : 0;
}

/**
 * ktm_journal_read_written - a piece of the log, whatever is in it
 * @j: the journal
 * @from: LSN of its first byte, at the beginning of a block of the device; still needed
 * @bytes: how much of it, whole blocks; out: so much of that was written, and asked for
 * @buf: where it goes
 *
 * Sleeps.
 *
 * Return: as ktm_journal_read().
 */
int ktm_journal_read_written(struct ktm_journal *j, u64 from, u32 *bytes, void *buf)
{
	int err;

	if (!begin_reading(j))
		return -ENOTCONN;
	*bytes = written_from(j, from, *bytes);
	err = *bytes ? read_device(j, from, *bytes, buf) : 0;
	end_reading(j);
	return err;
}

/**
 * ktm_journal_block - the device is read in such blocks
 * @j: the journal, which is not reopened meanwhile
 */
u32 ktm_journal_block(const struct ktm_journal *j)
{
	return bdev_logical_block_size(j->bdev);
}
