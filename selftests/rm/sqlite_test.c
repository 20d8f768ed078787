// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-rm-sqlite without a kernel: what statements may do, isolation, locks; that
 * recorded changes are what the statements did; that what is prepared can be
 * committed in any order; and death at every system call of a commit.
 *
 * usage: sqlite_test DIRECTORY [SEED]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktm.h>
#include <ktm-rm-client.h>

#include "tap.h"
#include "trouble.h"
#include "world.h"
#include "../../userspace/rm/sqlite/store.h"

static const char schema[] =
	"CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, size REAL, UNIQUE(name));\n"
	"CREATE TABLE part(a TEXT COLLATE NOCASE, b INTEGER, v BLOB, PRIMARY KEY(b, a))"
	" WITHOUT ROWID;\n"
	"CREATE TABLE free(k PRIMARY KEY, v CHECK(v IS NULL OR v < 1000), w DEFAULT 7);\n"
	"CREATE UNIQUE INDEX free_w ON free(w) WHERE w > 100;\n"
	"CREATE TABLE auto(id INTEGER PRIMARY KEY AUTOINCREMENT, v);\n"
	"CREATE TABLE nokey(v);\n"
	"CREATE TABLE generated(id INTEGER PRIMARY KEY, v, g AS (v + 1));\n"
	"CREATE TABLE triggered(id INTEGER PRIMARY KEY);\n"
	"CREATE TRIGGER tr AFTER INSERT ON triggered BEGIN DELETE FROM item; END;\n"
	"CREATE TABLE expression(id INTEGER PRIMARY KEY, v);\n"
	"CREATE UNIQUE INDEX expression_v ON expression(abs(v));\n"
	"CREATE VIEW names AS SELECT name FROM item;\n";

static char directory[4096];
static char schema_path[5000];

static const char *path_of(const char *name)
{
	static char path[5000];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

/* Of the stream: with the small one each intent is too long for the log. */
#define QUOTA		(4u << 20)
#define SMALL_QUOTA	2400u

static uint64_t quota = QUOTA;

/* And an empty stream, which the database does not know. */
static void wipe(const char *name)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char path[5100];
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", path_of(name), suffixes[i]);
		unlink(path);
	}
	stream_new(quota);
}

static void open_or_die(struct world *w, const char *name)
{
	if (world_open(w, &sql_program, path_of(name), schema_path))
		die("cannot open %s", name);
}

/* ---- requests ---- */

static void pack_statement(struct pack *p, const char *sql, uint32_t count)
{
	world_begin(p);
	pack_bytes(p, sql, strlen(sql));
	pack_u32(p, count);
}

static int exec(struct world *w, uint64_t t, const char *sql)
{
	struct pack p;

	pack_statement(&p, sql, 0);
	return world_request(w, RM_OP_SQL_EXEC, t, &p, -1);
}

static int exec_int(struct world *w, uint64_t t, const char *sql, int64_t value)
{
	struct pack p;

	pack_statement(&p, sql, 1);
	pack_u8(&p, KTM_SQL_INTEGER);
	pack_u64(&p, value);
	return world_request(w, RM_OP_SQL_EXEC, t, &p, -1);
}

static int query(struct world *w, uint64_t t, const char *sql)
{
	struct pack p;

	pack_statement(&p, sql, 0);
	return world_request(w, RM_OP_SQL_QUERY, t, &p, -1);
}

/* The one number that a query gives, or what it failed with. */
static int64_t number(struct world *w, uint64_t t, const char *sql)
{
	struct unpack u;
	int ret = query(w, t, sql);

	if (ret)
		return ret;
	unpack_init(&u, w->answer.data, w->answer.used);
	unpack_u8(&u);
	if (unpack_u32(&u) != 1 || unpack_u32(&u) != 1 || unpack_u8(&u) != KTM_SQL_INTEGER)
		return INT64_MIN;
	return unpack_u64(&u);
}

static int commit(struct world *w, const struct ktm_guid *e)
{
	int ret = world_prepare(w, e);

	return ret ? ret : world_commit(w, e);
}

/* ---- what may be said ---- */

/* A table of a WITH clause that is twice another one. */
#define DOUBLE(name, of) ", " #name "(x) AS (SELECT l.x FROM " #of " l, " #of " r)"

static const char sort_much[] =
	"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 2000) "
	"SELECT length(b) FROM (SELECT randomblob(100000) b FROM r ORDER BY b)";

