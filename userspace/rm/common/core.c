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

/*
 * @keep: what is durable stays where it is. If it cannot go, its locks stay: else
 * the next start might find two prepared transactions with a claim on one thing.
 */
static void tx_end(struct rm_core *core, struct rm_tx *tx, bool keep)
{
	if (core->ops->forget(core->store, tx, keep))
		tx->state = RM_TX_STUCK;
	else
		tx_free(core, tx);
}

struct rm_tx *core_add_prepared(struct rm_core *core, const struct ktm_guid *enlistment)
{
	struct rm_tx *tx = tx_add(core, enlistment);

	if (tx)
		tx->state = RM_TX_PREPARED;
	return tx;
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

int core_prepare(struct rm_core *core, const struct ktm_guid *enlistment)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);
	int ret;

	if (!tx)
		return 1;
	ret = core->ops->prepare(core->store, tx);
	if (ret > 0)
		tx_end(core, tx, false);
	else if (!ret)
		tx->state = RM_TX_PREPARED;
	return ret;
}

int core_commit(struct rm_core *core, const struct ktm_guid *enlistment)
{
	struct rm_tx *tx = find_enlistment(core, enlistment);
	int ret;

	/* Finished before a crash that lost the TM's note of it. */
	if (!tx)
		return 0;
	ret = core->ops->commit(core->store, tx);
	if (ret)
		return ret;
	/* Nothing durable is left of it, so there is nothing to undo. */
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
	unsigned int dropped = 0;

	for (tx = core->txs; tx; tx = next) {
		next = tx->next;
		if (tx->named)
			continue;
		tx_end(core, tx, false);
		dropped++;
	}
	if (dropped)
		log_line("%u prepared transactions were rolled back", dropped);
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

void core_end(struct rm_core *core)
{
	while (core->txs) {
		core->ops->forget(core->store, core->txs, core->txs->state != RM_TX_ACTIVE);
		tx_free(core, core->txs);
	}
}
