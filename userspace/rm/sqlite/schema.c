// SPDX-License-Identifier: GPL-2.0
/*
 * What must be known of the tables.
 */
#include <stdlib.h>
#include <string.h>

#include "schema.h"

static void unique_free(struct unique *u)
{
	free(u->name);
	free(u->columns);
	free(u->collations);
	free(u);
}

static void table_free(struct table *t)
{
	int i;

	sqlite3_finalize(t->insert);
	sqlite3_finalize(t->update);
	sqlite3_finalize(t->remove);
	while (t->uniques) {
		struct unique *u = t->uniques;

		t->uniques = u->next;
		unique_free(u);
	}
	for (i = 0; i < t->count; i++)
		free(t->columns[i]);
	free(t->columns);
	free(t->key);
	free(t->name);
	free(t);
}

void schema_free(struct schema *schema)
{
	while (schema->tables) {
		struct table *t = schema->tables;

		schema->tables = t->next;
		table_free(t);
	}
	schema->version = 0;
}

struct table *schema_find(const struct schema *schema, const char *name)
{
	struct table *t;

	for (t = schema->tables; t && sqlite3_stricmp(t->name, name); t = t->next)
		;
	return t;
}

/* ---- reading ---- */

static const char *column_string(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return text ? text : "";
}

static int prepare_for(sqlite3 *db, const char *sql, const char *name, sqlite3_stmt **stmt)
{
	int rc = sqlite3_prepare_v2(db, sql, -1, stmt, NULL);

	if (rc == SQLITE_OK && name)
		rc = sqlite3_bind_text(*stmt, 1, name, -1, SQLITE_TRANSIENT);
	return rc;
}

static int add_column(struct table *t, const char *name, int key_place)
{
	char **columns = reallocarray(t->columns, t->count + 1, sizeof(*columns));
	int *key;

	if (!columns)
		return SQLITE_NOMEM;
	t->columns = columns;
	columns[t->count] = strdup(name);
	if (!columns[t->count])
		return SQLITE_NOMEM;
	t->count++;
	if (!key_place)
		return SQLITE_OK;
	/* The columns of the key may come in any order. */
	if (key_place > t->key_count) {
		key = reallocarray(t->key, key_place, sizeof(*key));
		if (!key)
			return SQLITE_NOMEM;
		t->key = key;
		t->key_count = key_place;
	}
	t->key[key_place - 1] = t->count - 1;
	return SQLITE_OK;
}

static int read_columns(struct table *t, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = prepare_for(db, "SELECT name, pk, hidden FROM pragma_table_xinfo(?)", t->name, &stmt);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (sqlite3_column_int(stmt, 2))
			t->refusal = "it has generated columns";
		rc = add_column(t, column_string(stmt, 0), sqlite3_column_int(stmt, 1));
	}
	sqlite3_finalize(stmt);
	if (!t->key_count)
		t->refusal = "it has no PRIMARY KEY";
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static struct unique *add_unique(struct table *t, const char *name)
{
	struct unique *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->name = strdup(name);
	u->columns = calloc(t->count, sizeof(*u->columns));
	u->collations = calloc(t->count, sizeof(*u->collations));
	if (!u->name || !u->columns || !u->collations) {
		unique_free(u);
		return NULL;
	}
	u->next = t->uniques;
	t->uniques = u;
	return u;
}

static void add_unique_column(struct table *t, struct unique *u, int column,
			      const char *collation)
{
	enum collation c = COLLATION_BINARY;

	if (!sqlite3_stricmp(collation, "NOCASE"))
		c = COLLATION_NOCASE;
	else if (!sqlite3_stricmp(collation, "RTRIM"))
		c = COLLATION_RTRIM;
	else if (sqlite3_stricmp(collation, "BINARY"))
		t->refusal = "a unique index of it has a collation of its own";
	if (column < 0 || column >= t->count || u->count >= t->count) {
		t->refusal = "a unique index of it is on an expression";
		return;
	}
	u->columns[u->count] = column;
	u->collations[u->count++] = c;
}

static int read_unique(struct table *t, sqlite3 *db, const char *name)
{
	struct unique *u = add_unique(t, name);
	sqlite3_stmt *stmt = NULL;
	int rc;

	if (!u)
		return SQLITE_NOMEM;
	rc = prepare_for(db, "SELECT cid, coll FROM pragma_index_xinfo(?) WHERE key", name, &stmt);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		add_unique_column(t, u, sqlite3_column_int(stmt, 0), column_string(stmt, 1));
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A partial index is taken for a whole one: that locks too much at worst. */
static int read_uniques(struct table *t, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	struct unique *u;
	bool key = false;
	int i, rc;

	rc = prepare_for(db, "SELECT name, origin FROM pragma_index_list(?) WHERE \"unique\"",
			 t->name, &stmt);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (!strcmp(column_string(stmt, 1), "pk"))
			key = true;
		rc = read_unique(t, db, column_string(stmt, 0));
	}
	sqlite3_finalize(stmt);
	if (rc != SQLITE_DONE)
		return rc;
	if (key || !t->key_count)
		return SQLITE_OK;
	/* An INTEGER PRIMARY KEY is the table's own order and has no index. */
	u = add_unique(t, "");
	if (!u)
		return SQLITE_NOMEM;
	for (i = 0; i < t->key_count; i++)
		add_unique_column(t, u, t->key[i], "BINARY");
	return SQLITE_OK;
}

