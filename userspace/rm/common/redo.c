// SPDX-License-Identifier: GPL-2.0
/*
 * A resource manager's stream in the transaction manager's log.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "redo.h"

#define REDO_MAGIC	0x526d746bu	/* "ktmR" */

enum redo_kind {
	REDO_MORE	= 1,	/* a part, and not the last one */
	REDO_LAST	= 2,	/* the last part */
	REDO_STORED	= 3,	/* the redo is in the store */
	REDO_COMMITTED	= 4,
};

#define REDO_ACCESS	(KTM_STREAM_QUERY_INFORMATION | KTM_STREAM_SET_INFORMATION | \
			 KTM_STREAM_READ | KTM_STREAM_APPEND | KTM_STREAM_MANAGE)

/* Of the log; several resource managers share three eighths of it. */
#define DEFAULT_SHARE	16
#define SMALLEST_QUOTA	(128u << 10)
/* One transaction takes no more of the quota, so that several fit. */
#define TX_SHARE	8
/* This much of the quota may be taken before the store is synced. */
#define SYNC_SHARE	4
/* As many commits: what a start after a crash has to do over again. */
#define SYNC_COMMITS	1000

void redo_init(struct redo *redo)
{
	memset(redo, 0, sizeof(*redo));
	redo->fd = -1;
}

void redo_close(struct redo *redo)
{
	if (redo->fd >= 0)
		close(redo->fd);
	pack_free(&redo->bytes);
	redo_init(redo);
}

static int default_quota(int tm, uint64_t *quota)
{
	struct ktm_tm_info info;
	int ret = ktm_tm_query(tm, &info, NULL);

	*quota = info.log_size / DEFAULT_SHARE;
	if (*quota < SMALLEST_QUOTA)
		*quota = SMALLEST_QUOTA;
	return ret;
}

static int make_stream(int tm, const char *name, uint64_t quota, uint32_t *status)
{
	int ret;

	if (!quota) {
		ret = default_quota(tm, &quota);
		if (ret)
			return ret;
	}
	return ktm_stream_create(tm, name, quota, REDO_ACCESS, 0, NULL, status);
}

int redo_open(struct redo *redo, int tm, const char *name, uint64_t quota)
{
	uint32_t status = KTM_STATUS_UNSUCCESSFUL;
	int ret;

	ret = ktm_stream_open_name(tm, name, REDO_ACCESS, NULL, &status);
	if (ret == -ENOENT) {
		ret = make_stream(tm, name, quota, &status);
		redo->fd = ret;
	} else if (ret >= 0) {
		redo->fd = ret;
		ret = quota ? ktm_stream_set_quota(redo->fd, quota, &status) : 0;
	}
	if (ret >= 0)
		return 0;
	log_line("cannot have a stream in the log: %s (%s)", strerror(-ret),
		 ktm_status_text(status));
	redo_close(redo);
	return ret;
}

uint64_t redo_room(const struct redo *redo)
{
	return redo->fd < 0 ? 0 : redo->quota / TX_SHARE;
}

/* What a record takes of the quota: see struct ktm_stream_create. */
static uint64_t charge(uint64_t length)
{
	uint64_t bytes = (length + 48) * 3 / 2 + 1;

	return bytes < 128 ? 128 : bytes;
}

static void make_head(unsigned char head[REDO_HEAD], enum redo_kind kind,
		      const struct ktm_guid *enlistment)
{
	const uint32_t words[] = { REDO_MAGIC, kind };
	size_t i;

	for (i = 0; i < 8; i++)
		head[i] = words[i / 4] >> 8 * (i % 4);
	memcpy(head + 8, enlistment, sizeof(*enlistment));
}

/* All records of a transaction, the one that it is committed too. */
static uint64_t charge_all(size_t bytes)
{
	uint64_t total = charge(REDO_HEAD);

	for (; bytes > REDO_PART; bytes -= REDO_PART)
		total += charge(KTM_MAX_STREAM_RECORD);
	return total + charge(REDO_HEAD + bytes);
}

