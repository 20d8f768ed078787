// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: tables by GUID, owner and mode, enumeration.
 */
#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/mm.h>
#include <linux/rhashtable.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/stat.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>

#include "object.h"
#include "quota.h"
#include "status.h"

#define KTM_ENUM_MAX	4096

struct object_key {
	const void *scope;
	const struct ktm_guid *guid;
};

static const struct ktm_kind_ops *const kinds[] = {
	[KTM_KIND_TM] = &ktm_tm_ops,
	[KTM_KIND_RM] = &ktm_rm_ops,
	[KTM_KIND_TX] = &ktm_tx_ops,
	[KTM_KIND_EN] = &ktm_en_ops,
	[KTM_KIND_STREAM] = &ktm_stream_ops,
};

const struct ktm_kind_ops *ktm_kind(u8 kind)
{
	return kinds[kind];
}

static struct rhashtable tables[ARRAY_SIZE(kinds)];

static u32 object_hash(const void *data, u32 len, u32 seed)
{
	const struct object_key *key = data;

	return jhash(key->guid, sizeof(*key->guid), seed ^ hash32_ptr(key->scope));
}

static u32 object_obj_hash(const void *data, u32 len, u32 seed)
{
	const struct ktm_object *obj = data;

	return jhash(&obj->guid, sizeof(obj->guid), seed ^ hash32_ptr(obj->scope));
}

static int object_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct object_key *key = arg->key;
	const struct ktm_object *obj = data;

	return obj->scope != key->scope || !ktm_guid_eq(&obj->guid, key->guid);
}

static const struct rhashtable_params object_params = {
	.head_offset	= offsetof(struct ktm_object, node),
	.key_len	= sizeof(struct object_key),
	.hashfn		= object_hash,
	.obj_hashfn	= object_obj_hash,
	.obj_cmpfn	= object_cmp,
	.automatic_shrinking = true,
};

static void object_setup(struct ktm_object *obj, u8 kind, const void *scope,
			 const struct ktm_guid *guid, u32 mode)
{
	kref_init(&obj->ref);
	obj->ops = kinds[kind];
	obj->kind = kind;
	obj->scope = scope;
	obj->mode = mode ? mode : 0600;
	if (guid && !ktm_guid_is_nil(guid))
		obj->guid = *guid;
	else
		generate_random_uuid(obj->guid.b);
}

/**
 * ktm_object_init_paid - begin an object that the caller makes
 * @obj: zeroed memory, the first member of the object's own struct
 * @kind: enum ktm_object_kind
 * @scope: TM of an RM or a stream, RM of an enlistment, else NULL
 * @guid: wanted GUID, nil or NULL to draw one
 * @mode: permission bits, 0 for 0600
 * @payer: who is charged for it, with what he has made; NULL: the caller
 *
 * May sleep. On success the caller has the only reference.
 *
 * Return: enum ktm_status.
 */
