// SPDX-License-Identifier: GPL-2.0
/*
 * What one user may pin: objects, and bytes of each log, per user and user namespace.
 *
 * inc_ucount() is not exported to modules, so this table does its work: an
 * entry per (kuid, user namespace), and its parent is the entry of the
 * namespace's owner in the namespace above or, of one that root made, that of all who live
 * there. A charge goes up the whole chain. Who pays stays charged
 * until the object goes, wherever its descriptors are passed.
 *
 * Bytes are counted for each log by itself, in an entry per (kuid, user namespace, log): who
 * has much in a large log must not be refused by a small one.
 */
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "quota.h"

static unsigned int max_objects = 65536;
module_param(max_objects, uint, 0644);
MODULE_PARM_DESC(max_objects, "objects that one user may have at a time");

static unsigned int max_log_share = 50;
module_param(max_log_share, uint, 0644);
MODULE_PARM_DESC(max_log_share, "percent of what all can have of a log that one user may have");

/*
 * @log: whose bytes are counted, never looked into; NULL: where objects are counted.
 * @uid: INVALID_UID: all of @ns together
 */
struct ktm_user_key {
	struct user_namespace *ns;
	const void *log;
	kuid_t uid;
};

/*
 * @ref: one per object charged, per ktm_user_of_log() and per child; the entry goes with the
 *	last.
 * @parent: set when made, owns a reference.
 */
struct ktm_user {
	struct rhash_head node;
	struct ktm_user_key key;
	struct ktm_user *parent;
	refcount_t ref;
	atomic_t objects;
	atomic64_t ring_bytes;
	atomic64_t area_bytes;
	struct rcu_head rcu;
};

static u32 user_hash(const void *data, u32 len, u32 seed)
{
	const struct ktm_user_key *key = data;

	return jhash_3words((u32)((unsigned long)key->ns >> 4), (u32)((unsigned long)key->log >> 4),
			    __kuid_val(key->uid), seed);
}

static u32 user_obj_hash(const void *obj, u32 len, u32 seed)
{
	const struct ktm_user *user = obj;

	return user_hash(&user->key, len, seed);
}

static int user_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct ktm_user_key *key = arg->key;
	const struct ktm_user *user = obj;

	return user->key.ns != key->ns || user->key.log != key->log ||
	       !uid_eq(user->key.uid, key->uid);
}

static const struct rhashtable_params user_params = {
	.head_offset	= offsetof(struct ktm_user, node),
	.key_len	= sizeof(struct ktm_user_key),
	.hashfn		= user_hash,
	.obj_hashfn	= user_obj_hash,
	.obj_cmpfn	= user_cmp,
	.automatic_shrinking = true,
};

static struct rhashtable users;

static void user_put(struct ktm_user *user)
{
	while (user && refcount_dec_and_test(&user->ref)) {
		struct ktm_user *parent = user->parent;

		rhashtable_remove_fast(&users, &user->node, user_params);
		put_user_ns(user->key.ns);
		kfree_rcu(user, rcu);
		user = parent;
	}
}

static struct ktm_user *user_find(const struct ktm_user_key *key)
{
	struct ktm_user *user;

	rcu_read_lock();
	user = rhashtable_lookup(&users, key, user_params);
	if (user && !refcount_inc_not_zero(&user->ref))
		user = NULL;
	rcu_read_unlock();
	return user;
}

static struct ktm_user *user_get(struct user_namespace *ns, kuid_t uid, const void *log,
				 gfp_t gfp);

/*
 * Who is charged with an entry: the owner of the namespace, so that making namespaces makes no
 * room. Root would need none to have it: those who live in one of his are one user of their own
 * together, and he must not find them on his account.
 */
