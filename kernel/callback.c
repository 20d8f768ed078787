// SPDX-License-Identifier: GPL-2.0
/*
 * Notifications of drivers' RMs, told by callback.
 *
 * By the thread that waits in Commit or Rollback of the transaction, where there is one
 * (transaction_tell.c), else by a worker: of each enlistment by one of its own, from workers that
 * no other RM has. A callback that never returns, or waits for another transaction of its RM, holds
 * up its own transaction and that thread, nobody else, as long as they are not as many as an RM has
 * workers. Of one enlistment it is one at a time.
 *
 * No lock is held while a driver is called, but a reference on its module; when that goes it is
 * not called any more.
 */
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/ktm.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "callback.h"
#include "enlistment.h"
#include "notify.h"
#include "rm.h"
#include "use.h"

/*
 * @lock: @all, ktm_rm.callbacks and @going of all. Not held while anybody is called or waited for.
 */
static DEFINE_MUTEX(lock);
static LIST_HEAD(all);

/* Ends their workqueues, which none that has a rescuer may wait for. */
static struct workqueue_struct *end_wq;

/*
 * @link: in @all, as long as there are @users
 * @handle: the RM's use that has enabled them, and nobody else disables them; not put before they
 *	are out of @all
 * @access: rights of the enlistments' uses that are lent to @callback
 * @wq: for the works of its inboxes, and nothing else
 * @users: threads that call it, works that are to, and one until it is disabled
 * @going: it is disabled: ktm_rm.callbacks is not this one any more
 * @unused: there are no @users any more
 * @refs: those who wait for that, and one for all @users
 * @put: @handle was put from within the callback, so @end closes it
 * @end: when there are no @refs any more
 */
struct ktm_callbacks {
	struct list_head link;
	struct ktm_rm *rm;
	struct ktm_handle *handle;
	u32 access;
	ktm_rm_callback callback;
	void *context;
	struct module *owner;
	struct workqueue_struct *wq;
	refcount_t users;
	bool going;
	struct completion unused;
	refcount_t refs;
	bool put;
	struct work_struct end;
	struct rcu_head rcu;
};

/*
 * What callbacks may do does not depend on who has called Commit, nor does what memory they get: an
 * RM that cannot finish because its client has none left would hold up others.
 */
static const struct cred *callback_cred;
static struct mem_cgroup *callback_memcg;

/*
 * A thread that is in a callback, or about to be; lives on its stack.
 *
 * @node: in @running
 * @cred: the thread's own
 * @memcg: the same
 * @by_worker: else it may have signals to heed: what these interrupt a worker does once more
 * @use: of the enlistment that the callback is called for
 */
struct call {
	struct hlist_node node;
	struct task_struct *task;
	const struct cred *cred;
	struct mem_cgroup *memcg;
	struct ktm_callbacks *cb;
	bool by_worker;
	struct ktm_enlistment_use use;
};

#define RUNNING_BITS	6

/* @lock: @calls; nothing is taken inside it. By thread, which finds none but its own. */
static struct running {
	spinlock_t lock;
	struct hlist_head calls;
} ____cacheline_aligned_in_smp running[1 << RUNNING_BITS] = {
	[0 ... (1 << RUNNING_BITS) - 1].lock = __SPIN_LOCK_UNLOCKED(running.lock),
};

static struct running *running_of_current(void)
{
	return &running[hash_ptr(current, RUNNING_BITS)];
}

static struct call *call_of_current(void)
{
	struct running *r = running_of_current();
	struct call *call;

	spin_lock(&r->lock);
	hlist_for_each_entry(call, &r->calls, node) {
		if (call->task == current)
			break;
	}
	spin_unlock(&r->lock);
	return call;
}

/* Is the caller called by ktm? */
bool ktm_in_callback(void)
{
	return call_of_current();
}

/* Its module may have begun to go: then nobody is told any more. */
static bool call_begin(struct call *call, struct ktm_callbacks *cb)
{
	struct running *r = running_of_current();

	if (!try_module_get(cb->owner))
		return false;
	call->task = current;
	call->cred = override_creds(callback_cred);
	call->memcg = set_active_memcg(callback_memcg);
	call->cb = cb;
	call->use.handle.access = cb->access;
	spin_lock(&r->lock);
	hlist_add_head(&call->node, &r->calls);
	spin_unlock(&r->lock);
	return true;
}

static void call_end(struct call *call)
{
	struct running *r = running_of_current();

	spin_lock(&r->lock);
	hlist_del(&call->node);
	spin_unlock(&r->lock);
	set_active_memcg(call->memcg);
	revert_creds(call->cred);
	module_put(call->cb->owner);
}

