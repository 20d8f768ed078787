// SPDX-License-Identifier: GPL-2.0
/*
 * Worlds into life and back. A world is frozen in one form of all those that
 * behave alike: what cannot matter any more is forgotten, and participants that
 * could change places stand in one order.
 */
#include "protocol_world.h"

/* KTM_NOTIFY_ bits of an enlistment of that kind. */
u32 kind_mask(int i, u8 kind)
{
	u32 mask = i == SUP ? KTM_NOTIFY_SUPERIOR_REQUIRED : KTM_NOTIFY_REQUIRED;

	if (kind & KIND_P)
		mask |= KTM_NOTIFY_PREPREPARE;
	if (kind & KIND_S)
		mask |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	if (kind & KIND_D)
		mask |= KTM_NOTIFY_RM_DISCONNECTED;
	if (kind & KIND_RECOVERY)
		mask |= KTM_NOTIFY_RECOVER | KTM_NOTIFY_INDOUBT | KTM_NOTIFY_LAST_RECOVER;
	if (kind & KIND_PHASES)
		mask |= KTM_NOTIFY_PREPREPARE_COMPLETE | KTM_NOTIFY_PREPARE_COMPLETE |
			KTM_NOTIFY_COMMIT_COMPLETE;
	if (kind & KIND_REQUEST)
		mask |= KTM_NOTIFY_COMMIT_REQUEST;
	if (kind & KIND_REST)
		mask |= KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY |
			KTM_NOTIFY_REQUEST_OUTCOME;
	return mask;
}

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->bits = W_TX_IN_MEMORY;
}

static void load_tx(struct sim *s)
{
	const u8 *tx = s->w.tx;

	INIT_LIST_HEAD(&s->tx.enlistments);
	s->tx.state = tx[TX_STATE];
	s->tx.requested = tx[TX_BITS] & TXB_REQUESTED;
	s->tx.alone = tx[TX_BITS] & TXB_ALONE;
	s->tx.overdue = tx[TX_BITS] & TXB_OVERDUE;
	s->tx.sealed = tx[TX_BITS] & TXB_SEALED;
	s->tx.unready = tx[TX_UNREADY];
	s->tx.unvoted = tx[TX_UNVOTED];
	s->tx.prepared_durable = tx[TX_PREPARED];
	s->tx.log_open = tx[TX_LOG_OPEN];
	s->tx.unfinished = tx[TX_UNFINISHED];
	s->tx.owing = tx[TX_OWING];
}

/**
 * sim_load - bring a world to life
 * @s: where
 * @w: the world
 * @cfg: who takes part
 */
void sim_load(struct sim *s, const struct world *w, const struct config *cfg)
{
	int i;

	memset(s, 0, sizeof(*s));
	s->w = *w;
	s->cfg = cfg;
	s->event_en = -1;
	s->closing = -1;
	if (!tx_in_memory(s))
		return;
	load_tx(s);
	for (i = 0; i < MAX_EN; i++) {
		if (!in_memory(s, i))
			continue;
		s->en[i].tx = &s->tx;
		s->en[i].state = w->en[i].state;
		s->en[i].flags = w->en[i].flags;
		s->en[i].mask = kind_mask(i, w->en[i].kind);
		list_add_tail(&s->en[i].link, &s->tx.enlistments);
		if (w->en[i].own & OWN_SINGLE)
			s->tx.single = &s->en[i];
		if (w->en[i].own & OWN_DRIVES)
			s->tx.superior = &s->en[i];
	}
}

static void store_tx(struct sim *s)
{
	u8 *tx = s->w.tx;

	tx[TX_STATE] = s->tx.state;
	tx[TX_UNREADY] = s->tx.unready;
	tx[TX_UNVOTED] = s->tx.unvoted;
	tx[TX_PREPARED] = s->tx.prepared_durable;
	tx[TX_LOG_OPEN] = s->tx.log_open;
	tx[TX_UNFINISHED] = s->tx.unfinished;
	tx[TX_OWING] = s->tx.owing;
	/* Nobody asks any more when the outcome is known. */
	if (ktm_txc_outcome(&s->tx) != KTM_OUTCOME_UNDETERMINED)
		return;
	if (s->tx.requested)
		tx[TX_BITS] |= TXB_REQUESTED;
	if (s->tx.sealed)
		tx[TX_BITS] |= TXB_SEALED;
	if (s->tx.single && s->tx.alone)
		tx[TX_BITS] |= TXB_ALONE;
	if (s->tx.single && s->tx.overdue)
		tx[TX_BITS] |= TXB_OVERDUE;
}

/* What was read matters only while it can be answered. */
static u16 read_that_matters(const struct ktm_enc *en)
{
	switch (en->state) {
	case KTM_EN_STATE_PREPREPARING:
		return 1 << NOTE_PREPREPARE;
	case KTM_EN_STATE_PREPREPARED:
		return 1 << NOTE_PREPREPARED;
	case KTM_EN_STATE_PREPARING:
		return 1 << NOTE_PREPARE;
	case KTM_EN_STATE_SINGLE_PHASE:
		return 1 << NOTE_SINGLE | 1 << NOTE_RECOVER;
	case KTM_EN_STATE_PREPARED:
		return 1 << NOTE_INDOUBT | 1 << NOTE_RECOVER | READ_TO_DECIDE;
	case KTM_EN_STATE_COMMITTING:
		return 1 << NOTE_COMMIT | 1 << NOTE_RECOVER;
	case KTM_EN_STATE_ABORTING:
		return 1 << NOTE_ROLLBACK | 1 << NOTE_RECOVER;
	default:
		return 0;
	}
}

