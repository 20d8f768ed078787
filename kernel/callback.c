// SPDX-License-Identifier: GPL-2.0
/*
 * Notifications of drivers' RMs, told by callback.
 *
 * Each such RM has a worker of its own: a callback that never returns holds up nobody else's. No
 * lock is held while a driver is called, but a reference on its module; when that goes it is not
 * called any more.
 */
#include <linux/err.h>
#include <linux/ktm.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "enlistment.h"
#include "ktm.h"
#include "notify.h"
#include "rm.h"
#include "use.h"

/*
 * @lock: @all, and ktm_rm.callbacks: who takes one out of these ends it. Not held while anybody is
 * called or waited for.
 */
static DEFINE_MUTEX(lock);
static LIST_HEAD(all);

/*
 * @link: in @all
 * @handle: the RM's use that has enabled them, and disables them when it is put
 * @work: calls @callback as long as there is something to tell; in @wq, where nothing else is
 * @running: the thread in @work; only compared with current
 * @put: @handle was put from within the callback; written and read by that thread
 * @end: ends them then
 * @use: of the enlistment that @callback is called for
 */
struct ktm_callbacks {
	struct list_head link;
	struct ktm_rm *rm;
	struct ktm_handle *handle;
	ktm_rm_callback callback;
	void *context;
	struct module *owner;
	struct workqueue_struct *wq;
	struct work_struct work;
	struct task_struct *running;
	bool put;
	struct work_struct end;
	struct ktm_enlistment_use use;
};

/* As who has the RM's descriptor may do with its enlistments, by GUID. */
static u32 enlistment_access(u32 rm_access)
{
	u32 access = 0;

	if (rm_access & KTM_RM_QUERY_INFORMATION)
		access |= KTM_EN_QUERY_INFORMATION;
	if (rm_access & KTM_RM_SET_INFORMATION)
		access |= KTM_EN_SET_INFORMATION;
	if (rm_access & KTM_RM_ENLIST)
		access |= KTM_EN_SUBORDINATE_RIGHTS | KTM_EN_SUPERIOR_RIGHTS;
	if (rm_access & KTM_RM_RECOVER)
		access |= KTM_EN_RECOVER;
	return access;
}

/* The answer of who has done what he was told to do; 0: there is none. */
static unsigned int answer_of(u32 kind)
{
	switch (kind) {
	case KTM_NOTIFY_PREPREPARE:
		return KTM_IOC_PREPREPARE_COMPLETE;
	case KTM_NOTIFY_PREPARE:
		return KTM_IOC_PREPARE_COMPLETE;
	case KTM_NOTIFY_COMMIT:
	case KTM_NOTIFY_SINGLE_PHASE_COMMIT:
		return KTM_IOC_COMMIT_COMPLETE;
	case KTM_NOTIFY_ROLLBACK:
		return KTM_IOC_ROLLBACK_COMPLETE;
	case KTM_NOTIFY_RECOVER:
		return KTM_IOC_EN_RECOVER;
	default:
		return 0;
	}
}

/* Is it told while it can still say no? */
static bool may_refuse(u32 kind)
{
	return kind & (KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_PREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT |
		       KTM_NOTIFY_PREPREPARE_COMPLETE | KTM_NOTIFY_PREPARE_COMPLETE |
		       KTM_NOTIFY_COMMIT_REQUEST);
}

static u32 answer(struct ktm_callbacks *cb, unsigned int cmd, u64 key)
{
	const struct ktm_answer arg = { .key = key };

	if (!ktm_en_may_answer(&cb->use.handle, cmd))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_en_answer(ktm_en_of(cb->use.handle.obj), cmd, &arg, NULL, true);
}

static void handled(struct ktm_callbacks *cb, const struct ktm_notification *n)
{
	const unsigned int cmd = answer_of(n->kind);
	u32 status;

	if (!cmd)
		return;
	status = answer(cb, cmd, n->kind == KTM_NOTIFY_RECOVER ? n->key : 0);
	/* NOT_REQUESTED: it has answered by itself, or a rollback has overtaken it. */
	if (status && status != KTM_STATUS_PENDING && status != KTM_STATUS_NOT_REQUESTED &&
	    may_refuse(n->kind))
		answer(cb, KTM_IOC_EN_ROLLBACK, 0);
}

static void refused(struct ktm_callbacks *cb, const struct ktm_notification *n, int err)
{
	if (may_refuse(n->kind))
		answer(cb, KTM_IOC_EN_ROLLBACK, 0);
	else
		pr_warn_ratelimited("ktm: RM %pUb: callback for notification 0x%x of enlistment %pUb failed: %d\n",
				    cb->rm->obj.guid.b, n->kind, n->enlistment.b, err);
}

static void call(struct ktm_enlistment *en, const struct ktm_notification *n, void *ctx)
{
	struct ktm_callbacks *cb = ctx;
	int ret;

	if (!en) {
		cb->callback(cb->context, n, NULL);
		return;
	}
	cb->use.handle.obj = &en->obj;
	ret = cb->callback(cb->context, n, &cb->use);
	if (ret < 0)
		refused(cb, n, ret);
	else if (ret == KTM_CALLBACK_HANDLED)
		handled(cb, n);
}

static void callbacks_work(struct work_struct *work)
{
	struct ktm_callbacks *cb = container_of(work, struct ktm_callbacks, work);
	bool more = true;

	WRITE_ONCE(cb->running, current);
	/* Its module may have begun to go: then nobody is told any more. */
	while (more && !cb->put && try_module_get(cb->owner)) {
		more = ktm_notify_deliver(&cb->rm->queue, call, cb);
		module_put(cb->owner);
		cond_resched();
	}
	WRITE_ONCE(cb->running, NULL);
	if (cb->put)
		queue_work(ktm_slow_wq, &cb->end);
}

