/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying forward: which of the streams' live records a restart area writes once more, so that
 * they do not keep what is dead around them, and in which order.
 *
 *	ktm_jc_init(&c, w)		how far it goes
 *	for each round
 *		ktm_jc_round(&c, w)
 *		for each stream
 *			ktm_jc_offer_unread(&c, where its oldest record lies that cannot be read)
 *			if (ktm_jc_offer(&c, where its oldest record lies))
 *				it is the one, unless another one follows
 *		if (!ktm_jc_pick(&c, &until))
 *			that was all
 *		copy the records of that one that lie before @until, oldest first
 */
#ifndef KTM_CORE_JOURNAL_COPY_H
#define KTM_CORE_JOURNAL_COPY_H

#include "journal_writer.h"

/*
 * struct ktm_jc - what is to be copied
 * @below: records that lie before this LSN
 * @chunk: of one stream at a time, though others have records between
 * @pressed: little is free
 * @full: next to nothing is
 * @unread: of the round: where the first one lies that cannot be read
 * @oldest: of the round: where the first one lies
 * @second: where the first one of any other stream lies
 */
struct ktm_jc {
	u64 below;
	u64 chunk;
	bool pressed;
	bool full;
	u64 unread;
	u64 oldest;
	u64 second;
};

void ktm_jc_init(struct ktm_jc *c, const struct ktm_jw *w);
void ktm_jc_round(struct ktm_jc *c, const struct ktm_jw *w);
void ktm_jc_offer_unread(struct ktm_jc *c, u64 place);
bool ktm_jc_offer(struct ktm_jc *c, u64 place);
bool ktm_jc_pick(const struct ktm_jc *c, u64 *until);
bool ktm_jc_held(const struct ktm_jc *c);

/*
 * struct ktm_jc_unread - a record that could not be read
 * @since: the second in which that was first so
 * @last: how many later it was counted again
 * @failed: how often it was counted
 */
struct ktm_jc_unread {
	u32 since;
	u32 last : 30;
	u32 failed : 2;
};

u32 ktm_jc_pause(u32 lost_after);
void ktm_jc_failed(struct ktm_jc_unread *u, u32 now);
bool ktm_jc_counts(const struct ktm_jc *c, const struct ktm_jc_unread *u, u32 now, u32 lost_after);
bool ktm_jc_failed_again(const struct ktm_jc *c, struct ktm_jc_unread *u, u32 now,
			 u32 lost_after);

#endif /* KTM_CORE_JOURNAL_COPY_H */
