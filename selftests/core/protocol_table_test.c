// SPDX-License-Identifier: GPL-2.0
/*
 * What each event comes to in each situation, as the semantics text says it.
 * The tables here were written from that text (the numbers are its sections)
 * and not from the tables of protocol.c; every situation is reached through
 * events, so that the way there is tested, too.
 *
 * Where the text is silent between two statuses, "open:" says what was chosen.
 */
#include <stdio.h>

#include "../../kernel/core/protocol.h"

#define MASK	KTM_NOTIFY_TWO_PHASE

/**
 * struct scene - a transaction, the enlistment that is looked at, and another
 * @tx: the transaction
 * @en: the enlistment
 * @other: the other one, if there is one
 */
struct scene {
	struct ktm_txc tx;
	struct ktm_enc en;
	struct ktm_enc other;
};

/**
 * struct cell - what an event comes to
 * @status: enum ktm_status
 * @tx: then, if it is accepted: state of the transaction
 * @en: then: state of the enlistment
 */
struct cell {
	u32 status;
	u8 tx;
	u8 en;
};

#define NO(st)		{ .status = KTM_STATUS_##st }
#define INVALID		NO(REQUEST_NOT_VALID)
#define NOBODY_ASKED	NO(NOT_REQUESTED)
#define COMMITTED	NO(ALREADY_COMMITTED)
#define ABORTED		NO(ALREADY_ABORTED)
#define UNKNOWN		NO(ENLISTMENT_NOT_FOUND)
#define DAMAGE		NO(LOG_CORRUPTION_DETECTED)
#define TX(st)		{ .tx = KTM_TX_STATE_##st }
#define EN(t, e)	{ .tx = KTM_TX_STATE_##t, .en = KTM_EN_STATE_##e }

static bool broken;	/* a situation could not be reached */

static void tx(struct scene *w, enum ktm_tx_event ev)
{
	if (ktm_txc_event(&w->tx, ev).status != KTM_STATUS_SUCCESS)
		broken = true;
}

static void en(struct ktm_enc *enc, enum ktm_en_event ev)
{
	if (ktm_enc_event(enc, ev).status != KTM_STATUS_SUCCESS)
		broken = true;
}

/* ---- situations ---- */

static void nobody(struct scene *w)
{
	ktm_txc_init(&w->tx);
}

static void active(struct scene *w, bool durable)
{
	ktm_txc_init(&w->tx);
	if (ktm_txc_enlist(&w->tx, &w->en, MASK, durable) != KTM_STATUS_SUCCESS ||
	    w->en.due || w->en.withdraw)
		broken = true;
}

static void active_durable(struct scene *w)
{
	active(w, true);
}

static void active_volatile(struct scene *w)
{
	active(w, false);
}

static void preparing(struct scene *w)
{
	active(w, true);
	tx(w, KTM_TXEV_COMMIT);
}

static void preparing_volatile(struct scene *w)
{
	active(w, false);
	tx(w, KTM_TXEV_COMMIT);
}

static void all_voted(struct scene *w)
{
	preparing(w);
	en(&w->en, KTM_ENEV_PREPARE_COMPLETE);
}

static void deciding(struct scene *w)
{
	all_voted(w);
	tx(w, KTM_TXEV_DECISION_HANDED);
}

static void indoubt(struct scene *w)
{
	deciding(w);
	tx(w, KTM_TXEV_DECISION_FAILED);
}

static void committing(struct scene *w)
{
	deciding(w);
	tx(w, KTM_TXEV_DECISION_DURABLE);
}

static void committing_volatile(struct scene *w)
{
	preparing_volatile(w);
	en(&w->en, KTM_ENEV_PREPARE_COMPLETE);
}

static void committed(struct scene *w)
{
	committing(w);
	en(&w->en, KTM_ENEV_COMMIT_COMPLETE);
}

static void aborting_unvoted(struct scene *w)
{
	active(w, true);
	tx(w, KTM_TXEV_ROLLBACK);
}

static void aborting_volatile(struct scene *w)
{
	active(w, false);
	tx(w, KTM_TXEV_ROLLBACK);
}

static void aborting(struct scene *w)
{
	all_voted(w);
	tx(w, KTM_TXEV_DECISION_REFUSED);
}

