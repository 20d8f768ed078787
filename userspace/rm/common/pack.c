// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Numbers and strings to bytes and back.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "pack.h"

void pack_init(struct pack *p, size_t limit)
{
	memset(p, 0, sizeof(*p));
	p->limit = limit;
}

void pack_free(struct pack *p)
{
	free(p->data);
	memset(p, 0, sizeof(*p));
}

static bool pack_grow(struct pack *p, size_t size)
{
	size_t room = p->room ? p->room : 256;
	unsigned char *data;

	if (p->failed)
		return false;
	if (size > p->limit - p->used) {
		p->failed = true;
		return false;
	}
	while (room - p->used < size)
		room *= 2;
	if (room == p->room)
		return true;
	data = realloc(p->data, room);
	if (!data) {
		p->failed = true;
		return false;
	}
	p->data = data;
	p->room = room;
	return true;
}

void pack_raw(struct pack *p, const void *data, size_t size)
{
	if (!pack_grow(p, size) || !size)
		return;
	memcpy(p->data + p->used, data, size);
	p->used += size;
}

void pack_u8(struct pack *p, uint8_t v)
{
	pack_raw(p, &v, sizeof(v));
}

void pack_u16(struct pack *p, uint16_t v)
{
	v = htole16(v);
	pack_raw(p, &v, sizeof(v));
}

void pack_u32(struct pack *p, uint32_t v)
{
	v = htole32(v);
	pack_raw(p, &v, sizeof(v));
}

void pack_u64(struct pack *p, uint64_t v)
{
	v = htole64(v);
	pack_raw(p, &v, sizeof(v));
}

void pack_bytes(struct pack *p, const void *data, size_t size)
{
	if (size > UINT32_MAX) {
		p->failed = true;
		return;
	}
	pack_u32(p, size);
	pack_raw(p, data, size);
}

void pack_u32_at(struct pack *p, size_t at, uint32_t v)
{
	v = htole32(v);
	if (!p->failed && at + sizeof(v) <= p->used)
		memcpy(p->data + at, &v, sizeof(v));
}

void unpack_init(struct unpack *u, const void *data, size_t size)
{
	u->at = data;
	u->end = u->at + size;
	u->failed = false;
}

const void *unpack_raw(struct unpack *u, size_t size)
{
	const void *data = u->at;

	if (u->failed || size > (size_t)(u->end - u->at)) {
		u->failed = true;
		return NULL;
	}
	u->at += size;
	return data;
}

uint8_t unpack_u8(struct unpack *u)
{
	const uint8_t *v = unpack_raw(u, 1);

	return v ? *v : 0;
}

uint16_t unpack_u16(struct unpack *u)
{
	const void *data = unpack_raw(u, sizeof(uint16_t));
	uint16_t v = 0;

	if (data)
		memcpy(&v, data, sizeof(v));
	return le16toh(v);
}

uint32_t unpack_u32(struct unpack *u)
{
	const void *data = unpack_raw(u, sizeof(uint32_t));
	uint32_t v = 0;

	if (data)
		memcpy(&v, data, sizeof(v));
	return le32toh(v);
}

uint64_t unpack_u64(struct unpack *u)
{
	const void *data = unpack_raw(u, sizeof(uint64_t));
	uint64_t v = 0;

	if (data)
		memcpy(&v, data, sizeof(v));
	return le64toh(v);
}

const void *unpack_bytes(struct unpack *u, size_t *size)
{
	const void *data;

	*size = unpack_u32(u);
	data = unpack_raw(u, *size);
	if (!data)
		*size = 0;
	return data;
}

bool unpack_done(const struct unpack *u)
{
	return !u->failed && u->at == u->end;
}
