/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opening a journal for writing, as a machine that does no I/O itself.
 *
 * Its user calls ktm_jo_step() and does what is asked: READ, WRITE and FLUSH
 * end with ktm_jo_io_done(), each before the next step. REPLAY hands over one
 * record; SNAPSHOT wants all that lives, see ktm_jo_snap_add(). The order of what it
 * asks for is the order of Documentation/journal-format.md, "Opening for writing".
 *
 * The same machine tells what an opening would find and do: with @read_only it takes
 * the same steps and never asks for WRITE or FLUSH.
 */
#ifndef KTM_CORE_JOURNAL_OPEN_H
#define KTM_CORE_JOURNAL_OPEN_H

#include "journal_area.h"
#include "journal_scan.h"

enum ktm_jo_phase {
	KTM_JO_P_SB1,
	KTM_JO_P_SIGNPOST,
	KTM_JO_P_SB2,
	KTM_JO_P_CHOOSE,
	KTM_JO_P_POST,
	KTM_JO_P_AREA,
	KTM_JO_P_RING,
	KTM_JO_P_PROBE,
	KTM_JO_P_REWRITE,
	KTM_JO_P_REWRITE_FLUSH,
	KTM_JO_P_SAME1,
	KTM_JO_P_SAME1_FLUSH,
	KTM_JO_P_SAME2,
	KTM_JO_P_SAME2_FLUSH,
	KTM_JO_P_POST_WRITE,
	KTM_JO_P_POST_FLUSH,
	KTM_JO_P_SNAPSHOT,
	KTM_JO_P_SNAP_WRITE,
	KTM_JO_P_SNAP_FLUSH,
	KTM_JO_P_TRY_END,
	KTM_JO_P_NEW1,
	KTM_JO_P_NEW1_FLUSH,
	KTM_JO_P_NEW2,
	KTM_JO_P_NEW2_FLUSH,
	KTM_JO_P_DONE,
	KTM_JO_P_FAILED,
};

enum ktm_jo_post {
	KTM_JO_POST_UNKNOWN,
	KTM_JO_POST_GOOD,
	KTM_JO_POST_LOST,	/* found so, and written again */
	KTM_JO_POST_BAD,	/* the same, but it cannot be written */
	KTM_JO_POST_NO_PLACE,	/* something else is where it would be */
};

/**
 * struct ktm_jo - an opening under way
 * @place: READ, WRITE: byte on the device
 * @bytes: READ, WRITE: length
 * @data: READ, WRITE: memory
 * @rec: REPLAY: the record
 * @fault: FAILED: what is wrong
 * @sb: the superblock chosen
 * @next_sb: the new one; good at DONE
 * @tail: LSN of the tail, once it is known
 * @flushed: F: what lies from here to @tail is written again; good when @tail is
 * @batch: REPLAY: the batch that holds the record; FAILED: the last whole one, behind @tail
 *	if it is the one that knows what is damaged there to be durable
 * @rec_pos: REPLAY: where the record ends in it
 * @batch_data: REPLAY: its bytes
 * @sb1_good: the first copy of the superblock can be used
 * @sb2_good: the second can
 * @sb1: the first copy, if @sb1_good
 * @sb2: the second, if @sb2_good
 * @sb1_fault: what is wrong with the first, if not @sb1_good
 * @sb2_fault: with the second; where it was looked for is its place
 * @post: the signpost, once the superblock is chosen; not if @check_only
 */
struct ktm_jo {
	u64 place;
	u32 bytes;
	void *data;
	struct ktm_jrec rec;
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;
	struct ktm_jf_sb next_sb;
	u64 tail;
	u64 flushed;
	struct ktm_jf_batch batch;
	u32 rec_pos;
	const u8 *batch_data;	/* NULL: no batch is being replayed */
	bool sb1_good;
	bool sb2_good;
	struct ktm_jf_sb sb1;
	struct ktm_jf_sb sb2;
	struct ktm_jf_fault sb1_fault;
	struct ktm_jf_fault sb2_fault;
	enum ktm_jo_post post;

