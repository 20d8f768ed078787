// SPDX-License-Identifier: GPL-2.0
/* The table of accounts of a store, and its log stream. */
#include "accounts.h"

#include "bench.h"

/* Far more than the table and what comes between two of them. */
#define QUOTA		(3 << 20)
#define CHECKPOINT	4096
#define IN_A_PIECE	2040

enum { REDO = 1, DONE, PIECE, RESTART };

struct done {
	uint32_t kind;
	uint32_t reserved;
	uint64_t redo_lsn;
};

/* Part of the table: accounts from @first on. */
struct piece {
	uint32_t kind;
	uint32_t first;
	int64_t balance[IN_A_PIECE];
};

union record {
	uint32_t kind;
	struct redo redo;
	struct done done;
	struct piece piece;
};

/* ---- in memory ---- */

static void begin_empty(struct accounts *a)
{
	uint32_t i;

	for (i = 0; i < ACCOUNTS; i++)
		a->balance[i] = BALANCE;
	memset(a->held, 0, sizeof(a->held));
	memset(a->changes, 0, sizeof(a->changes));
	for (i = 0; i < MAX_CHANGES; i++)
		a->changes[i].next = i + 1 < MAX_CHANGES ? i + 1 : NO_CHANGE;
	a->free = 0;
	a->open = 0;
	a->done = 0;
}

static bool hold(struct accounts *a, uint32_t account, int64_t delta, uint32_t *place)
{
	struct change *c;

	if (a->held[account] || a->free == NO_CHANGE)
		return false;
	*place = a->free;
	c = &a->changes[*place];
	a->free = c->next;
	a->held[account] = true;
	a->open++;
	c->used = true;
	c->redo_lsn = 0;
	c->redo = (struct redo){ .kind = REDO, .account = account, .delta = delta };
	return true;
}

static void end(struct accounts *a, uint32_t place, bool commit)
{
	struct change *c = &a->changes[place];

	if (commit)
		a->balance[c->redo.account] += c->redo.delta;
	a->held[c->redo.account] = false;
	c->used = false;
	c->next = a->free;
	a->free = place;
	a->open--;
	a->done++;
}

bool accounts_hold(struct accounts *a, uint32_t account, int64_t delta, uint32_t *place)
{
	bool ret;

	pthread_mutex_lock(&a->lock);
	ret = hold(a, account, delta, place);
	pthread_mutex_unlock(&a->lock);
	return ret;
}

void accounts_end(struct accounts *a, uint32_t place, bool commit)
{
	pthread_mutex_lock(&a->lock);
	end(a, place, commit);
	pthread_mutex_unlock(&a->lock);
}

/* ---- records that go with answers ---- */

void accounts_vote(struct accounts *a, struct ktm_rm_event *event)
{
	static struct iovec piece;
	struct change *c = &a->changes[event->cookie];

	c->redo.enlistment = event->enlistment;
	piece = (struct iovec){ .iov_base = &c->redo, .iov_len = sizeof(c->redo) };
	event->stream = a->stream;
	event->stream_records = 1;
	event->stream_need = sizeof(struct done);
	event->record = &piece;
	event->record_count = 1;
}

void accounts_done(struct accounts *a, struct ktm_rm_event *event)
{
	static struct iovec piece;
	static struct done done;

	done = (struct done){ .kind = DONE, .redo_lsn = a->changes[event->cookie].redo_lsn };
	piece = (struct iovec){ .iov_base = &done, .iov_len = sizeof(done) };
	event->stream = a->stream;
	event->record = &piece;
	event->record_count = 1;
}

/* ---- the whole table ---- */

static uint64_t oldest_redo(const struct accounts *a, uint64_t lsn)
{
	unsigned int i;

	for (i = 0; i < MAX_CHANGES; i++) {
		if (a->changes[i].used && a->changes[i].redo_lsn && a->changes[i].redo_lsn < lsn)
			lsn = a->changes[i].redo_lsn;
	}
	return lsn;
}

/* @first_lsn: of the first piece */
static int write_table(struct accounts *a, uint64_t *first_lsn)
{
	static struct piece piece;
	uint64_t lsn;
	uint32_t i;
	int ret;

	*first_lsn = 0;
	for (i = 0; i < ACCOUNTS; i += IN_A_PIECE) {
		uint32_t count = ACCOUNTS - i < IN_A_PIECE ? ACCOUNTS - i : IN_A_PIECE;
		struct iovec all = { &piece, offsetof(struct piece, balance[count]) };

		piece.kind = PIECE;
		piece.first = i;
		memcpy(piece.balance, &a->balance[i], count * sizeof(piece.balance[0]));
		ret = ktm_stream_append(a->stream, 0, &all, 1, 0, 0, &lsn, NULL);
		if (ret)
			return ret;
		if (!*first_lsn)
			*first_lsn = lsn;
	}
	return 0;
}

