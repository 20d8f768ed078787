// SPDX-License-Identifier: GPL-2.0
/*
 * The one write transaction of SQLite, and whose changes are in it.
 */
#include <errno.h>

#include "../common/log.h"
#include "store.h"

int sql_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int sql_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	case SQLITE_INTERRUPT:
		return -ETIME;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_SCHEMA:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int sql_log(sqlite3 *db, const char *what, int rc)
{
	log_line("%s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
	return sql_errno(rc);
}

int sql_begin(struct sql_store *s)
{
	int rc;

	sql_unload(s);
	rc = sql_run(s->db, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK)
		return rc;
	/* Somebody with the sqlite3 shell may have added a table. */
	rc = schema_refresh(&s->schema, s->db);
	if (rc != SQLITE_OK)
		sql_unload(s);
	return rc;
}

int sql_load_tx(struct sql_store *s, struct rm_tx *tx)
{
	int rc;

	/* A grave error may have ended SQLite's transaction: never write outside of one. */
	if (s->loaded == tx && !sqlite3_get_autocommit(s->db))
		return SQLITE_OK;
	rc = sql_begin(s);
	if (rc == SQLITE_OK && tx->work)
		rc = sql_replay(s, tx->work);
	if (rc == SQLITE_OK)
		s->loaded = tx;
	return rc;
}

void sql_unload(struct sql_store *s)
{
	s->loaded = NULL;
	if (!sqlite3_get_autocommit(s->db))
		sql_run(s->db, "ROLLBACK");
}

/*
 * Without this SQLite writes its log, but leaves it to the system when that reaches
 * the disk: after a power cut some last transactions are missing, none is in part.
 */
int sql_flush(struct sql_store *s)
{
	sqlite3_file *log = NULL;
	int rc;

	if (s->sync_failed)
		return SQLITE_IOERR_FSYNC;
	rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (rc != SQLITE_OK)
		return rc;
	if (!log || !log->pMethods)
		return SQLITE_IOERR;
	rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	s->sync_failed = rc != SQLITE_OK;
	return rc;
}

int sql_change(sqlite3 *db, const char *sql, const struct ktm_guid *guid, int64_t number)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK && guid)
		rc = sqlite3_bind_blob(stmt, 1, guid, sizeof(*guid), SQLITE_STATIC);
	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(stmt) > !!guid)
		rc = sqlite3_bind_int64(stmt, 1 + !!guid, number);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