static int read_triggers(struct table *t, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = prepare_for(db, "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND "
			 "tbl_name = ? COLLATE NOCASE", t->name, &stmt);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		t->refusal = "it has triggers";
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_table(struct schema *schema, sqlite3 *db, const char *name, const char *type)
{
	struct table *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return SQLITE_NOMEM;
	t->next = schema->tables;
	schema->tables = t;
	t->name = strdup(name);
	if (!t->name)
		return SQLITE_NOMEM;
	if (strcmp(type, "table")) {
		t->refusal = "it is not an ordinary table";
		return SQLITE_OK;
	}
	rc = read_columns(t, db);
	if (rc == SQLITE_OK)
		rc = read_uniques(t, db);
	if (rc == SQLITE_OK)
		rc = read_triggers(t, db);
	return rc;
}

static int read_version(sqlite3 *db, int *version)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = prepare_for(db, "PRAGMA schema_version", NULL, &stmt);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int schema_refresh(struct schema *schema, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int version = 0;
	int rc;

	rc = read_version(db, &version);
	if (rc != SQLITE_OK || (schema->tables && version == schema->version))
		return rc;

	schema_free(schema);
	rc = prepare_for(db, "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND "
			 "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND "
			 "name NOT LIKE 'ktm\\_%' ESCAPE '\\'", NULL, &stmt);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = read_table(schema, db, column_string(stmt, 0), column_string(stmt, 1));
	sqlite3_finalize(stmt);
	if (rc != SQLITE_DONE) {
		schema_free(schema);
		return rc;
	}
	schema->version = version;
	return SQLITE_OK;
}

/* ---- statements ---- */

static void append_columns(sqlite3_str *sql, const struct table *t, const char *each,
			   const char *between)
{
	int i;

	for (i = 0; i < t->count; i++) {
		sqlite3_str_appendf(sql, i ? between : "");
		sqlite3_str_appendf(sql, each, t->columns[i]);
	}
}

static void append_key(sqlite3_str *sql, const struct table *t)
{
	int i;

	for (i = 0; i < t->key_count; i++)
		sqlite3_str_appendf(sql, "%s\"%w\" = ?", i ? " AND " : " WHERE ",
				    t->columns[t->key[i]]);
}

static sqlite3_stmt *prepare_built(sqlite3 *db, sqlite3_str *sql)
{
	char *text = sqlite3_str_finish(sql);
	sqlite3_stmt *stmt = NULL;

	if (text)
		sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	sqlite3_free(text);
	return stmt;
}

sqlite3_stmt *table_insert(struct table *t, sqlite3 *db)
{
	sqlite3_str *sql;
	int i;

	if (t->insert)
		return t->insert;
	sql = sqlite3_str_new(db);
	sqlite3_str_appendf(sql, "INSERT INTO main.\"%w\"(", t->name);
	append_columns(sql, t, "\"%w\"", ", ");
	sqlite3_str_appendf(sql, ") VALUES(");
	for (i = 0; i < t->count; i++)
		sqlite3_str_appendf(sql, i ? ", ?" : "?");
	sqlite3_str_appendf(sql, ")");
	t->insert = prepare_built(db, sql);
	return t->insert;
}

sqlite3_stmt *table_update(struct table *t, sqlite3 *db)
{
	sqlite3_str *sql;

	if (t->update)
		return t->update;
	sql = sqlite3_str_new(db);
	sqlite3_str_appendf(sql, "UPDATE main.\"%w\" SET ", t->name);
	append_columns(sql, t, "\"%w\" = ?", ", ");
	append_key(sql, t);
	t->update = prepare_built(db, sql);
	return t->update;
}

sqlite3_stmt *table_remove(struct table *t, sqlite3 *db)
{
	sqlite3_str *sql;

	if (t->remove)
		return t->remove;
	sql = sqlite3_str_new(db);
	sqlite3_str_appendf(sql, "DELETE FROM main.\"%w\"", t->name);
	append_key(sql, t);
	t->remove = prepare_built(db, sql);
	return t->remove;
}
