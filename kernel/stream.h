/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_STREAM_H
#define KTM_STREAM_H

#include <linux/ktm.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rhashtable-types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core/journal_copy.h"
#include "core/journal_picture.h"
#include "core/journal_replay.h"
#include "journal.h"
#include "object.h"
#include "tm.h"

/* ---- the index (stream_index.c) ---- */

/*
 * Where a live record is.
 *
 * @node: in ktm_sindex.by_lsn
 * @link: in ktm_sindex.by_place or .unread, or among the spare ones of a stream
 * @lsn: its name
 * @place: LSN of its first byte; 0: it is lost
 * @bytes: its length in the log
 * @flags: KTM_JREC_F_RESTART, KTM_JREC_F_LOST
 * @restarts: it, or one below it in ktm_sindex.by_lsn, is a restart record
 * @tried: ktm_scopy.area of the last one that tried it again
 * @failed: in ktm_sindex.unread: what is known of the tries to read it; else nothing failed
 */
struct ktm_sentry {
	struct rb_node node;
	struct list_head link;
	u64 lsn;
	u64 place;
	u32 bytes;
	u16 flags;
	bool restarts;
	u8 tried;
	struct ktm_jc_unread failed;
};

/*
 * The live records of a stream.
 *
 * @by_lsn: by name
 * @by_place: the one that lies first in the log is the first
 * @unread: those that could not be copied forward, in the same order
 * @records: how many
 * @lost: of these, that could not be read for too long: they have no place any more
 * @bytes: of data in them, each rounded up to 8
 * @used: what they count against the quota
 * @picture: a restart area is writing them down; NULL: none is
 */
struct ktm_sindex {
	struct rb_root by_lsn;
	struct list_head by_place;
	struct list_head unread;
	u64 records;
	u64 lost;
	u64 bytes;
	u64 used;
	struct ktm_jpic *picture;
};

int ktm_sindex_cache_init(void);
void ktm_sindex_cache_exit(void);
struct ktm_sentry *ktm_sentry_alloc(gfp_t gfp);
void ktm_sentry_free(struct ktm_sentry *e);

void ktm_sindex_init(struct ktm_sindex *ix);
bool ktm_sindex_add(struct ktm_sindex *ix, struct ktm_sentry *e);
void ktm_sindex_move(struct ktm_sindex *ix, struct ktm_sentry *e, u64 place);
void ktm_sindex_pass_over(struct ktm_sindex *ix, struct ktm_sentry *e);
void ktm_sindex_put_back(struct ktm_sindex *ix, struct list_head *list);
void ktm_sindex_lose(struct ktm_sindex *ix, struct ktm_sentry *e);
struct ktm_sentry *ktm_sindex_find(const struct ktm_sindex *ix, u64 lsn);
struct ktm_sentry *ktm_sindex_after(const struct ktm_sindex *ix, u64 lsn);
struct ktm_sentry *ktm_sindex_before(const struct ktm_sindex *ix, u64 lsn);
struct ktm_sentry *ktm_sindex_restart_before(const struct ktm_sindex *ix, u64 lsn);
struct ktm_sentry *ktm_sindex_oldest(const struct ktm_sindex *ix);
void ktm_sindex_cut_below(struct ktm_sindex *ix, u64 lsn);
void ktm_sindex_cut_above(struct ktm_sindex *ix, u64 lsn);
void ktm_sindex_clear(struct ktm_sindex *ix);
void ktm_sindex_sort(struct ktm_sindex *ix);
void ktm_sindex_swap(struct ktm_sindex *a, struct ktm_sindex *b);
bool ktm_sindex_slice(struct ktm_sindex *ix, u32 most);

/* ---- streams ---- */

