/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_RM_H
#define KTM_RM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>

#include "notify.h"
#include "object.h"
#include "tm.h"

struct ktm_callbacks;

/*
 * A resource manager.
 *
 * @tm: with a reference
 * @payer: of a durable one: who is charged
 * @charged: bytes of restart area; 0 until the log knows it
 * @tm_link: in tm->rms, under tm->list_lock
 * @flags: KTM_RM_VOLATILE and KTM_RM_COMMUNICATION for life, KTM_RM_EXCLUSIVE of the
 *	present open, under @lock
 * @lock: opening, closing and recovering it, one at a time
 * @handles: those that may do more than query; under @lock
 * @completion: where its user waits; only kept; under @lock
 * @protocols: that were registered since it was opened; under @lock
 * @callbacks: of a driver; written under callback.c's lock, read under RCU
 * @dead: a volatile one whose last handle is closed; under @lock
 * @online: it has called Recover since it was opened and since the TM came
 *	online; written under @lock or by a reopening TM, read under tx->lock
 * @list_lock: @enlistments, @walked, @by_key
 * @enlistments: those not yet forgotten, without a reference
 * @walked: where a walk parks those that it has seen; empty between walks,
 *	which @lock keeps apart
 * @by_key: those of both lists, by ktm_enlistment.key
 */
struct ktm_rm {
	struct ktm_object obj;
	struct ktm_tm *tm;
	struct ktm_user *payer;
	u32 charged;
	struct list_head tm_link;
	u32 flags;
	struct mutex lock;
	u32 handles;
	bool dead;
	bool online;
	spinlock_t list_lock;
	struct list_head enlistments;
	struct list_head walked;
	struct rb_root by_key;
	u32 nr_enlistments;
	struct ktm_queue queue;
	struct ktm_rm_completion completion;
	struct list_head protocols;
	struct ktm_callbacks __rcu *callbacks;
	struct rcu_head rcu;
	u32 description_length;
	u8 description[KTM_MAX_DESCRIPTION];
};

static inline struct ktm_rm *ktm_rm_of(struct ktm_object *obj)
{
	return container_of(obj, struct ktm_rm, obj);
}

static inline bool ktm_rm_durable(const struct ktm_rm *rm)
{
	return !(rm->flags & KTM_RM_VOLATILE);
}

/* May it enlist? */
static inline bool ktm_rm_online(const struct ktm_rm *rm)
{
	return ktm_tm_online(rm->tm) && (!ktm_rm_durable(rm) || READ_ONCE(rm->online));
}

/* May it hear of its enlistments, and say what it has done? */
static inline bool ktm_rm_hears(const struct ktm_rm *rm)
{
	return ktm_tm_tells(rm->tm) && (!ktm_rm_durable(rm) || READ_ONCE(rm->online));
}

u32 ktm_rm_call_create(struct ktm_handle *handle, struct ktm_rm_create *arg,
		       struct ktm_new_fd *nfd);
u32 ktm_rm_call_open(struct ktm_handle *handle, struct ktm_open *arg, struct ktm_new_fd *nfd);
u32 ktm_rm_call_recover(struct ktm_handle *handle, const struct ktm_call *arg);
u32 ktm_rm_create_recovered(struct ktm_tm *tm, const struct ktm_jrec *rec, struct ktm_rm **rmp);
void ktm_rm_publish_recovered(struct ktm_rm *rm);
void ktm_rm_discard(struct ktm_rm *rm);
void ktm_rm_offline(struct ktm_rm *rm);
void ktm_rm_to_record(const struct ktm_rm *rm, struct ktm_jrec *rec);
void ktm_rm_info(struct ktm_rm *rm, struct ktm_rm_info *info);

/* propagation.c */
u32 ktm_register_protocol(struct ktm_handle *handle, const struct ktm_protocol *arg,
			  bool in_kernel);
void ktm_forget_protocols(struct ktm_rm *rm);
u32 ktm_propagation_complete(const struct ktm_handle *handle, const struct ktm_propagation *arg);
u32 ktm_propagation_failed(const struct ktm_handle *handle, const struct ktm_propagation *arg);

#endif /* KTM_RM_H */
