// SPDX-License-Identifier: GPL-2.0
/*
 * A log stream without a kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ktm.h>

#include "stream.h"
#include "tap.h"

#define RECORDS_MAX	4096
#define BYTES_MAX	(32u << 20)
/* Of LSNs: so that not each number is one. */
#define STEP		8

/**
 * struct shared - the stream
 * @guid: of it
 * @quota: of it
 * @next_lsn: of the next record
 * @base: records before this are gone
 * @durable_base: the same, as a power cut leaves it
 * @flushed: the last durable record
 * @reserved: bytes of the quota that votes have asked for
 * @count: of @records
 * @used: of @bytes
 * @records: all there ever were, and where their data is
 * @bytes: data
 */
struct shared {
	struct ktm_guid guid;
	uint64_t quota;
	uint64_t next_lsn;
	uint64_t base;
	uint64_t durable_base;
	uint64_t flushed;
	uint64_t reserved;
	unsigned int count;
	size_t used;
	struct {
		struct ktm_stream_record record;
		size_t at;
	} records[RECORDS_MAX];
	char bytes[BYTES_MAX];
};

static struct shared *shared;

void stream_new(uint64_t quota)
{
	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("no memory");
	memset(shared, 0, offsetof(struct shared, records));
	ktm_guid_generate(&shared->guid);
	shared->quota = quota;
	shared->next_lsn = 1000;
}

static uint64_t charge(uint64_t length)
{
	uint64_t bytes = (length + 48) * 3 / 2;

	return bytes < 128 ? 128 : bytes;
}

static bool lives(unsigned int i)
{
	return shared->records[i].record.lsn >= shared->base;
}

static uint64_t charged(void)
{
	uint64_t total = 0;
	unsigned int i;

	for (i = 0; i < shared->count; i++)
		if (lives(i))
			total += charge(shared->records[i].record.length);
	return total;
}

bool stream_base_unmoved(void)
{
	return !shared->base;
}

bool stream_has(uint64_t lsn)
{
	unsigned int i;

	for (i = 0; i < shared->count; i++)
		if (shared->records[i].record.lsn == lsn)
			return true;
	return false;
}

unsigned int stream_count(void)
{
	unsigned int i, count = 0;

	for (i = 0; i < shared->count; i++)
		count += lives(i);
	return count;
}

/* @room: of the quota that has to be left behind it. */
static int append(const struct iovec *pieces, size_t count, uint64_t previous, uint64_t room,
		  uint64_t *lsn)
{
	struct ktm_stream_record *record = &shared->records[shared->count].record;
	size_t i, length = 0;

	for (i = 0; i < count; i++)
		length += pieces[i].iov_len;
	check(length <= KTM_MAX_STREAM_RECORD, "a record is too long");
	check(previous < shared->next_lsn && previous % STEP == 0, "no record is linked to");
	if (charged() + shared->reserved + charge(length) + room > shared->quota)
		return -ENOSPC;
	if (shared->count == RECORDS_MAX || shared->used + length > BYTES_MAX)
		die("the test appends too much");
	memset(record, 0, sizeof(*record));
	record->lsn = shared->next_lsn;
	record->previous_lsn = previous;
	record->length = length;
	shared->records[shared->count].at = shared->used;
	for (i = 0; i < count; i++) {
		memcpy(shared->bytes + shared->used, pieces[i].iov_base, pieces[i].iov_len);
		shared->used += pieces[i].iov_len;
	}
	shared->count++;
	shared->next_lsn += STEP;
	*lsn = record->lsn;
	return 0;
}

int stream_take(const struct redo_record *record, uint64_t *lsn)
{
	const uint64_t need = charge(REDO_HEAD);
	int ret;

	*lsn = 0;
	if (!record->count)
		return 0;
	if (!record->need_records) {
		/* Out of what was set aside with the vote. */
		shared->reserved -= shared->reserved < need ? shared->reserved : need;
		return append(record->pieces, record->count, record->previous_lsn, 0, lsn);
	}
	ret = append(record->pieces, record->count, record->previous_lsn, need, lsn);
	if (!ret)
		shared->reserved += need;
	return ret;
}

