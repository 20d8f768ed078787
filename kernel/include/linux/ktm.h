/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ktm - the kernel transaction manager: what drivers call.
 *
 * <uapi/linux/ktm.h> documents the objects, rights, flags, statuses and structs: they are
 * the same here. The functions are documented where they are defined, and
 * Documentation/kernel-api.md explains them with an example.
 *
 * How every function here answers:
 *
 *  - It returns 0 or more on success and a negative errno on failure; what makes or gets an
 *    object returns that, or the errno as ERR_PTR(). It never returns NULL.
 *  - Its last argument @status says where to put the precise status, one of enum
 *    ktm_status: errno tells only its class. It is written on success (PENDING and SUCCESS
 *    both return 0) and on failure. NULL if nobody wants to know.
 *
 * Where they may be called: in process context, without a spinlock, not from the I/O path of
 * the log's device; all but those that say so may sleep and allocate with GFP_KERNEL. The
 * put functions may sleep, too: those of a TM and of a stream not for the device, the others where
 * an answer to the same transaction waits for it. ktm_rm_put() and ktm_rm_disable_callbacks()
 * wait for a callback that runs. Else the caller may hold mutexes of its own: ktm takes none but
 * its own, keeps none, and calls drivers from workers only, and from Commit and Rollback with
 * KTM_CALL_WAIT, which wait for callbacks anyway. Any thread may call anything at any time, but
 * with what is just being put.
 *
 * Who the caller is: the credentials of current decide what may be opened, and whose an
 * object is that is made, which is then charged to that user's quota; of a kernel thread these
 * are root's. A descriptor is looked up in the table of current, so it is got in the
 * ioctl that names it; what is got may then be used by any thread.
 *
 * References: what a function returns is the caller's, to be put by the function that is
 * named there, once. Until then it keeps ktm.ko loaded and the transaction manager alive,
 * with its log's device in use, as an open descriptor would.
 */
#ifndef _LINUX_KTM_H
#define _LINUX_KTM_H

#include <linux/types.h>
#include <uapi/linux/ktm.h>

struct file;
struct kvec;
struct module;

/*
 * A driver's own uses of objects, as descriptors are a process's: with rights of their own, which
 * each call looks at.
 */
struct ktm_tm_use;
struct ktm_rm_use;
struct ktm_transaction_use;
struct ktm_enlistment_use;
struct ktm_log_stream;

/* ---- transaction managers ---- */

struct ktm_tm_use *ktm_tm_create(struct file *device, u32 flags, u32 access, u32 mode,
				 struct ktm_guid *guid, u32 *status);
struct ktm_tm_use *ktm_tm_open(const struct ktm_guid *guid, u32 access, u32 *status);
struct ktm_tm_use *ktm_tm_open_log(struct file *device, u32 access, struct ktm_guid *guid,
				   u32 *status);
struct ktm_tm_use *ktm_tm_get_from_fd(int fd, u32 rights, u32 *status);
int ktm_tm_to_fd(struct ktm_tm_use *tm, u32 access, u32 *status);
void ktm_tm_put(struct ktm_tm_use *tm);
int ktm_tm_recover(struct ktm_tm_use *tm, struct file *device, u32 *status);
int ktm_tm_rollforward(struct ktm_tm_use *tm, u64 clock, struct file *device, u32 *status);
int ktm_tm_rename(struct ktm_tm_use *tm, struct ktm_guid *guid, u32 *status);
int ktm_tm_offline(struct ktm_tm_use *tm, u32 *status);
int ktm_tm_query(struct ktm_tm_use *tm, u32 info_class, void *buffer, u32 *length, u32 *status);
int ktm_tm_enumerate(struct ktm_tm_use *tm, u32 kind, struct ktm_guid *cursor,
		     struct ktm_guid *guids, u32 *count, u32 *status);
int ktm_freeze_transactions(u64 freeze_timeout_ns, u64 thaw_timeout_ns, u32 *status);
int ktm_thaw_transactions(u32 *status);
int ktm_enumerate_objects(u32 kind, struct ktm_guid *cursor, struct ktm_guid *guids, u32 *count,
			  u32 *status);

/* ---- transactions ---- */

struct ktm_transaction_use *ktm_transaction_create(struct ktm_tm_use *tm, u32 flags, u32 access,
						   u32 mode, u64 timeout_ns,
						   const char *description, struct ktm_guid *uow,
						   u32 *status);
