// SPDX-License-Identifier: GPL-2.0
/*
 * Transaction managers: making, finding, bringing online, letting go.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uuid.h>

#include "enlistment.h"
#include "ktm.h"
#include "recovery.h"
#include "restart.h"
#include "rm.h"
#include "status.h"
#include "stream.h"
#include "tm.h"
#include "transaction.h"

/*
 * Every durable TM, from before it claims its device until after it has given
 * it up, so that a new one waits for one that is closing.
 */
static LIST_HEAD(all_tms);
static DEFINE_SPINLOCK(all_tms_lock);
static DECLARE_WAIT_QUEUE_HEAD(all_tms_wait);

static void tm_teardown(struct work_struct *work);

/**
 * ktm_tm_hold - keep a TM alive
 * @tm: the TM, with a reference
 *
 * Return: false if it is closing already.
 */
bool ktm_tm_hold(struct ktm_tm *tm)
{
	return atomic64_inc_not_zero(&tm->users);
}

/**
 * ktm_tm_release - undo ktm_tm_hold()
 * @tm: the TM
 *
 * Never waits: what there is to do when the last one goes is done by a worker.
 */
void ktm_tm_release(struct ktm_tm *tm)
{
	if (atomic64_dec_and_test(&tm->users))
		queue_work(ktm_slow_wq, &tm->teardown);
}

/* In ktm_tm.users: one of them, and that it is work of ours. */
#define OWN_WORK	((1ll << 32) + 1)

/**
 * ktm_tm_hold_for_work - keep a TM alive for work of ours, which nobody is to wait for
 * @tm: the TM, with a reference
 *
 * Return: false if it is closing already.
 */
bool ktm_tm_hold_for_work(struct ktm_tm *tm)
{
	return atomic64_add_unless(&tm->users, OWN_WORK, 0);
}

/**
 * ktm_tm_release_by_work - undo ktm_tm_hold_for_work()
 * @tm: the TM
 */
void ktm_tm_release_by_work(struct ktm_tm *tm)
{
	if (atomic64_sub_and_test(OWN_WORK, &tm->users))
		queue_work(ktm_slow_wq, &tm->teardown);
}

/* Those who have a descriptor, whose decision is on its way, and KTM_TM_PERSIST. */
static u32 tm_users(const struct ktm_tm *tm)
{
	const s64 users = atomic64_read(&tm->users);

	return lower_32_bits(users) - upper_32_bits(users);
}

/**
 * ktm_tm_clock_raise - the virtual clock is at least that
 * @tm: the TM
 * @clock: a value that ktm_clock_valid() allows
 */
void ktm_tm_clock_raise(struct ktm_tm *tm, u64 clock)
{
	s64 now = atomic64_read(&tm->clock);

	while (now < (s64)clock && !atomic64_try_cmpxchg(&tm->clock, &now, clock))
		;
}

/**
 * ktm_tm_clock_tick - a commit begins
 * @tm: the TM
 *
 * At the end of time it stands still: an RM may have raised it there.
 *
 * Return: the new value.
 */
u64 ktm_tm_clock_tick(struct ktm_tm *tm)
{
	s64 now = atomic64_read(&tm->clock);

	while (now < S64_MAX && !atomic64_try_cmpxchg(&tm->clock, &now, now + 1))
		;
	return now < S64_MAX ? now + 1 : now;
}

/* The device of a descriptor; 0 if it is no block device. */
static dev_t file_dev(struct file *file)
{
	struct inode *inode = file_inode(file);

	return S_ISBLK(inode->i_mode) ? inode->i_rdev : 0;
}

static struct ktm_tm *tm_on_device(dev_t dev)
{
	struct ktm_tm *tm;

	lockdep_assert_held(&all_tms_lock);
	list_for_each_entry(tm, &all_tms, all) {
		if (tm->dev == dev)
			return tm;
	}
	return NULL;
}

static bool device_is_settled(dev_t dev)
{
	struct ktm_tm *tm;
	bool settled;

	spin_lock(&all_tms_lock);
	tm = tm_on_device(dev);
	settled = !tm || (tm->journal && atomic64_read(&tm->users));
	spin_unlock(&all_tms_lock);
	return settled;
}

