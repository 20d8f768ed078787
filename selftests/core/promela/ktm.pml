/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commit protocol as a model for spin: one transaction, up to three
 * enlistments, perhaps a superior, a client, a journal, and what may go wrong.
 *
 * It was written from the description of what KTM does, not from
 * kernel/core/protocol.c, so that the two can be held against each other.
 * README.md says what the names of configurations mean, what a line of
 * outcome says, and how to read a counterexample.
 *
 * Each step of somebody is one d_step, so that what spin explores is the order of
 * steps and nothing finer: the transaction manager takes its decisions under a
 * lock. It is no process of its own; it acts in the step of who called it.
 *
 * A configuration is given by -D: the masks PRESENT, LATE, DURABLE, PREPREPARE, SINGLE,
 * DISCONNECT (bit i is enlistment i), N, SUPERIOR and FAULTS. -DBREAK_x breaks one rule: spin
 * has to notice.
 */

/* SUPERIOR */
#define NO_SUPERIOR	0
#define DRIVES		1	/* it calls PrePrepare, Prepare, Commit */
#define REQUESTED	2	/* it has registered for COMMIT_REQUEST */

/* The transaction, as its manager remembers it. */
#define ACTIVE		0
#define PHASE0		1
#define PREPREPARED	2	/* PREPREPARE_COMPLETE went up; the superior has to say Prepare */
#define PHASE1		3
#define SINGLE_PHASE	4	/* SINGLE_PHASE_COMMIT is queued: its answer is the outcome */
#define SINGLE_INDOUBT	5	/* who was to answer it has closed */
#define SEALING		6	/* the prepared record was handed to the journal */
#define PREPARED	7	/* only the superior decides */
#define DECIDING	8	/* the decision record was handed to the journal */
#define COMMITTING	9
#define ABORTING	10
#define OFFLINE		11	/* a force failed: nobody is told anything */

/* An enlistment, as the manager sees it. From WORK on it takes part. */
#define ABSENT		0	/* has not enlisted */
#define OUT		1	/* its part is over */
#define TOLD		2	/* its part is over, RM_DISCONNECTED waits to be read */
#define WORK		3
#define READY		4	/* has answered PREPREPARE */
#define VOTED		5	/* has answered PREPARE */

/* How it ended for somebody, by his own data. */
#define OPEN		0
#define COMMITTED	1
#define ABORTED		2
#define READ_ONLY	3
#define DISCONNECTED	4
#define CLOSED		5

/* Whether a process is there. */
#define HERE		0
#define AWAY		1	/* comes back and recovers, at any later time */
#define GONE		2	/* never comes back */

/* The client. */
#define IDLE		0	/* has called nothing */
#define IN_COMMIT	1	/* waits */
#define IN_ROLLBACK	2
#define SAW_COMMITTED	3
#define SAW_ABORTED	4
#define SAW_INDOUBT	5
#define SAW_ROLLBACK	6
#define SAW_CLOSE	7
#define SAW_REFUSED	8
#define LOST		9	/* the crash came while it waited */

/* A record in the log. */
#define NONE		0
#define PENDING		1	/* appended or handed over: a crash may keep it or not */
#define DURABLE_NOW	2

#define NOBODY		3

#define BIT(mask, i)	(((mask) >> (i)) & 1)
#if PRESENT & 1
#define FIRST0	WORK
#else
#define FIRST0	ABSENT
#endif
#if PRESENT & 2
#define FIRST1	WORK
#else
#define FIRST1	ABSENT
#endif
#if PRESENT & 4
#define FIRST2	WORK
#else
#define FIRST2	ABSENT
#endif

byte tm = ACTIVE;
byte st[3] = { FIRST0, FIRST1, FIRST2 }; /* the manager's view of each */
byte fate[3];		/* its own */
byte here[3];
byte client = IDLE;

byte candidate = NOBODY; /* for single phase, chosen at Commit */
bool beside;		/* there were volatile ones beside it */
bool may_enlist = true;
bool single_done;	/* the candidate's answer was: committed */

byte sup_end = OPEN;	/* its decision, respectively what it was told */
bool sup_out;		/* it has nothing more to do */
byte sup_here = HERE;

