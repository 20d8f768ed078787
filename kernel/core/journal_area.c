// SPDX-License-Identifier: GPL-2.0
/*
 * Writing a restart area.
 */
#include "journal_area.h"

void ktm_ja_init(struct ktm_ja *a, const struct ktm_jf_sb *next, void *buf)
{
	memset(a, 0, sizeof(*a));
	a->chain.uuid = next->uuid;
	a->chain.epoch = next->epoch;
	a->chain.unit = next->unit;
	a->chain.flags = KTM_JF_BATCH_RESTART;
	a->start = next->restart[next->restart_index].start;
	a->extent = next->restart[next->restart_index].bytes;
	a->used = KTM_JF_BATCH_HEAD;
	a->buf = buf;
}

int ktm_ja_add(struct ktm_ja *a, const struct ktm_jrec *rec)
{
	u32 cap = min_t(u64, a->extent - a->link.lsn, KTM_JF_BATCH_MAX);
	u32 size = ktm_jrec_size(rec);

	if (!size)
		return -EINVAL;
	if (a->used + size > cap)
		return cap < KTM_JF_BATCH_MAX ? -ENOSPC : -EAGAIN;
	ktm_jrec_encode(rec, a->buf + a->used, size);
	a->used += size;
	a->records++;
	return 0;
}

u32 ktm_ja_seal(struct ktm_ja *a, u64 *place)
{
	a->link.prev_crc = ktm_jf_batch_seal(&a->chain, &a->link, 0, a->used, a->records, a->buf);
	*place = a->start + a->link.lsn;
	return ALIGN(a->used, a->chain.unit);
}

void ktm_ja_written(struct ktm_ja *a, struct ktm_jf_sb *next)
{
	a->link.lsn += ALIGN(a->used, a->chain.unit);
	a->link.seq++;
	a->used = KTM_JF_BATCH_HEAD;
	a->records = 0;
	next->restart_bytes = a->link.lsn;
	next->restart_crc = a->link.prev_crc;
}
