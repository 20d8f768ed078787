// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail: of TMs, of transactions as far as they have no participant.
 */
#include <linux/fdtable.h>

#include "refused.h"

static int query_tm(struct ktm_tm_use *tm, u32 info_class, u32 length, u32 *status)
{
	struct ktm_tm_info info;

	return ktm_tm_query(tm, info_class, &info, &length, status);
}

static int list_tm(struct ktm_tm_use *tm, u32 kind, u32 count, u32 *status)
{
	struct ktm_guid cursor = { }, guid;

	return ktm_tm_enumerate(tm, kind, &cursor, &guid, &count, status);
}

static int list_all(u32 kind, u32 count, u32 *status)
{
	struct ktm_guid cursor = { }, guid;

	return ktm_enumerate_objects(kind, &cursor, &guid, &count, status);
}

static int rename_tm(struct ktm_tm_use *tm, u32 *status)
{
	struct ktm_guid guid = { };

	return ktm_tm_rename(tm, &guid, status);
}

static struct ktm_log_stream *make_stream(struct ktm_tm_use *tm, const char *name, u64 quota,
					  u32 access, u32 mode, u32 *status)
{
	return ktm_log_stream_create(tm, name, quota, access, mode, NULL, status);
}

static void tm_denied(struct errors *e, struct ktm_tm_use *less)
{
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_to_fd, less, KTM_TM_RECOVER);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_recover, less, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_rollforward, less, 1, NULL);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_tm_rename", rename_tm(less, status));
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_offline, less);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_tm_query",
		     query_tm(less, KTM_INFO_TM_BASIC, 0, status));
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_tm_enumerate",
		     list_tm(less, KTM_KIND_TX, 1, status));
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_create, less, 0, 1, 0, 0, NULL, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_create, less, KTM_RM_VOLATILE, 1, 0, NULL, NULL);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_log_stream_create",
		     make_stream(less, "s", 65536, 1, 0, status));
}

/* What it lacks is a log. */
static void tm_volatile(struct errors *e, struct ktm_tm_use *tm)
{
	REFUSED(e, EOPNOTSUPP, TM_VOLATILE, ktm_tm_recover, tm, NULL);
	REFUSED(e, EOPNOTSUPP, TM_VOLATILE, ktm_tm_rollforward, tm, 1, NULL);
	REFUSED_CALL(e, EOPNOTSUPP, TM_VOLATILE, "ktm_tm_rename", rename_tm(tm, status));
	REFUSED_CALL(e, EOPNOTSUPP, TM_VOLATILE, "ktm_tm_query",
		     query_tm(tm, KTM_INFO_TM_LOG, 0, status));
	REFUSED(e, EOPNOTSUPP, TM_VOLATILE, ktm_rm_create, tm, 0, 1, 0, NULL, NULL);
	REFUSED_CALL(e, EOPNOTSUPP, TM_VOLATILE, "ktm_log_stream_create",
		     make_stream(tm, "s", 65536, 1, 0, status));
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_tm_offline, tm);
}

static void tm_arguments(struct errors *e, struct world *w)
{
	struct ktm_guid guid = w->tm_guid, unknown = errors_guid(1);

	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_create, NULL, UNKNOWN, 1, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_create, NULL, KTM_TM_VOLATILE, 0, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_create, NULL, KTM_TM_VOLATILE, UNKNOWN, 0,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_create, NULL, KTM_TM_VOLATILE, 1, 01000,
		NULL);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_create, NULL, 0, 1, 0, NULL);
	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_tm_create, NULL, KTM_TM_VOLATILE, 1, 0,
		&guid);
	REFUSED(e, ENOENT, TM_NOT_FOUND, ktm_tm_open, &unknown, 1);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_open, &w->tm_guid, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_open, &w->tm_guid, UNKNOWN);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_open_log, NULL, 1, NULL);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_open_log, ERR_PTR(-EBADF), 1, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_to_fd, w->tm, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_to_fd, w->tm, UNKNOWN);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_rollforward, w->tm, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_rollforward, w->tm, TOO_LATE, NULL);
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_tm_query",
		     query_tm(w->tm, KTM_INFO_TX_BASIC, 0, status));
	REFUSED_CALL(e, EMSGSIZE, BUFFER_TOO_SMALL, "ktm_tm_query",
		     query_tm(w->tm, KTM_INFO_TM_BASIC, sizeof(struct ktm_tm_info) - 1, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_tm_enumerate",
		     list_tm(w->tm, KTM_KIND_EN, 1, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_tm_enumerate",
		     list_tm(w->tm, KTM_KIND_RM, 0, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_tm_enumerate",
		     list_tm(w->tm, KTM_KIND_RM, 4097, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_enumerate_objects",
		     list_all(KTM_KIND_RM, 1, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_enumerate_objects",
		     list_all(KTM_KIND_TM, 0, status));
}

static void tm_descriptors(struct errors *e, struct world *w)
{
	const int fd = ktm_tm_to_fd(w->tm, KTM_TM_QUERY_INFORMATION, NULL);

	if (!NEED(e, fd < 0 ? fd : 0))
		return;
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_get_from_fd, fd, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_get_from_fd, fd, UNKNOWN);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_get_from_fd, fd, KTM_MAXIMUM_ALLOWED);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_get_from_fd, fd,
		KTM_TM_QUERY_INFORMATION | KTM_TM_RECOVER);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_transaction_get_from_fd, fd, 1);
	close_fd(fd);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_get_from_fd, fd, 1);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_get_from_fd, -1, 1);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_tm_get_from_fd, e->arg->fds[FD_OTHER], 1);
}

void errors_tms(struct errors *e)
{
	struct ktm_tm_use *less;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	tm_arguments(e, &w);
	tm_descriptors(e, &w);
	tm_volatile(e, w.tm);
	less = ktm_tm_open(&w.tm_guid, KTM_TM_SET_INFORMATION, NULL);
	if (NEED_USE(e, less)) {
		tm_denied(e, less);
		ktm_tm_put(less);
	}
	errors_end(&w);
}

void errors_without_fds(struct errors *e)
{
	struct ktm_log_stream *stream;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	REFUSED(e, EMFILE, TOO_MANY_FILES, ktm_tm_to_fd, w.tm, 1);
	REFUSED(e, EMFILE, TOO_MANY_FILES, ktm_rm_to_fd, w.rm, 1);
	REFUSED(e, EMFILE, TOO_MANY_FILES, ktm_transaction_to_fd, w.tx, 1);
	REFUSED(e, EMFILE, TOO_MANY_FILES, ktm_enlistment_to_fd, w.en, 1);
	stream = ktm_log_stream_get_from_fd(e->arg->fds[FD_STREAM], KTM_STREAM_READ, NULL);
	if (NEED_USE(e, stream)) {
		REFUSED(e, EMFILE, TOO_MANY_FILES, ktm_log_stream_to_fd, stream, KTM_STREAM_READ);
		ktm_log_stream_put(stream);
	}
	errors_end(&w);
}
