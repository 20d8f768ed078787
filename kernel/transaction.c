// SPDX-License-Identifier: GPL-2.0
/*
 * Transactions as objects, and the protocol's actions carried out.
 */
#include <linux/delay.h>
#include <linux/percpu_counter.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "enlistment.h"
#include "freeze.h"
#include "ktm.h"
#include "status.h"
#include "transaction_private.h"

static struct kmem_cache *tx_cache;

/* All that have not been freed. */
static struct percpu_counter tx_alive;

static void tx_setup(struct ktm_transaction *tx)
{
	percpu_counter_inc(&tx_alive);
	mutex_init(&tx->lock);
	INIT_LIST_HEAD(&tx->tm_link);
	INIT_LIST_HEAD(&tx->ended_link);
	INIT_LIST_HEAD(&tx->shadow_link);
	init_waitqueue_head(&tx->wait);
	init_waitqueue_head(&tx->turn);
	INIT_DELAYED_WORK(&tx->timer, ktm_tx_timer);
	INIT_DELAYED_WORK(&tx->forced, ktm_tx_forced);
	tx->created = ktime_get();
	tx->deadline = KTIME_MAX;
}

static void tx_notify_all(struct ktm_transaction *tx)
{
	struct ktm_enc *core;

	list_for_each_entry(core, &tx->core.enlistments, link)
		ktm_notify_enlistment(ktm_en_of_core(core));
}

/* Nobody owes anything any more: let go of the enlistments and of the log. */
static void tx_finish(struct ktm_transaction *tx)
{
	struct ktm_enlistment *en;

	while (!list_empty(&tx->core.enlistments)) {
		en = ktm_en_of_core(list_first_entry(&tx->core.enlistments, struct ktm_enc, link));
		ktm_en_forget(en);
	}
	if (tx->tm && tx->tm->journal)
		ktm_tx_unreserve(tx);
	ktm_tx_retire(tx);
}

/* A freeze waits for those that are under way, from the step that begins it on. */
static void tx_count(struct ktm_transaction *tx)
{
	bool under_way = ktm_txc_under_way(&tx->core);

	lockdep_assert_held(&tx->lock);
	if (under_way == tx->under_way)
		return;
	if (under_way)
		under_way = ktm_commit_is_under_way();
	else
		ktm_commit_is_over();
	tx->under_way = under_way;
}

/**
 * ktm_tx_pass_gate - wait while all is frozen, before something begins
 * @tx: the transaction, its mutex held; let go of during the wait
 * @passed: out: ktm_commit_is_over() is owed when it has begun
 *
 * One that is under way already need not wait: a freeze waits for it.
 *
 * Return: SUCCESS or INTERRUPTED.
 */
