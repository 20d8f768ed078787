// SPDX-License-Identifier: GPL-2.0
/*
 * The log of the small world: what is durable, and in order what is not yet.
 */
#include "protocol_world.h"

/* Is the record in the log, durable or not? */
bool log_holds(const struct world *w, u8 record)
{
	u8 bit = 1 << (record & REC_EN);
	int i;

	for (i = 0; i < w->nvolatile; i++)
		if ((w->vol[i] & record) == record && (w->vol[i] & REC_EN) == (record & REC_EN))
			return true;
	if (record & REC_PREPARED)
		return w->log_prepared & bit;
	if (record & REC_COMPLETION)
		return w->log_completed & bit;
	return w->log_bits & LOG_DECISION;
}

/* Does the log still speak of the transaction? */
bool log_live(const struct world *w)
{
	bool live = w->log_prepared && !(w->log_bits & LOG_END);
	int i;

	for (i = 0; i < w->nvolatile; i++)
		live = !(w->vol[i] & REC_END);
	return live;
}

/* Behind all others, not durable. */
void sim_log_append(struct sim *s, u8 record)
{
	if (s->w.nvolatile == MAX_VOLATILE) {
		bad(s, "more records than a transaction can have");
		return;
	}
	s->w.vol[s->w.nvolatile++] = record;
}

/* The first @count records reach the medium, the others are lost or still wait. */
void sim_log_write(struct sim *s, int count, bool lose)
{
	struct world *w = &s->w;
	int i;

	for (i = 0; i < count; i++) {
		u8 rec = w->vol[i];

		if (rec & REC_PREPARED)
			w->log_prepared |= 1 << (rec & REC_EN);
		if (rec & REC_COMPLETION)
			w->log_completed |= 1 << (rec & REC_EN);
		if (rec & REC_END)
			w->log_bits |= LOG_END;
		if (rec & REC_DECISION) {
			w->log_bits |= LOG_DECISION;
			w->bits |= W_DECISION_DURABLE;
		}
	}
	if (!lose && count != w->nvolatile)
		bad(s, "the test itself: part of a force");
	memset(w->vol, 0, sizeof(w->vol));
	w->nvolatile = 0;
}

/* The log knows the transaction no more. */
void sim_log_clear(struct world *w)
{
	w->log_prepared = 0;
	w->log_completed = 0;
	w->log_bits = 0;
}
