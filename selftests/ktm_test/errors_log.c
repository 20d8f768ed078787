// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail: of TMs with a log, for what their device is and for what they are not yet.
 */
#include <linux/file.h>
#include <linux/time64.h>

#include "refused.h"

struct devices {
	struct file *device, *other, *blank, *busy, *read_only, *for_reading;
};

static struct file *take(struct errors *e, u32 n)
{
	struct file *file = fget(e->arg->fds[n]);

	return NEED(e, file ? 0 : -EBADF) ? file : NULL;
}

static void give_back(struct file *file)
{
	if (file)
		fput(file);
}

static void attaching(struct errors *e, const struct devices *d)
{
	struct ktm_guid guid = errors_guid(1);

	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_tm_create, d->other, 0, 1, 0, NULL);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_create, d->for_reading, 0, 1, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_create, d->device, KTM_TM_VOLATILE, 1, 0,
		NULL);
	REFUSED(e, EXDEV, TM_IDENTITY_MISMATCH, ktm_tm_create, d->device, 0, 1, 0, &guid);
	REFUSED(e, EUCLEAN, LOG_NOT_A_JOURNAL, ktm_tm_create, d->blank, 0, 1, 0, NULL);
	REFUSED(e, EBUSY, DEVICE_BUSY, ktm_tm_create, d->busy, 0, 1, 0, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_create, d->read_only, 0, 1, 0, NULL);
	REFUSED(e, EBADFD, OBJECT_TYPE_MISMATCH, ktm_tm_open_log, d->other, 1, NULL);
	REFUSED(e, ENOENT, TM_NOT_FOUND, ktm_tm_open_log, d->device, 1, NULL);
}

static int query_online(struct ktm_tm_use *tm, u32 *status)
{
	u32 length = 0;

	return ktm_tm_query(tm, KTM_INFO_TM_ONLINE, NULL, &length, status);
}

static void not_online(struct errors *e, const struct devices *d, struct ktm_tm_use *tm,
		       struct ktm_guid *guid)
{
	struct ktm_guid unknown = errors_guid(1);

	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_tm_create, d->device, 0, 1, 0, NULL);
	REFUSED(e, EINVAL, INVALID_PARAMETER, ktm_tm_open_log, d->device, 0, NULL);
	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_tm_rename, tm, guid);
	REFUSED_CALL(e, ENOTCONN, TM_NOT_ONLINE, "ktm_tm_query", query_online(tm, status));
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_rm_create, tm, 0, 1, 0, NULL, NULL);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_rm_open, tm, &unknown, 0, 1);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_transaction_create, tm, 0, 1, 0, 0, NULL, NULL);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_log_stream_create, tm, "s", 65536, 1, 0, NULL);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_log_stream_open, tm, &unknown, 1);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_log_stream_open_name, tm, "s", 1, NULL);
}

/* By another device than it has. */
static void recovering(struct errors *e, const struct devices *d, struct ktm_tm_use *tm)
{
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_recover, tm, ERR_PTR(-EBADF));
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_recover, tm, d->for_reading);
	REFUSED(e, EBUSY, DEVICE_BUSY, ktm_tm_recover, tm, d->busy);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_recover, tm, d->read_only);
	REFUSED(e, EUCLEAN, LOG_NOT_A_JOURNAL, ktm_tm_recover, tm, d->blank);
	REFUSED(e, EUCLEAN, LOG_NOT_A_JOURNAL, ktm_tm_recover, tm, d->other);
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_rollforward, tm, 1, ERR_PTR(-EBADF));
	REFUSED(e, EBADF, INVALID_HANDLE, ktm_tm_rollforward, tm, 1, d->for_reading);
	REFUSED(e, EBUSY, DEVICE_BUSY, ktm_tm_rollforward, tm, 1, d->busy);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_rollforward, tm, 1, d->read_only);
	REFUSED(e, EUCLEAN, LOG_NOT_A_JOURNAL, ktm_tm_rollforward, tm, 1, d->blank);
}

/* A transaction with a durable RM, and one with a volatile one. */
struct durable {
	struct ktm_tm_use *tm;
	struct ktm_rm_use *rm;
	struct ktm_transaction_use *tx;
	struct ktm_guid rm_guid;
	struct ktm_guid uow;
	struct ktm_guid en;
};

static void rm_not_online(struct errors *e, struct durable *d)
{
	struct ktm_notification n;

	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_rm_enlist, d->rm, d->tx, 0, KTM_NOTIFY_REQUIRED,
		0, 0, NULL);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_enlistment_create, d->rm, d->tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_rm_get_notification, d->rm, &n, 0);
}

static void volatile_superior(struct errors *e, struct durable *d)
{
	struct ktm_rm_use *rm;

	rm = ktm_rm_create(d->tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, NULL, NULL);
	if (!NEED_USE(e, rm))
		return;
	REFUSED(e, EOPNOTSUPP, TM_VOLATILE, ktm_rm_enlist, rm, d->tx, KTM_ENLIST_SUPERIOR,
		SUPERIOR_MASK, 0, 0, NULL);
	REFUSED(e, EOPNOTSUPP, TM_VOLATILE, ktm_enlistment_create, rm, d->tx,
		KTM_ENLIST_SUPERIOR, SUPERIOR_MASK, 0, 1, 0, NULL);
	ktm_rm_put(rm);
}

