// SPDX-License-Identifier: GPL-2.0
/*
 * Commits: carried out, synced, and carried out again after a crash.
 *
 * SQLite writes its own log in order, so after a power cut the database is as it was
 * after some earlier commit. Two things tell which of the log's transactions it
 * has then, and both are written in SQLite's transactions, so neither is ever
 * ahead of the rows:
 *
 *	ktm_applied		the enlistment of each commit, and where its redo begins
 *	ktm_identity.floor	all whose redo begins before that have ended, and what they
 *				changed is there; their rows in ktm_applied have gone
 *
 * The floor is raised, and synced, before the base of the log moves to it. So
 * redo that comes back because a power cut undid that move is known for what it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "store.h"

/* @found: it was carried out before; a result code. */
static int is_applied(struct sql_store *s, const struct ktm_guid *enlistment, bool *found)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->db, "SELECT 1 FROM ktm_applied WHERE enlistment = ?", -1, &stmt,
				NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 1, enlistment, sizeof(*enlistment), SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	*found = rc == SQLITE_ROW;
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sql_commit(void *store, struct rm_tx *tx)
{
	struct sql_store *s = store;
	bool found = false;
	int rc;

	rc = sql_begin(s);
	if (rc == SQLITE_OK)
		rc = is_applied(s, &tx->enlistment, &found);
	if (rc == SQLITE_OK && found) {
		/* Before a crash, or by an attempt that seemed to fail. */
		sql_unload(s);
		return 0;
	}
	if (rc == SQLITE_OK)
		rc = sql_replay(s, tx->work);
	if (rc == SQLITE_OK)
		rc = sql_change(s->db, "INSERT INTO ktm_applied(enlistment, lsn) VALUES(?, ?)",
				&tx->enlistment, tx->redo_lsn);
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "COMMIT");
	if (rc == SQLITE_OK)
		return 0;
	rc = sql_log(s->db, "cannot carry out a committed transaction", rc);
	sql_unload(s);
	return rc;
}

int sql_sync(void *store, uint64_t base, uint64_t last, uint64_t flushed)
{
	struct sql_store *s = store;
	int rc;

	(void)last;
	(void)flushed;
	rc = sql_begin(s);
	/* What is in the log by name only is here as long as the log has the name. */
	if (rc == SQLITE_OK)
		rc = sql_change(s->db, "DELETE FROM ktm_intent WHERE enlistment IN "
				"(SELECT enlistment FROM ktm_applied WHERE lsn < ?)", NULL, base);
	/* Those of a volatile RM have no LSN. */
	if (rc == SQLITE_OK)
		rc = sql_change(s->db, "DELETE FROM ktm_applied WHERE lsn < ? OR lsn = 0", NULL,
				base);
	if (rc == SQLITE_OK)
		rc = sql_change(s->db, "UPDATE ktm_identity SET floor = max(floor, ?)", NULL, base);
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "COMMIT");
	if (rc == SQLITE_OK)
		rc = sql_flush(s);
	/*
	 * Then SQLite's log can begin anew. A reader may be in the way: the next time will
	 * do. But of any other error it is not known what it was about.
	 */
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY)
		return 0;
	rc = sql_log(s->db, "cannot sync the database", rc);
	sql_unload(s);
	return rc ? rc : -EIO;
}

/* ---- start ---- */

/* @floor: see above. Another stream than the last time has other LSNs. */
static int take_stream(struct sql_store *s, const struct ktm_guid *stream, uint64_t *floor)
{
	sqlite3_stmt *stmt = NULL;
	bool same = false;
	int rc;

	*floor = 0;
	rc = sqlite3_prepare_v2(s->db, "SELECT stream, floor FROM ktm_identity", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == sizeof(*stream)) {
		same = !memcmp(sqlite3_column_blob(stmt, 0), stream, sizeof(*stream));
		*floor = same ? sqlite3_column_int64(stmt, 1) : 0;
	}
	sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
	if (same)
		return SQLITE_OK;
	rc = sql_begin(s);
	if (rc == SQLITE_OK)
		rc = sql_change(s->db, "UPDATE ktm_identity SET stream = ?, floor = 0", stream, 0);
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "DELETE FROM ktm_applied; COMMIT");
	return rc == SQLITE_OK ? sql_flush(s) : rc;
}

static int carry_out(struct sql_store *s, const struct redo_tx *redo)
{
	struct rm_tx tx = {
		.enlistment = redo->enlistment,
		.redo_lsn = redo->lsn,
		.stored = redo->stored,
	};
	bool found;
	int ret;

	ret = sql_errno(is_applied(s, &tx.enlistment, &found));
	if (ret || found)
		return ret;
	ret = sql_work_load(s, &tx, redo, false);
	if (ret)
		log_line("a committed transaction in the log is damaged");
	else
		ret = sql_commit(s, &tx);
	sql_forget(s, &tx, true);
	return ret;
}

static int keep_for_decision(struct sql_store *s, const struct redo_tx *redo)
{
	struct rm_tx *tx = core_add_prepared(s->core, redo);
	int ret = tx ? sql_work_load(s, tx, redo, true) : -ENOMEM;

	/* A later one claims the same row, so this one has ended: it was rolled back. */
	if (ret == -EBUSY)
		ret = -EUCLEAN;
	if (ret == -EUCLEAN) {
		tx->damaged = true;
		ret = 0;
	}
	if (ret == -ENOENT) {
		tx->missing = true;
		ret = 0;
	}
	return ret;
}

/* Of transactions that were rolled back, or never voted. */
static int drop_intents(struct sql_store *s, const struct redo_log *log)
{
	sqlite3_stmt *stmt = NULL;
	struct ktm_guid guid;
	int rc;

	rc = sql_begin(s);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(s->db, "SELECT enlistment FROM ktm_intent", -1, &stmt,
					NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		if (sqlite3_column_bytes(stmt, 0) != sizeof(guid))
			continue;
		memcpy(&guid, sqlite3_column_blob(stmt, 0), sizeof(guid));
		if (!redo_log_has(log, &guid))
			rc = sql_intent_delete(s, &guid);
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE)
		rc = sql_run(s->db, "COMMIT");
	return rc;
}

int sql_load(void *store, struct rm_core *core, const struct redo_log *log)
{
	struct sql_store *s = store;
	uint64_t floor;
	int rc, ret = 0;
	size_t i;

	(void)core;
	rc = take_stream(s, &log->stream, &floor);
	if (rc == SQLITE_OK)
		rc = drop_intents(s, log);
	if (rc != SQLITE_OK) {
		ret = sql_log(s->db, "cannot read what was committed", rc);
		sql_unload(s);
		return ret;
	}
	for (i = 0; i < log->committed_count && !ret; i++)
		if (log->committed[i]->lsn >= floor)
			ret = carry_out(s, log->committed[i]);
	for (i = log->count; i && !ret; i--) {
		const struct redo_tx *redo = log->txs[i - 1];

		if (!redo->committed && redo->whole && !redo->headless && redo->lsn >= floor)
			ret = keep_for_decision(s, redo);
	}
	if (ret)
		log_line("cannot load what the log holds: %s", strerror(-ret));
	return ret;
}