/* Enter the list as the only TM on its device; waits for one that comes or goes. */
static u32 tm_register(struct ktm_tm *tm, struct ktm_guid *guid)
{
	struct ktm_tm *other;
	bool stays;

	for (;;) {
		if (wait_event_killable(all_tms_wait, device_is_settled(tm->dev)))
			return KTM_STATUS_INTERRUPTED;
		spin_lock(&all_tms_lock);
		other = tm_on_device(tm->dev);
		stays = other && other->journal && atomic64_read(&other->users);
		if (!other)
			list_add(&tm->all, &all_tms);
		else if (stays)
			*guid = ktm_object_guid(&other->obj);
		spin_unlock(&all_tms_lock);
		if (!other)
			return KTM_STATUS_SUCCESS;
		if (stays)
			return KTM_STATUS_OBJECT_NAME_COLLISION;
	}
}

static void tm_unregister(struct ktm_tm *tm)
{
	spin_lock(&all_tms_lock);
	list_del_init(&tm->all);
	spin_unlock(&all_tms_lock);
	wake_up_all(&all_tms_wait);
}

static bool are_no_tms(void)
{
	bool none;

	spin_lock(&all_tms_lock);
	none = list_empty(&all_tms);
	spin_unlock(&all_tms_lock);
	return none;
}

/**
 * ktm_tms_stop() - wait until the last durable TM has given its log up
 *
 * When nobody has one open; before the workqueues go: a force that nobody waits for keeps
 * its TM until it ends, and only then its closing is queued.
 */
void ktm_tms_stop(void)
{
	wait_event(all_tms_wait, are_no_tms());
}

/* What the journal says is wrong, as a status. */
static u32 fault_status(const struct ktm_jf_fault *fault)
{
	switch (fault->code) {
	case KTM_JF_OK:
		return ktm_status_from_errno(fault->err);
	case KTM_JF_NOT_JOURNAL:
		return KTM_STATUS_LOG_NOT_A_JOURNAL;
	case KTM_JF_TOO_SMALL:
		return KTM_STATUS_LOG_TOO_SMALL;
	case KTM_JF_UNSUPPORTED:
		return KTM_STATUS_LOG_UNSUPPORTED;
	case KTM_JF_CORRUPT:
		return KTM_STATUS_LOG_CORRUPTION_DETECTED;
	case KTM_JF_FULL:
		return KTM_STATUS_LOG_FULL;
	case KTM_JF_IO:
	case KTM_JF_REFUSED:
		return ktm_status_from_errno(fault->err);
	}
	return KTM_STATUS_UNSUCCESSFUL;
}

static u32 tm_attach(struct ktm_tm *tm, struct file *file, struct ktm_guid *guid)
{
	struct ktm_jf_fault fault = { };
	struct ktm_journal *journal;
	u32 status;
	int err;

	if (IS_ERR_OR_NULL(file))
		return KTM_STATUS_INVALID_HANDLE;
	tm->dev = file_dev(file);
	if (!tm->dev)
		return KTM_STATUS_OBJECT_TYPE_MISMATCH;
	status = tm_register(tm, guid);
	if (status)
		return status;
	err = ktm_journal_attach(file, &journal, &fault);
	if (err) {
		status = fault.code ? fault_status(&fault) : ktm_status_from_errno(err);
		goto unregister;
	}
	if (!ktm_guid_is_nil(guid) && !ktm_guid_eq(guid, ktm_journal_guid(journal))) {
		status = KTM_STATUS_TM_IDENTITY_MISMATCH;
		goto detach;
	}
	tm->obj.guid = *ktm_journal_guid(journal);
	ktm_journal_set_discard(journal, tm->flags & KTM_TM_DISCARD);
	spin_lock(&all_tms_lock);
	tm->journal = journal;
	spin_unlock(&all_tms_lock);
	wake_up_all(&all_tms_wait);
	return KTM_STATUS_SUCCESS;
detach:
	ktm_journal_detach(journal);
unregister:
	tm_unregister(tm);
	return status;
}

/* Anybody may choose a volatile one's GUID; it must not stand where a journal's TM belongs. */
#define VOLATILE_SCOPE	((const void *)&ktm_tm_ops)

/**
 * ktm_tm_call_open - KTM_IOC_TM_OPEN
 * @arg: the request
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status; of two of one GUID the durable one is opened.
 */
