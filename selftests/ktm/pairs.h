/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transactions of two durable RMs, each with a log stream, while the journal's disk may fail at
 * any moment; and afterwards, whether both have heard the same and nothing that was told is
 * lost, nor a record that came with an answer.
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

/**
 * struct pair - what a pair has open
 * @number: which one
 * @rm: its RMs, with the numbers 2 * @number and 2 * @number + 1
 * @s: the stream of each
 */
struct pair {
	unsigned int number;
	int rm[2];
	int s[2];
};

/*
 * RMs that are there or made, and have nothing to recover, and their streams. False, and nothing
 * is open: the TM has failed.
 */
bool pair_open(int tm, unsigned int number, struct pair *p);
void pair_close(const struct pair *p);

/* The RM with that number alone. */
int pair_rm(int tm, unsigned int number);

/* What failed with the disk, in whatever step; any other status than success fails the test. */
bool pair_went_wrong(unsigned int status);

/*
 * Transaction @n of a pair: each vote and each completion brings a record, and the RMs leave
 * each fourth transaction unfinished. False if the TM has failed meanwhile; *@tx is the
 * transaction then, or -1 if Commit was not called.
 */
bool pair_commit(int tm, const struct pair *p, unsigned int n, int *tx);

/*
 * The TM was opened again, and the pair is closed: its RMs read their streams, recover, finish
 * all there is, and give up what is behind them. *@committed: the last transaction that
 * was begun came out as a commit. False: the TM has failed once more, and when it is back, this is
 * to be called again.
 */
bool pair_check(int tm, unsigned int pair, bool *committed);
/* How often the disk did not give a record the first time; the second time it must. */
unsigned int pair_read_errors(void);

#endif /* KTM_TEST_PAIRS_H */
