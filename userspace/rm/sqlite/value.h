/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SQL values as bytes: in packets, in intents, and in the names of locks.
 */
#ifndef KTM_SQLITE_VALUE_H
#define KTM_SQLITE_VALUE_H

#include <sqlite3.h>

#include "../common/pack.h"

/* How an index compares text. */
enum collation {
	COLLATION_BINARY,
	COLLATION_NOCASE,
	COLLATION_RTRIM,
};

void value_pack(struct pack *p, sqlite3_value *value);
/* Reads one and binds it to a parameter; a result code of SQLite. */
int value_bind(struct unpack *u, sqlite3_stmt *stmt, int parameter);
/*
 * The same bytes for any two values that an index with this collation holds for
 * equal. (The other way round it may say "equal" too often.)
 */
void value_pack_key(struct pack *p, sqlite3_value *value, enum collation collation);

#endif /* KTM_SQLITE_VALUE_H */
