// SPDX-License-Identifier: GPL-2.0
/*
 * Commits that nobody waits for: a driver is called when one is over.
 *
 * What waits is an entry in the transaction's wait queue, all of it allocated before the commit
 * begins: afterwards nothing can fail. The driver is called by a worker of a workqueue in which
 * ktm itself has no work, so one that never returns holds up nobody, as long as they are not as
 * many as the queue has workers.
 *
 * Its module stays until then, but for one whose init function fails: that goes whoever holds it.
 */
#include <linux/err.h>
#include <linux/ktm.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "status.h"
#include "transaction.h"
#include "use.h"

static struct workqueue_struct *async_wq;

/*
 * @lock: @all, and @gone and @calling of those. Nothing is taken inside it.
 * @called: one that was @calling is not in @all any more
 */
static DEFINE_SPINLOCK(lock);
static LIST_HEAD(all);
static DECLARE_WAIT_QUEUE_HEAD(called);

/*
 * One commit. It has ktm.ko and @owner.
 *
 * @link: in @all until @done has returned, or @owner has gone
 * @handle: keeps the transaction open, and its TM; without any right
 * @wait: in the transaction's wait queue, under that queue's lock, until it is settled
 * @work: calls @done then
 * @owner: NULL: built in
 * @gone: @owner has gone, nobody is called
 * @calling: @done is being called
 */
struct async {
	struct list_head link;
	struct ktm_handle *handle;
	struct wait_queue_entry wait;
	struct work_struct work;
	ktm_commit_done done;
	void *context;
	struct module *owner;
	bool gone;
	bool calling;
};

static struct ktm_transaction *tx_of(const struct async *a)
{
	return ktm_tx_of(a->handle->obj);
}

/* Its queue's lock is held. */
static void leave_if_settled(struct async *a)
{
	if (!READ_ONCE(tx_of(a)->settled))
		return;
	list_del_init(&a->wait.entry);
	queue_work(async_wq, &a->work);
}

static int async_woken(struct wait_queue_entry *wait, unsigned int mode, int sync, void *key)
{
	leave_if_settled(container_of(wait, struct async, wait));
	return 0;
}

static void async_wait(struct async *a)
{
	struct wait_queue_head *queue = &tx_of(a)->wait;

	spin_lock_irq(&queue->lock);
	__add_wait_queue_entry_tail(queue, &a->wait);
	leave_if_settled(a);
	spin_unlock_irq(&queue->lock);
}

static void async_free(struct async *a)
{
	ktm_handle_end(a->handle);
	kfree(a);
}

/* Nobody finds it any more; its owner may go as soon as that is so. */
static void disown(struct async *a)
{
	spin_lock(&lock);
	if (!a->gone) {
		module_put(a->owner);
		list_del(&a->link);
	}
	spin_unlock(&lock);
	wake_up_all(&called);
}

static void call(struct async *a, u32 status)
{
	spin_lock(&lock);
	a->calling = !a->gone;
	spin_unlock(&lock);
	if (a->calling)
		a->done(a->context, ktm_status_errno(status), status);
	disown(a);
}

static void async_work(struct work_struct *work)
{
	struct async *a = container_of(work, struct async, work);
	u32 status = ktm_tx_commit_status(tx_of(a));

	/* Its log was opened again since it was settled. */
	if (status == KTM_STATUS_PENDING) {
		async_wait(a);
		return;
	}
	call(a, status);
	async_free(a);
	module_put(THIS_MODULE);
}

static u32 async_alloc(struct ktm_transaction_use *tx, struct module *owner, struct async **made)
{
	struct async *a;
	u32 status;

	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_handle_begin(tx->handle.obj, 0, KTM_OPEN_AGAIN, &a->handle);
	if (status)
		goto free;
	/* Who is being unloaded begins nothing that he could not be told of. */
	if (!try_module_get(owner)) {
		status = KTM_STATUS_REQUEST_NOT_VALID;
		goto end;
	}
	a->owner = owner;
	spin_lock(&lock);
	list_add(&a->link, &all);
	spin_unlock(&lock);
	init_waitqueue_func_entry(&a->wait, async_woken);
	INIT_LIST_HEAD(&a->wait.entry);
	INIT_WORK(&a->work, async_work);
	*made = a;
	return KTM_STATUS_SUCCESS;
end:
	ktm_handle_end(a->handle);
free:
	kfree(a);
	return status;
}

