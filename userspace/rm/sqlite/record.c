// SPDX-License-Identifier: GPL-2.0
/*
 * Row changes: taken down while a statement makes them, and made again.
 *
 * A change is: u8 kind, bytes table, u32 n; for a row that was there n values,
 * its primary key as it was; for one that is there afterwards n values, all its
 * columns. An update has both, each with its n.
 */
#include <errno.h>
#include <string.h>

#include "store.h"

enum change {
	CHANGE_INSERT	= 1,
	CHANGE_UPDATE	= 2,
	CHANGE_REMOVE	= 3,
};

/* ---- taking down ---- */

/* The value of a column in the row before or after; NULL if SQLite has no memory. */
static sqlite3_value *row_value(sqlite3 *db, bool after, int column)
{
	sqlite3_value *value = NULL;

	if (after)
		sqlite3_preupdate_new(db, column, &value);
	else
		sqlite3_preupdate_old(db, column, &value);
	return value;
}

/* Locks one unique key of a row. A NULL in it makes it equal to no other. */
static int lock_unique(struct sql_store *s, sqlite3 *db, const struct table *t,
		       const struct unique *u, bool after)
{
	struct pack name;
	int i, ret = 0;

	pack_init(&name, CHANGES_MAX);
	pack_bytes(&name, t->name, strlen(t->name));
	pack_bytes(&name, u->name, strlen(u->name));
	for (i = 0; i < u->count; i++) {
		sqlite3_value *value = row_value(db, after, u->columns[i]);

		if (!value) {
			ret = -ENOMEM;
			break;
		}
		if (sqlite3_value_type(value) == SQLITE_NULL)
			goto out;
		value_pack_key(&name, value, u->collations[i]);
	}
	if (!ret && name.failed)
		ret = -ENOMEM;
	if (!ret)
		ret = lock_take(&s->core->locks, &s->client->tx->locks, name.data, name.used,
				true);
out:
	pack_free(&name);
	return ret;
}

static int lock_row(struct sql_store *s, sqlite3 *db, const struct table *t, bool after)
{
	const struct unique *u;
	int ret = 0;

	for (u = t->uniques; u && !ret; u = u->next)
		ret = lock_unique(s, db, t, u, after);
	return ret;
}

static int take_key(struct pack *p, sqlite3 *db, const struct table *t)
{
	int i;

	pack_u32(p, t->key_count);
	for (i = 0; i < t->key_count; i++) {
		sqlite3_value *value = row_value(db, false, t->key[i]);

		if (!value)
			return -ENOMEM;
		value_pack(p, value);
	}
	return 0;
}

static int take_row(struct pack *p, sqlite3 *db, const struct table *t)
{
	int i;

	pack_u32(p, t->count);
	for (i = 0; i < t->count; i++) {
		sqlite3_value *value = row_value(db, true, i);

		if (!value)
			return -ENOMEM;
		value_pack(p, value);
	}
	return 0;
}

/* SQLite lets old tables have NULL in a primary key: such a row has no identity. */
static int check_key(sqlite3 *db, const struct table *t, bool after)
{
	int i;

	for (i = 0; i < t->key_count; i++) {
		sqlite3_value *value = row_value(db, after, t->key[i]);

		if (!value)
			return -ENOMEM;
		if (sqlite3_value_type(value) == SQLITE_NULL)
			return -EDOM;
	}
	return 0;
}

static int record(struct sql_store *s, sqlite3 *db, enum change change, const struct table *t)
{
	struct sql_work *work = s->client->tx->work;
	bool before = change != CHANGE_INSERT;
	bool after = change != CHANGE_REMOVE;
	int ret = 0;

	if (before)
		ret = check_key(db, t, false);
	if (!ret && after)
		ret = check_key(db, t, true);
	if (!ret && before)
		ret = lock_row(s, db, t, false);
	if (!ret && after)
		ret = lock_row(s, db, t, true);
	if (ret)
		return ret;

	pack_u8(&work->changes, change);
	pack_bytes(&work->changes, t->name, strlen(t->name));
	if (before)
		ret = take_key(&work->changes, db, t);
	if (!ret && after)
		ret = take_row(&work->changes, db, t);
	if (!ret && work->changes.failed)
		ret = -EDQUOT;
	work->count++;
	return ret;
}

