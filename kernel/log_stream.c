// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call: log streams, from <linux/ktm.h>. Here kernel memory is copied and statuses
 * become errnos; all else is done by what the ioctls go through, too.
 */
#include <linux/err.h>
#include <linux/ktm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "status.h"
#include "stream.h"
#include "use.h"

/* ---- making, finding, closing ---- */

static struct ktm_log_stream *stream_begin(struct ktm_stream *s, u32 access,
					   struct ktm_new_fd *nfd, u32 *status)
{
	u32 ret = ktm_handle_create(&s->obj, access, 0, nfd);

	return container_of(ktm_use_made(ret, nfd, status), struct ktm_log_stream, handle);
}

static u32 take_name(struct ktm_stream_name *name, const char *from)
{
	size_t length = strnlen(from, KTM_MAX_STREAM_NAME + 1);

	if (!length || length > KTM_MAX_STREAM_NAME)
		return KTM_STATUS_INVALID_PARAMETER;
	name->length = length;
	memcpy(name->text, from, length);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_log_stream_create - make a log stream
 * @tm: a use of a TM that is online, with KTM_TM_CREATE_RM
 * @name: its name, unique in the TM, 1 to KTM_MAX_STREAM_NAME bytes of UTF-8 and a NUL
 * @quota: bytes of the log that it may take, see struct ktm_stream_create
 * @access: KTM_STREAM_*, what the caller may do with what is returned
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @guid: in: the wanted GUID or nil; out: the stream's; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_CREATE. It is current's: owned by its fsuid, and charged to
 * that user. Durable when this returns.
 *
 * Reference: CreateLogFile(), of CLFS
 * Rights: KTM_TM_CREATE_RM on @tm
 * Holds: gives a use, to be put with ktm_log_stream_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also for the device; SIGKILL ends that, and a signal the wait
 * for room in the log; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: @name, @quota, @access or @mode
 * * -EACCES: no such right on @tm
 * * -EOPNOTSUPP: the TM has no log
 * * -ENOTCONN: the TM is not online
 * * -EEXIST: the name or the GUID is taken
 * * -EDQUOT: the user has as many objects, or as much of the log, as he may
 * * -ENOSPC: the log has no room for another such quota
 * * -ENOMEM: no memory
 * * -EIO: the log failed, and it may be there when that is opened again
 * * -EINTR: a signal ended the wait for room in the log; or killed, then it may be there
 */
struct ktm_log_stream *ktm_log_stream_create(struct ktm_tm_use *tm, const char *name, u64 quota,
					     u32 access, u32 mode, struct ktm_guid *guid,
					     u32 *status)
{
	static const struct ktm_guid nil;
	struct ktm_new_fd nfd = KTM_NEW_USE;
	struct ktm_log_stream *stream;
	struct ktm_stream_name taken;
	struct ktm_stream *s;
	u32 ret;

	if (!ktm_may(&tm->handle, KTM_TM_CREATE_RM))
		return ktm_tell_ptr(KTM_STATUS_ACCESS_DENIED, status);
	ret = take_name(&taken, name);
	if (!ret)
		ret = ktm_stream_make(ktm_tm_of(tm->handle.obj), &taken, guid ? guid : &nil, mode,
				      access, quota, &s);
	if (ret)
		return ktm_tell_ptr(ret, status);
	stream = stream_begin(s, access, &nfd, status);
	if (IS_ERR(stream))
		goto put;
	ret = ktm_stream_enter(s, quota);
	if (ret) {
		ktm_log_stream_put(stream);
		stream = ktm_tell_ptr(ret, status);
		goto put;
	}
	if (guid)
		*guid = s->obj.guid;
put:
	ktm_object_put(&s->obj);
	return stream;
}
EXPORT_SYMBOL_GPL(ktm_log_stream_create);

static struct ktm_log_stream *open_one(struct ktm_tm_use *tm, const struct ktm_stream_name *name,
				       u32 access, struct ktm_guid *guid,
				       struct ktm_new_fd *nfd, u32 *status)
{
	struct ktm_log_stream *stream;
	u32 ret, granted;
	struct ktm_stream *s;

	ret = ktm_stream_find(ktm_tm_of(tm->handle.obj), name, guid, &s);
	if (ret)
		return ktm_tell_ptr(ret, status);
	ret = ktm_object_grant(&s->obj, access, &granted);
	stream = ret ? ktm_tell_ptr(ret, status) : stream_begin(s, granted, nfd, status);
	if (!IS_ERR(stream))
		*guid = s->obj.guid;
	ktm_object_put(&s->obj);
	return stream;
}

/**
 * ktm_log_stream_open - open a log stream by its GUID
 * @tm: a use of a TM that is online, with any right
 * @guid: the stream's
 * @access: wanted rights, KTM_STREAM_*, or KTM_MAXIMUM_ALLOWED
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_OPEN. Owner and mode say what current may.
 *
 * Reference: CreateLogFile(), of CLFS
 * Rights: none
 * Holds: gives a use, to be put with ktm_log_stream_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: the TM has no such stream
 * * -ENOTCONN: the TM is not online
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: owner and mode do not grant current what it wants
 * * -ENOMEM: no memory
 */
struct ktm_log_stream *ktm_log_stream_open(struct ktm_tm_use *tm, const struct ktm_guid *guid,
					   u32 access, u32 *status)
{
	struct ktm_new_fd nfd = KTM_NEW_USE;
	struct ktm_guid wanted = *guid;

	return open_one(tm, NULL, access, &wanted, &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_open);

/**
 * ktm_log_stream_open_name - open a log stream by its name
 * @tm: a use of a TM that is online, with any right
 * @name: the stream's, with a NUL
 * @access: wanted rights, KTM_STREAM_*, or KTM_MAXIMUM_ALLOWED
 * @guid: out: its GUID; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * Else as ktm_log_stream_open().
 *
 * Reference: CreateLogFile(), of CLFS
 * Rights: none
 * Holds: gives a use, to be put with ktm_log_stream_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: the TM has no such stream
 * * -ENOTCONN: the TM is not online
 * * -EINVAL: no rights, unknown ones, or no name
 * * -EACCES: owner and mode do not grant current what it wants
 * * -ENOMEM: no memory
 */
struct ktm_log_stream *ktm_log_stream_open_name(struct ktm_tm_use *tm, const char *name, u32 access,
						struct ktm_guid *guid, u32 *status)
{
	struct ktm_new_fd nfd = KTM_NEW_USE;
	struct ktm_stream_name taken;
	struct ktm_guid found;
	u32 ret = take_name(&taken, name);

	if (ret)
		return ktm_tell_ptr(ret, status);
	return open_one(tm, &taken, access, guid ? guid : &found, &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_open_name);

/**
 * ktm_log_stream_get_from_fd - a use of the log stream behind a descriptor
 * @fd: a descriptor of current's
 * @rights: KTM_STREAM_*: the descriptor must carry all of them, and the use has no others
 * @status: out: enum ktm_status, or NULL
 *
 * It is another use than the descriptor's: what was set aside through that stays there, and the
 * descriptor may be closed. A stream that was deleted meanwhile can be had, and says so when it is
 * used.
 *
 * Reference: ObReferenceObjectByHandle()
 * Rights: those of the descriptor
 * Holds: gives a use, to be put with ktm_log_stream_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EBADF: current has no such descriptor
 * * -EBADFD: the descriptor is not that of a log stream
 * * -EACCES: the descriptor lacks some of @rights
 * * -ENOMEM: no memory
 */
struct ktm_log_stream *ktm_log_stream_get_from_fd(int fd, u32 rights, u32 *status)
{
	return container_of(ktm_use_get_from_fd(fd, KTM_KIND_STREAM, rights, _RET_IP_, status),
			    struct ktm_log_stream, handle);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_get_from_fd);

/**
 * ktm_log_stream_to_fd - a descriptor of the log stream of a use
 * @stream: a use
 * @access: KTM_STREAM_*, rights of the descriptor, all of which the use has
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_NARROW. What was set aside through the use stays there.
 *
 * Reference: ObOpenObjectByPointer()
 * Rights: @access, which may be any
 * Holds: gives a descriptor, O_CLOEXEC, which is current's to close
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: the descriptor, or:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: the use lacks some of @access
 * * -EMFILE: current, or the machine, can have no more descriptors
 * * -ENOMEM: no memory
 */
int ktm_log_stream_to_fd(struct ktm_log_stream *stream, u32 access, u32 *status)
{
	return ktm_use_to_fd(&stream->handle, access, status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_to_fd);

/**
 * ktm_log_stream_put - the caller does not use a log stream any more
 * @stream: what a function above returned
 *
 * The kernel form of closing its descriptor: what was set aside through it goes back, flushes that
 * were begun and not waited for go on or not. Nobody may be in a call with it.
 *
 * Reference: CloseHandle(), of CLFS
 * Rights: none
 * Holds: takes that of the use
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep, but not for the device; from a callback, too.
 */
void ktm_log_stream_put(struct ktm_log_stream *stream)
{
	ktm_use_put(&stream->handle);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_put);

/* ---- records ---- */

/**
 * ktm_stream_gather - the data of a driver's record
 * @new: the record
 * @pieces: where it is
 * @count: of those, seen by ktm_stream_new_init()
 * @patient: wait for memory instead of failing
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_gather(struct ktm_stream_new *new, const struct kvec *pieces, size_t count,
		      bool patient)
{
	size_t total = 0, at = 0, i;
	void *data;
	u32 status;

	for (i = 0; i < count; i++) {
		if (pieces[i].iov_len > KTM_MAX_STREAM_RECORD)
			return KTM_STATUS_INVALID_PARAMETER;
		total += pieces[i].iov_len;
	}
	status = ktm_stream_new_memory(new, total, patient, &data);
	if (status || !data)
		return status;
	for (i = 0; i < count; i++) {
		memcpy(data + at, pieces[i].iov_base, pieces[i].iov_len);
		at += pieces[i].iov_len;
	}
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_log_stream_append - add a record
 * @stream: a use with KTM_STREAM_APPEND
 * @pieces: where its data is, at most KTM_MAX_STREAM_RECORD bytes together; NULL without any
 * @count: how many pieces, 0 to KTM_MAX_STREAM_PIECES
 * @record: in: flags, links and base; out: its LSN, 0 if there is no record, and its length
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_APPEND, where struct ktm_stream_append says it all. Not durable
 * when it returns, but with KTM_STREAM_DURABLE. @pieces are not needed any more when it returns.
 *
 * If it fails and @record->lsn is not 0 then, the record is there, but is not known to be durable:
 * do not append it again.
 *
 * Reference: ReserveAndAppendLog(), of CLFS
 * Rights: KTM_STREAM_APPEND
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps: for memory, while the log is being cleaned, and with
 * KTM_STREAM_DURABLE for the device; a signal ends the waits; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: @count, @record, too much data, or more than what was set aside
 * * -EACCES: no such right
 * * -ENOMEM: no memory
 * * -ENOSPC: STREAM_FULL, the stream's quota, or LOG_FULL
 * * -ENOTCONN: the TM is not online
 * * -ESTALE: the TM was reopened: ktm_log_stream_query() first
 * * -ENOENT: the stream was deleted
 * * -EIO: the log failed
 * * -EINTR: a signal ended a wait
 */
int ktm_log_stream_append(struct ktm_log_stream *stream, const struct kvec *pieces, size_t count,
			  struct ktm_log_record *record, u32 *status)
{
	const bool patient = record->flags & KTM_STREAM_RESERVED;
	struct ktm_stream_new new;
	u32 ret;

	record->lsn = 0;
	ret = ktm_stream_may_append(&stream->handle, record->flags);
	if (ret)
		return ktm_tell(ret, status);
	ret = ktm_stream_new_init(&new, record, count);
	if (!ret)
		ret = ktm_stream_gather(&new, pieces, count, patient);
	if (!ret)
		ret = ktm_stream_new_ready(&new, patient);
	if (!ret)
		ret = ktm_stream_append(&stream->use, &new, true);
	record->lsn = new.lsn;
	record->length = new.length;
	ktm_stream_new_end(&new);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_append);

/**
 * ktm_log_stream_reserve - make sure of records to come
 * @stream: a use with KTM_STREAM_APPEND
 * @records: how many, at most 65536 in one call
 * @bytes: of data in them together
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_RESERVE. What is set aside belongs to this use: an append with
 * KTM_STREAM_RESERVED through it takes from that and can only fail with the device, or, with
 * KTM_STREAM_DURABLE, as ktm_log_stream_append() says. To put the use gives it back, as does a
 * reopening.
 *
 * Reference: AllocReservedLog(), of CLFS
 * Rights: KTM_STREAM_APPEND
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: 0, or, and nothing has changed:
 *
 * * -EINVAL: too many records
 * * -EACCES: no such right
 * * -ENOSPC: STREAM_FULL or LOG_FULL
 * * -ENOMEM: no memory
 * * -ENOTCONN: the TM is not online
 * * -ESTALE: the TM was reopened: ktm_log_stream_query() first
 * * -ENOENT: the stream was deleted
 * * -EINTR: a signal ended the wait for room in the log
 */
int ktm_log_stream_reserve(struct ktm_log_stream *stream, u32 records, u64 bytes, u32 *status)
{
	return ktm_tell(ktm_stream_call_reserve(&stream->handle, 0, records, bytes), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_reserve);

/**
 * ktm_log_stream_unreserve - give back what is not needed
 * @stream: a use with KTM_STREAM_APPEND
 * @records: how many
 * @bytes: of data
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_RESERVE with KTM_STREAM_UNRESERVE.
 *
 * Reference: FreeReservedLog(), of CLFS
 * Rights: KTM_STREAM_APPEND
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: more than there is
 * * -EACCES: no such right
 * * -ESTALE: a reopening has given it back
 * * -ENOENT: the stream was deleted
 * * -EINTR: killed while it waits
 */
int ktm_log_stream_unreserve(struct ktm_log_stream *stream, u32 records, u64 bytes, u32 *status)
{
	return ktm_tell(ktm_stream_call_reserve(&stream->handle, KTM_STREAM_UNRESERVE, records,
						bytes), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_unreserve);

static u32 give_record(const struct ktm_jrec *rec, void *buffer, size_t length,
		       struct ktm_log_record *record)
{
	ktm_stream_tell_record(rec, record);
	if (length < record->length)
		return KTM_STATUS_BUFFER_TOO_SMALL;
	if (record->length)
		memcpy(buffer, rec->srec.data, record->length);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_log_stream_read - read a record
 * @stream: a use with KTM_STREAM_READ
 * @where: enum ktm_stream_where: which record
 * @lsn: see there
 * @buffer: where its data goes; NULL if @length is 0
 * @length: bytes there
 * @record: out: all but the data
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_READ. Needs no look (ktm_log_stream_query()) after a reopening.
 *
 * Reference: ReadLogRecord(), of CLFS
 * Rights: KTM_STREAM_READ
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also for the device; SIGKILL ends that; from a callback, too.
 *
 * Return: 1: it is in @record and @buffer; 0: there is none such (NO_MORE_ENTRIES); or:
 *
 * * -EMSGSIZE: the data does not fit; @record is told
 * * -EINVAL: @where
 * * -EACCES: no such right
 * * -ENOENT: @lsn, or what it links to, names no live record, or the stream was deleted
 * * -EUCLEAN: what is on the device is not the record; @record->lsn says which one
 * * -EIO: the device does not give it; @record->lsn says which one
 * * -ENOTCONN: the TM is not online
 * * -ENOMEM: no memory
 * * -EINTR: killed
 */
int ktm_log_stream_read(struct ktm_log_stream *stream, u32 where, u64 lsn, void *buffer,
			size_t length, struct ktm_log_record *record, u32 *status)
{
	struct ktm_jrec rec;
	void *buf;
	u32 ret;
	int err;

	*record = (struct ktm_log_record){ };
	ret = ktm_stream_call_read(&stream->handle, where, lsn, &rec, &buf);
	if (ret == KTM_STATUS_LOG_CORRUPTION_DETECTED || ret == KTM_STATUS_IO_ERROR)
		record->lsn = rec.srec.lsn;
	if (ret)
		return ktm_tell(ret, status);
	ret = give_record(&rec, buffer, length, record);
	kvfree(buf);
	err = ktm_tell(ret, status);
	return err ? err : 1;
}
EXPORT_SYMBOL_GPL(ktm_log_stream_read);

/**
 * ktm_log_stream_flush - make records durable
 * @stream: a use with KTM_STREAM_APPEND
 * @flags: KTM_STREAM_NOWAIT: only begin, ktm_log_stream_poll() says when it is done; or 0
 * @lsn: up to and with this record; 0: all there are, bases and truncations, too
 * @flushed_lsn: out: of the stream's last durable record, 0: none, or INTERRUPTED; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_FLUSH.
 *
 * Reference: FlushLogToLsn(), of CLFS
 * Rights: KTM_STREAM_APPEND
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps for the device unless it only begins; a signal ends the wait,
 * and the flush goes on; from a callback, too.
 *
 * Return: 0: durable, or, with KTM_STREAM_NOWAIT (PENDING), begun; or:
 *
 * * -EINVAL: @flags, or @lsn is beyond the last record
 * * -EACCES: no such right
 * * -ENOSPC: LOG_FULL: no room to write it with
 * * -EIO: the log failed
 * * -ENOMEM: no memory
 * * -ENOTCONN: the TM is not online
 * * -ESTALE: the TM was reopened: ktm_log_stream_query() first
 * * -ENOENT: the stream was deleted
 * * -EINTR: a signal ended the wait
 */
int ktm_log_stream_flush(struct ktm_log_stream *stream, u32 flags, u64 lsn, u64 *flushed_lsn,
			 u32 *status)
{
	u64 flushed = 0;
	u32 ret = ktm_stream_call_flush(&stream->handle, flags, lsn, &flushed);

	if (flushed_lsn)
		*flushed_lsn = flushed;
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_flush);

/**
 * ktm_log_stream_poll - is all durable that was asked for?
 * @stream: a use
 *
 * What poll(2) on a descriptor of the stream says, without a wait: of flushes that were begun
 * through this use.
 *
 * Reference: none
 * Rights: none
 * Holds: takes none, gives none
 * Locks: any of the caller, spinlocks, too
 *
 * Context: Process context; does not sleep; from a callback, too.
 *
 * Return: EPOLLIN | EPOLLRDNORM: all is; 0: some is under way; EPOLLERR | EPOLLPRI: the log had no
 * room to write it with, flush again; EPOLLERR: the TM is not online, was reopened
 * (ktm_log_stream_query() first), or the stream was deleted.
 */
__poll_t ktm_log_stream_poll(struct ktm_log_stream *stream)
{
	return ktm_stream_poll(&stream->use);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_poll);

/* ---- its ends, its quota, itself ---- */

/**
 * ktm_log_stream_advance - records before an LSN are not needed any more
 * @stream: a use with KTM_STREAM_MANAGE
 * @lsn: the oldest that is still needed
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_ADVANCE. Not durable when it returns. Works in a full log.
 *
 * Reference: AdvanceLogBase(), of CLFS
 * Rights: KTM_STREAM_MANAGE
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: @lsn is below the base, or beyond the last record
 * * -EACCES: no such right
 * * -ENOTCONN: the TM is not online
 * * -ESTALE: the TM was reopened: ktm_log_stream_query() first
 * * -ENOENT: the stream was deleted
 * * -EINTR: killed while it waits
 */
int ktm_log_stream_advance(struct ktm_log_stream *stream, u64 lsn, u32 *status)
{
	return ktm_tell(ktm_stream_call_advance(&stream->handle, lsn), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_advance);

/**
 * ktm_log_stream_truncate - records behind an LSN are void
 * @stream: a use with KTM_STREAM_MANAGE
 * @lsn: the last that stays, 0: none
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_TRUNCATE. Not durable when it returns.
 *
 * Reference: TruncateLog(), of CLFS
 * Rights: KTM_STREAM_MANAGE
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: @lsn is beyond the last record
 * * -EACCES: no such right
 * * -ENOSPC: LOG_FULL
 * * -ENOTCONN: the TM is not online
 * * -ESTALE: the TM was reopened: ktm_log_stream_query() first
 * * -ENOENT: the stream was deleted
 * * -EINTR: a signal ended the wait for room in the log
 */
int ktm_log_stream_truncate(struct ktm_log_stream *stream, u64 lsn, u32 *status)
{
	return ktm_tell(ktm_stream_call_truncate(&stream->handle, lsn), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_truncate);

/**
 * ktm_log_stream_query - what a stream holds
 * @stream: a use with KTM_STREAM_QUERY_INFORMATION
 * @info: out
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_QUERY for KTM_INFO_STREAM_BASIC. After the TM was reopened this also
 * says: I know, and look at the records anew; until then other calls say -ESTALE. Its flushed_lsn
 * is what is durable.
 *
 * Reference: GetLogFileInformation(), of CLFS
 * Rights: KTM_STREAM_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -ENOENT: the stream was deleted
 * * -EINTR: killed while it waits
 */
int ktm_log_stream_query(struct ktm_log_stream *stream, struct ktm_stream_info *info, u32 *status)
{
	return ktm_tell(ktm_stream_call_info(&stream->handle, info), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_query);

/**
 * ktm_log_stream_set_quota - how much of the log a stream may take
 * @stream: a use with KTM_STREAM_SET_INFORMATION
 * @quota: bytes, see struct ktm_stream_create
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_SET for KTM_INFO_STREAM_QUOTA. More is charged to the stream's owner.
 * Durable when it returns.
 *
 * Reference: none
 * Rights: KTM_STREAM_SET_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also for the device; SIGKILL ends that, and a signal the wait
 * for room in the log; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: no such quota
 * * -EACCES: no such right
 * * -ENOSPC: STREAM_FULL, it holds more, or LOG_FULL
 * * -EDQUOT: the owner has as much of the log as he may
 * * -ENOTCONN: the TM is not online
 * * -ENOENT: the stream was deleted
 * * -EIO: the log failed, and which one holds is not known
 * * -EINTR: a signal ended the wait for room in the log; or killed, and which one holds is not
 *   known
 */
int ktm_log_stream_set_quota(struct ktm_log_stream *stream, u64 quota, u32 *status)
{
	return ktm_tell(ktm_stream_call_set_quota(&stream->handle, quota), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_set_quota);

/**
 * ktm_log_stream_delete - a stream and its records go for good
 * @stream: a use with KTM_STREAM_MANAGE; still to be put
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_STREAM_DELETE. Durable when it returns; all who use it are told that
 * it is gone.
 *
 * Reference: DeleteLogFile(), of CLFS
 * Rights: KTM_STREAM_MANAGE
 * Holds: takes none; @stream is still to be put
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also for the device; SIGKILL ends that, and a signal the wait
 * for room in the log; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EBUSY: enlistments have set aside room in it
 * * -ENOENT: it was deleted before
 * * -ENOTCONN: the TM is not online
 * * -ENOSPC: LOG_FULL
 * * -EIO: the log failed, and it may be gone
 * * -EINTR: a signal ended the wait for room in the log; or killed, and it may be gone
 */
int ktm_log_stream_delete(struct ktm_log_stream *stream, u32 *status)
{
	return ktm_tell(ktm_stream_call_delete(&stream->handle), status);
}
EXPORT_SYMBOL_GPL(ktm_log_stream_delete);
