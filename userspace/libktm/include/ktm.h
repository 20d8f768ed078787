/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libktm - transactions, resource managers and enlistments for programs.
 *
 * One function per call of <linux/ktm.h>, which documents the objects, rights,
 * flags and structs; the man pages (ktm(7) first) document the functions.
 *
 * How every function here answers:
 *
 *  - It returns 0 or more on success (a descriptor, where it makes one) and a
 *    negative errno on failure: `if (ret == -ECANCELED)`. errno itself is
 *    neither used nor promised.
 *  - Where an ioctl is made, the last argument @status says where to put the
 *    precise status, one of enum ktm_status: errno tells only its class. It is
 *    written on success (PENDING and SUCCESS both return 0) and on failure.
 *    NULL if nobody wants to know.
 *
 * The library keeps no state: every function may be called from any thread at
 * any time, and all that take descriptors (those that allocate excepted, which
 * say so) from signal handlers. Descriptors are closed by close(2).
 */
#ifndef KTM_H
#define KTM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <linux/ktm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KTM_DEVICE		"/dev/ktm"

/* ---- the device ---- */

/* Opens /dev/ktm. -ENOENT, -ENXIO or -ENODEV: the module is not loaded. */
int ktm_open_device(void);

/* The module's version and features. */
int ktm_get_version(int ktm, struct ktm_version *version, uint32_t *status);

/*
 * Lets no transaction of the machine commit until ktm_thaw(), or until
 * @thaw_timeout_ns have passed. Waits @freeze_timeout_ns for commits under way.
 */
int ktm_freeze(int ktm, uint64_t freeze_timeout_ns, uint64_t thaw_timeout_ns, uint32_t *status);
int ktm_thaw(int ktm, uint32_t *status);

/* ---- transaction managers ---- */

/*
 * Makes a TM and returns its descriptor. @device_fd: O_RDWR descriptor of a
 * formatted block device, or -1 with KTM_TM_VOLATILE. @guid: in and out, may be
 * NULL; when the TM is there already (-EEXIST) it says which one to open.
 */
int ktm_tm_create(int ktm, int device_fd, uint32_t flags, uint32_t access, uint32_t mode,
		  struct ktm_guid *guid, uint32_t *status);
int ktm_tm_open(int ktm, const struct ktm_guid *guid, uint32_t flags, uint32_t access,
		uint32_t *status);

/* The TM that has claimed the block device @device_fd. @guid: out, may be NULL. */
int ktm_tm_open_log(int ktm, int device_fd, uint32_t access, struct ktm_guid *guid,
		    uint32_t *status);

/* Reads the log and goes online. @device_fd: -1, or a new one for a TM that failed. */
int ktm_tm_recover(int tm, int device_fd, uint32_t *status);

/* The same, but what was decided after @virtual_clock counts as not decided. */
int ktm_tm_rollforward(int tm, int device_fd, uint64_t virtual_clock, uint32_t *status);

/* Another identity for a TM that is offline. @guid: in and out, nil or NULL: a new one. */
int ktm_tm_rename(int tm, struct ktm_guid *guid, uint32_t *status);

/* Ends a TM that was made with KTM_TM_PERSIST. -EBUSY: somebody still uses it. */
int ktm_tm_offline(int tm, uint32_t *status);

/* ---- resource managers ---- */

/* @guid: in and out, may be NULL. @description: UTF-8, may be NULL. */
int ktm_rm_create(int tm, uint32_t flags, uint32_t access, uint32_t mode, struct ktm_guid *guid,
		  const char *description, uint32_t *status);
int ktm_rm_open(int tm, const struct ktm_guid *guid, uint32_t flags, uint32_t access,
		uint32_t *status);
int ktm_rm_recover(int rm, uint32_t *status);

/*
 * Says where notifications are waited for: adds @rm to @epoll, with @key as the
 * data of its events, and leaves both with the RM, for ktm_rm_completion(). A
 * second call moves it; @epoll -1 takes it out.
 */
int ktm_rm_bind_completion(int rm, int epoll, uint64_t key, uint32_t *status);

/* How an RM is reached from afar. @flags: KTM_PROTOCOL_*. */
int ktm_rm_register_protocol(int rm, const struct ktm_guid *protocol, uint32_t flags,
			     const void *information, size_t length, uint32_t *status);
/* Answers to a notification that is never sent: always -ENOMSG. */
int ktm_propagation_complete(int rm, uint32_t cookie, const void *data, size_t length,
			     uint32_t *status);
/* @cause: enum ktm_status. */
int ktm_propagation_failed(int rm, uint32_t cookie, uint32_t cause, uint32_t *status);

