/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recorded run: what was written to the disk, and who knew what when.
 */
#ifndef KTM_CRASH_HISTORY_H
#define KTM_CRASH_HISTORY_H

#include "marks.h"
#include "records.h"

#include "../cut/blocklog.h"

#define NEVER	SIZE_MAX

/**
 * struct knowledge - since when a fact is known
 * @at: index in the record of the run, or NEVER
 * @again: index in the record of the first recovery, or NEVER
 */
struct knowledge {
	size_t at[NR_FACTS];
	size_t again[NR_FACTS];
};

/* What recovery says of an enlistment. */
enum finding { FOUND_NOTHING, FOUND_RECOVER, FOUND_QUERY, FOUND_COMMIT, FOUND_ROLLBACK };

/**
 * struct en_history - one enlistment
 * @guid: of it
 * @tx: index of its transaction
 * @next: index of another one of that, or NEVER
 * @rm: number of its RM
 * @key: as it was given
 * @length: bytes of recovery information
 * @seed: what they, or a superior's mind, are made from
 * @known: what is known of it, and since when
 * @found: what the recovery that is judged says of it
 * @queried: a superior, which that recovery asked
 */
struct en_history {
	struct ktm_guid guid;
	size_t tx;
	size_t next;
	uint32_t rm;
	uint32_t key;
	uint32_t length;
	uint32_t seed;
	struct knowledge known;
	enum finding found;
	bool queried;
};

/**
 * struct tx_history - one transaction
 * @uow: its name
 * @ens: index of one of its enlistments, or NEVER
 * @known: what its client was told
 */
struct tx_history {
	struct ktm_guid uow;
	size_t ens;
	struct knowledge known;
};

/**
 * struct log_event - something became known of a stream
 * @at: index in the record
 * @opening: 2 * n: known between the nth and the next opening of the journal, which takes
 *	away what is not durable; odd: while it was opened
 * @mark: what
 */
struct log_event {
	size_t at;
	size_t opening;
	struct mark mark;
};

struct log_events {
	struct log_event *list;
	size_t nr;
};

/**
 * struct history - the record of a run
 * @log: its entries; places are those on the journal, marks have BLOCKLOG_MARK
 * @start: index of the first entry after FACT_START
 * @ens: every enlistment
 * @txs: every transaction
 * @openings: where the openings of the journal begin and end, in turn
 * @events: what became known of streams
 * @again: the same, from the record of the first recovery
 */
struct history {
	struct blocklog log;
	size_t start;
	struct en_history *ens;
	size_t nr_ens;
	struct tx_history *txs;
	size_t nr_txs;
	size_t *openings;
	size_t nr_openings;
	struct log_events events;
	struct log_events again;
};

/**
 * struct cut - a moment at which the power goes, perhaps twice
 * @at: so many entries of the run's record have happened
 * @again: so many of the first recovery's; 0: it was not begun
 */
struct cut {
	size_t at;
	size_t again;
};

static inline bool is_known(const struct knowledge *k, enum fact fact, const struct cut *cut)
{
	return k->at[fact] < cut->at || k->again[fact] < cut->again;
}

/* The journal is at [@start, @start + @bytes) of the disk, marks behind it; 0, 0: all of it. */
void history_load(struct history *h, const char *path, uint64_t start, uint64_t bytes);

/* What a first recovery's record adds; history_forget() takes it back. */
void history_add(struct history *h, const struct blocklog *log);
void history_forget(struct history *h);

/* Each enlistment of a transaction. */
#define for_each_en(en, h, tx)						\
	for (en = (h)->txs[tx].ens; en != NEVER; en = (h)->ens[en].next)

struct en_history *history_find(struct history *h, const struct ktm_guid *en);

/* Between which openings something became known, as in struct log_event. */
size_t history_opening(const struct history *h, size_t at);

#endif
