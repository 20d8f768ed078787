// SPDX-License-Identifier: GPL-2.0
#include "protocol_scenes.h"

#define SUB	KTM_NOTIFY_TWO_PHASE
#define PHASES	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
		 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
		 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
		 KTM_NOTIFY_REQUEST_OUTCOME)

static void tx(struct scene *w, enum ktm_tx_event ev)
{
	if (ktm_txc_event(&w->tx, ev).status != KTM_STATUS_SUCCESS)
		w->broken = true;
}

static void en(struct scene *w, struct ktm_enc *enc, enum ktm_en_event ev)
{
	if (ktm_enc_event(enc, ev).status != KTM_STATUS_SUCCESS)
		w->broken = true;
}

static void enlist(struct scene *w, struct ktm_enc *enc, u32 mask, u8 flags)
{
	if (ktm_txc_can_enlist(&w->tx, flags & KTM_ENC_SUPERIOR) != KTM_STATUS_SUCCESS)
		w->broken = true;
	else
		ktm_txc_enlist(&w->tx, enc, mask, flags);
}

/* ---- at work ---- */

void nobody(struct scene *w)
{
	ktm_txc_init(&w->tx);
}

static void one(struct scene *w, u32 mask, u8 flags)
{
	nobody(w);
	enlist(w, &w->en, mask, flags);
}

void active(struct scene *w)
{
	one(w, SUB, KTM_ENC_DURABLE);
}

void active_volatile(struct scene *w)
{
	one(w, SUB, 0);
}

void active_left(struct scene *w)
{
	active(w);
	en(w, &w->en, KTM_ENEV_READ_ONLY);
}

void active_phase0(struct scene *w)
{
	one(w, SUB | KTM_NOTIFY_PREPREPARE, KTM_ENC_DURABLE);
}

void active_single(struct scene *w)
{
	one(w, SUB | KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_ENC_DURABLE);
}

void preprepare(struct scene *w)
{
	active_phase0(w);
	tx(w, KTM_TXEV_COMMIT);
}

/* It has answered, another has not. */
void preprepared(struct scene *w)
{
	active_phase0(w);
	enlist(w, &w->other, SUB | KTM_NOTIFY_PREPREPARE, 0);
	tx(w, KTM_TXEV_COMMIT);
	en(w, &w->en, KTM_ENEV_PREPREPARE_COMPLETE);
}

void preparing(struct scene *w)
{
	active(w);
	tx(w, KTM_TXEV_COMMIT);
}

void preparing_volatile(struct scene *w)
{
	active_volatile(w);
	tx(w, KTM_TXEV_COMMIT);
}

void all_voted(struct scene *w)
{
	preparing(w);
	en(w, &w->en, KTM_ENEV_PREPARE_COMPLETE);
}

static void voted(struct scene *w, u8 flags)
{
	one(w, SUB, flags);
	enlist(w, &w->other, SUB, 0);
	tx(w, KTM_TXEV_COMMIT);
	en(w, &w->en, KTM_ENEV_PREPARE_COMPLETE);
}

void voted_first(struct scene *w)
{
	voted(w, KTM_ENC_DURABLE);
}

void voted_volatile(struct scene *w)
{
	voted(w, 0);
}

void voted_away(struct scene *w)
{
	voted_first(w);
	en(w, &w->en, KTM_ENEV_RM_CLOSE);
}

void voted_recovering(struct scene *w)
{
	voted_first(w);
	en(w, &w->en, KTM_ENEV_RM_RECOVER);
}

void voted_gone(struct scene *w)
{
	voted_volatile(w);
	en(w, &w->en, KTM_ENEV_CLOSE);
}

void deciding(struct scene *w)
{
	all_voted(w);
	tx(w, KTM_TXEV_DECISION_HANDED);
}

void indoubt(struct scene *w)
{
	deciding(w);
	tx(w, KTM_TXEV_DECISION_FAILED);
}

void committing(struct scene *w)
{
	deciding(w);
	tx(w, KTM_TXEV_DECISION_DURABLE);
}

void committing_volatile(struct scene *w)
{
	preparing_volatile(w);
	en(w, &w->en, KTM_ENEV_PREPARE_COMPLETE);
}

void committing_away(struct scene *w)
{
	committing(w);
	en(w, &w->en, KTM_ENEV_RM_CLOSE);
}

