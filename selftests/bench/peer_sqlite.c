// SPDX-License-Identifier: GPL-2.0
/*
 * SQLite: two databases, one attached to the other's connection, so that one transaction
 * changes both. In journal mode DELETE that is atomic across the files, at
 * the price of a super-journal; in mode WAL it is not.
 *
 * Who finds a database locked sleeps in SQLite's busy handler, for longer than needed. A lock
 * of ours in front of it lets the next one in at once: the clients wait no
 * longer than they must.
 */
#include "bench.h"
#include "peer.h"

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>

/**
 * struct self - shared by all clients
 * @turn: whose it is to use the databases
 * @mode: journal mode
 */
struct self {
	pthread_mutex_t turn;
	const char *mode;
};

struct mine {
	struct self *self;
	sqlite3 *db;
	sqlite3_stmt *begin;
	sqlite3_stmt *take;
	sqlite3_stmt *give;
	sqlite3_stmt *commit;
};

static void path_of(char path[PATH_MAX], const struct self *self, const char *which,
		    const char *suffix)
{
	snprintf(path, PATH_MAX, "%s/%s-%s.db%s", bench.files, self->mode, which, suffix);
}

static void failed(sqlite3 *db, const char *what)
{
	die("sqlite: %s: %s", what, sqlite3_errmsg(db));
}

/* SQLite's own formats: %Q is a string in quotes. */
static void run(sqlite3 *db, const char *fmt, ...)
{
	va_list args;
	char *sql;

	va_start(args, fmt);
	sql = sqlite3_vmprintf(fmt, args);
	va_end(args);
	if (!sql || sqlite3_exec(db, sql, NULL, NULL, NULL))
		failed(db, sql);
	sqlite3_free(sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL))
		failed(db, sql);
	return stmt;
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = prepare(db, sql);
	int64_t value;

	if (sqlite3_step(stmt) != SQLITE_ROW)
		failed(db, sql);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* It answers with the mode that it is in, which need not be the one that was asked for. */
static void set_mode(sqlite3 *db, const char *schema, const char *mode)
{
	char sql[64];
	sqlite3_stmt *stmt;

	snprintf(sql, sizeof(sql), "PRAGMA %s.journal_mode=%s", schema, mode);
	stmt = prepare(db, sql);
	if (sqlite3_step(stmt) != SQLITE_ROW ||
	    sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), mode))
		failed(db, sql);
	sqlite3_finalize(stmt);
}

static sqlite3 *open_both(const struct self *self)
{
	char first[PATH_MAX], second[PATH_MAX];
	sqlite3 *db;

	path_of(first, self, "one", "");
	path_of(second, self, "two", "");
	if (sqlite3_open(first, &db))
		failed(db, first);
	sqlite3_busy_timeout(db, 60000);
	run(db, "ATTACH %Q AS two", second);
	set_mode(db, "main", self->mode);
	set_mode(db, "two", self->mode);
	run(db, "PRAGMA main.synchronous=FULL; PRAGMA two.synchronous=FULL");
	return db;
}

static void fill(sqlite3 *db, const char *schema)
{
	run(db, "CREATE TABLE %s.accounts(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);"
	    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    "INSERT INTO %s.accounts SELECT i, %d FROM n", schema, ACCOUNTS - 1, schema, BALANCE);
}

static void start(struct peer *peer)
{
	static const char *const suffixes[] = { "", "-journal", "-wal", "-shm" };
	struct self *self = share(sizeof(*self));
	pthread_mutexattr_t shared;
	char path[PATH_MAX];
	sqlite3 *db;
	size_t i;

	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&self->turn, &shared);
	self->mode = peer == &peer_sqlite_wal ? "wal" : "delete";
	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		path_of(path, self, "one", suffixes[i]);
		unlink(path);
		path_of(path, self, "two", suffixes[i]);
		unlink(path);
	}
	db = open_both(self);
	fill(db, "main");
	fill(db, "two");
	sqlite3_close(db);
	peer->self = self;
}

static void *connect_client(const struct peer *peer, unsigned int client)
{
	static struct mine mine;

	(void)client;
	mine.self = peer->self;
	pthread_mutex_lock(&mine.self->turn);
	mine.db = open_both(mine.self);
	mine.begin = prepare(mine.db, "BEGIN IMMEDIATE");
	mine.take = prepare(mine.db, "UPDATE main.accounts SET balance = balance - ? WHERE id = ?");
	mine.give = prepare(mine.db, "UPDATE two.accounts SET balance = balance + ? WHERE id = ?");
	mine.commit = prepare(mine.db, "COMMIT");
	pthread_mutex_unlock(&mine.self->turn);
	return &mine;
}

static void step(const struct mine *mine, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		failed(mine->db, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
}

static bool transfer(void *data, uint32_t from, uint32_t to, int64_t amount)
{
	struct mine *mine = data;

	sqlite3_bind_int64(mine->take, 1, amount);
	sqlite3_bind_int64(mine->take, 2, from);
	sqlite3_bind_int64(mine->give, 1, amount);
	sqlite3_bind_int64(mine->give, 2, to);
	pthread_mutex_lock(&mine->self->turn);
	step(mine, mine->begin);
	step(mine, mine->take);
	step(mine, mine->give);
	step(mine, mine->commit);
	pthread_mutex_unlock(&mine->self->turn);
	return true;
}

static int64_t sum(const struct peer *peer)
{
	sqlite3 *db = open_both(peer->self);
	int64_t all = number(db, "SELECT (SELECT sum(balance) FROM main.accounts) + "
			     "(SELECT sum(balance) FROM two.accounts)");

	sqlite3_close(db);
	return all;
}

static void end(struct peer *peer)
{
	(void)peer;
}

struct peer peer_sqlite_delete = {
	.name = "sqlite-delete",
	.start = start,
	.connect = connect_client,
	.transfer = transfer,
	.sum = sum,
	.end = end,
};

struct peer peer_sqlite_wal = {
	.name = "sqlite-wal",
	.start = start,
	.connect = connect_client,
	.transfer = transfer,
	.sum = sum,
	.end = end,
};
