// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail: of transactions; and freezing.
 */
#include <linux/fdtable.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "refused.h"

static int query_tx(struct ktm_transaction_use *tx, u32 info_class, u32 length, u32 *status)
{
	struct ktm_tx_info info;

	return ktm_transaction_query(tx, info_class, &info, &length, status);
}

static int set_tx(struct ktm_transaction_use *tx, u32 info_class, u32 set, u32 length, u32 *status)
{
	const struct ktm_tx_properties p = { .set = set };

	return ktm_transaction_set(tx, info_class, &p, length, status);
}

static void done(void *context, int err, u32 status)
{
}

static void tx_denied(struct errors *e, struct ktm_transaction_use *less, struct ktm_rm_use *rm)
{
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_to_fd, less, KTM_TX_COMMIT);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_commit, less, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_commit_async, less, done, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_rollback, less, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_wait, less, 0, NULL);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_transaction_query",
		     query_tx(less, KTM_INFO_TX_BASIC, 0, status));
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_transaction_set",
		     set_tx(less, KTM_INFO_TX_PROPERTIES, 0, 0, status));
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_enlist, rm, less, 0, KTM_NOTIFY_REQUIRED, 0, 0,
		NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_create, rm, less, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
}

static void tx_arguments(struct errors *e, struct ktm_transaction_use *tx)
{
	static char too_long[KTM_MAX_DESCRIPTION + 2];
	struct ktm_guid uow = ktm_transaction_id(tx), unknown = errors_guid(1);

	memset(too_long, 'x', sizeof(too_long) - 1);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_create, NULL, UNKNOWN, 1, 0, 0,
		NULL, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_create, NULL, 0, 0, 0, 0, NULL,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_create, NULL, 0, 1, 01000, 0, NULL,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_create, NULL, 0, 1, 0, 0, too_long,
		NULL);
	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_transaction_create, NULL, 0, 1, 0, 0, NULL,
		&uow);
	REFUSED(e, ENOENT, TRANSACTION_NOT_FOUND, ktm_transaction_open, &unknown, 1);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_open, &uow, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_open, &uow, UNKNOWN);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_to_fd, tx, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_commit, tx, UNKNOWN);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_commit_async, tx, NULL, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_rollback, tx, UNKNOWN);
	REFUSED(e, ETIMEDOUT, TIMEOUT, ktm_transaction_wait, tx, 0, NULL);
	REFUSED(e, ETIMEDOUT, TIMEOUT, ktm_transaction_wait, tx, 1000, NULL);
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_transaction_query",
		     query_tx(tx, KTM_INFO_TM_BASIC, 0, status));
	REFUSED_CALL(e, EMSGSIZE, BUFFER_TOO_SMALL, "ktm_transaction_query",
		     query_tx(tx, KTM_INFO_TX_BASIC, sizeof(struct ktm_tx_info) - 1, status));
	REFUSED_CALL(e, ENOENT, ENLISTMENT_NOT_FOUND, "ktm_transaction_query",
		     query_tx(tx, KTM_INFO_TX_SUPERIOR, sizeof(struct ktm_en_pair), status));
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_transaction_set",
		     set_tx(tx, KTM_INFO_TX_BASIC, 0, 0, status));
	REFUSED_CALL(e, EINVAL, INVALID_PARAMETER, "ktm_transaction_set",
		     set_tx(tx, KTM_INFO_TX_PROPERTIES, UNKNOWN, sizeof(struct ktm_tx_properties),
			    status));
	REFUSED_CALL(e, EMSGSIZE, INFO_LENGTH_MISMATCH, "ktm_transaction_set",
		     set_tx(tx, KTM_INFO_TX_PROPERTIES, 0, 1, status));
}

static void tx_descriptors(struct errors *e, struct ktm_transaction_use *tx)
{
	const int fd = ktm_transaction_to_fd(tx, KTM_TX_QUERY_INFORMATION, NULL);

	if (!NEED(e, fd < 0 ? fd : 0))
		return;
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_get_from_fd, fd, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_transaction_get_from_fd, fd, UNKNOWN);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_get_from_fd, fd, KTM_TX_COMMIT);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_tm_get_from_fd, fd, 1);
	close_fd(fd);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_transaction_get_from_fd, fd, 1);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_transaction_get_from_fd,
		e->arg->fds[FD_OTHER], 1);
}