static void test_statements(void)
{
	static const struct {
		const char *sql;
		int error;
	} refused[] = {
		{ "", -EINVAL }, { "-- nothing", -EINVAL }, { "NONSENSE", -EINVAL },
		{ "INSERT INTO item(id) VALUES(1); DELETE FROM item", -EINVAL },
		{ "COMMIT", -EACCES }, { "ROLLBACK", -EACCES }, { "BEGIN", -EACCES },
		{ "SAVEPOINT x", -EACCES }, { "RELEASE x", -EACCES },
		{ "ATTACH ':memory:' AS x", -EACCES }, { "DETACH main", -EACCES },
		{ "PRAGMA synchronous = OFF", -EACCES }, { "PRAGMA user_version", -EACCES },
		{ "CREATE TABLE x(id INTEGER PRIMARY KEY)", -EACCES },
		{ "CREATE TEMP TABLE x(id)", -EACCES }, { "DROP TABLE item", -EACCES },
		{ "ALTER TABLE item ADD COLUMN x", -EACCES }, { "CREATE INDEX x ON item(size)",
							       -EACCES },
		{ "VACUUM", -EINVAL }, { "ANALYZE", -EACCES },
		{ "REINDEX", -EACCES }, { "DELETE FROM ktm_intent", -EACCES },
		{ "INSERT INTO ktm_identity(id) VALUES(2)", -EACCES },
		{ "UPDATE sqlite_sequence SET seq = 0", -EACCES },
		{ "DELETE FROM sqlite_schema", -EINVAL },
		{ "INSERT INTO item(name) SELECT hex(body) FROM ktm_intent", -EACCES },
		{ "SELECT load_extension('x')", -EACCES },
		{ "INSERT INTO nokey(v) VALUES(1)", -EACCES },
		{ "INSERT INTO generated(v) VALUES(1)", -EACCES },
		{ "INSERT INTO triggered(id) VALUES(1)", -EACCES },
		{ "INSERT INTO expression(v) VALUES(1)", -EACCES },
		{ "INSERT INTO names(name) VALUES('x')", -EACCES },
		{ "INSERT INTO item(id) VALUES(5) RETURNING id", -EINVAL },
		{ "SELECT 1", -EINVAL }, { "EXPLAIN DELETE FROM item", -EINVAL },
		{ "INSERT INTO item(id) VALUES(?)", -EINVAL },
		{ "INSERT INTO free(k, v) VALUES(1, 1000)", -EEXIST },
		{ "INSERT INTO free(v) VALUES(1)", -EINVAL },
		{ "INSERT OR ROLLBACK INTO free(k, v) VALUES(1, 1000)", -EEXIST },
		{ "INSERT OR FAIL INTO free(k, v) SELECT 50, 1 UNION ALL SELECT 51, 1000",
		 -EEXIST },
		{ "INSERT INTO item(id, name) VALUES(1, zeroblob(2000000))", -EMSGSIZE },
		{ "INSERT INTO item(id) WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)"
		  " SELECT i FROM r WHERE i < 0", -ETIME },
	};
	struct ktm_guid e;
	struct world w;
	struct pack p;
	uint64_t t;
	size_t i;
	int ret;

	wipe("statements");
	open_or_die(&w, "statements");
	ok(query(&w, 0, "SELECT 1") == -ENOTCONN, "nobody is served before LAST_RECOVER");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	check(!exec(&w, t, "INSERT INTO item(id, name) VALUES(10, 'before');  -- and a comment"),
	      "one statement: %s", w.message);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		ret = exec(&w, t, refused[i].sql);
		check(ret == refused[i].error && w.message[0], "\"%s\" gives %d (%s)",
		      refused[i].sql, ret, w.message);
		check(number(&w, t, "SELECT count(*) FROM item") == 1 &&
		      number(&w, t, "SELECT count(*) FROM free") == 0,
		      "\"%s\" changed something", refused[i].sql);
	}
	check(query(&w, t, "DELETE FROM item") == -EACCES, "a query that writes");
	check(query(&w, 0, "DELETE FROM item") == -EACCES, "the same without a transaction");
	check(query(&w, 0, "SELECT body FROM ktm_intent") == -EACCES, "reading intents");
	check(query(&w, 0, "PRAGMA table_info(item)") == -EACCES, "a pragma");
	check(query(&w, 0, "SELECT * FROM pragma_table_info('item')") == -EACCES, "in disguise");
	check(query(&w, 0, "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) "
		    "SELECT count(*) FROM r") == -ETIME, "for ever");
	check(query(&w, t, sort_much) == -ENOMEM, "more to sort than there may be: %s", w.message);
	check(query(&w, t, "WITH a(x) AS (SELECT 1 UNION SELECT 2)" DOUBLE(b, a) DOUBLE(c, b)
		    DOUBLE(d, c) DOUBLE(e, d) DOUBLE(f, e) DOUBLE(g, f) DOUBLE(h, g) DOUBLE(i, h)
		    DOUBLE(j, i) DOUBLE(k, j) DOUBLE(l, k) DOUBLE(m, l) DOUBLE(n, m) DOUBLE(o, n)
		    DOUBLE(p, o) DOUBLE(q, p) DOUBLE(r, q) DOUBLE(s, r) DOUBLE(u, s) DOUBLE(v, u)
		    DOUBLE(w, v) DOUBLE(y, w) " SELECT 1 FROM y") == -ENOMEM,
	      "a statement that grows when it is parsed: %s", w.message);
	check(query(&w, t, "SELECT 'x' LIKE hex(zeroblob(600))") == -EINVAL, "a long pattern");
	check(number(&w, t, "SELECT count(*) FROM item") == 1, "what was done before is kept");
	check(exec(&w, 0, "DELETE FROM item") == -EINVAL, "a write without a transaction");

	pack_statement(&p, "DELETE FROM item WHERE id = ?", 1);
	pack_u8(&p, 9);
	check(world_request(&w, RM_OP_SQL_EXEC, t, &p, -1) == -EPROTO, "an unknown type");
	pack_statement(&p, "DELETE FROM item WHERE id = ?", 1);
	pack_u8(&p, KTM_SQL_TEXT);
	pack_u32(&p, 1000);
	check(world_request(&w, RM_OP_SQL_EXEC, t, &p, -1) == -EPROTO, "a string cut short");
	pack_statement(&p, "DELETE FROM item", 0);
	pack_u8(&p, 0);
	check(world_request(&w, RM_OP_SQL_EXEC, t, &p, -1) == -EPROTO, "something behind it");
	world_begin(&p);
	pack_u32(&p, 1u << 31);
	check(world_request(&w, RM_OP_SQL_QUERY, t, &p, -1) == -EPROTO, "a huge length");
	check(world_request(&w, RM_OP_FILES_GET, t, &(struct pack){ 0 }, -1) == -EOPNOTSUPP,
	      "the other one's request");
	check(number(&w, t, "SELECT count(*) FROM item WHERE name = 'before'") == 1, "still there");
	check(!commit(&w, &e) && number(&w, 0, "SELECT count(*) FROM item") == 1, "and committed");
	world_close(&w);
	ok(!failures(), "what clients may not say is refused and changes nothing");
}

static void test_answers(void)
{
	struct ktm_guid e;
	struct unpack u;
	struct world w;
	uint32_t rows;
	uint64_t t;

	wipe("answers");
	open_or_die(&w, "answers");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	check(!exec_int(&w, t, "INSERT INTO item(id, name) WITH RECURSIVE r(i) AS (SELECT 1 UNION "
			"ALL SELECT i + 1 FROM r WHERE i < ?) SELECT i, printf('%.1000c', 'x') || i "
			"FROM r", 500), "many rows: %s", w.message);
	check(!query(&w, t, "SELECT id, name FROM item ORDER BY id"), "query");
	unpack_init(&u, w.answer.data, w.answer.used);
	check(unpack_u8(&u) == 1, "more rows than fit");
	rows = unpack_u32(&u);
	check(rows > 100 && rows < 500 && w.answer.used <= RM_PACKET_MAX, "as many as fit: %u",
	      rows);
	check(query(&w, t, "SELECT group_concat(name) FROM item") == -EMSGSIZE,
	      "one row too large");
	check(exec(&w, t,
		   "INSERT INTO item(id, name) WITH RECURSIVE r(i) AS (SELECT 1000 UNION ALL "
		   "SELECT i + 1 FROM r WHERE i < 22000) SELECT i, printf('%.1000c', 'y') || i FROM r")
	      == -EDQUOT, "too many changes");
	check(number(&w, t, "SELECT count(*) FROM item") == 500, "none of them stayed");
	check(!exec(&w, t, "DELETE FROM item") && number(&w, t, "SELECT count(*) FROM item") == 0,
	      "and it goes on");
	world_close(&w);
	ok(!failures(), "answers and transactions have their limits");
}

