// SPDX-License-Identifier: GPL-2.0
/*
 * The two-phase commit protocol: what the operations of protocol_table.c do.
 */
#include "protocol_table.h"

static bool durable(const struct ktm_enc *en)
{
	return en->flags & KTM_ENC_DURABLE;
}

static bool logged(const struct ktm_enc *en)
{
	return en->flags & KTM_ENC_LOGGED;
}

static bool present(const struct ktm_enc *en)
{
	return en->flags & KTM_ENC_PRESENT;
}

static bool is_superior(const struct ktm_enc *en)
{
	return en->flags & KTM_ENC_SUPERIOR;
}

/* Has ktm_txc.owing counted this one? A superior that is told of a commit owes nothing. */
static bool owes(const struct ktm_enc *en)
{
	if (!present(en))
		return false;
	return en->state == KTM_EN_STATE_ABORTING ||
	       (en->state == KTM_EN_STATE_COMMITTING && !is_superior(en));
}

/* Everything that asks for an answer which nobody needs after a rollback. */
#define REQUESTS	(KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_PREPARE | \
			 KTM_NOTIFY_SINGLE_PHASE_COMMIT | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_REQUEST | \
			 KTM_NOTIFY_REQUEST_OUTCOME | KTM_NOTIFY_RECOVER_QUERY)

/* Has it still to hear of the end? */
static bool superior_is_open(const struct ktm_txc *tx)
{
	const struct ktm_enc *sup = tx->superior;

	return sup && (sup->state == KTM_EN_STATE_COMMITTING ||
		       sup->state == KTM_EN_STATE_ABORTING || sup->flags & KTM_ENC_UNREPORTED);
}

/* It hears of the end when nobody who is there still works at it; who is away holds up nothing. */
static u32 tell_superior(struct ktm_txc *tx)
{
	struct ktm_enc *sup = tx->superior;

	if (!present(sup) || sup->flags & KTM_ENC_TOLD || !(sup->flags & KTM_ENC_UNREPORTED) ||
	    tx->owing > (owes(sup) ? 1 : 0))
		return 0;
	sup->flags |= KTM_ENC_TOLD;
	sup->due |= tx->state == KTM_TX_STATE_COMMITTING ? KTM_NOTIFY_COMMIT_COMPLETE :
							   KTM_NOTIFY_ROLLBACK_COMPLETE;
	return KTM_ACT_NOTIFY_ALL;
}

static u32 close_if_finished(struct ktm_txc *tx)
{
	if (superior_is_open(tx))
		return tell_superior(tx);
	if (tx->unfinished)
		return 0;
	if (tx->state == KTM_TX_STATE_COMMITTING)
		tx->state = KTM_TX_STATE_COMMITTED;
	else if (tx->state == KTM_TX_STATE_ABORTING)
		tx->state = KTM_TX_STATE_ABORTED;
	else
		return 0;
	return KTM_ACT_FINISHED;
}

/* The enlistment now has to be brought to the outcome. */
static void owe(struct ktm_enc *en, u8 state, u32 kind)
{
	en->state = state;
	if (!is_superior(en))
		en->tx->unfinished++;
	if (present(en)) {
		en->tx->owing++;
		en->due |= kind;
	}
}

static void commit_superior(struct ktm_enc *sup)
{
	if (sup->flags & KTM_ENC_GONE) {
		sup->state = KTM_EN_STATE_COMMITTED;
		return;
	}
	sup->state = KTM_EN_STATE_COMMITTING;
	sup->flags |= KTM_ENC_UNREPORTED;
}

static u32 commit_all(struct ktm_txc *tx)
{
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_COMMITTING;
	tx->unvoted = 0;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (en->state != KTM_EN_STATE_PREPARED)
			continue;
		if (is_superior(en))
			commit_superior(en);
		else if (en->flags & KTM_ENC_GONE)
			en->state = KTM_EN_STATE_COMMITTED;
		else
			owe(en, KTM_EN_STATE_COMMITTING, KTM_NOTIFY_COMMIT);
	}
	return KTM_ACT_STOP_TIMER | KTM_ACT_NOTIFY_ALL | KTM_ACT_WAKE | close_if_finished(tx);
}

static void abort_superior(struct ktm_enc *sup)
{
	if (sup->mask & KTM_NOTIFY_ROLLBACK_COMPLETE && present(sup))
		sup->flags |= KTM_ENC_UNREPORTED;
	/* The log has the decision, or presumes it: no record of it is awaited. */
	if (logged(sup)) {
		sup->flags &= ~KTM_ENC_LOGGED;
		sup->tx->log_open--;
	}
	/* Who is away was told nothing that binds it, and will not ask. */
	if (!present(sup))
		sup->flags |= KTM_ENC_GONE;
}

