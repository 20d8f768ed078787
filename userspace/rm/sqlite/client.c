// SPDX-License-Identifier: GPL-2.0
/*
 * Statements of clients: what they may contain, how long they may take, and
 * running them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store.h"

/* How often SQLite asks whether to go on, and how often and how long it may. */
#define STEP		100
#define STEPS_MAX	500000
#define SECONDS_MAX	10
/*
 * One step can be long: searching text for text takes the product of the lengths.
 * So no value is longer than a packet can carry (and no pattern than
 * SQL_PATTERN_MAX).
 */
#define LENGTH_MAX	RM_PACKET_MAX
/* Memory that SQLite may take for a statement, sorting and its being parsed included. */
#define HEAP_MAX	(64 << 20)

/* ---- what SQLite asks ---- */

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int sql_progress(void *store)
{
	struct sql_store *s = store;

	return s->client && (!s->client->steps-- || seconds() > s->client->deadline);
}

static int deny_write(struct sql_store *s, const char *table)
{
	const struct table *t = schema_find(&s->schema, table);

	if (s->client->write && t && !t->refusal)
		return SQLITE_OK;
	if (!s->client->write)
		snprintf(s->client->refusal, MESSAGE_MAX, "a query cannot write");
	else
		snprintf(s->client->refusal, MESSAGE_MAX, "cannot write to %.100s: %s", table,
			 t ? t->refusal : "it is not a table of yours");
	return SQLITE_DENY;
}

int sql_authorize(void *store, int action, const char *a, const char *b, const char *database,
		  const char *trigger)
{
	struct sql_store *s = store;

	(void)database;
	(void)trigger;
	if (!s->client)
		return SQLITE_OK;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_READ:
		if (sqlite3_strnicmp(a, "ktm_", 4))
			return SQLITE_OK;
		break;
	case SQLITE_FUNCTION:
		if (b && sqlite3_stricmp(b, "load_extension"))
			return SQLITE_OK;
		break;
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
		return deny_write(s, a);
	}
	snprintf(s->client->refusal, MESSAGE_MAX, "clients may read and write rows only");
	return SQLITE_DENY;
}

/* ---- running ---- */

static void client_enter(struct sql_store *s, sqlite3 *db, struct sql_client *client)
{
	s->client = client;
	client->steps = STEPS_MAX;
	client->deadline = seconds() + SECONDS_MAX;
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + HEAP_MAX);
	sqlite3_progress_handler(db, STEP, sql_progress, s);
}

static void client_leave(struct sql_store *s, sqlite3 *db)
{
	s->client = NULL;
	sqlite3_progress_handler(db, 0, NULL, NULL);
	/* The hard limit has pulled the soft one down. */
	sqlite3_hard_heap_limit64(0);
	sqlite3_soft_heap_limit64(0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1 << 30);
}

static int sql_fail(const struct sql_store *s, struct request *r, sqlite3 *db, int rc)
{
	if (s->client && s->client->refusal[0])
		return request_fail(r, -EACCES, "%s", s->client->refusal);
	if ((rc & 0xff) == SQLITE_INTERRUPT)
		return request_fail(r, -ETIME, "the statement takes too long");
	return request_fail(r, sql_errno(rc), "%s", sqlite3_errmsg(db));
}

/* One statement and nothing behind it. */
static int prepare(struct sql_store *s, struct request *r, sqlite3 *db, sqlite3_stmt **stmt)
{
	sqlite3_stmt *second = NULL;
	const char *sql, *tail;
	size_t size;
	int rc;

	sql = unpack_bytes(&r->in, &size);
	if (!sql)
		return request_fail(r, -EPROTO, "the request is cut short");
	rc = sqlite3_prepare_v3(db, sql, size, 0, stmt, &tail);
	if (rc != SQLITE_OK)
		return sql_fail(s, r, db, rc);
	if (!*stmt)
		return request_fail(r, -EINVAL, "there is no statement");
	if (tail < sql + size) {
		rc = sqlite3_prepare_v3(db, tail, sql + size - tail, 0, &second, NULL);
		sqlite3_finalize(second);
		if (rc != SQLITE_OK || second)
			return request_fail(r, -EINVAL, "one statement at a time");
	}
	return 0;
}

static int bind(struct sql_store *s, struct request *r, sqlite3 *db, sqlite3_stmt *stmt)
{
	uint32_t i, count = unpack_u32(&r->in);

	if (r->in.failed)
		return request_fail(r, -EPROTO, "the request is cut short");
	if (count != (uint32_t)sqlite3_bind_parameter_count(stmt))
		return request_fail(r, -EINVAL, "the statement has %d parameters, not %u",
				    sqlite3_bind_parameter_count(stmt), count);
	for (i = 1; i <= count; i++) {
		int rc = value_bind(&r->in, stmt, i);

		if (r->in.failed)
			break;
		if (rc != SQLITE_OK)
			return sql_fail(s, r, db, rc);
	}
	if (!unpack_done(&r->in))
		return request_fail(r, -EPROTO, "the values are not well formed");
	return 0;
}

