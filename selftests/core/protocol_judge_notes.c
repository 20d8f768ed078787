// SPDX-License-Identifier: GPL-2.0
/*
 * Who must have been told what, and who must not.
 */
#include "protocol_world.h"

/* @due: it must be queued or have been read; else nobody may find it in the queue. */
static void expect(struct sim *s, int i, enum note note, bool due, const char *what)
{
	if (due ? !told(&s->w.en[i], note) : queued(&s->w.en[i], note))
		bad(s, what);
}

static void participant(struct sim *s, int i)
{
	const struct world_en *own = &s->w.en[i];
	bool present = own->own & OWN_PRESENT;
	u8 state = s->en[i].state;

	expect(s, i, NOTE_PREPREPARE, state == KTM_EN_STATE_PREPREPARING,
	       "PREPREPARE is missing, or comes too late");
	expect(s, i, NOTE_PREPARE, state == KTM_EN_STATE_PREPARING,
	       "PREPARE is missing, or comes too late");
	expect(s, i, NOTE_SINGLE, state == KTM_EN_STATE_SINGLE_PHASE && present,
	       "SINGLE_PHASE_COMMIT is missing, or comes to the wrong one");
	expect(s, i, NOTE_COMMIT, state == KTM_EN_STATE_COMMITTING && present,
	       "COMMIT is missing, or comes to the wrong one");
	expect(s, i, NOTE_ROLLBACK, state == KTM_EN_STATE_ABORTING && present,
	       "ROLLBACK is missing, or comes to the wrong one");
	if (queued(own, NOTE_RECOVER) && (present || !unfinished(state)))
		bad(s, "RECOVER to one that need not recover");
	if (queued(own, NOTE_DISCONNECTED) && state != KTM_EN_STATE_DISCONNECTED)
		bad(s, "RM_DISCONNECTED to one whose part is not over");
}

/* Have all ended that are there? */
bool subs_have_ended(const struct sim *s)
{
	int i;

	for (i = 0; i < MAX_SUBS; i++)
		if (in_memory(s, i) && s->w.en[i].own & OWN_PRESENT && unfinished(s->en[i].state))
			return false;
	return true;
}

static void superior(struct sim *s)
{
	const struct world_en *own = &s->w.en[SUP];
	bool present = own->own & OWN_PRESENT, open;
	u8 tx = s->tx.state, state = s->en[SUP].state;
	bool waits = tx == KTM_TX_STATE_PREPARED && present;
	bool sealed = !durable_vote(&s->w) || s->w.bits & W_SEAL_DURABLE;

	expect(s, SUP, NOTE_PREPREPARED, tx == KTM_TX_STATE_PREPREPARED,
	       "PREPREPARE_COMPLETE is missing, or comes too early or too late");
	expect(s, SUP, NOTE_ROLLBACK, state == KTM_EN_STATE_ABORTING && present,
	       "ROLLBACK is missing, or comes to the wrong one");
	if ((queued(own, NOTE_PREPARED) || queued(own, NOTE_COMMIT_REQUEST) ||
	     queued(own, NOTE_QUERY)) && (!waits || !sealed))
		bad(s, "a superior is asked too early or too late");
	/* One that recovers may take it up before it decides; and a refused decision is its own. */
	if (waits && own->kind & KIND_REST && own->data != DATA_APPLIED &&
	    !told(own, NOTE_PREPARED) && !told(own, NOTE_COMMIT_REQUEST) &&
	    !told(own, NOTE_QUERY))
		bad(s, "a superior is not asked");
	if (queued(own, NOTE_REQUEST_OUTCOME) && !waits)
		bad(s, "REQUEST_OUTCOME when there is nothing to decide");
	open = s->en[SUP].flags & KTM_ENC_UNREPORTED && subs_have_ended(s) &&
	       s->w.rm[s->cfg->rm[SUP]] == RM_ONLINE;
	if (open && state == KTM_EN_STATE_COMMITTING && present && !told(own, NOTE_COMMITTED))
		bad(s, "COMMIT_COMPLETE is missing");
	if (open && state != KTM_EN_STATE_COMMITTING && !told(own, NOTE_ROLLED_BACK))
		bad(s, "ROLLBACK_COMPLETE is missing");
}

/**
 * judge_notes - say whether one enlistment was told what it must be told
 * @s: the world
 * @i: the enlistment
 */
void judge_notes(struct sim *s, int i)
{
	if (s->en[i].due || s->en[i].withdraw)
		bad(s, "a notification was left behind");
	if (s->w.en[i].queue && rm_of(&s->w, s->cfg, i) == RM_CLOSED)
		bad(s, "a queue outlives its RM");
	if (i == SUP)
		superior(s);
	else
		participant(s, i);
}
