/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A restart area of a running log, as a machine that does no I/O itself.
 *
 * Its user has set the writer's mark (ktm_jw_mark()) before the first ktm_jr_add(), so that what
 * is appended from then on is replayed. Commits go on meanwhile. It calls ktm_jr_step() and does
 * what is asked:
 *
 *	SNAPSHOT	add what lives; after the last record ktm_jr_end()
 *	WRITE		do that, then ktm_jr_io_done()
 *	FLUSH		ktm_jw_want_flush() and wait for it, then ktm_jr_io_done()
 *	FORCE		make the log durable up to @end_lsn, then ktm_jr_forced(): the
 *			area must never know more than the log holds, else a completion could
 *			survive the record of a participant that it speaks of
 *	DONE		both copies of the superblock are durable: ktm_jw_restarted()
 *	FAILED		the writer has to go offline: nobody knows what the device holds
 */
#ifndef KTM_CORE_JOURNAL_RESTART_H
#define KTM_CORE_JOURNAL_RESTART_H

#include "journal_area.h"

enum ktm_jr_phase {
	KTM_JR_P_SNAPSHOT,
	KTM_JR_P_WRITE,
	KTM_JR_P_FLUSH,
	KTM_JR_P_FORCE,
	KTM_JR_P_TRY_END,
	KTM_JR_P_SB1,
	KTM_JR_P_SB1_FLUSH,
	KTM_JR_P_SB2,
	KTM_JR_P_SB2_FLUSH,
	KTM_JR_P_DONE,
	KTM_JR_P_FAILED,
};

/**
 * struct ktm_jr - a restart area under way
 * @place: WRITE: byte on the device
 * @bytes: WRITE: length
 * @data: WRITE: memory
 * @end_lsn: FORCE: up to here
 * @next_sb: the new superblock; good at DONE
 * @dev_bytes: size of the device when it began
 * @err: FAILED: why, a negative errno
 */
struct ktm_jr {
	u64 place;
	u32 bytes;
	void *data;
	u64 end_lsn;
	struct ktm_jf_sb next_sb;
	u64 dev_bytes;
	int err;

	/* private: the machine's own */
	enum ktm_jr_phase phase;
	u64 old_tail;
	u64 tail;
	u64 upto;
	bool last;		/* the batch at hand is the area's last */
	struct ktm_ja area;
};

/**
 * ktm_jr_init() - begin a restart area
 * @r: the machine
 * @sb: the superblock that both copies hold, durably
 * @dev_bytes: size of the device now: what it has gained becomes part of the ring
 * @buf: memory for batches and superblocks, KTM_JF_BATCH_MAX bytes
 */
void ktm_jr_init(struct ktm_jr *r, const struct ktm_jf_sb *sb, u64 dev_bytes, void *buf);

/**
 * ktm_jr_add() - one more record of what lives
 * @r: a restart area that says SNAPSHOT, or has just begun
 * @rec: the record
 *
 * Return: 0; -EAGAIN: step until SNAPSHOT is said again, then add the same record again;
 * -ENOSPC: the restart extent is full; -EINVAL: not a record.
 */
int ktm_jr_add(struct ktm_jr *r, const struct ktm_jrec *rec);

/*
 * Do so many bytes of records, at most KTM_JF_AREA_ROOM, still fit into the open batch? If not,
 * WRITE is wanted next.
 */
bool ktm_jr_room(struct ktm_jr *r, u32 bytes);

/**
 * ktm_jr_end() - that was all that lives
 * @r: a restart area that says SNAPSHOT
 * @end_lsn: end of all that had been appended when the last record was made (E)
 * @tail_lsn: at most the place of each live record that the area names, or U64_MAX: none; what lies
 *	before it (and before the mark) will be written over
 */
void ktm_jr_end(struct ktm_jr *r, u64 end_lsn, u64 tail_lsn);

enum ktm_jo_want ktm_jr_step(struct ktm_jr *r);

/* WRITE, FLUSH. @err: 0 or a negative errno. */
void ktm_jr_io_done(struct ktm_jr *r, int err);

/*
 * FORCE. @start: the mark, by ktm_jw_marked(); @upto: by ktm_jw_hold(), the writer goes no
 * further until DONE; @err: 0, or why the log is not durable.
 */
void ktm_jr_forced(struct ktm_jr *r, const struct ktm_jf_link *start, u64 upto, int err);

#endif /* KTM_CORE_JOURNAL_RESTART_H */
