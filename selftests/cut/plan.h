/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of each write at the instant the power goes.
 */
#ifndef KTM_CUT_PLAN_H
#define KTM_CUT_PLAN_H

#include "blocklog.h"
#include "prng.h"

enum cut_policy { CUT_RANDOM, CUT_KEEP_ALL, CUT_DROP_ALL };

enum cut_fate { CUT_KEPT, CUT_LOST, CUT_TORN };

/**
 * struct cut_write - one write that no flush covers
 * @entry: which entry of the log
 * @fate: what becomes of it
 * @keep: one bit per piece that it touches, for CUT_TORN only
 */
struct cut_write {
	size_t entry;
	enum cut_fate fate;
	uint8_t *keep;
};

/**
 * struct cut_plan - the state of a disk after the cut, as work to be done
 * @durable: this many entries of the log are applied first, in order
 * @writes: then these, in this order
 * @piece: so many bytes, aligned, are kept or lost as one
 * @mood: which of the mixtures below was drawn, in words
 */
struct cut_plan {
	size_t durable;
	struct cut_write *writes;
	size_t nr;
	size_t count[3];
	bool shuffled;
	uint32_t piece;
	const char *mood;
};

int cut_plan_make(struct cut_plan *plan, const struct blocklog *log, size_t nr_entries,
		  enum cut_policy policy, uint32_t piece, struct prng prng);
void cut_plan_free(struct cut_plan *plan);

#endif