u32 ktm_tx_pass_gate(struct ktm_transaction *tx, bool *passed)
{
	int err = 0;

	lockdep_assert_held(&tx->lock);
	while (!tx->under_way) {
		*passed = ktm_commit_may_begin();
		if (*passed)
			break;
		mutex_unlock(&tx->lock);
		err = ktm_freeze_wait();
		mutex_lock(&tx->lock);
		if (err)
			return KTM_STATUS_INTERRUPTED;
	}
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_carry_out - do what the protocol says, in its order
 * @tx: the transaction, its mutex held; the caller has a reference
 * @en: the enlistment whose event it was, with a reference, or NULL
 * @actions: enum ktm_action bits
 */
void ktm_tx_carry_out(struct ktm_transaction *tx, struct ktm_enlistment *en, u32 actions)
{
	u64 lsn;

	lockdep_assert_held(&tx->lock);
	if (actions & KTM_ACT_TICK && tx->tm)
		ktm_tm_clock_tick(tx->tm);
	if (actions & KTM_ACT_LOG_SEAL)
		actions |= ktm_tx_log_seal(tx);
	if (actions & KTM_ACT_LOG_DECISION)
		actions |= ktm_tx_log_decision(tx);
	if (actions & KTM_ACT_LOG_ABORT)
		ktm_tx_log_abort(tx);
	/*
	 * A journal that is offline takes no completion record; the RM is then
	 * asked again after the reopening, which is what it has to expect.
	 */
	if (actions & KTM_ACT_LOG_COMPLETION) {
		if (ktm_en_log_completion(en, ktm_txc_log_ended(&tx->core), &lsn))
			lsn = U64_MAX;
		else
			tx->log_lsn = lsn;
		tx->end_lsn = max(tx->end_lsn, lsn);
	}
	ktm_tx_recount(tx);
	if (actions & KTM_ACT_STOP_TIMER)
		ktm_tx_stop_timer(tx);
	if (actions & KTM_ACT_NOTIFY_ALL)
		tx_notify_all(tx);
	else if (actions & KTM_ACT_NOTIFY_SELF)
		ktm_notify_enlistment(en);
	if (actions & KTM_ACT_FINISHED)
		tx_finish(tx);
	WRITE_ONCE(tx->settled, ktm_txc_settled(&tx->core));
	tx_count(tx);
	if (actions & (KTM_ACT_WAKE | KTM_ACT_FINISHED))
		wake_up_all(&tx->wait);
}

/**
 * ktm_tx_event - something happened to a transaction
 * @tx: the transaction, its mutex held; the caller has a reference
 * @ev: what
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_event(struct ktm_transaction *tx, enum ktm_tx_event ev)
{
	struct ktm_result r = ktm_txc_event(&tx->core, ev);

	ktm_tx_carry_out(tx, NULL, r.actions);
	return r.status;
}

/**
 * ktm_tx_enlistment_event - something happened to an enlistment
 * @en: the enlistment, its transaction's mutex held; the caller has a reference
 * @ev: what
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_enlistment_event(struct ktm_enlistment *en, enum ktm_en_event ev)
{
	struct ktm_result r = ktm_enc_event(&en->core, ev);

	ktm_tx_carry_out(en->tx, en, r.actions);
	return r.status;
}

static u32 copy_description(struct ktm_transaction *tx, const struct ktm_tx_create *arg,
			    bool in_kernel)
{
	if (arg->description_length > KTM_MAX_DESCRIPTION ||
	    !arg->description != !arg->description_length)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!arg->description_length)
		return KTM_STATUS_SUCCESS;
	/* Not memdup_user(), which charges nobody. */
	tx->description = kmalloc(arg->description_length, GFP_KERNEL_ACCOUNT);
	if (!tx->description)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	if (copy_from_sockptr(tx->description, ktm_pointer(in_kernel, arg->description),
			      arg->description_length))
		return KTM_STATUS_FAULT;
	tx->description_length = arg->description_length;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_create - KTM_IOC_TX_CREATE
 * @arg: the request
 * @handle: of the TM that it shall belong to; or NULL
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_create(struct ktm_tx_create *arg, struct ktm_handle *handle, struct ktm_new_fd *nfd)
{
	struct ktm_tm *tm = handle ? ktm_tm_of(handle->obj) : NULL;
	struct ktm_transaction *tx;
	u32 status;

	if (handle && !ktm_may(handle, KTM_TM_BIND_TRANSACTION))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags & ~KTM_TX_DO_NOT_PROMOTE || !arg->access ||
	    arg->access & ~KTM_TX_ALL_ACCESS)
		return KTM_STATUS_INVALID_PARAMETER;
	if (tm && !ktm_tm_online(tm))
		return KTM_STATUS_TM_NOT_ONLINE;
	tx = kmem_cache_zalloc(tx_cache, GFP_KERNEL);
	if (!tx)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init(&tx->obj, KTM_KIND_TX, NULL, &arg->uow, arg->mode);
	if (status) {
		kmem_cache_free(tx_cache, tx);
		return status;
	}
	tx_setup(tx);
	ktm_txc_init(&tx->core);
	tx->isolation_level = arg->isolation_level;
	tx->isolation_flags = arg->isolation_flags;
	status = copy_description(tx, arg, nfd->in_kernel);
	if (status)
		goto put;
	/* From here on ktm_tx_leave() ends it: the reference that it holds on itself. */
	ktm_object_get(&tx->obj);
	mutex_lock(&tx->lock);
	if (tm)
		ktm_tx_join(tx, tm);
	mutex_unlock(&tx->lock);
	status = ktm_handle_create(&tx->obj, arg->access, 0, nfd);
	/* Its TM was opened again just now, and has ended what nobody had yet. */
	if (status == KTM_STATUS_TRANSACTION_NOT_FOUND)
		status = KTM_STATUS_TM_NOT_ONLINE;
	/*
	 * Found by others only when all is in place, and while our descriptor
	 * keeps it: who opens and closes it at once must not end it.
	 */
	mutex_lock(&tx->lock);
	if (status) {
		ktm_tx_event(tx, KTM_TXEV_CLOSE);
		ktm_tx_retire(tx);
	} else {
		status = ktm_status_from_errno(ktm_object_publish(&tx->obj));
		tx->published = !status;
		if (!status)
			ktm_tx_set_timeout(tx, arg->timeout_ns);
	}
	mutex_unlock(&tx->lock);
	if (status)
		ktm_new_fd_cancel(nfd);
	arg->uow = tx->obj.guid;
	arg->fd = nfd->fd;
put:
	ktm_object_put(&tx->obj);
	return status;
}