/* Those that this use has enabled, or that this module has; nobody else finds them any more. */
static struct ktm_callbacks *take(const struct ktm_handle *handle, const struct module *owner)
{
	struct ktm_callbacks *cb;

	mutex_lock(&lock);
	list_for_each_entry(cb, &all, link) {
		if (handle ? cb->handle == handle : cb->owner == owner)
			goto found;
	}
	mutex_unlock(&lock);
	return NULL;
found:
	list_del(&cb->link);
	WRITE_ONCE(cb->rm->callbacks, NULL);
	ktm_notify_by_work(&cb->rm->queue, NULL, NULL);
	mutex_unlock(&lock);
	return cb;
}

static void callbacks_free(struct ktm_callbacks *cb)
{
	cancel_work_sync(&cb->work);
	destroy_workqueue(cb->wq);
	kfree(cb);
}

static void callbacks_end_work(struct work_struct *work)
{
	struct ktm_callbacks *cb = container_of(work, struct ktm_callbacks, end);
	struct ktm_handle *handle = cb->handle;

	callbacks_free(cb);
	ktm_use_put(handle);
}

/**
 * ktm_callbacks_end - a driver puts a use of an RM
 * @handle: the use
 *
 * If it has enabled callbacks, waits until none runs.
 *
 * Return: false: one of them puts it, so @handle goes by itself when that has returned.
 */
bool ktm_callbacks_end(struct ktm_handle *handle)
{
	struct ktm_callbacks *cb;

	/* Most have none. */
	if (!READ_ONCE(ktm_rm_of(handle->obj)->callbacks))
		return true;
	cb = take(handle, NULL);
	if (!cb)
		return true;
	if (READ_ONCE(cb->running) == current) {
		cb->put = true;
		return false;
	}
	callbacks_free(cb);
	return true;
}

static struct ktm_callbacks *callbacks_alloc(struct ktm_handle *handle, ktm_rm_callback callback,
					     void *context, struct module *owner)
{
	struct ktm_callbacks *cb = kzalloc(sizeof(*cb), GFP_KERNEL_ACCOUNT);

	if (!cb)
		return NULL;
	/* What it does is part of commits, which memory may be waiting for. */
	cb->wq = alloc_ordered_workqueue("ktm_rm", WQ_MEM_RECLAIM);
	if (!cb->wq) {
		kfree(cb);
		return NULL;
	}
	INIT_WORK(&cb->work, callbacks_work);
	INIT_WORK(&cb->end, callbacks_end_work);
	cb->rm = ktm_rm_of(handle->obj);
	cb->handle = handle;
	cb->callback = callback;
	cb->context = context;
	cb->owner = owner;
	cb->use.handle.access = enlistment_access(handle->access);
	return cb;
}

/**
 * __ktm_rm_enable_callbacks - a driver's RM is told its notifications by callback
 * @rm: a use with KTM_RM_GET_NOTIFICATION; to put it disables them
 * @callback: what is called, see there
 * @context: for @callback
 * @owner: THIS_MODULE of @callback, NULL if that is built in; ktm_rm_enable_callbacks() says it
 * @status: out: enum ktm_status, or NULL
 *
 * From now on nobody can read them, from descriptors either; what waits already is told, too.
 *
 * Once @owner is being unloaded it is not called any more; its exit function puts @rm. A module
 * that has forgotten to is named in the kernel log, and its RM closed for it.
 *
 * Reference: TmEnableCallbacks()
 * Rights: KTM_RM_GET_NOTIFICATION
 * Holds: takes none; to put @rm disables them
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: no callback
 * * -EACCES: no such right
 * * -EPROTO: the RM has callbacks
 * * -ENOMEM: no memory
 */
int __ktm_rm_enable_callbacks(struct ktm_rm_use *rm, ktm_rm_callback callback, void *context,
			      struct module *owner, u32 *status)
{
	u32 ret = KTM_STATUS_SUCCESS;
	struct ktm_callbacks *cb;

	if (!callback)
		return ktm_tell(KTM_STATUS_INVALID_PARAMETER, status);
	if (!ktm_may(&rm->handle, KTM_RM_GET_NOTIFICATION))
		return ktm_tell(KTM_STATUS_ACCESS_DENIED, status);
	cb = callbacks_alloc(&rm->handle, callback, context, owner);
	if (!cb)
		return ktm_tell(KTM_STATUS_INSUFFICIENT_RESOURCES, status);
	mutex_lock(&lock);
	if (cb->rm->callbacks) {
		ret = KTM_STATUS_REQUEST_NOT_VALID;
	} else {
		WRITE_ONCE(cb->rm->callbacks, cb);
		list_add(&cb->link, &all);
		ktm_notify_by_work(&cb->rm->queue, cb->wq, &cb->work);
	}
	mutex_unlock(&lock);
	if (ret)
		callbacks_free(cb);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(__ktm_rm_enable_callbacks);

/**
 * ktm_callbacks_module_gone - a module's exit function has returned
 * @module: its memory is about to go
 */
void ktm_callbacks_module_gone(const struct module *module)
{
	struct ktm_callbacks *cb;
	struct ktm_handle *handle;

	while ((cb = take(NULL, module))) {
		pr_warn("ktm: module %s goes and has not put its RM %pUb, which is closed for it\n",
			module->name, cb->rm->obj.guid.b);
		handle = cb->handle;
		callbacks_free(cb);
		ktm_use_put(handle);
	}
}