static struct ktm_user *parent_get(struct user_namespace *ns, kuid_t uid, const void *log,
				   gfp_t gfp)
{
	if (!ns->parent || !uid_valid(uid))
		return NULL;
	if (ns->parent == &init_user_ns && uid_eq(ns->owner, GLOBAL_ROOT_UID))
		return user_get(ns, INVALID_UID, log, gfp);
	/* The depth of namespaces is bounded at 32. */
	return user_get(ns->parent, ns->owner, log, gfp);
}

/* A reference to the entry, made if need be with its chain, top first. */
static struct ktm_user *user_get(struct user_namespace *ns, kuid_t uid, const void *log, gfp_t gfp)
{
	const struct ktm_user_key key = { .ns = ns, .log = log, .uid = uid };
	struct ktm_user *user, *parent;
	int err;

	user = user_find(&key);
	if (user)
		return user;
	parent = parent_get(ns, uid, log, gfp);
	if (IS_ERR(parent))
		return parent;
	user = kzalloc(sizeof(*user), gfp);
	if (!user) {
		err = -ENOMEM;
		goto put;
	}
	user->key = key;
	get_user_ns(ns);
	user->parent = parent;
	refcount_set(&user->ref, 1);
	for (;;) {
		struct ktm_user *other;

		err = rhashtable_lookup_insert_key(&users, &key, &user->node, user_params);
		if (!err)
			return user;
		if (err != -EEXIST)
			break;
		/* Somebody else was quicker, or is just leaving. */
		other = user_find(&key);
		if (other) {
			put_user_ns(ns);
			kfree(user);
			user_put(parent);
			return other;
		}
		schedule_timeout_uninterruptible(1);
	}
	put_user_ns(ns);
	kfree(user);
put:
	user_put(parent);
	return ERR_PTR(err == -EBUSY || err == -E2BIG ? -ENOMEM : err);
}

static void uncharge_chain(struct ktm_user *user, const struct ktm_user *end)
{
	for (; user != end; user = user->parent)
		atomic_dec(&user->objects);
}

/**
 * ktm_user_charge - charge one object
 * @payer: to whom, who was charged another one; NULL: the caller
 *
 * May sleep.
 *
 * Return: who was charged, to be given back with ktm_user_uncharge(); or
 * ERR_PTR(-EDQUOT) if the limit is reached, ERR_PTR(-ENOMEM).
 */
struct ktm_user *ktm_user_charge(const struct ktm_user *payer)
{
	struct user_namespace *ns = payer ? payer->key.ns : current_user_ns();
	struct ktm_user *user = user_get(ns, payer ? payer->key.uid : current_fsuid(), NULL,
					 GFP_KERNEL_ACCOUNT);
	unsigned int limit = READ_ONCE(max_objects);
	struct ktm_user *u;

	if (IS_ERR(user))
		return user;
	for (u = user; u; u = u->parent) {
		if ((unsigned int)atomic_inc_return(&u->objects) > limit) {
			uncharge_chain(user, u->parent);
			user_put(user);
			return ERR_PTR(-EDQUOT);
		}
	}
	return user;
}

/**
 * ktm_user_charge_owner - charge what recovery rebuilds; never refused
 * @uid: owner, as the log says
 *
 * May sleep.
 *
 * Return: who was charged, or ERR_PTR(-ENOMEM).
 */
struct ktm_user *ktm_user_charge_owner(kuid_t uid)
{
	struct ktm_user *user = user_get(&init_user_ns, uid, NULL, GFP_KERNEL_ACCOUNT);

	if (!IS_ERR(user))
		atomic_inc(&user->objects);
	return user;
}

/**
 * ktm_user_uncharge - one object less
 * @user: from ktm_user_charge() or ktm_user_charge_owner()
 *
 * Does not sleep.
 */
void ktm_user_uncharge(struct ktm_user *user)
{
	uncharge_chain(user, NULL);
	user_put(user);
}

/**
 * ktm_user_of_log - where bytes of a log are counted for somebody
 * @user: who was charged an object
 * @log: the log
 *
 * May sleep.
 *
 * Return: to be charged bytes, and to be put; or ERR_PTR(-ENOMEM).
 */
