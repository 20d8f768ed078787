// SPDX-License-Identifier: GPL-2.0
/*
 * The store's log stream. The store is in memory only, so the stream has all of it:
 *
 * REDO		what a transaction has written; goes in front of its vote
 * COMMITTED	that transaction is committed; goes in front of the answer to COMMIT
 * VALUES	committed values, which earlier records have, too
 * TIDY		a restart record; what the store needs begins with the base that came with it
 *
 * Whoever reads them in their order, from the base on, has the store.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "log.h"

#define STREAM_NAME	"ktm_sample_rm"
#define ACCESS		(KTM_STREAM_QUERY_INFORMATION | KTM_STREAM_READ | KTM_STREAM_APPEND | \
			 KTM_STREAM_MANAGE)
#define MAGIC		0x706d6173

/*
 * All values, the redo of all unfinished transactions and a record of 72 bytes for each come to
 * less than a third of it: a key has one value and one owner at most. So after tidying at one
 * half there is always room for the next one.
 */
#define STREAM_QUOTA	SZ_1M

enum kind { REDO = 1, COMMITTED, VALUES, TIDY };

/* A key, followed by its bytes and those of the value. */
struct item {
	__le16 value_length;
	u8 key_length;
	u8 there;
};

#define LARGEST_ITEM	(sizeof(struct item) + KTM_SAMPLE_MAX_KEY + KTM_SAMPLE_MAX_VALUE)

/* ---- opening ---- */

/**
 * sample_log_open - open the stream, or make it the first time
 * @log: out
 * @tm: a use with KTM_TM_CREATE_RM
 *
 * Return: 0 or a negative errno, as ktm_log_stream_open_name() and _create().
 */
int sample_log_open(struct sample_log *log, struct ktm_tm_use *tm)
{
	struct ktm_log_stream *stream;

	log->buffer = kvmalloc(KTM_MAX_STREAM_RECORD, GFP_KERNEL);
	if (!log->buffer)
		return -ENOMEM;
	stream = ktm_log_stream_open_name(tm, STREAM_NAME, ACCESS, NULL, NULL);
	if (stream == ERR_PTR(-ENOENT))
		stream = ktm_log_stream_create(tm, STREAM_NAME, STREAM_QUOTA, ACCESS, 0, NULL,
					       NULL);
	if (IS_ERR(stream)) {
		kvfree(log->buffer);
		return PTR_ERR(stream);
	}
	log->stream = stream;
	return 0;
}

/**
 * sample_log_close - the opposite
 * @log: the stream
 */
void sample_log_close(struct sample_log *log)
{
	ktm_log_stream_put(log->stream);
	kvfree(log->buffer);
}

/* ---- making records ---- */

static void *put_head(void *to, enum kind kind, const struct ktm_guid *enlistment)
{
	struct sample_head *head = to;

	head->magic = cpu_to_le32(MAGIC);
	head->kind = cpu_to_le32(kind);
	head->enlistment = *enlistment;
	return head + 1;
}

static void *put_item(void *to, const struct sample_entry *e, const struct sample_value *value)
{
	const u32 length = value->there ? value->length : 0;
	struct item *item = to;

	item->value_length = cpu_to_le16(length);
	item->key_length = e->key_length;
	item->there = value->there;
	to += sizeof(*item);
	memcpy(to, e->key, e->key_length);
	to += e->key_length;
	memcpy(to, value->data, length);
	return to + length;
}

/* The redo of a transaction, in the buffer; its length. */
static size_t put_redo(struct sample_log *log, const struct sample_tx *tx)
{
	void *to = put_head(log->buffer, REDO, &tx->enlistment);
	const struct sample_entry *e;

	BUILD_BUG_ON(sizeof(struct sample_head) + KTM_SAMPLE_MAX_WRITES * LARGEST_ITEM >
		     KTM_MAX_STREAM_RECORD);
	list_for_each_entry(e, &tx->entries, owned)
		to = put_item(to, e, &e->pending);
	return to - log->buffer;
}

static void answer_with(struct sample_log *log, struct sample_answer *a, void *data, size_t length)
{
	a->piece = (struct kvec){ .iov_base = data, .iov_len = length };
	a->record = (struct ktm_log_record){ };
	a->stream = (struct ktm_answer_stream){
		.stream = log->stream,
		.record = &a->record,
		.pieces = &a->piece,
		.count = 1,
	};
}

