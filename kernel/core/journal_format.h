/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal on the device: structures, records, geometry, the scanner.
 *
 * Documentation/journal-format.md is the specification; this file follows it.
 * Everything on the device is little endian. A GUID is 16 raw bytes in the
 * order of RFC 4122. Nothing read from a device is believed before it is
 * checked here.
 */
#ifndef KTM_CORE_JOURNAL_FORMAT_H
#define KTM_CORE_JOURNAL_FORMAT_H

#include "shim.h"
#include "../../uapi/linux/ktm.h"

#define KTM_JF_SB_MAGIC		"KTMJRNL1"	/* 8 bytes, no terminator on the device */
#define KTM_JF_BATCH_MAGIC	0x42544d4bu	/* "KMTB" as bytes */
#define KTM_JF_VERSION		2

/* Features a reader has to know; this version defines none. */
#define KTM_JF_RO_COMPAT	0u		/* unknown: may be read, not written */
#define KTM_JF_INCOMPAT		0u		/* unknown: may not even be read */

/* Of this journal; who does not know them may do with it what he likes. */
#define KTM_JF_COMPAT_FIXED	0x1u		/* given a part of its device: it does not grow */

#define KTM_JF_SB_BYTES		4096u		/* a superblock, whatever the unit */
#define KTM_JF_UNIT_MIN		4096u
#define KTM_JF_UNIT_MAX		65536u
#define KTM_JF_BATCH_MAX	(1u << 20)
#define KTM_JF_WINDOW_MIN	(64u << 10)	/* smallest W: three of the largest records */
#define KTM_JF_WINDOW_MAX	(64u << 20)	/* bounds the search behind the tail */
#define KTM_JF_RING_EXTENTS	16
#define KTM_JF_MAX_SEGS		(KTM_JF_RING_EXTENTS + 1)

#define KTM_JF_INFO_MAX		16384u		/* recovery information */
#define KTM_JF_DESC_MAX		128u		/* description of an RM, name of a stream */
#define KTM_JF_SREC_MAX		16384u		/* data of a stream's record */
#define KTM_JF_SINDEX_MAX	512u		/* entries of one part of a stream's index */

/* ---- what is wrong --------------------------------------------------- */

/**
 * enum ktm_jf_code - the class of a failure to read or open a journal
 * @KTM_JF_OK: nothing is wrong
 * @KTM_JF_NOT_JOURNAL: nothing on the device says that it is a journal
 * @KTM_JF_TOO_SMALL: the device is smaller than a journal needs, or than this one says it is
 * @KTM_JF_UNSUPPORTED: a journal of another version, or with unknown features
 * @KTM_JF_CORRUPT: a journal with damage that is not a torn tail
 * @KTM_JF_IO: the device failed; nothing is known to be damaged; may be tried again
 * @KTM_JF_FULL: what lives does not fit into a restart extent
 * @KTM_JF_REFUSED: the consumer of the records refused one
 */
enum ktm_jf_code {
	KTM_JF_OK,
	KTM_JF_NOT_JOURNAL,
	KTM_JF_TOO_SMALL,
	KTM_JF_UNSUPPORTED,
	KTM_JF_CORRUPT,
	KTM_JF_IO,
	KTM_JF_FULL,
	KTM_JF_REFUSED,
};

/**
 * struct ktm_jf_fault - what is wrong, in words, and where
 * @code: the class
 * @err: a negative errno: of the device, of the consumer, or the coarse class of @code
 * @place: byte on the device
 * @lsn: LSN, or 0 where there is none
 * @msg: a sentence in static storage
 */
struct ktm_jf_fault {
	enum ktm_jf_code code;
	int err;
	u64 place;
	u64 lsn;
	const char *msg;
};

/* ---- on the device --------------------------------------------------- */

struct ktm_jf_dextent {
	__le64 start;			/* in units from the start of the device */
	__le64 units;
};

