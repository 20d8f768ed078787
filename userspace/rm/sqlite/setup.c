// SPDX-License-Identifier: GPL-2.0
/*
 * Opening a database, and its identity.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktm.h>

#include "../common/log.h"
#include "store.h"

/* How long to wait for somebody who writes to the database though nobody should. */
#define BUSY_MS		2000
#define SCHEMA_MAX	(1 << 20)

static int read_file(const char *path, char **text)
{
	struct stat st;
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_size > SCHEMA_MAX) {
		close(fd);
		return -EFBIG;
	}
	*text = calloc(1, st.st_size + 1);
	if (*text)
		n = read(fd, *text, st.st_size);
	close(fd);
	return n == st.st_size ? 0 : -EIO;
}

/* In the transaction that makes our own tables: all of a new database or nothing. */
static int run_schema(struct sql_store *s, const char *path)
{
	char *sql = NULL;
	int rc, ret;

	ret = read_file(path, &sql);
	if (ret) {
		log_line("cannot read %s: %s", path, strerror(-ret));
		free(sql);
		return ret;
	}
	rc = sql_run(s->db, sql);
	free(sql);
	if (rc != SQLITE_OK)
		return sql_log(s->db, path, rc);
	if (sqlite3_get_autocommit(s->db)) {
		log_line("%s may not end the transaction that it runs in", path);
		return -EINVAL;
	}
	return 0;
}

/* @found: it was there. */
static int read_identity(struct sql_store *s, struct rm_identity *identity, bool *found)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->db, "SELECT rm, tm, in_use FROM ktm_identity", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	*found = rc == SQLITE_ROW;
	if (*found) {
		if (sqlite3_column_bytes(stmt, 0) == sizeof(identity->rm) &&
		    sqlite3_column_bytes(stmt, 1) == sizeof(identity->tm)) {
			memcpy(&identity->rm, sqlite3_column_blob(stmt, 0), sizeof(identity->rm));
			memcpy(&identity->tm, sqlite3_column_blob(stmt, 1), sizeof(identity->tm));
			identity->in_use = sqlite3_column_int(stmt, 2);
		} else {
			rc = SQLITE_CORRUPT;
		}
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_identity(struct sql_store *s, const struct rm_identity *identity)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->db, "INSERT INTO ktm_identity(id, rm, tm, in_use) "
				"VALUES(1, ?, ?, ?) ON CONFLICT(id) DO UPDATE "
				"SET tm = excluded.tm, in_use = excluded.in_use", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 1, &identity->rm, sizeof(identity->rm),
				       SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(stmt, 2, &identity->tm, sizeof(identity->tm),
				       SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(stmt, 3, identity->in_use);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int open_identity(struct sql_store *s, const struct rm_options *options,
			 struct rm_identity *identity)
{
	bool found;
	int rc, ret;

	rc = sql_run(s->db, "BEGIN IMMEDIATE;"
		     "CREATE TABLE IF NOT EXISTS ktm_identity("
		     "id INTEGER PRIMARY KEY CHECK(id = 1), rm BLOB NOT NULL, tm BLOB NOT NULL, "
		     "in_use INTEGER NOT NULL, stream BLOB NOT NULL DEFAULT x'', "
		     "floor INTEGER NOT NULL DEFAULT 0, starts INTEGER NOT NULL DEFAULT 0);"
		     "CREATE TABLE IF NOT EXISTS ktm_applied("
		     "enlistment BLOB PRIMARY KEY NOT NULL, lsn INTEGER NOT NULL) WITHOUT ROWID;"
		     "CREATE TABLE IF NOT EXISTS ktm_intent("
		     "enlistment BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) WITHOUT ROWID");
	if (rc == SQLITE_OK)
		rc = read_identity(s, identity, &found);
	if (rc == SQLITE_OK && !found) {
		/* New: its GUID is its own for ever, its TM comes later. */
		ktm_guid_generate(&identity->rm);
		rc = write_identity(s, identity);
		if (rc == SQLITE_OK && options->extra) {
			ret = run_schema(s, options->extra);
			if (ret) {
				sql_unload(s);
				return ret;
			}
		}
	}
	/* Some write, so that the files of the log are there from now on. */
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "UPDATE ktm_identity SET starts = starts + 1");
	if (rc == SQLITE_OK)
		rc = schema_refresh(&s->schema, s->db);
	if (rc == SQLITE_OK)
		rc = sql_run(s->db, "COMMIT");
	if (rc == SQLITE_OK)
		rc = sql_flush(s);
	if (rc == SQLITE_OK)
		return 0;
	ret = sql_log(s->db, options->store, rc);
	sql_unload(s);
	return ret;
}

/* The answer that a PRAGMA must give. */
static int expect(sqlite3 *db, const char *pragma, const char *answer)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, pragma, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW &&
	    sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), answer)) {
		log_line("%s gives %s and not %s", pragma, sqlite3_column_text(stmt, 0), answer);
		sqlite3_finalize(stmt);
		return -EINVAL;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : sql_log(db, pragma, rc);
}