static u32 abort_all(struct ktm_txc *tx)
{
	u32 actions = tx->sealed ? KTM_ACT_LOG_ABORT : 0;
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_ABORTING;
	tx->unready = 0;
	tx->unvoted = 0;
	tx->sealed = false;
	tx->single = NULL;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (ktm_enc_finished(en))
			continue;
		en->withdraw |= REQUESTS;
		if (is_superior(en))
			abort_superior(en);
		if (en->flags & KTM_ENC_GONE)
			en->state = KTM_EN_STATE_ABORTED;
		else
			owe(en, KTM_EN_STATE_ABORTING, KTM_NOTIFY_ROLLBACK);
	}
	return actions | KTM_ACT_STOP_TIMER | KTM_ACT_NOTIFY_ALL | KTM_ACT_WAKE |
	       close_if_finished(tx);
}

/* Only the superior decides from here. */
static u32 prepared_up(struct ktm_txc *tx)
{
	struct ktm_enc *sup = tx->superior;

	sup->state = KTM_EN_STATE_PREPARED;
	if (!present(sup)) {
		tx->state = KTM_TX_STATE_SUPERIOR_INDOUBT;
		return KTM_ACT_STOP_TIMER | KTM_ACT_WAKE;
	}
	tx->state = KTM_TX_STATE_PREPARED;
	if (sup->flags & KTM_ENC_ASKED && sup->mask & KTM_NOTIFY_RECOVER_QUERY)
		sup->due |= KTM_NOTIFY_RECOVER_QUERY;
	else
		sup->due |= tx->requested ? KTM_NOTIFY_COMMIT_REQUEST :
					    KTM_NOTIFY_PREPARE_COMPLETE;
	return KTM_ACT_STOP_TIMER | KTM_ACT_NOTIFY_ALL;
}

/* From here the one participant decides. Its time-out is kept for a rejection. */
static u32 ask_single(struct ktm_txc *tx)
{
	tx->state = KTM_TX_STATE_SINGLE_PHASE;
	tx->single->state = KTM_EN_STATE_SINGLE_PHASE;
	tx->single->due |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	return KTM_ACT_NOTIFY_ALL;
}

/* Has the last vote come? Then decide, through the log if a durable RM depends on it. */
static u32 decide_if_voted(struct ktm_txc *tx)
{
	if (tx->state != KTM_TX_STATE_PREPARING || tx->unvoted > (tx->single ? 1 : 0))
		return 0;
	if (tx->single)
		return ask_single(tx);
	if (tx->superior)
		return tx->prepared_durable ? KTM_ACT_LOG_SEAL : prepared_up(tx);
	return tx->prepared_durable ? KTM_ACT_LOG_DECISION : commit_all(tx);
}

static u32 begin_phase1(struct ktm_txc *tx)
{
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_PREPARING;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (en == tx->superior) {
			en->state = KTM_EN_STATE_PREPARING;
		} else if (en->state == KTM_EN_STATE_PREPREPARED) {
			en->state = KTM_EN_STATE_PREPARING;
			en->due |= KTM_NOTIFY_PREPARE;
		}
	}
	return KTM_ACT_NOTIFY_ALL | decide_if_voted(tx);
}

/* Has the last PrePrepareComplete come? */
static u32 prepare_if_ready(struct ktm_txc *tx)
{
	if (tx->state != KTM_TX_STATE_PREPREPARING || tx->unready)
		return 0;
	if (!tx->superior || tx->requested)
		return begin_phase1(tx);
	tx->state = KTM_TX_STATE_PREPREPARED;
	tx->superior->state = KTM_EN_STATE_PREPREPARED;
	tx->superior->due |= KTM_NOTIFY_PREPREPARE_COMPLETE;
	return KTM_ACT_NOTIFY_ALL;
}

static void enter_phase0(struct ktm_enc *en)
{
	if (en->mask & KTM_NOTIFY_PREPREPARE) {
		en->state = KTM_EN_STATE_PREPREPARING;
		en->due |= KTM_NOTIFY_PREPREPARE;
		en->tx->unready++;
	} else {
		/* No wake-up for a phase that it does not want. */
		en->state = KTM_EN_STATE_PREPREPARED;
	}
}

static u32 begin_phase0(struct ktm_txc *tx)
{
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_PREPREPARING;
	list_for_each_entry(en, &tx->enlistments, link) {
		/* Not one that never knew it was: that has left. */
		if (en == tx->superior)
			en->state = KTM_EN_STATE_PREPREPARING;
		else if (en->state == KTM_EN_STATE_ACTIVE && en != tx->single)
			enter_phase0(en);
	}
	return KTM_ACT_NOTIFY_ALL | prepare_if_ready(tx);
}

/*
 * One participant in all that can do it in one phase; or one durable one that
 * can, beside volatile ones that bear to hear no outcome.
 */
