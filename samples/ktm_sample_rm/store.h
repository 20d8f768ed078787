/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store in memory: keys, and who has written them. Callers hold the lock of what it is in
 * (struct sample_rm).
 */
#ifndef KTM_SAMPLE_STORE_H
#define KTM_SAMPLE_STORE_H

#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/ktm.h>

#include "ktm_sample_rm.h"

/**
 * struct sample_value - a value, or that there is none
 * @there: or the key does not exist
 * @length: bytes of @data
 * @data: it
 */
struct sample_value {
	bool there;
	u32 length;
	u8 data[KTM_SAMPLE_MAX_VALUE];
};

/**
 * struct sample_entry - a key
 * @link: in struct sample_store
 * @owned: in @owner
 * @owner: the unfinished transaction that has written it, or NULL
 * @committed: what everybody sees
 * @pending: what @owner sees
 * @key_length: bytes of @key
 * @key: it
 *
 * Both values are in it, so that what was prepared commits without any allocation.
 */
struct sample_entry {
	struct list_head link;
	struct list_head owned;
	struct sample_tx *owner;
	struct sample_value committed;
	struct sample_value pending;
	u32 key_length;
	u8 key[KTM_SAMPLE_MAX_KEY];
};

/**
 * enum sample_tx_state - how far a transaction is
 * @SAMPLE_ACTIVE: it may write
 * @SAMPLE_PREPARED: its redo is in the stream, or about to be
 * @SAMPLE_FOUND: its redo was found in the stream, and no commit record
 * @SAMPLE_DONE: both were: it is committed, but the TM may not know that this is over
 */
enum sample_tx_state { SAMPLE_ACTIVE, SAMPLE_PREPARED, SAMPLE_FOUND, SAMPLE_DONE };

/**
 * struct sample_tx - an unfinished transaction
 * @link: in struct sample_store
 * @entries: what it has written
 * @count: how many
 * @state: how far it is
 * @asked: FOUND, DONE: the TM has asked for it, so the outcome follows
 * @uow: which transaction; not known of what was found
 * @enlistment: ours in it
 */
struct sample_tx {
	struct list_head link;
	struct list_head entries;
	u32 count;
	enum sample_tx_state state;
	bool asked;
	struct ktm_guid uow;
	struct ktm_guid enlistment;
};

/**
 * struct sample_store - all of them
 * @entries: struct sample_entry; a list, for there are at most KTM_SAMPLE_MAX_KEYS
 * @txs: struct sample_tx; each of which owns a key, but those that are DONE
 * @count: of @entries
 */
struct sample_store {
	struct list_head entries;
	struct list_head txs;
	u32 count;
};

void sample_store_init(struct sample_store *s);
void sample_store_clear(struct sample_store *s);
int sample_compare(const struct sample_entry *e, const void *key, u32 length);
struct sample_entry *sample_find(struct sample_store *s, const void *key, u32 length);
int sample_set(struct sample_store *s, const void *key, u32 key_length,
	       const struct sample_value *value);
struct sample_entry *sample_claim(struct sample_store *s, struct sample_tx *tx, const void *key,
				  u32 length);

struct sample_tx *sample_tx_new(struct sample_store *s);
struct sample_tx *sample_tx_of(struct sample_store *s, const struct ktm_guid *uow);
struct sample_tx *sample_tx_by(struct sample_store *s, const struct ktm_guid *enlistment);
void sample_tx_apply(struct sample_tx *tx);
void sample_tx_release(struct sample_store *s, struct sample_tx *tx);
void sample_tx_end(struct sample_store *s, struct sample_tx *tx);

#endif /* KTM_SAMPLE_STORE_H */