int redo_vote(struct redo *redo, const struct ktm_guid *enlistment, bool stored,
	      struct redo_record *record, uint64_t *lsn)
{
	const unsigned char *at = redo->bytes.data;
	size_t left = stored ? 0 : redo->bytes.used;
	uint64_t part;
	int ret;

	memset(record, 0, sizeof(*record));
	*lsn = 0;
	if (redo->fd < 0)
		return 0;
	if (redo->used > redo->quota || charge_all(left) > redo->quota - redo->used)
		return -ENOSPC;

	make_head(redo->head, REDO_MORE, enlistment);
	for (; left > REDO_PART; left -= REDO_PART, at += REDO_PART) {
		const struct iovec pieces[] = {
			{ redo->head, REDO_HEAD }, { (void *)at, REDO_PART },
		};

		ret = ktm_stream_append(redo->fd, 0, pieces, 2, record->previous_lsn, 0, &part,
					NULL);
		if (ret)
			return ret;
		redo->used += charge(KTM_MAX_STREAM_RECORD);
		if (!*lsn)
			*lsn = part;
		record->previous_lsn = part;
	}
	make_head(redo->head, stored ? REDO_STORED : REDO_LAST, enlistment);
	record->pieces[0] = (struct iovec){ redo->head, REDO_HEAD };
	record->pieces[1] = (struct iovec){ (void *)at, left };
	record->count = left ? 2 : 1;
	record->need_records = 1;
	record->need_bytes = REDO_HEAD;
	redo->used += charge(REDO_HEAD + left) + charge(REDO_HEAD);
	return 0;
}

void redo_committed(struct redo *redo, const struct ktm_guid *enlistment,
		    struct redo_record *record)
{
	memset(record, 0, sizeof(*record));
	redo->unsynced++;
	if (redo->fd < 0)
		return;
	make_head(redo->head, REDO_COMMITTED, enlistment);
	record->pieces[0] = (struct iovec){ redo->head, REDO_HEAD };
	record->count = 1;
}

/* ---- reading ---- */

static int compare_txs(const void *a, const void *b)
{
	const struct redo_tx *x = a, *y = b;

	return memcmp(&x->enlistment, &y->enlistment, sizeof(x->enlistment));
}

static struct redo_tx *find(const struct redo_log *log, const struct ktm_guid *enlistment)
{
	const struct redo_tx key = { .enlistment = *enlistment };
	struct redo_tx **node = tfind(&key, &log->tree, compare_txs);

	return node ? *node : NULL;
}

bool redo_log_has(const struct redo_log *log, const struct ktm_guid *enlistment)
{
	return find(log, enlistment);
}

static struct redo_tx *add(struct redo_log *log, const struct ktm_guid *enlistment)
{
	struct redo_tx *tx;
	void *more;

	if (log->count == log->room) {
		log->room = log->room ? 2 * log->room : 64;
		more = reallocarray(log->txs, log->room, sizeof(tx));
		if (!more)
			return NULL;
		log->txs = more;
		more = reallocarray(log->committed, log->room, sizeof(tx));
		if (!more)
			return NULL;
		log->committed = more;
	}
	tx = calloc(1, sizeof(*tx));
	if (!tx)
		return NULL;
	tx->enlistment = *enlistment;
	pack_init(&tx->bytes, SIZE_MAX / 2);
	log->txs[log->count++] = tx;
	return tsearch(tx, &log->tree, compare_txs) ? tx : NULL;
}

static int take_redo(struct redo_log *log, const struct ktm_stream_record *record,
		     const struct ktm_guid *enlistment, enum redo_kind kind, const void *data,
		     size_t size)
{
	struct redo_tx *tx = find(log, enlistment);

	if (!tx) {
		tx = add(log, enlistment);
		if (!tx)
			return -ENOMEM;
		tx->lsn = record->lsn;
		tx->headless = record->previous_lsn;
	} else if (tx->whole || record->previous_lsn != tx->last) {
		return -EUCLEAN;
	}
	tx->last = record->lsn;
	tx->stored = kind == REDO_STORED;
	tx->whole = kind != REDO_MORE;
	pack_raw(&tx->bytes, data, size);
	return tx->bytes.failed ? -ENOMEM : 0;
}