static struct ktm_enc *choose_single(struct ktm_txc *tx)
{
	struct ktm_enc *en, *only = NULL, *durable_one = NULL;
	u32 n = 0, nr_durable = 0, bearing = 0;

	if (tx->superior)
		return NULL;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (ktm_enc_finished(en))
			continue;
		n++;
		only = en;
		if (durable(en)) {
			nr_durable++;
			durable_one = en;
		} else if (en->mask & KTM_NOTIFY_RM_DISCONNECTED) {
			bearing++;
		}
	}
	tx->alone = n == 1;
	if (n > 1)
		only = nr_durable == 1 && bearing == n - 1 ? durable_one : NULL;
	return only && only->mask & KTM_NOTIFY_SINGLE_PHASE_COMMIT ? only : NULL;
}

static u32 start(struct ktm_txc *tx)
{
	tx->requested = true;
	tx->single = choose_single(tx);
	return KTM_ACT_TICK | (tx->single && tx->alone ? ask_single(tx) : begin_phase0(tx));
}

static u32 do_tx(struct ktm_txc *tx, u8 op)
{
	switch (op) {
	case OP_START:
		return start(tx);
	case OP_ABANDON:
		return tx->superior ? 0 : abort_all(tx);
	case OP_ABORT:
	case OP_CLIENT_ABORT:
	case OP_NOT_HANDED:
		return abort_all(tx);
	case OP_OVERDUE:
		tx->overdue = true;
		return 0;
	case OP_HANDED:
		tx->state = KTM_TX_STATE_DECIDING;
		return KTM_ACT_STOP_TIMER;
	case OP_SEAL_HANDED:
		/* It may survive a crash from here, which no rollback but the superior's would. */
		tx->state = KTM_TX_STATE_SEALING;
		tx->sealed = true;
		tx->superior->state = KTM_EN_STATE_PREPARED;
		tx->superior->flags |= KTM_ENC_LOGGED;
		tx->log_open++;
		return KTM_ACT_STOP_TIMER;
	case OP_SEALED:
		return prepared_up(tx);
	case OP_COMMIT:
		return commit_all(tx);
	case OP_DOUBT:
		tx->state = KTM_TX_STATE_INDOUBT;
		return KTM_ACT_STOP_TIMER | KTM_ACT_WAKE;
	case OP_QUIET:
		if (!tx->sealed)
			return abort_all(tx);
		tx->state = KTM_TX_STATE_INDOUBT;
		return KTM_ACT_WAKE;
	case OP_SETTLE_ABORT:
		/* The log has not got the superior's record, or has more than that. */
		tx->sealed = false;
		return abort_all(tx);
	case OP_SETTLE_SEALED:
		tx->state = KTM_TX_STATE_SUPERIOR_INDOUBT;
		return KTM_ACT_WAKE;
	default:
		return 0;
	}
}

static u32 ready(struct ktm_enc *en)
{
	en->state = KTM_EN_STATE_PREPREPARED;
	en->withdraw |= KTM_NOTIFY_PREPREPARE;
	en->tx->unready--;
	return KTM_ACT_NOTIFY_SELF | prepare_if_ready(en->tx);
}

static u32 vote(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;

	en->state = KTM_EN_STATE_PREPARED;
	en->withdraw |= KTM_NOTIFY_PREPARE;
	tx->unvoted--;
	if (durable(en)) {
		en->flags |= KTM_ENC_LOGGED;
		tx->prepared_durable++;
		tx->log_open++;
	}
	return KTM_ACT_NOTIFY_SELF | decide_if_voted(tx);
}

static u32 leave(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;

	if (en->state == KTM_EN_STATE_PREPREPARING)
		tx->unready--;
	if (en == tx->single)
		tx->single = NULL;
	en->state = KTM_EN_STATE_READ_ONLY;
	en->withdraw |= REQUESTS;
	tx->unvoted--;
	return KTM_ACT_NOTIFY_SELF | prepare_if_ready(tx) | decide_if_voted(tx);
}

static u32 complete(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;
	u32 actions = KTM_ACT_NOTIFY_SELF | KTM_ACT_WAKE;

	if (owes(en))
		tx->owing--;
	if (!is_superior(en))
		tx->unfinished--;
	en->withdraw |= KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK;
	en->state = en->state == KTM_EN_STATE_COMMITTING ? KTM_EN_STATE_COMMITTED :
							   KTM_EN_STATE_ABORTED;
	if (logged(en)) {
		tx->log_open--;
		actions |= KTM_ACT_LOG_COMPLETION;
	}
	return actions | close_if_finished(tx);
}

