/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The resource manager: the store, its stream, and ktm.
 */
#ifndef KTM_SAMPLE_RM_RM_H
#define KTM_SAMPLE_RM_RM_H

#include <linux/completion.h>
#include <linux/mutex.h>

#include "log.h"

/**
 * struct sample_rm - what there is while the store is attached
 * @tm: GUID of the transaction manager
 * @rm: a use of our resource manager in it; its callbacks are told of all unfinished transactions
 * @log: our stream; by callbacks only, once they are enabled
 * @lock: @store
 * @store: what is in memory
 * @recovered: the TM has named all transactions that it finds unfinished
 *
 * Callbacks of several transactions come at the same time. They answer under @lock, so that nobody
 * sees a transaction that is over for its client, but not yet here.
 */
struct sample_rm {
	struct ktm_guid tm;
	struct ktm_rm_use *rm;
	struct sample_log log;
	struct mutex lock;	/* see above */
	struct sample_store store;
	struct completion recovered;
};

struct sample_rm *sample_rm_attach(int tm_fd);
void sample_rm_detach(struct sample_rm *r);
int sample_rm_change(struct sample_rm *r, struct ktm_transaction_use *tx, const void *key,
		     u32 key_length, const struct sample_value *value);
int sample_rm_look(struct sample_rm *r, struct ktm_transaction_use *tx, const void *key,
		   u32 key_length, struct sample_value *value);
int sample_rm_next(struct sample_rm *r, struct ktm_transaction_use *tx, void *key,
		   u32 *key_length);

#endif /* KTM_SAMPLE_RM_RM_H */
