/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world around kernel/core/protocol.c, made small enough that all of it
 * can be explored: one transaction, up to three enlistments, their resource
 * managers with what these have on their own disks, a queue of notifications
 * per enlistment, and a log of which a part may be lost.
 *
 * protocol_step.c makes something happen, in protocol_log.c, protocol_rm.c and
 * protocol_tm.c; protocol_glue.c is the caller of the protocol; protocol_judge.c
 * says what must hold; protocol_exhaustive.c walks through every world there is.
 */
#ifndef PROTOCOL_WORLD_H
#define PROTOCOL_WORLD_H

#include "../../kernel/core/protocol.h"

#define MAX_EN		3
#define MAX_VOLATILE	7	/* three prepared, a decision, three completions */

/**
 * struct config - who takes part
 * @name: for people
 * @count: enlistments at most
 * @durable: per enlistment: of a durable RM
 * @rms: how many RMs these enlistments have
 * @rm: per enlistment: which RM
 * @mask: what all of them ask to be told
 */
struct config {
	const char *name;
	int count;
	bool durable[MAX_EN];
	int rms;
	u8 rm[MAX_EN];
	u32 mask;
};

/* What an enlistment's RM has on its own disk; of a volatile one: in memory. */
enum rm_data {
	DATA_NONE,
	DATA_STAGED,	/* can go either way */
	DATA_APPLIED,	/* it acted on a commit */
	DATA_DROPPED,	/* it acted on a rollback */
};

/* The notifications of the protocol, as places in a queue and bits of world_en.read. */
enum note {
	NOTE_EMPTY,
	NOTE_PREPARE,
	NOTE_RECOVER,
	NOTE_INDOUBT,
	NOTE_COMMIT,
	NOTE_ROLLBACK,
	NR_NOTES
};
#define NOTE_BITS	3

/* world_en.own */
#define OWN_IN_MEMORY	0x01	/* the TM has a struct ktm_enc for it */
#define OWN_PRESENT	0x02	/* what KTM_ENC_PRESENT ought to be */
#define OWN_VOTED	0x04	/* its PrepareComplete was accepted, in whichever life */
#define OWN_RECOVERED	0x08	/* this struct ktm_enc was made from the log */

/**
 * struct world_en - one enlistment
 * @state: of struct ktm_enc
 * @flags: of struct ktm_enc
 * @own: OWN_ bits
 * @data: enum rm_data
 * @queue: notifications that nobody has begun to read, the first in the low bits
 * @read: those that were read since its RM last recovered it, by enum note
 * @pad: 0
 */
struct world_en {
	u8 state;
	u8 flags;
	u8 own;
	u8 data;
	u16 queue;
	u8 read;
	u8 pad;
};

enum rm_state {
	RM_CLOSED,
	RM_OPEN,	/* must call RM_RECOVER before it may do anything else */
	RM_ONLINE,
};

/* world.bits */
#define W_TX_IN_MEMORY		0x01
#define W_TX_RECOVERED		0x02
#define W_OFFLINE		0x04	/* the TM: its log has failed */
#define W_DECISION_DURABLE	0x08	/* has been on the medium at some time */
#define W_FORCED		0x10	/* a decision was handed over */

/* world.log_bits */
#define LOG_DECISION		0x01
#define LOG_END			0x02

/* A record: what it is and of whom. */
#define REC_PREPARED		0x10
#define REC_DECISION		0x20
#define REC_COMPLETION		0x40
#define REC_END			0x80	/* a completion that is the last */
#define REC_EN			0x0f

/**
 * struct world - everything there is, without a pointer, so that worlds compare
 * @en: the enlistments
 * @tx: struct ktm_txc: state and counters, in the order of its members
 * @rm: enum rm_state
 * @enlisted: how many of the enlistments have been made
 * @bits: W_ bits
 * @seen: the outcome that somebody has seen, 0 for none
 * @log_prepared: durable prepared records, by enlistment
 * @log_completed: durable completion records
 * @log_bits: durable, LOG_ bits
 * @nvolatile: records behind the durable ones
 * @vol: those records, in the order of the log; a crash keeps any number of the first
 * @pad: 0
 */
struct world {
	struct world_en en[MAX_EN];
	u8 tx[6];
	u8 rm[MAX_EN];
	u8 enlisted;
	u8 bits;
	u8 seen;
	u8 log_prepared;
	u8 log_completed;
	u8 log_bits;
	u8 nvolatile;
	u8 vol[MAX_VOLATILE];
	u8 pad;
};

/* What may happen next. The argument is an enlistment, an RM or a number of records. */
enum edge_kind {
	EDGE_TX_COMMIT,
	EDGE_TX_ROLLBACK,
	EDGE_TX_CLOSE,
	EDGE_TX_EXPIRE,
	EDGE_ENLIST,
	EDGE_PREPARE_COMPLETE,
	EDGE_READ_ONLY,
	EDGE_EN_ROLLBACK,
	EDGE_COMMIT_COMPLETE,
	EDGE_ROLLBACK_COMPLETE,
	EDGE_EN_CLOSE,
	EDGE_EN_RECOVER,
	EDGE_READ,		/* its RM reads the next notification */
	EDGE_NOT_FOUND,		/* its RM asks for data that the TM does not know */
	EDGE_RM_CLOSE,
	EDGE_RM_OPEN,
	EDGE_RM_RECOVER,
	EDGE_FORCE,
	EDGE_FAIL,		/* of the log, when the argument's first records were written */
	EDGE_REOPEN,
	EDGE_CRASH,
	NR_EDGES
};
#define EDGE_REFUSE	0x8000	/* the log does not take the decision */
#define EDGE(kind, arg)	((u16)((kind) << 8 | (arg)))
#define EDGE_KIND(e)	((enum edge_kind)(((e) & ~EDGE_REFUSE) >> 8))
#define EDGE_ARG(e)	((e) & 0xff)