/* One that has prepared wants to know. Who has not voted never may, then. */
static u32 outcome(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;
	struct ktm_enc *sup = tx->superior;

	if (tx->state == KTM_TX_STATE_PREPARING && tx->unvoted)
		return abort_all(tx);
	if (tx->state != KTM_TX_STATE_PREPARED || !present(sup))
		return 0;
	sup->due |= KTM_NOTIFY_REQUEST_OUTCOME & sup->mask;
	return KTM_ACT_NOTIFY_ALL;
}

/* Its RM must take it up again before it hears more of it. */
static u32 suspend(struct ktm_enc *en)
{
	bool owed = owes(en);

	if (owed)
		en->tx->owing--;
	en->flags &= ~(KTM_ENC_PRESENT | KTM_ENC_TOLD | KTM_ENC_ASKED);
	en->withdraw |= REQUESTS | KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_INDOUBT |
			KTM_NOTIFY_RECOVER | KTM_NOTIFY_COMMIT_COMPLETE |
			KTM_NOTIFY_ROLLBACK_COMPLETE;
	return KTM_ACT_NOTIFY_SELF | (owed ? KTM_ACT_WAKE | close_if_finished(en->tx) : 0);
}

static u32 ask(struct ktm_enc *en)
{
	u32 actions;

	/* What neither the log nor the outcome depends on is not recovered, it just goes on. */
	if (!logged(en) && !(durable(en) && en->state == KTM_EN_STATE_SINGLE_PHASE))
		return 0;
	actions = suspend(en);
	en->due |= KTM_NOTIFY_RECOVER & en->mask;
	return actions;
}

static u32 rejoin(struct ktm_enc *en)
{
	u32 actions = KTM_ACT_NOTIFY_SELF;

	en->flags |= KTM_ENC_PRESENT;
	en->withdraw |= KTM_NOTIFY_RECOVER;
	switch (en->state) {
	case KTM_EN_STATE_COMMITTING:
		en->tx->owing++;
		en->due |= KTM_NOTIFY_COMMIT;
		break;
	case KTM_EN_STATE_ABORTING:
		en->tx->owing++;
		en->due |= KTM_NOTIFY_ROLLBACK;
		break;
	case KTM_EN_STATE_SINGLE_PHASE:
		/* Who waits has somebody to wait for again. */
		en->tx->state = KTM_TX_STATE_SINGLE_PHASE;
		en->due |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
		return actions | KTM_ACT_WAKE;
	default:
		en->due |= KTM_NOTIFY_INDOUBT & en->mask;
		break;
	}
	/* Who waits has one more to wait for. */
	if (owes(en))
		actions |= KTM_ACT_WAKE;
	return actions;
}

/* Nobody will answer for it any more, and it has not voted. */
static u32 lose(struct ktm_enc *en)
{
	en->flags = (en->flags & ~KTM_ENC_PRESENT) | KTM_ENC_GONE;
	return abort_all(en->tx);
}

static u32 detach(struct ktm_enc *en)
{
	u32 actions = suspend(en);

	if (logged(en))
		return actions;
	/* Nothing of it is in the log: it has answered whatever it owed. */
	en->flags |= KTM_ENC_GONE;
	if (en->state == KTM_EN_STATE_PREPARED)
		return actions;
	return actions | complete(en);
}

/* ---- the single phase ---- */

/* It vouches for its own durability: nothing is logged. */
static u32 single_commit(struct ktm_enc *en)
{
	en->state = KTM_EN_STATE_COMMITTED;
	en->withdraw |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	en->tx->single = NULL;
	return commit_all(en->tx);
}

static u32 single_reject(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;

	en->withdraw |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	tx->single = NULL;
	if (tx->overdue) {
		en->state = KTM_EN_STATE_ACTIVE;
		return abort_all(tx);
	}
	if (tx->alone) {
		en->state = KTM_EN_STATE_ACTIVE;
		return begin_phase0(tx);
	}
	/* The others have voted: it is the last. */
	tx->state = KTM_TX_STATE_PREPARING;
	en->state = KTM_EN_STATE_PREPARING;
	en->due |= KTM_NOTIFY_PREPARE;
	return KTM_ACT_NOTIFY_SELF;
}

/* Who knew the outcome has closed. The others are told so, and that is all they get. */
static u32 single_lose(struct ktm_enc *lost)
{
	struct ktm_txc *tx = lost->tx;
	u32 actions = suspend(lost) | KTM_ACT_NOTIFY_ALL | KTM_ACT_WAKE;
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_SINGLE_PHASE_INDOUBT;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (en == lost || ktm_enc_finished(en))
			continue;
		en->state = KTM_EN_STATE_DISCONNECTED;
		if (present(en))
			en->due |= KTM_NOTIFY_RM_DISCONNECTED;
	}
	if (durable(lost))
		return actions;
	lost->flags |= KTM_ENC_GONE;
	lost->state = KTM_EN_STATE_DISCONNECTED;
	tx->single = NULL;
	return actions | KTM_ACT_STOP_TIMER | KTM_ACT_FINISHED;
}