static int open_connection(struct sql_store *s, const char *path, int flags, sqlite3 **db)
{
	int rc;

	rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(*db, BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_set_authorizer(*db, sql_authorize, s);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc != SQLITE_OK)
		return sql_log(*db, path, rc);
	/*
	 * Readers need no writer to wait for. NORMAL: a commit is not synced, sql_sync() does
	 * that, for many. It also copies SQLite's log into the database: where SQLite does that
	 * by itself, an error would be told to nobody.
	 */
	sqlite3_limit(*db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, SQL_PATTERN_MAX);
	if (expect(*db, "PRAGMA journal_mode = WAL", "wal") ||
	    expect(*db, "PRAGMA encoding", "UTF-8"))
		return -EINVAL;
	/* What a statement sorts counts as its memory instead of filling a disk. */
	rc = sql_run(*db, "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF; "
		     "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY");
	return rc == SQLITE_OK ? 0 : sql_log(*db, path, rc);
}

/* The names of the database and its log must last, too; SQLite ignores it if they do not. */
static int sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd, ret = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return ret;
}

/*
 * What is read from the log of a predecessor may be in memory only: a sync that
 * failed leaves pages that no later sync writes. So before it is believed, it is
 * copied to the database, which is synced, and the log begins anew. A reader may
 * keep the log from being emptied, but not from being copied.
 */
static int make_durable(struct sql_store *s, const char *path)
{
	int rc = sql_run(s->db, "PRAGMA wal_checkpoint(TRUNCATE)");

	return rc == SQLITE_OK ? 0 : sql_log(s->db, path, rc);
}

int sql_open(const struct rm_options *options, struct rm_core *core,
	     struct rm_identity *identity, void **store)
{
	struct sql_store *s = calloc(1, sizeof(*s));
	int ret = 0;

	if (!s)
		return -ENOMEM;
	*store = s;
	s->core = core;
	memset(identity, 0, sizeof(*identity));
	/*
	 * This descriptor is the lock. It is opened before SQLite's and closed
	 * after them, because closing it would drop SQLite's own locks.
	 */
	s->lock = open(options->store, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->lock < 0)
		ret = -errno;
	if (!ret)
		ret = rm_lock_store(s->lock);
	if (ret) {
		log_line("cannot open %s: %s", options->store,
			 ret == -EBUSY ? "another process has it" : strerror(-ret));
		return ret;
	}
	ret = open_connection(s, options->store, SQLITE_OPEN_READWRITE, &s->db);
	if (!ret)
		ret = make_durable(s, options->store);
	if (!ret)
		ret = open_identity(s, options, identity);
	if (!ret) {
		ret = sync_directory(options->store);
		if (ret)
			log_line("cannot sync the directory of %s: %s", options->store,
				 strerror(-ret));
	}
	if (!ret)
		ret = open_connection(s, options->store, SQLITE_OPEN_READONLY, &s->reader);
	if (!ret)
		sqlite3_preupdate_hook(s->db, sql_record_hook, s);
	return ret;
}

int sql_set_tm(void *store, const struct ktm_guid *tm, bool in_use)
{
	struct sql_store *s = store;
	struct rm_identity identity;
	bool found;
	int rc;

	rc = read_identity(s, &identity, &found);
	if (rc == SQLITE_OK) {
		identity.tm = *tm;
		identity.in_use = in_use;
		rc = write_identity(s, &identity);
	}
	if (rc == SQLITE_OK)
		rc = sql_flush(s);
	return rc == SQLITE_OK ? 0 : sql_log(s->db, "ktm_identity", rc);
}

void sql_close(void *store)
{
	struct sql_store *s = store;

	if (s->db)
		sql_unload(s);
	schema_free(&s->schema);
	sqlite3_close(s->reader);
	sqlite3_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

const struct rm_program sql_program = {
	.name = "ktm-rm-sqlite",
	.store_option = "db",
	.extra_option = "schema",
	.usage =
		"  --db PATH        the database; others may read it, nobody else writes it\n"
		"  --schema PATH    SQL that makes the tables, run once when it is new\n",
	.open = sql_open,
	.set_tm = sql_set_tm,
	.close = sql_close,
	.ops = {
		.load = sql_load,
		.request = sql_request,
		.prepare = sql_prepare,
		.commit = sql_commit,
		.forget = sql_forget,
		.sync = sql_sync,
	},
};