static void aborted(struct scene *w)
{
	aborting(w);
	en(&w->en, KTM_ENEV_ROLLBACK_COMPLETE);
}

/* Voted; the other, a volatile one, has not. */
static void prepared(struct scene *w, bool durable)
{
	active(w, durable);
	if (ktm_txc_enlist(&w->tx, &w->other, MASK, false) != KTM_STATUS_SUCCESS)
		broken = true;
	tx(w, KTM_TXEV_COMMIT);
	en(&w->en, KTM_ENEV_PREPARE_COMPLETE);
}

static void prepared_durable(struct scene *w)
{
	prepared(w, true);
}

static void prepared_volatile(struct scene *w)
{
	prepared(w, false);
}

static void prepared_away(struct scene *w)
{
	prepared(w, true);
	en(&w->en, KTM_ENEV_RM_CLOSE);
}

static void prepared_gone(struct scene *w)
{
	prepared(w, false);
	en(&w->en, KTM_ENEV_CLOSE);
}

/* The durable one has completed, the volatile one has not. */
static void committing_log_ended(struct scene *w)
{
	prepared(w, true);
	en(&w->other, KTM_ENEV_PREPARE_COMPLETE);
	tx(w, KTM_TXEV_DECISION_HANDED);
	tx(w, KTM_TXEV_DECISION_DURABLE);
	en(&w->en, KTM_ENEV_COMMIT_COMPLETE);
}

static void committing_away(struct scene *w)
{
	committing(w);
	en(&w->en, KTM_ENEV_RM_CLOSE);
}

static void aborting_away(struct scene *w)
{
	aborting(w);
	en(&w->en, KTM_ENEV_RM_CLOSE);
}

static void recovered(struct scene *w, bool committed)
{
	ktm_txc_init_recovered(&w->tx, committed);
	ktm_txc_enlist_recovered(&w->tx, &w->en, MASK);
	if (w->en.due || w->en.withdraw)
		broken = true;
}

static void recovered_committing(struct scene *w)
{
	recovered(w, true);
}

static void recovered_aborting(struct scene *w)
{
	recovered(w, false);
}

static void left_active(struct scene *w)
{
	active(w, true);
	en(&w->en, KTM_ENEV_READ_ONLY);
}

static void left_committed(struct scene *w)
{
	preparing(w);
	en(&w->en, KTM_ENEV_READ_ONLY);
}

/* ---- what happens to a transaction ---- */

static const char *const tx_events[KTM_NR_TX_EVENTS] = {
	"Commit", "Rollback", "close", "time-out", "decision handed over", "decision refused",
	"decision durable", "decision failed", "log holds it", "log does not hold it",
};

/*
 * In the order of enum ktm_tx_event. Commit: 5.1. Rollback: 6, before Commit;
 * later it is out of order (10), and open: aborted already, told so as by
 * Commit. Close: 1, rolls back before Commit. Time-out, and any failure before
 * the decision: 6, ends when the decision is handed over. What the journal
 * reports: 5.4 and 5.5. What a reopened log says: 7 and 5.5; a log that says
 * what cannot be is damaged, and nothing is settled while a force runs.
 */
