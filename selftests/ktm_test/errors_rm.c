// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail: of RMs.
 */
#include <linux/fdtable.h>
#include <linux/string.h>

#include "refused.h"

static int query_rm(struct ktm_rm_use *rm, u32 info_class, const struct ktm_guid *en, u32 length,
		    u32 *status)
{
	struct ktm_rm_info info;

	return ktm_rm_query(rm, info_class, en, &info, &length, status);
}

static int set_rm(struct ktm_rm_use *rm, u32 info_class, const struct ktm_guid *en, s32 port,
		  u32 length, u32 *status)
{
	const struct ktm_rm_completion completion = { .port = port };

	return ktm_rm_set(rm, info_class, en, &completion, length, status);
}

static int list_rm(struct ktm_rm_use *rm, u32 count, u32 *status)
{
	struct ktm_guid cursor = { }, guid;

	return ktm_rm_enumerate(rm, &cursor, &guid, &count, status);
}

static int callback(void *context, const struct ktm_notification *n,
		    struct ktm_enlistment_use *en)
{
	return KTM_CALLBACK_PENDING;
}

/* What a callback of @rm is refused. */
struct within {
	struct errors *e;
	struct ktm_rm_use *rm;
};

static int disables_its_own(void *context, const struct ktm_notification *n,
			    struct ktm_enlistment_use *en)
{
	const struct within *w = context;

	if (n->kind == KTM_NOTIFY_PREPARE)
		REFUSED(w->e, EDEADLK, POSSIBLE_DEADLOCK, ktm_rm_disable_callbacks, w->rm);
	return KTM_CALLBACK_HANDLED;
}

static void rm_arguments(struct errors *e, struct world *w)
{
	static char too_long[KTM_MAX_DESCRIPTION + 2];
	struct ktm_guid unknown = errors_guid(1), guid = w->rm_guid;

	memset(too_long, 'x', sizeof(too_long) - 1);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_create, w->tm, UNKNOWN, 1, 0, NULL, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_create, w->tm, KTM_RM_VOLATILE, 0, 0, NULL,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_create, w->tm, KTM_RM_VOLATILE, 1, 01000,
		NULL, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_create, w->tm, KTM_RM_VOLATILE, 1, 0,
		too_long, NULL);
	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_rm_create, w->tm, KTM_RM_VOLATILE, 1, 0,
		NULL, &guid);
	REFUSED(e, ENOENT, RM_NOT_FOUND, ktm_rm_open, w->tm, &unknown, 0, 1);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_open, w->tm, &guid, 0, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_open, w->tm, &guid, 0, UNKNOWN);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_open, w->tm, &guid, UNKNOWN, 1);
	REFUSED(e, EBUSY, SHARING_VIOLATION, ktm_rm_open, w->tm, &guid, KTM_OPEN_EXCLUSIVE,
		KTM_RM_ENLIST);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_to_fd, w->rm, 0);
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_rm_query",
		     query_rm(w->rm, KTM_INFO_TM_BASIC, NULL, 0, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_rm_query",
		     query_rm(w->rm, KTM_INFO_RM_BASIC, &w->en_guid, 0, status));
	REFUSED_CALL(e, EMSGSIZE, BUFFER_TOO_SMALL, "ktm_rm_query",
		     query_rm(w->rm, KTM_INFO_RM_BASIC, NULL, 0, status));
	REFUSED_CALL(e, ENOENT, ENLISTMENT_NOT_FOUND, "ktm_rm_query",
		     query_rm(w->rm, KTM_INFO_EN_BASIC, &unknown, 0, status));
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_rm_set",
		     set_rm(w->rm, KTM_INFO_RM_BASIC, NULL, 0, 0, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_rm_set",
		     set_rm(w->rm, KTM_INFO_RM_COMPLETION, NULL, -2,
			    sizeof(struct ktm_rm_completion), status));
	REFUSED_CALL(e, EMSGSIZE, INFO_LENGTH_MISMATCH, "ktm_rm_set",
		     set_rm(w->rm, KTM_INFO_RM_COMPLETION, NULL, 0, 1, status));
	REFUSED_CALL(e, ENOENT, ENLISTMENT_NOT_FOUND, "ktm_rm_set",
		     set_rm(w->rm, KTM_INFO_EN_RECOVERY, &unknown, 0, 1, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_rm_enumerate", list_rm(w->rm, 0, status));
}

static void rm_descriptors(struct errors *e, struct ktm_rm_use *rm)
{
	const int fd = ktm_rm_to_fd(rm, KTM_RM_QUERY_INFORMATION, NULL);

	if (!NEED(e, fd < 0 ? fd : 0))
		return;
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_get_from_fd, fd, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_get_from_fd, fd, UNKNOWN);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_get_from_fd, fd, KTM_RM_RECOVER);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_enlistment_get_from_fd, fd, 1);
	close_fd(fd);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_rm_get_from_fd, fd, 1);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_rm_get_from_fd, e->arg->fds[FD_OTHER], 1);
}

