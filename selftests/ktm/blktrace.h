/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the block layer was asked for, by its own tracepoints: each write and flush
 * when it is sent and when it has ended, in the order in which that happened.
 */
#ifndef KTM_TEST_BLKTRACE_H
#define KTM_TEST_BLKTRACE_H

#include "calls.h"

enum blk_what {
	BLK_SENT,
	BLK_ENDED,
	BLK_MARK,
};

/**
 * struct blk_event - one line of the record
 * @what: kind
 * @write: it writes data; without, it is a flush
 * @preflush: it flushes before it writes; a flush has it, too
 * @fua: forced
 * @discard: a discard
 * @error: BLK_ENDED: with an error
 * @sector: where
 * @sectors: how much
 * @mark: BLK_MARK: what blk_mark() was given
 * @by: the thread in which it happened
 */
struct blk_event {
	enum blk_what what;
	bool write, preflush, fua, discard, error;
	uint64_t sector;
	unsigned int sectors;
	uint64_t mark;
	pid_t by;
};

struct blk_record {
	struct blk_event *events;
	size_t nr;
};

/*
 * On a device whose journal has just been opened. Skips the test where the kernel has no
 * tracepoints of the block layer.
 */
void blk_record_start(const char *path);
/* From any process of the test. */
void blk_mark(uint64_t mark);
/* Ends it; the events are the caller's to free. */
struct blk_record blk_record_end(void);

/**
 * struct blk_rules - what may be asked of a device
 * @cache: it has a volatile cache
 * @fua: it can force a write through it
 */
struct blk_rules {
	bool cache;
	bool fua;
};

/**
 * struct blk_count - what was asked of it
 * @writes: of the log's ring
 * @forced: of those, with FUA
 * @flushes: empty ones
 */
struct blk_count {
	unsigned int writes, forced, flushes;
};

/*
 * Holds a record against the rules. Each mark is an LSN that somebody held to be
 * durable: by then all of the log in front of it was written, and after its write had
 * ended a flush was sent which has ended too, or that write was itself forced.
 */
struct blk_count blk_judge(const struct blk_record *r, const struct blk_rules *rules);

#endif /* KTM_TEST_BLKTRACE_H */