static const struct {
	const char *name;
	void (*reach)(struct scene *w);
	struct cell cell[KTM_NR_TX_EVENTS];
} tx_rows[] = {
	{ "active, nobody enlisted", nobody,
	  { TX(COMMITTED), TX(ABORTED), TX(ABORTED), TX(ABORTED), INVALID, INVALID, INVALID,
	    INVALID, DAMAGE, TX(ABORTED) } },
	{ "active", active_durable,
	  { TX(PREPARING), TX(ABORTING), TX(ABORTING), TX(ABORTING), INVALID, INVALID, INVALID,
	    INVALID, DAMAGE, TX(ABORTING) } },
	{ "preparing, a vote is missing", preparing,
	  { INVALID, INVALID, TX(PREPARING), TX(ABORTING), INVALID, INVALID, INVALID, INVALID,
	    DAMAGE, TX(ABORTING) } },
	{ "preparing, all have voted", all_voted,
	  { INVALID, INVALID, TX(PREPARING), TX(ABORTING), TX(DECIDING), TX(ABORTING), INVALID,
	    INVALID, DAMAGE, TX(ABORTING) } },
	{ "deciding", deciding,
	  { INVALID, INVALID, TX(DECIDING), TX(DECIDING), INVALID, INVALID, TX(COMMITTING),
	    TX(INDOUBT), INVALID, INVALID } },
	{ "in doubt", indoubt,
	  { INVALID, INVALID, TX(INDOUBT), TX(INDOUBT), INVALID, INVALID, INVALID, INVALID,
	    TX(COMMITTING), TX(ABORTING) } },
	{ "committing", committing,
	  { COMMITTED, COMMITTED, TX(COMMITTING), TX(COMMITTING), INVALID, INVALID, INVALID,
	    INVALID, TX(COMMITTING), DAMAGE } },
	{ "committing, nothing logged", committing_volatile,
	  { COMMITTED, COMMITTED, TX(COMMITTING), TX(COMMITTING), INVALID, INVALID, INVALID,
	    INVALID, TX(COMMITTING), TX(COMMITTING) } },
	{ "committing, ended in the log", committing_log_ended,
	  { COMMITTED, COMMITTED, TX(COMMITTING), TX(COMMITTING), INVALID, INVALID, INVALID,
	    INVALID, TX(COMMITTING), TX(COMMITTING) } },
	{ "committing, found in the log", recovered_committing,
	  { COMMITTED, COMMITTED, TX(COMMITTING), TX(COMMITTING), INVALID, INVALID, INVALID,
	    INVALID, TX(COMMITTING), DAMAGE } },
	{ "committed", committed,
	  { COMMITTED, COMMITTED, TX(COMMITTED), TX(COMMITTED), INVALID, INVALID, INVALID, INVALID,
	    TX(COMMITTED), TX(COMMITTED) } },
	{ "aborting", aborting,
	  { ABORTED, ABORTED, TX(ABORTING), TX(ABORTING), INVALID, INVALID, INVALID, INVALID,
	    DAMAGE, TX(ABORTING) } },
	{ "aborting, found in the log", recovered_aborting,
	  { ABORTED, ABORTED, TX(ABORTING), TX(ABORTING), INVALID, INVALID, INVALID, INVALID,
	    DAMAGE, TX(ABORTING) } },
	{ "aborted", aborted,
	  { ABORTED, ABORTED, TX(ABORTED), TX(ABORTED), INVALID, INVALID, INVALID, INVALID, DAMAGE,
	    TX(ABORTED) } },
};

/* ---- what happens to an enlistment ---- */

static const char *const en_events[KTM_NR_EN_EVENTS] = {
	"PrepareComplete", "ReadOnly", "Rollback", "CommitComplete", "RollbackComplete",
	"RM recovers", "RecoverEnlistment", "RM closed", "own descriptors closed",
};

/*
 * In the order of enum ktm_en_event. A Complete that nobody asked for: 10; open:
 * a PrepareComplete that a rollback has overtaken is told so. ReadOnly: 5.7,
 * before PrepareComplete. Rollback: 6, before PrepareComplete, then not valid;
 * committed: already committed. Open: for an aborted one both say so, and who
 * has left is out of order. Recovery: 7; only an unfinished one that the log
 * knows and that its RM does not have is taken up. Close: 1, and its decisions
 * on volatile enlistments and on RMs that nobody has open.
 */