void sql_record_hook(void *store, sqlite3 *db, int op, const char *database, const char *table,
		     sqlite3_int64 key1, sqlite3_int64 key2)
{
	struct sql_store *s = store;
	const struct table *t;

	(void)key1;
	(void)key2;
	if (!s->client || !s->client->tx || s->client->error)
		return;
	t = strcmp(database, "main") ? NULL : schema_find(&s->schema, table);
	if (!t || t->refusal || sqlite3_preupdate_count(db) != t->count) {
		/* The authorizer should have refused it. */
		s->client->error = -EACCES;
	} else {
		s->client->error = record(s, db, op == SQLITE_INSERT ? CHANGE_INSERT :
					  op == SQLITE_UPDATE ? CHANGE_UPDATE :
					  CHANGE_REMOVE, t);
	}
	/* The statement will be undone: it need not finish. */
	if (s->client->error)
		sqlite3_interrupt(db);
}

/* ---- making again ---- */

static int bind_values(struct unpack *u, sqlite3_stmt *stmt, int *parameter, int expected)
{
	uint32_t count = unpack_u32(u);
	int rc = SQLITE_OK;

	if (u->failed || count != (uint32_t)expected)
		return SQLITE_CORRUPT;
	while (count-- && rc == SQLITE_OK)
		rc = value_bind(u, stmt, ++*parameter);
	return rc;
}

/*
 * The key comes first in the bytes, last in the statement of an update.
 */
static int bind_change(struct unpack *u, sqlite3_stmt *stmt, enum change change,
		       const struct table *t)
{
	int parameter = change == CHANGE_UPDATE ? t->count : 0;
	int rc = SQLITE_OK;

	if (change != CHANGE_INSERT)
		rc = bind_values(u, stmt, &parameter, t->key_count);
	parameter = 0;
	if (rc == SQLITE_OK && change != CHANGE_REMOVE)
		rc = bind_values(u, stmt, &parameter, t->count);
	return rc;
}

static int replay_one(struct sql_store *s, struct unpack *u)
{
	enum change change = unpack_u8(u);
	sqlite3_stmt *stmt = NULL;
	struct table *t = NULL;
	const char *data;
	size_t length;
	char *name;
	int rc;

	data = unpack_bytes(u, &length);
	if (!data)
		return SQLITE_CORRUPT;
	name = sqlite3_mprintf("%.*s", (int)length, data);
	if (name)
		t = schema_find(&s->schema, name);
	sqlite3_free(name);
	/* The table has gone, by somebody else's hand. */
	if (!t)
		return SQLITE_SCHEMA;
	if (change == CHANGE_INSERT)
		stmt = table_insert(t, s->db);
	else if (change == CHANGE_UPDATE)
		stmt = table_update(t, s->db);
	else if (change == CHANGE_REMOVE)
		stmt = table_remove(t, s->db);
	if (!stmt)
		return SQLITE_SCHEMA;

	rc = bind_change(u, stmt, change, t);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_DONE)
		/* It touches the one row that it touched before. */
		rc = sqlite3_changes(s->db) == 1 ? SQLITE_OK : SQLITE_CORRUPT;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return rc;
}

int sql_replay(struct sql_store *s, const struct sql_work *work)
{
	uint32_t left = work->count;
	int rc = SQLITE_OK;
	struct unpack u;

	unpack_init(&u, work->changes.data, work->changes.used);
	while (left-- && rc == SQLITE_OK)
		rc = replay_one(s, &u);
	return rc;
}

static bool skip_values(struct unpack *u)
{
	uint32_t count = unpack_u32(u);
	size_t length;

	while (count-- && !u->failed) {
		switch (unpack_u8(u)) {
		case 0:
			break;
		case 1:
		case 2:
			unpack_u64(u);
			break;
		case 3:
		case 4:
			unpack_bytes(u, &length);
			break;
		default:
			return false;
		}
	}
	return !u->failed;
}

bool sql_changes_valid(const struct pack *changes, uint32_t count)
{
	struct unpack u;
	size_t length;

	unpack_init(&u, changes->data, changes->used);
	while (count--) {
		uint8_t change = unpack_u8(&u);

		unpack_bytes(&u, &length);
		if (u.failed || change < CHANGE_INSERT || change > CHANGE_REMOVE)
			return false;
		if (change != CHANGE_INSERT && !skip_values(&u))
			return false;
		if (change != CHANGE_REMOVE && !skip_values(&u))
			return false;
	}
	return unpack_done(&u);
}
