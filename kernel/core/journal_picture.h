/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a restart area says of a stream's index, written down slice by slice while the stream
 * goes on.
 *
 *	until a slice has come to the end of the index, each with others kept from it
 *		for each live record behind ktm_jpic_last(), by name
 *			ktm_jpic_add(), ktm_jpic_enlarge() if it is full
 *	whenever records of the stream go meanwhile
 *		ktm_jpic_cut_below() or ktm_jpic_cut_above()
 *
 * Then it is the index as it is at the end of the last slice: what has come since the first one
 * lies behind all others. Nothing may be copied forward meanwhile: places do not change.
 */
#ifndef KTM_CORE_JOURNAL_PICTURE_H
#define KTM_CORE_JOURNAL_PICTURE_H

#include "journal_format.h"

/*
 * struct ktm_jpic - a picture
 * @at: entries, by name
 * @room: how many there may be in @at
 * @first: of those that live
 * @end: behind the last of them
 */
struct ktm_jpic {
	struct ktm_jsent *at;
	u64 room;
	u64 first;
	u64 end;
};

bool ktm_jpic_add(struct ktm_jpic *p, const struct ktm_jsent *e);
bool ktm_jpic_full(const struct ktm_jpic *p);
struct ktm_jsent *ktm_jpic_enlarge(struct ktm_jpic *p, struct ktm_jsent *at, u64 room);
u64 ktm_jpic_last(const struct ktm_jpic *p);
void ktm_jpic_cut_below(struct ktm_jpic *p, u64 lsn);
void ktm_jpic_cut_above(struct ktm_jpic *p, u64 lsn);

#endif /* KTM_CORE_JOURNAL_PICTURE_H */