u32 ktm_object_init_paid(struct ktm_object *obj, u8 kind, const void *scope,
			 const struct ktm_guid *guid, u32 mode, const struct ktm_object *payer)
{
	if (mode & ~0777u)
		return KTM_STATUS_INVALID_PARAMETER;
	obj->user = ktm_user_charge(payer ? payer->user : NULL);
	if (IS_ERR(obj->user))
		return ktm_status_from_errno(PTR_ERR(obj->user));
	object_setup(obj, kind, scope, guid, mode);
	obj->uid = current_fsuid();
	obj->gid = current_fsgid();
	obj->unbounded = ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_object_loggable - can an object that was logged say this of itself?
 * @guid: its GUID
 * @mode: permission bits
 * @uid: owner, in the initial user namespace
 * @gid: group
 */
bool ktm_object_loggable(const struct ktm_guid *guid, u32 mode, u32 uid, u32 gid)
{
	/* The initial namespace maps each id to itself; a log has millions of them. */
	return uid_valid(KUIDT_INIT(uid)) && gid_valid(KGIDT_INIT(gid)) && !(mode & ~0777u) &&
	       !ktm_guid_is_nil(guid);
}

/**
 * ktm_object_init_recovered - begin an object that the log knows
 * @obj: zeroed memory
 * @kind: enum ktm_object_kind
 * @scope: TM of an RM or a stream, RM of an enlistment, else NULL
 * @guid: its GUID
 * @mode: permission bits as logged
 * @uid: owner as logged, in the initial user namespace
 * @gid: group as logged, in the initial user namespace
 *
 * May sleep.
 *
 * Return: enum ktm_status; LOG_CORRUPTION_DETECTED for values that no logged
 * object can have.
 */
u32 ktm_object_init_recovered(struct ktm_object *obj, u8 kind, const void *scope,
			      const struct ktm_guid *guid, u32 mode, u32 uid, u32 gid)
{
	if (!ktm_object_loggable(guid, mode, uid, gid))
		return KTM_STATUS_LOG_CORRUPTION_DETECTED;
	obj->uid = make_kuid(&init_user_ns, uid);
	obj->gid = make_kgid(&init_user_ns, gid);
	obj->user = ktm_user_charge_owner(obj->uid);
	if (IS_ERR(obj->user))
		return ktm_status_from_errno(PTR_ERR(obj->user));
	object_setup(obj, kind, scope, guid, mode);
	return KTM_STATUS_SUCCESS;
}

/* The last reference is gone. */
void ktm_object_release(struct kref *ref)
{
	struct ktm_object *obj = container_of(ref, struct ktm_object, ref);

	ktm_user_uncharge(obj->user);
	obj->ops->free(obj);
}

/**
 * ktm_object_publish - let others find an object by its GUID
 * @obj: the object; the table takes a reference of its own
 *
 * May sleep.
 *
 * Return: 0, -EEXIST if there is one of that GUID, -ENOMEM.
 */
int ktm_object_publish(struct ktm_object *obj)
{
	const struct object_key key = { .scope = obj->scope, .guid = &obj->guid };
	int err;

	ktm_object_get(obj);
	err = rhashtable_lookup_insert_key(&tables[obj->kind], &key, &obj->node, object_params);
	if (err)
		ktm_object_put(obj);
	return err == -EBUSY || err == -E2BIG ? -ENOMEM : err;
}

/**
 * ktm_object_publish_nofail - the same for what the log knows
 * @obj: the object
 *
 * Sleeps until there is memory.
 *
 * Return: 0, or -EEXIST if there is one of that GUID.
 */
int ktm_object_publish_nofail(struct ktm_object *obj)
{
	int err;

	while ((err = ktm_object_publish(obj)) == -ENOMEM)
		msleep(20);
	return err;
}

/**
 * ktm_object_unpublish - nobody shall find it by its GUID any more
 * @obj: the object; the caller has a reference and calls this once
 */
void ktm_object_unpublish(struct ktm_object *obj)
{
	if (!rhashtable_remove_fast(&tables[obj->kind], &obj->node, object_params))
		ktm_object_put(obj);
}

/**
 * ktm_object_find - look an object up
 * @kind: enum ktm_object_kind
 * @scope: TM of an RM or a stream, RM of an enlistment, else NULL
 * @guid: its GUID
 *
 * Does not sleep.
 *
 * Return: the object with a reference, or NULL.
 */
struct ktm_object *ktm_object_find(u8 kind, const void *scope, const struct ktm_guid *guid)
{
	const struct object_key key = { .scope = scope, .guid = guid };
	struct ktm_object *obj;

	rcu_read_lock();
	obj = rhashtable_lookup(&tables[kind], &key, object_params);
	if (obj && !kref_get_unless_zero(&obj->ref))
		obj = NULL;
	rcu_read_unlock();
	return obj;
}

/* Nearly never written. */
static DEFINE_SEQLOCK(guid_lock);

/**
 * ktm_object_guid - the GUID of an object that may be renamed
 * @obj: the object
 */
struct ktm_guid ktm_object_guid(const struct ktm_object *obj)
{
	struct ktm_guid guid;
	unsigned int seq;

	do {
		seq = read_seqbegin(&guid_lock);
		guid = obj->guid;
	} while (read_seqretry(&guid_lock, seq));
	return guid;
}

/**
 * ktm_object_reserve - keep a GUID for an object that is to be renamed
 * @obj: the object
 * @guid: wanted GUID
 *
 * Nobody else can take it, and nobody finds anything there. May sleep.
 *
 * Return: for ktm_object_rename() or ktm_object_unreserve(), or an ERR_PTR: -EEXIST, -ENOMEM.
 */
struct ktm_object *ktm_object_reserve(const struct ktm_object *obj, const struct ktm_guid *guid)
{
	const struct object_key key = { .scope = obj->scope, .guid = guid };
	/* Without a reference it is as good as gone to all who look. */
	struct ktm_object *place = kzalloc(sizeof(*place), GFP_KERNEL_ACCOUNT);
	int err;

	if (!place)
		return ERR_PTR(-ENOMEM);
	place->ops = obj->ops;
	place->kind = obj->kind;
	place->scope = obj->scope;
	place->guid = *guid;
	err = rhashtable_lookup_insert_key(&tables[obj->kind], &key, &place->node, object_params);
	if (!err)
		return place;
	kfree(place);
	return ERR_PTR(err == -EBUSY || err == -E2BIG ? -ENOMEM : err);
}

/**
 * ktm_object_unreserve - the GUID is not needed
 * @place: from ktm_object_reserve()
 *
 * Sleeps.
 */
void ktm_object_unreserve(struct ktm_object *place)
{
	rhashtable_remove_fast(&tables[place->kind], &place->node, object_params);
	synchronize_rcu();
	kfree(place);
}

/**
 * ktm_object_rename - an object gets another GUID
 * @obj: the object, published; for a moment nobody finds it
 * @place: from ktm_object_reserve(); used up
 *
 * Sleeps. Cannot fail.
 */
void ktm_object_rename(struct ktm_object *obj, struct ktm_object *place)
{
	struct rhashtable *table = &tables[obj->kind];

	/* Who still sees it in the table must not see its GUID change. */
	WARN_ON_ONCE(rhashtable_remove_fast(table, &obj->node, object_params));
	synchronize_rcu();
	write_seqlock(&guid_lock);
	obj->guid = place->guid;
	write_sequnlock(&guid_lock);
	WARN_ON_ONCE(rhashtable_replace_fast(table, &place->node, &obj->node, object_params));
	synchronize_rcu();
	kfree(place);
}

static u32 object_allowed(const struct ktm_object *obj)
{
	umode_t bits = obj->mode;
	u32 rights = 0;

	/* Who lists a thousand objects of others has not tried to override a thousand times. */
	if (ns_capable_noaudit(&init_user_ns, CAP_DAC_OVERRIDE))
		return obj->ops->all_access;
	if (uid_eq(current_fsuid(), obj->uid))
		bits >>= 6;
	else if (in_group_p(obj->gid))
		bits >>= 3;
	if (bits & 4)
		rights |= obj->ops->r;
	if (bits & 2)
		rights |= obj->ops->w;
	if (bits & 1)
		rights |= obj->ops->x;
	return rights;
}

/**
 * ktm_object_grant - may the caller open an object?
 * @obj: the object
 * @access: wanted rights, or KTM_MAXIMUM_ALLOWED
 * @granted: out: the rights
 *
 * Return: SUCCESS; INVALID_PARAMETER for no rights or unknown ones;
 * ACCESS_DENIED if owner and mode do not grant all that is wanted.
 */
u32 ktm_object_grant(const struct ktm_object *obj, u32 access, u32 *granted)
{
	u32 allowed;

	if (access != KTM_MAXIMUM_ALLOWED && (!access || access & ~obj->ops->all_access))
		return KTM_STATUS_INVALID_PARAMETER;
	allowed = object_allowed(obj);
	if (access == KTM_MAXIMUM_ALLOWED)
		access = allowed;
	if (!access || access & ~allowed)
		return KTM_STATUS_ACCESS_DENIED;
	*granted = access;
	return KTM_STATUS_SUCCESS;
}

/* The @max smallest GUIDs behind a cursor, found in one pass; a heap, largest on top. */
struct smallest {
	struct ktm_guid *guids;
	u32 n, max;
};

static void sift_down(struct smallest *s)
{
	u32 i = 0;

	for (;;) {
		u32 big = 2 * i + 1;

		if (big >= s->n)
			return;
		if (big + 1 < s->n &&
		    memcmp(&s->guids[big + 1], &s->guids[big], sizeof(*s->guids)) > 0)
			big++;
		if (memcmp(&s->guids[big], &s->guids[i], sizeof(*s->guids)) <= 0)
			return;
		swap(s->guids[big], s->guids[i]);
		i = big;
	}
}

static void smallest_add(struct smallest *s, const struct ktm_guid *guid)
{
	u32 i;

	if (s->n == s->max) {
		if (memcmp(guid, &s->guids[0], sizeof(*guid)) >= 0)
			return;
		s->guids[0] = *guid;
		sift_down(s);
		return;
	}
	i = s->n++;
	s->guids[i] = *guid;
	while (i && memcmp(&s->guids[i], &s->guids[(i - 1) / 2], sizeof(*guid)) > 0) {
		swap(s->guids[i], s->guids[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static int guid_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ktm_guid));
}

/* One pass over a table; -EAGAIN: it was resized meanwhile, look again. */
static int walk_once(struct rhashtable *table, const struct ktm_guid *cursor, struct smallest *s,
		     bool (*wanted)(const struct ktm_object *obj, const void *ctx), const void *ctx)
{
	struct rhashtable_iter iter;
	struct ktm_object *obj;
	int err = 0;

	s->n = 0;
	rhashtable_walk_enter(table, &iter);
	rhashtable_walk_start(&iter);
	while ((obj = rhashtable_walk_next(&iter))) {
		if (IS_ERR(obj)) {
			err = PTR_ERR(obj);
			break;
		}
		if (memcmp(&obj->guid, cursor, sizeof(*cursor)) <= 0)
			continue;
		/* A GUID that is only reserved. */
		if (!kref_read(&obj->ref))
			continue;
		if (wanted(obj, ctx) && object_allowed(obj))
			smallest_add(s, &obj->guid);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return err;
}

/**
 * ktm_object_enumerate - list what the caller could open
 * @kind: enum ktm_object_kind
 * @arg: the request; @count, @cursor are updated, GUIDs written
 * @wanted: does this one belong to the list? Called under RCU
 * @ctx: for @wanted
 *
 * May sleep.
 *
 * Return: enum ktm_status.
 */
u32 ktm_object_enumerate(u8 kind, struct ktm_listing *arg,
			 bool (*wanted)(const struct ktm_object *obj, const void *ctx),
			 const void *ctx)
{
	struct smallest s = { .max = arg->count };
	u32 status = KTM_STATUS_SUCCESS;
	int err;

	if (!arg->count || arg->count > KTM_ENUM_MAX)
		return KTM_STATUS_INVALID_PARAMETER;
	s.guids = kvmalloc_array(s.max, sizeof(*s.guids), GFP_KERNEL_ACCOUNT);
	if (!s.guids)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	do {
		err = walk_once(&tables[kind], &arg->cursor, &s, wanted, ctx);
		if (fatal_signal_pending(current)) {
			status = KTM_STATUS_INTERRUPTED;
			goto out;
		}
		cond_resched();
	} while (err == -EAGAIN);
	sort(s.guids, s.n, sizeof(*s.guids), guid_order, NULL);
	if (copy_to_sockptr(arg->guids, s.guids, s.n * sizeof(*s.guids))) {
		status = KTM_STATUS_FAULT;
		goto out;
	}
	arg->count = s.n;
	if (s.n)
		arg->cursor = s.guids[s.n - 1];
	else
		status = KTM_STATUS_NO_MORE_ENTRIES;
out:
	kvfree(s.guids);
	return status;
}

int ktm_objects_init(void)
{
	int i, err;

	for (i = KTM_KIND_TM; i < ARRAY_SIZE(tables); i++) {
		err = rhashtable_init(&tables[i], &object_params);
		if (err)
			goto undo;
	}
	return 0;
undo:
	while (--i >= KTM_KIND_TM)
		rhashtable_destroy(&tables[i]);
	return err;
}

void ktm_objects_exit(void)
{
	int i;

	for (i = KTM_KIND_TM; i < ARRAY_SIZE(tables); i++)
		rhashtable_destroy(&tables[i]);
}
