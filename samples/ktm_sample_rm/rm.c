// SPDX-License-Identifier: GPL-2.0
/*
 * The resource manager. How it takes part in a transaction:
 *
 *   first write	it enlists, and locks the key
 *   PREPARE		what the transaction has written goes into the log with the vote
 *   COMMIT		everybody sees it; a commit record goes into the log with the answer
 *   ROLLBACK		it is forgotten
 *
 * and, when it is attached: it reads its stream, and the TM says which transactions of those that
 * it finds there are unfinished (RECOVER), and what becomes of each (COMMIT or ROLLBACK).
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rm.h"

/* Who we are to the TM, at each start: drawn once, when this was written. */
static const struct ktm_guid rm_guid = {
	.b = { 0x5b, 0x1f, 0x0e, 0x86, 0x91, 0x7c, 0x4e, 0x2d,
	       0xa3, 0x40, 0x6d, 0x8a, 0x2f, 0x55, 0xc7, 0x13 },
};

#define RM_ACCESS	(KTM_RM_ENLIST | KTM_RM_RECOVER | KTM_RM_GET_NOTIFICATION)

/* ---- what the TM tells ---- */

static bool any_done(struct sample_store *store)
{
	struct sample_tx *tx;

	list_for_each_entry(tx, &store->txs, link) {
		if (tx->state == SAMPLE_DONE)
			return true;
	}
	return false;
}

/* Not before all is known: a commit record is needed until the TM knows that this is over. */
static bool is_untidy(struct sample_rm *r)
{
	return completion_done(&r->recovered) && !any_done(&r->store) &&
	       sample_log_is_untidy(&r->log);
}

/* If it fails sooner or later a vote is refused for lack of room. */
static void tidy(struct sample_rm *r)
{
	int err = sample_log_tidy(&r->log, &r->store);

	if (err)
		pr_warn_ratelimited("ktm_sample_rm: the stream stays as full as it is: %d\n", err);
}

static int prepare(struct sample_rm *r, struct sample_tx *tx, struct ktm_enlistment_use *en)
{
	struct sample_answer a;
	int err;

	if (is_untidy(r)) {
		/* In the thread of who commits: told again, we are in a worker. */
		if (!(current->flags & PF_KTHREAD))
			return -EINTR;
		tidy(r);
	}
	tx->state = SAMPLE_PREPARED;
	sample_log_redo(&r->log, tx, &a);
	err = ktm_enlistment_prepare_complete(en, NULL, 0, &a.stream, 0, NULL);
	if (!err)
		return KTM_CALLBACK_PENDING;
	/* To return an error is to vote no, but for a signal of who commits: we are told again. */
	if (err != -EINTR)
		sample_tx_end(&r->store, tx);
	return err;
}

static int commit(struct sample_rm *r, struct sample_tx *tx, struct ktm_enlistment_use *en)
{
	struct sample_answer a;
	int err;

	/* The commit record was there before the crash. */
	if (tx->state == SAMPLE_DONE) {
		sample_tx_end(&r->store, tx);
		return KTM_CALLBACK_HANDLED;
	}
	sample_tx_apply(tx);
	sample_log_committed(&r->log, tx, &a);
	err = ktm_enlistment_commit_complete(en, &a.stream, 0, NULL);
	/*
	 * The log has failed. It is committed, but as long as the log does not say so nobody else
	 * may write these keys: they stay locked until we are attached again.
	 */
	if (err)
		return err;
	sample_tx_end(&r->store, tx);
	return KTM_CALLBACK_PENDING;
}

/* What the TM has not asked for was rolled back, or is over. */
static void last_recover(struct sample_rm *r)
{
	struct sample_tx *tx, *next;

	list_for_each_entry_safe(tx, next, &r->store.txs, link) {
		if ((tx->state == SAMPLE_FOUND || tx->state == SAMPLE_DONE) && !tx->asked)
			sample_tx_end(&r->store, tx);
	}
	complete_all(&r->recovered);
}

static int told(struct sample_rm *r, const struct ktm_notification *n,
		struct ktm_enlistment_use *en)
{
	struct sample_tx *tx;

	if (n->kind == KTM_NOTIFY_LAST_RECOVER) {
		last_recover(r);
		return KTM_CALLBACK_HANDLED;
	}
	tx = sample_tx_by(&r->store, &n->enlistment);
	/* One that could not vote, or whose key another has written since: it was rolled back. */
	if (!tx)
		return n->kind & (KTM_NOTIFY_PREPARE | KTM_NOTIFY_COMMIT) ? -EUCLEAN :
									    KTM_CALLBACK_HANDLED;
	switch (n->kind) {
	case KTM_NOTIFY_PREPARE:
		return prepare(r, tx, en);
	case KTM_NOTIFY_COMMIT:
		return commit(r, tx, en);
	case KTM_NOTIFY_ROLLBACK:
		sample_tx_end(&r->store, tx);
		return KTM_CALLBACK_HANDLED;
	case KTM_NOTIFY_RECOVER:
		tx->asked = true;
		return KTM_CALLBACK_HANDLED;
	default:
		/* INDOUBT: the outcome will be told. */
		return KTM_CALLBACK_HANDLED;
	}
}