/* ---- the superior ---- */

static u32 sup_prepare(struct ktm_enc *sup)
{
	sup->withdraw |= KTM_NOTIFY_PREPREPARE_COMPLETE;
	return begin_phase1(sup->tx);
}

static u32 sup_commit(struct ktm_enc *sup)
{
	sup->withdraw |= REQUESTS;
	sup->flags &= ~KTM_ENC_ASKED;
	if (sup->tx->prepared_durable)
		return KTM_ACT_NOTIFY_SELF | KTM_ACT_LOG_DECISION;
	return commit_all(sup->tx);
}

static u32 sup_query(struct ktm_enc *sup)
{
	if (!logged(sup))
		return 0;
	sup->flags |= KTM_ENC_PRESENT | KTM_ENC_ASKED;
	if (sup->tx->state == KTM_TX_STATE_SUPERIOR_INDOUBT)
		sup->tx->state = KTM_TX_STATE_PREPARED;
	/* What it has decided need not be asked. */
	if (sup->tx->state == KTM_TX_STATE_PREPARED)
		sup->due |= KTM_NOTIFY_RECOVER_QUERY & sup->mask;
	return KTM_ACT_NOTIFY_SELF | KTM_ACT_WAKE;
}

static u32 sup_tell(struct ktm_enc *sup)
{
	if (!logged(sup))
		return 0;
	sup->flags |= KTM_ENC_PRESENT | KTM_ENC_ASKED;
	sup->flags &= ~KTM_ENC_TOLD;
	/* It is told anew, or later, if somebody has come back who still works at it. */
	sup->withdraw |= KTM_NOTIFY_COMMIT_COMPLETE;
	return KTM_ACT_NOTIFY_SELF | close_if_finished(sup->tx);
}

static u32 sup_reported(struct ktm_enc *sup)
{
	u32 actions = 0;

	sup->flags &= ~(KTM_ENC_UNREPORTED | KTM_ENC_TOLD | KTM_ENC_ASKED);
	if (sup->state == KTM_EN_STATE_COMMITTING) {
		sup->state = KTM_EN_STATE_COMMITTED;
		if (logged(sup)) {
			sup->tx->log_open--;
			actions |= KTM_ACT_LOG_COMPLETION;
		}
	}
	return actions | close_if_finished(sup->tx);
}

/* It has prepared and its RM is closed: whatever the log holds waits for it. */
static u32 sup_lose(struct ktm_enc *sup)
{
	u32 actions;

	if (!logged(sup))
		return lose(sup);
	actions = suspend(sup);
	if (sup->tx->state == KTM_TX_STATE_PREPARED)
		sup->tx->state = KTM_TX_STATE_SUPERIOR_INDOUBT;
	return actions | KTM_ACT_WAKE;
}

/* It has decided, or was overruled before it could: there is only an end to hear of. */
static u32 sup_detach(struct ktm_enc *sup)
{
	u32 actions = suspend(sup);

	if (logged(sup))
		return actions;
	sup->flags = (sup->flags & ~KTM_ENC_UNREPORTED) | KTM_ENC_GONE;
	if (ktm_enc_finished(sup))
		return actions | close_if_finished(sup->tx);
	return actions | complete(sup);
}

static u32 sup_drop(struct ktm_enc *sup)
{
	if (durable(sup))
		return 0;
	return sup->state == KTM_EN_STATE_PREPARED ? sup_lose(sup) : sup_detach(sup);
}

static u32 do_en(struct ktm_enc *en, u8 op)
{
	switch (op) {
	case OP_READY:
		return ready(en);
	case OP_VOTE:
		return vote(en);
	case OP_LEAVE:
		return leave(en);
	case OP_REFUSE:
	case OP_SINGLE_ABORT:
	case OP_SUP_ABORT:
		return abort_all(en->tx);
	case OP_COMPLETE:
		return complete(en);
	case OP_OUTCOME:
		return outcome(en);
	case OP_ASK:
		return ask(en);
	case OP_REJOIN:
		return rejoin(en);
	case OP_LOSE:
		return lose(en);
	case OP_DETACH:
		return detach(en);
	case OP_DROP:
		/* A durable one can still be answered for through its RM. */
		return durable(en) ? 0 : detach(en);
	case OP_SINGLE_COMMIT:
		return single_commit(en);
	case OP_SINGLE_REJECT:
		return single_reject(en);
	case OP_SINGLE_LOSE:
		return single_lose(en);
	case OP_SINGLE_DROP:
		return durable(en) ? 0 : single_lose(en);
	case OP_SUP_PREPREPARE:
		return KTM_ACT_TICK | begin_phase0(en->tx);
	case OP_SUP_PREPARE:
		return sup_prepare(en);
	case OP_SUP_COMMIT:
		return sup_commit(en);
	case OP_SUP_QUERY:
		return sup_query(en);
	case OP_SUP_TELL:
		return sup_tell(en);
	case OP_SUP_REKEY:
		en->flags &= ~KTM_ENC_ASKED;
		return 0;
	case OP_SUP_REPORTED:
		return sup_reported(en);
	case OP_SUP_LOSE:
		return sup_lose(en);
	case OP_SUP_DROP:
		return sup_drop(en);
	case OP_SUP_DETACH:
		return sup_detach(en);
	default:
		return 0;
	}
}