struct ktm_transaction_use *ktm_transaction_open(const struct ktm_guid *uow, u32 access,
						 u32 *status);
struct ktm_transaction_use *ktm_transaction_get_from_fd(int fd, u32 rights, u32 *status);
int ktm_transaction_to_fd(struct ktm_transaction_use *tx, u32 access, u32 *status);
void ktm_transaction_put(struct ktm_transaction_use *tx);
int ktm_transaction_commit(struct ktm_transaction_use *tx, u32 flags, u32 *status);
int ktm_transaction_rollback(struct ktm_transaction_use *tx, u32 flags, u32 *status);
int ktm_transaction_wait(struct ktm_transaction_use *tx, u64 timeout_ns, u32 *outcome,
			 u32 *status);
int ktm_transaction_query(struct ktm_transaction_use *tx, u32 info_class, void *buffer,
			  u32 *length, u32 *status);
int ktm_transaction_set(struct ktm_transaction_use *tx, u32 info_class, const void *buffer,
			u32 length, u32 *status);
struct ktm_guid ktm_transaction_id(const struct ktm_transaction_use *tx);
bool ktm_transaction_is_active(const struct ktm_transaction_use *tx);

/**
 * typedef ktm_commit_done - a commit is over
 * @context: as given to ktm_transaction_commit_async()
 * @err: 0: committed, and every RM that is there has finished; -ECANCELED: it was rolled back;
 *	-ENOTRECOVERABLE: in doubt
 * @status: the same as enum ktm_status
 *
 * Called once, in process context, by a worker. May sleep, and call everything in <linux/ktm.h>.
 * Many may run at once, but their number is bounded, 256 or more in the whole system: they must not
 * wait for each other.
 */
typedef void (*ktm_commit_done)(void *context, int err, u32 status);

int __ktm_transaction_commit_async(struct ktm_transaction_use *tx, ktm_commit_done done,
				   void *context, struct module *owner, u32 *status);

/* See __ktm_transaction_commit_async(); @done is of the module that says this. */
#define ktm_transaction_commit_async(tx, done, context, status)			\
	__ktm_transaction_commit_async(tx, done, context, THIS_MODULE, status)

/* ---- resource managers ---- */

struct ktm_rm_use *ktm_rm_create(struct ktm_tm_use *tm, u32 flags, u32 access, u32 mode,
				 const char *description, struct ktm_guid *guid, u32 *status);
struct ktm_rm_use *ktm_rm_open(struct ktm_tm_use *tm, const struct ktm_guid *guid, u32 flags,
			       u32 access, u32 *status);
struct ktm_rm_use *ktm_rm_get_from_fd(int fd, u32 rights, u32 *status);
int ktm_rm_to_fd(struct ktm_rm_use *rm, u32 access, u32 *status);
void ktm_rm_put(struct ktm_rm_use *rm);
int ktm_rm_recover(struct ktm_rm_use *rm, u32 *status);
int ktm_rm_get_notification(struct ktm_rm_use *rm, struct ktm_notification *notification,
			    u64 timeout_ns, u32 *status);
int ktm_rm_query(struct ktm_rm_use *rm, u32 info_class, const struct ktm_guid *enlistment,
		 void *buffer, u32 *length, u32 *status);
int ktm_rm_set(struct ktm_rm_use *rm, u32 info_class, const struct ktm_guid *enlistment,
	       const void *buffer, u32 length, u32 *status);
int ktm_rm_enumerate(struct ktm_rm_use *rm, struct ktm_guid *cursor, struct ktm_guid *guids,
		     u32 *count, u32 *status);
int ktm_rm_register_protocol(struct ktm_rm_use *rm, const struct ktm_guid *protocol, u32 flags,
			     const void *information, u32 length, u32 *status);
int ktm_rm_propagation_complete(struct ktm_rm_use *rm, u32 cookie, const void *buffer, u32 length,
				u32 *status);
int ktm_rm_propagation_failed(struct ktm_rm_use *rm, u32 cookie, u32 cause, u32 *status);

/* What a callback returns; or a negative errno. */
#define KTM_CALLBACK_HANDLED	0	/* done: ktm gives the answer */
#define KTM_CALLBACK_PENDING	1	/* the driver answers, now or later, or need not */

