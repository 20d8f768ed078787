/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world around kernel/core/protocol.c, made small enough that all of it
 * can be explored: one transaction, up to three participants and a superior,
 * their resource managers with what these have on their own disks, a queue of
 * notifications per enlistment, and a log of which a part may be lost.
 *
 * protocol_step.c makes something happen, in protocol_rm.c, protocol_superior.c
 * and protocol_tm.c; protocol_glue.c is the caller of the protocol, protocol_log.c
 * its journal; protocol_judge.c says what must hold, protocol_duty.c what
 * everybody would do if nothing failed; protocol_world.c freezes a world, and
 * protocol_search.c walks through every world there is.
 */
#ifndef PROTOCOL_WORLD_H
#define PROTOCOL_WORLD_H

#include "../../kernel/core/protocol_table.h"

#define MAX_SUBS	3
#define SUP		3	/* the superior's place */
#define MAX_EN		4
#define MAX_VOLATILE	9	/* four prepared, a decision, four completions */

/* What an enlistment is and asks to be told, in one byte. */
#define KIND_P		0x01	/* PREPREPARE */
#define KIND_S		0x02	/* SINGLE_PHASE_COMMIT */
#define KIND_D		0x04	/* RM_DISCONNECTED */
#define KIND_RECOVERY	0x08	/* RECOVER and INDOUBT */
#define KIND_PHASES	0x10	/* a superior: the ends of the three phases */
#define KIND_REQUEST	0x20	/* a superior: COMMIT_REQUEST */
#define KIND_REST	0x40	/* a superior: whatever else there is for it */
#define KIND_DURABLE	0x80
/* What matters no more when a commit has begun, but for the single phase. */
#define KIND_EARLY	(KIND_P | KIND_S | KIND_D)

enum log {
	LOG_WHOLE,	/* read to its end when it is opened */
	LOG_IN_PARTS,	/* or rolled forward short of it */
	LOG_NONE,	/* the TM is volatile */
};

/**
 * struct config - who may take part
 * @name: for people
 * @subs: participants at most
 * @rm: per enlistment: whose RM it shares; itself if nobody's
 * @kinds: of participants, KIND_; any number of times each
 * @nkinds: how many
 * @sups: of the superior
 * @nsups: how many; 0: there is none
 * @log: of the TM
 */
struct config {
	const char *name;
	int subs;
	u8 rm[MAX_EN];
	const u8 *kinds;
	int nkinds;
	const u8 *sups;
	int nsups;
	enum log log;
};

/* What an enlistment's RM has on its own disk; of a volatile one: in memory. */
enum rm_data {
	DATA_NONE,
	DATA_STAGED,	/* can go either way */
	DATA_APPLIED,	/* it acted on a commit; a superior: it decided so */
	DATA_DROPPED,	/* it acted on a rollback, or decided so */
};

/* The notifications of the protocol, as places in a queue and bits of world_en.read. */
enum note {
	NOTE_EMPTY,
	NOTE_PREPREPARE,
	NOTE_PREPARE,
	NOTE_SINGLE,
	NOTE_RECOVER,
	NOTE_INDOUBT,
	NOTE_COMMIT,
	NOTE_ROLLBACK,
	NOTE_DISCONNECTED,
	NOTE_PREPREPARED,	/* PREPREPARE_COMPLETE */
	NOTE_PREPARED,		/* PREPARE_COMPLETE */
	NOTE_COMMIT_REQUEST,
	NOTE_QUERY,
	NOTE_REQUEST_OUTCOME,
	NOTE_COMMITTED,		/* COMMIT_COMPLETE */
	NOTE_ROLLED_BACK,	/* ROLLBACK_COMPLETE */
	NR_NOTES
};
#define NOTE_BITS	4
#define NOTE_MASK	((1 << NOTE_BITS) - 1)
/* By which a superior learns that it is its turn to decide. */
#define READ_TO_DECIDE	(1 << NOTE_PREPARED | 1 << NOTE_COMMIT_REQUEST | 1 << NOTE_QUERY)

/* world_en.own */
#define OWN_ENLISTED	0x01	/* it has come to be */
#define OWN_IN_MEMORY	0x02	/* the TM has a struct ktm_enc for it */
#define OWN_PRESENT	0x04	/* what KTM_ENC_PRESENT ought to be */
#define OWN_VOTED	0x08	/* its PrepareComplete was accepted, in whichever life */
#define OWN_RECOVERED	0x10	/* this struct ktm_enc was made from the log */
#define OWN_SINGLE	0x20	/* struct ktm_txc.single is this one */
#define OWN_DRIVES	0x40	/* struct ktm_txc.superior is this one */
#define OWN_HEARD	0x80	/* a superior that knows that all is over */

/* world_en.disk: records of it in the durable part of the log */
#define DISK_PREPARED	0x01
#define DISK_COMPLETED	0x02

/**
 * struct world_en - one enlistment
 * @state: of struct ktm_enc
 * @flags: of struct ktm_enc
 * @own: OWN_ bits
 * @data: enum rm_data
 * @kind: KIND_ bits
 * @disk: DISK_ bits
 * @read: those that were read since its RM last recovered it, by enum note
 * @queue: notifications that nobody has begun to read, the first in the low bits
 */