/* The first unit and the last of the device as it was formatted hold a copy each. */
struct ktm_jf_dsb {
	u8	magic[8];
	__le32	crc;			/* crc32c of all 4096 bytes, this field 0 */
	__le32	version;
	__le32	compat;
	__le32	ro_compat;
	__le32	incompat;
	__le32	unit;			/* write unit in bytes */
	u8	uuid[16];		/* of this journal */
	u8	tm_guid[16];		/* of the transaction manager it belongs to */
	__le64	units;			/* size of the device when it was formatted */
	__le64	window;			/* W in bytes */
	__le64	created;		/* seconds since 1970 */
	struct ktm_jf_dextent restart[2];
	__le64	ring_lsn;		/* an LSN whose place is the first byte of ring[0] */
	__le32	ring_count;
	__le32	pad0;
	struct ktm_jf_dextent ring[KTM_JF_RING_EXTENTS];
	/* from here on: written anew at every opening and with every restart area */
	__le64	generation;
	__le64	epoch;
	__le64	start_lsn;		/* restart point: LSN of the batch where replay begins */
	__le64	start_seq;		/* its sequence number */
	__le32	start_prev_crc;		/* checksum of the batch before it */
	__le32	restart_index;		/* the restart extent in use */
	__le64	restart_bytes;		/* length of the restart area, 0: empty */
	__le32	restart_crc;		/* checksum of its last batch, 0: empty */
	__le32	pad1;
	__le64	restart_lsn;		/* the restart area knows of the log up to here */
	__le64	tail_lsn;		/* the oldest byte of the log that is still needed */
	u8	zero[4096 - 464];
};

/* Head of a batch; records follow. */
struct ktm_jf_dbatch {
	__le32	magic;
	__le32	crc;			/* crc32c of all @bytes, this field 0 */
	u8	uuid[16];
	__le64	epoch;
	__le64	seq;
	__le64	lsn;			/* of this batch; in a restart area: byte in the area */
	__le64	flushed_lsn;		/* known durable when the batch was built */
	__le32	bytes;			/* with padding: a multiple of the unit */
	__le32	used;			/* head and records */
	__le32	prev_crc;		/* crc of the batch before this one */
	__le32	records;
	__le32	flags;
	__le32	pad;
	__le64	pad2;
};

#define KTM_JF_BATCH_HEAD	((u32)sizeof(struct ktm_jf_dbatch))
#define KTM_JF_BATCH_RESTART	1u	/* part of a restart area, not of the ring */

struct ktm_jf_drec {
	__le32	bytes;			/* head, body and padding: a multiple of 8 */
	__le16	type;
	__le16	flags;
};

/* ---- records, decoded ------------------------------------------------ */

/**
 * enum ktm_jrec_type - kinds of records
 * @KTM_JREC_CLOCK: the virtual clock; restart areas
 * @KTM_JREC_RM: a resource manager exists (or changed)
 * @KTM_JREC_RM_GONE: it exists no more
 * @KTM_JREC_PREPARED: a durable enlistment has voted
 * @KTM_JREC_DECISION: the outcome of a transaction
 * @KTM_JREC_COMPLETION: a durable enlistment has finished
 * @KTM_JREC_TX: a transaction that lives, its outcome; restart areas
 * @KTM_JREC_STREAM: a log stream exists (or changed)
 * @KTM_JREC_STREAM_GONE: it exists no more, nor do its records
 * @KTM_JREC_SREC: a record of a stream
 * @KTM_JREC_SBASE: the stream needs nothing before this any more
 * @KTM_JREC_STRUNC: what the stream has behind this is void
 * @KTM_JREC_SINDEX: where live records of a stream are; restart areas
 *
 * 0x08..0x3f are left for the transaction manager, 0x46..0x7f for log streams.
 */
enum ktm_jrec_type {
	KTM_JREC_CLOCK		= 0x01,
	KTM_JREC_RM		= 0x02,
	KTM_JREC_RM_GONE	= 0x03,
	KTM_JREC_PREPARED	= 0x04,
	KTM_JREC_DECISION	= 0x05,
	KTM_JREC_COMPLETION	= 0x06,
	KTM_JREC_TX		= 0x07,
	KTM_JREC_STREAM		= 0x40,
	KTM_JREC_STREAM_GONE	= 0x41,
	KTM_JREC_SREC		= 0x42,
	KTM_JREC_SBASE		= 0x43,
	KTM_JREC_STRUNC		= 0x44,
	KTM_JREC_SINDEX		= 0x45,
};

#define KTM_JREC_F_END		0x0001	/* COMPLETION: the transaction's last */
#define KTM_JREC_F_COPY		0x0001	/* SREC: copied forward under its old LSN */
#define KTM_JREC_F_RESTART	0x0002	/* SREC: a restart record of the stream's user */
#define KTM_JREC_F_LOST		0x0004	/* entry of SINDEX: it could not be read any more */

/* ktm_jrec.prepared.flags */
#define KTM_JREC_RM_COMMUNICATION	0x1	/* it may register protocols */
#define KTM_JREC_P_SUPERIOR	0x1	/* the transaction's superior: only it decides */
#define KTM_JREC_P_FIRST	0x2	/* the first record that the log has of the transaction */