static void test_isolation(void)
{
	struct ktm_guid e1, e2;
	struct world w;
	uint64_t t1, t2;

	wipe("isolation");
	open_or_die(&w, "isolation");
	core_last_recover(&w.core);
	t1 = world_join(&w, &e1);
	check(!exec(&w, t1, "INSERT INTO item VALUES(1, 'a', 1.0), (2, 'b', 2.0)") &&
	      !exec(&w, t1, "INSERT INTO part VALUES('Key', 1, x'00')") &&
	      !exec(&w, t1, "INSERT INTO free(k, w) VALUES(1, 1)") && !commit(&w,
									      &e1), "old state");
	t1 = world_join(&w, &e1);
	t2 = world_join(&w, &e2);
	check(!exec(&w, t1, "UPDATE item SET name = 'A' WHERE id = 1"), "update");
	/* Committed state is read right after its work, when that is what is loaded. */
	check(number(&w, t1, "SELECT count(*) FROM item WHERE name = 'A'") == 1 &&
	      number(&w, 0, "SELECT count(*) FROM item WHERE name = 'A'") == 0 &&
	      number(&w, t2, "SELECT count(*) FROM item WHERE name = 'A'") == 0 &&
	      number(&w, 0, "SELECT count(*) FROM item WHERE name = 'A'") == 0 &&
	      number(&w, t1, "SELECT count(*) FROM names WHERE name = 'A'") == 1, "seen by itself");
	check(exec(&w, t2, "UPDATE item SET size = 5 WHERE id = 1") == -EBUSY, "same row");
	check(exec(&w, t2, "DELETE FROM item") == -EBUSY, "same row among others");
	check(exec(&w, t2, "INSERT INTO item VALUES(3, 'A', 0)") == -EBUSY, "new unique key");
	check(exec(&w, t2, "UPDATE item SET name = 'a2' WHERE id = 1") == -EBUSY, "and again");
	check(!exec(&w, t2, "UPDATE item SET size = 5 WHERE id = 2"), "another row: %s", w.message);
	check(exec(&w, t1, "UPDATE item SET size = 6 WHERE id = 2") == -EBUSY,
	      "the other way round");
	check(!exec(&w, t1, "INSERT INTO item VALUES(7, 'seven', 0)"), "insert");
	check(exec(&w, t2, "INSERT INTO item VALUES(7, 'other', 0)") == -EBUSY, "same new key");
	check(exec(&w, t2, "INSERT OR IGNORE INTO item VALUES(7, 'other', 0)") == -EBUSY,
	      "or ignore");
	check(exec(&w, t2, "REPLACE INTO item VALUES(9, 'seven', 0)") == -EBUSY, "replace");
	check(!exec(&w, t1, "DELETE FROM item WHERE id = 7"), "delete");
	check(exec(&w, t2, "INSERT INTO item VALUES(7, 'other', 0)") == -EBUSY, "still held");
	check(!exec(&w, t1, "UPDATE part SET v = x'01' WHERE a = 'KEY'"), "no case");
	check(exec(&w, t2, "REPLACE INTO part VALUES('kEY', 1, NULL)") == -EBUSY,
	      "one key in any case");
	check(!exec(&w, t2, "INSERT INTO part VALUES('kEY', 2, NULL)"), "another key");
	check(!exec(&w, t1, "INSERT INTO free(k) VALUES(5)"), "integer key");
	check(exec(&w, t2, "INSERT INTO free(k, w) VALUES(5.0, 2)") == -EBUSY,
	      "the same as a real");
	check(!exec(&w, t2, "INSERT INTO free(k, w) VALUES('5', 2)"), "not the same as a text");
	check(!exec(&w, t1, "UPDATE free SET w = 200 WHERE k = 5"), "partial index");
	check(exec(&w, t2, "UPDATE free SET w = 200 WHERE k = '5'") == -EBUSY, "its key");
	check(exec(&w, t1, "INSERT INTO item VALUES(1, 'dup', 0)") == -EEXIST, "constraint");
	check(number(&w, t1, "SELECT count(*) FROM free") == 2 &&
	      number(&w, t2, "SELECT count(*) FROM free") == 2, "each its own");

	check(!world_prepare(&w, &e1), "prepare");
	check(exec(&w, t1, "DELETE FROM item") == -ESTALE, "nothing is added after prepare");
	check(number(&w, 0, "SELECT count(*) FROM item WHERE name = 'A'") == 0, "not visible");
	check(exec(&w, t2, "UPDATE item SET size = 5 WHERE id = 1") == -EBUSY, "locked");
	check(!world_commit(&w, &e1), "commit");
	check(!world_commit(&w, &e1), "commit again: nothing staged, no error");
	check(number(&w, 0, "SELECT count(*) FROM item WHERE name = 'A'") == 1 &&
	      number(&w, t2, "SELECT count(*) FROM item WHERE name = 'A'") == 1, "visible");
	check(!exec(&w, t2, "UPDATE item SET size = 5 WHERE id = 1"), "free");
	core_rollback(&w.core, &e2);
	check(number(&w, 0, "SELECT count(*) FROM item WHERE size = 5") == 0 &&
	      number(&w, 0,
		     "SELECT count(*) FROM free WHERE typeof(k) = 'text'") == 0, "rolled back");
	t1 = world_join(&w, &e1);
	check(world_prepare(&w, &e1) == 1, "nothing done: read only");
	check(w.core.count == 0, "nothing is left over");
	world_close(&w);
	ok(!failures(), "a transaction's rows are its own until it commits");
}

/* ---- changes are what the statements did ---- */

static uint64_t random_state;

static unsigned int rnd(unsigned int below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % below;
}

