// SPDX-License-Identifier: GPL-2.0
/*
 * An RM's enlistments by the keys that it gave them. A tree, because keys need not
 * be different, and because entering it must not need memory: what recovery finds
 * and what EN_RECOVER renames cannot be refused.
 */
#include <linux/rbtree.h>

#include "enlistment.h"
#include "rm.h"

static struct ktm_enlistment *en_of_node(const struct rb_node *node)
{
	return rb_entry(node, struct ktm_enlistment, key_node);
}

static bool key_less(struct rb_node *a, const struct rb_node *b)
{
	return en_of_node(a)->key < en_of_node(b)->key;
}

static int key_cmp(const void *key, const struct rb_node *node)
{
	const u64 a = *(const u64 *)key, b = en_of_node(node)->key;

	return a < b ? -1 : a > b;
}

/**
 * ktm_key_add - an enlistment enters its RM's list
 * @en: the enlistment; its RM's list_lock is held
 */
void ktm_key_add(struct ktm_enlistment *en)
{
	lockdep_assert_held(&en->rm->list_lock);
	rb_add(&en->key_node, &en->rm->by_key, key_less);
}

/**
 * ktm_key_remove - it leaves it
 * @en: the enlistment; its RM's list_lock is held
 */
void ktm_key_remove(struct ktm_enlistment *en)
{
	lockdep_assert_held(&en->rm->list_lock);
	rb_erase(&en->key_node, &en->rm->by_key);
	RB_CLEAR_NODE(&en->key_node);
}

/**
 * ktm_key_change - the RM calls it otherwise from now on
 * @en: the enlistment, its transaction's mutex held
 * @key: the new key
 */
void ktm_key_change(struct ktm_enlistment *en, u64 key)
{
	struct ktm_rm *rm = en->rm;

	lockdep_assert_held(&en->tx->lock);
	spin_lock(&rm->list_lock);
	if (!RB_EMPTY_NODE(&en->key_node))
		rb_erase(&en->key_node, &rm->by_key);
	WRITE_ONCE(en->key, key);
	if (!RB_EMPTY_NODE(&en->key_node))
		rb_add(&en->key_node, &rm->by_key, key_less);
	spin_unlock(&rm->list_lock);
}

/**
 * ktm_key_find - the one enlistment that an RM calls so
 * @rm: the RM
 * @key: the key
 * @enp: out: the enlistment with a reference
 *
 * One that is over and only waits for the others of its transaction does not stand in
 * the way of another: its RM may have used the key again.
 *
 * Return: SUCCESS, ENLISTMENT_NOT_FOUND, or OBJECT_NAME_COLLISION if there are several.
 */
u32 ktm_key_find(struct ktm_rm *rm, u64 key, struct ktm_enlistment **enp)
{
	struct ktm_enlistment *unfinished = NULL, *finished = NULL;
	u32 status = KTM_STATUS_SUCCESS;
	struct rb_node *node;

	spin_lock(&rm->list_lock);
	rb_for_each(node, &key, &rm->by_key, key_cmp) {
		struct ktm_enlistment *en = en_of_node(node);

		if (ktm_enc_finished(&en->core)) {
			finished = en;
		} else if (unfinished) {
			status = KTM_STATUS_OBJECT_NAME_COLLISION;
			break;
		} else {
			unfinished = en;
		}
	}
	*enp = unfinished ?: finished;
	if (!*enp)
		status = KTM_STATUS_ENLISTMENT_NOT_FOUND;
	/* While it is in the tree its transaction keeps it. */
	if (!status)
		ktm_object_get(&(*enp)->obj);
	spin_unlock(&rm->list_lock);
	return status;
}

/**
 * ktm_key_reference - a driver goes on using what an enlistment's key stands for
 * @en: the enlistment, with a reference of the caller
 * @key: out: the key
 *
 * Return: SUCCESS, or INSUFFICIENT_RESOURCES for one too many.
 */
u32 ktm_key_reference(struct ktm_enlistment *en, u64 *key)
{
	u32 status = KTM_STATUS_SUCCESS;

	ktm_tx_lock(en->tx);
	if (en->key_refs == U32_MAX) {
		status = KTM_STATUS_INSUFFICIENT_RESOURCES;
	} else {
		en->key_refs++;
		*key = en->key;
	}
	mutex_unlock(&en->tx->lock);
	return status;
}

/**
 * ktm_key_dereference - it does not any more
 * @en: the enlistment, with a reference of the caller
 * @last: out: nobody does now
 *
 * Return: SUCCESS, or REQUEST_NOT_VALID if nobody did.
 */
u32 ktm_key_dereference(struct ktm_enlistment *en, bool *last)
{
	u32 status = KTM_STATUS_REQUEST_NOT_VALID;

	ktm_tx_lock(en->tx);
	if (en->key_refs) {
		*last = !--en->key_refs;
		status = KTM_STATUS_SUCCESS;
	}
	mutex_unlock(&en->tx->lock);
	return status;
}