/**
 * ktm_txc_init - a new transaction
 * @tx: its memory
 */
void ktm_txc_init(struct ktm_txc *tx)
{
	memset(tx, 0, sizeof(*tx));
	INIT_LIST_HEAD(&tx->enlistments);
	tx->state = KTM_TX_STATE_ACTIVE;
}

/**
 * ktm_txc_init_recovered - a transaction that the log knows and has not ended
 * @tx: its memory
 * @found: what the log says of it
 */
void ktm_txc_init_recovered(struct ktm_txc *tx, enum ktm_found found)
{
	ktm_txc_init(tx);
	switch (found) {
	case KTM_FOUND_ABORT:
		tx->state = KTM_TX_STATE_ABORTING;
		break;
	case KTM_FOUND_SEALED:
		tx->state = KTM_TX_STATE_SUPERIOR_INDOUBT;
		break;
	case KTM_FOUND_COMMIT:
		tx->state = KTM_TX_STATE_COMMITTING;
		break;
	case KTM_FOUND_DOUBT:
		tx->state = KTM_TX_STATE_INDOUBT;
		break;
	}
}

/**
 * ktm_txc_can_enlist - may somebody take part now?
 * @tx: the transaction
 * @superior: as its superior
 *
 * Return: KTM_STATUS_SUCCESS, TRANSACTION_NOT_ACTIVE or SUPERIOR_EXISTS.
 */
u32 ktm_txc_can_enlist(const struct ktm_txc *tx, bool superior)
{
	if (tx->state != KTM_TX_STATE_ACTIVE &&
	    (superior || tx->state != KTM_TX_STATE_PREPREPARING))
		return KTM_STATUS_TRANSACTION_NOT_ACTIVE;
	return superior && tx->superior ? KTM_STATUS_SUPERIOR_EXISTS : KTM_STATUS_SUCCESS;
}

/* A newcomer in phase 0 that a single phase cannot do without ends it. */
static void join_phase0(struct ktm_enc *en)
{
	struct ktm_enc *single = en->tx->single;

	if (single && (durable(en) || !(en->mask & KTM_NOTIFY_RM_DISCONNECTED))) {
		en->tx->single = NULL;
		enter_phase0(single);
	}
	enter_phase0(en);
}

/**
 * ktm_txc_enlist - an RM takes part
 * @tx: a transaction of which ktm_txc_can_enlist() says SUCCESS
 * @en: memory of the enlistment
 * @mask: KTM_NOTIFY_ bits it wants; checked by the caller
 * @flags: KTM_ENC_DURABLE: it is logged and recovered; KTM_ENC_SUPERIOR
 *
 * Return: actions; in phase 0 it has something to do at once.
 */
u32 ktm_txc_enlist(struct ktm_txc *tx, struct ktm_enc *en, u32 mask, u8 flags)
{
	memset(en, 0, sizeof(*en));
	en->tx = tx;
	en->state = KTM_EN_STATE_ACTIVE;
	en->flags = KTM_ENC_PRESENT | flags;
	en->mask = mask;
	list_add_tail(&en->link, &tx->enlistments);
	if (is_superior(en)) {
		tx->superior = en;
		return 0;
	}
	tx->unvoted++;
	if (tx->state != KTM_TX_STATE_PREPREPARING)
		return 0;
	join_phase0(en);
	return KTM_ACT_NOTIFY_ALL;
}

/**
 * ktm_txc_retract - who enlisted could not be told that it did
 * @en: the enlistment; nobody has done anything with it
 *
 * Return: actions.
 */
u32 ktm_txc_retract(struct ktm_enc *en)
{
	if (!is_superior(en))
		return ktm_enc_event(en, KTM_ENEV_READ_ONLY).actions;
	/* Somebody else has driven it, who knew its GUID; what is in the log is theirs. */
	if (logged(en))
		return 0;
	if (en->state != KTM_EN_STATE_ACTIVE)
		return ktm_enc_event(en, KTM_ENEV_ROLLBACK).actions;
	en->tx->superior = NULL;
	en->state = KTM_EN_STATE_READ_ONLY;
	return 0;
}