struct ktm_user *ktm_user_of_log(const struct ktm_user *user, const void *log)
{
	return user_get(user->key.ns, user->key.uid, log, GFP_KERNEL_ACCOUNT);
}

/**
 * ktm_user_of_log_nofail - the same for what recovery rebuilds
 * @user: who was charged an object
 * @log: the log
 *
 * Sleeps until there is memory: the machine's, not that of a cgroup that may have none for good.
 *
 * Return: to be charged bytes, and to be put.
 */
struct ktm_user *ktm_user_of_log_nofail(const struct ktm_user *user, const void *log)
{
	struct ktm_user *of_log;

	/* What else may fail is a table that has just no room. */
	while (IS_ERR(of_log = user_get(user->key.ns, user->key.uid, log,
					GFP_KERNEL_ACCOUNT | __GFP_NOFAIL)))
		msleep(20);
	return of_log;
}

/**
 * ktm_user_put - undo ktm_user_of_log()
 * @user: from there, charged no more; NULL is allowed
 *
 * Does not sleep.
 */
void ktm_user_put(struct ktm_user *user)
{
	user_put(user);
}

static void uncharge_log_chain(struct ktm_user *user, const struct ktm_user *end,
			       struct ktm_log_bytes bytes)
{
	for (; user != end; user = user->parent) {
		atomic64_sub(bytes.ring, &user->ring_bytes);
		atomic64_sub(bytes.area, &user->area_bytes);
	}
}

static u64 share(u64 bytes)
{
	return div_u64(bytes, 100) * min(READ_ONCE(max_log_share), 100u);
}

/* What is refused is not there for a moment either: others of the user would be refused for it. */
static bool add_within(atomic64_t *sum, u64 bytes, u64 most)
{
	s64 had = atomic64_read(sum);

	do {
		if (had + bytes > most)
			return false;
	} while (!atomic64_try_cmpxchg(sum, &had, had + bytes));
	return true;
}

/**
 * ktm_user_charge_log - charge bytes of a log
 * @user: from ktm_user_of_log()
 * @bytes: what may have to be written or kept, and what that takes of a restart area
 * @all: what there is of the log to be shared, NULL: never refuse
 *
 * Held against the user's share of what all users together can have of its ring, and, as that
 * is a much smaller part of the device, of what its restart areas can hold. Does not sleep.
 *
 * Return: 0 or -EDQUOT.
 */
int ktm_user_charge_log(struct ktm_user *user, struct ktm_log_bytes bytes,
			const struct ktm_log_bytes *all)
{
	const u64 ring = all ? share(all->ring) : U64_MAX;
	const u64 area = all ? share(all->area) : U64_MAX;
	struct ktm_user *u;

	for (u = user; u; u = u->parent) {
		if (!add_within(&u->ring_bytes, bytes.ring, ring))
			goto undo;
		if (!add_within(&u->area_bytes, bytes.area, area)) {
			atomic64_sub(bytes.ring, &u->ring_bytes);
			goto undo;
		}
	}
	return 0;
undo:
	uncharge_log_chain(user, u, bytes);
	return -EDQUOT;
}

/**
 * ktm_user_uncharge_log - undo ktm_user_charge_log()
 * @user: who was charged; NULL, who was charged nothing, is allowed
 * @bytes: how much
 *
 * Does not sleep.
 */
void ktm_user_uncharge_log(struct ktm_user *user, struct ktm_log_bytes bytes)
{
	uncharge_log_chain(user, NULL, bytes);
}

int ktm_quota_init(void)
{
	return rhashtable_init(&users, &user_params);
}

void ktm_quota_exit(void)
{
	/* All objects have gone; who is charged all the same is so until the next boot. */
	WARN_ON_ONCE(atomic_read(&users.nelems));
	rhashtable_destroy(&users);
}
