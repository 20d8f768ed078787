// SPDX-License-Identifier: GPL-2.0
/*
 * The transactions that a resource manager takes part in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "log.h"

static bool same_guid(const struct ktm_guid *a, const struct ktm_guid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct rm_tx *find_number(struct rm_core *core, uint64_t number)
{
	struct rm_tx *tx;

	for (tx = core->txs; tx && tx->number != number; tx = tx->next)
		;
	return tx;
}

static struct rm_tx *find_enlistment(struct rm_core *core, const struct ktm_guid *enlistment)
{
	struct rm_tx *tx;

	for (tx = core->txs; tx && !same_guid(&tx->enlistment, enlistment); tx = tx->next)
		;
	return tx;
}

static struct rm_tx *find_active(struct rm_core *core, const struct ktm_guid *uow)
{
	struct rm_tx *tx;

	for (tx = core->txs; tx; tx = tx->next)
		if (tx->state == RM_TX_ACTIVE && same_guid(&tx->uow, uow))
			break;
	return tx;
}

static struct rm_tx *tx_add(struct rm_core *core, const struct ktm_guid *enlistment)
{
	struct rm_tx *tx = calloc(1, sizeof(*tx));

	if (!tx)
		return NULL;
	tx->number = ++core->next_number;
	tx->enlistment = *enlistment;
	tx->next = core->txs;
	core->txs = tx;
	core->count++;
	return tx;
}

static void tx_free(struct rm_core *core, struct rm_tx *tx)
{
	struct rm_tx **at;

	for (at = &core->txs; *at != tx; at = &(*at)->next)
		;
	*at = tx->next;
	core->count--;
	lock_release(&core->locks, &tx->locks, NULL);
	free(tx);
}

/* @keep: what is in the store for it stays there. */
static void tx_end(struct rm_core *core, struct rm_tx *tx, bool keep)
{
	core->ops->forget(core->store, tx, keep);
	tx_free(core, tx);
}

static void drop_all(struct rm_core *core)
{
	while (core->txs)
		tx_end(core, core->txs, core->txs->state != RM_TX_ACTIVE);
}

struct rm_tx *core_add_prepared(struct rm_core *core, const struct redo_tx *redo)
{
	struct rm_tx *tx = tx_add(core, &redo->enlistment);

	if (tx) {
		tx->state = RM_TX_PREPARED;
		tx->stored = redo->stored;
		tx->redo_lsn = redo->lsn;
	}
	return tx;
}

int core_load(struct rm_core *core)
{
	struct redo_log log;
	int ret;

	/* From a life before the TM went offline, if there are any. */
	drop_all(core);
	ret = redo_read(&core->redo, &log);
	if (!ret)
		ret = core->ops->load(core->store, core, &log);
	else if (ret == -ENOENT)
		log_line("the stream has been deleted, and with it what was not synced yet");
	else
		log_line("cannot read the stream: %s", strerror(-ret));
	/* What was carried out again is not durable yet. */
	core->redo.unsynced += log.committed_count;
	redo_log_free(&log);
	return ret;
}

/* ---- clients ---- */

static bool joined_has(const struct joined *joined, uint64_t t)
{
	unsigned int i;

	for (i = 0; i < joined->count; i++)
		if (joined->t[i] == t)
			return true;
	return false;
}

/* Makes room by dropping handles of transactions that have ended. */
static bool joined_has_room(struct rm_core *core, struct joined *joined)
{
	unsigned int i, kept = 0;

	if (joined->count < JOINED_MAX)
		return true;
	for (i = 0; i < joined->count; i++)
		if (find_number(core, joined->t[i]))
			joined->t[kept++] = joined->t[i];
	joined->count = kept;
	return kept < JOINED_MAX;
}

static int join_fail(struct request *r, int error)
{
	switch (error) {
	case -EBADFD:
	case -EBADF:
	case -ENOTTY:
		return request_fail(r, error, "the descriptor is not a transaction");
	case -EACCES:
		return request_fail(r, error, "the descriptor has no right to enlist");
	case -ESTALE:
		return request_fail(r, error, "the transaction is not active any more");
	case -EXDEV:
		return request_fail(r, error, "the transaction belongs to another TM");
	case -ENOTCONN:
		return request_fail(r, error, "the transaction manager is not online");
	case -ENOSPC:
		return request_fail(r, error, "the transaction manager's journal is full");
	default:
		return request_fail(r, error, "cannot enlist: %s", strerror(-error));
	}
}

static int core_join(struct rm_core *core, struct request *r)
{
	struct ktm_guid enlistment, uow;
	struct rm_tx *tx;
	int ret;

	if (r->fd < 0 || r->t || !unpack_done(&r->in))
		return request_fail(r, -EPROTO, "a join is a descriptor and nothing else");
	if (core->count >= core->limit || !joined_has_room(core, r->joined))
		return request_fail(r, -EDQUOT, "too many transactions are open");

	/* Enlisting first proves what kind of descriptor this is. */
	ret = core->enlist(core->context, r->fd, core->next_number + 1, &enlistment, &uow);
	if (ret)
		return join_fail(r, ret);
	close(r->fd);
	r->fd = -1;

	tx = find_active(core, &uow);
	if (tx) {
		core->leave(core->context, &enlistment);
	} else {
		tx = tx_add(core, &enlistment);
		if (!tx) {
			core->leave(core->context, &enlistment);
			return request_fail(r, -ENOMEM, "no memory");
		}
		tx->uow = uow;
	}
	if (!joined_has(r->joined, tx->number))
		r->joined->t[r->joined->count++] = tx->number;
	r->out_t = tx->number;
	return 0;
}

