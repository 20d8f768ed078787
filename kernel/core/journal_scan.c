// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a chain of batches.
 */
#include "journal_scan.h"

/* What a unit that cannot be read is filled with: no checksum was made over it. */
#define UNREADABLE	0xa5

static void scan_init(struct ktm_jf_scan *s, const struct ktm_jf_sb *sb, void *buf, u32 room)
{
	memset(s, 0, sizeof(*s));
	s->sb = sb;
	s->chain.uuid = sb->uuid;
	s->chain.epoch = sb->epoch;
	s->chain.unit = sb->unit;
	s->buf = buf;
	s->room = room;
}

void ktm_jf_scan_ring(struct ktm_jf_scan *s, const struct ktm_jf_sb *sb, void *buf, u32 room)
{
	scan_init(s, sb, buf, room);
	s->link.lsn = sb->start_lsn;
	s->link.seq = sb->start_seq;
	s->link.prev_crc = sb->start_prev_crc;
	s->end = sb->tail_lsn + sb->ring_bytes;
}

void ktm_jf_scan_restart(struct ktm_jf_scan *s, const struct ktm_jf_sb *sb, void *buf, u32 room)
{
	scan_init(s, sb, buf, room);
	s->chain.flags = KTM_JF_BATCH_RESTART;
	s->area = sb->restart[sb->restart_index].start;
	s->end = sb->restart_bytes;
}

u64 ktm_jf_scan_place(const struct ktm_jf_scan *s, u64 lsn)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];

	if (s->area)
		return s->area + lsn;
	ktm_jf_map(s->sb, lsn, s->sb->unit, segs);
	return segs[0].place;
}

/* Ask for what follows the window: as much as fits and lies in one piece. */
static void want_more(struct ktm_jf_scan *s)
{
	u64 from = s->win_lsn + s->win_bytes;
	u32 bytes = min_t(u64, s->room - s->win_bytes, s->end - from);
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];

	bytes -= bytes % s->chain.unit;
	if (s->area) {
		s->place = s->area + from;
	} else {
		ktm_jf_map(s->sb, from, bytes, segs);
		s->place = segs[0].place;
		bytes = segs[0].bytes;
	}
	if (s->careful)
		bytes = s->chain.unit;
	s->want = bytes;
}

int ktm_jf_scan_read_done(struct ktm_jf_scan *s, int err)
{
	u32 unit = s->chain.unit;

	if (err == -ENODATA) {
		if (s->want > unit) {
			s->careful = s->want;
			return 0;
		}
		if (!s->retried) {
			s->retried = true;
			return 0;
		}
		memset(ktm_jf_scan_to(s), UNREADABLE, unit);
	} else if (err) {
		return err;
	}
	s->retried = false;
	s->win_bytes += s->want;
	if (s->careful)
		s->careful -= min(s->careful, s->want);
	return 0;
}

/* Is [lsn, lsn + bytes) in the buffer? If not, a read has been asked for. */
static bool in_window(struct ktm_jf_scan *s, u64 lsn, u32 bytes)
{
	u64 have = s->win_lsn + s->win_bytes;

	if (lsn >= s->win_lsn && lsn + bytes <= have)
		return true;
	if (lsn < s->win_lsn || lsn > have) {
		s->win_bytes = 0;
		s->careful = 0;
	} else if (lsn == have) {
		/* Where the last read ended, or failed: the medium error may be here. */
		s->win_bytes = 0;
	} else if (lsn > s->win_lsn) {
		s->win_bytes = have - lsn;
		memmove(s->buf, s->buf + (lsn - s->win_lsn), s->win_bytes);
	}
	s->win_lsn = lsn;
	want_more(s);
	return false;
}

enum ktm_jf_found ktm_jf_scan_at(struct ktm_jf_scan *s, u64 lsn, struct ktm_jf_batch *b,
				 const u8 **data)
{
	u32 bytes;

	if (lsn >= s->end || s->end - lsn < s->chain.unit)
		return KTM_JF_NOTHING;
	if (!in_window(s, lsn, s->chain.unit))
		return KTM_JF_NEED_READ;
	*data = s->buf + (lsn - s->win_lsn);
	if (!ktm_jf_batch_peek(&s->chain, lsn, *data, &bytes) || bytes > s->end - lsn)
		return KTM_JF_NOTHING;
	if (!in_window(s, lsn, bytes))
		return KTM_JF_NEED_READ;
	*data = s->buf + (lsn - s->win_lsn);
	return ktm_jf_batch_verify(&s->chain, lsn, *data, bytes, b) ? KTM_JF_BATCH : KTM_JF_NOTHING;
}

bool ktm_jf_scan_accept(struct ktm_jf_scan *s, const struct ktm_jf_batch *b)
{
	if (b->lsn != s->link.lsn || b->seq != s->link.seq || b->prev_crc != s->link.prev_crc)
		return false;
	s->link.lsn += b->bytes;
	s->link.seq++;
	s->link.prev_crc = b->crc;
	return true;
}