static u32 tx_opened(struct ktm_object *obj, u32 access, u32 flags)
{
	struct ktm_transaction *tx = ktm_tx_of(obj);
	u32 status = KTM_STATUS_TRANSACTION_NOT_FOUND;

	ktm_tx_lock(tx);
	if (tx->retired)
		goto out;
	if (tx->tm && !tx->holds_tm) {
		if (!ktm_tm_hold(tx->tm))
			goto out;
		tx->holds_tm = true;
	}
	tx->handles++;
	if (access & KTM_TX_COMMIT)
		tx->committers++;
	status = KTM_STATUS_SUCCESS;
out:
	mutex_unlock(&tx->lock);
	return status;
}

static void tx_closed(struct ktm_object *obj, u32 access, bool unseen)
{
	struct ktm_transaction *tx = ktm_tx_of(obj);
	struct ktm_tm *tm = NULL;

	ktm_tx_lock(tx);
	tx->handles--;
	if (access & KTM_TX_COMMIT) {
		tx->committers--;
		tx->left |= !unseen;
	}
	/* One that nobody has had open for commit may still be opened for it, while it is open. */
	if (!tx->committers && (tx->left || !tx->handles))
		ktm_tx_event(tx, KTM_TXEV_CLOSE);
	if (!tx->handles) {
		if (tx->holds_tm)
			tm = tx->tm;
		tx->holds_tm = false;
		ktm_tx_retire(tx);
	}
	mutex_unlock(&tx->lock);
	if (tm)
		ktm_tm_release(tm);
}

/**
 * ktm_tx_create_recovered - a transaction that the log knows
 * @tm: its TM
 * @uow: its GUID
 * @mode: as logged
 * @uid: as logged
 * @gid: as logged
 * @txp: out: not published yet, with a reference for the caller
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_create_recovered(struct ktm_tm *tm, const struct ktm_guid *uow, u32 mode, u32 uid,
			    u32 gid, struct ktm_transaction **txp)
{
	struct ktm_transaction *tx = kmem_cache_zalloc(tx_cache, GFP_KERNEL);
	u32 status;

	if (!tx)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init_recovered(&tx->obj, KTM_KIND_TX, NULL, uow, mode, uid, gid);
	if (status) {
		kmem_cache_free(tx_cache, tx);
		return status;
	}
	tx_setup(tx);
	ktm_txc_init_recovered(&tx->core, KTM_FOUND_ABORT);
	tx->settled = true;
	*txp = tx;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_publish_recovered - it is what the log says, durably: let it be found
 * @tx: from ktm_tx_create_recovered(), its enlistments in place
 * @tm: its TM
 *
 * May sleep until there is memory: what the log knows cannot be refused.
 */
void ktm_tx_publish_recovered(struct ktm_transaction *tx, struct ktm_tm *tm)
{
	mutex_lock(&tx->lock);
	ktm_object_get(&tx->obj);
	tx->logged = true;
	/* A client may have taken the UOW meanwhile; RMs find theirs by enlistment. */
	tx->published = !ktm_object_publish_nofail(&tx->obj);
	ktm_tx_join(tx, tm);
	if (!tx->published) {
		spin_lock(&tm->list_lock);
		list_add_tail(&tx->shadow_link, &tm->shadowed);
		spin_unlock(&tm->list_lock);
	}
	mutex_unlock(&tx->lock);
}

/**
 * ktm_tx_discard - its TM goes; what is unfinished is in the log only
 * @tx: the transaction, with a reference of the caller
 */
void ktm_tx_discard(struct ktm_transaction *tx)
{
	mutex_lock(&tx->lock);
	ktm_tx_stop_timer(tx);
	while (!list_empty(&tx->core.enlistments))
		ktm_en_forget(ktm_en_of_core(list_first_entry(&tx->core.enlistments,
							      struct ktm_enc, link)));
	if (tx->tm && tx->tm->journal)
		ktm_tx_unreserve(tx);
	if (tx->under_way)
		ktm_commit_is_over();
	tx->under_way = false;
	ktm_tx_leave(tx);
	mutex_unlock(&tx->lock);
}

