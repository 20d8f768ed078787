/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must be known of the tables: which columns identify a row, and which
 * indexes would refuse one. Read in advance, because it is needed where SQLite
 * allows no statement.
 */
#ifndef KTM_SQLITE_SCHEMA_H
#define KTM_SQLITE_SCHEMA_H

#include "value.h"

/**
 * struct unique - an index of which two rows cannot have the same key
 * @next: of the table
 * @name: of the index; "" for an INTEGER PRIMARY KEY
 * @count: of its columns
 * @columns: their places in the table
 * @collations: how each compares text
 */
struct unique {
	struct unique *next;
	char *name;
	int count;
	int *columns;
	enum collation *collations;
};

/**
 * struct table - a table
 * @next: in the schema
 * @name: as it was written when it was made
 * @refusal: why clients cannot write to it; NULL if they can
 * @count: of its columns
 * @columns: their names
 * @key_count: of the columns of its primary key
 * @key: their places
 * @uniques: its unique indexes, that of the primary key among them
 * @insert: prepared statement, or NULL: all columns
 * @update: the same: all columns, then the key
 * @remove: the same: the key
 */
struct table {
	struct table *next;
	char *name;
	const char *refusal;
	int count;
	char **columns;
	int key_count;
	int *key;
	struct unique *uniques;
	sqlite3_stmt *insert;
	sqlite3_stmt *update;
	sqlite3_stmt *remove;
};

/**
 * struct schema - all tables
 * @tables: list
 * @version: SQLite's count of changes of the schema
 */
struct schema {
	struct table *tables;
	int version;
};

/* Reads everything anew if it has changed; a result code of SQLite. */
int schema_refresh(struct schema *schema, sqlite3 *db);
void schema_free(struct schema *schema);
struct table *schema_find(const struct schema *schema, const char *name);

/* The statements that put a row in place; NULL: see sqlite3_errmsg(). */
sqlite3_stmt *table_insert(struct table *t, sqlite3 *db);
sqlite3_stmt *table_update(struct table *t, sqlite3 *db);
sqlite3_stmt *table_remove(struct table *t, sqlite3 *db);

#endif /* KTM_SQLITE_SCHEMA_H */
