// SPDX-License-Identifier: GPL-2.0
/*
 * Many kernel threads over few transactions of few RMs, see struct ktm_test_crowd: each does, again
 * and again, something to some transaction, at the same time as the others. What callbacks are told
 * is noted for each enlistment and held against what became of its transaction.
 *
 * Nothing of it says in which thread a callback runs, nor which enlistment is told first.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/ktm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "test.h"

#define CELLS		8
#define RMS		4
#define MEMBERS		12
#define MOST_THREADS	64

#define VOTES	(KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_PREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT)

struct crowd;
struct life;

/*
 * An enlistment. Its address is its key.
 *
 * @guid: once @entered
 * @own: the use that it was made with, if it is still there; under crowd.lock
 * @inside: callbacks for it that run
 * @told: the kinds that it was told; written by its callback
 * @alone: nobody but its callback answers for it
 * @tried: kinds that somebody else may have answered before they were told, which then are not;
 *	under crowd.lock
 * @left: it may have said that it has nothing to do, or its own use was put
 * @votes: answers to PREPARE that were taken, of whoever gave them
 * @owed: what a callback has left to be answered for by @answer
 */
struct member {
	struct life *life;
	u32 rm;
	struct ktm_guid guid;
	struct ktm_enlistment_use *own;
	bool entered;
	bool left;
	atomic_t inside;
	u32 told;
	bool alone;
	u32 tried;
	atomic_t votes;
	struct ktm_notification owed;
	struct work_struct answer;
};

/*
 * A transaction.
 *
 * @ref: who uses @tx; the last one puts it
 * @count: of @members that are taken; under crowd.lock
 * @outcome: enum ktm_tx_outcome, once it is over
 */
struct life {
	struct list_head link;
	struct kref ref;
	struct crowd *crowd;
	struct ktm_transaction_use *tx;
	struct ktm_guid uow;
	u32 outcome;
	u32 count;
	struct member members[MEMBERS];
};

struct listener {
	struct crowd *crowd;
	u32 rm;
	struct completion recovered;
};

/*
 * @lock: @cells, @lives, what else says so
 * @seed: of what the threads do; what callbacks do is left to chance
 * @rms: with callbacks; nobody but those uses them
 * @open: the same RMs
 * @lives: all there have been: a callback that has answered may not have returned yet
 * @wq: of answers that callbacks owe
 * @busy: commits that are to call back; under @lock
 */
struct crowd {
	struct ktm_tm_use *tm;
	u32 rounds;
	u64 seed;
	struct ktm_rm_use *rms[RMS], *open[RMS];
	struct listener listeners[RMS];
	spinlock_t lock;
	struct life *cells[CELLS];
	struct list_head lives;
	struct workqueue_struct *wq;
	atomic_t left;
	struct completion over;
	u32 busy;
	wait_queue_head_t idle;
	struct ktm_test_crowd report;
};

struct runner {
	struct crowd *crowd;
	struct task_struct *task;
	struct rnd_state rnd;
};