/**
 * sample_log_redo - what goes into the log with a vote
 * @log: the stream
 * @tx: who votes
 * @a: out: for ktm_enlistment_prepare_complete()
 */
void sample_log_redo(struct sample_log *log, const struct sample_tx *tx, struct sample_answer *a)
{
	answer_with(log, a, log->buffer, put_redo(log, tx));
	/* From the vote on nothing may fail, so there must be room for COMMITTED. */
	a->stream.need_records = 1;
	a->stream.need_bytes = sizeof(struct sample_head);
}

/**
 * sample_log_committed - what goes into the log with the answer to COMMIT
 * @log: the stream
 * @tx: who is committed
 * @a: out: for ktm_enlistment_commit_complete()
 */
void sample_log_committed(struct sample_log *log, const struct sample_tx *tx,
			  struct sample_answer *a)
{
	put_head(&a->head, COMMITTED, &tx->enlistment);
	answer_with(log, a, &a->head, sizeof(a->head));
}

/* ---- reading ---- */

/* The next key of a record: what remains of that, or NULL: it makes no sense. */
static const void *take_item(const void *from, const void *end, const u8 **key, u32 *key_length,
			     struct sample_value *value)
{
	const struct item *item = from;

	if (end - from < sizeof(*item))
		return NULL;
	from += sizeof(*item);
	*key_length = item->key_length;
	value->length = le16_to_cpu(item->value_length);
	value->there = item->there;
	if (!*key_length || *key_length > KTM_SAMPLE_MAX_KEY ||
	    value->length > KTM_SAMPLE_MAX_VALUE || end - from < *key_length + value->length)
		return NULL;
	*key = from;
	memcpy(value->data, from + *key_length, value->length);
	return from + *key_length + value->length;
}

/* Of two that claim a key the earlier one was rolled back: see Documentation/streams.md. */
static struct sample_entry *claim(struct sample_store *store, struct sample_tx *tx, const u8 *key,
				  u32 length)
{
	struct sample_entry *e = sample_find(store, key, length);

	if (e && e->owner && e->owner != tx)
		sample_tx_end(store, e->owner);
	return sample_claim(store, tx, key, length);
}

static int take_redo(struct sample_store *store, const struct ktm_guid *enlistment,
		     const void *from, const void *end)
{
	struct sample_tx *tx = sample_tx_by(store, enlistment);
	struct sample_value value;
	struct sample_entry *e;
	u32 key_length;
	const u8 *key;

	/* Tidying has written it again. */
	if (tx)
		return 0;
	tx = sample_tx_new(store);
	if (!tx)
		return -ENOMEM;
	tx->enlistment = *enlistment;
	tx->state = SAMPLE_FOUND;
	while (from < end) {
		from = take_item(from, end, &key, &key_length, &value);
		if (!from)
			return -EUCLEAN;
		e = claim(store, tx, key, key_length);
		if (IS_ERR(e))
			return PTR_ERR(e) == -ENOMEM ? -ENOMEM : -EUCLEAN;
		e->pending = value;
	}
	return 0;
}

static int take_committed(struct sample_store *store, const struct ktm_guid *enlistment)
{
	struct sample_tx *tx = sample_tx_by(store, enlistment);

	if (!tx)
		return -EUCLEAN;
	sample_tx_apply(tx);
	sample_tx_release(store, tx);
	tx->state = SAMPLE_DONE;
	return 0;
}

static int take_values(struct sample_store *store, const void *from, const void *end)
{
	struct sample_value value;
	u32 key_length;
	const u8 *key;
	int err = 0;

	while (!err && from < end) {
		from = take_item(from, end, &key, &key_length, &value);
		if (!from)
			return -EUCLEAN;
		err = sample_set(store, key, key_length, &value);
	}
	return err;
}

static int take_record(struct sample_store *store, const void *data, size_t length)
{
	const struct sample_head *head = data;
	const void *end = data + length;

	if (length < sizeof(*head) || le32_to_cpu(head->magic) != MAGIC)
		return -EUCLEAN;
	switch (le32_to_cpu(head->kind)) {
	case REDO:
		return take_redo(store, &head->enlistment, head + 1, end);
	case COMMITTED:
		return take_committed(store, &head->enlistment);
	case VALUES:
		return take_values(store, head + 1, end);
	case TIDY:
		return 0;
	default:
		return -EUCLEAN;
	}
}