extern const char *const edge_names[NR_EDGES];

/**
 * struct sim - a world brought to life for one step
 * @w: the world; what the protocol owns is in @tx and @en while it lives
 * @cfg: who takes part
 * @tx: the protocol's
 * @en: the protocol's
 * @refuse: the log refuses a decision
 * @asked: the log was given a decision, so that refusing is a step of its own
 * @rebuilt: @tx is another one than before the step
 * @reopened: the TM was reopened, or at least made quiet for it
 * @done: actions that were taken, all of the step
 * @event: the enlistment's event that is being handled
 * @event_en: of which enlistment
 * @closing: RM that is being closed, or -1
 * @bad: the first thing that must not be, or NULL
 */
struct sim {
	struct world w;
	const struct config *cfg;
	struct ktm_txc tx;
	struct ktm_enc en[MAX_EN];
	bool refuse;
	bool asked;
	bool rebuilt;
	bool reopened;
	u32 done;
	int event;
	int event_en;
	int closing;
	const char *bad;
};

/* Which cells of the two tables were tried. */
extern u64 tx_tried[KTM_TX_STATE_INDOUBT + 1][KTM_NR_TX_EVENTS];
extern u64 en_tried[KTM_EN_STATE_READ_ONLY + 1][KTM_NR_EN_EVENTS];

static inline void bad(struct sim *s, const char *what)
{
	if (!s->bad)
		s->bad = what;
}

static inline bool in_memory(const struct sim *s, int i)
{
	return s->w.en[i].own & OWN_IN_MEMORY;
}

static inline bool tx_in_memory(const struct sim *s)
{
	return s->w.bits & W_TX_IN_MEMORY;
}

static inline bool queued(const struct world_en *en, enum note note)
{
	u16 q;

	for (q = en->queue; q; q >>= NOTE_BITS)
		if ((q & ((1 << NOTE_BITS) - 1)) == note)
			return true;
	return false;
}

static inline bool told(const struct world_en *en, enum note note)
{
	return queued(en, note) || en->read & (1 << note);
}

/* Some enlistment has voted yes durably. */
static inline bool durable_vote(const struct sim *s)
{
	int i;

	for (i = 0; i < MAX_EN; i++)
		if (s->cfg->durable[i] && s->w.en[i].own & OWN_VOTED)
			return true;
	return false;
}

static inline bool rm_durable(const struct config *cfg, int rm)
{
	int i;

	for (i = 0; i < cfg->count; i++)
		if (cfg->rm[i] == rm)
			return cfg->durable[i];
	return false;
}

/* By state: can anything still happen to the enlistment? */
static inline bool unfinished(u8 state)
{
	return state != KTM_EN_STATE_COMMITTED && state != KTM_EN_STATE_ABORTED &&
	       state != KTM_EN_STATE_READ_ONLY;
}

/* protocol_log.c */
bool log_holds(const struct world *w, u8 record);
bool log_live(const struct world *w);
void sim_log_append(struct sim *s, u8 record);
void sim_log_write(struct sim *s, int count, bool lose);
void sim_log_clear(struct world *w);

/* What the protocol owns, to see that a refusal leaves all of it alone. */
struct memory {
	struct ktm_txc tx;
	struct ktm_enc en[MAX_EN];
};

/* protocol_glue.c */
void sim_remember(struct memory *m, const struct sim *s);
void sim_unchanged(struct sim *s, const struct memory *m, u32 actions);
void sim_perform(struct sim *s, u32 actions, int self);
u32 sim_tx_event(struct sim *s, enum ktm_tx_event ev);
u32 sim_en_event(struct sim *s, int i, enum ktm_en_event ev);

/* protocol_rm.c */
void sim_enlist(struct sim *s, int i);
bool sim_recoverable(const struct sim *s, int i);
void sim_act(struct sim *s, int i, enum rm_data data);
void sim_read_note(struct sim *s, int i);
void sim_prepare_complete(struct sim *s, int i);
void sim_recover(struct sim *s, int i);
void sim_not_found(struct sim *s, int i);
void sim_en_close(struct sim *s, int i);
void sim_rm_recover(struct sim *s, int rm);
void sim_rm_close(struct sim *s, int rm);

/* How a reopening goes. */
enum reopening {
	REOPEN_KEEP,	/* a transaction that is over is still in memory */
	REOPEN_FORGET,	/* it is not */
	REOPEN_FAIL,	/* the log cannot be opened yet */
	NR_REOPENINGS
};

/* protocol_tm.c */
void sim_crash(struct sim *s, int kept);
void sim_fail(struct sim *s, int written);
void sim_force(struct sim *s);
void sim_reopen(struct sim *s, enum reopening how);

/* protocol_step.c */
void world_init(struct world *w, const struct config *cfg);
void sim_load(struct sim *s, const struct world *w, const struct config *cfg);
void sim_store(struct sim *s);
bool sim_possible(const struct world *w, const struct config *cfg, u16 edge);
void sim_step(struct sim *s, u16 edge);
void sim_idle(struct sim *s);

/* protocol_judge.c */
void judge_outcome(struct sim *s, u32 outcome);
void judge(struct sim *s, const struct world *before);
bool at_goal(const struct world *w, const struct config *cfg);
bool benign(const struct world *w, const struct config *cfg, u16 edge);

#endif /* PROTOCOL_WORLD_H */