static const struct {
	const char *name;
	void (*reach)(struct scene *w);
	struct cell cell[KTM_NR_EN_EVENTS];
} en_rows[] = {
	{ "active, durable", active_durable,
	  { NOBODY_ASKED, EN(ACTIVE, READ_ONLY), EN(ABORTING, ABORTING), NOBODY_ASKED, NOBODY_ASKED,
	    EN(ACTIVE, ACTIVE), NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTING, ABORTING) } },
	{ "active, volatile", active_volatile,
	  { NOBODY_ASKED, EN(ACTIVE, READ_ONLY), EN(ABORTING, ABORTING), NOBODY_ASKED, NOBODY_ASKED,
	    EN(ACTIVE, ACTIVE), NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTING, ABORTING) } },
	{ "preparing, durable", preparing,
	  { EN(PREPARING, PREPARED), EN(COMMITTED, READ_ONLY), EN(ABORTING, ABORTING), NOBODY_ASKED,
	    NOBODY_ASKED, EN(PREPARING, PREPARING), NOBODY_ASKED, EN(ABORTED, ABORTED),
	    EN(ABORTING, ABORTING) } },
	{ "preparing, volatile", preparing_volatile,
	  { EN(COMMITTING, COMMITTING), EN(COMMITTED, READ_ONLY), EN(ABORTING, ABORTING),
	    NOBODY_ASKED, NOBODY_ASKED, EN(PREPARING, PREPARING), NOBODY_ASKED,
	    EN(ABORTED, ABORTED), EN(ABORTING, ABORTING) } },
	{ "prepared, durable, another has not voted", prepared_durable,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(PREPARING, PREPARED),
	    NOBODY_ASKED, EN(PREPARING, PREPARED), EN(PREPARING, PREPARED) } },
	{ "prepared, volatile, another has not voted", prepared_volatile,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(PREPARING, PREPARED),
	    NOBODY_ASKED, EN(PREPARING, PREPARED), EN(PREPARING, PREPARED) } },
	{ "prepared, its RM was closed", prepared_away,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(PREPARING, PREPARED),
	    EN(PREPARING, PREPARED), EN(PREPARING, PREPARED), EN(PREPARING, PREPARED) } },
	{ "prepared, volatile and closed", prepared_gone,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(PREPARING, PREPARED),
	    UNKNOWN, EN(PREPARING, PREPARED), EN(PREPARING, PREPARED) } },
	{ "prepared, being decided", deciding,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(DECIDING, PREPARED),
	    NOBODY_ASKED, EN(DECIDING, PREPARED), EN(DECIDING, PREPARED) } },
	{ "prepared, in doubt", indoubt,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(INDOUBT, PREPARED),
	    NOBODY_ASKED, EN(INDOUBT, PREPARED), EN(INDOUBT, PREPARED) } },
	{ "committing, durable", committing,
	  { NOBODY_ASKED, COMMITTED, COMMITTED, EN(COMMITTED, COMMITTED), NOBODY_ASKED,
	    EN(COMMITTING, COMMITTING), NOBODY_ASKED, EN(COMMITTING, COMMITTING),
	    EN(COMMITTING, COMMITTING) } },
	{ "committing, volatile", committing_volatile,
	  { NOBODY_ASKED, COMMITTED, COMMITTED, EN(COMMITTED, COMMITTED), NOBODY_ASKED,
	    EN(COMMITTING, COMMITTING), NOBODY_ASKED, EN(COMMITTED, COMMITTED),
	    EN(COMMITTED, COMMITTED) } },
	{ "committing, its RM was closed", committing_away,
	  { NOBODY_ASKED, COMMITTED, COMMITTED, NOBODY_ASKED, NOBODY_ASKED,
	    EN(COMMITTING, COMMITTING), EN(COMMITTING, COMMITTING), EN(COMMITTING, COMMITTING),
	    EN(COMMITTING, COMMITTING) } },
	{ "committing, found in the log", recovered_committing,
	  { NOBODY_ASKED, COMMITTED, COMMITTED, NOBODY_ASKED, NOBODY_ASKED,
	    EN(COMMITTING, COMMITTING), EN(COMMITTING, COMMITTING), EN(COMMITTING, COMMITTING),
	    EN(COMMITTING, COMMITTING) } },
	{ "committed", committed,
	  { NOBODY_ASKED, COMMITTED, COMMITTED, NOBODY_ASKED, NOBODY_ASKED,
	    EN(COMMITTED, COMMITTED), UNKNOWN, EN(COMMITTED, COMMITTED),
	    EN(COMMITTED, COMMITTED) } },
	{ "aborting, had voted", aborting,
	  { ABORTED, ABORTED, ABORTED, NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTING, ABORTING),
	    NOBODY_ASKED, EN(ABORTING, ABORTING), EN(ABORTING, ABORTING) } },
	{ "aborting, had not voted", aborting_unvoted,
	  { ABORTED, ABORTED, ABORTED, NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTING, ABORTING),
	    NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTING, ABORTING) } },
	{ "aborting, volatile", aborting_volatile,
	  { ABORTED, ABORTED, ABORTED, NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTING, ABORTING),
	    NOBODY_ASKED, EN(ABORTED, ABORTED), EN(ABORTED, ABORTED) } },
	{ "aborting, its RM was closed", aborting_away,
	  { ABORTED, ABORTED, ABORTED, NOBODY_ASKED, NOBODY_ASKED, EN(ABORTING, ABORTING),
	    EN(ABORTING, ABORTING), EN(ABORTING, ABORTING), EN(ABORTING, ABORTING) } },
	{ "aborting, found in the log", recovered_aborting,
	  { ABORTED, ABORTED, ABORTED, NOBODY_ASKED, NOBODY_ASKED, EN(ABORTING, ABORTING),
	    EN(ABORTING, ABORTING), EN(ABORTING, ABORTING), EN(ABORTING, ABORTING) } },
	{ "aborted", aborted,
	  { ABORTED, ABORTED, ABORTED, NOBODY_ASKED, NOBODY_ASKED, EN(ABORTED, ABORTED), UNKNOWN,
	    EN(ABORTED, ABORTED), EN(ABORTED, ABORTED) } },
	{ "left, the transaction is active", left_active,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(ACTIVE, READ_ONLY),
	    UNKNOWN, EN(ACTIVE, READ_ONLY), EN(ACTIVE, READ_ONLY) } },
	{ "left, the transaction is committed", left_committed,
	  { NOBODY_ASKED, INVALID, INVALID, NOBODY_ASKED, NOBODY_ASKED, EN(COMMITTED, READ_ONLY),
	    UNKNOWN, EN(COMMITTED, READ_ONLY), EN(COMMITTED, READ_ONLY) } },
};