/**
 * typedef ktm_rm_callback - a driver is told a notification of its RM
 * @context: as given to ktm_rm_enable_callbacks()
 * @notification: what
 * @en: which enlistment, with what rights the RM's use has; NULL with LAST_RECOVER. Lent until the
 *	callback returns, and not to be put
 *
 * HANDLED answers PREPREPARE, PREPARE, COMMIT, SINGLE_PHASE_COMMIT and ROLLBACK with the matching
 * _complete, and RECOVER with the same key; of what has no answer, or has got it already, it says
 * nothing. An error rolls the transaction back while it still can be by an RM (PREPREPARE, PREPARE,
 * SINGLE_PHASE_COMMIT, and what a superior is told before it decides); afterwards it is as PENDING,
 * and in the kernel log.
 *
 * It is called in process context, with the credentials of a kernel thread: by the thread that
 * waits in Commit or Rollback of the transaction, unless that is in a callback already, or by a
 * worker, of which its RM has some for itself. Of each enlistment one at a time, in its order; of
 * several at the same time, so what they share needs a lock. It may sleep, and call everything in
 * <linux/ktm.h>, for its own transaction, too, and wait for the commit of others; but to wait there
 * for what only it can bring about is to wait for ever. That holds up this transaction and who
 * waits for it, nobody else. LAST_RECOVER comes when the callbacks of all RECOVERs have returned.
 *
 * Who waits may have a signal. A callback that returns -EINTR there, or another error while that
 * thread has one, has not been told: a worker, which has none, calls it again with the same.
 *
 * Return: KTM_CALLBACK_ or a negative errno.
 */
typedef int (*ktm_rm_callback)(void *context, const struct ktm_notification *notification,
			       struct ktm_enlistment_use *en);

int __ktm_rm_enable_callbacks(struct ktm_rm_use *rm, ktm_rm_callback callback, void *context,
			      struct module *owner, u32 *status);

/* See __ktm_rm_enable_callbacks(); the callback is of the module that says this. */
#define ktm_rm_enable_callbacks(rm, callback, context, status)			\
	__ktm_rm_enable_callbacks(rm, callback, context, THIS_MODULE, status)

int ktm_rm_disable_callbacks(struct ktm_rm_use *rm, u32 *status);

/* ---- enlistments ---- */

struct ktm_log_record;

/**
 * struct ktm_answer_stream - what an answer of a durable enlistment brings for a log stream
 * @stream: a use with KTM_STREAM_APPEND, of the same TM
 * @record: a record that goes into the log before the answer's own: in: its flags
 *	(KTM_STREAM_RESTART or 0), links and base; out: its LSN, 0 if there is none; or NULL
 * @pieces: where the data of @record is
 * @count: how many pieces, 0 to KTM_MAX_STREAM_PIECES
 * @need_records: PREPARE_COMPLETE: records that room is set aside for, see struct ktm_answer
 * @need_bytes: of data in those
 */
struct ktm_answer_stream {
	struct ktm_log_stream *stream;
	struct ktm_log_record *record;
	const struct kvec *pieces;
	size_t count;
	u32 need_records;
	u64 need_bytes;
};

struct ktm_enlistment_use *ktm_enlistment_create(struct ktm_rm_use *rm,
						 struct ktm_transaction_use *tx, u32 flags,
						 u32 mask, u64 key, u32 access, u32 mode,
						 struct ktm_guid *guid, u32 *status);
int ktm_rm_enlist(struct ktm_rm_use *rm, struct ktm_transaction_use *tx, u32 flags, u32 mask,
		  u64 key, u32 mode, struct ktm_guid *guid, u32 *status);
struct ktm_enlistment_use *ktm_enlistment_open(struct ktm_rm_use *rm, const struct ktm_guid *guid,
					       u32 access, u32 *status);