	/* private: the machine's own */
	enum ktm_jo_phase phase;
	bool check_only;
	bool read_only;
	bool has_same;
	bool has_tm;
	bool renaming;
	struct ktm_guid same;
	struct ktm_guid tm;
	struct ktm_guid rename;
	bool io;		/* asked for, not yet done */
	bool scanning;		/* it is a read for the scanner */
	bool snap_last;
	u64 dev_bytes;
	u32 sector;
	u64 new_epoch;
	u8 *buf;
	u32 room;
	struct ktm_jf_scan scan;
	u32 rec_left;
	u64 cursor;		/* PROBE, REWRITE */
	struct ktm_jf_link relink;
	u32 rewritten;		/* bytes of the batch at the cursor */
	struct ktm_ja area;
	u32 sb2_unit;		/* guess, where the first copy does not say */
	u64 sb2_told;		/* by the signpost; 0: nothing */
	bool sb1_read;
	u8 raw1[KTM_JF_SB_BYTES] __aligned(8);
	u8 raw2[KTM_JF_SB_BYTES] __aligned(8);
};

/**
 * struct ktm_jo_params - what an opening needs
 * @dev_bytes: size of the device
 * @sector: its logical block size
 * @epoch: random, not 0
 * @buf: memory for I/O, at least KTM_JF_BATCH_MAX bytes
 * @room: its size
 * @same: uuid of the journal it has to be, or NULL; copied
 * @tm: GUID of the transaction manager that it has to belong to, or NULL; copied
 * @rename: the only thing to do: the GUID of the transaction manager that it is to
 *	belong to from DONE on, or NULL; copied
 * @check_only: stop at DONE when the superblock is chosen; nothing is written
 * @read_only: nothing is written, and features that forbid writing only are allowed; all
 *	else is as it would be, @next_sb included. What replays its records ends it with
 *	ktm_jo_stop(), or gives its snapshot to learn whether that fits
 */
struct ktm_jo_params {
	u64 dev_bytes;
	u32 sector;
	u64 epoch;
	void *buf;
	u32 room;
	const struct ktm_guid *same;
	const struct ktm_guid *tm;
	const struct ktm_guid *rename;
	bool check_only;
	bool read_only;
};

void ktm_jo_init(struct ktm_jo *o, const struct ktm_jo_params *p);
enum ktm_jo_want ktm_jo_step(struct ktm_jo *o);

/* REPLAY: is the record from the restart area? */
static inline bool ktm_jo_in_area(const struct ktm_jo *o)
{
	return o->scan.area != 0;
}

/* @err: 0, -ENODATA for a medium error, or another negative errno. */
void ktm_jo_io_done(struct ktm_jo *o, int err);

/* The consumer did not take a record or could not give its snapshot. */
void ktm_jo_refuse(struct ktm_jo *o, int err);

/**
 * ktm_jo_snap_add() - one more record for the restart area
 * @o: an opening that said SNAPSHOT
 * @rec: the record
 *
 * Return: 0; -EAGAIN: step until SNAPSHOT is said again, then add the same record again;
 * -ENOSPC: the restart extent is full; -EINVAL: not a record.
 */
int ktm_jo_snap_add(struct ktm_jo *o, const struct ktm_jrec *rec);

/**
 * ktm_jo_stop() - what was read was all that was wanted
 * @o: an opening that said SNAPSHOT, to which nothing was added
 *
 * It is DONE: what was found is durable, nothing new is on the device.
 */
void ktm_jo_stop(struct ktm_jo *o);

/**
 * ktm_jo_snap_end() - that was all that lives
 * @o: an opening that said SNAPSHOT
 * @tail_lsn: at most the place of each live record of a stream that was handed over, or
 *	U64_MAX: none; what lies before it (and before the tail that was found) will be written over
 */
void ktm_jo_snap_end(struct ktm_jo *o, u64 tail_lsn);

#endif /* KTM_CORE_JOURNAL_OPEN_H */