/* ---- transactions ---- */

/*
 * Begins a transaction and returns its descriptor. @tm: its TM, or -1: that of
 * its first enlistment. @timeout_ns: 0 for never. @uow: in and out, may be NULL.
 */
int ktm_tx_create(int ktm, int tm, uint32_t flags, uint32_t access, uint32_t mode,
		  uint64_t timeout_ns, const char *description, struct ktm_guid *uow,
		  uint32_t *status);

/*
 * The same with everything that the call can take, isolation too. The library
 * sets @arg->size; the UOW is left in @arg->uow.
 */
int ktm_tx_create_with(int ktm, struct ktm_tx_create *arg, uint32_t *status);

/* The usual case: all rights, nobody else may open it, no time-out. @uow: out, may be NULL. */
int ktm_tx_begin(int ktm, int tm, const char *description, struct ktm_guid *uow, uint32_t *status);

int ktm_tx_open(int ktm, const struct ktm_guid *uow, uint32_t flags, uint32_t access,
		uint32_t *status);

/*
 * The library's own flag for commit, rollback and wait: a signal ends the wait
 * with -EINTR. Without it the library goes on waiting. Either way the commit or
 * rollback that was begun goes on in the kernel.
 */
#define KTM_WAIT_INTERRUPTIBLE	0x80000000u

#define KTM_WAIT_FOREVER	UINT64_MAX

/*
 * @flags: KTM_CALL_WAIT, KTM_WAIT_INTERRUPTIBLE. Without KTM_CALL_WAIT: returns 0
 * once the commit (rollback) has begun, status PENDING unless it is over already.
 * Commit with it: 0 committed, -ECANCELED rolled back, -ENOTRECOVERABLE in doubt.
 */
int ktm_tx_commit(int tx, uint32_t flags, uint32_t *status);
int ktm_tx_rollback(int tx, uint32_t flags, uint32_t *status);

/*
 * Changes the time-out, the isolation, the description: those whose
 * KTM_TX_SET_ bit is in @properties->set. Until Commit or a rollback.
 */
int ktm_tx_set_properties(int tx, const struct ktm_tx_properties *properties, uint32_t *status);

/* @flags: KTM_WAIT_INTERRUPTIBLE or 0. @outcome: enum ktm_tx_outcome, may be NULL. */
int ktm_tx_wait(int tx, uint32_t flags, uint64_t timeout_ns, uint32_t *outcome, uint32_t *status);

/*
 * Sends @length bytes and the transaction over a connected Unix socket. The
 * receiver gets a narrowed descriptor (KTM_TX_RESOURCE_MANAGER_RIGHTS): all but
 * to commit. Returns the bytes sent, which on a stream socket may be fewer; the
 * descriptor has then been sent. At least 1 byte.
 */
ssize_t ktm_tx_send(int socket, int tx, const void *data, size_t length, uint32_t *status);

/*
 * Receives what ktm_tx_send() sent. Returns the bytes received, 0: the peer has
 * closed. @tx: the descriptor (O_CLOEXEC), or -1 if none came. -EMSGSIZE: the
 * message is longer than @length; -EBADMSG: it brought more than one
 * descriptor. Then all that came is thrown away. What came may be a descriptor
 * of anything: ktm_enlist() refuses what is no transaction.
 */
ssize_t ktm_tx_recv(int socket, void *data, size_t length, int *tx);

/* ---- enlistments ---- */

/* Enlists the RM; it answers by GUID on its own descriptor. Returns 0. */
int ktm_enlist(int rm, int tx, uint32_t mask, uint64_t key, struct ktm_guid *enlistment,
	       uint32_t *status);

/* The same with a descriptor of the enlistment, which it returns. */
int ktm_enlist_fd(int rm, int tx, uint32_t mask, uint64_t key, uint32_t access, uint32_t mode,
		  struct ktm_guid *enlistment, uint32_t *status);

/*
 * Enlists the RM as the one that drives the commit and decides. @access 0: it
 * calls by GUID on its own descriptor, and 0 is returned; else a descriptor of
 * the enlistment is.
 */
int ktm_enlist_superior(int rm, int tx, uint32_t mask, uint64_t key, uint32_t access,
			uint32_t mode, struct ktm_guid *enlistment, uint32_t *status);

int ktm_en_open(int rm, const struct ktm_guid *enlistment, uint32_t flags, uint32_t access,
		uint32_t *status);

/*
 * Answers. @fd: an enlistment, @enlistment NULL; or its RM, @enlistment says
 * which one.
 */