struct ktm_enlistment_use *ktm_enlistment_get_from_fd(int fd, u32 rights, u32 *status);
int ktm_enlistment_to_fd(struct ktm_enlistment_use *en, u32 access, u32 *status);
void ktm_enlistment_put(struct ktm_enlistment_use *en);
int ktm_enlistment_preprepare_complete(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_prepare_complete(struct ktm_enlistment_use *en, const void *information,
				    u32 length, const struct ktm_answer_stream *stream, u64 clock,
				    u32 *status);
int ktm_enlistment_commit_complete(struct ktm_enlistment_use *en,
				   const struct ktm_answer_stream *stream, u64 clock, u32 *status);
int ktm_enlistment_rollback_complete(struct ktm_enlistment_use *en,
				     const struct ktm_answer_stream *stream, u64 clock,
				     u32 *status);
int ktm_enlistment_read_only(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_single_phase_reject(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_rollback(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_request_outcome(struct ktm_enlistment_use *en, u32 *status);
int ktm_enlistment_recover(struct ktm_enlistment_use *en, u64 key, u32 *status);
int ktm_enlistment_preprepare(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_prepare(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_commit(struct ktm_enlistment_use *en, u64 clock, u32 *status);
int ktm_enlistment_query(struct ktm_enlistment_use *en, u32 info_class, void *buffer, u32 *length,
			 u32 *status);
int ktm_enlistment_set(struct ktm_enlistment_use *en, u32 info_class, const void *buffer,
		       u32 length, u32 *status);
int ktm_enlistment_reference_key(struct ktm_enlistment_use *en, u64 *key, u32 *status);
int ktm_enlistment_dereference_key(struct ktm_enlistment_use *en, bool *last, u32 *status);

/* ---- log streams ---- */

/*
 * A use of a log stream (struct ktm_log_stream) also has its own records set aside, and its own
 * view of reopenings.
 */

/**
 * struct ktm_log_record - what a record is besides its data
 * @lsn: out: its name, greater than that of every record before it
 * @previous_lsn: an earlier record, for KTM_STREAM_PREVIOUS_LINK, or 0
 * @undo_next_lsn: the same, for KTM_STREAM_UNDO_LINK
 * @base_lsn: appending with KTM_STREAM_RESTART: where to advance the base to, or 0; reading: 0
 * @flags: appending: KTM_STREAM_RESTART, _RESERVED, _DURABLE; reading: KTM_STREAM_RESTART or 0
 * @length: out: bytes of data
 */
struct ktm_log_record {
	u64 lsn;
	u64 previous_lsn;
	u64 undo_next_lsn;
	u64 base_lsn;
	u32 flags;
	u32 length;
};

struct ktm_log_stream *ktm_log_stream_create(struct ktm_tm_use *tm, const char *name, u64 quota,
					     u32 access, u32 mode, struct ktm_guid *guid,
					     u32 *status);
struct ktm_log_stream *ktm_log_stream_open(struct ktm_tm_use *tm, const struct ktm_guid *guid,
					   u32 access, u32 *status);
struct ktm_log_stream *ktm_log_stream_open_name(struct ktm_tm_use *tm, const char *name, u32 access,
						struct ktm_guid *guid, u32 *status);
struct ktm_log_stream *ktm_log_stream_get_from_fd(int fd, u32 rights, u32 *status);
int ktm_log_stream_to_fd(struct ktm_log_stream *stream, u32 access, u32 *status);
void ktm_log_stream_put(struct ktm_log_stream *stream);

int ktm_log_stream_append(struct ktm_log_stream *stream, const struct kvec *pieces, size_t count,
			  struct ktm_log_record *record, u32 *status);
int ktm_log_stream_reserve(struct ktm_log_stream *stream, u32 records, u64 bytes, u32 *status);
int ktm_log_stream_unreserve(struct ktm_log_stream *stream, u32 records, u64 bytes, u32 *status);
int ktm_log_stream_read(struct ktm_log_stream *stream, u32 where, u64 lsn, void *buffer,
			size_t length, struct ktm_log_record *record, u32 *status);
int ktm_log_stream_flush(struct ktm_log_stream *stream, u32 flags, u64 lsn, u64 *flushed_lsn,
			 u32 *status);
__poll_t ktm_log_stream_poll(struct ktm_log_stream *stream);
int ktm_log_stream_advance(struct ktm_log_stream *stream, u64 lsn, u32 *status);
int ktm_log_stream_truncate(struct ktm_log_stream *stream, u64 lsn, u32 *status);
int ktm_log_stream_query(struct ktm_log_stream *stream, struct ktm_stream_info *info,
			 u32 *status);
int ktm_log_stream_set_quota(struct ktm_log_stream *stream, u64 quota, u32 *status);
int ktm_log_stream_delete(struct ktm_log_stream *stream, u32 *status);

#endif /* _LINUX_KTM_H */