/*
 * A log stream: an ordered set of records in its TM's log.
 *
 * @lock, a mutex, keeps everything below it. It is held across an append to the
 * journal, so that the records of a stream are in the log in the order of their
 * names, but never across a read, a force or a wait for room. Lock order: tm->lock,
 * rm->lock, tx->lock, this one, then spinlocks; one stream's at a time.
 *
 * @tm: with a reference
 * @payer: who is charged what it holds, ktm_stream_held(); NULL: nobody yet; fixed before it is
 *	published
 * @tm_link: in tm->streams, with a reference, until it is deleted or the TM goes; under
 *	tm->list_lock
 * @name_node: with @id_node in stream_table.c's tables
 * @joined: it has been in tm->streams: it may be found
 * @id: of its records in the log
 * @wait: pollers
 * @wake: wakes them, however many there are; on its way, it has a reference
 * @opening: how often the TM was reopened since it is here; read by pollers without the lock
 * @gone: it was deleted
 * @index: its live records
 * @quota: bytes of the log that those and what is set aside may take
 * @reserved: set aside, all together
 * @needs: enlistments for which something is
 * @spare: entries for the records that descriptors have set aside
 * @base: 0, or the oldest LSN that is needed
 * @base_owed: the log had no room for that base: it goes in front of the next record
 * @last: LSN of the newest record ever, 0: none
 * @restart: of the newest restart record that lives, 0: none
 * @known: end of the last record of any kind that the log has of it
 * @charged: bytes of restart area charged for it
 * @stuck: there is no memory to copy its records forward now; under tm->lock
 * @copy_node: in a ktm_sorder; under tm->lock
 * @copy_place: where the first record lay that is to be copied; under tm->lock
 * @tried: the last one that was only tried; under tm->lock
 * @give_back: for those who go while somebody else holds @lock; it tries again
 * @left_lock: of what those have left
 * @left_opening: the opening that it is of
 * @left_records: how many
 * @left_bytes: of the log
 * @found: while it is being built from the log, by one thread
 */
struct ktm_stream {
	struct ktm_object obj;
	struct ktm_tm *tm;
	struct ktm_user *payer;
	struct list_head tm_link;
	struct rhash_head name_node;
	struct rhash_head id_node;
	bool joined;
	u64 id;
	u32 name_length;
	u8 name[KTM_MAX_STREAM_NAME];
	wait_queue_head_t wait;
	struct work_struct wake;
	u64 opening;

	struct mutex lock;
	bool gone;
	struct ktm_sindex index;
	u64 quota;
	u64 reserved;
	u32 needs;
	struct list_head spare;
	u64 base;
	bool base_owed;
	u64 last;
	u64 restart;
	u64 known;
	u64 charged;
	bool stuck;
	struct rb_node copy_node;
	u64 copy_place;
	struct ktm_jsent tried;
	struct delayed_work give_back;
	spinlock_t left_lock;
	u64 left_opening;
	u32 left_records;
	u64 left_bytes;
	struct ktm_jp_stream found;
	struct rcu_head rcu;
};

static inline struct ktm_stream *ktm_stream_of(struct ktm_object *obj)
{
	return container_of(obj, struct ktm_stream, obj);
}

/* What it is charged of the log: under its lock, or where nobody knows it. */
static inline struct ktm_log_bytes ktm_stream_held(const struct ktm_stream *s)
{
	return (struct ktm_log_bytes){ .ring = s->quota, .area = s->charged };
}

/* One that is being made has its places in the tables, and may yet come to nothing. */
static inline bool ktm_stream_is_made(const struct ktm_stream *s)
{
	/* With ktm_stream_join(). */
	return smp_load_acquire(&s->joined);
}

/* What somebody calls a stream: 1 to KTM_MAX_STREAM_NAME bytes. */
struct ktm_stream_name {
	u32 length;
	u8 text[KTM_MAX_STREAM_NAME];
};

struct ktm_stream_ask;

/*
 * Somebody who uses a stream; all but @stream under its lock.
 *
 * @stream: kept by whoever has this
 * @opening: the opening of the TM that he has seen the stream after; read by pollers
 *	without the lock
 * @records: set aside for him
 * @bytes: of data in them
 * @ask: what he wants to be durable, NULL: he has never asked without waiting; made once,
 *	read by pollers without the lock
 */
struct ktm_stream_use {
	struct ktm_stream *stream;
	u64 opening;
	u32 records;
	u64 bytes;
	struct ktm_stream_ask *ask;
};

/* A descriptor of a stream, or a driver's own (<linux/ktm.h>). */
struct ktm_log_stream {
	struct ktm_handle handle;
	struct ktm_stream_use use;
};

/*
 * What an enlistment has set aside in a stream until its completion. Under the lock of its
 * transaction; @bytes counts against @stream->reserved.
 *
 * @stream: with a reference; NULL: nothing is set aside
 * @spare: for the record that comes with the completion
 * @bytes: of the log
 */