/* Outcome in DECISION and TX; UNDECIDED only in TX. */
#define KTM_JREC_UNDECIDED	0u
#define KTM_JREC_COMMIT		1u
#define KTM_JREC_ABORT		2u

/**
 * struct ktm_jsent - where a live record of a stream is
 * @lsn: its name
 * @place: LSN of its first byte, where it was written last; 0: it is lost
 * @bytes: length of it in the log
 * @flags: KTM_JREC_F_RESTART, KTM_JREC_F_LOST
 */
struct ktm_jsent {
	u64 lsn;
	u64 place;
	u32 bytes;
	u32 flags;
};

/**
 * struct ktm_jrec - a record, decoded
 * @type: enum ktm_jrec_type
 * @flags: KTM_JREC_F_*
 * @lsn: set when read: LSN of the record's end; 0 in a restart area
 * @clock: KTM_JREC_CLOCK
 * @rm: KTM_JREC_RM
 * @rm_gone: KTM_JREC_RM_GONE
 * @prepared: KTM_JREC_PREPARED
 * @decision: KTM_JREC_DECISION
 * @completion: KTM_JREC_COMPLETION
 * @tx: KTM_JREC_TX
 * @stream: KTM_JREC_STREAM
 * @stream_gone: KTM_JREC_STREAM_GONE
 * @srec: KTM_JREC_SREC
 * @sbase: KTM_JREC_SBASE
 * @strunc: KTM_JREC_STRUNC
 * @sindex: KTM_JREC_SINDEX
 *
 * The pointers in it (description, recovery information, name, data, entries) point
 * into the buffer it was decoded from and are good until the call they came with ends.
 */
struct ktm_jrec {
	u16 type;
	u16 flags;
	u64 lsn;
	union {
		struct {
			u64 clock;
		} clock;
		struct {
			struct ktm_guid guid;
			u32 uid, gid;
			u16 mode;
			u16 desc_len;
			u32 flags;
			const u8 *desc;
		} rm;
		struct {
			struct ktm_guid guid;
		} rm_gone;
		struct {
			struct ktm_guid uow, enlistment, rm;
			u64 key;
			u64 stream;		/* id of its stream, 0: none */
			u64 stream_need;	/* bytes kept for it there */
			u32 mask;
			u32 flags;
			u32 uid, gid;		/* of the transaction */
			u16 mode;
			u32 info_len;
			const u8 *info;
		} prepared;
		struct {
			struct ktm_guid uow;
			u32 outcome;
			u32 prepared;		/* durable enlistments that had prepared */
			u64 clock;
		} decision;
		struct {
			struct ktm_guid uow, enlistment;
		} completion;
		struct {
			struct ktm_guid uow;
			u32 outcome;
			u32 prepared;		/* PREPARED records of it that follow in the area */
			u32 flags;
			u32 uid, gid;
			u16 mode;
			u64 clock;		/* of the decision */
			u64 lsn;		/* end of its last record that this knows of */
		} tx;
		struct {
			struct ktm_guid guid;
			u64 id;			/* never used twice; not 0 */
			u64 quota;
			u64 base;		/* 0, or the oldest LSN that is needed */
			u64 last;		/* LSN of the last record ever, 0: none */
			u64 restart;		/* LSN of its last restart record, 0: none */
			u64 lsn;		/* as in tx; 0 in the ring */
			u32 entries;		/* of its index that follow in the area */
			u32 uid, gid;
			u16 mode;
			u16 name_len;
			const u8 *name;
		} stream;
		struct {
			u64 id;
		} stream_gone;
		struct {
			u64 id;
			u64 lsn;		/* name; appending: 0, the writer's */
			u64 previous, undo_next;
			u32 len;
			u32 data_crc;		/* ktm_jrec_data_crc() of the data */
			const u8 *data;
		} srec;
		struct {
			u64 id;
			u64 base;
		} sbase;
		struct {
			u64 id;
			u64 last;		/* LSN of the last record that stays, 0: none */
		} strunc;
		struct {
			u64 id;
			u32 count;
			const struct ktm_jsent *entries;	/* to encode */
			const u8 *raw;				/* decoded: ktm_jrec_sent() */
		} sindex;
	};
};

/* Largest encoded record, any type. */
#define KTM_JF_REC_MAX		16512u

/* What who writes a restart area may ask to be free in its open batch. */
#define KTM_JF_AREA_ROOM	(64u << 10)

/**
 * ktm_jrec_bytes() - encoded size of a record
 * @type: enum ktm_jrec_type
 * @var: bytes of its variable part (description, recovery information)
 *
 * Return: the size, or 0 for a type that is not known or a @var that is too large.
 */