static void random_statement(char *sql, size_t size)
{
	unsigned int a = rnd(12), b = rnd(12), c = rnd(6);

	switch (rnd(19)) {
	case 0: snprintf(sql, size, "INSERT INTO item VALUES(%u, 'n%u', %u)", a, b, c); break;
	case 1: snprintf(sql, size, "REPLACE INTO item VALUES(%u, 'n%u', %u.5)", a, b, c); break;
	case 2: snprintf(sql, size, "UPDATE item SET name = 'n%u' WHERE id = %u", b, a); break;
	case 3: snprintf(sql, size, "UPDATE OR REPLACE item SET id = %u WHERE id = %u", a,
			 b); break;
	case 4: snprintf(sql, size, "DELETE FROM item WHERE id > %u", a); break;
	case 5: snprintf(sql, size, "UPDATE item SET id = id + 20 WHERE id < %u", c); break;
	case 6: snprintf(sql, size, "INSERT INTO item(id, name) VALUES(%u, NULL) "
			 "ON CONFLICT(id) DO UPDATE SET size = size + 1", a); break;
	case 7: snprintf(sql, size, "INSERT OR IGNORE INTO item SELECT id + %u, name, 1 FROM item",
			 c); break;
	case 8: snprintf(sql, size, "INSERT INTO part VALUES('%c', %u, x'%02x')", "abABcd"[c], b,
			 a); break;
	case 9: snprintf(sql, size, "REPLACE INTO part VALUES('%c', %u, NULL)", "abABcd"[c],
			 rnd(3)); break;
	case 10: snprintf(sql, size, "UPDATE OR IGNORE part SET b = b + 1, a = upper(a)"); break;
	case 11: snprintf(sql, size, "DELETE FROM part WHERE b = %u", rnd(4)); break;
	case 12: snprintf(sql, size, "INSERT INTO free(k, v) VALUES(%u.%u, %u)", a, rnd(2) * 5,
			  rnd(1100)); break;
	case 13: snprintf(sql, size, "UPDATE OR REPLACE free SET k = 'x' || %u, w = 100 + %u "
			  "WHERE k < %u", c, b, a); break;
	case 14: snprintf(sql, size, "DELETE FROM free"); break;
	case 15: snprintf(sql, size, "INSERT INTO auto(v) VALUES(random())"); break;
	case 16: snprintf(sql, size, "DELETE FROM auto WHERE id %% 2 = %u", rnd(2)); break;
	case 17: snprintf(sql, size, "UPDATE OR FAIL item SET name = 'n%u' WHERE id >= %u", b,
			  a); break;
	default: snprintf(sql, size, "UPDATE free SET v = v + 1, w = NULL");
	}
}

/* All rows of all tables as text; to be freed by sqlite3_free(). */
static char *dump(sqlite3 *db)
{
	static const char *const queries[] = {
		"SELECT quote(id), quote(name), quote(size) FROM item ORDER BY id",
		"SELECT quote(a), quote(b), quote(v) FROM part ORDER BY b, a",
		"SELECT quote(k), quote(v), quote(w) FROM free ORDER BY k",
		"SELECT quote(id), quote(v), quote(typeof(v)) FROM auto ORDER BY id",
		"SELECT quote(name), quote(seq), 0 FROM sqlite_sequence ORDER BY name",
	};
	sqlite3_str *text = sqlite3_str_new(NULL);
	sqlite3_stmt *stmt;
	size_t i;

	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (sqlite3_prepare_v2(db, queries[i], -1, &stmt, NULL))
			die("dump: %s", sqlite3_errmsg(db));
		while (sqlite3_step(stmt) == SQLITE_ROW)
			sqlite3_str_appendf(text, "%d: %s %s %s\n", (int)i,
					    sqlite3_column_text(stmt, 0),
					    sqlite3_column_text(stmt, 1),
					    sqlite3_column_text(stmt, 2));
		sqlite3_finalize(stmt);
	}
	sqlite3_str_appendall(text, ".");
	return sqlite3_str_finish(text);
}

static sqlite3 *of(struct world *w)
{
	return ((struct sql_store *)w->store)->reader;
}

static bool same(sqlite3 *a, sqlite3 *b)
{
	char *x = dump(a), *y = dump(b);
	bool equal = !strcmp(x, y);

	if (!equal)
		printf("# ---- is\n# %s\n# ---- should be\n# %s\n", x, y);
	sqlite3_free(x);
	sqlite3_free(y);
	return equal;
}

/*
 * Random transactions, one after the other, through the RM; the same statements
 * in a database that SQLite alone keeps. Both must say yes and no to the same
 * statements and hold the same rows in the end, though the RM's were made from
 * recorded changes.
 */
static void test_record(unsigned long seed)
{
	unsigned long tried, agreed = 0;
	sqlite3 *plain;
	struct world w;

	random_state = seed;
	wipe("record");
	open_or_die(&w, "record");
	core_last_recover(&w.core);
	if (sqlite3_open(":memory:", &plain) || sql_run(plain, schema))
		die("no plain database");
	for (tried = 0; tried < 400 && !failing(); tried++) {
		unsigned int i, n = 1 + rnd(8);
		struct ktm_guid e;
		uint64_t t = world_join(&w, &e);
		bool rollback = !rnd(4);

		sql_run(plain, "BEGIN");
		for (i = 0; i < n; i++) {
			char sql[300];
			int ret, rc;

			random_statement(sql, sizeof(sql));
			/* Their numbers are drawn; what is drawn is not the same. */
			if (strstr(sql, "random()"))
				strcpy(sql, "INSERT INTO auto(v) VALUES(1.5)");
			ret = exec(&w, t, sql);
			sql_run(plain, "SAVEPOINT s");
			rc = sql_run(plain, sql);
			/* The RM makes OR FAIL all or nothing, too. */
			if (rc)
				sql_run(plain, "ROLLBACK TO s");
			sql_run(plain, "RELEASE s");
			agreed += !ret;
			check(!ret == !rc, "transaction %lu: \"%s\": %d (%s), should be %d", tried,
			      sql, ret, w.message, rc);
		}
		if (rollback) {
			core_rollback(&w.core, &e);
			sql_run(plain, "ROLLBACK");
		} else {
			check(commit(&w, &e) >= 0, "transaction %lu: commit", tried);
			sql_run(plain, "COMMIT");
		}
		/* AUTOINCREMENT's counter follows the rows that stay. */
		check(same(of(&w), plain), "transaction %lu", tried);
	}
	check(agreed > 300, "only %lu statements were accepted", agreed);
	sqlite3_close(plain);
	world_close(&w);
	campaign("rm_sqlite_record", tried, failures(), seed);
}

