/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Appending to the journal: who goes where, what is written when, what is
 * durable. No I/O and no locks: the user serialises the calls and does the I/O that
 * ktm_jw_next() asks for; several of those may be under way at once.
 *
 *	append() fills the open batch; a full batch is closed
 *	want() says up to where somebody waits
 *	next() closes, hands out WRITE and FLUSH
 *	seal() makes the batch of a WRITE fit to be written (needs no lock, see there)
 *	write_done(), flush_done() move what is written and what is durable
 *
 * A restart area of the running log (journal_restart.h) begins with mark() and ends with
 * restarted(), which gives the ring's oldest part back. Some room, the headroom, is left to
 * what a restart area itself appends: else a full log could never make room.
 */
#ifndef KTM_CORE_JOURNAL_WRITER_H
#define KTM_CORE_JOURNAL_WRITER_H

#include "journal_format.h"

#define KTM_JW_BUFS		8
#define KTM_JW_BUF_BYTES	(128u << 10)

/*
 * Forced writes through the cache that may be under way at once. With a second one a few
 * clients wait half as long; more of them would be for ever smaller groups of commits.
 */
#define KTM_JW_FUAS		2

enum ktm_jw_want {
	KTM_JW_NOTHING,
	KTM_JW_WRITE,
	KTM_JW_FLUSH,
};

/**
 * struct ktm_jw_batch - a batch on its way to the device
 * @data: its buffer
 * @lsn: where it begins
 * @seq: its sequence number
 * @flushed_lsn: what it says of others
 * @used: head and records
 * @records: how many
 * @bytes: with padding; 0 while it is open
 * @crc: its checksum, once it is sealed
 * @credit: bytes of the ring set aside for it
 * @forcible: the credit covers a padding of its own
 * @fua: written through the cache
 * @written: its write has ended
 */
struct ktm_jw_batch {
	u8 *data;
	u64 lsn;
	u64 seq;
	u64 flushed_lsn;
	u32 used;
	u32 records;
	u32 bytes;
	u32 crc;
	u64 credit;
	bool forcible;
	bool fua;
	bool written;
};

/*
 * struct ktm_jw - the writer; only its functions look into it, and what reports
 * numbers.
 *
 * Batches are counted; batch n uses buffer n modulo their number. At any time
 * freed <= submitted <= closed <= opened <= closed + 1.
 */
struct ktm_jw {
	struct ktm_jf_sb sb;
	struct ktm_jf_chain chain;
	bool has_fua;
	int err;
	u32 nbufs;
	u32 buf_bytes;
	struct ktm_jw_batch batch[KTM_JW_BUFS];
	u64 opened, closed, submitted, freed;

	u64 next_lsn;		/* end of the last closed batch */
	u64 next_seq;
	u64 submitted_lsn;	/* end of the last batch handed out */
	u64 written_lsn;	/* all before it has been written */
	u64 flushed_lsn;	/* all before it is durable */
	u64 want_lsn;		/* somebody waits for this to be durable */
	u64 limit;		/* end of the ring's free space */
	u64 headroom;		/* what only a restart area uses */
	bool untried;		/* no restart area has begun since the opening */
	u64 tried_lsn;		/* where the last one began */
	u64 copied;		/* bytes of copies since then */
	u64 vain;		/* what restart areas have cost that gained nothing, in a row */
	bool unread;		/* records were passed over that could not be read */
	u32 unread_at;		/* when they were last tried */
	u64 reserved;
	u64 quota;		/* sum of what streams may keep alive */

	u32 fuas;		/* writes through the cache under way */
	u64 fua_lsn;		/* all before it is durable, or under way through the cache */
	bool force;		/* a flush is under way */
	u64 force_lsn;		/* what it makes durable */
	u64 force_ticket;	/* and whose wish for a flush it fulfils */
	u64 want_ticket;
	u64 flushed_ticket;
	u32 prev_crc;		/* of the last sealed batch: seal()'s own */
	u32 written_crc;	/* of the last batch before written_lsn */

	bool marking;		/* a restart area is under way */
	bool marked;		/* all before its mark has been written */
	struct ktm_jf_link mark;

	u64 appends, writes, fua_writes, flushes;
};

