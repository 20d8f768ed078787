/* SPDX-License-Identifier: GPL-2.0 */
/* What the files transaction*.c share. */
#ifndef KTM_TRANSACTION_PRIVATE_H
#define KTM_TRANSACTION_PRIVATE_H

#include "transaction.h"

/* So many are told something, or retired, where others wait for that to be over. */
#define KTM_TX_FEW	16

/* ktm_transaction.called */
#define KTM_TX_CALLED_FORCED	1
#define KTM_TX_CALLED_TIMER	2

/* transaction_turn.c */
bool ktm_tx_come_back(struct ktm_transaction *tx, u32 who, struct workqueue_struct *wq,
		      struct delayed_work *work, unsigned long delay);
void ktm_tx_came(struct ktm_transaction *tx, u32 who);
void ktm_tx_stop_timer(struct ktm_transaction *tx);
void ktm_tx_timer(struct work_struct *work);

/* transaction_tm.c */
void ktm_tx_recount(struct ktm_transaction *tx);
void ktm_tx_join(struct ktm_transaction *tx, struct ktm_tm *tm);
void ktm_tx_leave(struct ktm_transaction *tx);
void ktm_tx_retire(struct ktm_transaction *tx);
void ktm_tx_reap_few(struct ktm_tm *tm);

/* transaction_log.c */
u32 ktm_tx_log_decision(struct ktm_transaction *tx);
u32 ktm_tx_log_seal(struct ktm_transaction *tx);
void ktm_tx_log_abort(struct ktm_transaction *tx);
void ktm_tx_forced(struct work_struct *work);

#endif /* KTM_TRANSACTION_PRIVATE_H */