/**
 * ktm_txc_enlist_recovered - an enlistment whose prepared record was found
 * @tx: a transaction whose outcome is known, or in doubt (and perhaps about to
 *	be settled)
 * @en: memory of the enlistment
 * @mask: its logged mask
 * @superior: it is the superior; of one that was rolled back nothing is left to do
 *
 * It waits for its RM to come and recover it. A transaction that had finished
 * in memory only has something to do again.
 */
void ktm_txc_enlist_recovered(struct ktm_txc *tx, struct ktm_enc *en, u32 mask, bool superior)
{
	memset(en, 0, sizeof(*en));
	en->tx = tx;
	en->flags = KTM_ENC_DURABLE | KTM_ENC_LOGGED | (superior ? KTM_ENC_SUPERIOR : 0);
	en->mask = mask;
	list_add_tail(&en->link, &tx->enlistments);
	tx->log_open++;
	if (superior) {
		tx->superior = en;
		tx->sealed = true;
	}
	if (ktm_txc_outcome(tx) == KTM_OUTCOME_UNDETERMINED) {
		en->state = KTM_EN_STATE_PREPARED;
		if (!superior)
			tx->prepared_durable++;
		return;
	}
	if (ktm_txc_outcome(tx) == KTM_OUTCOME_COMMITTED) {
		tx->state = KTM_TX_STATE_COMMITTING;
		en->state = KTM_EN_STATE_COMMITTING;
	} else {
		tx->state = KTM_TX_STATE_ABORTING;
		en->state = KTM_EN_STATE_ABORTING;
	}
	if (superior)
		en->flags |= KTM_ENC_UNREPORTED;
	else
		tx->unfinished++;
}

/**
 * ktm_txc_forget - an enlistment leaves the list of its transaction
 * @en: one whose transaction has finished, or whose TM goes, or after ktm_txc_expire()
 */
void ktm_txc_forget(struct ktm_enc *en)
{
	if (en->tx->superior == en)
		en->tx->superior = NULL;
	if (en->tx->single == en)
		en->tx->single = NULL;
	list_del_init(&en->link);
}

/**
 * ktm_txc_expire - a failed log is about to be read again: forget what it held
 * @en: a durable enlistment that is not in the single phase; ktm_txc_forget()
 *	follows
 *
 * What of it is in the log comes back by ktm_txc_enlist_recovered().
 */
void ktm_txc_expire(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;

	switch (en->state) {
	case KTM_EN_STATE_PREPREPARING:
		if (!is_superior(en))
			tx->unready--;
		fallthrough;
	case KTM_EN_STATE_ACTIVE:
	case KTM_EN_STATE_PREPREPARED:
	case KTM_EN_STATE_PREPARING:
		/* Rolled back next; a descriptor that outlives it must not do so again. */
		en->state = KTM_EN_STATE_ABORTED;
		if (!is_superior(en))
			tx->unvoted--;
		break;
	case KTM_EN_STATE_PREPARED:
		if (!is_superior(en))
			tx->prepared_durable--;
		break;
	case KTM_EN_STATE_COMMITTING:
	case KTM_EN_STATE_ABORTING:
		if (owes(en))
			tx->owing--;
		if (!is_superior(en))
			tx->unfinished--;
		break;
	default:
		return;
	}
	if (logged(en))
		tx->log_open--;
	en->flags = (en->flags & ~KTM_ENC_PRESENT) | KTM_ENC_GONE;
}

/**
 * ktm_txc_reopened - all that the log holds of a transaction is in place again
 * @tx: a transaction whose outcome is known
 *
 * Return: actions; it may be over now.
 */
u32 ktm_txc_reopened(struct ktm_txc *tx)
{
	return KTM_ACT_WAKE | close_if_finished(tx);
}

/* Commit is not for clients if a superior does not want to hear of it. */
static u32 check_commit(const struct ktm_txc *tx, u32 status)
{
	if (ktm_txc_outcome(tx) == KTM_OUTCOME_UNDETERMINED && tx->superior &&
	    !(tx->superior->mask & KTM_NOTIFY_COMMIT_REQUEST))
		return KTM_STATUS_SUPERIOR_EXISTS;
	return status;
}

/**
 * ktm_txc_check - would the event be accepted?
 * @tx: the transaction
 * @ev: the event
 *
 * Return: KTM_STATUS_SUCCESS or the status with which it would be refused.
 */