u32 ktm_tm_call_open(struct ktm_open *arg, struct ktm_new_fd *nfd)
{
	u32 status = ktm_handle_open(KTM_KIND_TM, NULL, 0, arg, nfd);

	if (status == KTM_STATUS_TM_NOT_FOUND)
		status = ktm_handle_open(KTM_KIND_TM, VOLATILE_SCOPE, 0, arg, nfd);
	return status;
}

/* Who has claimed that device, with a reference. */
static struct ktm_tm *tm_find_by_dev(dev_t dev)
{
	struct ktm_tm *tm;

	spin_lock(&all_tms_lock);
	tm = tm_on_device(dev);
	if (tm && READ_ONCE(tm->published))
		ktm_object_get(&tm->obj);
	else
		tm = NULL;
	spin_unlock(&all_tms_lock);
	return tm;
}

/**
 * ktm_tm_call_open_log - KTM_IOC_TM_OPEN_LOG
 * @arg: the request
 * @device: what its descriptor is of, NULL or an ERR_PTR if it is none
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_tm_call_open_log(struct ktm_tm_open_log *arg, struct file *device,
			 struct ktm_new_fd *nfd)
{
	struct ktm_tm *tm;
	u32 status;
	dev_t dev;

	if (arg->flags)
		return KTM_STATUS_INVALID_PARAMETER;
	if (IS_ERR_OR_NULL(device))
		return KTM_STATUS_INVALID_HANDLE;
	dev = file_dev(device);
	if (!dev)
		return KTM_STATUS_OBJECT_TYPE_MISMATCH;
	tm = tm_find_by_dev(dev);
	if (!tm)
		return KTM_STATUS_TM_NOT_FOUND;
	status = ktm_handle_open_object(&tm->obj, arg->access, 0, nfd);
	arg->guid = ktm_object_guid(&tm->obj);
	arg->fd = nfd->fd;
	ktm_object_put(&tm->obj);
	return status;
}

static u32 tm_publish(struct ktm_tm *tm)
{
	struct ktm_object *durable = NULL;

	if (!tm->journal)
		durable = ktm_object_find(KTM_KIND_TM, NULL, &tm->obj.guid);
	if (durable) {
		ktm_object_put(durable);
		return KTM_STATUS_OBJECT_NAME_COLLISION;
	}
	return ktm_status_from_errno(ktm_object_publish(&tm->obj));
}

/**
 * ktm_tm_call_create - KTM_IOC_TM_CREATE
 * @arg: the request
 * @device: what its descriptor is of; NULL: it names none; or an ERR_PTR: there is none
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_tm_call_create(struct ktm_tm_create *arg, struct file *device, struct ktm_new_fd *nfd)
{
	bool is_volatile = arg->flags & KTM_TM_VOLATILE;
	struct ktm_tm *tm;
	u32 status;

	if ((arg->flags != KTM_TM_VOLATILE && arg->flags & ~(KTM_TM_PERSIST | KTM_TM_DISCARD)) ||
	    arg->reserved || !arg->access ||
	    arg->access & ~KTM_TM_ALL_ACCESS || (is_volatile && device))
		return KTM_STATUS_INVALID_PARAMETER;
	tm = kzalloc(sizeof(*tm), GFP_KERNEL_ACCOUNT);
	if (!tm)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init(&tm->obj, KTM_KIND_TM, is_volatile ? VOLATILE_SCOPE : NULL,
				 is_volatile ? &arg->guid : NULL, arg->mode);
	if (status) {
		kfree(tm);
		return status;
	}
	atomic64_set(&tm->users, 1);
	atomic64_set(&tm->clock, 1);
	mutex_init(&tm->lock);
	spin_lock_init(&tm->list_lock);
	INIT_LIST_HEAD(&tm->rms);
	INIT_LIST_HEAD(&tm->transactions);
	INIT_LIST_HEAD(&tm->ended);
	INIT_LIST_HEAD(&tm->shadowed);
	INIT_LIST_HEAD(&tm->streams);
	INIT_LIST_HEAD(&tm->all);
	init_waitqueue_head(&tm->deciding_wait);
	INIT_WORK(&tm->teardown, tm_teardown);
	INIT_WORK(&tm->restart, ktm_restart_work);
	INIT_DELAYED_WORK(&tm->retry, ktm_restart_retry_work);
	INIT_WORK(&tm->reap, ktm_tx_reap_work);
	tm->flags = arg->flags & ~KTM_TM_PERSIST;
	tm->state = is_volatile ? KTM_TM_STATE_ONLINE : KTM_TM_STATE_OFFLINE;

	if (!is_volatile) {
		status = tm_attach(tm, device, &arg->guid);
		if (status) {
			ktm_object_put(&tm->obj);
			return status;
		}
	}
	/* Nobody shall find one that then does not come to be. */
	status = ktm_handle_create(&tm->obj, arg->access, 0, nfd);
	if (!status) {
		status = tm_publish(tm);
		WRITE_ONCE(tm->published, !status);
		if (status)
			ktm_new_fd_cancel(nfd);
	}
	arg->guid = tm->obj.guid;
	arg->fd = nfd->fd;
	ktm_tm_release(tm);
	return status;
}

