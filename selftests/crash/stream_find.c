// SPDX-License-Identifier: GPL-2.0
/*
 * A stream is read after a recovery.
 */
#include "streams.h"

#include "calls.h"
#include "judge.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct found_stream *found, const struct found_record *record)
{
	if (!(found->nr & (found->nr - 1))) {
		found->list = realloc(found->list, (found->nr ? 2 * found->nr : 1) *
				      sizeof(*found->list));
		if (!found->list)
			die("out of memory");
	}
	found->list[found->nr++] = *record;
}

static void check_shape(const struct found_stream *found, uint32_t rm)
{
	uint8_t data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_read read;
	uint64_t last = found->nr ? found->list[found->nr - 1].lsn : 0, restart = 0;
	uint32_t status;
	size_t i;

	for (i = 0; i < found->nr; i++)
		if (found->list[i].restart)
			restart = found->list[i].lsn;
	if (found->count != found->nr)
		violation("RM %u: %zu stream records can be read, there are %llu", rm, found->nr,
			  (unsigned long long)found->count);
	if (found->restart != restart)
		violation("RM %u: the last restart record is another one", rm);
	status = stream_read(found->fd, KTM_STREAM_BEFORE, 0, data, &read);
	if (status ? status != KTM_STATUS_NO_MORE_ENTRIES || last : read.lsn != last)
		violation("RM %u: backwards the last record is another one (status %u)", rm, status);
	status = stream_read(found->fd, KTM_STREAM_LAST_RESTART, 0, data, &read);
	if (status ? status != KTM_STATUS_NO_MORE_ENTRIES || restart : read.lsn != restart)
		violation("RM %u: the last restart record is not found (status %u)", rm, status);
}

static void read_all(struct found_stream *found, uint32_t rm)
{
	uint8_t data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_read read;
	struct found_record record = { 0 };
	uint32_t status;
	uint64_t lsn = 0;

	while (!(status = stream_read(found->fd, KTM_STREAM_NEXT, lsn, data, &read))) {
		if (read.lsn <= lsn || read.lsn < found->base)
			violation("RM %u: the LSN of a stream record does not rise", rm);
		if (!record_check(data, read.length, &record.record)) {
			violation("RM %u: a stream record is not what was written", rm);
			return;
		}
		record.lsn = read.lsn;
		record.previous = read.previous_lsn;
		record.restart = read.flags & KTM_STREAM_RESTART;
		add(found, &record);
		if (read.lsn <= lsn)
			return;
		lsn = read.lsn;
	}
	if (status != KTM_STATUS_NO_MORE_ENTRIES)
		violation("RM %u: a stream record cannot be read: status %u", rm, status);
}

/**
 * stream_find() - open a stream and read it all
 * @found: filled
 * @tm: its TM
 * @rm: whose
 */
void stream_find(struct found_stream *found, int tm, uint32_t rm)
{
	struct ktm_stream_info info;
	uint32_t status;

	*found = (struct found_stream){ .fd = -1 };
	status = stream_open(tm, stream_name(rm), &found->fd);
	if (status) {
		found->fd = -1;
		if (status != KTM_STATUS_STREAM_NOT_FOUND)
			violation("RM %u: its stream is not opened: status %u", rm, status);
		return;
	}
	status = stream_info(found->fd, &info);
	if (status) {
		violation("RM %u: its stream cannot be queried: status %u", rm, status);
		return;
	}
	found->base = info.base_lsn;
	found->restart = info.restart_lsn;
	found->count = info.records;
	read_all(found, rm);
	check_shape(found, rm);
}

void stream_forget(struct found_stream *found)
{
	if (found->fd >= 0)
		close(found->fd);
	free(found->list);
}