struct world_en {
	u8 state;
	u8 flags;
	u8 own;
	u8 data;
	u8 kind;
	u8 disk;
	u16 read;
	u32 queue;
};

enum rm_state {
	RM_ONLINE,
	RM_OPEN,	/* must call RM_RECOVER before it may do anything else */
	RM_CLOSED,
};

/* world.bits */
#define W_TX_IN_MEMORY		0x0001
#define W_TX_RECOVERED		0x0002
#define W_OFFLINE		0x0004	/* the TM: its log has failed */
#define W_DECISION_DURABLE	0x0008	/* has been on the medium at some time */
#define W_DECISION_FORCED	0x0010	/* was handed over */
#define W_SEAL_DURABLE		0x0020	/* the same of the superior's prepared record */
#define W_SEAL_FORCED		0x0040
#define W_SEAL_RUNS		0x0080	/* its force has not ended */
#define W_DECISION_RUNS		0x0100
/* and what is in the durable part of the log */
#define W_LOG_COMMIT		0x0200
#define W_LOG_ABORT		0x0400
#define W_LOG_END		0x0800
/* Offline, but rolled forward: RMs may come and recover. */
#define W_ROLLED		0x1000

/* A record: what it is, and in the low bits of whom. */
#define REC_PREPARED		0x10
#define REC_COMMIT		0x20
#define REC_ABORT		0x30
#define REC_COMPLETION		0x40
#define REC_END			0x50	/* a completion that is the last */
#define REC_KIND(r)		((r) & 0xf0)
#define REC_EN(r)		((r) & 0x0f)

/* world.tx */
enum {
	TX_STATE,
	TX_BITS,
	TX_UNREADY,
	TX_UNVOTED,
	TX_PREPARED,
	TX_LOG_OPEN,
	TX_UNFINISHED,
	TX_OWING,
	NR_TX_BYTES
};
/* world.tx[TX_BITS] */
#define TXB_REQUESTED	0x01
#define TXB_ALONE	0x02
#define TXB_OVERDUE	0x04
#define TXB_SEALED	0x08

/**
 * struct world - everything there is, without a pointer, so that worlds compare
 * @en: the participants, then the superior
 * @tx: what is left of struct ktm_txc
 * @rm: enum rm_state, by the place of the first enlistment of an RM
 * @bits: W_ bits
 * @seen: the outcome that somebody has seen, 0 for none
 * @vol: records behind the durable ones, in the order of the log, 0 for none; a
 *	crash keeps any number of the first
 */
struct world {
	struct world_en en[MAX_EN];
	u8 tx[NR_TX_BYTES];
	u8 rm[MAX_EN];
	u16 bits;
	u8 seen;
	u8 vol[MAX_VOLATILE];
};

/* What may happen next, with an argument. */
enum edge_kind {
	EDGE_TX_COMMIT,
	EDGE_TX_ROLLBACK,
	EDGE_TX_CLOSE,
	EDGE_TX_EXPIRE,
	EDGE_ENLIST,		/* a place and a kind */
	EDGE_RETRACT,		/* who enlisted could not be told; from here an enlistment */
	EDGE_PREPREPARE_COMPLETE,
	EDGE_PREPARE_COMPLETE,
	EDGE_READ_ONLY,
	EDGE_EN_ROLLBACK,
	EDGE_COMMIT_COMPLETE,
	EDGE_ROLLBACK_COMPLETE,
	EDGE_SINGLE_REJECT,
	EDGE_REQUEST_OUTCOME,
	EDGE_SUP_PREPREPARE,
	EDGE_SUP_PREPARE,
	EDGE_SUP_COMMIT,
	EDGE_EN_CLOSE,
	EDGE_EN_RECOVER,
	EDGE_READ,		/* its RM reads the next notification */
	EDGE_DECIDE,		/* it commits by itself, who may */
	EDGE_NOT_FOUND,		/* its RM asks for data that the TM does not know */
	EDGE_RM_CLOSE,		/* from here an RM */
	EDGE_RM_OPEN,
	EDGE_RM_RECOVER,
	EDGE_FORCE,
	EDGE_FAIL,		/* of the log, when the argument's first records were written */
	EDGE_REOPEN,
	EDGE_CRASH,
	NR_EDGES
};
#define EDGE_REFUSE	0x8000	/* the log takes nothing */
#define EDGE(kind, arg)	((u16)((kind) << 8 | (arg)))
#define EDGE_KIND(e)	((enum edge_kind)(((e) & ~EDGE_REFUSE) >> 8))
#define EDGE_ARG(e)	((e) & 0xff)
/* Of EDGE_ENLIST: the place, and which of the configuration's kinds. */
#define ENLIST_ARG(i, k)	((k) * MAX_EN + (i))
#define MAX_ARGS	64

extern const char *const edge_names[NR_EDGES];