static u32 tm_opened(struct ktm_object *obj, u32 access, u32 flags)
{
	return ktm_tm_hold(ktm_tm_of(obj)) ? KTM_STATUS_SUCCESS : KTM_STATUS_TM_NOT_FOUND;
}

static void tm_closed(struct ktm_object *obj, u32 access, bool unseen)
{
	ktm_tm_release(ktm_tm_of(obj));
}

/* Its device has come back under another name. */
static u32 tm_replace_device(struct ktm_tm *tm, struct file *device)
{
	struct ktm_jf_fault fault = { };
	int err;

	lockdep_assert_held(&tm->lock);
	if (IS_ERR(device))
		return KTM_STATUS_INVALID_HANDLE;
	err = ktm_journal_replace(tm->journal, device, &fault);
	if (err)
		return fault.code ? fault_status(&fault) : ktm_status_from_errno(err);
	spin_lock(&all_tms_lock);
	tm->dev = ktm_journal_dev(tm->journal);
	spin_unlock(&all_tms_lock);
	wake_up_all(&all_tms_wait);
	return KTM_STATUS_SUCCESS;
}

/* Read the log, up to a virtual clock or to its end; NULL: on the device that it has. */
static u32 tm_read_log(struct ktm_tm *tm, struct file *device, u64 limit)
{
	struct ktm_jf_fault fault = { };
	u32 status = KTM_STATUS_SUCCESS;
	int err;

	lockdep_assert_held(&tm->lock);
	if (device)
		status = tm_replace_device(tm, device);
	if (status)
		return status;
	err = ktm_recovery_run(tm, limit, &fault);
	if (err) {
		status = fault.code ? fault_status(&fault) : ktm_status_from_errno(err);
		if (status == KTM_STATUS_LOG_CORRUPTION_DETECTED)
			pr_warn_ratelimited("ktm: journal %pUb: %s (device byte %llu, LSN %llu); not opened, nothing written\n",
					    tm->obj.guid.b, fault.msg, fault.place, fault.lsn);
	}
	return status;
}

/* Is it online? Not if its log has failed, and it has yet to be told. */
static u32 tm_look(struct ktm_tm *tm, bool *online)
{
	lockdep_assert_held(&tm->lock);
	if (wait_event_killable(tm->deciding_wait, !ktm_tm_log_is_failing(tm)))
		return KTM_STATUS_INTERRUPTED;
	*online = ktm_tm_online(tm);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tm_call_recover - KTM_IOC_TM_RECOVER
 * @handle: the TM's
 * @arg: the request
 * @device: what its descriptor is of; NULL: it names none; or an ERR_PTR: there is none
 *
 * Return: enum ktm_status.
 */
u32 ktm_tm_call_recover(struct ktm_handle *handle, const struct ktm_tm_recover *arg,
			struct file *device)
{
	struct ktm_tm *tm = ktm_tm_of(handle->obj);
	bool online;
	u32 status;

	if (!ktm_may(handle, KTM_TM_RECOVER))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!tm->journal)
		return KTM_STATUS_TM_VOLATILE;
	if (mutex_lock_killable(&tm->lock))
		return KTM_STATUS_INTERRUPTED;
	status = tm_look(tm, &online);
	if (!status && !online)
		status = tm_read_log(tm, device, U64_MAX);
	mutex_unlock(&tm->lock);
	return status;
}