/*
 * Several transactions at once, prepared in any order, some then rolled back, the
 * others committed in any other order, with restarts in between: what was
 * prepared is never lost, and carrying it out never fails.
 */
#define AT_ONCE	6

static bool is_sound(const char *name)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	bool sound;

	if (sqlite3_open(path_of(name), &db) ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL))
		die("cannot open %s", name);
	sound = sqlite3_step(stmt) == SQLITE_ROW &&
		!strcmp((const char *)sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return sound;
}

struct open_tx {
	uint64_t t;
	struct ktm_guid e;
	bool prepared;
};

static void reopen(struct world *w, const char *name, struct open_tx *txs, unsigned int *count)
{
	unsigned int i, kept = 0;
	uint64_t n;

	world_close(w);
	open_or_die(w, name);
	for (i = 0; i < *count; i++) {
		if (!txs[i].prepared)
			continue;
		check(!core_recover(&w->core, &txs[i].e, &n), "prepared work is lost");
		txs[kept] = txs[i];
		txs[kept++].t = 0;
	}
	*count = kept;
	core_last_recover(&w->core);
}

static void test_order(unsigned long seed)
{
	unsigned long tried = 0, busy = 0, committed = 0;
	struct open_tx txs[AT_ONCE];
	unsigned int count = 0, i;
	struct world w;

	random_state = seed;
	wipe("order");
	open_or_die(&w, "order");
	core_last_recover(&w.core);
	while (tried < 4000) {
		tried++;
		if (count < AT_ONCE) {
			txs[count].prepared = false;
			txs[count].t = world_join(&w, &txs[count].e);
			count++;
		}
		i = rnd(count);
		if (!txs[i].prepared && rnd(4)) {
			char sql[300];

			random_statement(sql, sizeof(sql));
			busy += exec(&w, txs[i].t, sql) == -EBUSY;
			continue;
		}
		if (!rnd(60))
			reopen(&w, "order", txs, &count);
		if (!count)
			continue;
		i = rnd(count);
		if (!txs[i].prepared) {
			int ret = world_prepare(&w, &txs[i].e);

			check(ret >= 0, "step %lu: prepare: %d", tried, ret);
			txs[i].prepared = !ret;
			if (!ret)
				continue;
		} else if (rnd(4)) {
			check(!world_commit(&w, &txs[i].e), "step %lu: commit", tried);
			committed++;
		} else {
			core_rollback(&w.core, &txs[i].e);
		}
		txs[i] = txs[--count];
	}
	check(busy > 50 && committed > 50, "too tame: %lu conflicts, %lu commits", busy, committed);
	world_close(&w);
	check(is_sound("order"), "SQLite finds the database damaged");
	campaign("rm_sqlite_order", tried, failures(), seed);
}

/* ---- trouble ---- */

static void old_state(const char *name)
{
	struct ktm_guid e;
	struct world w;
	uint64_t t;

	wipe(name);
	open_or_die(&w, name);
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (exec(&w, t, "INSERT INTO item VALUES(1, 'old', 0), (2, 'gone', 0)") || commit(&w, &e))
		die("cannot make the old state");
	world_close(&w);
}

static int change(struct world *w, uint64_t t)
{
	int ret = exec(w, t, "UPDATE item SET name = 'new' WHERE id = 1");

	if (!ret)
		ret = exec(w, t, "DELETE FROM item WHERE id = 2");
	if (!ret)
		ret = exec(w, t, "INSERT INTO part VALUES('x', 1, zeroblob(9000))");
	return ret;
}

static bool is_old(struct world *w)
{
	return number(w, 0, "SELECT count(*) = 2 AND sum(name = 'old') = 1 AND "
		      "(SELECT count(*) FROM part) = 0 FROM item") == 1;
}

static bool is_new(struct world *w)
{
	return number(w, 0, "SELECT count(*) = 1 AND sum(name = 'new') = 1 AND "
		      "(SELECT count(*) FROM part) = 1 FROM item") == 1;
}

/* After recovery: nothing is prepared any more, and nothing is left of what was. */
static bool no_intents(struct world *w)
{
	struct sql_store *s = w->store;
	sqlite3_stmt *stmt;
	bool none;

	/* Those of what is committed go with its redo. */
	stream_decide();
	check(!core_sync(&w->core), "sync");
	/* Clients may not look at it. */
	if (sqlite3_prepare_v2(s->db, "SELECT count(*) FROM ktm_intent", -1, &stmt, NULL))
		die("cannot read ktm_intent");
	none = sqlite3_step(stmt) == SQLITE_ROW && !sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return none && !w->core.count;
}

struct told {
	struct ktm_guid enlistment;
	bool voted;
	bool finished;
};

static void transaction(const char *name, struct told *told, bool decided)
{
	struct world w;
	uint64_t t;

	(void)decided;
	open_or_die(&w, name);
	core_last_recover(&w.core);
	t = world_join(&w, &told->enlistment);
	if (change(&w, t) || world_prepare(&w, &told->enlistment))
		_exit(1);
	told->voted = true;
	if (world_commit(&w, &told->enlistment))
		_exit(1);
	told->finished = true;
}

static void recovery(const char *name, struct told *told, bool decided)
{
	uint64_t number;
	struct world w;
	int ret;

	open_or_die(&w, name);
	if (told->voted) {
		ret = core_recover(&w.core, &told->enlistment, &number);
		if (ret && ret != -ENOENT)
			_exit(1);
		if (decided && world_commit(&w, &told->enlistment))
			_exit(1);
		if (!decided)
			core_rollback(&w.core, &told->enlistment);
	}
	core_last_recover(&w.core);
}

static bool forked(void (*run)(const char *, struct told *, bool), const char *name,
		   struct told *told, bool decided, enum trouble kind, unsigned int at)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		trouble_set(kind, at);
		run(name, told, decided);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		die("a process of the test died otherwise");
	if (WEXITSTATUS(status) == TROUBLE_EXIT)
		return false;
	check(!WEXITSTATUS(status), "call %u: the process failed", at);
	return true;
}

