/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transactions of two durable RMs, while the journal's disk may fail at any moment; and
 * afterwards, whether both have heard the same and nothing that was told is lost.
 */
#ifndef KTM_TEST_PAIRS_H
#define KTM_TEST_PAIRS_H

#include "calls.h"

#define PAIRS		3
#define PAIR_MOST	200	/* transactions of one pair */

/* Each vote leaves so many bytes of recovery information; 0 at first. */
extern unsigned int pair_vote_bytes;

/* How many a pair has begun; may be read while it works. */
unsigned int pair_begun(unsigned int pair);
/* A new run: nobody has heard anything. */
void pair_forget(void);

/* The RM with that number, of pair @number / 2: opened or made, and recovered from nothing. */
int pair_rm(int tm, unsigned int number);

/* What failed with the disk, in whatever step; any other status than success fails the test. */
bool pair_went_wrong(unsigned int status);

/*
 * Transaction @n of a pair: its RMs leave each fourth unfinished. False if the
 * TM has failed meanwhile; *@tx is the transaction then, or -1 if Commit was not called.
 */
bool pair_commit(int tm, const int rm[2], unsigned int pair, unsigned int n, int *tx);

/*
 * The TM was opened again, and the pair's RMs are closed: they recover and finish all
 * there is. True if the last transaction that was begun came out as a commit.
 */
bool pair_check(int tm, unsigned int pair);

#endif /* KTM_TEST_PAIRS_H */