/**
 * ktm_jw_init() - begin behind an opening
 * @w: the writer
 * @sb: the superblock that the opening left in both copies
 * @bufs: memory for batches
 * @nbufs: how many, 2 to KTM_JW_BUFS
 * @buf_bytes: size of each, at least KTM_JF_WINDOW_MIN; the smaller of this and W is used
 * @has_fua: the device writes through its cache when told
 */
void ktm_jw_init(struct ktm_jw *w, const struct ktm_jf_sb *sb, void *const *bufs, u32 nbufs,
		 u32 buf_bytes, bool has_fua);

/* Bytes of the ring that a record may cost, alone or among others; 0: no such record. */
u32 ktm_jw_charge(u32 unit, u16 type, u32 var);

/* What nobody has used or reserved, the headroom left out. */
u64 ktm_jw_free(const struct ktm_jw *w);

/* -ENOSPC: not to be had; @granted: it was granted before, do not ask. */
int ktm_jw_reserve(struct ktm_jw *w, u64 bytes, bool granted);
void ktm_jw_unreserve(struct ktm_jw *w, u64 bytes);

/**
 * ktm_jw_append() - a record into the open batch
 * @w: the writer
 * @rec: the record
 * @reserved: bytes of the caller's reservation that this uses up, at least its charge; or 0
 * @lsn: out, the LSN of its end
 *
 * Who will force a record of a kind that need not be forced reserves a unit and a head of a batch
 * besides. A record of a stream with the name 0 gets @lsn for its name. One that is copied
 * forward (KTM_JREC_F_COPY) may use the headroom, up to what the restart area needs to end.
 *
 * Return: 0; -EAGAIN: no buffer is free, wait for a write to end and call again; -ENOSPC: nothing
 * reserved and no room; -EINVAL: not a record, or less reserved than it costs; or why the
 * writer is offline.
 */
int ktm_jw_append(struct ktm_jw *w, const struct ktm_jrec *rec, u32 reserved, u64 *lsn);

/*
 * The same, and ktm_jw_want() of it will not be refused: -ENOSPC here if there is no room for the
 * record (unless reserved), or to end its batch with.
 */
int ktm_jw_append_forcible(struct ktm_jw *w, const struct ktm_jrec *rec, u32 reserved, u64 *lsn);

/**
 * ktm_jw_want() - somebody waits for @lsn to be durable
 * @w: the writer
 * @lsn: as append() gave it
 *
 * Return: 0, or -ENOSPC: its batch would have to be padded, nobody has reserved that,
 * and there is no room.
 */
int ktm_jw_want(struct ktm_jw *w, u64 lsn);

/* Everything appended, whether or not the padding was reserved: nothing comes after. */
void ktm_jw_want_all(struct ktm_jw *w);

/* ---- restart areas of the running log ---- */

/* LSN of the end of all that was appended. */
u64 ktm_jw_end(const struct ktm_jw *w);

/* Has enough been written, or is so little left, that a restart area should be made now? */
bool ktm_jw_restart_due(const struct ktm_jw *w);

/**
 * ktm_jw_restart_helps() - may a restart area make room for who was refused?
 * @w: the writer
 * @now: a clock, in seconds
 *
 * Return: false if those before it have tried, and little was written since; but what could not be
 * read can be a moment later, or is given up.
 */
bool ktm_jw_restart_helps(const struct ktm_jw *w, u32 now);

/* What could not be read does not hold up others any more: try as often as before it did. */
void ktm_jw_unread_gone(struct ktm_jw *w);

/* A restart area has passed over @any records that it could not read, at @now. */
void ktm_jw_unread(struct ktm_jw *w, bool any, u32 now);

/**
 * ktm_jw_mark() - a restart area begins: what is appended from now on is replayed with it
 * @w: the writer
 *
 * Costs no room: the mark is where the open batch begins, or the next one will.
 *
 * Return: 0; -EBUSY: one is under way; or why the writer is offline.
 */
int ktm_jw_mark(struct ktm_jw *w);

/**
 * ktm_jw_marked() - where the replay begins
 * @w: the writer
 * @link: out, what the first batch behind the mark says of itself
 *
 * Return: false if something before the mark has not been written yet. What is durable behind
 * the mark always has a known mark.
 */
bool ktm_jw_marked(const struct ktm_jw *w, struct ktm_jf_link *link);

