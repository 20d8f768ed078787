// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls of ktm-rm-sqlite.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

struct ktm_sql_value ktm_sql_null(void)
{
	return (struct ktm_sql_value){ .type = KTM_SQL_NULL };
}

struct ktm_sql_value ktm_sql_integer(int64_t value)
{
	return (struct ktm_sql_value){ .type = KTM_SQL_INTEGER, .integer = value };
}

struct ktm_sql_value ktm_sql_real(double value)
{
	return (struct ktm_sql_value){ .type = KTM_SQL_REAL, .real = value };
}

struct ktm_sql_value ktm_sql_text(const char *string)
{
	return (struct ktm_sql_value){
		.type = KTM_SQL_TEXT, .data = string, .size = strlen(string),
	};
}

struct ktm_sql_value ktm_sql_blob(const void *data, size_t size)
{
	return (struct ktm_sql_value){ .type = KTM_SQL_BLOB, .data = data, .size = size };
}

static void pack_value(struct pack *p, const struct ktm_sql_value *v)
{
	uint64_t bits;

	pack_u8(p, v->type);
	switch (v->type) {
	case KTM_SQL_NULL:
		break;
	case KTM_SQL_INTEGER:
		pack_u64(p, v->integer);
		break;
	case KTM_SQL_REAL:
		memcpy(&bits, &v->real, sizeof(bits));
		pack_u64(p, bits);
		break;
	case KTM_SQL_TEXT:
	case KTM_SQL_BLOB:
		pack_bytes(p, v->data, v->size);
		break;
	}
}

static int call(struct ktm_client *c, enum rm_op op, uint64_t t, const char *sql,
		const struct ktm_sql_value *values, unsigned int count, struct unpack *out)
{
	unsigned int i;

	client_begin(c, op, t);
	pack_bytes(&c->request, sql, strlen(sql));
	pack_u32(&c->request, count);
	for (i = 0; i < count; i++)
		pack_value(&c->request, &values[i]);
	return client_call(c, PASS_NOTHING, -1, NULL, NULL, out);
}

int ktm_sql_exec(struct ktm_client *c, uint64_t t, const char *sql,
		 const struct ktm_sql_value *values, unsigned int count, uint64_t *changes)
{
	struct unpack out;
	uint64_t n;
	int ret;

	ret = call(c, RM_OP_SQL_EXEC, t, sql, values, count, &out);
	if (ret)
		return ret;
	n = unpack_u64(&out);
	if (changes)
		*changes = n;
	return unpack_done(&out) ? 0 : client_broken(c, -EPROTO);
}

/* Strings go to *@text, each with a NUL behind it. */
static void unpack_value(struct unpack *u, struct ktm_sql_value *v, char **text)
{
	const void *data;
	uint64_t bits;

	v->type = unpack_u8(u);
	switch (v->type) {
	case KTM_SQL_NULL:
		break;
	case KTM_SQL_INTEGER:
		v->integer = unpack_u64(u);
		break;
	case KTM_SQL_REAL:
		bits = unpack_u64(u);
		memcpy(&v->real, &bits, sizeof(bits));
		break;
	case KTM_SQL_TEXT:
	case KTM_SQL_BLOB:
		data = unpack_bytes(u, &v->size);
		v->data = *text;
		if (v->size)
			memcpy(*text, data, v->size);
		(*text)[v->size] = 0;
		*text += v->size + 1;
		break;
	default:
		u->failed = true;
	}
}

int ktm_sql_query(struct ktm_client *c, uint64_t t, const char *sql,
		  const struct ktm_sql_value *values, unsigned int count,
		  struct ktm_sql_result **result)
{
	struct ktm_sql_result *r;
	size_t n, i, bytes;
	struct unpack out;
	uint32_t rows, columns;
	uint8_t more;
	char *text;
	int ret;

	ret = call(c, RM_OP_SQL_QUERY, t, sql, values, count, &out);
	if (ret)
		return ret;
	more = unpack_u8(&out);
	rows = unpack_u32(&out);
	columns = unpack_u32(&out);
	/* Each value is at least a byte: no more of them than there are bytes. */
	bytes = out.end - out.at;
	if (out.failed || rows > RM_PACKET_MAX || columns > RM_PACKET_MAX ||
	    (size_t)rows * columns > bytes)
		return client_broken(c, -EPROTO);
	n = (size_t)rows * columns;

	/* One piece: the result, its values, the bytes they point to. */
	r = calloc(1, sizeof(*r) + n * sizeof(r->values[0]) + n + bytes);
	if (!r)
		return -ENOMEM;
	r->more = more;
	r->rows = rows;
	r->columns = columns;
	r->values = (struct ktm_sql_value *)(r + 1);
	text = (char *)(r->values + n);
	for (i = 0; i < n && !out.failed; i++)
		unpack_value(&out, &r->values[i], &text);
	if (!unpack_done(&out)) {
		free(r);
		return client_broken(c, -EPROTO);
	}
	*result = r;
	return 0;
}

void ktm_sql_free(struct ktm_sql_result *result)
{
	free(result);
}