/**
 * __ktm_transaction_commit_async - commit a transaction, and be called when that is over
 * @tx: a use with KTM_TX_COMMIT, which may be put at once
 * @done: what is called, see there
 * @context: for @done
 * @owner: THIS_MODULE of @done, NULL if that is built in; ktm_transaction_commit_async() says it
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_COMMIT without KTM_CALL_WAIT. @done is called once if this returns 0,
 * perhaps before it has returned, and not at all otherwise.
 *
 * Reference: ZwCommitTransaction()
 * Rights: KTM_TX_COMMIT
 * Holds: takes none of @tx, which may be put at once; @owner's module stays until @done has
 * returned, unless its init function fails: then it is not called
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, but for nobody's answer; while all is frozen a signal ends
 * that; from a callback, too.
 *
 * Return: 0 (PENDING or SUCCESS): @done is called; or:
 *
 * * -EINVAL: no @done
 * * -EACCES: no such right
 * * -ECANCELED: it was rolled back, now (ROLLED_BACK) or before
 * * -EALREADY: it is committed
 * * -EPROTO: somebody has called Commit, or @owner is being unloaded
 * * -EBUSY: a superior decides
 * * -ENOMEM: no memory
 * * -EINTR: a signal ended the wait while all is frozen; nothing has begun
 */
int __ktm_transaction_commit_async(struct ktm_transaction_use *tx, ktm_commit_done done,
				   void *context, struct module *owner, u32 *status)
{
	const struct ktm_call arg = { };
	struct async *a;
	u32 ret;

	if (!done)
		return ktm_tell(KTM_STATUS_INVALID_PARAMETER, status);
	ret = async_alloc(tx, owner, &a);
	if (ret)
		return ktm_tell(ret, status);
	a->done = done;
	a->context = context;
	ret = ktm_tx_commit(&tx->handle, &arg);
	if (ret && ret != KTM_STATUS_PENDING) {
		disown(a);
		async_free(a);
		return ktm_tell(ret, status);
	}
	__module_get(THIS_MODULE);
	async_wait(a);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(__ktm_transaction_commit_async);

static bool is_called(const struct module *module)
{
	bool found = false;
	struct async *a;

	spin_lock(&lock);
	list_for_each_entry(a, &all, link)
		found |= a->owner == module;
	spin_unlock(&lock);
	return found;
}

/**
 * ktm_async_module_gone - a module is about to go
 * @module: has failed to start if it has a commit under way: else that would hold it
 *
 * It is called for none any more; the commits go on. Waits for calls that have begun.
 */
void ktm_async_module_gone(const struct module *module)
{
	unsigned int count = 0;
	struct async *a, *next;

	spin_lock(&lock);
	list_for_each_entry_safe(a, next, &all, link) {
		if (a->owner != module || a->calling)
			continue;
		a->gone = true;
		list_del(&a->link);
		count++;
	}
	spin_unlock(&lock);
	if (count)
		pr_warn("ktm: module %s goes and is not told how %u of its commits end\n",
			module->name, count);
	wait_event(called, !is_called(module));
}

/* Once, when the module is loaded. */
int ktm_async_init(void)
{
	/* Without a rescuer: that takes many works and runs them one after the other. */
	async_wq = alloc_workqueue("ktm_async", WQ_UNBOUND, 0);
	return async_wq ? 0 : -ENOMEM;
}

/* Nothing is on its way any more but the end of the last work. */
void ktm_async_exit(void)
{
	destroy_workqueue(async_wq);
}
