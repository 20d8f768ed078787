/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine that comes up again: the module opens the journal, the RMs recover.
 */
#ifndef KTM_CRASH_REOPEN_H
#define KTM_CRASH_REOPEN_H

#include "history.h"

/**
 * struct tally - what all recoveries came to
 * @commit: enlistments that got COMMIT
 * @rollback: enlistments that got ROLLBACK
 * @concluded: prepared ones that were not known, or not any more
 * @queried: superiors that were asked for their decision
 * @told: superiors that were told of a commit
 * @records: stream records that were read
 * @appended: stream records that came with an answer
 */
struct tally {
	size_t commit;
	size_t rollback;
	size_t concluded;
	size_t queried;
	size_t told;
	size_t records;
	size_t appended;
};

extern struct tally tally;

/*
 * reopen() - recover everything, judge it, finish it. What becomes known is put
 * as marks into the log-writes device @recorder, if it is not NULL.
 */
void reopen(struct history *h, const struct cut *cut, const char *journal, const char *recorder);

/* reopen_empty() - nothing may be left to recover. */
void reopen_empty(const char *journal);

#endif
