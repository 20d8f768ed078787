// SPDX-License-Identifier: LGPL-2.1-or-later
/* Log streams: records of a resource manager within its TM's log. */
#include "internal.h"

#include <limits.h>
#include <poll.h>

#define NSEC_PER_MSEC	1000000ull

/* ---- streams ---- */

/* One that is too long the kernel refuses. */
static uint32_t name_length(const char *name)
{
	return name ? (uint32_t)strnlen(name, KTM_MAX_STREAM_NAME + 1) : 0;
}

KTM_EXPORT int ktm_stream_create(int tm, const char *name, uint64_t quota, uint32_t access,
				 uint32_t mode, struct ktm_guid *guid, uint32_t *status)
{
	struct ktm_stream_create arg = {
		.size = sizeof(arg),
		.access = access,
		.mode = mode,
		.guid = ktm_guid_or_nil(guid),
		.quota = quota,
		.name = ktm_pointer(name),
		.name_length = name_length(name),
	};
	int ret = ktm_call(tm, KTM_IOC_STREAM_CREATE, &arg, status);

	if (ret)
		return ret;
	if (guid)
		*guid = arg.guid;
	return arg.fd;
}

static int open_stream(int tm, struct ktm_stream_open *arg, struct ktm_guid *guid,
		       uint32_t *status)
{
	int ret = ktm_call(tm, KTM_IOC_STREAM_OPEN, arg, status);

	if (ret)
		return ret;
	if (guid)
		*guid = arg->guid;
	return arg->fd;
}

KTM_EXPORT int ktm_stream_open(int tm, const struct ktm_guid *guid, uint32_t access,
			       uint32_t *status)
{
	struct ktm_stream_open arg = {
		.size = sizeof(arg),
		.access = access,
		.guid = ktm_guid_or_nil(guid),
	};

	return open_stream(tm, &arg, NULL, status);
}

KTM_EXPORT int ktm_stream_open_name(int tm, const char *name, uint32_t access,
				    struct ktm_guid *guid, uint32_t *status)
{
	struct ktm_stream_open arg = {
		.size = sizeof(arg),
		.access = access,
		.name_length = name_length(name),
		.name = ktm_pointer(name),
	};

	return open_stream(tm, &arg, guid, status);
}

KTM_EXPORT int ktm_stream_delete(int stream, uint32_t *status)
{
	return ktm_simple_call(stream, KTM_IOC_STREAM_DELETE, status);
}

/* ---- records, written ---- */

static int append(int stream, struct ktm_stream_append *arg, const struct iovec *pieces,
		  size_t count, uint64_t *lsn, uint32_t *status)
{
	struct ktm_stream_piece room[KTM_MAX_STREAM_PIECES];
	int ret = ktm_stream_gather(arg, room, pieces, count);

	if (ret)
		return ktm_fail(ret, KTM_STATUS_INVALID_PARAMETER, status);
	ret = ktm_call(stream, KTM_IOC_STREAM_APPEND, arg, status);
	/* What fails while it waits to be durable: it is there all the same. */
	if (lsn && (!ret || arg->lsn))
		*lsn = arg->lsn;
	return ret;
}

KTM_EXPORT int ktm_stream_append(int stream, uint32_t flags, const struct iovec *pieces,
				 size_t count, uint64_t previous_lsn, uint64_t undo_next_lsn,
				 uint64_t *lsn, uint32_t *status)
{
	struct ktm_stream_append arg = {
		.size = sizeof(arg),
		.flags = flags,
		.previous_lsn = previous_lsn,
		.undo_next_lsn = undo_next_lsn,
	};

	return append(stream, &arg, pieces, count, lsn, status);
}

KTM_EXPORT int ktm_stream_restart(int stream, uint32_t flags, const struct iovec *pieces,
				  size_t count, uint64_t base_lsn, uint64_t *lsn,
				  uint32_t *status)
{
	struct ktm_stream_append arg = {
		.size = sizeof(arg),
		.flags = flags | KTM_STREAM_RESTART,
		.base_lsn = base_lsn,
	};

	return append(stream, &arg, pieces, count, lsn, status);
}

static int reserve(int stream, uint32_t flags, uint32_t records, uint64_t bytes, uint32_t *status)
{
	struct ktm_stream_reserve arg = {
		.size = sizeof(arg),
		.flags = flags,
		.records = records,
		.bytes = bytes,
	};

	return ktm_call(stream, KTM_IOC_STREAM_RESERVE, &arg, status);
}

KTM_EXPORT int ktm_stream_reserve(int stream, uint32_t records, uint64_t bytes, uint32_t *status)
{
	return reserve(stream, 0, records, bytes, status);
}

KTM_EXPORT int ktm_stream_unreserve(int stream, uint32_t records, uint64_t bytes, uint32_t *status)
{
	return reserve(stream, KTM_STREAM_UNRESERVE, records, bytes, status);
}

/* ---- records, read ---- */

