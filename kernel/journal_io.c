// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's bios: batches and flushes of the pump, which end in end_io, and those that
 * somebody waits for.
 */
#include <linux/ioprio.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/vmalloc.h>

#include "journal_private.h"

static void jio_put(struct jio *io, blk_status_t status)
{
	if (status)
		WRITE_ONCE(io->err, blk_status_to_errno(status));
	if (atomic_dec_and_test(&io->left)) {
		struct ktm_journal *j = io->j;

		/* A running pump may take it before the second line: detach waits for us. */
		rcu_read_lock();
		llist_add(&io->node, &j->ended);
		ktm_journal_kick(j);
		rcu_read_unlock();
	}
}

static void end_io(struct bio *bio)
{
	struct jio *io = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_put(bio);
	jio_put(io, status);
}

/* @data starts on a page, or lies within one. */
static struct bio *make_bio(struct ktm_journal *j, blk_opf_t opf, u64 place, void *data, u32 bytes)
{
	u32 vecs = DIV_ROUND_UP(offset_in_page(data) + bytes, PAGE_SIZE);
	struct bio *bio = bio_alloc_bioset(j->bdev, vecs, opf, GFP_NOIO, &j->bios);

	bio->bi_iter.bi_sector = place >> SECTOR_SHIFT;
	if (bytes && op_is_write(opf) && is_vmalloc_addr(data))
		flush_kernel_vmap_range(data, bytes);
	while (bytes) {
		u32 len = min_t(u32, bytes, PAGE_SIZE - offset_in_page(data));

		struct page *page = is_vmalloc_addr(data) ? vmalloc_to_page(data) :
							    virt_to_page(data);

		__bio_add_page(bio, page, len, offset_in_page(data));
		data += len;
		bytes -= len;
	}
	return bio;
}

/*
 * Of all that comes through here: commits wait for it, so it is not to be held back behind the
 * buffered writes of others, as blk-wbt does with what is not both of these.
 */
#define AWAITED	(REQ_SYNC | REQ_IDLE)

/* Whoever submits it: it is the system's, not charged to him, limited or ranked as his. */
static void submit_async(struct jio *io, struct bio *bio)
{
	ktm_bio_make_root(bio);
	bio->bi_ioprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_BE_NORM);
	bio->bi_private = io;
	bio->bi_end_io = end_io;
	atomic_inc(&io->left);
	submit_bio(bio);
}

/**
 * ktm_jio_write - hand a sealed batch to the device
 * @j: the journal, whose @in_flight has counted it
 * @b: the batch
 */
void ktm_jio_write(struct ktm_journal *j, struct ktm_jw_batch *b)
{
	struct jio *io = &j->batch_io[b - j->w.batch];
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	blk_opf_t opf = REQ_OP_WRITE | AWAITED | REQ_META | REQ_PRIO;
	u8 *data = b->data;
	int i, n;

	if (b->fua)
		opf |= REQ_FUA;
	io->batch = b;
	io->err = 0;
	atomic_set(&io->left, 1);
	/* It may have become that while in use; the block layer would only warn. */
	if (bdev_read_only(j->bdev)) {
		io->err = -EROFS;
		jio_put(io, BLK_STS_OK);
		return;
	}
	/* A restart area may just make the ring larger; it leaves in place what is written. */
	spin_lock(&j->lock);
	n = ktm_jf_map(&j->w.sb, b->lsn, b->bytes, segs);
	spin_unlock(&j->lock);
	for (i = 0; i < n; i++) {
		submit_async(io, make_bio(j, opf, segs[i].place, data, segs[i].bytes));
		data += segs[i].bytes;
	}
	jio_put(io, BLK_STS_OK);
}

/**
 * ktm_jio_flush - hand a flush to the device
 * @j: the journal, whose @in_flight has counted it
 */
void ktm_jio_flush(struct ktm_journal *j)
{
	struct jio *io = &j->flush_io;

	io->err = 0;
	atomic_set(&io->left, 1);
	submit_async(io, make_bio(j, REQ_OP_WRITE | REQ_PREFLUSH | AWAITED, 0, NULL, 0));
	jio_put(io, BLK_STS_OK);
}

/**
 * ktm_jio_sync - read, write or flush, and wait
 * @j: the journal
 * @bdev: the device: @j's, or one that it may get
 * @want: KTM_JO_READ, _WRITE or _FLUSH
 * @place: byte on the device
 * @data: memory
 * @bytes: length
 *
 * Return: 0 or a negative errno, -ENODATA for a medium error.
 */
int ktm_jio_sync(struct ktm_journal *j, struct block_device *bdev, enum ktm_jo_want want,
		 u64 place, void *data, u32 bytes)
{
	struct bio *bio;
	blk_opf_t opf;
	int err;

	switch (want) {
	case KTM_JO_READ:
		opf = REQ_OP_READ | REQ_SYNC | REQ_META;
		break;
	case KTM_JO_WRITE:
		if (bdev_read_only(bdev))
			return -EROFS;
		opf = REQ_OP_WRITE | AWAITED | REQ_META;
		break;
	default:
		opf = REQ_OP_WRITE | REQ_PREFLUSH | AWAITED;
		place = 0;
		bytes = 0;
	}
	bio = make_bio(j, opf, place, data, bytes);
	bio_set_dev(bio, bdev);
	ktm_bio_make_root(bio);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (!err && want == KTM_JO_READ && is_vmalloc_addr(data))
		invalidate_kernel_vmap_range(data, bytes);
	return err;
}