static u32 tm_rollforward(struct ktm_tm *tm, u64 clock, struct file *device)
{
	bool online;
	u64 reached;
	u32 status;

	lockdep_assert_held(&tm->lock);
	status = tm_look(tm, &online);
	if (status)
		return status;
	if (online)
		return KTM_STATUS_REQUEST_NOT_VALID;
	/* What was told must not become untold. */
	reached = tm->reached == U64_MAX ? ktm_tm_clock(tm) : tm->reached;
	if (clock < reached)
		return KTM_STATUS_INVALID_PARAMETER;
	return tm_read_log(tm, device, clock);
}

/**
 * ktm_tm_call_rollforward - KTM_IOC_TM_ROLLFORWARD
 * @handle: the TM's
 * @arg: the request
 * @device: as for ktm_tm_call_recover()
 *
 * Return: enum ktm_status.
 */
u32 ktm_tm_call_rollforward(struct ktm_handle *handle, const struct ktm_tm_rollforward *arg,
			    struct file *device)
{
	struct ktm_tm *tm = ktm_tm_of(handle->obj);
	u32 status;

	if (!ktm_may(handle, KTM_TM_RECOVER))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || !arg->virtual_clock || !ktm_clock_valid(arg->virtual_clock))
		return KTM_STATUS_INVALID_PARAMETER;
	if (!tm->journal)
		return KTM_STATUS_TM_VOLATILE;
	if (mutex_lock_killable(&tm->lock))
		return KTM_STATUS_INTERRUPTED;
	status = tm_rollforward(tm, arg->virtual_clock, device);
	mutex_unlock(&tm->lock);
	return status;
}

/**
 * ktm_tm_persist - it stays when nobody has it open any more
 * @tm: the TM, kept open by the caller
 */
void ktm_tm_persist(struct ktm_tm *tm)
{
	mutex_lock(&tm->lock);
	__module_get(THIS_MODULE);
	atomic64_inc(&tm->users);
	WRITE_ONCE(tm->flags, tm->flags | KTM_TM_PERSIST);
	mutex_unlock(&tm->lock);
}

/**
 * ktm_tm_call_offline - KTM_IOC_TM_OFFLINE
 * @handle: the TM's
 * @arg: the request
 *
 * Return: enum ktm_status; with SUCCESS it goes with the caller's descriptor.
 */
u32 ktm_tm_call_offline(struct ktm_handle *handle, const struct ktm_call *arg)
{
	struct ktm_tm *tm = ktm_tm_of(handle->obj);
	u32 status = KTM_STATUS_SUCCESS;

	if (!ktm_may(handle, KTM_TM_RECOVER))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	if (mutex_lock_killable(&tm->lock))
		return KTM_STATUS_INTERRUPTED;
	/* The caller's descriptor is one user, what keeps it without any is another. */
	if (!(tm->flags & KTM_TM_PERSIST))
		status = KTM_STATUS_REQUEST_NOT_VALID;
	else if (tm_users(tm) > 2)
		status = KTM_STATUS_OBJECT_BUSY;
	else
		WRITE_ONCE(tm->flags, tm->flags & ~KTM_TM_PERSIST);
	mutex_unlock(&tm->lock);
	if (status)
		return status;
	ktm_tm_release(tm);
	module_put(THIS_MODULE);
	return KTM_STATUS_SUCCESS;
}

static u32 tm_rename(struct ktm_tm *tm, const struct ktm_guid *guid)
{
	struct ktm_jf_fault fault = { };
	struct ktm_object *place;
	int err;

	lockdep_assert_held(&tm->lock);
	/* From its first recovery on it has RMs, which may have stored the identity. */
	if (tm->state != KTM_TM_STATE_OFFLINE)
		return KTM_STATUS_REQUEST_NOT_VALID;
	place = ktm_object_reserve(&tm->obj, guid);
	if (IS_ERR(place))
		return ktm_status_from_errno(PTR_ERR(place));
	err = ktm_journal_rename(tm->journal, guid, &fault);
	if (err) {
		ktm_object_unreserve(place);
		return fault.code ? fault_status(&fault) : ktm_status_from_errno(err);
	}
	ktm_object_rename(&tm->obj, place);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tm_call_rename - KTM_IOC_TM_RENAME
 * @handle: the TM's
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_tm_call_rename(struct ktm_handle *handle, struct ktm_tm_rename *arg)
{
	struct ktm_tm *tm = ktm_tm_of(handle->obj);
	struct ktm_guid guid = arg->guid;
	u32 status;

	if (!ktm_may(handle, KTM_TM_RENAME))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!tm->journal)
		return KTM_STATUS_TM_VOLATILE;
	if (ktm_guid_is_nil(&guid))
		generate_random_uuid(guid.b);
	if (mutex_lock_killable(&tm->lock))
		return KTM_STATUS_INTERRUPTED;
	status = tm_rename(tm, &guid);
	arg->guid = tm->obj.guid;
	mutex_unlock(&tm->lock);
	return status;
}

