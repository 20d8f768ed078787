// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail: of enlistments.
 */
#include <linux/fdtable.h>

#include "refused.h"

static int query_en(struct ktm_enlistment_use *en, u32 info_class, u32 length, u32 *status)
{
	struct ktm_en_info info;

	return ktm_enlistment_query(en, info_class, &info, &length, status);
}

static int set_en(struct ktm_enlistment_use *en, u32 info_class, u32 length, u32 *status)
{
	return ktm_enlistment_set(en, info_class, length ? "information" : NULL, length, status);
}

static void enlist_arguments(struct errors *e, struct world *w)
{
	const u32 mask = KTM_NOTIFY_REQUIRED;

	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_enlist, w->rm, w->tx, 0, 0, 0, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_enlist, w->rm, w->tx, UNKNOWN, mask, 0, 0,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_enlist, w->rm, w->tx, KTM_ENLIST_FD, mask, 0,
		0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_enlist, w->rm, w->tx, 0, mask, 0, 01000,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_rm_enlist, w->rm, w->tx, KTM_ENLIST_SUPERIOR,
		SUPERIOR_MASK | KTM_NOTIFY_PREPARE, 0, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_create, w->rm, w->tx, 0, 0, 0, 1, 0,
		NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_create, w->rm, w->tx, 0, mask, 0, 0,
		0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_create, w->rm, w->tx, 0, mask, 0,
		UNKNOWN, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_create, w->rm, w->tx, KTM_ENLIST_FD,
		mask, 0, 1, 0, NULL);
}

/* A transaction of another TM. */
static void enlist_elsewhere(struct errors *e, struct world *w)
{
	struct world other;

	if (!errors_begin(e, &other))
		return;
	REFUSED(e, EXDEV, TM_IDENTITY_MISMATCH, ktm_rm_enlist, w->rm, other.tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 0, NULL);
	REFUSED(e, EXDEV, TM_IDENTITY_MISMATCH, ktm_enlistment_create, w->rm, other.tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	errors_end(&other);
}

static void en_arguments(struct errors *e, struct world *w)
{
	struct ktm_guid unknown = errors_guid(1);
	bool last;

	REFUSED(e, ENOENT, ENLISTMENT_NOT_FOUND, ktm_enlistment_open, w->rm, &unknown, 1);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_open, w->rm, &w->en_guid, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_open, w->rm, &w->en_guid, UNKNOWN);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_to_fd, w->en, 0);
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_enlistment_query",
		     query_en(w->en, KTM_INFO_TM_BASIC, 0, status));
	REFUSED_CALL(e, EMSGSIZE, BUFFER_TOO_SMALL, "ktm_enlistment_query",
		     query_en(w->en, KTM_INFO_EN_BASIC, 0, status));
	REFUSED_CALL(e, EINVAL, INVALID_INFO_CLASS, "ktm_enlistment_set",
		     set_en(w->en, KTM_INFO_EN_BASIC, 0, status));
	REFUSED_CALL(e, EMSGSIZE, INFO_LENGTH_MISMATCH, "ktm_enlistment_set",
		     set_en(w->en, KTM_INFO_EN_RECOVERY, KTM_MAX_RECOVERY_INFORMATION + 1, status));
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_dereference_key, w->en, &last);
}

static void en_descriptors(struct errors *e, struct ktm_enlistment_use *en)
{
	const int fd = ktm_enlistment_to_fd(en, KTM_EN_QUERY_INFORMATION, NULL);

	if (!NEED(e, fd < 0 ? fd : 0))
		return;
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_get_from_fd, fd, 0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_get_from_fd, fd, UNKNOWN);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_get_from_fd, fd, KTM_EN_RECOVER);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_log_stream_get_from_fd, fd, 1);
	close_fd(fd);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_enlistment_get_from_fd, fd, 1);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_enlistment_get_from_fd,
		e->arg->fds[FD_OTHER], 1);
}