struct ktm_stream_need {
	struct ktm_stream *stream;
	struct ktm_sentry *spare;
	u64 bytes;
};

/*
 * A record on its way into a stream. Its data is copied and its checksum taken
 * before any lock is.
 *
 * @flags: KTM_STREAM_
 * @length: of @data
 * @crc: ktm_jrec_data_crc() of it
 * @previous: link
 * @undo_next: link
 * @base: where to advance the base to, 0: leave it
 * @data: kernel memory
 * @entry: for the index, used up; NULL: what is set aside has one
 * @lsn: out: its name
 */
struct ktm_stream_new {
	u32 flags;
	u32 length;
	u32 crc;
	u64 previous;
	u64 undo_next;
	u64 base;
	const void *data;
	struct ktm_sentry *entry;
	u64 lsn;
};

/*
 * A status that nobody is told: the log has no room now, ktm_stream_again() waits for
 * some, so many times at most.
 */
#define KTM_STREAM_NO_ROOM	U32_MAX
#define KTM_STREAM_TRIES	8

/* Records that one call may set aside. */
#define KTM_MAX_STREAM_RESERVE	65536

/*
 * What an answer brings for a stream.
 *
 * @use: the RM's
 * @append: a record, or NULL
 * @records: how many others it will still write
 * @bytes: of data in them together
 */
struct ktm_stream_answer {
	struct ktm_stream_use *use;
	struct ktm_stream_new *append;
	u32 records;
	u64 bytes;
};

/* log_stream.c */
struct kvec;

u32 ktm_stream_gather(struct ktm_stream_new *new, const struct kvec *pieces, size_t count,
		      bool patient);

/* stream.c */
u32 ktm_stream_make(struct ktm_tm *tm, const struct ktm_stream_name *name,
		    const struct ktm_guid *guid, u32 mode, u32 access, u64 quota,
		    struct ktm_stream **made);
u32 ktm_stream_enter(struct ktm_stream *s, u64 quota);
u32 ktm_stream_find(struct ktm_tm *tm, const struct ktm_stream_name *name,
		    const struct ktm_guid *guid, struct ktm_stream **found);
u32 ktm_stream_delete(struct ktm_stream *s);
u32 ktm_stream_set_quota(struct ktm_stream *s, u64 quota);
void ktm_stream_use_init(struct ktm_stream_use *use, struct ktm_stream *s);
void ktm_stream_use_end(struct ktm_stream_use *use);
u32 ktm_stream_check(struct ktm_stream *s, const struct ktm_stream_use *use);
u32 ktm_stream_info(struct ktm_stream_use *use, struct ktm_stream_info *info);
void ktm_stream_to_record(const struct ktm_stream *s, struct ktm_jrec *rec);
u64 ktm_stream_live_bytes(const struct ktm_stream *s, u64 quota);
struct ktm_stream *ktm_stream_alloc(struct ktm_tm *tm);
void ktm_stream_join(struct ktm_stream *s);
void ktm_stream_discard(struct ktm_stream *s);

/* stream_append.c */
u32 ktm_stream_append(struct ktm_stream_use *use, struct ktm_stream_new *new, bool upto_base);
u32 ktm_stream_append_locked(struct ktm_stream_use *use, struct ktm_stream_new *new,
			     struct ktm_stream_need *need);
u32 ktm_stream_log_base(struct ktm_stream *s);
u32 ktm_stream_advance(struct ktm_stream_use *use, u64 base);
u32 ktm_stream_truncate(struct ktm_stream_use *use, u64 last);
bool ktm_stream_again(struct ktm_tm *tm, u32 *status, int *tries);

/* stream_reserve.c */
u32 ktm_stream_reserve(struct ktm_stream_use *use, u32 records, u64 bytes);
u32 ktm_stream_unreserve(struct ktm_stream_use *use, u32 records, u64 bytes);
u64 ktm_stream_room(u32 records, u64 bytes);
u64 ktm_stream_left(struct ktm_stream *s);
u32 ktm_stream_need_reserve(struct ktm_stream_need *need, struct ktm_stream_use *use,
			    u32 records, u64 bytes);