/**
 * ktm_tm_log_failed - the journal went offline
 * @tm: the TM
 *
 * From the journal's work. Nobody is told anything but that; KTM_IOC_TM_RECOVER
 * brings it back.
 */
void ktm_tm_log_failed(struct ktm_tm *tm)
{
	struct ktm_stream *s;
	struct ktm_rm *rm;

	WRITE_ONCE(tm->state, KTM_TM_STATE_FAILED);
	wake_up_all(&tm->deciding_wait);
	spin_lock(&tm->list_lock);
	list_for_each_entry(rm, &tm->rms, tm_link)
		wake_up_interruptible(&rm->queue.wait);
	list_for_each_entry(s, &tm->streams, tm_link)
		wake_up_interruptible(&s->wait);
	spin_unlock(&tm->list_lock);
}

/**
 * ktm_tm_restart_due - the log asks for a restart area
 * @tm: the TM
 */
void ktm_tm_restart_due(struct ktm_tm *tm)
{
	queue_work(ktm_slow_wq, &tm->restart);
}

/*
 * Nothing of it is open any more. What is unfinished is in the log only from
 * now on.
 */
static void tm_teardown(struct work_struct *work)
{
	struct ktm_tm *tm = container_of(work, struct ktm_tm, teardown);
	struct ktm_transaction *tx;
	struct ktm_stream *s;
	struct ktm_rm *rm;

	while ((tx = ktm_tm_first_transaction(tm))) {
		ktm_tx_discard(tx);
		ktm_object_put(&tx->obj);
	}
	while ((rm = ktm_tm_first_rm(tm))) {
		ktm_rm_discard(rm);
		ktm_object_put(&rm->obj);
	}
	while ((s = ktm_tm_next_stream(tm, NULL))) {
		ktm_stream_discard(s);
		ktm_object_put(&s->obj);
	}
	if (tm->published)
		ktm_object_unpublish(&tm->obj);
	if (tm->journal) {
		ktm_journal_detach(tm->journal);
		/* They find nobody to work for; nothing asks for them any more. */
		cancel_delayed_work_sync(&tm->retry);
		cancel_work_sync(&tm->restart);
		tm_unregister(tm);
	}
	ktm_object_put(&tm->obj);
}

/* Its first transaction with a reference for the caller, or NULL. */
struct ktm_transaction *ktm_tm_first_transaction(struct ktm_tm *tm)
{
	struct ktm_transaction *tx;

	spin_lock(&tm->list_lock);
	tx = list_first_entry_or_null(&tm->transactions, struct ktm_transaction, tm_link);
	if (tx)
		ktm_object_get(&tx->obj);
	spin_unlock(&tm->list_lock);
	return tx;
}

/* Its first RM with a reference for the caller, or NULL. */
struct ktm_rm *ktm_tm_first_rm(struct ktm_tm *tm)
{
	struct ktm_rm *rm;

	spin_lock(&tm->list_lock);
	rm = list_first_entry_or_null(&tm->rms, struct ktm_rm, tm_link);
	if (rm)
		ktm_object_get(&rm->obj);
	spin_unlock(&tm->list_lock);
	return rm;
}

/**
 * ktm_tm_next_stream - walk the streams of a TM
 * @tm: the TM
 * @last: where the walk is, in the list and with a reference, which is given up; NULL: begin
 *
 * @last must not leave the list before: the caller has the TM's mutex, or nobody else has it.
 *
 * Return: the next one with a reference for the caller, or NULL.
 */
struct ktm_stream *ktm_tm_next_stream(struct ktm_tm *tm, struct ktm_stream *last)
{
	struct list_head *next;
	struct ktm_stream *s;