/* The log: the prepared record of a transaction under a superior, then the decision. */
byte seal = NONE;
byte decision = NONE;
byte decided = OPEN;	/* what the decision record says */
bool superior_undid;	/* the manager went offline after the superior's Rollback */
bool forcing;		/* a force is in flight, for the last record handed over with it */
byte forces;

/* What has gone wrong so far. */
byte faults;
bool crashed, failed, timed_out, sup_died;
byte died, left;	/* masks: rI, gI */

#define DUR(i)		BIT(DURABLE, i)
#define ANY(what)	(what(0) || what(1) || what(2))
#define ALL(what)	(what(0) && what(1) && what(2))
#define COUNT(what)	((what(0) -> 1 : 0) + (what(1) -> 1 : 0) + (what(2) -> 1 : 0))

#define PART(i)		(st[i] >= WORK)
#define PART_DURABLE(i)	(PART(i) && DUR(i))
#define UNVOTED(i)	(st[i] == WORK || st[i] == READY)
#define HOLDS(i)	(PART(i) && here[i] == HERE)
#define SUP_HOLDS	(SUPERIOR != NO_SUPERIOR && !sup_out && sup_here == HERE)

/* Who is still asked in a phase: the candidate for single phase is not. */
#define DONE0(i)	(!PART(i) || st[i] != WORK || !BIT(PREPREPARE, i) || candidate == i)
#define DONE1(i)	(!PART(i) || st[i] == VOTED || candidate == i)

/* Single phase: who may be the candidate, and who may stand beside it. */
#define PART_SINGLE(i)	(PART(i) && BIT(SINGLE, i))
#define CANDIDATE(i)	(PART_DURABLE(i) && BIT(SINGLE, i))
#define BESIDE(i)	(!PART(i) || DUR(i) || BIT(DISCONNECT, i))

/* Anybody may still roll back. */
#define UNDECIDED	(tm == ACTIVE || tm == PHASE0 || tm == PREPREPARED || tm == PHASE1)

/*
 * Under a superior these reasons end when the prepared record is handed over. That they
 * end when it is durable, as one might read it, is wrong: see BREAK_sealing.
 */
#ifdef BREAK_sealing
#define UNILATERAL	(UNDECIDED || tm == SEALING)
#elif defined(BREAK_reasons_while_deciding)
#define UNILATERAL	(UNDECIDED || tm == DECIDING)
#elif defined(BREAK_reasons_in_single_phase)
#define UNILATERAL	(UNDECIDED || tm == SINGLE_PHASE)
#else
#define UNILATERAL	UNDECIDED
#endif

inline roll_back()
{
	tm = ABORTING;
	/* Without a prepared record nothing is written: no record means abort. */
	if
	:: seal != NONE ->
		decision = PENDING;
		decided = ABORTED
	:: else
	fi
}

inline in_doubt_for_client()
{
	if
	:: client == IN_COMMIT -> client = SAW_INDOUBT
	:: else
	fi
}

inline force()
{
	forcing = true;
	forces++
}

inline decide_commit()
{
	if
	:: ANY(PART_DURABLE) || seal != NONE ->
		decision = PENDING;
		decided = COMMITTED;
		force();
#ifdef BREAK_commit_before_force
		tm = COMMITTING
#else
		tm = DECIDING
#endif
	:: else ->
#ifdef BREAK_read_only_forces
		forces++;
#endif
		tm = COMMITTING
	fi
}

inline voted()
{
	if
	:: candidate != NOBODY && PART(candidate) -> tm = SINGLE_PHASE
	:: (candidate == NOBODY || !PART(candidate)) && SUPERIOR == NO_SUPERIOR -> decide_commit()
	:: else ->
		if
		:: ANY(PART_DURABLE) ->
			seal = PENDING;
			force();
#ifdef BREAK_asks_before_sealed
			tm = PREPARED
#else
			tm = SEALING
#endif
		:: else -> tm = PREPARED
		fi
	fi
}