void stream_give_back(void)
{
	shared->reserved -= charge(REDO_HEAD);
}

void stream_decide(void)
{
	if (shared->count)
		shared->flushed = shared->records[shared->count - 1].record.lsn;
	shared->durable_base = shared->base;
}

void stream_cut(void)
{
	shared->base = shared->durable_base;
	shared->reserved = 0;
	while (shared->count && shared->records[shared->count - 1].record.lsn > shared->flushed)
		shared->next_lsn = shared->records[--shared->count].record.lsn;
}

void stream_damage(void)
{
	unsigned int i;

	for (i = shared->count; i; i--) {
		if (shared->records[i - 1].record.length > REDO_HEAD + 4) {
			shared->bytes[shared->records[i - 1].at + REDO_HEAD + 2] ^= 1;
			return;
		}
	}
	die("there is nothing to damage");
}

/* ---- libktm ---- */

int ktm_stream_open_name(int tm, const char *name, uint32_t access, struct ktm_guid *guid,
			 uint32_t *status)
{
	(void)tm, (void)name, (void)access, (void)guid, (void)status;
	return dup(0);
}

int ktm_stream_create(int tm, const char *name, uint64_t quota, uint32_t access, uint32_t mode,
		      struct ktm_guid *guid, uint32_t *status)
{
	(void)tm, (void)name, (void)quota, (void)access, (void)mode, (void)guid, (void)status;
	return -EEXIST;
}

int ktm_stream_set_quota(int stream, uint64_t quota, uint32_t *status)
{
	(void)stream, (void)status;
	shared->quota = quota;
	return 0;
}

int ktm_stream_append(int stream, uint32_t flags, const struct iovec *pieces, size_t count,
		      uint64_t previous_lsn, uint64_t undo_next_lsn, uint64_t *lsn,
		      uint32_t *status)
{
	(void)stream, (void)status;
	check(!flags && !undo_next_lsn, "append: arguments");
	return append(pieces, count, previous_lsn, 0, lsn);
}

int ktm_stream_read(int stream, uint32_t where, uint64_t lsn, void *buffer, size_t length,
		    struct ktm_stream_record *record, uint32_t *status)
{
	unsigned int i;

	(void)stream, (void)status;
	check(where == KTM_STREAM_NEXT, "read: mode");
	for (i = 0; i < shared->count; i++) {
		if (!lives(i) || shared->records[i].record.lsn <= lsn)
			continue;
		*record = shared->records[i].record;
		if (length < record->length)
			return -EMSGSIZE;
		memcpy(buffer, shared->bytes + shared->records[i].at, record->length);
		return 1;
	}
	return 0;
}

int ktm_stream_flush(int stream, uint32_t flags, uint64_t lsn, uint64_t *flushed_lsn,
		     uint32_t *status)
{
	(void)stream, (void)status;
	check(!flags && !lsn && !flushed_lsn, "flush: arguments");
	stream_decide();
	return 0;
}

int ktm_stream_advance(int stream, uint64_t lsn, uint32_t *status)
{
	(void)stream, (void)status;
	check(lsn >= shared->base && lsn < shared->next_lsn, "the base goes nowhere");
	/* It may be another's record after a power cut. */
	check(lsn <= shared->flushed, "the base goes beyond what is durable");
	shared->base = lsn;
	return 0;
}

int ktm_stream_query(int stream, struct ktm_stream_info *info, uint32_t *status)
{
	unsigned int i;

	(void)stream, (void)status;
	memset(info, 0, sizeof(*info));
	info->guid = shared->guid;
	info->quota = shared->quota;
	info->used = charged();
	info->reserved = shared->reserved;
	info->base_lsn = shared->base;
	info->flushed_lsn = shared->flushed;
	for (i = 0; i < shared->count; i++)
		info->last_lsn = shared->records[i].record.lsn;
	info->records = stream_count();
	return 0;
}