u32 ktm_txc_check(const struct ktm_txc *tx, enum ktm_tx_event ev)
{
	const struct ktm_cell *cell = &ktm_tx_table[tx->state][ev];
	bool seal = ev == KTM_TXEV_SEAL_HANDED || ev == KTM_TXEV_SEAL_REFUSED;

	if (ev == KTM_TXEV_COMMIT)
		return check_commit(tx, cell->status);
	switch (cell->op) {
	case OP_CLIENT_ABORT:
		if (tx->requested)
			return KTM_STATUS_REQUEST_NOT_VALID;
		break;
	case OP_HANDED:
	case OP_NOT_HANDED:
	case OP_SEAL_HANDED:
		/* Nobody was told to log anything before the last vote, nor the wrong record. */
		if (tx->unvoted)
			return KTM_STATUS_REQUEST_NOT_VALID;
		if (tx->state == KTM_TX_STATE_PREPARING && seal != !!tx->superior)
			return KTM_STATUS_REQUEST_NOT_VALID;
		break;
	case OP_FORGOTTEN:
		if (tx->log_open)
			return KTM_STATUS_LOG_CORRUPTION_DETECTED;
		break;
	default:
		break;
	}
	return cell->status;
}

/* The notification that tells a superior of the end of the phase it begins. */
static u32 response_to(enum ktm_en_event ev)
{
	switch (ev) {
	case KTM_ENEV_SUP_PREPREPARE:
		return KTM_NOTIFY_PREPREPARE_COMPLETE;
	case KTM_ENEV_SUP_PREPARE:
		return KTM_NOTIFY_PREPARE_COMPLETE;
	case KTM_ENEV_SUP_COMMIT:
		return KTM_NOTIFY_COMMIT_COMPLETE;
	default:
		return 0;
	}
}

static const struct ktm_cell *en_cell(const struct ktm_enc *en, enum ktm_en_event ev)
{
	return is_superior(en) ? &ktm_sup_table[en->state][ev] : &ktm_en_table[en->state][ev];
}

/**
 * ktm_enc_check - would the event be accepted?
 * @en: the enlistment
 * @ev: the event
 *
 * Return: KTM_STATUS_SUCCESS or the status with which it would be refused.
 */
u32 ktm_enc_check(const struct ktm_enc *en, enum ktm_en_event ev)
{
	const struct ktm_cell *cell = en_cell(en, ev);

	if (is_superior(en) && response_to(ev) & ~en->mask)
		return KTM_STATUS_RESPONSE_NOT_ENLISTED;
	switch (cell->op) {
	case OP_COMPLETE:
	case OP_SINGLE_COMMIT:
	case OP_SINGLE_REJECT:
		/* Who has not taken it up again was not asked. */
		return present(en) ? KTM_STATUS_SUCCESS : KTM_STATUS_NOT_REQUESTED;
	case OP_SINGLE_ABORT:
		return present(en) ? KTM_STATUS_SUCCESS : KTM_STATUS_REQUEST_NOT_VALID;
	case OP_REJOIN:
		if (present(en))
			return KTM_STATUS_REQUEST_NOT_VALID;
		/* The log knows nothing of it, so there is nothing to take up. */
		if (en->flags & KTM_ENC_GONE)
			return KTM_STATUS_ENLISTMENT_NOT_FOUND;
		break;
	case OP_SUP_COMMIT:
		if (en->tx->state == KTM_TX_STATE_DECIDING)
			return KTM_STATUS_TRANSACTION_NOT_ACTIVE;
		if (en->tx->state != KTM_TX_STATE_PREPARED)
			return KTM_STATUS_REQUEST_NOT_VALID;
		break;
	case OP_SUP_ABORT:
		if (en->tx->state != KTM_TX_STATE_PREPARED &&
		    en->tx->state != KTM_TX_STATE_SEALING)
			return KTM_STATUS_REQUEST_NOT_VALID;
		break;
	case OP_SUP_REKEY:
		if (!(en->flags & KTM_ENC_ASKED))
			return KTM_STATUS_REQUEST_NOT_VALID;
		break;
	case OP_SUP_REPORTED:
		if (!(en->flags & KTM_ENC_TOLD))
			return KTM_STATUS_REQUEST_NOT_VALID;
		break;
	default:
		break;
	}
	return cell->status;
}

/**
 * ktm_txc_event - something happened to a transaction
 * @tx: the transaction
 * @ev: what
 *
 * Return: the status, and what the caller must do now.
 */
struct ktm_result ktm_txc_event(struct ktm_txc *tx, enum ktm_tx_event ev)
{
	struct ktm_result r = { .status = ktm_txc_check(tx, ev) };

	if (r.status == KTM_STATUS_SUCCESS)
		r.actions = do_tx(tx, ktm_tx_table[tx->state][ev].op);
	return r;
}

/**
 * ktm_enc_event - something happened to an enlistment
 * @en: the enlistment
 * @ev: what
 *
 * Return: the status, and what the caller must do now.
 */
struct ktm_result ktm_enc_event(struct ktm_enc *en, enum ktm_en_event ev)
{
	struct ktm_result r = { .status = ktm_enc_check(en, ev) };

	if (r.status == KTM_STATUS_SUCCESS)
		r.actions = do_en(en, en_cell(en, ev)->op);
	return r;
}