static void judge(const char *name, const struct told *told, bool decided, unsigned int at,
		  unsigned int again)
{
	struct world w;

	open_or_die(&w, name);
	core_last_recover(&w.core);
	check(no_intents(&w), "died at call %u and %u: an intent is left", at, again);
	if (told->voted && decided)
		check(is_new(&w), "died at call %u and %u: not all is committed", at, again);
	else
		check(is_old(&w), "died at call %u and %u: not all is rolled back", at, again);
	world_close(&w);
}

/* Dies at each call of a transaction, then at each call of the recovery, then recovers. */
static void test_death(enum trouble kind, const char *name)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long tried = 0, died_voted = 0;
	unsigned int at, again;
	bool over = false;

	for (at = 1; !over; at++) {
		bool recovered = false;

		for (again = 0; !recovered; again++, tried++) {
			old_state("death");
			memset(told, 0, sizeof(*told));
			over = forked(transaction, "death", told, true, kind, at);
			died_voted += told->voted && !told->finished;
			if (again)
				recovered = forked(recovery, "death", told, true, kind, again);
			forked(recovery, "death", told, true, TROUBLE_NONE, 0);
			judge("death", told, true, at, again);
		}
	}
	check(died_voted > 2, "only %lu deaths between vote and end", died_voted);
	munmap(told, sizeof(*told));
	campaign(name, tried, failures(), 0);
}

static void test_death_in_rollback(void)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long tried;
	bool over = false;
	struct world w;
	uint64_t t;

	for (tried = 0; !over; tried++) {
		old_state("rollback");
		memset(told, 0, sizeof(*told));
		open_or_die(&w, "rollback");
		core_last_recover(&w.core);
		t = world_join(&w, &told->enlistment);
		if (change(&w, t) || world_prepare(&w, &told->enlistment))
			die("cannot prepare");
		told->voted = true;
		world_close(&w);
		over = forked(recovery, "rollback", told, false, TROUBLE_DIE_BEFORE, tried + 1);
		forked(recovery, "rollback", told, false, TROUBLE_NONE, 0);
		judge("rollback", told, false, tried + 1, 0);
	}
	check(tried > 2, "only %lu calls", tried);
	munmap(told, sizeof(*told));
	campaign("rm_sqlite_death_in_rollback", tried, failures(), 0);
}

static void test_failure(void)
{
	unsigned long tried = 0;
	struct ktm_guid e;
	unsigned int at;
	bool fired = true;
	struct world w;
	uint64_t t;
	int ret;

	for (at = 1; fired; at++, tried++) {
		old_state("failure");
		open_or_die(&w, "failure");
		core_last_recover(&w.core);
		t = world_join(&w, &e);
		if (change(&w, t))
			die("the change fails without trouble");
		trouble_set(TROUBLE_FAIL, at);
		ret = world_prepare(&w, &e);
		fired = trouble_count() >= at;
		check(!fired || ret, "prepare succeeds with a failure at call %u of %s", at,
		      trouble_trace());
		check(fired || !ret, "prepare fails without one");
		core_rollback(&w.core, &e);
		check(is_old(&w), "refused at call %u", at);
		world_close(&w);
		open_or_die(&w, "failure");
		core_last_recover(&w.core);
		check(no_intents(&w), "refused at call %u: an intent is left", at);
		world_close(&w);
	}
	for (at = 1, fired = true; fired; at++, tried++) {
		old_state("failure");
		open_or_die(&w, "failure");
		core_last_recover(&w.core);
		t = world_join(&w, &e);
		if (change(&w, t) || world_prepare(&w, &e))
			die("cannot prepare");
		trouble_set(TROUBLE_FAIL, at);
		ret = world_commit(&w, &e);
		fired = trouble_count() >= at;
		check(fired || !ret, "commit fails without a failure");
		check(!world_commit(&w, &e), "second attempt after call %u", at);
		check(is_new(&w) && no_intents(&w), "committed after call %u", at);
		world_close(&w);
	}
	campaign("rm_sqlite_failure", tried, failures(), 0);
}

/*
 * Nothing is synced for what the log has. An intent that it does not have is, before
 * the vote, and so is the store before the base moves.
 */
static void test_sync_order(void)
{
	bool small = quota == SMALL_QUOTA;
	const char *trace;
	struct ktm_guid e;
	struct world w;
	uint64_t t;

	old_state("sync");
	open_or_die(&w, "sync");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (change(&w, t))
		die("cannot change");
	trouble_set(TROUBLE_NONE, 0);
	check(!world_prepare(&w, &e), "prepare");
	trouble_count();
	trace = trouble_trace();
	if (small)
		check(strrchr(trace, 'f') > strrchr(trace, 'w') && strchr(trace, 'w'),
		      "prepare: %s does not end with a sync", trace);
	else
		check(!strchr(trace, 'f'), "prepare: %s has a sync", trace);
	trouble_set(TROUBLE_NONE, 0);
	check(!world_commit(&w, &e), "commit");
	trouble_count();
	trace = trouble_trace();
	check(strchr(trace, 'w') && !strchr(trace, 'f'), "commit: %s has a sync", trace);
	stream_decide();
	trouble_set(TROUBLE_NONE, 0);
	check(!core_sync(&w.core), "sync");
	trouble_count();
	trace = trouble_trace();
	check(strchr(trace, 'f') && strrchr(trace, 'f') > strrchr(trace, 'w'),
	      "sync: %s does not end with one", trace);
	check(stream_count() == 1, "%u records live behind a sync", stream_count());
	world_close(&w);
	ok(!failures(), small ? "what is synced when the log has it not" : "what is synced when");
}

/* SQLite may say that a COMMIT failed that was durable nevertheless. */
static void test_commit_twice(void)
{
	struct ktm_guid e;
	struct world w;
	uint64_t t;

	old_state("twice");
	open_or_die(&w, "twice");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (change(&w, t) || world_prepare(&w, &e))
		die("cannot prepare");
	check(!sql_program.ops.commit(w.store, w.core.txs), "once");
	check(!sql_program.ops.commit(w.store, w.core.txs), "twice");
	check(!world_commit(&w, &e) && is_new(&w), "three times");
	world_close(&w);
	ok(!failures(), "carrying a commit out again changes nothing");
}