static int record_fail(struct request *r, int error)
{
	switch (error) {
	case -EBUSY:
		return request_fail(r, error, "another transaction holds a row of it");
	case -EDQUOT:
		return request_fail(r, error, "too many changes in one transaction");
	case -EDOM:
		return request_fail(r, -EINVAL, "a row without a value in its primary key");
	case -EACCES:
		return request_fail(r, error, "cannot write there");
	default:
		return request_fail(r, error, "no memory");
	}
}

static int run_write(struct sql_store *s, struct request *r, sqlite3_stmt *stmt)
{
	int rc;

	if (sqlite3_stmt_readonly(stmt) || sqlite3_stmt_isexplain(stmt) ||
	    sqlite3_column_count(stmt))
		return request_fail(r, -EINVAL, "not an INSERT, UPDATE, DELETE or REPLACE");
	rc = bind(s, r, s->db, stmt);
	if (rc)
		return rc;
	s->client->ran = true;
	rc = sqlite3_step(stmt);
	if (s->client->error)
		return record_fail(r, s->client->error);
	if (rc != SQLITE_DONE)
		return sql_fail(s, r, s->db, rc);
	pack_u64(&r->out, sqlite3_changes64(s->db));
	return 0;
}

static int exec(struct sql_store *s, struct rm_tx *tx, struct request *r)
{
	struct sql_client client = { .write = true, .tx = tx };
	struct lock_hold *mark = tx->locks.newest;
	struct sql_work *work = sql_work(tx);
	sqlite3_stmt *stmt = NULL;
	uint32_t count;
	size_t used;
	int ret;

	if (!work)
		return request_fail(r, -ENOMEM, "no memory");
	used = work->changes.used;
	count = work->count;
	ret = sql_load_tx(s, tx);
	if (ret != SQLITE_OK) {
		sql_fail(s, r, s->db, ret);
		sql_unload(s);
		return sql_errno(ret);
	}

	client_enter(s, s->db, &client);
	ret = prepare(s, r, s->db, &stmt);
	if (!ret)
		ret = run_write(s, r, stmt);
	sqlite3_finalize(stmt);
	client_leave(s, s->db);
	if (!ret || !client.ran)
		return ret;
	/*
	 * As if it had not been: what it did is rolled back with all the rest,
	 * and the rest is put back when the transaction works again.
	 */
	sql_unload(s);
	work->changes.used = used;
	work->changes.failed = false;
	work->count = count;
	lock_release(&s->core->locks, &tx->locks, mark);
	return ret;
}

/* Rows until the packet is full. */
static int pack_rows(struct sql_store *s, struct request *r, sqlite3 *db, sqlite3_stmt *stmt)
{
	size_t head = r->out.used;
	uint32_t rows = 0, columns = sqlite3_column_count(stmt);
	uint8_t more = 0;
	uint32_t i;
	int rc;

	pack_u8(&r->out, 0);
	pack_u32(&r->out, 0);
	pack_u32(&r->out, columns);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		size_t mark = r->out.used;

		for (i = 0; i < columns; i++)
			value_pack(&r->out, sqlite3_column_value(stmt, i));
		if (r->out.failed) {
			r->out.failed = false;
			r->out.used = mark;
			more = 1;
			break;
		}
		rows++;
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return sql_fail(s, r, db, rc);
	if (more && !rows)
		return request_fail(r, -EMSGSIZE, "the row does not fit into a packet");
	r->out.data[head] = more;
	pack_u32_at(&r->out, head + 1, rows);
	return 0;
}

static int query(struct sql_store *s, struct rm_tx *tx, struct request *r)
{
	struct sql_client client = { .write = false };
	sqlite3 *db = tx ? s->db : s->reader;
	sqlite3_stmt *stmt = NULL;
	int ret = SQLITE_OK;

	if (tx)
		ret = sql_load_tx(s, tx);
	if (ret != SQLITE_OK) {
		sql_fail(s, r, db, ret);
		sql_unload(s);
		return sql_errno(ret);
	}
	client_enter(s, db, &client);
	ret = prepare(s, r, db, &stmt);
	if (!ret && !sqlite3_stmt_readonly(stmt))
		ret = request_fail(r, -EINVAL, "a query cannot write");
	if (!ret)
		ret = bind(s, r, db, stmt);
	if (!ret)
		ret = pack_rows(s, r, db, stmt);
	sqlite3_finalize(stmt);
	client_leave(s, db);
	/* A grave error may have ended SQLite's transaction. */
	if (tx && sqlite3_get_autocommit(s->db))
		sql_unload(s);
	return ret;
}

int sql_request(void *store, struct rm_tx *tx, struct request *r)
{
	struct sql_store *s = store;

	if (r->fd >= 0)
		return request_fail(r, -EPROTO, "no descriptor was asked for");
	switch (r->op) {
	case RM_OP_SQL_EXEC:
		if (!tx)
			return request_fail(r, -EINVAL, "writing needs a transaction");
		return exec(s, tx, r);
	case RM_OP_SQL_QUERY:
		return query(s, tx, r);
	default:
		return request_fail(r, -EOPNOTSUPP, "ktm-rm-sqlite has no such request");
	}
}