void committing_recovered(struct scene *w)
{
	ktm_txc_init_recovered(&w->tx, KTM_FOUND_COMMIT);
	ktm_txc_enlist_recovered(&w->tx, &w->en, SUB, false);
}

/* The durable one has completed, the volatile one has not. */
void committing_log_ended(struct scene *w)
{
	voted_first(w);
	en(w, &w->other, KTM_ENEV_PREPARE_COMPLETE);
	tx(w, KTM_TXEV_DECISION_HANDED);
	tx(w, KTM_TXEV_DECISION_DURABLE);
	en(w, &w->en, KTM_ENEV_COMMIT_COMPLETE);
}

void committed(struct scene *w)
{
	committing(w);
	en(w, &w->en, KTM_ENEV_COMMIT_COMPLETE);
}

void committed_left(struct scene *w)
{
	preparing(w);
	en(w, &w->en, KTM_ENEV_READ_ONLY);
}

void aborting(struct scene *w)
{
	all_voted(w);
	tx(w, KTM_TXEV_DECISION_REFUSED);
}

void aborting_unvoted(struct scene *w)
{
	active(w);
	tx(w, KTM_TXEV_ROLLBACK);
}

void aborting_volatile(struct scene *w)
{
	active_volatile(w);
	tx(w, KTM_TXEV_ROLLBACK);
}

void aborting_away(struct scene *w)
{
	aborting(w);
	en(w, &w->en, KTM_ENEV_RM_CLOSE);
}

void aborting_recovered(struct scene *w)
{
	ktm_txc_init_recovered(&w->tx, KTM_FOUND_ABORT);
	ktm_txc_enlist_recovered(&w->tx, &w->en, SUB, false);
}

void aborted(struct scene *w)
{
	aborting(w);
	en(w, &w->en, KTM_ENEV_ROLLBACK_COMPLETE);
}

/* ---- one decides alone ---- */

void single(struct scene *w)
{
	active_single(w);
	tx(w, KTM_TXEV_COMMIT);
}

void single_volatile(struct scene *w)
{
	one(w, SUB | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0);
	tx(w, KTM_TXEV_COMMIT);
}

void single_overdue(struct scene *w)
{
	single(w);
	tx(w, KTM_TXEV_EXPIRE);
}

void single_lost(struct scene *w)
{
	single(w);
	en(w, &w->en, KTM_ENEV_RM_CLOSE);
}

static void beside(struct scene *w)
{
	active_single(w);
	enlist(w, &w->other, SUB | KTM_NOTIFY_RM_DISCONNECTED, 0);
	tx(w, KTM_TXEV_COMMIT);
}

/* It waits until the volatile one has voted. */
void single_waits(struct scene *w)
{
	beside(w);
}

void single_beside(struct scene *w)
{
	beside(w);
	en(w, &w->other, KTM_ENEV_PREPARE_COMPLETE);
}

void single_lost_beside(struct scene *w)
{
	single_beside(w);
	en(w, &w->en, KTM_ENEV_RM_CLOSE);
}

/* Looked at: the volatile one, whose part is over. */
void single_disconnected(struct scene *w)
{
	one(w, SUB | KTM_NOTIFY_RM_DISCONNECTED, 0);
	enlist(w, &w->other, SUB | KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_ENC_DURABLE);
	tx(w, KTM_TXEV_COMMIT);
	en(w, &w->en, KTM_ENEV_PREPARE_COMPLETE);
	en(w, &w->other, KTM_ENEV_RM_CLOSE);
}

void single_gone(struct scene *w)
{
	single_volatile(w);
	en(w, &w->en, KTM_ENEV_CLOSE);
}

/* ---- a superior drives ---- */

static void sup_with(struct scene *w, u32 mask, u32 sub)
{
	one(w, sub, KTM_ENC_DURABLE);
	enlist(w, &w->sup, mask, KTM_ENC_DURABLE | KTM_ENC_SUPERIOR);
}

void sup_active(struct scene *w)
{
	sup_with(w, PHASES, SUB | KTM_NOTIFY_PREPREPARE);
}

/* It registered for nothing but ROLLBACK. */
void sup_bare(struct scene *w)
{
	sup_with(w, KTM_NOTIFY_ROLLBACK, SUB);
}

void sup_request_active(struct scene *w)
{
	sup_with(w, PHASES | KTM_NOTIFY_COMMIT_REQUEST, SUB | KTM_NOTIFY_PREPREPARE);
}