static int callback(void *context, const struct ktm_notification *n, struct ktm_enlistment_use *en)
{
	struct sample_rm *r = context;
	int ret;

	mutex_lock(&r->lock);
	ret = told(r, n, en);
	mutex_unlock(&r->lock);
	return ret;
}

/* ---- attaching ---- */

static int open_rm(struct sample_rm *r, struct ktm_tm_use *tm)
{
	struct ktm_guid guid = rm_guid;
	struct ktm_rm_use *rm;

	/* Two that answer for the same store would ruin it. */
	rm = ktm_rm_open(tm, &guid, KTM_OPEN_EXCLUSIVE, RM_ACCESS, NULL);
	if (rm == ERR_PTR(-ENOENT))
		rm = ktm_rm_create(tm, KTM_RM_EXCLUSIVE, RM_ACCESS, 0, "ktm_sample_rm", &guid,
				   NULL);
	if (IS_ERR(rm))
		return PTR_ERR(rm);
	r->rm = rm;
	return 0;
}

static int find_tm(struct sample_rm *r, struct ktm_tm_use *tm)
{
	struct ktm_tm_info info;
	u32 length = sizeof(info);
	int err = ktm_tm_query(tm, KTM_INFO_TM_BASIC, &info, &length, NULL);

	r->tm = info.guid;
	return err;
}

/* From the first callback on the store is the callbacks' and the callers', under the lock. */
static int recover(struct sample_rm *r)
{
	int err = sample_log_read(&r->log, &r->store);

	if (!err)
		err = ktm_rm_enable_callbacks(r->rm, callback, r, NULL);
	if (!err)
		err = ktm_rm_recover(r->rm, NULL);
	if (!err)
		err = wait_for_completion_killable(&r->recovered);
	return err;
}

static int attach(struct sample_rm *r, struct ktm_tm_use *tm)
{
	int err = find_tm(r, tm);

	if (err)
		return err;
	err = open_rm(r, tm);
	if (err)
		return err;
	err = sample_log_open(&r->log, tm);
	if (err)
		goto put_rm;
	err = recover(r);
	if (!err)
		return 0;
	/* It waits for a running callback, which may use the log. */
	ktm_rm_put(r->rm);
	sample_log_close(&r->log);
	return err;
put_rm:
	ktm_rm_put(r->rm);
	return err;
}

/**
 * sample_rm_attach - the store of a transaction manager
 * @tm_fd: a descriptor of the TM, of current's
 *
 * Return: it, for sample_rm_detach(), or an ERR_PTR.
 */
struct sample_rm *sample_rm_attach(int tm_fd)
{
	struct sample_rm *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct ktm_tm_use *tm;
	int err;

	if (!r)
		return ERR_PTR(-ENOMEM);
	mutex_init(&r->lock);
	init_completion(&r->recovered);
	sample_store_init(&r->store);
	tm = ktm_tm_get_from_fd(tm_fd, KTM_TM_CREATE_RM | KTM_TM_QUERY_INFORMATION, NULL);
	if (IS_ERR(tm)) {
		err = PTR_ERR(tm);
	} else {
		err = attach(r, tm);
		/* The RM and the stream keep it. */
		ktm_tm_put(tm);
	}
	if (!err)
		return r;
	sample_store_clear(&r->store);
	kfree(r);
	return ERR_PTR(err);
}

/**
 * sample_rm_detach - leave the transaction manager
 * @r: what sample_rm_attach() returned; nobody else uses it any more
 *
 * What has not prepared is rolled back. What has is found again at the next start.
 */
void sample_rm_detach(struct sample_rm *r)
{
	/* It waits for a running callback: after that there is none, and the rest is ours. */
	ktm_rm_put(r->rm);
	sample_log_close(&r->log);
	sample_store_clear(&r->store);
	kfree(r);
}

/* ---- what callers ask for ---- */

static const struct sample_value *seen_by(const struct sample_entry *e, const struct sample_tx *tx)
{
	return tx && e->owner == tx ? &e->pending : &e->committed;
}

/* May it be written, or deleted? Before anything is changed. */
static int may_change(struct sample_rm *r, struct ktm_transaction_use *tx,
		      const struct sample_tx *ours, const struct sample_entry *e, bool write)
{
	if (!ktm_transaction_is_active(tx) || (ours && ours->state != SAMPLE_ACTIVE))
		return -ESTALE;
	if (e && e->owner && e->owner != ours)
		return -EBUSY;
	if (!write && (!e || !seen_by(e, ours)->there))
		return -ENOENT;
	if (!e && r->store.count >= KTM_SAMPLE_MAX_KEYS)
		return -ENOSPC;
	return 0;
}

