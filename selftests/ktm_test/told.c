// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks of /dev/ktm_test: they note what they are told, and do what their script says.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/ktm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "told.h"

#define MOST	1024

/* Callbacks that have begun and not ended, and commits that are to end, of all files. */
static atomic_t busy;
static DECLARE_WAIT_QUEUE_HEAD(idle);

/* @given: it is of this RM, and not what all do */
struct step {
	bool given;
	u32 what, with;
	int returns;
};

/* Context of the callbacks of one RM, or of the commit of one transaction. */
struct listener {
	struct told *told;
	u32 slot;
	bool sleeps;
};

/*
 * @lock: all but @listeners, which are written when one begins to listen
 * @steps: by slot of the RM and bit of the notification; those of slot 0 are for all RMs that have
 *	none of their own
 */
struct told {
	struct participant *participant;
	spinlock_t lock;
	struct step steps[KTM_TEST_SLOTS][32];
	struct ktm_test_told list[MOST];
	u32 first, end, threads;
	bool released;
	wait_queue_head_t wait;
	struct listener listeners[KTM_TEST_SLOTS];
};

static void end_busy(void)
{
	if (atomic_dec_and_test(&busy))
		wake_up_all(&idle);
}

static void note(struct told *t, const struct ktm_test_told *told)
{
	spin_lock(&t->lock);
	if (!WARN_ON(t->end - t->first == MOST))
		t->list[t->end++ % MOST] = *told;
	spin_unlock(&t->lock);
	wake_up_all(&t->wait);
}

static struct step *step_of(struct told *t, u32 slot, u32 kind)
{
	const u32 bit = ffs(kind) - 1;

	return &t->steps[t->steps[slot][bit].given ? slot : 0][bit];
}

static int answer(struct ktm_enlistment_use *en, const struct ktm_notification *n, u32 *status)
{
	switch (n->kind) {
	case KTM_NOTIFY_PREPREPARE:
		return ktm_enlistment_preprepare_complete(en, 0, status);
	case KTM_NOTIFY_PREPARE:
		return ktm_enlistment_prepare_complete(en, NULL, 0, NULL, 0, status);
	case KTM_NOTIFY_COMMIT:
	case KTM_NOTIFY_SINGLE_PHASE_COMMIT:
		return ktm_enlistment_commit_complete(en, NULL, 0, status);
	case KTM_NOTIFY_ROLLBACK:
		return ktm_enlistment_rollback_complete(en, NULL, 0, status);
	case KTM_NOTIFY_RECOVER:
		return ktm_enlistment_recover(en, n->key, status);
	default:
		return 0;
	}
}

static int allocate(void)
{
	void *p = kvmalloc(SZ_1M, GFP_KERNEL_ACCOUNT);

	kvfree(p);
	return p ? 0 : -ENOMEM;
}

static void play(struct told *t, const struct step *step, struct ktm_enlistment_use *en,
		 struct ktm_test_told *told)
{
	if (step->what & KTM_TEST_DO_ANSWER)
		told->ret = answer(en, &told->notification, &told->status);
	if (step->what & KTM_TEST_DO_COMMIT)
		told->ret = ktm_transaction_commit(test_transaction(t->participant, step->with),
						   KTM_CALL_WAIT, &told->status);
	if (step->what & KTM_TEST_DO_BEGIN)
		told->ret = ktm_transaction_commit(test_transaction(t->participant, step->with), 0,
						   &told->status);
	if (step->what & KTM_TEST_DO_PUT)
		test_put(t->participant, step->with);
	if (step->what & KTM_TEST_DO_ALLOCATE)
		told->ret = allocate();
	if (step->what & KTM_TEST_DO_DISABLE)
		told->ret = ktm_rm_disable_callbacks(test_rm(t->participant, step->with),
						     &told->status);
	if (step->what & KTM_TEST_DO_PUT_LENT)
		ktm_enlistment_put(en);
}

/* It is noted before it sleeps and behind all else, so that the test can go on from there. */
static int callback(void *context, const struct ktm_notification *n,
		    struct ktm_enlistment_use *en)
{
	struct listener *l = context;
	struct ktm_test_told told = {
		.rm = l->slot,
		.status = U32_MAX,
		.thread = task_pid_nr(current),
		.uid = from_kuid(&init_user_ns, current_fsuid()),
		.notification = *n,
	};
	struct step *next, step;
	struct told *t = l->told;
	int ret;