	spin_lock(&tm->list_lock);
	next = last ? last->tm_link.next : tm->streams.next;
	s = next == &tm->streams ? NULL : list_entry(next, struct ktm_stream, tm_link);
	if (s)
		ktm_object_get(&s->obj);
	spin_unlock(&tm->list_lock);
	if (last)
		ktm_object_put(&last->obj);
	return s;
}

/**
 * ktm_tm_for_each_transaction - visit every transaction of a TM once
 * @tm: the TM; its mutex is held, which keeps two walks apart
 * @fn: may sleep, may end the transaction
 * @ctx: for @fn
 *
 * Those that are bound meanwhile are not visited: however fast they come, it ends. For a restart
 * area they are in the log behind its mark, which was made before, with all that there is to
 * say of them. A reopening has set its RMs offline before; who enlists looks at that after
 * binding, so none of those is in a durable RM, and the log knows none.
 */
void ktm_tm_for_each_transaction(struct ktm_tm *tm,
				 void (*fn)(struct ktm_transaction *tx, void *ctx), void *ctx)
{
	struct ktm_transaction *tx;

	lockdep_assert_held(&tm->lock);
	spin_lock(&tm->list_lock);
	tm->walk++;
	/* Who was visited goes to the end of the list, which others read meanwhile. */
	while (!list_empty(&tm->transactions)) {
		tx = list_first_entry(&tm->transactions, struct ktm_transaction, tm_link);
		if (tx->walk == tm->walk)
			break;
		tx->walk = tm->walk;
		list_move_tail(&tx->tm_link, &tm->transactions);
		ktm_object_get(&tx->obj);
		spin_unlock(&tm->list_lock);
		fn(tx, ctx);
		ktm_object_put(&tx->obj);
		spin_lock(&tm->list_lock);
	}
	spin_unlock(&tm->list_lock);
}

/* KTM_INFO_TM_BASIC */
void ktm_tm_info(struct ktm_tm *tm, struct ktm_tm_info *info)
{
	const u64 unfinished = atomic64_read(&tm->unfinished);
	struct ktm_journal_stat st;

	memset(info, 0, sizeof(*info));
	info->guid = ktm_object_guid(&tm->obj);
	info->virtual_clock = ktm_tm_clock(tm);
	info->state = READ_ONCE(tm->state);
	info->flags = READ_ONCE(tm->flags);
	info->rms = READ_ONCE(tm->nr_rms);
	info->transactions = lower_32_bits(unfinished);
	info->indoubt = upper_32_bits(unfinished);
	if (!tm->journal)
		return;
	ktm_journal_stat(tm->journal, &st);
	info->log_size = st.ring_bytes;
	info->log_free = st.free_bytes;
	info->log_reserved = st.reserved_bytes;
	info->log_lsn = st.next_lsn;
	info->log_flushed_lsn = st.flushed_lsn;
	info->last_recovered_lsn = st.recovered_lsn;
	info->forces = st.flushes + st.fua_writes;
	info->writes = st.writes;
}

static void tm_free(struct ktm_object *obj)
{
	WARN_ON_ONCE(atomic64_read(&ktm_tm_of(obj)->unfinished));
	kfree(ktm_tm_of(obj)->recovery);
	kfree_rcu(ktm_tm_of(obj), rcu);
}

static void tm_show(struct ktm_object *obj, struct seq_file *m)
{
	seq_printf(m, "ktm-state:\t%u\n", READ_ONCE(ktm_tm_of(obj)->state));
}

static const struct file_operations tm_fops = {
	.owner		= THIS_MODULE,
	.release	= ktm_handle_release,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= ktm_handle_show_fdinfo,
	.llseek		= noop_llseek,
};

const struct ktm_kind_ops ktm_tm_ops = {
	.name		= "tm",
	.fops		= &tm_fops,
	.not_found	= KTM_STATUS_TM_NOT_FOUND,
	.all_access	= KTM_TM_ALL_ACCESS,
	.r		= KTM_TM_GENERIC_READ,
	.w		= KTM_TM_QUERY_INFORMATION | KTM_TM_SET_INFORMATION | KTM_TM_CREATE_RM |
			  KTM_TM_BIND_TRANSACTION,
	.x		= KTM_TM_RECOVER | KTM_TM_RENAME,
	.opened		= tm_opened,
	.closed		= tm_closed,
	.free		= tm_free,
	.show		= tm_show,
};