/* What the last of several answers brings about. Ends every step. */
inline advance()
{
	if
	:: tm == PHASE0 && ALL(DONE0) ->
		if
		:: SUPERIOR == DRIVES -> tm = PREPREPARED
		:: else -> tm = PHASE1
		fi
	:: else
	fi;
	if
#ifdef BREAK_vote_not_awaited
	:: tm == PHASE1 && (DONE1(0) || DONE1(1)) -> voted()
#else
	:: tm == PHASE1 && ALL(DONE1) -> voted()
#endif
	:: else
	fi;
	if
#ifdef BREAK_waits_for_the_absent
	:: client == IN_COMMIT && tm == COMMITTING && !ANY(PART) -> client = SAW_COMMITTED
#elif defined(BREAK_client_told_early)
	:: client == IN_COMMIT && tm == DECIDING -> client = SAW_COMMITTED
#elif defined(BREAK_forgotten_early)
	:: client == IN_COMMIT && tm == COMMITTING && !ANY(HOLDS) ->
		client = SAW_COMMITTED;
		decision = NONE;
		decided = OPEN
#else
	:: client == IN_COMMIT && tm == COMMITTING && !ANY(HOLDS) -> client = SAW_COMMITTED
#endif
	:: client == IN_COMMIT && tm == ABORTING && !ANY(HOLDS) && !SUP_HOLDS -> client = SAW_ABORTED
	:: client == IN_ROLLBACK && tm == ABORTING && !ANY(HOLDS) && !SUP_HOLDS ->
		client = SAW_ROLLBACK
	:: else
	fi;
	agree()
}

#define IS_COMMITTED(i)	(fate[i] == COMMITTED)
#define IS_ABORTED(i)	(fate[i] == ABORTED)
#define SAYS_COMMITTED	(ANY(IS_COMMITTED) || sup_end == COMMITTED || client == SAW_COMMITTED)
#define SAYS_ABORTED	(ANY(IS_ABORTED) || sup_end == ABORTED || timed_out || \
			 client == SAW_ABORTED || client == SAW_ROLLBACK || client == SAW_CLOSE)

/* The heart of it, held against every state. */
inline agree()
{
	assert(!(SAYS_COMMITTED && SAYS_ABORTED))
}

/* ---- the resource managers: process i plays that of enlistment i */

/* A participant whose data can still go either way is told one way only, ever. */
inline hear(i, how)
{
	assert(fate[i] == OPEN || fate[i] == how);
	fate[i] = how
}

/* Whose own promise, written by the manager, the outcome rests on. */
#define HAS_PREPARED(i)	(DUR(i) && (PART(i) || st[i] == OUT && fate[i] != READ_ONLY))

inline hear_commit(i)
{
	assert(st[i] == VOTED);
	assert(decision == DURABLE_NOW && decided == COMMITTED || single_done || !ANY(HAS_PREPARED));
	hear(i, COMMITTED)
}

inline close_en(i, how)
{
	if
	:: !DUR(i) ->
		/* Nobody will come back for it: what it owed is thereby answered. */
		if
		:: fate[i] == OPEN -> fate[i] = CLOSED
		:: else
		fi
	:: DUR(i) ->
		here[i] = how;
		/* Work that was not prepared dies with its process. */
		if
		:: UNVOTED(i) && how == AWAY && tm != SINGLE_PHASE && tm != SINGLE_INDOUBT &&
		   fate[i] == OPEN -> fate[i] = ABORTED
		:: else
		fi
	fi;
	if
	:: candidate == i && tm == SINGLE_PHASE ->
#ifdef BREAK_single_phase_death_aborts
		roll_back();
#else
		tm = SINGLE_INDOUBT;
#endif
		in_doubt_for_client();
		disconnect(0, i);
		disconnect(1, i);
		disconnect(2, i);
		if
		:: !DUR(i) -> st[i] = OUT
		:: else
		fi
	:: else ->
		if
		:: UNVOTED(i) && UNDECIDED -> roll_back()
		:: else
		fi;
		if
		:: !DUR(i) || UNVOTED(i) -> st[i] = OUT
		:: else
		fi
	fi
}