static void test_damage(void)
{
	struct ktm_guid e, e2;
	uint64_t t, number;
	sqlite3 *db;
	struct world w;

	old_state("damage");
	open_or_die(&w, "damage");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (change(&w, t) || world_prepare(&w, &e))
		die("cannot prepare");
	world_close(&w);

	open_or_die(&w, "damage");
	check(!core_recover(&w.core, &e, &number) && number, "and found by its enlistment");
	ktm_guid_generate(&e2);
	check(core_recover(&w.core, &e2, &number) == -ENOENT, "another one is not");
	core_last_recover(&w.core);
	t = world_join(&w, &e2);
	check(exec(&w, t, "UPDATE item SET name = 'x' WHERE id = 1") == -EBUSY &&
	      exec(&w, t, "INSERT INTO item VALUES(9, 'new', 0)") == -EBUSY &&
	      exec(&w, t, "INSERT INTO item VALUES(9, 'gone', 0)") < 0,
	      "what is in doubt stays locked");
	check(is_old(&w), "and invisible");
	world_close(&w);

	if (quota != SMALL_QUOTA) {
		stream_damage();
	} else if (sqlite3_open(path_of("damage"), &db) ||
		   sql_run(db, "UPDATE ktm_intent SET body = "
			   "substr(body, 1, 30) || x'ff' || substr(body, 32)")) {
		die("cannot damage the intent");
	} else {
		sqlite3_close(db);
	}
	open_or_die(&w, "damage");
	check(core_recover(&w.core, &e, &number) == -EUCLEAN, "damage that matters is an error");
	core_last_recover(&w.core);
	check(is_old(&w), "damage that nobody asks for goes");
	world_close(&w);
	open_or_die(&w, "damage");
	core_last_recover(&w.core);
	check(no_intents(&w), "for good");
	world_close(&w);
	ok(!failures(), quota == SMALL_QUOTA ? "the same of what is in the database" :
	   "prepared work is found again, damage is noticed");
}

static void test_identity(void)
{
	struct ktm_guid tm, rm;
	struct world w, second;

	wipe("identity");
	open_or_die(&w, "identity");
	rm = w.identity.rm;
	ktm_guid_generate(&tm);
	check(!ktm_guid_is_nil(&rm) && ktm_guid_is_nil(&w.identity.tm), "new");
	check(!w.identity.in_use && !sql_program.set_tm(w.store, &tm, true), "set");
	check(world_open(&second, &sql_program, path_of("identity"), NULL) == -EBUSY,
	      "one process at a time");
	world_close(&w);
	open_or_die(&w, "identity");
	check(ktm_guid_equal(&rm, &w.identity.rm) && ktm_guid_equal(&tm, &w.identity.tm), "kept");
	check(w.identity.in_use && !sql_program.set_tm(w.store, &tm, false), "its log is in use");
	world_close(&w);
	open_or_die(&w, "identity");
	check(!w.identity.in_use, "its log is empty");
	world_close(&w);
	ok(!failures(), "a database knows its GUID and its transaction manager");
}

/*
 * What was rolled back stays in the log for a while, and a later one may have taken its
 * rows. It is the later one's at the next start, and its row is free after that.
 */
static void test_rolled_back(void)
{
	struct ktm_guid e1, e2, e3;
	uint64_t t1, t2, t3, number;
	struct world w;

	wipe("rolled");
	open_or_die(&w, "rolled");
	core_last_recover(&w.core);
	t1 = world_join(&w, &e1);
	t2 = world_join(&w, &e2);
	check(!exec(&w, t1, "INSERT INTO item(id, name) VALUES(1, 'x')") &&
	      !world_prepare(&w, &e1), "prepared");
	check(exec(&w, t2, "INSERT INTO item(id, name) VALUES(1, 'y')") == -EBUSY,
	      "its row is held");
	core_rollback(&w.core, &e1);
	check(!exec(&w, t2, "INSERT INTO item(id, name) VALUES(1, 'y')") &&
	      !world_prepare(&w, &e2), "and free");
	world_close(&w);

	open_or_die(&w, "rolled");
	check(!core_recover(&w.core, &e2, &number), "what is prepared is found");
	check(core_recover(&w.core, &e1, &number) == -EUCLEAN, "both cannot be undecided");
	core_last_recover(&w.core);
	check(w.core.count == 1 && !world_commit(&w, &e2), "and committed");
	world_close(&w);
	open_or_die(&w, "rolled");
	core_last_recover(&w.core);
	t3 = world_join(&w, &e3);
	check(!exec(&w, t3, "UPDATE item SET name = 'z' WHERE name = 'y'") && !commit(&w, &e3),
	      "the row is free again");
	world_close(&w);
	ok(!failures(), quota == SMALL_QUOTA ? "the same with intents in the database" :
	   "rows of what was rolled back are free, also behind a start");
}

/* A commit, and then death: it is in the log only. */
static void commit_and_die(const char *name)
{
	struct ktm_guid e;
	struct world w;
	uint64_t t;

	open_or_die(&w, name);
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	_exit(exec(&w, t, "INSERT INTO item(id, name) VALUES(1, 'x')") || commit(&w, &e));
}

/* Rows in the database itself, without its log; by another process, see sql_open(). */
static int64_t items_without_log(const char *name)
{
	char command[13000];
	int64_t count = -1;
	FILE *pipe;

	snprintf(command, sizeof(command), "cp '%s/%s' '%s/bare' && "
		 "sqlite3 '%s/bare' 'SELECT count(*) FROM item'", directory, name, directory,
		 directory);
	pipe = popen(command, "r");
	if (!pipe || fscanf(pipe, "%" SCNd64, &count) != 1)
		count = -1;
	if (pipe)
		pclose(pipe);
	return count;
}

static void test_log_of_predecessor(void)
{
	struct world w;
	int status;
	pid_t pid;

	wipe("log");
	wipe("bare");
	pid = fork();
	if (!pid)
		commit_and_die("log");
	if (waitpid(pid, &status, 0) != pid || status)
		die("cannot commit");
	open_or_die(&w, "log");
	check(items_without_log("log") == 1, "what is in the log is in the database before it counts");
	world_close(&w);
	ok(!failures(), "the log of a predecessor is made durable");
}

/* ---- power cuts ---- */

static void copy_database(const char *from, const char *to)
{
	char command[60000], a[5100], b[5100];

	snprintf(a, sizeof(a), "%s", path_of(from));
	snprintf(b, sizeof(b), "%s", path_of(to));
	snprintf(command, sizeof(command), "rm -f '%s' '%s-wal' '%s-shm'; cp '%s' '%s' && "
		 "{ [ ! -e '%s-wal' ] || cp '%s-wal' '%s-wal'; }", b, b, b, a, b, a, a, b);
	if (system(command))
		die("cannot copy %s", from);
}