/* The ends of its works are not waited for here: the caller may be in a work of another RM. */
static void callbacks_release(struct ktm_callbacks *cb)
{
	if (refcount_dec_and_test(&cb->refs))
		queue_work(end_wq, &cb->end);
}

/**
 * ktm_callbacks_put - it is not called any more by somebody who could
 * @cb: callbacks, of ktm_callbacks_queue()
 */
void ktm_callbacks_put(struct ktm_callbacks *cb)
{
	if (!refcount_dec_and_test(&cb->users))
		return;
	mutex_lock(&lock);
	list_del(&cb->link);
	mutex_unlock(&lock);
	complete_all(&cb->unused);
	callbacks_release(cb);
}

/**
 * ktm_callbacks_queue - have a worker tell something
 * @cb: callbacks that are enabled; the queue's lock is held, so they stay that
 * @work: calls ktm_callbacks_tell() for them and then ktm_callbacks_put(); not queued
 */
void ktm_callbacks_queue(struct ktm_callbacks *cb, struct work_struct *work)
{
	refcount_inc(&cb->users);
	queue_work(cb->wq, work);
}

static struct ktm_callbacks *callbacks_get(struct ktm_rm *rm)
{
	struct ktm_callbacks *cb;

	rcu_read_lock();
	cb = rcu_dereference(rm->callbacks);
	if (cb && !refcount_inc_not_zero(&cb->users))
		cb = NULL;
	rcu_read_unlock();
	return cb;
}

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

static u32 answer(struct call *call, unsigned int cmd, u64 key)
{
	const struct ktm_answer arg = { .key = key };

	if (!ktm_en_may_answer(&call->use.handle, cmd))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_en_answer(ktm_en_of(call->use.handle.obj), cmd, &arg, NULL, true);
}

/* Has something failed only because the thread has a signal? A worker has none. */
static bool interrupted(const struct call *call, bool says_so)
{
	return !call->by_worker && (says_so || signal_pending(current));
}

/* False: the answer was interrupted. */
static bool handled(struct call *call, const struct ktm_notification *n)
{
	const unsigned int cmd = answer_of(n->kind);
	u32 status;

	if (!cmd)
		return true;
	status = answer(call, cmd, n->kind == KTM_NOTIFY_RECOVER ? n->key : 0);
	/* NOT_REQUESTED: it has answered by itself, or a rollback has overtaken it. */
	if (!status || status == KTM_STATUS_PENDING || status == KTM_STATUS_NOT_REQUESTED)
		return true;
	if (interrupted(call, status == KTM_STATUS_INTERRUPTED))
		return false;
	/* It has committed: what ktm does not take now is asked for again when the RM recovers. */
	if (may_refuse(n->kind) && n->kind != KTM_NOTIFY_SINGLE_PHASE_COMMIT)
		answer(call, KTM_IOC_EN_ROLLBACK, 0);
	return true;
}

static void refused(struct call *call, const struct ktm_notification *n, int err)
{
	if (may_refuse(n->kind))
		answer(call, KTM_IOC_EN_ROLLBACK, 0);
	else
		pr_warn_ratelimited("ktm: RM %pUb: callback for notification 0x%x of enlistment %pUb failed: %d\n",
				    call->cb->rm->obj.guid.b, n->kind, n->enlistment.b, err);
}

static enum ktm_delivery tell(struct ktm_enlistment *en, const struct ktm_notification *n,
			      bool done, void *ctx)
{
	struct call *call = ctx;
	const struct ktm_callbacks *cb = call->cb;
	int ret;

	if (!en) {
		cb->callback(cb->context, n, NULL);
		return KTM_DELIVERED;
	}
	call->use.handle.obj = &en->obj;
	ret = done ? KTM_CALLBACK_HANDLED : cb->callback(cb->context, n, &call->use);
	if (ret == KTM_CALLBACK_HANDLED && !handled(call, n))
		return KTM_NOT_ANSWERED;
	if (ret >= 0)
		return KTM_DELIVERED;
	if (interrupted(call, ret == -EINTR || ret == -ERESTARTSYS))
		return KTM_NOT_DELIVERED;
	refused(call, n, ret);
	return KTM_DELIVERED;
}

static void tell_all(struct ktm_callbacks *cb, struct ktm_inbox *inbox, bool by_worker)
{
	struct call call = { .by_worker = by_worker };

	if (!call_begin(&call, cb))
		return;
	while (ktm_notify_deliver(&cb->rm->queue, cb, inbox, tell, &call))
		cond_resched();
	call_end(&call);
}

