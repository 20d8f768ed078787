// SPDX-License-Identifier: GPL-2.0
/*
 * Intents: what prepared transactions will change.
 *
 * An intent is: u32 magic, u32 version, u32 locks, that many names as bytes, u32
 * changes, the changes, SHA-256 of all that. It is the redo that goes into the log. One
 * that would take too much of the log is kept in the database, synced before the
 * vote, because nothing but the log is made durable by the decision.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/digest.h"
#include "../common/log.h"
#include "store.h"

#define INTENT_MAGIC	0x496d746bu	/* "ktmI" */
#define INTENT_VERSION	1
/* Changes, and the names of the locks: two per row and index at most. */
#define INTENT_MAX	(8u * CHANGES_MAX)

struct sql_work *sql_work(struct rm_tx *tx)
{
	struct sql_work *work = tx->work;

	if (work)
		return work;
	work = calloc(1, sizeof(*work));
	if (work)
		pack_init(&work->changes, CHANGES_MAX);
	tx->work = work;
	return work;
}

/* ---- as bytes ---- */

static void intent_pack(struct pack *p, const struct rm_tx *tx)
{
	const struct sql_work *work = tx->work;
	const struct lock_hold *hold;
	uint32_t locks = 0;

	for (hold = tx->locks.newest; hold; hold = hold->older)
		locks++;
	pack_u32(p, INTENT_MAGIC);
	pack_u32(p, INTENT_VERSION);
	pack_u32(p, locks);
	for (hold = tx->locks.newest; hold; hold = hold->older)
		pack_bytes(p, hold->lock->name, hold->lock->size);
	pack_u32(p, work->count);
	pack_raw(p, work->changes.data, work->changes.used);
	digest_pack(p);
}

static int intent_unpack(struct sql_store *s, struct rm_tx *tx, const void *data, size_t size,
			 bool take_locks)
{
	struct sql_work *work = tx->work;
	struct unpack u;
	uint32_t locks;
	int ret = 0;

	if (!digest_check(data, &size))
		return -EUCLEAN;
	unpack_init(&u, data, size);
	if (unpack_u32(&u) != INTENT_MAGIC || unpack_u32(&u) != INTENT_VERSION)
		return -EUCLEAN;
	for (locks = unpack_u32(&u); locks && !ret; locks--) {
		size_t length;
		const void *name = unpack_bytes(&u, &length);

		if (!name)
			return -EUCLEAN;
		if (take_locks)
			ret = lock_take(&s->core->locks, &tx->locks, name, length, true);
	}
	if (ret)
		return ret;
	work->count = unpack_u32(&u);
	if (u.failed)
		return -EUCLEAN;
	pack_raw(&work->changes, u.at, u.end - u.at);
	if (work->changes.failed)
		return -ENOMEM;
	return sql_changes_valid(&work->changes, work->count) ? 0 : -EUCLEAN;
}

/* ---- in the database ---- */

static int intent_insert(struct sql_store *s, const struct rm_tx *tx, const struct pack *p)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->db, "INSERT OR REPLACE INTO ktm_intent(enlistment, body) "
				"VALUES(?, ?)", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 1, &tx->enlistment, sizeof(tx->enlistment),
				       SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob64(stmt, 2, p->data, p->used, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sql_intent_delete(struct sql_store *s, const struct ktm_guid *enlistment)
{
	return sql_change(s->db, "DELETE FROM ktm_intent WHERE enlistment = ?", enlistment, 0);
}

static int intent_load(struct sql_store *s, struct rm_tx *tx, bool locks)
{
	sqlite3_stmt *stmt = NULL;
	int rc, ret = -ENOENT;

	rc = sqlite3_prepare_v2(s->db, "SELECT body FROM ktm_intent WHERE enlistment = ?", -1,
				&stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 1, &tx->enlistment, sizeof(tx->enlistment),
				       SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		ret = intent_unpack(s, tx, sqlite3_column_blob(stmt, 0),
				    sqlite3_column_bytes(stmt, 0), locks);
	else if (rc != SQLITE_DONE)
		ret = sql_log(s->db, "cannot read ktm_intent", rc);
	sqlite3_finalize(stmt);
	return ret;
}

/* Durable when it returns. */
static int intent_store(struct sql_store *s, const struct rm_tx *tx, const struct pack *redo)
{
	int rc = sql_begin(s);

	if (rc == SQLITE_OK)
		rc = intent_insert(s, tx, redo);
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "COMMIT");
	if (rc == SQLITE_OK)
		rc = sql_flush(s);
	if (rc == SQLITE_OK)
		return RM_VOTE_STORED;
	rc = sql_log(s->db, "cannot write an intent", rc);
	sql_unload(s);
	return rc ? rc : -EIO;
}

int sql_prepare(void *store, struct rm_tx *tx, struct pack *redo, uint64_t room)
{
	struct sql_store *s = store;
	struct sql_work *work = tx->work;
	int rc;

	if (!work || !work->count)
		return RM_VOTE_NOTHING;
	/* Once more: what was changed by somebody else's hand shows now, not later. */
	rc = sql_load_tx(s, tx);
	if (rc != SQLITE_OK)
		return sql_log(s->db, "a transaction does not fit the database any more", rc);
	if (!redo)
		return RM_VOTE_LOGGED;
	redo->limit = INTENT_MAX;
	intent_pack(redo, tx);
	if (redo->failed)
		return -ENOMEM;
	if (redo->used <= room)
		return RM_VOTE_LOGGED;
	/* Before it is tried: it may be there even if it seems to have failed. */
	tx->stored = true;
	return intent_store(s, tx, redo);
}

void sql_forget(void *store, struct rm_tx *tx, bool keep)
{
	struct sql_store *s = store;
	struct sql_work *work = tx->work;
	int rc;

	if (s->loaded == tx)
		sql_unload(s);
	if (tx->stored && !keep) {
		rc = sql_begin(s);
		if (rc == SQLITE_OK)
			rc = sql_intent_delete(s, &tx->enlistment);
		if (rc == SQLITE_OK)
			rc = sql_run(s->db, "COMMIT");
		/* The log does not name it any more when the base has moved: it goes then. */
		if (rc != SQLITE_OK) {
			sql_log(s->db, "the intent of a transaction that was rolled back stays",
				rc);
			sql_unload(s);
		}
	}
	if (!work)
		return;
	pack_free(&work->changes);
	free(work);
	tx->work = NULL;
}

int sql_work_load(struct sql_store *s, struct rm_tx *tx, const struct redo_tx *redo, bool locks)
{
	if (!sql_work(tx))
		return -ENOMEM;
	if (redo->stored)
		return intent_load(s, tx, locks);
	return intent_unpack(s, tx, redo->bytes.data, redo->bytes.used, locks);
}