/* Uses that may only query, and only set. */
static void en_denied(struct errors *e, struct ktm_enlistment_use *query,
		      struct ktm_enlistment_use *set)
{
	bool last;
	u64 key;

	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_to_fd, query, KTM_EN_RECOVER);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_preprepare_complete, query, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_prepare_complete, query, NULL, 0, NULL,
		0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_commit_complete, query, NULL, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_rollback_complete, query, NULL, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_read_only, query, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_single_phase_reject, query, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_rollback, query, 0);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_enlistment_request_outcome",
		     ktm_enlistment_request_outcome(query, status));
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_recover, query, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_preprepare, query, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_prepare, query, 0);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_commit, query, 0);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_enlistment_set",
		     set_en(query, KTM_INFO_EN_RECOVERY, 1, status));
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_enlistment_query",
		     query_en(set, KTM_INFO_EN_BASIC, 0, status));
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_reference_key, set, &key);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_dereference_key, set, &last);
}

static void en_less(struct errors *e, struct world *w)
{
	struct ktm_enlistment_use *query, *set;

	query = ktm_enlistment_open(w->rm, &w->en_guid, KTM_EN_QUERY_INFORMATION, NULL);
	if (!NEED_USE(e, query))
		return;
	set = ktm_enlistment_open(w->rm, &w->en_guid, KTM_EN_SET_INFORMATION, NULL);
	if (NEED_USE(e, set)) {
		en_denied(e, query, set);
		ktm_enlistment_put(set);
	}
	ktm_enlistment_put(query);
}

void errors_enlistments(struct errors *e)
{
	struct world w;

	if (!errors_begin(e, &w))
		return;
	enlist_arguments(e, &w);
	enlist_elsewhere(e, &w);
	en_arguments(e, &w);
	en_descriptors(e, w.en);
	en_less(e, &w);
	errors_end(&w);
}

/* ---- answers ---- */

/* Nobody has asked yet. */
static void not_asked(struct errors *e, struct ktm_enlistment_use *en)
{
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_preprepare_complete, en, 0);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_prepare_complete, en, NULL, 0, NULL, 0);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_commit_complete, en, NULL, 0);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_rollback_complete, en, NULL, 0);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_single_phase_reject, en, 0);
	REFUSED_CALL(e, EPROTO, REQUEST_NOT_VALID, "ktm_enlistment_request_outcome",
		     ktm_enlistment_request_outcome(en, status));
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_recover, en, 0);
	REFUSED(e, EPERM, NOT_SUPERIOR, ktm_enlistment_preprepare, en, 0);
	REFUSED(e, EPERM, NOT_SUPERIOR, ktm_enlistment_prepare, en, 0);
	REFUSED(e, EPERM, NOT_SUPERIOR, ktm_enlistment_commit, en, 0);
}

static void no_clock(struct errors *e, struct ktm_enlistment_use *en)
{
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_preprepare_complete, en, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_prepare_complete, en, NULL, 0, NULL,
		TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_prepare_complete, en, "x", 1, NULL,
		0);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_commit_complete, en, NULL, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_rollback_complete, en, NULL,
		TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_read_only, en, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_single_phase_reject, en, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_rollback, en, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_preprepare, en, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_prepare, en, TOO_LATE);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_enlistment_commit, en, TOO_LATE);
}

/* It has voted, and been told to commit. */
static void has_voted(struct errors *e, struct world *w)
{
	if (!NEED(e, ktm_transaction_commit(w->tx, 0, NULL)) ||
	    !NEED(e, ktm_enlistment_prepare_complete(w->en, NULL, 0, NULL, 0, NULL)))
		return;
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_prepare_complete, w->en, NULL, 0, NULL,
		0);
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_read_only, w->en, 0);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_rollback, w->en, 0);
	REFUSED_CALL(e, EPROTO, REQUEST_NOT_VALID, "ktm_enlistment_set",
		     set_en(w->en, KTM_INFO_EN_RECOVERY, 1, status));
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_rm_set, w->rm, KTM_INFO_EN_RECOVERY,
		&w->en_guid, "x", 1);
	if (NEED(e, ktm_enlistment_commit_complete(w->en, NULL, 0, NULL)))
		REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_commit_complete, w->en, NULL, 0);
}

void errors_answers(struct errors *e)
{
	struct world w;

	if (!errors_begin(e, &w))
		return;
	not_asked(e, w.en);
	no_clock(e, w.en);
	has_voted(e, &w);
	errors_end(&w);
}

