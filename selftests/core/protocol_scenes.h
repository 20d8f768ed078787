/* SPDX-License-Identifier: GPL-2.0 */
/* Situations of a transaction, each reached through events as they come. */
#ifndef PROTOCOL_SCENES_H
#define PROTOCOL_SCENES_H

#include "../../kernel/core/protocol.h"

/**
 * struct scene - a transaction and who takes part
 * @tx: the transaction
 * @en: the participant that is looked at
 * @other: another one
 * @sup: the superior
 * @broken: the situation could not be reached
 */
struct scene {
	struct ktm_txc tx;
	struct ktm_enc en;
	struct ktm_enc other;
	struct ktm_enc sup;
	bool broken;
};

typedef void (*reach_fn)(struct scene *w);

/* A transaction at work: @en is durable, wants neither phase 0 nor the single phase. */
void nobody(struct scene *w);
void active(struct scene *w);
void active_volatile(struct scene *w);
void active_left(struct scene *w);
void active_phase0(struct scene *w);
void active_single(struct scene *w);
void preprepare(struct scene *w);
void preprepared(struct scene *w);
void preparing(struct scene *w);
void preparing_volatile(struct scene *w);
void all_voted(struct scene *w);
void voted_first(struct scene *w);
void voted_volatile(struct scene *w);
void voted_away(struct scene *w);
void voted_recovering(struct scene *w);
void voted_gone(struct scene *w);
void deciding(struct scene *w);
void indoubt(struct scene *w);
void committing(struct scene *w);
void committing_volatile(struct scene *w);
void committing_away(struct scene *w);
void committing_recovered(struct scene *w);
void committing_log_ended(struct scene *w);
void committed(struct scene *w);
void committed_left(struct scene *w);
void aborting(struct scene *w);
void aborting_unvoted(struct scene *w);
void aborting_volatile(struct scene *w);
void aborting_away(struct scene *w);
void aborting_recovered(struct scene *w);
void aborted(struct scene *w);

/* One decides alone. */
void single(struct scene *w);
void single_volatile(struct scene *w);
void single_overdue(struct scene *w);
void single_lost(struct scene *w);
void single_beside(struct scene *w);
void single_lost_beside(struct scene *w);
void single_disconnected(struct scene *w);
void single_gone(struct scene *w);
void single_waits(struct scene *w);

/* A superior drives a transaction with the participant @en, which is durable. */
void sup_active(struct scene *w);
void sup_bare(struct scene *w);
void sup_request_active(struct scene *w);
void sup_request_phase0(struct scene *w);
void sup_request_preparing(struct scene *w);
void sup_phase0(struct scene *w);
void sup_preprepared(struct scene *w);
void sup_preparing(struct scene *w);
void sup_all_voted(struct scene *w);
void sup_sealing(struct scene *w);
void sup_indoubt_seal(struct scene *w);
void sup_prepared(struct scene *w);
void sup_prepared_volatile(struct scene *w);
void sup_lost(struct scene *w);
void sup_recovered(struct scene *w);
void sup_asked(struct scene *w);
void sup_deciding(struct scene *w);
void sup_committing(struct scene *w);
void sup_told(struct scene *w);
void sup_committing_away(struct scene *w);
void sup_reported(struct scene *w);
void sup_aborting(struct scene *w);
void sup_aborted_untold(struct scene *w);
void sup_aborted_told(struct scene *w);
void sup_aborted(struct scene *w);
void sup_left(struct scene *w);

#endif /* PROTOCOL_SCENES_H */