u32 ktm_jrec_bytes(u16 type, u32 var);

/* The same for a record at hand; 0: it cannot be encoded (bad type, length, outcome). */
u32 ktm_jrec_size(const struct ktm_jrec *rec);

/* Writes ktm_jrec_size() bytes; returns that, or 0 and writes nothing. */
u32 ktm_jrec_encode(const struct ktm_jrec *rec, void *buf, u32 room);

/* Returns bytes consumed, or 0 and a sentence in *@why. */
u32 ktm_jrec_decode(struct ktm_jrec *rec, const void *buf, u32 avail, const char **why);

/* Of the data of a stream's record; taken before a place in the log is. */
u32 ktm_jrec_data_crc(const void *data, u32 len);

/* An encoded record of a stream gets its name, and the checksum that goes with it. */
void ktm_jrec_name(void *srec, u64 lsn, u32 data_crc);

/*
 * What a stream's record of @bytes in the log counts against its quota. Half as much again
 * is what its share of heads and padding may come to; the least is for what it takes of
 * memory and of restart areas.
 */
u64 ktm_srec_cost(u32 bytes);

/* Entry @n of a decoded part of an index. */
struct ktm_jsent ktm_jrec_sent(const struct ktm_jrec *rec, u32 n);

/* ---- superblock, decoded --------------------------------------------- */

struct ktm_jf_extent {
	u64 start;			/* byte on the device */
	u64 bytes;
};

struct ktm_jf_sb {
	struct ktm_guid uuid, tm_guid;
	u32 version, compat, ro_compat, incompat;
	u32 unit;
	u64 dev_bytes;			/* when it was formatted: behind it lies only the ring */
	u64 window;
	u64 created;
	struct ktm_jf_extent restart[2];
	u64 ring_lsn;
	u64 ring_bytes;			/* sum over the table */
	u32 ring_count;
	struct ktm_jf_extent ring[KTM_JF_RING_EXTENTS];
	u64 generation;
	u64 epoch;
	u64 start_lsn;
	u64 start_seq;
	u32 start_prev_crc;
	u32 restart_index;
	u64 restart_bytes;
	u32 restart_crc;
	u64 restart_lsn;
	u64 tail_lsn;
	bool stays;			/* not on the device: whatever its size, nothing grows */
};

/* @blk: KTM_JF_SB_BYTES bytes. */
void ktm_jf_sb_encode(const struct ktm_jf_sb *sb, void *blk);

/**
 * ktm_jf_sb_decode() - check one copy of the superblock
 * @blk: KTM_JF_SB_BYTES bytes as read
 * @dev_bytes: size of the device now
 * @place: where the copy was read, for the message
 * @sb: out, valid if 0 is returned
 * @fault: out, what is wrong otherwise
 *
 * Who writes looks at @ro_compat besides.
 *
 * Return: 0 or a negative errno (that of @fault).
 */
int ktm_jf_sb_decode(const void *blk, u64 dev_bytes, u64 place, struct ktm_jf_sb *sb,
		     struct ktm_jf_fault *fault);

/* Magic and checksum right? If so, what is wrong with it is not a torn write. */
bool ktm_jf_sb_whole(const void *blk);

/* Place of the second copy. It stays where it is when the device grows. */
static inline u64 ktm_jf_sb2_place(const struct ktm_jf_sb *sb)
{
	return sb->dev_bytes - sb->unit;
}

/*
 * Place of the signpost: the superblock as it was when format wrote it, or when an opening found
 * it broken. It is not one of the copies. Where the first copy is lost it says where the second is.
 */
static inline u64 ktm_jf_signpost_place(const struct ktm_jf_sb *sb)
{
	return sb->unit;
}

/**
 * ktm_jf_signpost() - where does a signpost say that the second copy is?
 * @blk: KTM_JF_SB_BYTES bytes as read
 * @dev_bytes: size of the device now
 * @place: where that was read
 *
 * Return: the place, or 0: it is no signpost.
 */
u64 ktm_jf_signpost(const void *blk, u64 dev_bytes, u64 place);

/* May one be written, or is its place some other part's? */
bool ktm_jf_signpost_free(const struct ktm_jf_sb *sb);

/* ---- LSN and place --------------------------------------------------- */

struct ktm_jf_seg {
	u64 place;			/* byte on the device */
	u32 bytes;
};

/**
 * ktm_jf_map() - where a span of the log lies
 * @sb: the journal
 * @lsn: first byte
 * @bytes: length, at most the ring
 * @segs: out, room for KTM_JF_MAX_SEGS
 *
 * Return: number of segments.
 */