#define CUT_KEYS	6

/* What the TM knows of the transactions since the last cut, and what they did. */
struct cut_tx {
	struct ktm_guid e;
	uint64_t voted_lsn, done_lsn;
	bool decided;
	bool over;
	int key;
	int64_t value;
};

static void cut_decide(struct world *w, struct cut_tx *tx, int64_t expected[CUT_KEYS])
{
	struct redo_record record;

	stream_decide();
	tx->decided = true;
	tx->over = true;
	expected[tx->key] = tx->value;
	check(!core_commit(&w->core, &tx->e, &record) && !stream_take(&record, &tx->done_lsn),
	      "commit");
}

enum cut { CUT_KEPT, CUT_LOST, CUT_ONLINE, CUTS };

/*
 * Transactions on a few rows; now and then the store is synced, and in the end the power
 * is cut. The database is then as it was at the last sync, or as it was at the end (both may
 * be), and of the log only what is durable is there. Or the TM alone lost its device, and we
 * go on living. A commit that was decided counts.
 */
static unsigned long cut_round(const char *name, enum cut kind)
{
	struct cut_tx txs[40];
	int64_t expected[CUT_KEYS] = { 0 };
	unsigned int count = 0, i, steps = 10 + rnd(30);
	struct redo_record record;
	struct world w;
	uint64_t number_of;

	for (i = 0; i < CUT_KEYS; i++)
		expected[i] = -1;
	wipe(name);
	open_or_die(&w, name);
	core_last_recover(&w.core);
	check(!core_sync(&w.core), "sync");
	copy_database(name, "cut-copy");
	while (steps--) {
		struct cut_tx *tx = &txs[count];
		char sql[300];
		uint64_t t;

		if (!rnd(6)) {
			check(!core_sync(&w.core), "sync");
			copy_database(name, "cut-copy");
			continue;
		}
		memset(tx, 0, sizeof(*tx));
		tx->key = rnd(CUT_KEYS);
		tx->value = rnd(1000000);
		t = world_join(&w, &tx->e);
		snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO item(id, name, size) "
			 "VALUES(%d, 'n%d', %" PRId64 ")", tx->key, tx->key, tx->value);
		if (exec(&w, t, sql))
			continue;
		/* Some need more than one record. */
		if (!rnd(4)) {
			snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO part VALUES('k%d', 1, "
				 "zeroblob(%u))", tx->key, 20000 + rnd(40000));
			if (exec(&w, t, sql))
				die("%s", w.message);
		}
		if (core_prepare(&w.core, &tx->e, &record) ||
		    stream_take(&record, &tx->voted_lsn)) {
			core_rollback(&w.core, &tx->e);
			continue;
		}
		core_voted(&w.core, &tx->e, tx->voted_lsn);
		count++;
		/* An intent that is in the database was synced, and all before it. */
		if (quota == SMALL_QUOTA)
			copy_database(name, "cut-copy");
		if (rnd(2)) {
			cut_decide(&w, tx, expected);
		} else if (!rnd(3)) {
			core_rollback(&w.core, &tx->e);
			stream_give_back();
			tx->over = true;
		}
		/* Undecided for a while, or till the end. */
		tx = &txs[rnd(count)];
		if (!tx->over && !rnd(3))
			cut_decide(&w, tx, expected);
	}
	if (kind == CUT_ONLINE)
		core_offline(&w.core);
	else
		world_close(&w);
	stream_cut();
	if (kind == CUT_LOST)
		copy_database("cut-copy", name);

	if (kind != CUT_ONLINE)
		open_or_die(&w, name);
	else if (core_load(&w.core))
		die("cannot load again");
	for (i = 0; i < count; i++) {
		/* Who has completed, durably, is not asked; who was not decided is not named. */
		if (!txs[i].decided || stream_has(txs[i].done_lsn))
			continue;
		check(core_recover(&w.core, &txs[i].e, &number_of) != -EUCLEAN, "damage");
		check(!world_commit(&w, &txs[i].e), "commit again");
	}
	core_last_recover(&w.core);
	check(no_intents(&w), "an intent is left");
	for (i = 0; i < CUT_KEYS; i++) {
		char sql[100];

		snprintf(sql, sizeof(sql), "SELECT coalesce(max(CAST(size AS INTEGER)), -1) "
			 "FROM item WHERE id = %u", i);
		check(number(&w, 0, sql) == expected[i], "row %u: %" PRId64 ", not %" PRId64, i,
		      number(&w, 0, sql), expected[i]);
	}
	world_close(&w);
	return 1;
}

static void test_cuts(unsigned long seed, const char *name)
{
	unsigned long tried = 0;

	random_state = seed;
	while (tried < 60)
		tried += cut_round("cut", tried % CUTS);
	check(is_sound("cut"), "SQLite finds the database damaged");
	campaign(name, tried, failures(), seed);
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	FILE *f;

	if (argc < 2)
		die("usage: sqlite_test DIRECTORY [SEED]");
	snprintf(directory, sizeof(directory), "%s", argv[1]);
	snprintf(schema_path, sizeof(schema_path), "%s/schema.sql", directory);
	f = fopen(schema_path, "w");
	if (!f || fputs(schema, f) < 0 || fclose(f))
		die("cannot write %s", schema_path);
	test_statements();
	test_answers();
	test_isolation();
	test_record(seed);
	test_order(seed);
	test_sync_order();
	test_commit_twice();
	test_damage();
	test_identity();
	test_log_of_predecessor();
	test_rolled_back();
	test_failure();
	test_death(TROUBLE_DIE_BEFORE, "rm_sqlite_death_before");
	test_death(TROUBLE_DIE_AFTER, "rm_sqlite_death_after");
	test_death_in_rollback();
	test_cuts(seed, "rm_sqlite_cuts");
	/* The same where no intent fits the log. */
	quota = SMALL_QUOTA;
	test_sync_order();
	test_damage();
	test_rolled_back();
	test_failure();
	test_death(TROUBLE_DIE_BEFORE, "rm_sqlite_death_before_stored");
	test_death_in_rollback();
	test_cuts(seed, "rm_sqlite_cuts_stored");
	return done();
}