void ktm_stream_need_end(struct ktm_stream_need *need);
void ktm_stream_need_void(struct ktm_stream_need *need);
void ktm_stream_void_use(struct ktm_stream *s);
void ktm_stream_take_left(struct ktm_stream *s);
void ktm_stream_leave(struct ktm_stream_use *use);
void ktm_stream_give_back_work(struct work_struct *work);

/* stream_flush.c */
u32 ktm_stream_flush(struct ktm_stream_use *use, u64 lsn, u64 opening, bool wait, u64 *flushed);
__poll_t ktm_stream_poll(const struct ktm_stream_use *use);
void ktm_stream_ask_forget(struct ktm_stream_use *use);
void ktm_stream_ask_end(struct ktm_stream_use *use);
void ktm_stream_wake(struct work_struct *work);

/* stream_read.c */
u32 ktm_stream_read(struct ktm_stream *s, u32 mode, u64 lsn, struct ktm_jrec *rec, void **buf);
int ktm_stream_decode(struct ktm_stream *s, const struct ktm_jsent *at, const void *buf,
		      struct ktm_jrec *rec);
int ktm_stream_load(struct ktm_stream *s, const struct ktm_jsent *at, void *buf,
		    struct ktm_jrec *rec);
struct ktm_jsent ktm_stream_sent(const struct ktm_sentry *e);
struct ktm_sentry *ktm_stream_still(struct ktm_stream *s, const struct ktm_jsent *at, u64 opening);

/*
 * A piece of the log that was read at once, for the records in it.
 *
 * @block: the device is read in such
 * @alone: what lies before this LSN is read record by record: something there cannot be read
 * @data: memory, NULL: none yet
 * @from: LSN where it begins
 * @end: and ends; the same: there is nothing
 * @last: end of the record that was wanted last
 * @bytes: how much was read at once
 */
struct ktm_sahead {
	u32 block;
	u64 alone;
	u8 *data;
	u64 from;
	u64 end;
	u64 last;
	u32 bytes;
};

/* stream_ahead.c */
void ktm_sahead_init(struct ktm_sahead *a, u32 block, u64 alone);
void ktm_sahead_end(struct ktm_sahead *a);
int ktm_sahead_get(struct ktm_sahead *a, struct ktm_journal *j, const struct ktm_jsent *at,
		   const u8 **data);

/*
 * What a restart area copies forward.
 *
 * @plan: which records
 * @ahead: what was read of them
 * @front: where the oldest record of all lay when it began
 * @area: which restart area that is
 * @copied: how many were
 * @vain_ns: time that went into reads that failed, or were only tries
 * @bad: where the last one of those began
 * @bad_end: and ended; 0: none has failed
 * @bad_err: why
 */
struct ktm_scopy {
	struct ktm_jc plan;
	struct ktm_sahead ahead;
	u64 front;
	u8 area;
	u64 copied;
	u64 vain_ns;
	u64 bad;
	u64 bad_end;
	int bad_err;
};

/* stream_copy.c */
void ktm_scopy_init(struct ktm_scopy *sc, struct ktm_tm *tm);
void ktm_scopy_end(struct ktm_scopy *sc, struct ktm_tm *tm);
bool ktm_scopy_tired(const struct ktm_scopy *sc);
int ktm_stream_copy_forward(struct ktm_stream *s, u64 below, struct ktm_scopy *sc);
int ktm_stream_copy_unread(struct ktm_stream *s, bool counts, struct ktm_scopy *sc);
int ktm_stream_try_reading(struct ktm_stream *s, struct ktm_scopy *sc);
u64 ktm_stream_next_copy(struct ktm_stream *s, u64 *unread);
unsigned int ktm_stream_retry_after(void);

/*
 * Whose records are to be copied forward, by the place of the first one.
 *
 * @first: of those who have some
 * @below: they lie before this
 * @unread: where the first one lay that could not be read
 */
struct ktm_sorder {
	struct rb_root_cached first;
	u64 below;
	u64 unread;
};

/* stream_order.c */
void ktm_sorder_init(struct ktm_sorder *o, u64 below);
void ktm_sorder_add(struct ktm_sorder *o, struct ktm_stream *s);
struct ktm_stream *ktm_sorder_first(struct ktm_sorder *o, u64 *second);

/* stream_recover.c */
u32 ktm_stream_create_recovered(struct ktm_tm *tm, const struct ktm_jrec *rec,
				struct ktm_stream **sp);