/**
 * ktm_jw_worth_ending() - has a restart area something to be written for?
 * @w: the writer
 * @tail_lsn: as for ktm_jr_end()
 * @grows: the ring is likely to become larger by it
 *
 * Return: false: it copied nothing, the tail stays where it is, no batch would end, and an area
 * that was written not long ago says the same. To write it would help neither who waits for
 * room nor a recovery.
 */
bool ktm_jw_worth_ending(const struct ktm_jw *w, u64 tail_lsn, bool grows);

/**
 * ktm_jw_want_end() - make durable what a restart area knows of
 * @w: the writer
 * @tail_lsn: as for ktm_jr_end()
 * @grows: the ring is likely to become larger by it
 * @lsn: out, the end of all that was appended: wait until it is durable
 *
 * As ktm_jw_want(), but its padding may come from the headroom if the ring gets it back.
 *
 * Return: 0 or -ENOSPC.
 */
int ktm_jw_want_end(struct ktm_jw *w, u64 tail_lsn, bool grows, u64 *lsn);

/*
 * A flush that is sent from now on, for what a restart area wrote; it has ended well when
 * ktm_jw_flushed(). All flushes are the writer's, one at a time: of two at once one could fail and
 * drop what the other then says is durable.
 */
u64 ktm_jw_want_flush(struct ktm_jw *w);
bool ktm_jw_flushed(const struct ktm_jw *w, u64 ticket);

/**
 * ktm_jw_hold() - the superblock is about to be written: how far may the log go until it is?
 * @w: the writer
 * @dev_bytes: as for ktm_jr_init()
 * @tail_lsn: as for ktm_jr_end()
 *
 * If the device has grown, and the ring would be in many pieces, the writer stays, until
 * unmark() or restarted(), where it leaves free as much of the ring as it can: that comes behind
 * in an order that makes few pieces. All that was promised has room.
 *
 * Return: for ktm_jr_forced().
 */
u64 ktm_jw_hold(struct ktm_jw *w, u64 dev_bytes, u64 tail_lsn);

/* It does not come about: nothing has changed. */
void ktm_jw_unmark(struct ktm_jw *w);

/*
 * The restart area is done: both copies of the superblock are durable and say @sb. The ring may
 * be larger, and other places follow each other; those of what was written stay.
 */
void ktm_jw_restarted(struct ktm_jw *w, const struct ktm_jf_sb *sb);

/* What the quotas of all streams may come to. */
static inline u64 ktm_jw_most_quota(const struct ktm_jf_sb *sb)
{
	return sb->ring_bytes / 8 * 3;
}

/**
 * ktm_jw_quota() - the sum of what streams may keep alive changes
 * @w: the writer
 * @change: by how much
 * @granted: it was granted before, do not ask
 *
 * Return: 0, or -ENOSPC: it would be more than three eighths of the ring.
 */
int ktm_jw_quota(struct ktm_jw *w, s64 change, bool granted);

/**
 * ktm_jw_peek() - the bytes of a record that may not have been written yet
 * @w: the writer
 * @place: LSN of its first byte
 * @bytes: its length
 *
 * Return: where they are, until a write ends; or NULL: they have been written, read the ring.
 */
const u8 *ktm_jw_peek(const struct ktm_jw *w, u64 place, u32 bytes);

/* All before this LSN has been written: it can be read in the ring. */
static inline u64 ktm_jw_written(const struct ktm_jw *w)
{
	return w->written_lsn;
}

/* Would ktm_jw_next() begin another write through the cache beside those under way? */
bool ktm_jw_ready(const struct ktm_jw *w);

/* What to do next; for WRITE *@b is the batch, to be sealed, in the order handed out. */
enum ktm_jw_want ktm_jw_next(struct ktm_jw *w, struct ktm_jw_batch **b);

/*
 * Head and checksum. Touches only the batch and the chain's last checksum: needs no
 * lock against the others as long as one at a time seals, in the order of next().
 */
void ktm_jw_seal(struct ktm_jw *w, struct ktm_jw_batch *b);

void ktm_jw_write_done(struct ktm_jw *w, struct ktm_jw_batch *b, int err);
void ktm_jw_flush_done(struct ktm_jw *w, int err);

/* Take it offline: nothing is handed out any more. */
void ktm_jw_fail(struct ktm_jw *w, int err);

#endif /* KTM_CORE_JOURNAL_WRITER_H */