/**
 * struct sim - a world brought to life for one step
 * @w: the world; what the protocol owns is in @tx and @en while it lives
 * @cfg: who takes part
 * @tx: the protocol's
 * @en: the protocol's
 * @refuse: the log refuses what would have to be forced
 * @asked: the log was given such a record, so that refusing is a step of its own
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

/* Which cells of the three tables were tried. */
extern u64 tx_tried[KTM_NR_TX_STATES][KTM_NR_TX_EVENTS];
extern u64 en_tried[KTM_NR_EN_STATES][KTM_NR_EN_EVENTS];
extern u64 sup_tried[KTM_NR_EN_STATES][KTM_NR_EN_EVENTS];

static inline void bad(struct sim *s, const char *what)
{
	if (!s->bad)
		s->bad = what;
}

static inline bool enlisted(const struct world *w, int i)
{
	return w->en[i].own & OWN_ENLISTED;
}

static inline bool in_memory(const struct sim *s, int i)
{
	return s->w.en[i].own & OWN_IN_MEMORY;
}

static inline bool tx_in_memory(const struct sim *s)
{
	return s->w.bits & W_TX_IN_MEMORY;
}

static inline bool durable(const struct world *w, int i)
{
	return w->en[i].kind & KIND_DURABLE;
}

static inline u8 rm_of(const struct world *w, const struct config *cfg, int i)
{
	return w->rm[cfg->rm[i]];
}

static inline bool queued(const struct world_en *en, enum note note)
{
	u32 q;

	for (q = en->queue; q; q >>= NOTE_BITS)
		if ((q & NOTE_MASK) == note)
			return true;
	return false;
}

static inline bool told(const struct world_en *en, enum note note)
{
	return queued(en, note) || en->read & (1 << note);
}

/* Some participant has voted yes durably. */
static inline bool durable_vote(const struct world *w)
{
	int i;

	for (i = 0; i < MAX_SUBS; i++)
		if (durable(w, i) && w->en[i].own & OWN_VOTED)
			return true;
	return false;
}

/* By state: can anything still happen to the enlistment? */
static inline bool unfinished(u8 state)
{
	return state != KTM_EN_STATE_COMMITTED && state != KTM_EN_STATE_ABORTED &&
	       state != KTM_EN_STATE_READ_ONLY && state != KTM_EN_STATE_DISCONNECTED;
}

/* protocol_world.c */
u32 kind_mask(int i, u8 kind);
void world_init(struct world *w);
void sim_load(struct sim *s, const struct world *w, const struct config *cfg);
void sim_store(struct sim *s);

/* protocol_log.c */
int log_waiting(const struct world *w);
bool log_holds(const struct world *w, u8 kind, int i);
bool log_live(const struct world *w);
void sim_log_append(struct sim *s, u8 record);
void sim_log_write(struct sim *s, int count);
enum ktm_found log_found(const struct world *w);
void log_clear(struct world *w);
void log_begin(struct world *w);

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
void sim_enlist(struct sim *s, int i, u8 kind);
void sim_retract(struct sim *s, int i);
bool sim_recoverable(const struct sim *s, int i);
void sim_act(struct sim *s, int i, enum rm_data data);
void sim_read_note(struct sim *s, int i);
void sim_prepare_complete(struct sim *s, int i);
void sim_reject(struct sim *s, int i);
void sim_recover(struct sim *s, int i);
void sim_not_found(struct sim *s, int i);
void sim_en_close(struct sim *s, int i);
void sim_rm_recover(struct sim *s, int rm);
void sim_rm_close(struct sim *s, int rm);

/* protocol_superior.c */
void sup_read_note(struct sim *s, enum note note);
void sup_decides(struct sim *s);
void sup_commit(struct sim *s);
void sup_rollback(struct sim *s);
bool sup_is_open(const struct sim *s);
void sup_rm_recover(struct sim *s);
void sup_not_found(struct sim *s);

/* How a reopening goes. */
enum reopening {
	REOPEN_KEEP,	/* a transaction that is over is still in memory */
	REOPEN_FORGET,	/* it is not */
	REOPEN_FAIL,	/* the log cannot be opened yet */
	REOPEN_PART,	/* it is rolled forward, short of its end */
	REOPEN_DOUBT,	/* and short of the decision */
	NR_REOPENINGS
};

/* protocol_tm.c */
void sim_crash(struct sim *s, int kept);
void sim_fail(struct sim *s, int written);
void sim_force(struct sim *s);
void sim_reopen(struct sim *s, enum reopening how);

/* protocol_step.c */
bool sim_possible(const struct world *w, const struct config *cfg, u16 edge);
void sim_step(struct sim *s, u16 edge);

/* protocol_idle.c */
void sim_idle(struct sim *s);

/* protocol_judge.c */
void judge_outcome(struct sim *s, u32 outcome);
void judge(struct sim *s, const struct world *before, u16 edge);

/* protocol_judge_step.c */
void judge_step(struct sim *s, const struct world *before, u16 edge);

/* protocol_judge_notes.c */
bool subs_have_ended(const struct sim *s);
void judge_notes(struct sim *s, int i);

/* protocol_duty.c */
bool at_goal(const struct world *w, const struct config *cfg);
bool benign(const struct world *w, const struct config *cfg, u16 edge);

#endif /* PROTOCOL_WORLD_H */
