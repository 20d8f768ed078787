/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks: what somebody outside the module knows, put into the record of the
 * disk at the place where it became known.
 */
#ifndef KTM_CRASH_MARKS_H
#define KTM_CRASH_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/ktm.h>

#define NR_DURABLE	3	/* durable test RMs; the number after them is a volatile one */
#define NR_PARTICIPANTS	(NR_DURABLE + 1)
#define SUPERIOR	NR_PARTICIPANTS	/* a durable RM whose enlistments are superiors */
#define NR_RMS		(NR_PARTICIPANTS + 1)

/**
 * enum fact - what a mark says
 * @FACT_START: the journal is formatted, everything after this is under test
 * @FACT_ENLISTED: an enlistment exists
 * @FACT_VOTES: its RM is about to call PREPARE_COMPLETE
 * @FACT_READ_ONLY: its RM is about to call READ_ONLY
 * @FACT_REFUSES: its RM is about to roll the transaction back
 * @FACT_COMMIT: its RM has read COMMIT (a superior: COMMIT_COMPLETE), or has committed by
 *	itself in the single phase
 * @FACT_ROLLBACK: its RM has read ROLLBACK, or concluded that from what recovery does not know
 * @FACT_FINISHES: its RM is about to call COMMIT_COMPLETE or ROLLBACK_COMPLETE
 * @FACT_ASKED: a superior has read that all have prepared
 * @FACT_DECIDES: a superior is about to call EN_COMMIT
 * @FACT_HEARS: a superior that has is about to read something: perhaps COMMIT_COMPLETE, and
 *	what it has read the log need not keep, though nobody has come to say so
 * @FACT_TOLD_COMMIT: the client was told that the transaction is committed
 * @FACT_TOLD_ABORT: the client was told that it is rolled back
 *
 * Of the journal:
 * @FACT_REOPENS: it is about to be opened; what was appended and is not durable will be gone
 * @FACT_REOPENED: it was opened
 *
 * Of an RM's stream; see struct mark_record:
 * @FACT_APPENDS: the RM is about to append a record, and with @base to advance the base
 * @FACT_APPENDED: it has; with @base: the advance of the base is in the log, too
 * @FACT_FLUSHED: it was told that all up to and with the record @serial is durable
 * @FACT_ADVANCES: it is about to advance the base
 * @FACT_ADVANCED: it has, behind the record @serial, and that is in the log
 * @FACT_LAST: the journal was opened, and it has found @serial as the last record, and @base
 */
enum fact {
	FACT_START,
	FACT_ENLISTED,
	FACT_VOTES,
	FACT_READ_ONLY,
	FACT_REFUSES,
	FACT_COMMIT,
	FACT_ROLLBACK,
	FACT_FINISHES,
	FACT_TOLD_COMMIT,
	FACT_TOLD_ABORT,
	FACT_ASKED,
	FACT_DECIDES,
	FACT_HEARS,
	FACT_REOPENS,
	FACT_REOPENED,
	FACT_APPENDS,
	FACT_APPENDED,
	FACT_FLUSHED,
	FACT_ADVANCES,
	FACT_ADVANCED,
	FACT_LAST,
	NR_FACTS
};

/**
 * struct mark_record - what a mark says of a stream
 * @serial: of a record
 * @kind: enum record_kind of it
 * @lsn: FACT_APPENDED: its LSN
 * @previous: FACT_APPENDS: the LSN that it is linked to
 * @base: an LSN, or 0
 */
struct mark_record {
	uint32_t serial;
	uint32_t kind;
	uint64_t lsn;
	uint64_t previous;
	uint64_t base;
};

/**
 * struct mark - one fact
 * @fact: what
 * @uow: the transaction
 * @en: the enlistment; nil where it is about the client
 * @rm: number of its RM
 * @key: the enlistment's key
 * @length: FACT_VOTES: bytes of recovery information
 * @seed: FACT_VOTES: what they were made from
 * @record: if it is about a stream
 */
struct mark {
	enum fact fact;
	struct ktm_guid uow;
	struct ktm_guid en;
	uint32_t rm;
	uint32_t key;
	uint32_t length;
	uint32_t seed;
	struct mark_record record;
};

#define MARK_TEXT	256	/* bytes that hold any mark as text */

void mark_format(const struct mark *mark, char *text);
int mark_parse(const char *text, size_t length, struct mark *mark);

/* Recovery information of that length from that seed. */
void information_fill(uint8_t *buffer, uint32_t length, uint32_t seed);

/* Is it about a stream? */
static inline bool is_of_stream(enum fact fact)
{
	return fact >= FACT_APPENDS && fact <= FACT_LAST;
}

/* What a superior decides, whenever it is asked. */
static inline bool superior_commits(uint32_t seed)
{
	return seed % 4;
}

/* The GUIDs of the test RMs. */
struct ktm_guid rm_guid(unsigned int rm);

#endif