static void store_en(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];

	en->state = 0;
	en->flags = 0;
	en->own &= ~(OWN_SINGLE | OWN_DRIVES);
	if (!in_memory(s, i)) {
		en->kind &= ~KIND_EARLY;
		return;
	}
	en->state = s->en[i].state;
	en->flags = s->en[i].flags;
	en->read &= read_that_matters(&s->en[i]);
	if (s->tx.single == &s->en[i])
		en->own |= OWN_SINGLE;
	if (s->tx.superior == &s->en[i])
		en->own |= OWN_DRIVES;
	if (en->own & OWN_PRESENT)
		en->read &= ~(1 << NOTE_RECOVER);
	if (s->tx.state != KTM_TX_STATE_ACTIVE && !s->tx.single)
		en->kind &= ~KIND_EARLY;
	if (unfinished(en->state))
		return;
	en->own &= ~(OWN_PRESENT | OWN_RECOVERED);
	if (!(en->flags & KTM_ENC_UNREPORTED))
		en->flags &= KTM_ENC_DURABLE | KTM_ENC_SUPERIOR;
}

/* Nothing that its RM does will ever matter for this one. */
static bool over(const struct world *w, int i)
{
	const struct world_en *en = &w->en[i];

	if (!enlisted(w, i))
		return true;
	if (en->data == DATA_STAGED || en->queue || en->disk)
		return false;
	if (i == SUP && en->data == DATA_APPLIED && !(en->own & OWN_HEARD))
		return false;
	return !(en->own & OWN_IN_MEMORY) ||
	       (!unfinished(en->state) && !(en->flags & KTM_ENC_UNREPORTED));
}

static void forget_rms(struct world *w, const struct config *cfg)
{
	bool needed[MAX_EN] = { };
	int i;

	if (w->bits & W_OFFLINE)
		return;
	for (i = 0; i < MAX_EN; i++)
		needed[cfg->rm[i]] |= !over(w, i);
	for (i = 0; i < MAX_EN; i++)
		if (!needed[i])
			w->rm[i] = RM_ONLINE;
}

/* Where its records stand in the part of the log that is not durable. */
static u32 places(const struct world *w, int i)
{
	u32 at = 0;
	int n;

	for (n = 0; n < MAX_VOLATILE && w->vol[n]; n++)
		if (REC_EN(w->vol[n]) == i && REC_KIND(w->vol[n]) != REC_COMMIT &&
		    REC_KIND(w->vol[n]) != REC_ABORT)
			at |= 1 << n;
	return at;
}

static int compare(const struct world *w, int a, int b)
{
	int c = memcmp(&w->en[a], &w->en[b], sizeof(w->en[a]));

	/* Greater ones first: those that are not there come last. */
	if (c)
		return -c;
	if (w->rm[a] != w->rm[b])
		return (int)w->rm[b] - (int)w->rm[a];
	return (int)places(w, b) - (int)places(w, a);
}

static void exchange(struct world *w, const struct config *cfg, int a, int b)
{
	struct world_en en = w->en[a];
	int n;

	w->en[a] = w->en[b];
	w->en[b] = en;
	if (cfg->rm[a] != cfg->rm[b]) {
		u8 rm = w->rm[a];

		w->rm[a] = w->rm[b];
		w->rm[b] = rm;
	}
	for (n = 0; n < MAX_VOLATILE && w->vol[n]; n++) {
		u8 kind = REC_KIND(w->vol[n]), of = REC_EN(w->vol[n]);

		if (kind == REC_COMMIT || kind == REC_ABORT)
			continue;
		if (of == a)
			w->vol[n] = kind | b;
		else if (of == b)
			w->vol[n] = kind | a;
	}
}

/* Do two participants differ only by what happened to them? */
static bool alike(const struct config *cfg, int a, int b)
{
	int i;

	if (cfg->rm[a] == cfg->rm[b])
		return true;
	/* An RM with two enlistments is not one with one. */
	for (i = 0; i < MAX_EN; i++)
		if ((i != a && cfg->rm[i] == cfg->rm[a]) || (i != b && cfg->rm[i] == cfg->rm[b]))
			return false;
	return true;
}

static void sort(struct world *w, const struct config *cfg)
{
	int a, b;

	for (a = 0; a < cfg->subs; a++)
		for (b = a + 1; b < cfg->subs; b++)
			if (alike(cfg, a, b) && compare(w, a, b) > 0)
				exchange(w, cfg, a, b);
}

/**
 * sim_store - freeze a world again
 * @s: the world; @s->w is then complete
 */
void sim_store(struct sim *s)
{
	int i;

	memset(s->w.tx, 0, sizeof(s->w.tx));
	if (tx_in_memory(s))
		store_tx(s);
	for (i = 0; i < MAX_EN; i++)
		if (enlisted(&s->w, i))
			store_en(s, i);
	forget_rms(&s->w, s->cfg);
	sort(&s->w, s->cfg);
}