/* The first thing that was wrong is what is told. */
#define WRONG(c, fmt, ...)							\
	do {									\
		spin_lock(&(c)->lock);						\
		if (!(c)->report.wrong[0])					\
			snprintf((c)->report.wrong, sizeof((c)->report.wrong),\
				 "%s: " fmt, __func__, ##__VA_ARGS__);		\
		spin_unlock(&(c)->lock);					\
	} while (0)

/* Is the status one of these? Bits by number. */
#define MAY(c, status, set)							\
	do {									\
		if (!((set) & BIT_ULL(status)))					\
			WRONG(c, "line %d: status %u", __LINE__, status);	\
	} while (0)

#define S(name)	BIT_ULL(KTM_STATUS_##name)

static u32 roll(struct runner *r, u32 faces)
{
	return prandom_u32_state(&r->rnd) % faces;
}

static void count(struct crowd *c, u64 *what)
{
	spin_lock(&c->lock);
	(*what)++;
	spin_unlock(&c->lock);
}

/* ---- transactions ---- */

static void life_release(struct kref *ref)
{
	struct life *l = container_of(ref, struct life, ref);
	u32 i;

	for (i = 0; i < MEMBERS; i++)
		if (l->members[i].own)
			ktm_enlistment_put(l->members[i].own);
	ktm_transaction_put(l->tx);
	l->tx = NULL;
}

static void life_put(struct life *l)
{
	kref_put(&l->ref, life_release);
}

static struct life *life_get(struct crowd *c, u32 cell)
{
	struct life *l;

	spin_lock(&c->lock);
	l = c->cells[cell];
	kref_get(&l->ref);
	spin_unlock(&c->lock);
	return l;
}

static void answer_owed(struct work_struct *work);

static struct life *life_new(struct crowd *c)
{
	struct life *l = kzalloc(sizeof(*l), GFP_KERNEL);
	u32 i;

	if (!l)
		return NULL;
	/* It is bound by its first enlistment, or at once. */
	l->tx = ktm_transaction_create(c->report.transactions % 2 ? c->tm : NULL, 0,
				       KTM_TX_ALL_ACCESS, 0, 0, "crowd", NULL, NULL);
	if (IS_ERR(l->tx)) {
		WRONG(c, "no transaction: %ld", PTR_ERR(l->tx));
		kfree(l);
		return NULL;
	}
	kref_init(&l->ref);
	l->crowd = c;
	l->uow = ktm_transaction_id(l->tx);
	for (i = 0; i < MEMBERS; i++) {
		l->members[i].life = l;
		INIT_WORK(&l->members[i].answer, answer_owed);
	}
	spin_lock(&c->lock);
	list_add(&l->link, &c->lives);
	c->report.transactions++;
	spin_unlock(&c->lock);
	return l;
}

/* If it is over, another one takes its place. */
static void life_ends(struct life *l, u32 cell, u64 patience)
{
	struct crowd *c = l->crowd;
	struct life *next, *old = NULL;
	u32 status, outcome;

	ktm_transaction_wait(l->tx, patience, &outcome, &status);
	MAY(c, status, S(SUCCESS) | S(TIMEOUT));
	if (status)
		return;
	next = life_new(c);
	if (!next)
		return;
	spin_lock(&c->lock);
	l->outcome = outcome;
	if (c->cells[cell] == l) {
		c->cells[cell] = next;
		old = l;
	} else {
		list_del(&next->link);
		c->report.transactions--;
	}
	spin_unlock(&c->lock);
	if (old) {
		life_put(old);
	} else {
		life_put(next);
		kfree(next);
	}
}

/* ---- answers ---- */

static struct ktm_enlistment_use *member_open(struct member *m, const struct ktm_guid *guid)
{
	struct crowd *c = m->life->crowd;
	struct ktm_enlistment_use *en;
	u32 status;

	en = ktm_enlistment_open(c->open[m->rm], guid, KTM_EN_ALL_ACCESS, &status);
	MAY(c, status, S(SUCCESS) | S(ENLISTMENT_NOT_FOUND));
	return en;
}

/* What this notification asks for; a race may be lost, and no answer is taken twice. */
static void answer_to(struct member *m, struct ktm_enlistment_use *en, u32 kind)
{
	const u64 late = S(SUCCESS) | S(PENDING) | S(NOT_REQUESTED);
	struct crowd *c = m->life->crowd;
	u32 status = KTM_STATUS_NOT_REQUESTED;

	switch (kind) {
	case KTM_NOTIFY_PREPREPARE:
		ktm_enlistment_preprepare_complete(en, 0, &status);
		break;
	case KTM_NOTIFY_PREPARE:
		ktm_enlistment_prepare_complete(en, NULL, 0, NULL, 0, &status);
		if (!status && atomic_inc_return(&m->votes) > 1)
			WRONG(c, "two votes of one enlistment were taken");
		break;
	case KTM_NOTIFY_COMMIT:
	case KTM_NOTIFY_SINGLE_PHASE_COMMIT:
		ktm_enlistment_commit_complete(en, NULL, 0, &status);
		break;
	case KTM_NOTIFY_ROLLBACK:
		ktm_enlistment_rollback_complete(en, NULL, 0, &status);
		break;
	}
	MAY(c, status, late);
	if (!status)
		count(c, &c->report.answers);
	else
		count(c, &c->report.too_late);
}

/* Who has enlisted it may not know its GUID yet. */
static void answer_owed(struct work_struct *work)
{
	struct member *m = container_of(work, struct member, answer);
	struct ktm_enlistment_use *en = member_open(m, &m->owed.enlistment);

	if (IS_ERR(en))
		return;
	answer_to(m, en, m->owed.kind);
	ktm_enlistment_put(en);
}

/* ---- callbacks ---- */

/* Of each enlistment: phase 0, phase 1, one outcome; before that the single phase, perhaps. */
static void check_order(struct crowd *c, struct member *m, const struct ktm_notification *n)
{
	u32 never;

	switch (n->kind) {
	case KTM_NOTIFY_PREPREPARE:
		never = ~KTM_NOTIFY_SINGLE_PHASE_COMMIT;
		break;
	case KTM_NOTIFY_SINGLE_PHASE_COMMIT:
		never = ~KTM_NOTIFY_PREPREPARE;
		break;
	case KTM_NOTIFY_PREPARE:
		never = ~(KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT);
		break;
	case KTM_NOTIFY_COMMIT:
		never = KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK;
		if (!((m->told | READ_ONCE(m->tried)) & KTM_NOTIFY_PREPARE))
			WRONG(c, "COMMIT without PREPARE, told 0x%x", m->told);
		break;
	case KTM_NOTIFY_ROLLBACK:
		never = KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK;
		break;
	default:
		never = 0;
		WRONG(c, "notification 0x%x", n->kind);
	}
	if (m->told & never)
		WRONG(c, "0x%x comes after 0x%x", n->kind, m->told);
	if (memcmp(&n->uow, &m->life->uow, sizeof(n->uow)))
		WRONG(c, "a notification of another transaction");
	m->told |= n->kind;
}

static struct ktm_enlistment_use *take_own(struct member *m)
{
	struct crowd *c = m->life->crowd;
	struct ktm_enlistment_use *own;

	spin_lock(&c->lock);
	own = m->own;
	m->own = NULL;
	if (own)
		m->left = true;
	spin_unlock(&c->lock);
	return own;
}

/* Begins to commit some transaction, perhaps its own. */
static void commit_some(struct crowd *c, u32 which)
{
	struct life *l = life_get(c, which % CELLS);
	u32 status;

	ktm_transaction_commit(l->tx, 0, &status);
	MAY(c, status, S(SUCCESS) | S(PENDING) | S(ALREADY_ABORTED) | S(ALREADY_COMMITTED) |
		       S(REQUEST_NOT_VALID) | S(ROLLED_BACK));
	life_put(l);
}

static int told_member(struct crowd *c, struct member *m, const struct ktm_notification *n,
		       struct ktm_enlistment_use *en)
{
	const u32 dice = get_random_u32() % 32;
	struct ktm_enlistment_use *own;

	switch (dice) {
	case 0:
		if (!(n->kind & VOTES))
			return KTM_CALLBACK_HANDLED;
		count(c, &c->report.errors);
		return -EIO;
	case 1:
		/* In the single phase that would leave all in doubt. */
		own = n->kind == KTM_NOTIFY_SINGLE_PHASE_COMMIT ? NULL : take_own(m);
		if (own)
			ktm_enlistment_put(own);
		return KTM_CALLBACK_HANDLED;
	case 2 ... 4:
		commit_some(c, get_random_u32());
		return KTM_CALLBACK_HANDLED;
	case 5 ... 7:
		usleep_range(100, 1000);
		return KTM_CALLBACK_HANDLED;
	case 8 ... 12:
		answer_to(m, en, n->kind);
		return dice % 2 ? KTM_CALLBACK_HANDLED : KTM_CALLBACK_PENDING;
	case 13 ... 18:
		m->owed = *n;
		queue_work(c->wq, &m->answer);
		return KTM_CALLBACK_PENDING;
	default:
		return KTM_CALLBACK_HANDLED;
	}
}

static int told(void *context, const struct ktm_notification *n, struct ktm_enlistment_use *en)
{
	struct listener *l = context;
	struct crowd *c = l->crowd;
	struct member *m = (struct member *)(uintptr_t)n->key;
	int ret;

	if (!en) {
		complete(&l->recovered);
		return KTM_CALLBACK_HANDLED;
	}
	count(c, &c->report.told);
	if (m->rm != l->rm)
		WRONG(c, "another RM's notification");
	if (atomic_inc_return(&m->inside) != 1)
		WRONG(c, "two callbacks of one enlistment at a time");
	check_order(c, m, n);
	ret = told_member(c, m, n, en);
	atomic_dec(&m->inside);
	return ret;
}

/* ---- what the threads do ---- */

static void enlist(struct runner *r, struct life *l)
{
	const u64 right = S(SUCCESS) | S(TRANSACTION_NOT_ACTIVE);
	struct ktm_enlistment_use *own = NULL;
	u32 mask = KTM_NOTIFY_TWO_PHASE, status;
	struct crowd *c = r->crowd;
	struct member *m = NULL;
	struct ktm_guid guid = { };

	spin_lock(&c->lock);
	if (l->count < MEMBERS)
		m = &l->members[l->count++];
	spin_unlock(&c->lock);
	if (!m)
		return;
	m->rm = roll(r, RMS);
	m->alone = roll(r, 2);
	if (roll(r, 2))
		mask |= KTM_NOTIFY_PREPREPARE;
	if (roll(r, 2))
		mask |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	if (roll(r, 3))
		ktm_rm_enlist(c->open[m->rm], l->tx, 0, mask, (uintptr_t)m, 0, &guid, &status);
	else
		own = ktm_enlistment_create(c->open[m->rm], l->tx, 0, mask, (uintptr_t)m,
					    KTM_EN_ALL_ACCESS, 0, &guid, &status);
	MAY(c, status, right);
	spin_lock(&c->lock);
	m->guid = guid;
	m->entered = !status;
	if (own && !status)
		m->own = own;
	c->report.enlistments += !status;
	spin_unlock(&c->lock);
}

/* Under the lock: who waits for the last one frees what this uses. */
static void end_busy(struct crowd *c)
{
	spin_lock(&c->lock);
	if (!--c->busy)
		wake_up_all(&c->idle);
	spin_unlock(&c->lock);
}

static bool is_idle(struct crowd *c)
{
	bool idle;

	spin_lock(&c->lock);
	idle = !c->busy;
	spin_unlock(&c->lock);
	return idle;
}

static void done(void *context, int err, u32 status)
{
	struct crowd *c = context;

	MAY(c, status, S(SUCCESS) | S(ROLLED_BACK));
	if (err != (status ? -ECANCELED : 0))
		WRONG(c, "errno %d with status %u", err, status);
	end_busy(c);
}

static void commit(struct runner *r, struct life *l)
{
	const u64 right = S(SUCCESS) | S(PENDING) | S(ROLLED_BACK) | S(ALREADY_ABORTED) |
			  S(ALREADY_COMMITTED) | S(REQUEST_NOT_VALID);
	struct crowd *c = r->crowd;
	u32 status;

	switch (roll(r, 4)) {
	case 0:
		ktm_transaction_commit(l->tx, 0, &status);
		break;
	case 1:
		spin_lock(&c->lock);
		c->busy++;
		spin_unlock(&c->lock);
		if (ktm_transaction_commit_async(l->tx, done, c, &status))
			end_busy(c);
		break;
	default:
		ktm_transaction_commit(l->tx, KTM_CALL_WAIT, &status);
	}
	MAY(c, status, right);
}

static void rollback(struct runner *r, struct life *l)
{
	u32 status;

	ktm_transaction_rollback(l->tx, roll(r, 2) ? KTM_CALL_WAIT : 0, &status);
	MAY(r->crowd, status, S(SUCCESS) | S(PENDING) | S(ALREADY_COMMITTED) |
			      S(REQUEST_NOT_VALID));
}

static void time_out(struct runner *r, struct life *l)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_TIMEOUT, .timeout_ns = 1 + roll(r, 50000) };
	u32 status;

	ktm_transaction_set(l->tx, KTM_INFO_TX_PROPERTIES, &p, sizeof(p), &status);
	MAY(r->crowd, status, S(SUCCESS) | S(TRANSACTION_NOT_ACTIVE));
}