int ktm_jf_map(const struct ktm_jf_sb *sb, u64 lsn, u32 bytes, struct ktm_jf_seg *segs);

/* ---- batches --------------------------------------------------------- */

/* What the next batch of a chain has to say of itself. */
struct ktm_jf_link {
	u64 lsn;
	u64 seq;
	u32 prev_crc;
};

struct ktm_jf_batch {
	u64 lsn, seq, flushed_lsn;
	u32 bytes, used, records, crc, prev_crc;
};

/* What a batch belongs to; restart areas and the ring differ in @flags. */
struct ktm_jf_chain {
	struct ktm_guid uuid;
	u64 epoch;
	u32 unit;
	u32 flags;
};

/* Fills in the head and the checksum; the records and zeroed padding are in place. */
u32 ktm_jf_batch_seal(const struct ktm_jf_chain *chain, const struct ktm_jf_link *link,
		      u64 flushed_lsn, u32 used, u32 records, void *buf);

/* Head plausible, of this chain and at this LSN? Its length goes to *@bytes. */
bool ktm_jf_batch_peek(const struct ktm_jf_chain *chain, u64 lsn, const void *head, u32 *bytes);

/* All of it there and whole? @avail bytes are in @buf. Does not look at seq and prev_crc. */
bool ktm_jf_batch_verify(const struct ktm_jf_chain *chain, u64 lsn, const void *buf, u32 avail,
			 struct ktm_jf_batch *out);

/* ---- making a journal ------------------------------------------------ */

/**
 * struct ktm_jf_params - what ktm_jf_format() is told
 * @dev_bytes: size of the device
 * @logical: its logical block size
 * @physical: its physical block size
 * @restart_bytes: size of one restart extent; 0: an eighth of the device
 * @window: W, at most 64 MiB; 0: a quarter of the ring, at most 4 MiB
 * @uuid: random, of the journal
 * @tm_guid: of the transaction manager
 * @epoch: random
 * @created: seconds since 1970
 * @fixed: what lies behind @dev_bytes is not the journal's, now or later
 */
struct ktm_jf_params {
	u64 dev_bytes;
	u32 logical, physical;
	u64 restart_bytes;
	u64 window;
	struct ktm_guid uuid, tm_guid;
	u64 epoch;
	u64 created;
	bool fixed;
};

/**
 * ktm_jf_format() - compute a new journal
 * @p: what is wanted
 * @sb: out, the geometry and the first superblock
 * @fault: out, why not
 *
 * The caller then, each step flushed before the next: overwrites with zeros the units at place 0
 * and at ktm_jf_sb2_place(); writes the encoded @sb, in a unit of its own that is zero behind it,
 * at ktm_jf_signpost_place(), at place 0, at ktm_jf_sb2_place(). Whatever the ring holds from
 * before is of another epoch and uuid.
 *
 * Return: 0 or a negative errno.
 */
int ktm_jf_format(const struct ktm_jf_params *p, struct ktm_jf_sb *sb, struct ktm_jf_fault *fault);

/* Smallest device that ktm_jf_format() takes for this unit. */
u64 ktm_jf_min_bytes(u32 unit);

/* Write unit for a device. 0: none fits. */
u32 ktm_jf_unit(u32 logical, u32 physical);

/* ---- growing ---------------------------------------------------------- */

/* How many bytes of the device lie behind all that the journal uses; 0: too few to bother. */
u64 ktm_jf_growth(const struct ktm_jf_sb *sb, u64 dev_bytes);

/**
 * ktm_jf_grow() - take what the device has gained into the ring
 * @sb: a superblock that is to be written, tail_lsn in place; changed only if it works
 * @dev_bytes: size of the device now
 * @upto: on a unit: as long as one copy of the superblock says less, nothing is written at this
 *	LSN or behind it
 *
 * From tail_lsn to @upto each LSN keeps its place, so the old superblock and the new one read
 * the same log. All other room of the ring comes behind that, in a new order.
 *
 * Return: false if there is nothing to gain, or the table has no room for it.
 */
bool ktm_jf_grow(struct ktm_jf_sb *sb, u64 dev_bytes, u64 upto);

/* Bytes of records that a restart extent holds for certain, however they are packed. */
u64 ktm_jf_live_capacity(const struct ktm_jf_sb *sb);

/* Bytes a live transaction takes there, with so many durable enlistments of so much information. */
u64 ktm_jf_live_tx_bytes(u32 enlistments, u32 info_len);

#endif /* KTM_CORE_JOURNAL_FORMAT_H */