KTM_EXPORT int ktm_stream_read(int stream, uint32_t where, uint64_t lsn, void *buffer,
			       size_t length, struct ktm_stream_record *record, uint32_t *status)
{
	struct ktm_stream_read arg = {
		.size = sizeof(arg),
		.mode = where,
		.length = length < INT32_MAX ? (uint32_t)length : INT32_MAX,
		.buffer = ktm_bytes_pointer(buffer, length),
		.lsn = lsn,
	};
	uint32_t code;
	int ret = ktm_call(stream, KTM_IOC_STREAM_READ, &arg, &code);

	if (record && (!ret || ret == -EMSGSIZE) && code != KTM_STATUS_NO_MORE_ENTRIES) {
		record->lsn = arg.lsn;
		record->previous_lsn = arg.previous_lsn;
		record->undo_next_lsn = arg.undo_next_lsn;
		record->flags = arg.flags;
		record->length = arg.length;
	} else if (record && (ret == -EUCLEAN || ret == -EIO)) {
		/* So that the caller can go on to the next one. */
		record->lsn = arg.lsn;
	}
	if (!ret)
		ret = code == KTM_STATUS_NO_MORE_ENTRIES ? 0 : 1;
	return ktm_fail(ret, code, status);
}

/* ---- durable ---- */

KTM_EXPORT int ktm_stream_flush(int stream, uint32_t flags, uint64_t lsn, uint64_t *flushed_lsn,
				uint32_t *status)
{
	struct ktm_stream_flush arg = {
		.size = sizeof(arg),
		.flags = flags,
		.lsn = lsn,
	};
	int ret = ktm_call(stream, KTM_IOC_STREAM_FLUSH, &arg, status);

	if (!ret && flushed_lsn)
		*flushed_lsn = arg.flushed_lsn;
	return ret;
}

/* Rounded up: who waits for something does not ask again and again in the last millisecond. */
static int poll_timeout(uint64_t ns)
{
	if (ns == KTM_WAIT_FOREVER)
		return -1;
	if (ns >= INT_MAX * NSEC_PER_MSEC)
		return INT_MAX;
	return (int)((ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

KTM_EXPORT int ktm_stream_wait(int stream, uint64_t timeout_ns, uint32_t *status)
{
	/* POLLPRI: the TM is online, but its log has no room. */
	struct pollfd fd = { .fd = stream, .events = POLLIN | POLLPRI };
	const uint64_t begin = ktm_now_ns();
	uint64_t left;
	int ret;

	do {
		left = ktm_remaining(begin, timeout_ns);
		ret = poll(&fd, 1, poll_timeout(left));
	} while (!ret && left && timeout_ns);
	if (ret < 0)
		return errno == EINTR ? ktm_fail(-EINTR, KTM_STATUS_INTERRUPTED, status) :
					ktm_fail(-errno, KTM_STATUS_UNSUCCESSFUL, status);
	if (!ret)
		return ktm_fail(-ETIMEDOUT, KTM_STATUS_TIMEOUT, status);
	if (fd.revents & POLLNVAL)
		return ktm_fail(-EBADF, KTM_STATUS_INVALID_HANDLE, status);
	if (fd.revents & POLLERR && fd.revents & POLLPRI)
		return ktm_fail(-ENOSPC, KTM_STATUS_LOG_FULL, status);
	if (fd.revents & (POLLERR | POLLHUP))
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	return ktm_fail(0, KTM_STATUS_SUCCESS, status);
}

/* ---- the two ends ---- */

static int mark(int stream, unsigned long request, uint64_t lsn, uint32_t *status)
{
	struct ktm_stream_mark arg = { .size = sizeof(arg), .lsn = lsn };

	return ktm_call(stream, request, &arg, status);
}

KTM_EXPORT int ktm_stream_advance(int stream, uint64_t lsn, uint32_t *status)
{
	return mark(stream, KTM_IOC_STREAM_ADVANCE, lsn, status);
}

KTM_EXPORT int ktm_stream_truncate(int stream, uint64_t lsn, uint32_t *status)
{
	return mark(stream, KTM_IOC_STREAM_TRUNCATE, lsn, status);
}

/* ---- queries ---- */

KTM_EXPORT int ktm_stream_query(int stream, struct ktm_stream_info *info, uint32_t *status)
{
	return ktm_query_struct(stream, KTM_INFO_STREAM_BASIC, NULL, info, sizeof(*info), status);
}

KTM_EXPORT int ktm_stream_set_quota(int stream, uint64_t quota, uint32_t *status)
{
	return ktm_set(stream, KTM_INFO_STREAM_QUOTA, NULL, &quota, sizeof(quota), status);
}

KTM_EXPORT int ktm_tm_space(int tm, struct ktm_tm_space *space, uint32_t *status)
{
	return ktm_query_struct(tm, KTM_INFO_TM_SPACE, NULL, space, sizeof(*space), status);
}