void sup_request_phase0(struct scene *w)
{
	sup_request_active(w);
	tx(w, KTM_TXEV_COMMIT);
}

void sup_request_preparing(struct scene *w)
{
	sup_request_phase0(w);
	en(w, &w->en, KTM_ENEV_PREPREPARE_COMPLETE);
}

void sup_phase0(struct scene *w)
{
	sup_active(w);
	en(w, &w->sup, KTM_ENEV_SUP_PREPREPARE);
}

void sup_preprepared(struct scene *w)
{
	sup_phase0(w);
	en(w, &w->en, KTM_ENEV_PREPREPARE_COMPLETE);
}

void sup_preparing(struct scene *w)
{
	sup_preprepared(w);
	en(w, &w->sup, KTM_ENEV_SUP_PREPARE);
}

void sup_all_voted(struct scene *w)
{
	sup_preparing(w);
	en(w, &w->en, KTM_ENEV_PREPARE_COMPLETE);
}

void sup_sealing(struct scene *w)
{
	sup_all_voted(w);
	tx(w, KTM_TXEV_SEAL_HANDED);
}

void sup_indoubt_seal(struct scene *w)
{
	sup_sealing(w);
	tx(w, KTM_TXEV_SEAL_FAILED);
}

void sup_prepared(struct scene *w)
{
	sup_sealing(w);
	tx(w, KTM_TXEV_SEAL_DURABLE);
}

/* Nothing of it is in a log. */
void sup_prepared_volatile(struct scene *w)
{
	one(w, SUB, 0);
	enlist(w, &w->sup, PHASES, KTM_ENC_DURABLE | KTM_ENC_SUPERIOR);
	en(w, &w->sup, KTM_ENEV_SUP_PREPREPARE);
	en(w, &w->sup, KTM_ENEV_SUP_PREPARE);
	en(w, &w->en, KTM_ENEV_PREPARE_COMPLETE);
}

void sup_lost(struct scene *w)
{
	sup_prepared(w);
	en(w, &w->sup, KTM_ENEV_RM_CLOSE);
}

void sup_recovered(struct scene *w)
{
	ktm_txc_init_recovered(&w->tx, KTM_FOUND_SEALED);
	ktm_txc_enlist_recovered(&w->tx, &w->en, SUB, false);
	ktm_txc_enlist_recovered(&w->tx, &w->sup, PHASES, true);
}

void sup_asked(struct scene *w)
{
	sup_recovered(w);
	en(w, &w->sup, KTM_ENEV_RM_RECOVER);
}

void sup_deciding(struct scene *w)
{
	sup_prepared(w);
	en(w, &w->sup, KTM_ENEV_SUP_COMMIT);
	tx(w, KTM_TXEV_DECISION_HANDED);
}

void sup_committing(struct scene *w)
{
	sup_deciding(w);
	tx(w, KTM_TXEV_DECISION_DURABLE);
}

/* COMMIT_COMPLETE waits to be read. */
void sup_told(struct scene *w)
{
	sup_committing(w);
	en(w, &w->en, KTM_ENEV_COMMIT_COMPLETE);
}

void sup_committing_away(struct scene *w)
{
	sup_committing(w);
	en(w, &w->sup, KTM_ENEV_RM_CLOSE);
}

void sup_reported(struct scene *w)
{
	sup_told(w);
	en(w, &w->sup, KTM_ENEV_REPORTED);
}

void sup_aborting(struct scene *w)
{
	sup_active(w);
	tx(w, KTM_TXEV_ROLLBACK);
}

/* It has answered for itself, the participant has not. */
void sup_aborted_untold(struct scene *w)
{
	sup_aborting(w);
	en(w, &w->sup, KTM_ENEV_ROLLBACK_COMPLETE);
}

/* ROLLBACK_COMPLETE waits to be read. */
void sup_aborted_told(struct scene *w)
{
	sup_aborted_untold(w);
	en(w, &w->en, KTM_ENEV_ROLLBACK_COMPLETE);
}

void sup_aborted(struct scene *w)
{
	sup_aborted_told(w);
	en(w, &w->sup, KTM_ENEV_REPORTED);
}

/* One whose caller could not be told that it enlisted. */
void sup_left(struct scene *w)
{
	sup_active(w);
	ktm_txc_retract(&w->sup);
}