int accounts_checkpoint(struct accounts *a)
{
	uint32_t kind = RESTART;
	struct iovec restart = { &kind, sizeof(kind) };
	uint64_t first, base;
	int ret = 0;

	pthread_mutex_lock(&a->lock);
	if (a->stream >= 0 && a->done >= CHECKPOINT) {
		ret = write_table(a, &first);
		if (!ret) {
			base = oldest_redo(a, first);
			ret = ktm_stream_restart(a->stream, 0, &restart, 1, base, NULL, NULL);
		}
		a->done = 0;
	}
	pthread_mutex_unlock(&a->lock);
	return ret;
}

/* ---- from the stream ---- */

int accounts_open(struct accounts *a)
{
	int tm = ktm_rm_tm_descriptor(a->rm);
	char name[KTM_GUID_STRING];
	struct ktm_guid guid;

	ktm_rm_guid(a->rm, &guid);
	ktm_guid_format(&guid, name);
	a->stream = ktm_stream_open_name(tm, name, KTM_STREAM_ALL_ACCESS, NULL, NULL);
	if (a->stream == -ENOENT)
		a->stream = ktm_stream_create(tm, name, QUOTA, KTM_STREAM_ALL_ACCESS, 0, NULL, NULL);
	return a->stream < 0 ? a->stream : 0;
}

static int take_redo(struct accounts *a, const struct redo *redo, uint64_t lsn)
{
	uint32_t place;

	/* One that was never decided may be followed by another of its account. */
	if (redo->account >= ACCOUNTS || a->free == NO_CHANGE)
		return -EBADMSG;
	a->held[redo->account] = false;
	hold(a, redo->account, redo->delta, &place);
	a->changes[place].redo = *redo;
	a->changes[place].redo_lsn = lsn;
	return 0;
}

/* What was done before the table was written is in it. */
static int take_done(struct accounts *a, const struct done *done, bool in_table)
{
	uint32_t i;

	for (i = 0; i < MAX_CHANGES; i++) {
		if (a->changes[i].used && a->changes[i].redo_lsn == done->redo_lsn) {
			end(a, i, !in_table);
			return 0;
		}
	}
	/* Its redo may lie before the base: then it is in the table. */
	return in_table ? 0 : -EBADMSG;
}

static int take_piece(struct accounts *a, const struct piece *piece, uint32_t length)
{
	uint32_t count = (length - offsetof(struct piece, balance)) / sizeof(piece->balance[0]);

	if (piece->first >= ACCOUNTS || count > ACCOUNTS - piece->first)
		return -EBADMSG;
	memcpy(&a->balance[piece->first], piece->balance, count * sizeof(piece->balance[0]));
	return 0;
}

static int take(struct accounts *a, const union record *r, const struct ktm_stream_record *record,
		uint64_t restart_lsn)
{
	bool in_table = record->lsn < restart_lsn;

	switch (r->kind) {
	case REDO:
		return take_redo(a, &r->redo, record->lsn);
	case DONE:
		return take_done(a, &r->done, in_table);
	case PIECE:
		/* Of a table that was not written to its end. */
		return in_table ? take_piece(a, &r->piece, record->length) : 0;
	case RESTART:
		return 0;
	default:
		return -EBADMSG;
	}
}

static int read_all(struct accounts *a)
{
	static union record r;
	struct ktm_stream_record record = { .lsn = 0 };
	uint64_t restart_lsn = 0;
	int ret;

	ret = ktm_stream_read(a->stream, KTM_STREAM_LAST_RESTART, 0, &r, sizeof(r), &record, NULL);
	if (ret > 0)
		restart_lsn = record.lsn;
	record.lsn = 0;
	while (ret >= 0) {
		ret = ktm_stream_read(a->stream, KTM_STREAM_NEXT, record.lsn, &r, sizeof(r),
				      &record, NULL);
		if (ret <= 0)
			break;
		ret = take(a, &r, &record, restart_lsn);
		if (ret)
			break;
	}
	return ret;
}

int accounts_replay(struct accounts *a)
{
	struct ktm_stream_info info;
	int ret;

	pthread_mutex_lock(&a->lock);
	begin_empty(a);
	ret = a->stream < 0 ? 0 : ktm_stream_query(a->stream, &info, NULL);
	if (a->stream >= 0 && !ret)
		ret = read_all(a);
	pthread_mutex_unlock(&a->lock);
	return ret;
}

uint32_t accounts_find(struct accounts *a, const struct ktm_guid *enlistment)
{
	uint32_t i;

	for (i = 0; i < MAX_CHANGES; i++) {
		if (a->changes[i].used &&
		    ktm_guid_equal(&a->changes[i].redo.enlistment, enlistment))
			return i;
	}
	return NO_CHANGE;
}

void accounts_drop_unasked(struct accounts *a, const bool *asked)
{
	uint32_t i;

	pthread_mutex_lock(&a->lock);
	for (i = 0; i < MAX_CHANGES; i++) {
		if (a->changes[i].used && !asked[i])
			end(a, i, false);
	}
	/* Those of one account, of which one was dropped, must not have let go of it. */
	for (i = 0; i < MAX_CHANGES; i++) {
		if (a->changes[i].used)
			a->held[a->changes[i].redo.account] = true;
	}
	pthread_mutex_unlock(&a->lock);
}