static void look(struct runner *r, struct life *l)
{
	struct crowd *c = r->crowd;
	struct ktm_transaction_use *tx;
	struct ktm_tx_info info;
	u32 status, length = sizeof(info);

	tx = ktm_transaction_open(&l->uow, KTM_TX_QUERY_INFORMATION, &status);
	MAY(c, status, S(SUCCESS) | S(TRANSACTION_NOT_FOUND));
	if (IS_ERR(tx))
		return;
	ktm_transaction_query(tx, KTM_INFO_TX_BASIC, &info, &length, &status);
	MAY(c, status, S(SUCCESS));
	ktm_transaction_put(tx);
}

/* Some enlistment, in the hands of somebody who comes between. */
static void meddle(struct runner *r, struct life *l)
{
	static const u32 kinds[] = {
		KTM_NOTIFY_PREPREPARE, KTM_NOTIFY_PREPARE, KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK,
	};
	const u64 right = S(SUCCESS) | S(PENDING) | S(NOT_REQUESTED) | S(REQUEST_NOT_VALID);
	struct crowd *c = r->crowd;
	struct ktm_enlistment_use *en;
	struct member *m = NULL;
	u32 kind = kinds[roll(r, ARRAY_SIZE(kinds))], status = 0;
	bool last;
	u64 key;

	spin_lock(&c->lock);
	if (l->count)
		m = &l->members[roll(r, l->count)];
	if (m && (!m->entered || m->alone))
		m = NULL;
	if (m)
		m->tried |= kind;
	spin_unlock(&c->lock);
	if (!m)
		return;
	en = member_open(m, &m->guid);
	if (IS_ERR(en))
		return;
	switch (roll(r, 12)) {
	case 0 ... 6:
		answer_to(m, en, kind);
		break;
	case 7:
		WRITE_ONCE(m->left, true);
		ktm_enlistment_read_only(en, 0, &status);
		break;
	case 8:
		ktm_enlistment_single_phase_reject(en, 0, &status);
		break;
	case 9:
		ktm_enlistment_request_outcome(en, &status);
		break;
	case 10:
		if (!roll(r, 4))
			ktm_enlistment_rollback(en, 0, &status);
		break;
	default:
		ktm_enlistment_reference_key(en, &key, &status);
		if (status || key != (uintptr_t)m)
			WRONG(c, "the key is another one, status %u", status);
		else if (ktm_enlistment_dereference_key(en, &last, &status))
			WRONG(c, "a key's reference is lost, status %u", status);
	}
	MAY(c, status, right);
	ktm_enlistment_put(en);
}

