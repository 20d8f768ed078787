// SPDX-License-Identifier: GPL-2.0
/*
 * The log of the small world: what is durable, and in order what is not yet.
 */
#include "protocol_world.h"

/* How many records are not durable. */
int log_waiting(const struct world *w)
{
	int n = 0;

	while (n < MAX_VOLATILE && w->vol[n])
		n++;
	return n;
}

static bool is_completion(u8 rec)
{
	return REC_KIND(rec) == REC_COMPLETION || REC_KIND(rec) == REC_END;
}

/* Is the record in the log, durable or not? @i: of whom, if it is somebody's */
bool log_holds(const struct world *w, u8 kind, int i)
{
	int n;

	for (n = 0; n < MAX_VOLATILE && w->vol[n]; n++) {
		if (kind == REC_COMPLETION ? is_completion(w->vol[n]) && REC_EN(w->vol[n]) == i :
					     w->vol[n] == (kind | i))
			return true;
	}
	switch (kind) {
	case REC_PREPARED:
		return w->en[i].disk & DISK_PREPARED;
	case REC_COMPLETION:
		return w->en[i].disk & DISK_COMPLETED;
	case REC_COMMIT:
		return w->bits & W_LOG_COMMIT;
	default:
		return w->bits & W_LOG_ABORT;
	}
}

/* Does the log still speak of the transaction? */
bool log_live(const struct world *w)
{
	bool live = false;
	int i;

	for (i = 0; i < MAX_EN; i++)
		live |= w->en[i].disk & DISK_PREPARED;
	live &= !(w->bits & W_LOG_END);
	for (i = 0; i < MAX_VOLATILE && w->vol[i]; i++)
		live = REC_KIND(w->vol[i]) != REC_END;
	return live;
}

/* Behind all others, not durable. */
void sim_log_append(struct sim *s, u8 record)
{
	int n = log_waiting(&s->w);

	if (s->cfg->log == LOG_NONE)
		bad(s, "a record in the log of a volatile TM");
	else if (n == MAX_VOLATILE)
		bad(s, "more records than a transaction can have");
	else
		s->w.vol[n] = record;
}

static void write_one(struct world *w, u8 rec)
{
	struct world_en *en = &w->en[REC_EN(rec)];

	switch (REC_KIND(rec)) {
	case REC_PREPARED:
		en->disk |= DISK_PREPARED;
		if (REC_EN(rec) == SUP)
			w->bits |= W_SEAL_DURABLE;
		break;
	case REC_COMMIT:
		w->bits |= W_LOG_COMMIT | W_DECISION_DURABLE;
		break;
	case REC_ABORT:
		w->bits |= W_LOG_ABORT;
		break;
	case REC_END:
		w->bits |= W_LOG_END;
		en->disk |= DISK_COMPLETED;
		break;
	case REC_COMPLETION:
		en->disk |= DISK_COMPLETED;
		break;
	}
}

/* The first @count records reach the medium, the others are lost. */
void sim_log_write(struct sim *s, int count)
{
	int i;

	for (i = 0; i < count; i++)
		write_one(&s->w, s->w.vol[i]);
	memset(s->w.vol, 0, sizeof(s->w.vol));
}

/* What the durable log says of a transaction of which it speaks. */
enum ktm_found log_found(const struct world *w)
{
	if (w->bits & W_LOG_COMMIT)
		return KTM_FOUND_COMMIT;
	if (w->en[SUP].disk & DISK_PREPARED && !(w->bits & W_LOG_ABORT))
		return KTM_FOUND_SEALED;
	return KTM_FOUND_ABORT;
}

/* The log knows the transaction no more. */
void log_clear(struct world *w)
{
	int i;

	for (i = 0; i < MAX_EN; i++)
		w->en[i].disk = 0;
	w->bits &= ~(W_LOG_COMMIT | W_LOG_ABORT | W_LOG_END);
}

/* A log that was opened begins with what lives. */
void log_begin(struct world *w)
{
	bool live = log_live(w), abort = log_found(w) == KTM_FOUND_ABORT;
	int i;

	for (i = 0; i < MAX_EN; i++) {
		if (w->en[i].disk & DISK_COMPLETED)
			w->en[i].disk = 0;
	}
	/* Of an abort the superior need not hear, and it is presumed of the others. */
	if (abort)
		w->en[SUP].disk = 0;
	w->bits &= ~W_LOG_ABORT;
	if (!live || !log_live(w))
		log_clear(w);
}