/* ---- compare ---- */

static int tests, failures;

static void result(bool ok, const char *kind, const char *name)
{
	printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", ++tests, kind, name);
	failures += !ok;
}

static void reach(struct scene *w, void (*how)(struct scene *w))
{
	memset(w, 0xa5, sizeof(*w));
	broken = false;
	how(w);
}

static bool same(const struct scene *w, const struct scene *before, struct ktm_result r,
		 u32 checked, const struct cell *want, bool with_en, const char *event)
{
	if (broken) {
		printf("# %s: the situation cannot be reached\n", event);
		return false;
	}
	if (r.status != want->status || checked != want->status) {
		printf("# %s: status %u, checked %u, should be %u\n", event, r.status, checked,
		       want->status);
		return false;
	}
	if (r.status) {
		if (!r.actions && !memcmp(w, before, sizeof(*w)))
			return true;
		printf("# %s: refused, but something has changed\n", event);
		return false;
	}
	if (w->tx.state == want->tx && (!with_en || w->en.state == want->en))
		return true;
	printf("# %s: transaction %u, should be %u; enlistment %u, should be %u\n", event,
	       w->tx.state, want->tx, w->en.state, with_en ? want->en : w->en.state);
	return false;
}

int main(void)
{
	struct scene w, before;
	struct ktm_result r;
	size_t i;
	u32 can;
	int ev;

	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(tx_rows) + ARRAY_SIZE(en_rows));
	for (i = 0; i < ARRAY_SIZE(tx_rows); i++) {
		bool ok = true;

		for (ev = 0; ev < KTM_NR_TX_EVENTS; ev++) {
			reach(&w, tx_rows[i].reach);
			before = w;
			can = ktm_txc_check(&w.tx, ev);
			r = ktm_txc_event(&w.tx, ev);
			ok &= same(&w, &before, r, can, &tx_rows[i].cell[ev], false, tx_events[ev]);
		}
		result(ok, "transaction", tx_rows[i].name);
	}
	for (i = 0; i < ARRAY_SIZE(en_rows); i++) {
		bool ok = true;

		for (ev = 0; ev < KTM_NR_EN_EVENTS; ev++) {
			reach(&w, en_rows[i].reach);
			before = w;
			can = ktm_enc_check(&w.en, ev);
			r = ktm_enc_event(&w.en, ev);
			ok &= same(&w, &before, r, can, &en_rows[i].cell[ev], true, en_events[ev]);
		}
		result(ok, "enlistment", en_rows[i].name);
	}
	return failures != 0;
}