static bool hears(struct errors *e, struct ktm_rm_use *rm, u32 kind)
{
	struct ktm_notification n = { };
	int err;

	do {
		err = ktm_rm_get_notification(rm, &n, 60 * NSEC_PER_SEC, NULL);
	} while (!err && n.kind != kind);
	return NEED(e, err);
}

/* It votes, and the decision is in the log when it is told. */
static bool decide(struct errors *e, struct durable *d)
{
	const u32 mask = KTM_NOTIFY_REQUIRED | KTM_NOTIFY_RECOVER;
	struct ktm_enlistment_use *en;
	bool ok;

	en = ktm_enlistment_create(d->rm, d->tx, 0, mask, 0, KTM_EN_ALL_ACCESS, 0, &d->en, NULL);
	if (!NEED_USE(e, en))
		return false;
	ok = NEED(e, ktm_transaction_commit(d->tx, 0, NULL)) &&
	     hears(e, d->rm, KTM_NOTIFY_PREPARE) &&
	     NEED(e, ktm_enlistment_prepare_complete(en, NULL, 0, NULL, 0, NULL)) &&
	     hears(e, d->rm, KTM_NOTIFY_COMMIT);
	ktm_enlistment_put(en);
	return ok;
}

static void recover_killed(struct errors *e, void *en)
{
	REFUSED(e, EINTR, INTERRUPTED, ktm_enlistment_recover, en, 0);
}

/* What the log knows of it when it comes back. */
static void come_back(struct errors *e, struct durable *d)
{
	struct ktm_enlistment_use *en;

	d->rm = ktm_rm_open(d->tm, &d->rm_guid, 0, KTM_RM_ALL_ACCESS, NULL);
	if (!NEED_USE(e, d->rm))
		return;
	if (!NEED(e, ktm_rm_recover(d->rm, NULL)))
		goto put_rm;
	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_rm_enlist, d->rm, d->tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 0, NULL);
	REFUSED(e, EEXIST, OBJECT_NAME_COLLISION, ktm_enlistment_create, d->rm, d->tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	en = ktm_enlistment_open(d->rm, &d->en, KTM_EN_ALL_ACCESS, NULL);
	if (!NEED_USE(e, en))
		goto put_rm;
	if (NEED(e, ktm_freeze_transactions(KTM_MAX_FREEZE_NS, KTM_MAX_FREEZE_NS, NULL))) {
		errors_killed(e, recover_killed, en);
		NEED(e, ktm_thaw_transactions(NULL));
	}
	ktm_enlistment_put(en);
put_rm:
	ktm_rm_put(d->rm);
}

static bool live(struct errors *e, struct durable *d)
{
	bool ok = false;

	if (!NEED(e, ktm_tm_recover(d->tm, NULL, NULL)))
		return false;
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_tm_rollforward, d->tm, 1, NULL);
	REFUSED(e, EPROTO, REQUEST_NOT_VALID, ktm_tm_rename, d->tm, &d->uow);
	d->rm = ktm_rm_create(d->tm, 0, KTM_RM_ALL_ACCESS, 0, NULL, &d->rm_guid, NULL);
	if (!NEED_USE(e, d->rm))
		return false;
	d->tx = ktm_transaction_create(NULL, 0, KTM_TX_ALL_ACCESS, 0, 0, NULL, NULL, NULL);
	if (NEED_USE(e, d->tx)) {
		d->uow = ktm_transaction_id(d->tx);
		rm_not_online(e, d);
		volatile_superior(e, d);
		ok = NEED(e, ktm_rm_recover(d->rm, NULL)) && decide(e, d);
		ktm_transaction_put(d->tx);
	}
	ktm_rm_put(d->rm);
	return ok;
}

static void with_devices(struct errors *e, const struct devices *dev)
{
	struct ktm_guid guid = { };
	struct durable d = { };
	bool ok;

	attaching(e, dev);
	d.tm = ktm_tm_create(dev->device, 0, KTM_TM_ALL_ACCESS, 0, &guid, NULL);
	if (!NEED_USE(e, d.tm))
		return;
	not_online(e, dev, d.tm, &guid);
	recovering(e, dev, d.tm);
	ok = live(e, &d);
	ktm_tm_put(d.tm);
	if (!ok)
		return;
	d.tm = ktm_tm_create(dev->device, 0, KTM_TM_ALL_ACCESS, 0, NULL, NULL);
	if (!NEED_USE(e, d.tm))
		return;
	/* Nobody knows it while the log is not read. */
	d.tx = ktm_transaction_create(NULL, 0, KTM_TX_ALL_ACCESS, 0, 0, NULL, &d.uow, NULL);
	if (NEED_USE(e, d.tx)) {
		if (NEED(e, ktm_tm_recover(d.tm, NULL, NULL)))
			come_back(e, &d);
		ktm_transaction_put(d.tx);
	}
	ktm_tm_put(d.tm);
}

void errors_devices(struct errors *e)
{
	const struct devices d = {
		.device = take(e, FD_DEVICE),
		.other = take(e, FD_OTHER),
		.blank = take(e, FD_BLANK),
		.busy = take(e, FD_BUSY),
		.read_only = take(e, FD_READ_ONLY),
		.for_reading = take(e, FD_FOR_READING),
	};

	if (!e->failed)
		with_devices(e, &d);
	give_back(d.device);
	give_back(d.other);
	give_back(d.blank);
	give_back(d.busy);
	give_back(d.read_only);
	give_back(d.for_reading);
}
