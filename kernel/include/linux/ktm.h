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
 * put functions may sleep, too, but wait neither for the device nor for anybody's lock. The
 * caller may hold mutexes of its own: ktm takes none but its own, keeps none, and does not
 * call drivers. Any thread may call anything at any time, but with what is just being put.
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

struct kvec;

/* ---- transaction managers ---- */

struct ktm_tm;

struct ktm_tm *ktm_tm_get_from_fd(int fd, u32 rights, u32 *status);
void ktm_tm_put(struct ktm_tm *tm);

/* ---- log streams ---- */

/*
 * A driver's own use of a log stream, as a descriptor is a process's: with rights of its
 * own, its own records set aside, and its own view of reopenings.
 */
struct ktm_log_stream;

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

struct ktm_log_stream *ktm_log_stream_create(struct ktm_tm *tm, const char *name, u64 quota,
					     u32 access, u32 mode, struct ktm_guid *guid,
					     u32 *status);
struct ktm_log_stream *ktm_log_stream_open(struct ktm_tm *tm, const struct ktm_guid *guid,
					   u32 access, u32 *status);
struct ktm_log_stream *ktm_log_stream_open_name(struct ktm_tm *tm, const char *name, u32 access,
						struct ktm_guid *guid, u32 *status);
struct ktm_log_stream *ktm_log_stream_get_from_fd(int fd, u32 rights, u32 *status);
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