int ktm_preprepare_complete(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_prepare_complete(int fd, const struct ktm_guid *enlistment, const void *information,
			 size_t length, uint32_t *status);
int ktm_commit_complete(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_rollback_complete(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_read_only(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_single_phase_reject(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_en_rollback(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_en_recover(int fd, const struct ktm_guid *enlistment, uint64_t key, uint32_t *status);
/* One that has prepared wants to know the outcome now. */
int ktm_request_outcome(int fd, const struct ktm_guid *enlistment, uint32_t *status);

/*
 * A superior begins phase 0, phase 1, and decides: 0 with status PENDING, and the
 * matching _COMPLETE notification follows. @fd and @enlistment as above; to roll
 * back it calls ktm_en_rollback().
 */
int ktm_en_preprepare(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_en_prepare(int fd, const struct ktm_guid *enlistment, uint32_t *status);
int ktm_en_commit(int fd, const struct ktm_guid *enlistment, uint32_t *status);

/*
 * Each of these calls with everything that it can take: a virtual clock, the key
 * instead of the GUID. @request: its KTM_IOC_. The library sets @answer->size.
 */
int ktm_answer(int fd, uint32_t request, struct ktm_answer *answer, uint32_t *status);

/*
 * Recovery information before the vote; ktm_prepare_complete() can bring it with
 * the vote. Replaces what was there; @length 0 removes it.
 */
int ktm_en_set_information(int fd, const struct ktm_guid *enlistment, const void *information,
			   size_t length, uint32_t *status);

/* ---- log streams ---- */

/*
 * Makes a stream of the TM's log, durably. @quota: bytes of the log that it may
 * take; see struct ktm_stream_create. @mode: who may open it, 0: 0600. @guid: in and
 * out, may be NULL. Returns its descriptor; -EEXIST: the name or GUID is in use.
 */
int ktm_stream_create(int tm, const char *name, uint64_t quota, uint32_t access, uint32_t mode,
		      struct ktm_guid *guid, uint32_t *status);
int ktm_stream_open(int tm, const struct ktm_guid *guid, uint32_t access, uint32_t *status);
/* @guid: out, may be NULL. */
int ktm_stream_open_name(int tm, const char *name, uint32_t access, struct ktm_guid *guid,
			 uint32_t *status);
/* For good, with all its records. Other descriptors of it find it gone. */
int ktm_stream_delete(int stream, uint32_t *status);

/*
 * Adds a record made of @count pieces, KTM_MAX_STREAM_RECORD bytes at most. @flags:
 * KTM_STREAM_RESERVED: out of what was reserved; KTM_STREAM_DURABLE: waits until it
 * is durable. @previous_lsn, @undo_next_lsn: earlier records that it is linked to, or 0.
 * @lsn: out, may be NULL; set to 0 before: if it is not 0 after a failure, the record is there, but
 * is not known to be durable. Do not append it again: ktm_stream_flush().
 */
int ktm_stream_append(int stream, uint32_t flags, const struct iovec *pieces, size_t count,
		      uint64_t previous_lsn, uint64_t undo_next_lsn, uint64_t *lsn,
		      uint32_t *status);
/*
 * Adds a restart record, which KTM_STREAM_LAST_RESTART finds. @base_lsn: not 0: what is
 * older than that goes in the same step.
 */
int ktm_stream_restart(int stream, uint32_t flags, const struct iovec *pieces, size_t count,
		       uint64_t base_lsn, uint64_t *lsn, uint32_t *status);

/*
 * Fills in @append->pieces and count, for an answer that brings a record: at most
 * KTM_MAX_STREAM_PIECES. @room holds @count elements and lives as long as @append.
 * 0 or -EINVAL.
 */
int ktm_stream_gather(struct ktm_stream_append *append, struct ktm_stream_piece *room,
		      const struct iovec *pieces, size_t count);

/*
 * Sets room aside for @records to come with @bytes of data together; it belongs to this
 * descriptor. ktm_stream_unreserve() gives it back.
 */
int ktm_stream_reserve(int stream, uint32_t records, uint64_t bytes, uint32_t *status);
int ktm_stream_unreserve(int stream, uint32_t records, uint64_t bytes, uint32_t *status);

/**
 * struct ktm_stream_record - what a record is besides its data
 * @lsn: its name
 * @previous_lsn: see ktm_stream_append()
 * @undo_next_lsn: the same
 * @flags: KTM_STREAM_RESTART or 0
 * @length: bytes of data
 */
struct ktm_stream_record {
	uint64_t lsn;
	uint64_t previous_lsn;
	uint64_t undo_next_lsn;
	uint32_t flags;
	uint32_t length;
};

/*
 * Reads one record: which one, @where (enum ktm_stream_where) and @lsn say. 1: it is in
 * @record, which may be NULL, and its data in @buffer; 0: there is none such. -EMSGSIZE:
 * @record is filled in, the data does not fit. -ENOENT: @lsn, or what it links
 * to, names no record. -EUCLEAN, -EIO: it cannot be read, @record->lsn says which one.
 *
 *	for (lsn = 0; (ret = ktm_stream_read(stream, KTM_STREAM_NEXT, lsn, buffer,
 *					     sizeof(buffer), &record, NULL)) > 0;
 *	     lsn = record.lsn)
 *		...
 */
int ktm_stream_read(int stream, uint32_t where, uint64_t lsn, void *buffer, size_t length,
		    struct ktm_stream_record *record, uint32_t *status);

/*
 * Makes the records up to @lsn durable (0: all). @flags: KTM_STREAM_NOWAIT: only begins;
 * the descriptor polls POLLIN, and ktm_stream_wait() returns, when that is done.
 * @flushed_lsn: of the last durable one, may be NULL.
 */
int ktm_stream_flush(int stream, uint32_t flags, uint64_t lsn, uint64_t *flushed_lsn,
		     uint32_t *status);
/*
 * Waits until all that flushes were begun for is durable. -ETIMEDOUT; -EINTR; -ENOSPC: the
 * log had no room to write it with, flush again; -ENOTCONN: the TM is not online, or was
 * reopened meanwhile.
 */
int ktm_stream_wait(int stream, uint64_t timeout_ns, uint32_t *status);

/* Records before @lsn are not needed any more. */
int ktm_stream_advance(int stream, uint64_t lsn, uint32_t *status);
/* Records behind @lsn are void. */
int ktm_stream_truncate(int stream, uint64_t lsn, uint32_t *status);

/* After the log was reopened this also says: I know, and look at the records anew. */
int ktm_stream_query(int stream, struct ktm_stream_info *info, uint32_t *status);
int ktm_stream_set_quota(int stream, uint64_t quota, uint32_t *status);

/* The room in a TM's log, and who holds it. */
int ktm_tm_space(int tm, struct ktm_tm_space *space, uint32_t *status);

/* ---- notifications ---- */

/*
 * Reads whole records into @buffer, as many as are there and fit. Returns their
 * bytes. -EAGAIN: none waits (O_NONBLOCK). -EMSGSIZE: not even one fits.
 * @buffer should hold KTM_NOTIFICATION_ROOM bytes or more.
 */
#define KTM_NOTIFICATION_ROOM	4096

ssize_t ktm_read_notifications(int rm, void *buffer, size_t length);

/*
 * The same, but waits @timeout_ns for the first one, whatever O_NONBLOCK says:
 * -ETIMEDOUT. 0: does not wait. KTM_WAIT_FOREVER. A signal: -EINTR.
 */
ssize_t ktm_get_notifications(int rm, void *buffer, size_t length, uint64_t timeout_ns,
			      uint32_t *status);

/*
 * Gives @count answers (at most KTM_MAX_BATCH) and fetches what waits then, in
 * one system call. Each answer's status is in its @status; @done (may be NULL)
 * says how many were carried out, whatever is returned: they are not to be
 * repeated. The rest as ktm_get_notifications(); @buffer NULL: fetches nothing.
 */
ssize_t ktm_exchange(int rm, struct ktm_batch_answer *answers, size_t count, size_t *done,
		     void *buffer, size_t length, uint64_t timeout_ns, uint32_t *status);

/*
 * Walks over what was read. Start with *@offset 0. Returns 1 and the record in
 * @notification (its argument, if any, at *@argument, which may be NULL); 0 behind
 * the last; -EBADMSG if the bytes are no sequence of records. Kinds that the
 * library does not know are passed on.
 */
int ktm_next_notification(const void *buffer, size_t bytes, size_t *offset,
			  struct ktm_notification *notification, const void **argument);

/* ---- looking at objects ---- */

int ktm_tm_query(int tm, struct ktm_tm_info *info, uint32_t *status);
int ktm_rm_query(int rm, struct ktm_rm_info *info, uint32_t *status);
int ktm_tx_query(int tx, struct ktm_tx_info *info, uint32_t *status);

/* The journal's own identity; the TM's may have been changed by ktm_tm_rename(). */
int ktm_tm_log(int tm, struct ktm_guid *log, uint32_t *status);
/*
 * The path of its device, with a NUL. Returns its length without that.
 * -EMSGSIZE: it needs more than @room bytes; PATH_MAX is always enough.
 */
int ktm_tm_log_path(int tm, char *path, size_t room, uint32_t *status);
/* Where the log ended when it was opened. */
int ktm_tm_recovery_lsn(int tm, uint64_t *lsn, uint32_t *status);
/* 0 if it is online, else -ENOTCONN. */
int ktm_tm_online(int tm, uint32_t *status);

/* What ktm_rm_bind_completion() has left. */
int ktm_rm_completion(int rm, struct ktm_rm_completion *completion, uint32_t *status);

int ktm_tx_properties(int tx, struct ktm_tx_properties *properties, uint32_t *status);
/* -ENOENT if there is none. */
int ktm_tx_superior(int tx, struct ktm_en_pair *superior, uint32_t *status);

/* @fd and @enlistment as with the answers. */
int ktm_en_query(int fd, const struct ktm_guid *enlistment, struct ktm_en_info *info,
		 uint32_t *status);

/* The GUIDs by which the outside may know it. */
int ktm_en_crm(int fd, const struct ktm_guid *enlistment, struct ktm_en_crm *crm,
	       uint32_t *status);

/*
 * What was given to ktm_prepare_complete() or ktm_en_set_information().
 * *@length: in: room; out: all bytes there are; -EMSGSIZE if they did not fit.
 */
int ktm_en_information(int fd, const struct ktm_guid *enlistment, void *buffer, size_t *length,
		       uint32_t *status);

/* Who takes part. Allocates *@pairs, which the caller frees with free(3). */
int ktm_tx_enlistments(int tx, struct ktm_en_pair **pairs, size_t *count, uint32_t *status);

/*
 * Any class, for what the library has no function for. *@length: in: room; out:
 * bytes of the whole answer. @object: NULL, or which enlistment of an RM.
 */
int ktm_query(int fd, uint32_t info_class, const struct ktm_guid *object, void *buffer,
	      uint32_t *length, uint32_t *status);

/* The same for what can be set: the @length bytes at @buffer. */
int ktm_set(int fd, uint32_t info_class, const struct ktm_guid *object, const void *buffer,
	    size_t length, uint32_t *status);

/* One step of an enumeration, as KTM_IOC_ENUMERATE has it. */
int ktm_enumerate(int fd, uint32_t kind, struct ktm_guid *cursor, struct ktm_guid *guids,
		  uint32_t *count, uint32_t *status);

/*
 * All objects, one by one:
 *
 *	ktm_iter_init(&iter, fd, KTM_KIND_TM);
 *	while ((ret = ktm_iter_next(&iter, &guid, NULL)) > 0)
 *		...
 *
 * The fields are the library's. Nothing is to be freed.
 */
struct ktm_iter {
	int fd;
	uint32_t kind;
	uint32_t next;
	uint32_t count;
	struct ktm_guid cursor;
	struct ktm_guid guids[64];
};

void ktm_iter_init(struct ktm_iter *iter, int fd, uint32_t kind);
/* 1: one more, in @guid. 0: that was all. */
int ktm_iter_next(struct ktm_iter *iter, struct ktm_guid *guid, uint32_t *status);

/* A second descriptor of the same object with fewer rights. */
int ktm_narrow(int fd, uint32_t access, uint32_t *status);

/* ---- GUIDs ---- */

/* Length of a GUID as text ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"), with its NUL. */
#define KTM_GUID_STRING		37

/* 0, or -EINVAL if @text is no GUID; @guid is then as it was. */
int ktm_guid_parse(const char *text, struct ktm_guid *guid);
/* Returns @text. */
char *ktm_guid_format(const struct ktm_guid *guid, char text[KTM_GUID_STRING]);
void ktm_guid_generate(struct ktm_guid *guid);
bool ktm_guid_is_nil(const struct ktm_guid *guid);
bool ktm_guid_equal(const struct ktm_guid *a, const struct ktm_guid *b);

/* ---- statuses and names ---- */

/* "LOG_FULL"; NULL for a number that is none. */
const char *ktm_status_name(uint32_t status);
/* A sentence for a person, without a full stop; never NULL. */
const char *ktm_status_text(uint32_t status);
/* The errno that goes with it, 0 for the successes, EIO for what is not known. */
int ktm_status_errno(uint32_t status);

/* "active", "prepared", ...; "unknown" for a number that is none. */
const char *ktm_tm_state_name(uint32_t state);
const char *ktm_tx_state_name(uint32_t state);
const char *ktm_tx_outcome_name(uint32_t outcome);
const char *ktm_en_state_name(uint32_t state);
/* "PREPARE", "LAST_RECOVER", ...; "unknown" for what is not exactly one known bit. */
const char *ktm_notification_name(uint32_t kind);

#ifdef __cplusplus
}
#endif

#endif /* KTM_H */
