// SPDX-License-Identifier: GPL-2.0
/*
 * The store in memory, see store.h. It knows nothing of ktm or of the log.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "store.h"

/**
 * sample_store_init - an empty store
 * @s: it
 */
void sample_store_init(struct sample_store *s)
{
	INIT_LIST_HEAD(&s->entries);
	INIT_LIST_HEAD(&s->txs);
	s->count = 0;
}

/**
 * sample_store_clear - forget everything
 * @s: the store
 */
void sample_store_clear(struct sample_store *s)
{
	struct sample_entry *e, *next;
	struct sample_tx *tx, *next_tx;

	list_for_each_entry_safe(tx, next_tx, &s->txs, link)
		sample_tx_end(s, tx);
	list_for_each_entry_safe(e, next, &s->entries, link) {
		list_del(&e->link);
		kfree(e);
	}
	s->count = 0;
}

/**
 * sample_compare - which of two keys is first
 * @e: the entry of the one
 * @key: the other
 * @length: bytes of it
 *
 * Return: less than 0: @e; more: @key; 0: they are the same.
 */
int sample_compare(const struct sample_entry *e, const void *key, u32 length)
{
	int order = memcmp(e->key, key, min(e->key_length, length));

	return order ?: (int)e->key_length - (int)length;
}

/**
 * sample_find - a key
 * @s: the store
 * @key: it
 * @length: bytes of it
 *
 * Return: its entry, whether it exists or is only about to, or NULL.
 */
struct sample_entry *sample_find(struct sample_store *s, const void *key, u32 length)
{
	struct sample_entry *e;

	list_for_each_entry(e, &s->entries, link) {
		if (!sample_compare(e, key, length))
			return e;
	}
	return NULL;
}

static struct sample_entry *find_or_add(struct sample_store *s, const void *key, u32 length)
{
	struct sample_entry *e = sample_find(s, key, length);

	if (e)
		return e;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return NULL;
	e->key_length = length;
	memcpy(e->key, key, length);
	list_add_tail(&e->link, &s->entries);
	s->count++;
	return e;
}

/* Nobody needs it: no value, and nobody is about to give it one. */
static void drop_unused(struct sample_store *s, struct sample_entry *e)
{
	if (e->owner || e->committed.there)
		return;
	list_del(&e->link);
	s->count--;
	kfree(e);
}

/**
 * sample_set - what is committed of a key
 * @s: the store
 * @key: it
 * @key_length: bytes of it
 * @value: its value, or that it has none
 *
 * Return: 0 or -ENOMEM.
 */
int sample_set(struct sample_store *s, const void *key, u32 key_length,
	       const struct sample_value *value)
{
	struct sample_entry *e = find_or_add(s, key, key_length);

	if (!e)
		return -ENOMEM;
	e->committed = *value;
	drop_unused(s, e);
	return 0;
}

/**
 * sample_claim - lock a key for a transaction
 * @s: the store
 * @tx: who is about to write it
 * @key: it
 * @length: bytes of it
 *
 * Return: the entry, of which the caller writes @pending, or an ERR_PTR, and nothing has changed:
 * -EBUSY: another one has it; -E2BIG: @tx has too many; -ENOMEM.
 */
struct sample_entry *sample_claim(struct sample_store *s, struct sample_tx *tx, const void *key,
				  u32 length)
{
	struct sample_entry *e = sample_find(s, key, length);

	if (e && e->owner == tx)
		return e;
	if (e && e->owner)
		return ERR_PTR(-EBUSY);
	if (tx->count == KTM_SAMPLE_MAX_WRITES)
		return ERR_PTR(-E2BIG);
	e = find_or_add(s, key, length);
	if (!e)
		return ERR_PTR(-ENOMEM);
	e->pending = e->committed;
	e->owner = tx;
	list_add_tail(&e->owned, &tx->entries);
	tx->count++;
	return e;
}

/**
 * sample_tx_new - a transaction that has written nothing yet
 * @s: the store
 *
 * Return: it, to be ended with sample_tx_end(), or NULL: no memory.
 */
struct sample_tx *sample_tx_new(struct sample_store *s)
{
	struct sample_tx *tx = kzalloc(sizeof(*tx), GFP_KERNEL);

	if (!tx)
		return NULL;
	INIT_LIST_HEAD(&tx->entries);
	list_add_tail(&tx->link, &s->txs);
	return tx;
}

/**
 * sample_tx_of - what a transaction has written here
 * @s: the store
 * @uow: which transaction
 *
 * Return: it, or NULL.
 */
struct sample_tx *sample_tx_of(struct sample_store *s, const struct ktm_guid *uow)
{
	struct sample_tx *tx;

	list_for_each_entry(tx, &s->txs, link) {
		if (!memcmp(&tx->uow, uow, sizeof(*uow)))
			return tx;
	}
	return NULL;
}

/**
 * sample_tx_by - the same by our enlistment, as notifications and records name it
 * @s: the store
 * @enlistment: its GUID
 *
 * Return: it, or NULL.
 */
struct sample_tx *sample_tx_by(struct sample_store *s, const struct ktm_guid *enlistment)
{
	struct sample_tx *tx;

	list_for_each_entry(tx, &s->txs, link) {
		if (!memcmp(&tx->enlistment, enlistment, sizeof(*enlistment)))
			return tx;
	}
	return NULL;
}

/**
 * sample_tx_apply - a transaction is committed: everybody sees what it has written
 * @tx: it, which keeps its locks
 */
void sample_tx_apply(struct sample_tx *tx)
{
	struct sample_entry *e;

	list_for_each_entry(e, &tx->entries, owned)
		e->committed = e->pending;
}

/**
 * sample_tx_release - a transaction gives up its locks, and what it has written
 * @s: the store
 * @tx: it
 */
void sample_tx_release(struct sample_store *s, struct sample_tx *tx)
{
	struct sample_entry *e, *next;

	list_for_each_entry_safe(e, next, &tx->entries, owned) {
		list_del(&e->owned);
		e->owner = NULL;
		drop_unused(s, e);
	}
	tx->count = 0;
}

/**
 * sample_tx_end - the same, and it is forgotten
 * @s: the store
 * @tx: it
 */
void sample_tx_end(struct sample_store *s, struct sample_tx *tx)
{
	sample_tx_release(s, tx);
	list_del(&tx->link);
	kfree(tx);
}
