/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What streams hold after a recovery, and what they must hold.
 */
#ifndef KTM_CRASH_STREAMS_H
#define KTM_CRASH_STREAMS_H

#include "history.h"

/**
 * struct found_record - one that was read
 * @record: what it says it is
 * @lsn: its name
 * @previous: what it is linked to
 * @restart: it is a restart record
 */
struct found_record {
	struct record record;
	uint64_t lsn;
	uint64_t previous;
	bool restart;
};

/**
 * struct found_stream - a stream as recovery gives it back
 * @fd: its descriptor, -1: it is not known
 * @base: see struct ktm_stream_info
 * @restart: see there
 * @count: see there
 * @list: its records, as they were read
 * @nr: how many
 */
struct found_stream {
	int fd;
	uint64_t base;
	uint64_t restart;
	uint64_t count;
	struct found_record *list;
	size_t nr;
};

/**
 * struct fate - what has become of a record that was begun
 * @record: which
 * @previous: what it is linked to
 * @lsn: its name; 0: nobody was told
 * @at: when that was known
 * @opening: between which openings of the journal; 0: not known for certain
 * @gone: an opening did not find it
 */
struct fate {
	struct record record;
	uint64_t previous;
	uint64_t lsn;
	size_t at;
	size_t opening;
	bool gone;
};

/**
 * struct expected - what a stream must hold after a cut
 * @fates: of all records that had been begun, in the order of their serials
 * @nr: how many
 * @durable: serial of the last record that is durable for certain
 * @low: the base is not before this
 * @high: and not behind this
 */
struct expected {
	struct fate *fates;
	size_t nr;
	uint32_t durable;
	uint64_t low;
	uint64_t high;
};

/* Read it all, and say what is wrong with it by itself. */
void stream_find(struct found_stream *found, int tm, uint32_t rm);
void stream_forget(struct found_stream *found);
const struct found_record *stream_record(const struct found_stream *found, uint32_t key,
					 enum record_kind kind);

/* What it must hold, and does it? @forced: see stream_expect() */
void stream_expect(struct expected *e, const struct history *h, const struct cut *cut, uint32_t rm,
		   const struct found_stream *found, const size_t *forced);
void stream_expect_end(struct expected *e);
void stream_judge(const struct expected *e, const struct found_stream *found, uint32_t rm);

/* Had it been there, and may it be in front of the base now? */
bool stream_passed(const struct expected *e, const struct found_stream *found, uint32_t key,
		   enum record_kind kind);

#endif