/* Its first write: all that can fail here has been done, so an enlistment always has a key. */
static int enlist(struct sample_rm *r, struct ktm_transaction_use *tx, struct sample_tx *ours)
{
	ours->uow = ktm_transaction_id(tx);
	return ktm_rm_enlist(r->rm, tx, 0, KTM_NOTIFY_TWO_PHASE, 0, 0, &ours->enlistment, NULL);
}

static int change(struct sample_rm *r, struct ktm_transaction_use *tx, const void *key,
		  u32 key_length, const struct sample_value *value)
{
	const struct ktm_guid uow = ktm_transaction_id(tx);
	struct sample_tx *ours = sample_tx_of(&r->store, &uow);
	struct sample_entry *e = sample_find(&r->store, key, key_length);
	const bool first = !ours;
	int err = may_change(r, tx, ours, e, value->there);

	if (err)
		return err;
	if (first) {
		ours = sample_tx_new(&r->store);
		if (!ours)
			return -ENOMEM;
	}
	e = sample_claim(&r->store, ours, key, key_length);
	err = PTR_ERR_OR_ZERO(e);
	if (!err && first)
		err = enlist(r, tx, ours);
	if (!err)
		e->pending = *value;
	else if (first)
		sample_tx_end(&r->store, ours);
	return err;
}

/**
 * sample_rm_change - write or delete a key
 * @r: the store
 * @tx: a use with KTM_TX_ENLIST
 * @key: the key
 * @key_length: bytes of it, 1 to KTM_SAMPLE_MAX_KEY
 * @value: what it becomes
 *
 * Return: 0 or a negative errno, as <ktm_sample_rm.h> says.
 */
int sample_rm_change(struct sample_rm *r, struct ktm_transaction_use *tx, const void *key,
		     u32 key_length, const struct sample_value *value)
{
	int err = mutex_lock_interruptible(&r->lock);

	if (err)
		return err;
	/* A callback for this transaction waits for the lock, and finds what was done here. */
	err = change(r, tx, key, key_length, value);
	mutex_unlock(&r->lock);
	return err;
}

/* 0, or why @ours, or with NULL who is outside of all, cannot read it. */
static int may_look(const struct sample_entry *e, const struct sample_tx *ours)
{
	if (e->owner && e->owner->state == SAMPLE_FOUND)
		return -EBUSY;
	return seen_by(e, ours)->there ? 0 : -ENOENT;
}

static struct sample_tx *ours_of(struct sample_rm *r, struct ktm_transaction_use *tx)
{
	struct ktm_guid uow;

	if (!tx)
		return NULL;
	uow = ktm_transaction_id(tx);
	return sample_tx_of(&r->store, &uow);
}

/**
 * sample_rm_look - read a key
 * @r: the store
 * @tx: a use of the transaction that reads, or NULL
 * @key: the key
 * @key_length: bytes of it, 1 to KTM_SAMPLE_MAX_KEY
 * @value: out
 *
 * Return: 0 or a negative errno, as <ktm_sample_rm.h> says.
 */
int sample_rm_look(struct sample_rm *r, struct ktm_transaction_use *tx, const void *key,
		   u32 key_length, struct sample_value *value)
{
	const struct sample_entry *e;
	struct sample_tx *ours;
	int err = mutex_lock_interruptible(&r->lock);

	if (err)
		return err;
	ours = ours_of(r, tx);
	e = sample_find(&r->store, key, key_length);
	err = e ? may_look(e, ours) : -ENOENT;
	if (!err)
		*value = *seen_by(e, ours);
	mutex_unlock(&r->lock);
	return err;
}

/**
 * sample_rm_next - which key is behind another one
 * @r: the store
 * @tx: a use of the transaction that asks, or NULL
 * @key: any, which may be there or not; out: the one behind it; room for KTM_SAMPLE_MAX_KEY
 * @key_length: bytes of it, 0 to KTM_SAMPLE_MAX_KEY; out: of the other
 *
 * Return: 0 or a negative errno, as <ktm_sample_rm.h> says.
 */
int sample_rm_next(struct sample_rm *r, struct ktm_transaction_use *tx, void *key, u32 *key_length)
{
	const struct sample_entry *e, *next = NULL;
	struct sample_tx *ours;
	int err = mutex_lock_interruptible(&r->lock);

	if (err)
		return err;
	ours = ours_of(r, tx);
	list_for_each_entry(e, &r->store.entries, link) {
		if (sample_compare(e, key, *key_length) > 0 &&
		    (!next || sample_compare(e, next->key, next->key_length) < 0) &&
		    may_look(e, ours) != -ENOENT)
			next = e;
	}
	if (next) {
		memcpy(key, next->key, next->key_length);
		*key_length = next->key_length;
	} else {
		err = -ENOENT;
	}
	mutex_unlock(&r->lock);
	return err;
}