/* From Commit on. */
static void tx_committing(struct errors *e, struct world *w)
{
	if (!NEED(e, ktm_transaction_commit(w->tx, 0, NULL)))
		return;
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_transaction_commit, w->tx, 0);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_transaction_commit_async, w->tx, done, NULL);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_transaction_rollback, w->tx, 0);
	REFUSED_CALL(e, ESTALE, TRANSACTION_NOT_ACTIVE, "ktm_transaction_set",
		     set_tx(w->tx, KTM_INFO_TX_PROPERTIES, KTM_TX_SET_TIMEOUT,
			    sizeof(struct ktm_tx_properties), status));
	REFUSED(e, ESTALE, TRANSACTION_NOT_ACTIVE, ktm_rm_enlist, w->rm, w->tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 0, NULL);
	REFUSED(e, ESTALE, TRANSACTION_NOT_ACTIVE, ktm_enlistment_create, w->rm, w->tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	if (!NEED(e, ktm_enlistment_prepare_complete(w->en, NULL, 0, NULL, 0, NULL)) ||
	    !NEED(e, ktm_enlistment_commit_complete(w->en, NULL, 0, NULL)))
		return;
	REFUSED(e, EALREADY, ALREADY_COMMITTED, ktm_transaction_commit, w->tx, KTM_CALL_WAIT);
	REFUSED(e, EALREADY, ALREADY_COMMITTED, ktm_transaction_commit_async, w->tx, done, NULL);
	REFUSED(e, EALREADY, ALREADY_COMMITTED, ktm_transaction_rollback, w->tx, 0);
}

static void tx_rolled_back(struct errors *e)
{
	struct ktm_transaction_use *tx;

	tx = ktm_transaction_create(NULL, 0, KTM_TX_ALL_ACCESS, 0, 0, NULL, NULL, NULL);
	if (!NEED_USE(e, tx))
		return;
	if (NEED(e, ktm_transaction_rollback(tx, KTM_CALL_WAIT, NULL))) {
		REFUSED(e, ECANCELED, ALREADY_ABORTED, ktm_transaction_commit, tx, 0);
		REFUSED(e, ECANCELED, ALREADY_ABORTED, ktm_transaction_commit_async, tx, done,
			NULL);
		REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_transaction_rollback, tx, 0);
	}
	ktm_transaction_put(tx);
}

void errors_transactions(struct errors *e)
{
	struct ktm_transaction_use *less;
	struct ktm_guid uow;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	tx_arguments(e, w.tx);
	tx_descriptors(e, w.tx);
	uow = ktm_transaction_id(w.tx);
	less = ktm_transaction_open(&uow, KTM_TX_PROPAGATE, NULL);
	if (NEED_USE(e, less)) {
		tx_denied(e, less, w.rm);
		ktm_transaction_put(less);
	}
	tx_committing(e, &w);
	tx_rolled_back(e);
	errors_end(&w);
}

void errors_freezing(struct errors *e)
{
	struct world w;

	if (!errors_begin(e, &w))
		return;
	REFUSED_CALL(e, EPROTO, NOT_FROZEN, "ktm_thaw_transactions", ktm_thaw_transactions(status));
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_freeze_transactions, KTM_MAX_FREEZE_NS + 1,
		NSEC_PER_SEC);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_freeze_transactions, NSEC_PER_SEC, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_freeze_transactions, NSEC_PER_SEC,
		KTM_MAX_FREEZE_NS + 1);
	if (NEED(e, ktm_freeze_transactions(KTM_MAX_FREEZE_NS, KTM_MAX_FREEZE_NS, NULL))) {
		REFUSED(e, EBUSY, FREEZE_IN_PROGRESS, ktm_freeze_transactions, NSEC_PER_SEC,
			NSEC_PER_SEC);
		NEED(e, ktm_thaw_transactions(NULL));
	}
	if (NEED(e, ktm_transaction_commit(w.tx, 0, NULL)))
		REFUSED(e, ETIMEDOUT, TIMEOUT, ktm_freeze_transactions, NSEC_PER_MSEC,
			NSEC_PER_SEC);
	errors_end(&w);
}