static void step(struct runner *r)
{
	const u32 cell = roll(r, CELLS);
	struct life *l = life_get(r->crowd, cell);

	switch (roll(r, 16)) {
	case 0 ... 5:
		enlist(r, l);
		break;
	case 6 ... 11:
		meddle(r, l);
		break;
	case 12 ... 13:
		commit(r, l);
		break;
	case 14:
		if (roll(r, 2))
			rollback(r, l);
		else
			time_out(r, l);
		break;
	default:
		look(r, l);
	}
	if (!ktm_transaction_is_active(l->tx))
		life_ends(l, cell, roll(r, 2) * NSEC_PER_MSEC);
	life_put(l);
	cond_resched();
}

static int crowd_thread(void *data)
{
	struct runner *r = data;
	struct crowd *c = r->crowd;
	u32 i;

	for (i = 0; i < c->rounds && !READ_ONCE(c->report.wrong[0]); i++)
		step(r);
	if (atomic_dec_and_test(&c->left))
		complete(&c->over);
	/* Stopped before it ends, so that it is still there then. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

/* ---- all of it ---- */

static int rms_begin(struct crowd *c, u32 flags)
{
	struct ktm_guid guid;
	struct ktm_rm_use *rm;
	u32 i;
	int err;

	for (i = 0; i < RMS; i++) {
		guid = (struct ktm_guid){ };
		rm = ktm_rm_create(c->tm, flags, KTM_RM_ALL_ACCESS, 0, NULL, &guid, NULL);
		if (IS_ERR(rm))
			return PTR_ERR(rm);
		c->rms[i] = rm;
		rm = ktm_rm_open(c->tm, &guid, 0, KTM_RM_ENLIST, NULL);
		if (IS_ERR(rm))
			return PTR_ERR(rm);
		c->open[i] = rm;
		rm = c->rms[i];
		c->listeners[i] = (struct listener){ .crowd = c, .rm = i };
		init_completion(&c->listeners[i].recovered);
		err = ktm_rm_enable_callbacks(rm, told, &c->listeners[i], NULL);
		if (err)
			return err;
		if (flags & KTM_RM_VOLATILE)
			continue;
		err = ktm_rm_recover(rm, NULL);
		if (err)
			return err;
		wait_for_completion(&c->listeners[i].recovered);
	}
	return 0;
}

static int cells_begin(struct crowd *c)
{
	u32 i;

	for (i = 0; i < CELLS; i++) {
		c->cells[i] = life_new(c);
		if (!c->cells[i])
			return -ENOMEM;
	}
	return 0;
}

/* What nobody has ended. */
static void cells_end(struct crowd *c)
{
	struct life *l;
	u32 i, status;

	for (i = 0; i < CELLS; i++) {
		l = c->cells[i];
		if (!l)
			continue;
		ktm_transaction_rollback(l->tx, KTM_CALL_WAIT, &status);
		ktm_transaction_wait(l->tx, U64_MAX, &l->outcome, NULL);
	}
	wait_event(c->idle, is_idle(c));
}

static void check_member(struct crowd *c, struct life *l, struct member *m)
{
	const bool committed = l->outcome == KTM_OUTCOME_COMMITTED;
	const u32 want = committed ? KTM_NOTIFY_COMMIT : KTM_NOTIFY_ROLLBACK;
	const u32 not_want = committed ? KTM_NOTIFY_ROLLBACK : KTM_NOTIFY_COMMIT;

	if (m->told & not_want)
		WRONG(c, "outcome %u, and told 0x%x", l->outcome, m->told);
	/* Who has left, or had all of it in his hands, need not be told. */
	if (m->left || m->told & KTM_NOTIFY_SINGLE_PHASE_COMMIT)
		return;
	if (!((m->told | m->tried) & want))
		WRONG(c, "outcome %u, and told no more than 0x%x", l->outcome, m->told);
}

static void lives_check(struct crowd *c)
{
	struct life *l, *next;
	u32 i;

	list_for_each_entry_safe(l, next, &c->lives, link) {
		if (l->outcome == KTM_OUTCOME_COMMITTED)
			c->report.committed++;
		else if (l->outcome == KTM_OUTCOME_ABORTED)
			c->report.rolled_back++;
		else
			WRONG(c, "outcome %u", l->outcome);
		if (l->tx)
			WRONG(c, "a transaction is still held");
		for (i = 0; i < l->count; i++)
			if (l->members[i].entered)
				check_member(c, l, &l->members[i]);
		kfree(l);
	}
}

/* False: they do not come to an end, and use what there is for ever. */
static bool threads(struct crowd *c, struct runner *runners, u32 number, unsigned long patience)
{
	bool ended = true;
	u32 i, n;

	atomic_set(&c->left, number);
	for (n = 0; n < number; n++) {
		runners[n].crowd = c;
		prandom_seed_state(&runners[n].rnd, c->seed * MOST_THREADS + n);
		runners[n].task = kthread_create(crowd_thread, &runners[n], "ktm_crowd/%u", n);
		if (IS_ERR(runners[n].task)) {
			WRONG(c, "no thread: %ld", PTR_ERR(runners[n].task));
			break;
		}
	}
	if (n == number) {
		for (i = 0; i < n; i++)
			wake_up_process(runners[i].task);
		ended = wait_for_completion_timeout(&c->over, patience);
	}
	for (i = 0; ended && i < n; i++)
		kthread_stop(runners[i].task);
	return ended;
}

static void crowd_end(struct crowd *c)
{
	u32 i;

	cells_end(c);
	/* No callback comes any more; what they owe uses the others. */
	for (i = 0; i < RMS; i++)
		if (c->rms[i])
			ktm_rm_put(c->rms[i]);
	destroy_workqueue(c->wq);
	for (i = 0; i < CELLS; i++)
		if (c->cells[i])
			life_put(c->cells[i]);
	for (i = 0; i < RMS; i++)
		if (c->open[i])
			ktm_rm_put(c->open[i]);
	lives_check(c);
}

static struct crowd *crowd_new(struct ktm_tm_use *tm, const struct ktm_test_op *op)
{
	struct crowd *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->wq = alloc_workqueue("ktm_crowd", WQ_UNBOUND, 0);
	if (!c->wq) {
		kfree(c);
		return NULL;
	}
	c->tm = tm;
	c->rounds = op->key;
	c->seed = op->clock;
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->lives);
	init_completion(&c->over);
	init_waitqueue_head(&c->idle);
	return c;
}

int test_crowd(struct ktm_tm_use *tm, const struct ktm_test_op *op, struct ktm_test_crowd *report)
{
	struct runner *runners;
	struct crowd *c;
	int err;

	if (!op->count || op->count > MOST_THREADS)
		return -ENOBUFS;
	c = crowd_new(tm, op);
	runners = kcalloc(op->count, sizeof(*runners), GFP_KERNEL);
	if (!c || !runners)
		return -ENOBUFS;
	err = rms_begin(c, op->flags);
	if (!err)
		err = cells_begin(c);
	if (!err && !threads(c, runners, op->count, nsecs_to_jiffies(op->timeout_ns))) {
		/* Threads are in it: this module may not go any more. */
		__module_get(THIS_MODULE);
		return -ETIMEDOUT;
	}
	crowd_end(c);
	*report = c->report;
	kfree(runners);
	kfree(c);
	return err;
}