	atomic_inc(&busy);
	spin_lock(&t->lock);
	next = step_of(t, l->slot, n->kind);
	step = *next;
	if (step.what & KTM_TEST_DO_ONCE)
		*next = (struct step){ .given = true, .returns = KTM_CALLBACK_HANDLED };
	told.threads = ++t->threads;
	spin_unlock(&t->lock);
	play(t, &step, en, &told);
	ret = step.returns;
	if (!(step.what & KTM_TEST_DO_QUIETLY))
		note(t, &told);
	/* Killable: it may be a test's own thread; and a test that has failed ends, too. */
	if (step.what & KTM_TEST_DO_SLEEP)
		wait_event_killable_timeout(t->wait, READ_ONCE(t->released), 60 * HZ);
	spin_lock(&t->lock);
	t->threads--;
	spin_unlock(&t->lock);
	end_busy();
	return ret;
}

static void done(void *context, int err, u32 status)
{
	struct listener *l = context;
	const struct ktm_test_told told = { .rm = l->slot, .ret = err, .status = status };
	struct told *t = l->told;

	note(t, &told);
	if (l->sleeps)
		wait_event_timeout(t->wait, READ_ONCE(t->released), 60 * HZ);
	end_busy();
}

static struct listener *listen(struct told *t, u32 slot, bool sleeps)
{
	t->listeners[slot] = (struct listener){ .told = t, .slot = slot, .sleeps = sleeps };
	return &t->listeners[slot];
}

/* Uses nothing that goes with the file; takes its time, so that it is met in it. */
static int plain(void *context, const struct ktm_notification *n, struct ktm_enlistment_use *en)
{
	msleep(200);
	return KTM_CALLBACK_HANDLED;
}

int told_enable(struct told *t, u32 slot, struct ktm_rm_use *rm, u32 how, u32 *status)
{
	const bool null = how & KTM_TEST_OP_NULL;

	if (how & KTM_TEST_OP_PLAIN)
		return ktm_rm_enable_callbacks(rm, plain, NULL, status);
	return ktm_rm_enable_callbacks(rm, null ? NULL : callback, listen(t, slot, false),
				       status);
}

int told_commit(struct told *t, u32 slot, struct ktm_transaction_use *tx, u32 how, u32 *status)
{
	struct listener *l = listen(t, slot, how & KTM_TEST_OP_SLEEP);
	int err;

	atomic_inc(&busy);
	err = ktm_transaction_commit_async(tx, how & KTM_TEST_OP_NULL ? NULL : done, l, status);
	if (err)
		end_busy();
	return err;
}

int told_script(struct told *t, const struct ktm_test_op *c)
{
	u32 i;

	spin_lock(&t->lock);
	for (i = 0; i < 32; i++) {
		if (c->mask & BIT(i))
			t->steps[c->on][i] = (struct step){
				.given = true,
				.what = c->flags,
				.with = c->with,
				.returns = c->returns,
			};
	}
	spin_unlock(&t->lock);
	return 0;
}

void told_release(struct told *t)
{
	WRITE_ONCE(t->released, true);
	wake_up_all(&t->wait);
}

static bool take(struct told *t, struct ktm_test_told *told)
{
	bool any;

	spin_lock(&t->lock);
	any = t->first != t->end;
	if (any)
		*told = t->list[t->first++ % MOST];
	spin_unlock(&t->lock);
	return any;
}

int told_take(struct told *t, struct ktm_test_told *told)
{
	return wait_event_interruptible(t->wait, take(t, told)) ? -EINTR : 0;
}

struct told *told_new(struct participant *p)
{
	struct told *t = kvzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->participant = p;
	spin_lock_init(&t->lock);
	init_waitqueue_head(&t->wait);
	return t;
}

/*
 * A callback that has put its own RM may not have returned yet. Return: false: who exits, killed
 * perhaps, does not wait for one that ktm has forgotten, and frees nothing.
 */
bool told_free(struct told *t)
{
	if (current->flags & PF_EXITING && atomic_read(&busy))
		return false;
	wait_event(idle, !atomic_read(&busy));
	kvfree(t);
	return true;
}
