// SPDX-License-Identifier: GPL-2.0
/*
 * Intents: what prepared transactions will change, durably.
 *
 * An intent is: u32 magic, u32 version, u32 locks, that many names as bytes, u32
 * changes, the changes, SHA-256 of all that. Written and removed in the
 * database's own transactions: a commit removes the intent in the very
 * transaction that makes its changes, so doing it twice is impossible.
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

/* Takes the locks and fills in the work; 0, -EUCLEAN, -EBUSY or -ENOMEM. */
static int intent_unpack(struct sql_store *s, struct rm_tx *tx, const void *data, size_t size)
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

/* @found: it was there. */
static int intent_delete(struct sql_store *s, const struct rm_tx *tx, bool *found)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->db, "DELETE FROM ktm_intent WHERE enlistment = ?", -1, &stmt,
				NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 1, &tx->enlistment, sizeof(tx->enlistment),
				       SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	*found = sqlite3_changes(s->db) == 1;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sql_prepare(void *store, struct rm_tx *tx)
{
	struct sql_store *s = store;
	struct sql_work *work = tx->work;
	struct pack p;
	int rc;

	if (!work || !work->count)
		return 1;
	/* Once more: what was changed by somebody else's hand shows now, not later. */
	rc = sql_load_tx(s, tx);
	if (rc != SQLITE_OK)
		return sql_log(s->db, "a transaction does not fit the database any more", rc);

	pack_init(&p, INTENT_MAX);
	intent_pack(&p, tx);
	if (p.failed) {
		pack_free(&p);
		return -ENOMEM;
	}
	rc = sql_begin(s);
	if (rc == SQLITE_OK)
		rc = intent_insert(s, tx, &p);
	pack_free(&p);
	if (rc == SQLITE_OK) {
		/* From here on it may be there, even if SQLite says it failed. */
		work->stored = true;
		rc = sql_run(s->db, "COMMIT");
	}
	if (rc == SQLITE_OK)
		return 0;
	rc = sql_log(s->db, "cannot write an intent", rc);
	sql_unload(s);
	return rc;
}

int sql_commit(void *store, struct rm_tx *tx)
{
	struct sql_store *s = store;
	bool found;
	int rc;

	rc = sql_begin(s);
	if (rc == SQLITE_OK)
		rc = intent_delete(s, tx, &found);
	if (rc == SQLITE_OK && !found) {
		/* An earlier attempt that seemed to fail has done it all. */
		sql_unload(s);
		return 0;
	}
	if (rc == SQLITE_OK)
		rc = sql_replay(s, tx->work);
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "COMMIT");
	if (rc == SQLITE_OK)
		return 0;
	rc = sql_log(s->db, "cannot carry out a committed transaction", rc);
	sql_unload(s);
	return rc;
}

int sql_forget(void *store, struct rm_tx *tx, bool keep)
{
	struct sql_store *s = store;
	struct sql_work *work = tx->work;
	bool found;
	int rc;

	if (s->loaded == tx)
		sql_unload(s);
	if (!work)
		return 0;
	if (work->stored && !keep) {
		rc = sql_begin(s);
		if (rc == SQLITE_OK)
			rc = intent_delete(s, tx, &found);
		if (rc == SQLITE_OK)
			rc = sql_run(s->db, "COMMIT");
		if (rc != SQLITE_OK) {
			rc = sql_log(s->db, "the intent of a transaction that was rolled back stays",
				     rc);
			sql_unload(s);
			return rc;
		}
	}
	pack_free(&work->changes);
	free(work);
	tx->work = NULL;
	return 0;
}

/* ---- start ---- */

static int load_one(struct sql_store *s, struct rm_core *core, sqlite3_stmt *stmt)
{
	const void *body = sqlite3_column_blob(stmt, 1);
	size_t size = sqlite3_column_bytes(stmt, 1);
	struct ktm_guid enlistment;
	struct sql_work *work;
	struct rm_tx *tx;
	int ret;

	if (sqlite3_column_bytes(stmt, 0) != sizeof(enlistment))
		return -EUCLEAN;
	memcpy(&enlistment, sqlite3_column_blob(stmt, 0), sizeof(enlistment));
	tx = core_add_prepared(core, &enlistment);
	work = tx ? sql_work(tx) : NULL;
	if (!work)
		return -ENOMEM;
	work->stored = true;
	ret = intent_unpack(s, tx, body, size);
	if (ret == -EUCLEAN || ret == -EBUSY) {
		log_line(ret == -EBUSY ? "two prepared transactions claim one row" :
			 "an intent is damaged");
		tx->damaged = true;
		return 0;
	}
	return ret;
}

int sql_load(void *store, struct rm_core *core)
{
	struct sql_store *s = store;
	sqlite3_stmt *stmt = NULL;
	int rc, ret = 0;

	rc = sqlite3_prepare_v2(s->db, "SELECT enlistment, body FROM ktm_intent", -1, &stmt, NULL);
	while (rc == SQLITE_OK && !ret && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		ret = load_one(s, core, stmt);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	if (!ret && rc != SQLITE_DONE)
		return sql_log(s->db, "cannot read ktm_intent", rc);
	if (ret)
		log_line("cannot load what is prepared: %s", strerror(-ret));
	return ret;
}