/* The others need not wait for one who may never answer. */
inline disconnect(j, i)
{
	if
	:: j != i && st[j] == VOTED -> st[j] = TOLD
	:: else
	fi
}

#define MAY_ENLIST(i)	(st[i] == ABSENT && BIT(LATE, i) && may_enlist && (tm == ACTIVE || tm == PHASE0))
#define MAY_LEAVE(i)	(UNVOTED(i) && here[i] == HERE && UNDECIDED)

active [N] proctype rm()
{
end:	do
#ifdef BREAK_enlists_in_phase_1
	:: d_step { st[_pid] == ABSENT && BIT(LATE, _pid) && (UNDECIDED || tm == DECIDING) ->
#else
	:: d_step { MAY_ENLIST(_pid) ->
#endif
		st[_pid] = WORK;
#ifndef BREAK_shortcut_stays
		if
		:: candidate != NOBODY && (DUR(_pid) || !BIT(DISCONNECT, _pid)) ->
			candidate = NOBODY
		:: else
		fi;
#endif
		advance() }

	/* Before the vote, asked or not. */
	:: d_step { MAY_LEAVE(_pid) -> fate[_pid] = READ_ONLY; st[_pid] = OUT; advance() }
	:: d_step { MAY_LEAVE(_pid) -> roll_back(); advance() }

	:: d_step { tm == PHASE0 && here[_pid] == HERE && PART(_pid) && !DONE0(_pid) ->
		st[_pid] = READY; advance() }
	:: d_step { tm == PHASE1 && here[_pid] == HERE && PART(_pid) && !DONE1(_pid) ->
		st[_pid] = VOTED; advance() }

	/* RequestOutcome, when somebody has not voted: he never may, then. */
	:: d_step { tm == PHASE1 && here[_pid] == HERE && st[_pid] == VOTED -> roll_back(); advance() }

	/* SINGLE_PHASE_COMMIT: first its own commit, then the answer. */
	:: d_step { tm == SINGLE_PHASE && candidate == _pid && here[_pid] == HERE && fate[_pid] == OPEN ->
		hear(_pid, COMMITTED); agree() }
	:: d_step { tm == SINGLE_PHASE && candidate == _pid && here[_pid] == HERE && fate[_pid] == COMMITTED ->
		tm = COMMITTING; single_done = true; st[_pid] = OUT; advance() }
	:: d_step { tm == SINGLE_PHASE && candidate == _pid && here[_pid] == HERE && fate[_pid] == OPEN ->
		roll_back(); advance() }
	:: d_step { tm == SINGLE_PHASE && candidate == _pid && here[_pid] == HERE && fate[_pid] == OPEN ->
#ifndef BREAK_asked_again_after_reject
		candidate = NOBODY;
#endif
		if
		:: beside -> tm = PHASE1; may_enlist = false
		:: else -> tm = PHASE0
		fi;
		advance() }

	/* The outcome: first to its own data, then the answer. */
	:: d_step { tm == COMMITTING && PART(_pid) && here[_pid] == HERE && fate[_pid] != COMMITTED ->
		hear_commit(_pid); agree() }
	:: d_step { tm == COMMITTING && PART(_pid) && here[_pid] == HERE && fate[_pid] == COMMITTED ->
		st[_pid] = OUT; advance() }
	:: d_step { tm == ABORTING && PART(_pid) && here[_pid] == HERE && fate[_pid] != ABORTED ->
		hear(_pid, ABORTED); agree() }
	:: d_step { tm == ABORTING && PART(_pid) && here[_pid] == HERE && fate[_pid] == ABORTED ->
		st[_pid] = OUT; advance() }
	:: d_step { st[_pid] == TOLD -> hear(_pid, DISCONNECTED); st[_pid] = OUT; agree() }

	/* It comes back, and recovers. */
	:: d_step { tm != OFFLINE && here[_pid] == AWAY && PART(_pid) ->
		here[_pid] = HERE;
		if
		:: tm == SINGLE_INDOUBT -> tm = SINGLE_PHASE
		:: else
		fi;
#ifdef BREAK_recovered_undecided_votes_no
		if
		:: tm == DECIDING -> roll_back()
		:: else
		fi;
#endif
		advance() }

	/* Its process dies. */
	:: d_step { faults < FAULTS && here[_pid] == HERE && st[_pid] >= TOLD && !BIT(died | left, _pid) ->
		faults++; died = died | (1 << _pid);
		close_en(_pid, AWAY); advance() }
	:: d_step { faults < FAULTS && here[_pid] == HERE && st[_pid] >= TOLD && !BIT(died | left, _pid) &&
		    DUR(_pid) ->
		faults++; left = left | (1 << _pid);
		close_en(_pid, GONE); advance() }
	od
}

/* ---- the client */

#define CAN_ROLL_BACK	(SUPERIOR == DRIVES -> UNILATERAL : tm == ACTIVE)

inline begin_commit()
{
	client = IN_COMMIT;
	tm = PHASE0;
	if
	:: SUPERIOR == NO_SUPERIOR && COUNT(PART) == 1 && ANY(PART_SINGLE) ->
		candidate = (PART(0) -> 0 : (PART(1) -> 1 : 2));
		tm = SINGLE_PHASE
	:: SUPERIOR == NO_SUPERIOR && COUNT(PART) > 1 && COUNT(PART_DURABLE) == 1 && ANY(CANDIDATE) &&
	   ALL(BESIDE) ->
		candidate = (CANDIDATE(0) -> 0 : (CANDIDATE(1) -> 1 : 2));
		beside = true
	:: else
	fi
}

active proctype user()
{
end:	do
	:: d_step { client == IDLE && tm == ACTIVE && SUPERIOR != DRIVES -> begin_commit(); advance() }
	:: d_step { client == IDLE && tm == ACTIVE && SUPERIOR == DRIVES -> client = SAW_REFUSED }
	:: d_step { client == IDLE && CAN_ROLL_BACK -> client = IN_ROLLBACK; roll_back(); advance() }
	:: d_step { client == IDLE && tm == ACTIVE && SUPERIOR == NO_SUPERIOR ->
		client = SAW_CLOSE; roll_back(); advance() }
	od
}

/* ---- the superior */

#define SUP_FREE	(!sup_out && sup_here == HERE)

/* Its RM closes. What it had promised stays in its own log. */
inline close_superior(how)
{
	faults++;
	sup_here = how;
	if
#ifdef BREAK_superior_missed
	:: tm == ACTIVE || tm == PHASE0 || tm == PREPREPARED -> roll_back()
#elif defined(BREAK_superior_death_aborts)
	:: UNILATERAL || tm == PREPARED -> roll_back()
#else
	:: UNILATERAL -> roll_back()
#endif
	/* Nothing is logged, so it cannot come back to this. */
	:: tm == PREPARED && seal == NONE -> roll_back()
	:: tm == PREPARED && seal != NONE -> in_doubt_for_client()
	:: else
	fi;
	advance()
}

#if SUPERIOR != NO_SUPERIOR
active proctype superior()
{
end:	do
	:: d_step { SUPERIOR == DRIVES && SUP_FREE && tm == ACTIVE -> tm = PHASE0; advance() }
	:: d_step { SUPERIOR == DRIVES && SUP_FREE && tm == PREPREPARED -> tm = PHASE1; advance() }
	/* It never changes its mind, which is why it may be asked again. */
	:: d_step { SUP_FREE && tm == PREPARED && sup_end != ABORTED ->
		sup_end = COMMITTED; decide_commit(); advance() }
	:: d_step { SUP_FREE && (UNDECIDED || tm == SEALING || tm == PREPARED) && sup_end != COMMITTED ->
		sup_end = ABORTED; roll_back(); advance() }
	:: d_step { SUP_FREE && tm == COMMITTING && !ANY(HOLDS) -> sup_out = true; advance() }
	:: d_step { SUP_FREE && tm == ABORTING && sup_end != ABORTED ->
		assert(sup_end == OPEN); sup_end = ABORTED; agree() }
	:: d_step { SUP_FREE && tm == ABORTING && sup_end == ABORTED -> sup_out = true; advance() }
	/* It comes back: asked again, or told that there is nothing left to do. */
	:: d_step { tm != OFFLINE && !sup_out && sup_here == AWAY ->
		sup_here = HERE;
		if
		:: tm == ABORTING ->
			sup_out = true;
			if
			:: sup_end == OPEN -> sup_end = ABORTED
			:: else
			fi
		:: else
		fi;
		advance() }
	:: d_step { faults < FAULTS && SUP_FREE && !sup_died -> sup_died = true; close_superior(AWAY) }
	:: d_step { faults < FAULTS && SUP_FREE && !sup_died -> sup_died = true; close_superior(GONE) }
	od
}
#endif

/* ---- the journal, the clock and the power */

#define PENDING_RECORDS	((seal == PENDING -> 1 : 0) + (decision == PENDING -> 1 : 0))

/* What is read back, when `kept` of the records that were not durable yet are there. */
inline read_log(kept)
{
	forcing = false;
	if
	:: seal == PENDING && kept == 0 ->
		seal = NONE;
		decision = NONE;
		decided = OPEN
	:: seal == PENDING && kept > 0 ->
		seal = DURABLE_NOW;
		if
		:: decision == PENDING && kept > 1 -> decision = DURABLE_NOW
		:: decision == PENDING && kept == 1 -> decision = NONE; decided = OPEN
		:: else
		fi
	:: seal != PENDING && decision == PENDING ->
		if
		:: kept > 0 -> decision = DURABLE_NOW
		:: else -> decision = NONE; decided = OPEN
		fi
	:: else
	fi;
	/* And no record means abort. */
	if
#ifdef BREAK_no_record_commits
	:: decided == COMMITTED || seal == NONE -> tm = COMMITTING
#elif defined(BREAK_prepared_record_ignored)
	:: decided == COMMITTED -> tm = COMMITTING
	:: decided != COMMITTED && seal != NONE -> tm = ABORTING
#else
	:: decided == COMMITTED -> tm = COMMITTING
#endif
	:: decided != COMMITTED && (decided == ABORTED || seal == NONE) -> tm = ABORTING
	/* It may have answered already, with a record that was lost: it is asked again. */
	:: else -> tm = PREPARED; sup_out = false
	fi
}

/* Memory was not lost: what the superior has decided is known, and written now. */
inline reopen(kept)
{
	if
	:: superior_undid && kept > 0 ->
		decision = DURABLE_NOW;
		seal = DURABLE_NOW;
		tm = ABORTING
	:: else ->
		read_log(kept)
	fi;
	superior_undid = false;
	advance()
}

inline lose(i)
{
	if
	:: st[i] < TOLD
	:: st[i] >= TOLD && DUR(i) && st[i] == VOTED ->
		if
		:: here[i] == HERE -> here[i] = AWAY
		:: else
		fi
	:: else ->
		if
		:: !DUR(i) && fate[i] == OPEN -> fate[i] = CLOSED
		:: DUR(i) && fate[i] == OPEN && here[i] != GONE -> fate[i] = ABORTED
		:: else
		fi;
		st[i] = OUT
	fi
}

inline lose_all()
{
	lose(0);
	lose(1);
	lose(2);
	if
	:: sup_here == HERE -> sup_here = AWAY
	:: else
	fi
}

/* All RMs of the manager, and the superior, have to recover. */
inline shut(i)
{
	if
	:: DUR(i) && here[i] == HERE -> here[i] = AWAY
	:: else
	fi
}

inline crash(kept)
{
	crashed = true;
	faults++;
	lose_all();
	if
	:: client == IN_COMMIT || client == IN_ROLLBACK -> client = LOST
	:: else
	fi;
	candidate = NOBODY;
	superior_undid = false;
	read_log(kept);
	advance()
}

#define STILL_IN(i)	(st[i] >= TOLD && here[i] != GONE)
#define SUP_STILL_IN	(SUPERIOR != NO_SUPERIOR && !sup_out && sup_here != GONE)
#define CLIENT_WAITS	(client == IN_COMMIT || client == IN_ROLLBACK)
#define MATTERS		(ANY(STILL_IN) || SUP_STILL_IN || CLIENT_WAITS)
#define CAN_CRASH	(faults < FAULTS && !crashed && MATTERS)

active proctype world()
{
end:	do
	:: d_step { forcing ->
		forcing = false;
		if
		:: decided == COMMITTED ->
			decision = DURABLE_NOW;
			if
			:: tm == DECIDING -> tm = COMMITTING
			:: else
			fi
		:: decided != COMMITTED ->
			seal = DURABLE_NOW;
			if
			:: tm == SEALING ->
				tm = PREPARED;
				if
				:: sup_here != HERE -> in_doubt_for_client()
				:: else
				fi
			:: else
			fi
		fi;
		advance() }

	:: d_step { forcing && faults < FAULTS && !failed ->
		failed = true;
		faults++;
		forcing = false;
#ifdef BREAK_failed_force_aborts
		tm = ABORTING;
#else
		if
		:: tm == ABORTING -> superior_undid = true
		:: else -> in_doubt_for_client()
		fi;
		shut(0);
		shut(1);
		shut(2);
		if
		:: sup_here == HERE -> sup_here = AWAY
		:: else
		fi;
		tm = OFFLINE;
#endif
		advance() }

	:: d_step { tm == OFFLINE -> reopen(0) }
	:: d_step { tm == OFFLINE && PENDING_RECORDS >= 1 -> reopen(1) }
	:: d_step { tm == OFFLINE && PENDING_RECORDS == 2 -> reopen(2) }

	:: d_step { CAN_CRASH -> crash(0) }
	:: d_step { CAN_CRASH && PENDING_RECORDS >= 1 -> crash(1) }
	:: d_step { CAN_CRASH && PENDING_RECORDS == 2 -> crash(2) }

	:: d_step { UNILATERAL && faults < FAULTS && !timed_out ->
		timed_out = true; faults++; roll_back(); advance() }
	od
}

/* ---- the end of a run: the only place where it may stop */

#define SETTLED(i)	(!STILL_IN(i))
#define DOUBTS(i)	(!STILL_IN(i) || st[i] == VOTED && here[i] == HERE)
#define OWES_A_CALL	(client == IDLE && SUPERIOR == NO_SUPERIOR && tm == ACTIVE)
#define FINISHED	(ALL(SETTLED) && !SUP_STILL_IN && !CLIENT_WAITS && !OWES_A_CALL)
#define ABANDONED	(tm == PREPARED && seal == DURABLE_NOW && sup_here == GONE && ALL(DOUBTS) && !CLIENT_WAITS)

c_decl {
\#include "lines.h"
}

#define HAS_LOGGED(i)	(DUR(i) && st[i] != ABSENT && fate[i] != READ_ONLY)

/* The price of each way to end, when nothing had to be done twice. */
inline count_forces()
{
	if
	:: crashed || failed
	:: else ->
		if
		:: tm == COMMITTING && (single_done || !ANY(HAS_LOGGED)) -> assert(forces == 0)
		:: tm == COMMITTING && !single_done && ANY(HAS_LOGGED) ->
			assert(forces == (SUPERIOR == NO_SUPERIOR -> 1 : 2))
		:: tm == ABORTING -> assert(forces == (seal == NONE -> 0 : 1))
		:: tm == PREPARED -> assert(forces == 1)
		:: else
		fi
	fi
}

active proctype observer()
{
	d_step {
		FINISHED || ABANDONED ->
		agree();
		count_forces();
		c_code {
			outcome_line(&(struct outcome) {
				.n = N, .superior = SUPERIOR, .client = now.client,
				.enlisted = { now.st[0] != ABSENT, now.st[1] != ABSENT, now.st[2] != ABSENT },
				.end = { now.fate[0], now.fate[1], now.fate[2] },
				.gone = { now.here[0] == GONE, now.here[1] == GONE, now.here[2] == GONE },
				.sup_end = now.sup_end, .sup_gone = now.sup_here == GONE,
				.forces = now.forces, .crashed = now.crashed, .failed = now.failed,
				.died = now.died, .left = now.left, .sup_died = now.sup_died,
				.timed_out = now.timed_out,
			});
		}
	}
}
