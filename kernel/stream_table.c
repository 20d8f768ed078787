// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams by name, and by the id that the log has for them.
 *
 * Anybody who has a TM open may ask for a name, as often as he likes, and a TM may have
 * tens of thousands of streams: who asks must hold up nobody, so he walks nothing and
 * takes no lock. A stream is in both tables from just before its making is logged until
 * it is deleted, lost or let go of; it is found from when it is in its TM's list on.
 */
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>

#include "stream.h"

struct name_key {
	const struct ktm_tm *tm;
	const u8 *name;
	u32 length;
};

struct id_key {
	const struct ktm_tm *tm;
	u64 id;
};

static struct rhashtable by_name, by_id;

static u32 hash_name(const struct ktm_tm *tm, const u8 *name, u32 length, u32 seed)
{
	return jhash(name, length, seed ^ hash32_ptr(tm));
}

static u32 name_key_hash(const void *data, u32 len, u32 seed)
{
	const struct name_key *key = data;

	return hash_name(key->tm, key->name, key->length, seed);
}

static u32 name_hash(const void *data, u32 len, u32 seed)
{
	const struct ktm_stream *s = data;

	return hash_name(s->tm, s->name, s->name_length, seed);
}

static int name_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct name_key *key = arg->key;
	const struct ktm_stream *s = data;

	return s->tm != key->tm || s->name_length != key->length ||
	       memcmp(s->name, key->name, key->length);
}

static u32 hash_id(const struct ktm_tm *tm, u64 id, u32 seed)
{
	return jhash(&id, sizeof(id), seed ^ hash32_ptr(tm));
}

static u32 id_key_hash(const void *data, u32 len, u32 seed)
{
	const struct id_key *key = data;

	return hash_id(key->tm, key->id, seed);
}

static u32 id_hash(const void *data, u32 len, u32 seed)
{
	const struct ktm_stream *s = data;

	return hash_id(s->tm, s->id, seed);
}

static int id_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct id_key *key = arg->key;
	const struct ktm_stream *s = data;

	return s->tm != key->tm || s->id != key->id;
}

static const struct rhashtable_params name_params = {
	.head_offset	= offsetof(struct ktm_stream, name_node),
	.key_len	= sizeof(struct name_key),
	.hashfn		= name_key_hash,
	.obj_hashfn	= name_hash,
	.obj_cmpfn	= name_cmp,
	.automatic_shrinking = true,
};

static const struct rhashtable_params id_params = {
	.head_offset	= offsetof(struct ktm_stream, id_node),
	.key_len	= sizeof(struct id_key),
	.hashfn		= id_key_hash,
	.obj_hashfn	= id_hash,
	.obj_cmpfn	= id_cmp,
	.automatic_shrinking = true,
};

/* The tables' own locks are the innermost ones: below none of our spinlocks. */
static void assert_order(const struct ktm_stream *s)
{
	lockdep_assert_not_held(&s->tm->list_lock);
	/* Or the TM is going, and nobody has it any more. */
	lockdep_assert(lockdep_is_held(&s->tm->lock) || !atomic64_read(&s->tm->users));
}

static int take_name(struct ktm_stream *s)
{
	const struct name_key key = { s->tm, s->name, s->name_length };

	return rhashtable_lookup_insert_key(&by_name, &key, &s->name_node, name_params);
}

static int take_id(struct ktm_stream *s)
{
	const struct id_key key = { s->tm, s->id };

	return rhashtable_lookup_insert_key(&by_id, &key, &s->id_node, id_params);
}

static int no_memory(int err)
{
	return err == -EBUSY || err == -E2BIG ? -ENOMEM : err;
}

/**
 * ktm_stream_enter_tables - a new stream takes its name, and is given an id
 * @s: the stream; its TM's mutex is held
 *
 * Nobody finds it yet. An id is not used again, for records of one that was deleted may lie
 * in the log still: out of 63 bits one that is drawn is a new one.
 *
 * Return: 0, -EEXIST if a stream of the TM has that name, -ENOMEM.
 */
int ktm_stream_enter_tables(struct ktm_stream *s)
{
	int err;

	assert_order(s);
	err = take_name(s);
	if (err)
		return no_memory(err);
	do {
		do {
			s->id = get_random_u64() >> 1;
		} while (!s->id);
		err = take_id(s);
	} while (err == -EEXIST);
	if (err)
		rhashtable_remove_fast(&by_name, &s->name_node, name_params);
	return no_memory(err);
}

/**
 * ktm_stream_enter_tables_nofail - the same for one that the log knows
 * @s: the stream, of a name and an id that the TM does not have; its mutex is held
 *
 * Sleeps until there is memory.
 */
void ktm_stream_enter_tables_nofail(struct ktm_stream *s)
{
	int err;

	assert_order(s);
	while ((err = no_memory(take_name(s))) == -ENOMEM)
		msleep(20);
	WARN_ON_ONCE(err);
	while ((err = no_memory(take_id(s))) == -ENOMEM)
		msleep(20);
	WARN_ON_ONCE(err);
}

/**
 * ktm_stream_leave_tables - another may have its name
 * @s: the stream, in the tables; its TM's mutex is held, or nobody has the TM any more
 */
void ktm_stream_leave_tables(struct ktm_stream *s)
{
	assert_order(s);
	WARN_ON_ONCE(rhashtable_remove_fast(&by_name, &s->name_node, name_params));
	WARN_ON_ONCE(rhashtable_remove_fast(&by_id, &s->id_node, id_params));
}

/**
 * ktm_stream_find_name - a stream of a TM by its name
 * @tm: the TM
 * @name: the name
 * @length: its bytes
 *
 * Does not sleep.
 *
 * Return: the stream with a reference, or NULL.
 */
struct ktm_stream *ktm_stream_find_name(struct ktm_tm *tm, const u8 *name, u32 length)
{
	const struct name_key key = { tm, name, length };
	struct ktm_stream *s;

	rcu_read_lock();
	s = rhashtable_lookup(&by_name, &key, name_params);
	if (s && (!ktm_stream_is_made(s) || !kref_get_unless_zero(&s->obj.ref)))
		s = NULL;
	rcu_read_unlock();
	return s;
}

/**
 * ktm_stream_find_guid - a stream of a TM by its GUID
 * @tm: the TM
 * @guid: of the stream
 *
 * Does not sleep.
 *
 * Return: the stream with a reference, or NULL.
 */
struct ktm_stream *ktm_stream_find_guid(struct ktm_tm *tm, const struct ktm_guid *guid)
{
	struct ktm_object *obj = ktm_object_find(KTM_KIND_STREAM, tm, guid);

	if (!obj)
		return NULL;
	if (ktm_stream_is_made(ktm_stream_of(obj)))
		return ktm_stream_of(obj);
	ktm_object_put(obj);
	return NULL;
}

/** ktm_stream_tables_init() - once, when the module is loaded */
int ktm_stream_tables_init(void)
{
	int err = rhashtable_init(&by_name, &name_params);

	if (err)
		return err;
	err = rhashtable_init(&by_id, &id_params);
	if (err)
		rhashtable_destroy(&by_name);
	return err;
}

/** ktm_stream_tables_exit() - once, when no stream is left */
void ktm_stream_tables_exit(void)
{
	rhashtable_destroy(&by_id);
	rhashtable_destroy(&by_name);
}