/**
 * ktm_callbacks_tell - tell what waits in an inbox, in a worker
 * @cb: the callbacks that the work was queued for; if they are disabled, nothing is told
 * @inbox: of their RM or of an enlistment with it; kept by the caller
 */
void ktm_callbacks_tell(struct ktm_callbacks *cb, struct ktm_inbox *inbox)
{
	tell_all(cb, inbox, true);
}

/**
 * ktm_callback_tell - tell a driver's RM here what waits of an enlistment
 * @en: the enlistment, kept by the caller, who has no lock and is in no callback
 *
 * If anything is left behind, a worker tells it.
 */
void ktm_callback_tell(struct ktm_enlistment *en)
{
	struct ktm_callbacks *cb = callbacks_get(en->rm);

	if (!cb)
		return;
	tell_all(cb, &en->inbox, false);
	ktm_callbacks_put(cb);
}

/* Those that this use has enabled, or, if it is NULL, that this module has. */
static struct ktm_callbacks *find(const struct ktm_handle *handle, const struct module *owner)
{
	struct ktm_callbacks *cb;

	lockdep_assert_held(&lock);
	list_for_each_entry(cb, &all, link) {
		if (handle ? cb->handle == handle : cb->owner == owner)
			return cb;
	}
	return NULL;
}

/*
 * From now on nobody begins to call what find() finds; the caller waits for those who do already,
 * or releases it. @first: out: nobody had disabled it.
 */
static struct ktm_callbacks *disable(const struct ktm_handle *handle, const struct module *owner,
				     bool *first)
{
	struct ktm_callbacks *cb;

	mutex_lock(&lock);
	cb = find(handle, owner);
	if (!cb) {
		mutex_unlock(&lock);
		return NULL;
	}
	refcount_inc(&cb->refs);
	*first = !cb->going;
	if (*first) {
		cb->going = true;
		rcu_assign_pointer(cb->rm->callbacks, NULL);
		ktm_notify_by_callback(&cb->rm->queue, NULL);
	}
	mutex_unlock(&lock);
	if (*first)
		ktm_callbacks_put(cb);
	return cb;
}

/* Of one that is disabled: until none runs. */
static void callbacks_wait(struct ktm_callbacks *cb)
{
	wait_for_completion(&cb->unused);
	callbacks_release(cb);
}

static void callbacks_free(struct ktm_callbacks *cb)
{
	destroy_workqueue(cb->wq);
	kfree_rcu(cb, rcu);
	module_put(THIS_MODULE);
}

static void callbacks_end_work(struct work_struct *work)
{
	struct ktm_callbacks *cb = container_of(work, struct ktm_callbacks, end);
	struct ktm_handle *handle = cb->put ? cb->handle : NULL;

	callbacks_free(cb);
	if (handle)
		ktm_use_end(handle);
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
	struct call *call;
	bool first;

	cb = disable(handle, NULL, &first);
	if (!cb)
		return true;
	call = call_of_current();
	if (!call || call->cb != cb) {
		callbacks_wait(cb);
		return true;
	}
	/* The driver has it no more, and may go as soon as it is called no more. */
	if (ktm_held_end(handle))
		cb->put = true;
	callbacks_release(cb);
	return false;
}

static struct ktm_callbacks *callbacks_alloc(struct ktm_handle *handle, ktm_rm_callback callback,
					     void *context, struct module *owner)
{
	struct ktm_callbacks *cb = kzalloc(sizeof(*cb), GFP_KERNEL_ACCOUNT);

	if (!cb)
		return NULL;
	/* Without a rescuer: that takes many works and runs them one after the other. */
	cb->wq = alloc_workqueue("ktm_rm", WQ_UNBOUND, 0);
	if (!cb->wq) {
		kfree(cb);
		return NULL;
	}
	/* Until its works have returned. */
	__module_get(THIS_MODULE);
	INIT_WORK(&cb->end, callbacks_end_work);
	cb->rm = ktm_rm_of(handle->obj);
	cb->handle = handle;
	cb->callback = callback;
	cb->context = context;
	cb->owner = owner;
	cb->access = enlistment_access(handle->access);
	refcount_set(&cb->users, 1);
	init_completion(&cb->unused);
	refcount_set(&cb->refs, 1);
	return cb;
}

