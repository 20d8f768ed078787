// SPDX-License-Identifier: GPL-2.0
/*
 * Freezing: for a while no transaction of this machine commits, so that snapshots
 * of several devices fit together.
 *
 * What is in a log and what its RMs have on their devices goes together if no
 * decision is made and nobody's part of one is completed between the first
 * snapshot and the last. So a freeze closes the gate in front of every step that
 * begins a commit, and then waits until each that has begun is decided and
 * completed by all who are there.
 *
 * Commits are counted per CPU, by a percpu_ref: on a transaction's path there is
 * no lock and no cache line that others write, until somebody freezes.
 */
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "freeze.h"
#include "ktm.h"

static void thaw_work(struct work_struct *work);

enum { THAWED, FREEZING, FROZEN };

/*
 * @freeze_lock: @freeze_state and @thaw_at; taken inside nothing, and nothing of
 * ktm's is taken inside it. Not held while a freeze waits: FREEZING keeps others out.
 * @freeze_state: written under @freeze_lock, before @commits is killed and after it
 * is live again; so who finds the gate closed and then THAWED may try again.
 * @commits: dead from the closing of the gate to its opening; then nobody begins
 * any more, and when it is zero none is under way.
 */
static DEFINE_MUTEX(freeze_lock);
static int freeze_state;
static ktime_t thaw_at;
static struct percpu_ref commits;
static DECLARE_COMPLETION(gate_closed);
static DECLARE_WAIT_QUEUE_HEAD(drained_wait);
static DECLARE_WAIT_QUEUE_HEAD(thawed_wait);
static DECLARE_DELAYED_WORK(thaw_timer, thaw_work);

static void commits_drained(struct percpu_ref *ref)
{
	wake_up_all(&drained_wait);
}

static void commits_counted(struct percpu_ref *ref)
{
	complete(&gate_closed);
}

int ktm_freeze_init(void)
{
	return percpu_ref_init(&commits, commits_drained, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
}

/* Nobody has a descriptor any more. A freeze may still last: nobody waits for its end. */
void ktm_freeze_stop(void)
{
	cancel_delayed_work_sync(&thaw_timer);
}

/* No worker runs any more, which might have something to count. */
void ktm_freeze_exit(void)
{
	/* What woke the last freeze may still be on its way out of commits_drained(). */
	rcu_barrier();
	percpu_ref_exit(&commits);
}

/**
 * ktm_commit_may_begin - pass the gate
 *
 * Return: true, and ktm_commit_is_over() is owed; or false while all is frozen.
 */
bool ktm_commit_may_begin(void)
{
	return percpu_ref_tryget_live(&commits);
}

/**
 * ktm_commit_is_under_way - one that has begun goes on beyond its caller
 *
 * The gate may have been closed since it was passed. It is counted as long as that
 * waits for anybody, which it does for the caller if he has passed the gate.
 *
 * Return: true, and ktm_commit_is_over() is owed; or false: it has come about in
 * another way, by what a log said while all was frozen.
 */
bool ktm_commit_is_under_way(void)
{
	return percpu_ref_tryget(&commits);
}

/**
 * ktm_commit_is_over - what was counted by one of these is over
 */
void ktm_commit_is_over(void)
{
	percpu_ref_put(&commits);
}

/**
 * ktm_freeze_wait - wait until the gate is open
 *
 * Return: 0, or -ERESTARTSYS.
 */
int ktm_freeze_wait(void)
{
	return wait_event_interruptible(thawed_wait, READ_ONCE(freeze_state) == THAWED);
}

static void open_gate(void)
{
	lockdep_assert_held(&freeze_lock);
	percpu_ref_resurrect(&commits);
	WRITE_ONCE(freeze_state, THAWED);
	wake_up_all(&thawed_wait);
}

static void thaw_work(struct work_struct *work)
{
	mutex_lock(&freeze_lock);
	/* While this waited, somebody may have thawed all, and frozen it again. */
	if (freeze_state == FROZEN && !ktime_before(ktime_get(), thaw_at))
		open_gate();
	mutex_unlock(&freeze_lock);
}

static void close_gate(void)
{
	lockdep_assert_held(&freeze_lock);
	WRITE_ONCE(freeze_state, FREEZING);
	reinit_completion(&gate_closed);
	percpu_ref_kill_and_confirm(&commits, commits_counted);
}

/* 0, -ETIME or -ERESTARTSYS. */
static int wait_until_drained(u64 timeout_ns)
{
	int err = -ETIME;

	/* A grace period: until then the counts of the CPUs mean nothing. */
	wait_for_completion(&gate_closed);
	if (percpu_ref_is_zero(&commits))
		return 0;
	if (timeout_ns)
		err = wait_event_interruptible_hrtimeout(drained_wait, percpu_ref_is_zero(&commits),
							 ns_to_ktime(timeout_ns));
	if (err != -ETIME)
		return err;
	/* What says that the gate is closed is counted itself, until its RCU callback is over. */
	rcu_barrier();
	return percpu_ref_is_zero(&commits) ? 0 : -ETIME;
}

static void frozen_for(u64 ns)
{
	lockdep_assert_held(&freeze_lock);
	WRITE_ONCE(freeze_state, FROZEN);
	thaw_at = ktime_add_ns(ktime_get(), ns);
	mod_delayed_work(ktm_slow_wq, &thaw_timer, nsecs_to_jiffies(ns) + 1);
}

/**
 * ktm_freeze - KTM_IOC_FREEZE
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_freeze(const struct ktm_freeze *arg)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || arg->reserved || arg->freeze_timeout_ns > KTM_MAX_FREEZE_NS ||
	    !arg->thaw_timeout_ns || arg->thaw_timeout_ns > KTM_MAX_FREEZE_NS)
		return KTM_STATUS_INVALID_PARAMETER;
	mutex_lock(&freeze_lock);
	if (freeze_state != THAWED) {
		mutex_unlock(&freeze_lock);
		return KTM_STATUS_FREEZE_IN_PROGRESS;
	}
	close_gate();
	mutex_unlock(&freeze_lock);

	err = wait_until_drained(arg->freeze_timeout_ns);

	mutex_lock(&freeze_lock);
	if (err)
		open_gate();
	else
		frozen_for(arg->thaw_timeout_ns);
	mutex_unlock(&freeze_lock);
	if (err == -ETIME)
		return KTM_STATUS_TIMEOUT;
	return err ? KTM_STATUS_INTERRUPTED : KTM_STATUS_SUCCESS;
}

/**
 * ktm_thaw - KTM_IOC_THAW
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_thaw(const struct ktm_call *arg)
{
	u32 status = KTM_STATUS_NOT_FROZEN;

	if (!capable(CAP_SYS_ADMIN))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	mutex_lock(&freeze_lock);
	if (freeze_state == FROZEN) {
		open_gate();
		status = KTM_STATUS_SUCCESS;
	}
	mutex_unlock(&freeze_lock);
	return status;
}