/* ---- superiors ---- */

static void done(void *context, int err, u32 status)
{
}

static struct ktm_enlistment_use *superior(struct errors *e, struct world *w, u32 mask)
{
	struct ktm_enlistment_use *sup;

	sup = ktm_enlistment_create(w->rm, w->tx, KTM_ENLIST_SUPERIOR, mask, 0, KTM_EN_ALL_ACCESS,
				    0, NULL, NULL);
	return NEED_USE(e, sup) ? sup : NULL;
}

static void sup_order(struct errors *e, struct world *w, struct ktm_enlistment_use *sup)
{
	REFUSED(e, EBUSY, SUPERIOR_EXISTS, ktm_rm_enlist, w->rm, w->tx, KTM_ENLIST_SUPERIOR,
		SUPERIOR_MASK, 0, 0, NULL);
	REFUSED(e, EBUSY, SUPERIOR_EXISTS, ktm_enlistment_create, w->rm, w->tx,
		KTM_ENLIST_SUPERIOR, SUPERIOR_MASK, 0, 1, 0, NULL);
	REFUSED(e, EBUSY, SUPERIOR_EXISTS, ktm_transaction_commit, w->tx, 0);
	REFUSED(e, EBUSY, SUPERIOR_EXISTS, ktm_transaction_commit_async, w->tx, done, NULL);
	REFUSED_CALL(e, EPROTO, REQUEST_NOT_VALID, "ktm_enlistment_request_outcome",
		     ktm_enlistment_request_outcome(sup, status));
	REFUSED(e, ENOMSG, NOT_REQUESTED, ktm_enlistment_read_only, sup, 0);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_prepare, sup, 0);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_commit, sup, 0);
	if (!NEED(e, ktm_enlistment_preprepare(sup, 0, NULL)))
		return;
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_preprepare, sup, 0);
	if (!NEED(e, ktm_enlistment_prepare(sup, 0, NULL)))
		return;
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_prepare, sup, 0);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_commit, sup, 0);
	if (!NEED(e, ktm_enlistment_prepare_complete(w->en, NULL, 0, NULL, 0, NULL)) ||
	    !NEED(e, ktm_enlistment_commit(sup, 0, NULL)))
		return;
	REFUSED(e, ESTALE, TRANSACTION_NOT_ACTIVE, ktm_enlistment_commit, sup, 0);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_enlistment_rollback, sup, 0);
}

/* It is to hear nothing of what it asks for. */
static void sup_deaf(struct errors *e)
{
	struct ktm_enlistment_use *sup;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	sup = superior(e, &w, KTM_NOTIFY_SUPERIOR_REQUIRED);
	if (sup) {
		REFUSED(e, ENOPROTOOPT, RESPONSE_NOT_ENLISTED, ktm_enlistment_preprepare, sup, 0);
		REFUSED(e, ENOPROTOOPT, RESPONSE_NOT_ENLISTED, ktm_enlistment_prepare, sup, 0);
		REFUSED(e, ENOPROTOOPT, RESPONSE_NOT_ENLISTED, ktm_enlistment_commit, sup, 0);
		ktm_enlistment_put(sup);
	}
	errors_end(&w);
}

static void sup_rolled_back(struct errors *e)
{
	struct ktm_enlistment_use *sup;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	sup = superior(e, &w, SUPERIOR_MASK);
	if (sup) {
		if (NEED(e, ktm_enlistment_rollback(sup, 0, NULL)))
			REFUSED(e, ECANCELED, ALREADY_ABORTED, ktm_enlistment_commit, sup, 0);
		ktm_enlistment_put(sup);
	}
	errors_end(&w);
}

void errors_superiors(struct errors *e)
{
	struct ktm_enlistment_use *sup;
	struct world w;

	if (!errors_begin(e, &w))
		return;
	sup = superior(e, &w, SUPERIOR_MASK);
	if (sup) {
		sup_order(e, &w, sup);
		ktm_enlistment_put(sup);
	}
	errors_end(&w);
	sup_deaf(e);
	sup_rolled_back(e);
}