/**
 * __ktm_rm_enable_callbacks - a driver's RM is told its notifications by callback
 * @rm: a use with KTM_RM_GET_NOTIFICATION, by which they are disabled, too; @owner's, for which it
 *	is closed if that goes
 * @callback: what is called, see there
 * @context: for @callback
 * @owner: THIS_MODULE of @callback, NULL if that is built in; ktm_rm_enable_callbacks() says it
 * @status: out: enum ktm_status, or NULL
 *
 * From now on nobody can read them, from descriptors either; what waits already is told, too.
 *
 * Where @callback runs is said at ktm_rm_callback. What disables it is ktm_rm_disable_callbacks(),
 * and ktm_rm_put() of @rm.
 *
 * Once @owner is being unloaded it is not called any more; its exit function puts @rm. A module
 * that has forgotten to is named in the kernel log, and its RM closed for it.
 *
 * Reference: TmEnableCallbacks()
 * Rights: KTM_RM_GET_NOTIFICATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: no callback
 * * -EACCES: no such right
 * * -EPROTO: the RM has callbacks, or others of @rm have not all returned since they were disabled
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
	if (rcu_access_pointer(cb->rm->callbacks) || find(cb->handle, NULL)) {
		ret = KTM_STATUS_REQUEST_NOT_VALID;
	} else {
		rcu_assign_pointer(cb->rm->callbacks, cb);
		list_add(&cb->link, &all);
		ktm_notify_by_callback(&cb->rm->queue, cb);
	}
	mutex_unlock(&lock);
	if (ret)
		callbacks_free(cb);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(__ktm_rm_enable_callbacks);

/**
 * ktm_rm_disable_callbacks - a driver's RM is not told by callback any more
 * @rm: the use that has enabled them
 * @status: out: enum ktm_status, or NULL
 *
 * When it returns none runs, and none comes. What waits, and what comes due, is for readers and
 * ktm_rm_get_notification() again, at once; what a running callback does not take (-EINTR), too.
 * Whoever has the RM may enable callbacks then.
 *
 * ktm_rm_put() does the same with the use, but tells nobody what could not be done. Where callbacks
 * of two RMs each disable those of the other one, they wait for each other.
 *
 * Reference: none
 * Rights: KTM_RM_GET_NOTIFICATION
 * Holds: takes none, gives none
 * Locks: none that a callback of the RM wants
 *
 * Context: Process context; sleeps until the callbacks that run have returned, and no signal ends
 * that; from a callback of another RM, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EDEADLK: from a callback of the same RM, which would wait for itself; nothing has changed
 * * -EPROTO: @rm has enabled none, or somebody else has disabled them meanwhile; none of them runs
 */
int ktm_rm_disable_callbacks(struct ktm_rm_use *rm, u32 *status)
{
	const struct call *call = call_of_current();
	struct ktm_callbacks *cb;
	bool first = false;

	if (!ktm_may(&rm->handle, KTM_RM_GET_NOTIFICATION))
		return ktm_tell(KTM_STATUS_ACCESS_DENIED, status);
	if (call && call->cb->rm == ktm_rm_of(rm->handle.obj))
		return ktm_tell(KTM_STATUS_POSSIBLE_DEADLOCK, status);
	cb = disable(&rm->handle, NULL, &first);
	if (cb)
		callbacks_wait(cb);
	return ktm_tell(first ? KTM_STATUS_SUCCESS : KTM_STATUS_REQUEST_NOT_VALID, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_disable_callbacks);

/**
 * ktm_callbacks_module_gone - a module's exit function has returned
 * @module: its memory is about to go
 */
void ktm_callbacks_module_gone(const struct module *module)
{
	struct ktm_callbacks *cb;
	struct ktm_handle *handle;
	bool first;

	while ((cb = disable(NULL, module, &first))) {
		/* A callback that runs still, and puts it then, is too late. */
		handle = first && ktm_held_end(cb->handle) ? cb->handle : NULL;
		if (handle)
			pr_warn("ktm: module %s goes and has not put its RM %pUb, which is closed for it\n",
				module->name, cb->rm->obj.guid.b);
		callbacks_wait(cb);
		if (handle)
			ktm_use_end(handle);
	}
}

/* Once, when the module is loaded. */
int ktm_callbacks_init(void)
{
	end_wq = alloc_workqueue("ktm_rm_end", WQ_UNBOUND, 0);
	if (!end_wq)
		return -ENOMEM;
	callback_cred = prepare_kernel_cred(&init_task);
	if (!callback_cred) {
		destroy_workqueue(end_wq);
		return -ENOMEM;
	}
	/* The root's, which never goes; NULL where there are no memory cgroups. */
	rcu_read_lock();
	callback_memcg = mem_cgroup_from_task(&init_task);
	rcu_read_unlock();
	return 0;
}

/* No RM is left. */
void ktm_callbacks_exit(void)
{
	put_cred(callback_cred);
	destroy_workqueue(end_wq);
}