/* KTM_INFO_TX_BASIC */
void ktm_tx_info(struct ktm_transaction *tx, struct ktm_tx_info *info)
{
	memset(info, 0, sizeof(*info));
	info->uow = tx->obj.guid;
	ktm_tx_lock(tx);
	if (tx->tm)
		info->tm = tx->tm->obj.guid;
	info->state = tx->core.state;
	info->outcome = ktm_txc_outcome(&tx->core);
	info->enlistments = ktm_tx_unfinished_enlistments(tx);
	info->timeout_ns = tx->timeout_ns;
	info->description_length = tx->description_length;
	if (tx->description)
		memcpy(info->description, tx->description, tx->description_length);
	mutex_unlock(&tx->lock);
	info->age_ns = ktime_to_ns(ktime_sub(ktime_get(), tx->created));
}

/* Enlistments whose part is not over. */
u32 ktm_tx_unfinished_enlistments(struct ktm_transaction *tx)
{
	struct ktm_enc *core;
	u32 n = 0;

	lockdep_assert_held(&tx->lock);
	list_for_each_entry(core, &tx->core.enlistments, link)
		n += !ktm_enc_finished(core);
	return n;
}

static void tx_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(tx_cache, container_of(rcu, struct ktm_transaction, rcu));
}

static void tx_free(struct ktm_object *obj)
{
	struct ktm_transaction *tx = ktm_tx_of(obj);

	kfree(tx->description);
	WARN_ON_ONCE(tx->reserved || tx->charged);
	ktm_user_put(tx->payer);
	if (tx->tm)
		ktm_object_put(&tx->tm->obj);
	percpu_counter_dec(&tx_alive);
	call_rcu(&tx->rcu, tx_free_rcu);
}

static void tx_show(struct ktm_object *obj, struct seq_file *m)
{
	seq_printf(m, "ktm-state:\t%u\n", READ_ONCE(ktm_tx_of(obj)->core.state));
}

static __poll_t tx_poll(struct file *file, poll_table *wait)
{
	struct ktm_handle *handle = file->private_data;
	struct ktm_transaction *tx = ktm_tx_of(handle->obj);

	poll_wait(file, &tx->wait, wait);
	/* No lock: it may be held while a vote waits for the device. */
	if (ktm_state_outcome(READ_ONCE(tx->core.state)) == KTM_OUTCOME_UNDETERMINED &&
	    !ktm_txc_finished(&tx->core))
		return 0;
	return EPOLLIN | EPOLLRDNORM;
}

static const struct file_operations tx_fops = {
	.owner		= THIS_MODULE,
	.release	= ktm_handle_release,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= tx_poll,
	.show_fdinfo	= ktm_handle_show_fdinfo,
	.llseek		= noop_llseek,
};

const struct ktm_kind_ops ktm_tx_ops = {
	.name		= "tx",
	.fops		= &tx_fops,
	.not_found	= KTM_STATUS_TRANSACTION_NOT_FOUND,
	.all_access	= KTM_TX_ALL_ACCESS,
	.r		= KTM_TX_QUERY_INFORMATION,
	.w		= KTM_TX_RESOURCE_MANAGER_RIGHTS,
	.x		= KTM_TX_COMMIT | KTM_TX_ROLLBACK,
	.opened		= tx_opened,
	.closed		= tx_closed,
	.free		= tx_free,
	.show		= tx_show,
};

/**
 * ktm_transactions_init() - once, when the module is loaded
 *
 * A cache of their own: they are many, and the general ones come in powers of two.
 */
int ktm_transactions_init(void)
{
	int err = percpu_counter_init(&tx_alive, 0, GFP_KERNEL);

	if (err)
		return err;
	tx_cache = KMEM_CACHE(ktm_transaction, SLAB_ACCOUNT);
	if (tx_cache)
		return 0;
	percpu_counter_destroy(&tx_alive);
	return -ENOMEM;
}

/**
 * ktm_transactions_stop() - wait for those that a time-out still refers to
 *
 * When nobody has one open; before the workqueues go, into which such a time-out comes back.
 */
void ktm_transactions_stop(void)
{
	while (percpu_counter_sum(&tx_alive))
		msleep(20);
}

/**
 * ktm_transactions_exit() - once, when none is left and rcu_barrier() has been passed
 */
void ktm_transactions_exit(void)
{
	kmem_cache_destroy(tx_cache);
	percpu_counter_destroy(&tx_alive);
}