/**
 * sample_log_read - make the store what the stream says
 * @log: the stream
 * @store: an empty store; what is there if this fails is to be cleared
 *
 * Return: 0, or: -EUCLEAN: it makes no sense; others as ktm_log_stream_read().
 */
int sample_log_read(struct sample_log *log, struct sample_store *store)
{
	struct ktm_log_record record = { };
	int ret;

	/* Behind LSN 0 is the first one. */
	while ((ret = ktm_log_stream_read(log->stream, KTM_STREAM_NEXT, record.lsn, log->buffer,
					  KTM_MAX_STREAM_RECORD, &record, NULL)) > 0) {
		ret = take_record(store, log->buffer, record.length);
		if (ret)
			break;
	}
	if (ret)
		pr_err("ktm_sample_rm: record %llu of the stream: %d\n", record.lsn, ret);
	return ret;
}

/* ---- tidying ---- */

/*
 * What is needed is written once: first to know how much room it takes (@count_only), then, when
 * that has been set aside, for good. So either all of it is written or nothing.
 */
struct tidying {
	struct sample_log *log;
	bool count_only;
	u32 records;
	u64 bytes;
	u64 first_lsn;
};

static int write_record(struct tidying *t, size_t length, u32 flags)
{
	struct kvec piece = { .iov_base = t->log->buffer, .iov_len = length };
	struct ktm_log_record record = {
		.flags = flags | KTM_STREAM_RESERVED,
		.base_lsn = flags & KTM_STREAM_RESTART ? t->first_lsn : 0,
	};
	int err;

	if (t->count_only) {
		t->records++;
		t->bytes += length;
		return 0;
	}
	err = ktm_log_stream_append(t->log->stream, &piece, 1, &record, NULL);
	if (err)
		return err;
	t->records--;
	t->bytes -= length;
	if (!t->first_lsn)
		t->first_lsn = record.lsn;
	return 0;
}

static int write_values(struct tidying *t, struct sample_store *store)
{
	static const struct ktm_guid nil;
	void *buffer = t->log->buffer, *to = put_head(buffer, VALUES, &nil);
	struct sample_entry *e;
	int err = 0;

	list_for_each_entry(e, &store->entries, link) {
		if (err || !e->committed.there)
			continue;
		to = put_item(to, e, &e->committed);
		if (to - buffer <= KTM_MAX_STREAM_RECORD - LARGEST_ITEM)
			continue;
		err = write_record(t, to - buffer, 0);
		to = put_head(buffer, VALUES, &nil);
	}
	/* Also if there is nothing in it, so that there is always a first one. */
	return err ?: write_record(t, to - buffer, 0);
}

static int write_all(struct tidying *t, struct sample_store *store)
{
	static const struct ktm_guid nil;
	struct sample_tx *tx;
	int err = write_values(t, store);

	list_for_each_entry(tx, &store->txs, link) {
		if (!err && tx->state != SAMPLE_ACTIVE)
			err = write_record(t, put_redo(t->log, tx), 0);
	}
	if (err)
		return err;
	put_head(t->log->buffer, TIDY, &nil);
	return write_record(t, sizeof(struct sample_head), KTM_STREAM_RESTART);
}

/**
 * sample_log_is_untidy - is the stream half full?
 * @log: the stream
 */
bool sample_log_is_untidy(struct sample_log *log)
{
	struct ktm_stream_info info;

	return !ktm_log_stream_query(log->stream, &info, NULL) &&
	       info.used + info.reserved > info.quota / 2;
}

/**
 * sample_log_tidy - write what is needed and let go of the rest
 * @log: the stream
 * @store: all of which is in the stream; none of its transactions is DONE
 *
 * The base goes with a record behind all that it needs, so whatever of this a power cut leaves is
 * right: without that record, what was there before is there, and these say nothing new. A signal
 * could cut it short, too, and what was written so far takes room: not in a thread that has any.
 *
 * Return: 0 or a negative errno: all that was there still is.
 */
int sample_log_tidy(struct sample_log *log, struct sample_store *store)
{
	struct tidying t = { .log = log, .count_only = true };
	int err;

	write_all(&t, store);
	err = ktm_log_stream_reserve(log->stream, t.records, t.bytes, NULL);
	if (err)
		return err;
	t.count_only = false;
	err = write_all(&t, store);
	if (err)
		ktm_log_stream_unreserve(log->stream, t.records, t.bytes, NULL);
	return err;
}