/* A use that may only query. */
static void rm_denied(struct errors *e, struct ktm_rm_use *less, struct world *w)
{
	struct ktm_notification n;

	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_to_fd, less, KTM_RM_ENLIST);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_recover, less);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_get_notification, less, &n, 0);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_rm_set",
		     set_rm(less, KTM_INFO_RM_COMPLETION, NULL, 0, 0, status));
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_register_protocol, less, &w->rm_guid, 0, NULL,
		0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_propagation_complete, less, 1, NULL, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_propagation_failed, less, 1,
		KTM_STATUS_UNSUCCESSFUL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_enable_callbacks, less, callback, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_disable_callbacks, less);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_enlist, less, w->tx, 0, KTM_NOTIFY_REQUIRED, 0,
		0, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_create, less, w->tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_open, less, &w->en_guid, 1);
}

static void rm_less(struct errors *e, struct world *w)
{
	struct ktm_rm_use *less;

	less = ktm_rm_open(w->tm, &w->rm_guid, 0, KTM_RM_QUERY_INFORMATION, NULL);
	if (!NEED_USE(e, less))
		return;
	rm_denied(e, less, w);
	ktm_rm_put(less);
	less = ktm_rm_open(w->tm, &w->rm_guid, 0, KTM_RM_RECOVER, NULL);
	if (!NEED_USE(e, less))
		return;
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_rm_query",
		     query_rm(less, KTM_INFO_RM_BASIC, NULL, 0, status));
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_rm_enumerate", list_rm(less, 1, status));
	ktm_rm_put(less);
}

static void rm_protocols(struct errors *e, struct ktm_tm_use *tm)
{
	struct ktm_guid guid = errors_guid(0), nil = { };
	struct ktm_rm_use *rm;

	rm = ktm_rm_create(tm, KTM_RM_VOLATILE | KTM_RM_COMMUNICATION, KTM_RM_ALL_ACCESS, 0, NULL,
			   NULL, NULL);
	if (!NEED_USE(e, rm))
		return;
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_register_protocol, rm, &nil, 0, NULL, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_register_protocol, rm, &guid, UNKNOWN, NULL,
		0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_register_protocol, rm, &guid, 0, NULL, 1);
	for (; guid.b[1] < KTM_MAX_PROTOCOLS; guid.b[1]++)
		if (!NEED(e, ktm_rm_register_protocol(rm, &guid, 0, NULL, 0, NULL)))
			goto put;
	REFUSED(e, EDQUOT, QUOTA_EXCEEDED, ktm_rm_register_protocol, rm, &guid, 0, NULL, 0);
	guid.b[1]--;
	REFUSED(e, EEXIST, PROTOCOL_EXISTS, ktm_rm_register_protocol, rm, &guid, 0, NULL, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_propagation_complete, rm, 1, NULL, 1);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_rm_propagation_complete, rm, 1, NULL, 0);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_rm_propagation_failed, rm, 1,
		KTM_STATUS_UNSUCCESSFUL);
put:
	ktm_rm_put(rm);
}

static void rm_callbacks(struct errors *e, struct world *w)
{
	struct within within = { .e = e, .rm = w->rm };

	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_rm_disable_callbacks, w->rm);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_enable_callbacks, w->rm, NULL, NULL);
	if (!NEED(e, ktm_rm_enable_callbacks(w->rm, callback, NULL, NULL)))
		return;
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_rm_enable_callbacks, w->rm, callback, NULL);
	if (NEED(e, ktm_rm_disable_callbacks(w->rm, NULL)) &&
	    NEED(e, ktm_rm_enable_callbacks(w->rm, disables_its_own, &within, NULL)))
		NEED(e, ktm_transaction_commit(w->tx, KTM_CALL_WAIT, NULL));
}

void errors_rms(struct errors *e)
{
	struct ktm_notification n;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	rm_arguments(e, &w);
	rm_descriptors(e, w.rm);
	rm_less(e, &w);
	rm_protocols(e, w.tm);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_rm_register_protocol, w.rm, &w.rm_guid, 0, NULL,
		0);
	REFUSED(e, ETIMEDOUT, TIMEOUT, ktm_rm_get_notification, w.rm, &n, 0);
	REFUSED(e, ETIMEDOUT, TIMEOUT, ktm_rm_get_notification, w.rm, &n, 1000);
	rm_callbacks(e, &w);
	errors_end(&w);
}
