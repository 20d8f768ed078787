/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_ENLISTMENT_H
#define KTM_ENLISTMENT_H

#include <linux/ktm.h>

#include "core/protocol.h"
#include "notify.h"
#include "object.h"
#include "rm.h"
#include "stream.h"
#include "transaction.h"

/*
 * An enlistment. It has no lock of its own.
 *
 * @core: under tx->lock; whether it is over is also looked at without, by ktm_key_find(),
 *	to which a moment more or less makes no difference
 * @tx: with a reference
 * @rm: with a reference
 * @rm_link: in rm->enlistments or rm->walked, under rm->list_lock
 * @key_node: in rm->by_key while it is in one of the RM's lists, under rm->list_lock
 * @rcu: in the place of @key_node, when nobody has it any more
 * @key: the RM's; under tx->lock and rm->list_lock, read without by notifications
 * @log_key: what @key was when the log was told; under tx->lock
 * @handles: under tx->lock
 * @key_refs: of what @key stands for, counted for a driver; under tx->lock
 * @logged: the log has a prepared record of it and no completion record; under tx->lock
 * @own_handle: it was made with a descriptor, whose close means something
 * @payer: whose share what it holds of the log is of; NULL: it has held nothing yet; under
 *	tx->lock
 * @reserved: bytes of the log kept for its records, charged to @payer; under tx->lock
 * @charged: bytes of restart area for it, charged to @payer; under tx->lock
 * @information: recovery information; under tx->lock, unchanged once it is logged
 * @need: what it has set aside in a stream; under tx->lock
 * @log_stream: id of that stream, and @log_need what was set aside, as its prepared record
 *	says; under tx->lock
 * @inbox: under rm->queue.lock
 */
struct ktm_enlistment {
	struct ktm_object obj;
	struct ktm_enc core;
	struct ktm_transaction *tx;
	struct ktm_rm *rm;
	struct list_head rm_link;
	union {
		struct rb_node key_node;
		struct rcu_head rcu;
	};
	u64 key;
	u64 log_key;
	struct ktm_user *payer;
	u32 handles;
	u32 reserved;
	u32 charged;
	u32 information_length;
	bool own_handle;
	bool logged;
	u32 key_refs;
	u8 *information;
	struct ktm_stream_need need;
	u64 log_stream;
	u64 log_need;
	struct ktm_inbox inbox;
};

static inline struct ktm_enlistment *ktm_en_of(struct ktm_object *obj)
{
	return container_of(obj, struct ktm_enlistment, obj);
}

static inline struct ktm_enlistment *ktm_en_of_core(struct ktm_enc *core)
{
	return container_of(core, struct ktm_enlistment, core);
}

int ktm_enlistments_init(void);
void ktm_enlistments_exit(void);
u32 ktm_enlist(struct ktm_handle *rm_handle, struct ktm_handle *tx_handle, struct ktm_enlist *arg,
	       struct ktm_new_fd *nfd, struct ktm_enlistment **made);
void ktm_enlist_undo(struct ktm_enlistment *en);
u32 ktm_en_open(struct ktm_handle *handle, struct ktm_open *arg, struct ktm_new_fd *nfd);
struct ktm_enlistment *ktm_en_find(struct ktm_rm *rm, const struct ktm_guid *guid);
bool ktm_is_answer(unsigned int cmd);
bool ktm_en_may_answer(const struct ktm_handle *handle, unsigned int cmd);
u32 ktm_en_answer(struct ktm_enlistment *en, unsigned int cmd, const struct ktm_answer *arg,
		  const struct ktm_stream_answer *with, bool in_kernel);
u32 ktm_user_answer(struct ktm_enlistment *en, unsigned int cmd, const struct ktm_answer *arg);
u32 ktm_driver_answer(struct ktm_enlistment *en, unsigned int cmd, const struct ktm_answer *arg,
		      const struct ktm_answer_stream *stream);
u32 ktm_en_log_completion(struct ktm_enlistment *en, bool end, u64 *lsn);
void ktm_en_spent(struct ktm_enlistment *en, u32 bytes);
u32 ktm_en_record_bytes(const struct ktm_enlistment *en);
u32 ktm_en_inform(struct ktm_enlistment *en, u8 **information, u32 length);
void ktm_en_forget(struct ktm_enlistment *en);
void ktm_en_void(struct ktm_enlistment *en);
bool ktm_en_loggable(const struct ktm_jrec *rec);
u32 ktm_en_create_recovered(struct ktm_rm *rm, const struct ktm_jrec *rec,
			    struct ktm_enlistment **enp);
void ktm_en_adopt(struct ktm_enlistment *en, struct ktm_transaction *tx, u32 reserved,
		  u32 charged);
void ktm_en_to_record(const struct ktm_enlistment *en, const struct ktm_object *tx,
		      struct ktm_jrec *rec);
void ktm_rm_for_each_enlistment(struct ktm_rm *rm, void (*fn)(struct ktm_enlistment *en));
u8 *ktm_copy_information(sockptr_t from, u32 length);
void ktm_key_add(struct ktm_enlistment *en);
void ktm_key_remove(struct ktm_enlistment *en);
void ktm_key_change(struct ktm_enlistment *en, u64 key);
u32 ktm_key_reference(struct ktm_enlistment *en, u64 *key);
u32 ktm_key_dereference(struct ktm_enlistment *en, bool *last);
u32 ktm_key_find(struct ktm_rm *rm, u64 key, struct ktm_enlistment **enp);
void ktm_en_info(struct ktm_enlistment *en, struct ktm_en_info *info);

#endif /* KTM_ENLISTMENT_H */