static int take_committed(struct redo_log *log, const struct ktm_guid *enlistment)
{
	struct redo_tx *tx = find(log, enlistment);

	/* Without its redo it was synced; twice: COMMIT had come again. */
	if (!tx || tx->committed || tx->headless)
		return 0;
	if (!tx->whole)
		return -EUCLEAN;
	tx->committed = true;
	log->committed[log->committed_count++] = tx;
	return 0;
}

static int take_record(struct redo_log *log, const struct ktm_stream_record *record,
		       const void *data)
{
	struct ktm_guid enlistment;
	const void *guid;
	struct unpack u;
	uint32_t kind;

	unpack_init(&u, data, record->length);
	if (unpack_u32(&u) != REDO_MAGIC)
		return -EUCLEAN;
	kind = unpack_u32(&u);
	guid = unpack_raw(&u, sizeof(enlistment));
	if (!guid)
		return -EUCLEAN;
	memcpy(&enlistment, guid, sizeof(enlistment));
	switch (kind) {
	case REDO_MORE:
	case REDO_LAST:
		return take_redo(log, record, &enlistment, kind, u.at, u.end - u.at);
	case REDO_STORED:
		return unpack_done(&u) ? take_redo(log, record, &enlistment, kind, u.at, 0) :
					 -EUCLEAN;
	case REDO_COMMITTED:
		return unpack_done(&u) ? take_committed(log, &enlistment) : -EUCLEAN;
	default:
		return -EUCLEAN;
	}
}

int redo_read(struct redo *redo, struct redo_log *log)
{
	struct ktm_stream_record record = { 0 };
	char data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_info info;
	int ret;

	memset(log, 0, sizeof(*log));
	if (redo->fd < 0)
		return 0;
	ret = ktm_stream_query(redo->fd, &info, NULL);
	if (ret)
		return ret;
	log->stream = info.guid;
	redo->quota = info.quota;
	redo->used = info.used + info.reserved;
	while ((ret = ktm_stream_read(redo->fd, KTM_STREAM_NEXT, record.lsn, data, sizeof(data),
				      &record, NULL)) > 0) {
		ret = take_record(log, &record, data);
		if (ret == -EUCLEAN)
			log_line("record %" PRIu64 " of the stream makes no sense", record.lsn);
		if (ret)
			return ret;
	}
	return ret;
}

static void keep(void *tx)
{
	(void)tx;
}

void redo_log_free(struct redo_log *log)
{
	tdestroy(log->tree, keep);
	while (log->count) {
		pack_free(&log->txs[--log->count]->bytes);
		free(log->txs[log->count]);
	}
	free(log->txs);
	free(log->committed);
	memset(log, 0, sizeof(*log));
}

/* ---- the base ---- */

bool redo_is_full(const struct redo *redo)
{
	return redo->unsynced >= SYNC_COMMITS ||
	       (redo->fd >= 0 && redo->used > redo->quota / SYNC_SHARE);
}

int redo_ends(struct redo *redo, uint64_t oldest, uint64_t *base, uint64_t *last,
	      uint64_t *flushed)
{
	struct ktm_stream_info info = { 0 };
	int ret = 0;

	if (redo->fd >= 0)
		ret = ktm_stream_query(redo->fd, &info, NULL);
	*last = info.last_lsn;
	*flushed = info.flushed_lsn;
	*base = oldest < info.flushed_lsn ? oldest : info.flushed_lsn;
	if (*base < info.base_lsn)
		*base = info.base_lsn;
	return ret;
}

int redo_advance(struct redo *redo, uint64_t base)
{
	struct ktm_stream_info info;
	int ret;

	redo->unsynced = 0;
	if (redo->fd < 0)
		return 0;
	ret = base ? ktm_stream_advance(redo->fd, base, NULL) : 0;
	if (!ret)
		ret = ktm_stream_query(redo->fd, &info, NULL);
	if (ret)
		return ret;
	redo->used = info.used + info.reserved;
	return 0;
}