int ktm_stream_replay(struct ktm_stream *s, struct ktm_jp *jp, const struct ktm_jrec *rec);
void ktm_stream_replayed(struct ktm_stream *s);
void ktm_stream_quiet(struct ktm_stream *s);
void ktm_stream_publish_recovered(struct ktm_stream *s);
void ktm_stream_swap(struct ktm_stream *s, struct ktm_stream *found);
void ktm_stream_lost(struct ktm_stream *s);
int ktm_stream_snapshot(struct ktm_stream *s, int (*emit)(void *ctx, const struct ktm_jrec *rec),
			void *ctx);
u64 ktm_stream_oldest_place(struct ktm_stream *s);
int ktm_stream_tables_init(void);
void ktm_stream_tables_exit(void);
int ktm_stream_enter_tables(struct ktm_stream *s);
void ktm_stream_enter_tables_nofail(struct ktm_stream *s);
void ktm_stream_leave_tables(struct ktm_stream *s);
struct ktm_stream *ktm_stream_find_name(struct ktm_tm *tm, const u8 *name, u32 length);
struct ktm_stream *ktm_stream_find_guid(struct ktm_tm *tm, const struct ktm_guid *guid);
void ktm_stream_need_recovered(struct ktm_stream_need *need, struct ktm_stream *s, u64 bytes);

/* stream_call.c */
u32 ktm_stream_new_init(struct ktm_stream_new *new, const struct ktm_log_record *record,
			size_t pieces);
void *ktm_stream_get_memory(size_t bytes, bool patient);
u32 ktm_stream_new_memory(struct ktm_stream_new *new, size_t bytes, bool patient, void **memory);
u32 ktm_stream_new_ready(struct ktm_stream_new *new, bool patient);
void ktm_stream_new_end(struct ktm_stream_new *new);
u32 ktm_stream_may_append(const struct ktm_handle *handle, u32 flags);
u32 ktm_stream_call_reserve(struct ktm_handle *handle, u32 flags, u32 records, u64 bytes);
u32 ktm_stream_call_read(struct ktm_handle *handle, u32 mode, u64 lsn, struct ktm_jrec *rec,
			 void **buf);
u32 ktm_stream_call_flush(struct ktm_handle *handle, u32 flags, u64 lsn, u64 *flushed);
u32 ktm_stream_call_advance(struct ktm_handle *handle, u64 base);
u32 ktm_stream_call_truncate(struct ktm_handle *handle, u64 last);
u32 ktm_stream_call_delete(struct ktm_handle *handle);
u32 ktm_stream_call_info(struct ktm_handle *handle, struct ktm_stream_info *info);
u32 ktm_stream_call_set_quota(struct ktm_handle *handle, u64 quota);
void ktm_stream_tell_record(const struct ktm_jrec *rec, struct ktm_log_record *record);

/* stream_user.c */
u32 ktm_stream_copy_new(const struct ktm_stream_append *arg, bool patient,
			struct ktm_stream_new *new);
u32 ktm_stream_ioctl_create(struct ktm_handle *tm, struct ktm_stream_create *arg,
			    struct ktm_new_fd *nfd);
u32 ktm_stream_ioctl_open(struct ktm_tm *tm, struct ktm_stream_open *arg, struct ktm_new_fd *nfd);
u32 ktm_stream_ioctl_append(struct ktm_handle *handle, struct ktm_stream_append *arg);
u32 ktm_stream_ioctl_reserve(struct ktm_handle *handle, struct ktm_stream_reserve *arg);
u32 ktm_stream_ioctl_read(struct ktm_handle *handle, struct ktm_stream_read *arg);
u32 ktm_stream_ioctl_flush(struct ktm_handle *handle, struct ktm_stream_flush *arg);
u32 ktm_stream_ioctl_mark(struct ktm_handle *handle, unsigned int cmd,
			  const struct ktm_stream_mark *arg);
u32 ktm_stream_ioctl_delete(struct ktm_handle *handle, const struct ktm_call *arg);

static inline struct ktm_stream_use *ktm_stream_use_of(struct ktm_handle *handle)
{
	return &container_of(handle, struct ktm_log_stream, handle)->use;
}

#endif /* KTM_STREAM_H */