int core_request(void *context, struct request *r)
{
	struct rm_core *core = context;
	struct rm_tx *tx = NULL;

	if (!core->serving)
		return request_fail(r, -ENOTCONN, "the transaction manager is not online");
	if (r->op == RM_OP_JOIN)
		return core_join(core, r);
	if (r->t) {
		if (!joined_has(r->joined, r->t))
			return request_fail(r, -EINVAL, "no such transaction on this connection");
		tx = find_number(core, r->t);
		if (!tx || tx->state != RM_TX_ACTIVE)
			return request_fail(r, -ESTALE, "the transaction is not active any more");
	}
	return core->ops->request(core->store, tx, r);
}

/* ---- the transaction manager ---- */

int core_prepare(struct rm_core *core, const struct ktm_guid *enlistment,
		 struct redo_record *record)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);
	struct redo *redo = &core->redo;
	int ret;

	memset(record, 0, sizeof(*record));
	/* It was dropped when the TM went offline: it is not true that there was nothing. */
	if (!tx)
		return -ENOENT;
	pack_free(&redo->bytes);
	pack_init(&redo->bytes, SIZE_MAX / 2);
	ret = core->ops->prepare(core->store, tx, redo->fd < 0 ? NULL : &redo->bytes,
				 redo_room(redo));
	if (ret == RM_VOTE_NOTHING) {
		tx_end(core, tx, false);
		return ret;
	}
	if (ret < 0)
		return ret;
	tx->stored = ret == RM_VOTE_STORED;
	ret = redo_vote(redo, enlistment, tx->stored, record, &tx->redo_lsn);
	if (!ret)
		tx->state = RM_TX_PREPARED;
	return ret;
}

void core_voted(struct rm_core *core, const struct ktm_guid *enlistment, uint64_t lsn)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);

	if (tx && !tx->redo_lsn)
		tx->redo_lsn = lsn;
}

int core_commit(struct rm_core *core, const struct ktm_guid *enlistment,
		struct redo_record *record)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);
	int ret;

	memset(record, 0, sizeof(*record));
	/* The log does not know it any more: it has ended, and the store is synced. */
	if (!tx)
		return 0;
	ret = tx->missing ? -EUCLEAN : core->ops->commit(core->store, tx);
	if (ret)
		return ret;
	redo_committed(&core->redo, enlistment, record);
	tx_end(core, tx, true);
	return 0;
}

void core_rollback(struct rm_core *core, const struct ktm_guid *enlistment)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);

	if (tx)
		tx_end(core, tx, false);
}

int core_recover(struct rm_core *core, const struct ktm_guid *enlistment, uint64_t *number)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);

	if (!tx)
		return -ENOENT;
	if (tx->damaged)
		return -EUCLEAN;
	tx->named = true;
	*number = tx->number;
	return 0;
}

void core_last_recover(struct rm_core *core)
{
	struct rm_tx *tx, *next;

	for (tx = core->txs; tx; tx = next) {
		next = tx->next;
		if (!tx->named)
			tx_end(core, tx, false);
	}
	core->serving = true;
}

void core_offline(struct rm_core *core)
{
	struct rm_tx *tx, *next;

	core->serving = false;
	for (tx = core->txs; tx; tx = next) {
		next = tx->next;
		tx->named = false;
		if (tx->state == RM_TX_ACTIVE)
			tx_end(core, tx, false);
	}
}

/* ---- the store and the log ---- */

/* The first record that something undecided needs. */
static uint64_t oldest_redo(const struct rm_core *core)
{
	uint64_t oldest = UINT64_MAX;
	const struct rm_tx *tx;

	for (tx = core->txs; tx; tx = tx->next)
		if (tx->redo_lsn && tx->redo_lsn < oldest)
			oldest = tx->redo_lsn;
	return oldest;
}

int core_sync(struct rm_core *core)
{
	uint64_t base, last, flushed;
	int ret;

	ret = redo_ends(&core->redo, oldest_redo(core), &base, &last, &flushed);
	/* The TM is offline: when it is back, the log is read again. */
	if (ret == -ENOTCONN)
		return 0;
	if (!ret) {
		ret = core->ops->sync(core->store, base, last, flushed);
		if (ret)
			log_line("cannot sync the store: %s", strerror(-ret));
	}
	if (!ret) {
		ret = redo_advance(&core->redo, base);
		if (ret == -ENOTCONN || ret == -ESTALE)
			ret = 0;
	}
	return ret;
}

bool core_should_sync(const struct rm_core *core)
{
	return core->serving && redo_is_full(&core->redo);
}

bool core_may_sync(const struct rm_core *core)
{
	return core->serving && core->redo.unsynced;
}

int core_settle(struct rm_core *core, bool *empty)
{
	const struct rm_tx *tx;
	int ret = 0;

	*empty = core->serving;
	for (tx = core->txs; tx; tx = tx->next)
		if (tx->state != RM_TX_ACTIVE)
			*empty = false;
	if (!core->serving)
		return 0;
	/* So that the base can go to the end. */
	if (core->redo.fd >= 0)
		ret = ktm_stream_flush(core->redo.fd, 0, 0, NULL, NULL);
	if (!ret)
		ret = core_sync(core);
	if (ret)
		*empty = false;
	return ret;
}

void core_end(struct rm_core *core)
{
	drop_all(core);
	redo_close(&core->redo);
}
