// SPDX-License-Identifier: GPL-2.0
/*
 * A restart area of a running log. Each step is durable before the next:
 *
 *  1. the area, into the extent that neither copy of the superblock names
 *  2. the log, up to what the area knows of
 *  2b. where the device has grown: its last unit is written, not flushed: does it exist?
 *  3. the new superblock, first copy
 *  4. second copy
 *
 * Only then may the writer go over what the old superblock still needed. A crash before 3 finds
 * the old superblock, its area and all of its log; between 3 and 4 the new one, or, where the first
 * copy is torn, the old. The epoch stays: it is the same log, which goes on.
 */
#include "journal_restart.h"

void ktm_jr_init(struct ktm_jr *r, const struct ktm_jf_sb *sb, u64 dev_bytes, void *buf)
{
	memset(r, 0, sizeof(*r));
	r->dev_bytes = dev_bytes;
	r->old_tail = sb->tail_lsn;
	r->next_sb = *sb;
	r->next_sb.generation++;
	r->next_sb.restart_index = 1 - sb->restart_index;
	r->next_sb.restart_bytes = 0;
	r->next_sb.restart_crc = 0;
	ktm_ja_init(&r->area, &r->next_sb, buf);
	r->phase = KTM_JR_P_SNAPSHOT;
}

static void fail(struct ktm_jr *r, int err)
{
	r->err = err;
	r->phase = KTM_JR_P_FAILED;
}

int ktm_jr_add(struct ktm_jr *r, const struct ktm_jrec *rec)
{
	int err;

	if (r->phase != KTM_JR_P_SNAPSHOT)
		return -EAGAIN;
	err = ktm_ja_add(&r->area, rec);
	if (err == -EAGAIN)
		r->phase = KTM_JR_P_WRITE;
	return err;
}

bool ktm_jr_room(struct ktm_jr *r, u32 bytes)
{
	KTM_CORE_BUG_ON(bytes > KTM_JF_AREA_ROOM);
	if (r->phase == KTM_JR_P_SNAPSHOT && r->area.records &&
	    r->area.used + bytes > KTM_JF_BATCH_MAX)
		r->phase = KTM_JR_P_WRITE;
	return r->phase == KTM_JR_P_SNAPSHOT;
}

void ktm_jr_end(struct ktm_jr *r, u64 end_lsn, u64 tail_lsn)
{
	r->last = true;
	r->end_lsn = end_lsn;
	r->tail = tail_lsn;
	r->phase = r->area.records ? KTM_JR_P_WRITE : KTM_JR_P_FLUSH;
}

static enum ktm_jo_want ask_write(struct ktm_jr *r, u64 place, u32 bytes)
{
	r->place = place;
	r->bytes = bytes;
	r->data = r->area.buf;
	return KTM_JO_WRITE;
}

static enum ktm_jo_want write_area(struct ktm_jr *r)
{
	u64 place;
	u32 bytes = ktm_ja_seal(&r->area, &place);

	return ask_write(r, place, bytes);
}

static enum ktm_jo_want write_sb(struct ktm_jr *r, u64 place)
{
	memset(r->area.buf, 0, r->next_sb.unit);
	ktm_jf_sb_encode(&r->next_sb, r->area.buf);
	return ask_write(r, place, r->next_sb.unit);
}

/* As at an opening: a size that the device only claims to have must not get into the log. */
static enum ktm_jo_want try_end(struct ktm_jr *r)
{
	u32 unit = r->next_sb.unit;

	memset(r->area.buf, 0, unit);
	return ask_write(r, r->dev_bytes - core_mod64(r->dev_bytes, unit) - unit, unit);
}

enum ktm_jo_want ktm_jr_step(struct ktm_jr *r)
{
	switch (r->phase) {
	case KTM_JR_P_SNAPSHOT:
		return KTM_JO_SNAPSHOT;
	case KTM_JR_P_WRITE:
		return write_area(r);
	case KTM_JR_P_SB1:
		return write_sb(r, 0);
	case KTM_JR_P_SB2:
		return write_sb(r, ktm_jf_sb2_place(&r->next_sb));
	case KTM_JR_P_FLUSH:
	case KTM_JR_P_SB1_FLUSH:
	case KTM_JR_P_SB2_FLUSH:
		return KTM_JO_FLUSH;
	case KTM_JR_P_FORCE:
		return KTM_JO_FORCE;
	case KTM_JR_P_TRY_END:
		return try_end(r);
	case KTM_JR_P_DONE:
		return KTM_JO_DONE;
	case KTM_JR_P_FAILED:
		break;
	}
	return KTM_JO_FAILED;
}

void ktm_jr_io_done(struct ktm_jr *r, int err)
{
	if (r->phase == KTM_JR_P_TRY_END) {
		if (!err)
			ktm_jf_grow(&r->next_sb, r->dev_bytes, r->upto);
		r->phase = KTM_JR_P_SB1;
	} else if (err) {
		fail(r, err);
	} else if (r->phase == KTM_JR_P_WRITE) {
		ktm_ja_written(&r->area, &r->next_sb);
		r->phase = r->last ? KTM_JR_P_FLUSH : KTM_JR_P_SNAPSHOT;
	} else {
		/* A write and its flush, and what follows a flush, stand in order. */
		r->phase++;
	}
}

void ktm_jr_forced(struct ktm_jr *r, const struct ktm_jf_link *start, u64 upto, int err)
{
	struct ktm_jf_sb *sb = &r->next_sb;
	u64 tail;

	if (err) {
		fail(r, err);
		return;
	}
	tail = min(r->tail - core_mod64(r->tail, sb->unit), start->lsn);
	if (KTM_CORE_BUG_ON(start->lsn < sb->start_lsn || r->end_lsn < start->lsn ||
			    tail < r->old_tail)) {
		fail(r, -EINVAL);
		return;
	}
	sb->start_lsn = start->lsn;
	sb->start_seq = start->seq;
	sb->start_prev_crc = start->prev_crc;
	sb->restart_lsn = r->end_lsn;
	sb->tail_lsn = tail;
	r->upto = upto;
	r->phase = ktm_jf_growth(sb, r->dev_bytes) ? KTM_JR_P_TRY_END : KTM_JR_P_SB1;
}
