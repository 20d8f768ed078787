// SPDX-License-Identifier: GPL-2.0
/*
 * SQL values as bytes.
 */
#include <string.h>

#include <ktm-rm-client.h>

#include "value.h"

static void pack_real(struct pack *p, double real)
{
	uint64_t bits;

	memcpy(&bits, &real, sizeof(bits));
	pack_u8(p, KTM_SQL_REAL);
	pack_u64(p, bits);
}

static void pack_integer(struct pack *p, int64_t integer)
{
	pack_u8(p, KTM_SQL_INTEGER);
	pack_u64(p, integer);
}

void value_pack(struct pack *p, sqlite3_value *value)
{
	const void *data;

	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		pack_integer(p, sqlite3_value_int64(value));
		break;
	case SQLITE_FLOAT:
		pack_real(p, sqlite3_value_double(value));
		break;
	case SQLITE_TEXT:
		data = sqlite3_value_text(value);
		pack_u8(p, KTM_SQL_TEXT);
		pack_bytes(p, data, sqlite3_value_bytes(value));
		break;
	case SQLITE_BLOB:
		data = sqlite3_value_blob(value);
		pack_u8(p, KTM_SQL_BLOB);
		pack_bytes(p, data, sqlite3_value_bytes(value));
		break;
	default:
		pack_u8(p, KTM_SQL_NULL);
	}
}

int value_bind(struct unpack *u, sqlite3_stmt *stmt, int parameter)
{
	uint8_t type = unpack_u8(u);
	const void *data;
	uint64_t bits;
	double real;
	size_t size;

	switch (type) {
	case KTM_SQL_NULL:
		return u->failed ? SQLITE_ERROR : sqlite3_bind_null(stmt, parameter);
	case KTM_SQL_INTEGER:
		return sqlite3_bind_int64(stmt, parameter, unpack_u64(u));
	case KTM_SQL_REAL:
		bits = unpack_u64(u);
		memcpy(&real, &bits, sizeof(real));
		return sqlite3_bind_double(stmt, parameter, real);
	case KTM_SQL_TEXT:
	case KTM_SQL_BLOB:
		data = unpack_bytes(u, &size);
		/* The bytes stay where they are until the statement has run. */
		if (type == KTM_SQL_TEXT)
			return sqlite3_bind_text64(stmt, parameter, data ? data : "", size,
						   SQLITE_STATIC, SQLITE_UTF8);
		return sqlite3_bind_blob64(stmt, parameter, data ? data : "", size,
					   SQLITE_STATIC);
	default:
		u->failed = true;
		return SQLITE_ERROR;
	}
}

static void pack_text_key(struct pack *p, const char *text, size_t size, enum collation collation)
{
	size_t i;

	if (collation == COLLATION_RTRIM)
		while (size && text[size - 1] == ' ')
			size--;
	/* NOCASE folds ASCII only, and looks at nothing behind a NUL. */
	if (collation == COLLATION_NOCASE)
		size = strnlen(text, size);
	pack_u8(p, KTM_SQL_TEXT);
	pack_u32(p, size);
	if (collation != COLLATION_NOCASE) {
		pack_raw(p, text, size);
		return;
	}
	for (i = 0; i < size; i++)
		pack_u8(p, text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 'a' - 'A' : text[i]);
}

void value_pack_key(struct pack *p, sqlite3_value *value, enum collation collation)
{
	const void *text;
	double real;

	switch (sqlite3_value_type(value)) {
	case SQLITE_FLOAT:
		/* 1 and 1.0 are one key; so are 0.0 and -0.0. */
		real = sqlite3_value_double(value);
		if (real >= -9223372036854775808.0 && real < 9223372036854775808.0 &&
		    (double)(int64_t)real == real)
			pack_integer(p, (int64_t)real);
		else
			pack_real(p, real);
		break;
	case SQLITE_TEXT:
		text = sqlite3_value_text(value);
		pack_text_key(p, text ? text : "", sqlite3_value_bytes(value), collation);
		break;
	default:
		value_pack(p, value);
	}
}
