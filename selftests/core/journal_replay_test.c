// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of recovery, one by one: short logs, and what is said of them.
 *
 * Each case is a list of records, in the restart area (AREA) or in the log at an LSN (LOG),
 * and what comes of them: the sentence with which it is refused, or all that lives.
 */
#include <stdarg.h>
#include <stdio.h>

#include "journal_model.h"

/* The restart point, and up to where a restart area knows of the log. */
#define S	4096u
#define E	8192u
#define TAIL	65536u

static struct jmodel m;
static int count, failures;
static bool refused;
static char said[4096];

static void say(const char *fmt, ...)
{
	size_t len = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + len, sizeof(said) - len, fmt, ap);
	va_end(ap);
}

/* ---- records ----------------------------------------------------------- */

static struct ktm_guid guid(u32 n)
{
	struct ktm_guid g = { { 0 } };

	memcpy(g.b, &n, sizeof(n));
	return g;
}

static u32 number(const struct ktm_guid *g)
{
	u32 n;

	memcpy(&n, g->b, sizeof(n));
	return n;
}

static struct ktm_jrec clock_is(u64 clock)
{
	return (struct ktm_jrec){ .type = KTM_JREC_CLOCK, .clock.clock = clock };
}

static struct ktm_jrec rm(u32 n)
{
	return (struct ktm_jrec){ .type = KTM_JREC_RM, .rm.guid = guid(n) };
}

static struct ktm_jrec rm_gone(u32 n)
{
	return (struct ktm_jrec){ .type = KTM_JREC_RM_GONE, .rm_gone.guid = guid(n) };
}

static struct ktm_jrec tx_at(u32 uow, u32 prepared, u32 outcome, u64 lsn)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_TX,
		.tx = { .uow = guid(uow), .prepared = prepared, .outcome = outcome, .lsn = lsn,
			.clock = outcome ? 7 : 0 },
	};
}

static struct ktm_jrec tx(u32 uow, u32 prepared, u32 outcome)
{
	return tx_at(uow, prepared, outcome, 0);
}

static struct ktm_jrec vote(u32 uow, u32 en, u32 of)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_PREPARED,
		.prepared = { .uow = guid(uow), .enlistment = guid(en), .rm = guid(of) },
	};
}

static struct ktm_jrec first(u32 uow, u32 en, u32 of)
{
	struct ktm_jrec rec = vote(uow, en, of);

	rec.prepared.flags = KTM_JREC_P_FIRST;
	return rec;
}

static struct ktm_jrec superior(u32 uow, u32 en, u32 of)
{
	struct ktm_jrec rec = vote(uow, en, of);

	rec.prepared.flags = KTM_JREC_P_SUPERIOR;
	return rec;
}

static struct ktm_jrec decision(u32 uow, u32 prepared, u32 outcome, u64 clock)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_DECISION,
		.decision = { .uow = guid(uow), .prepared = prepared, .outcome = outcome,
			      .clock = clock },
	};
}

static struct ktm_jrec commit(u32 uow, u32 prepared)
{
	return decision(uow, prepared, KTM_JREC_COMMIT, 7);
}

static struct ktm_jrec rollback(u32 uow, u32 prepared)
{
	return decision(uow, prepared, KTM_JREC_ABORT, 7);
}

static struct ktm_jrec done(u32 uow, u32 en)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_COMPLETION,
		.completion = { .uow = guid(uow), .enlistment = guid(en) },
	};
}

static struct ktm_jrec last_done(u32 uow, u32 en)
{
	struct ktm_jrec rec = done(uow, en);

	rec.flags = KTM_JREC_F_END;
	return rec;
}

/* A stream as a restart area has it. */
static struct ktm_jrec stream_with(u64 id, u32 entries, u64 base, u64 last, u64 restart, u64 lsn)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_STREAM,
		.stream = { .guid = guid(id), .id = id, .quota = 100000, .entries = entries,
			    .base = base, .last = last, .restart = restart, .lsn = lsn },
	};
}

/* As the log has it: new, or with another quota. */
static struct ktm_jrec stream(u64 id, u64 quota)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_STREAM,
		.stream = { .guid = guid(id), .id = id, .quota = quota },
	};
}

static struct ktm_jrec stream_gone(u64 id)
{
	return (struct ktm_jrec){ .type = KTM_JREC_STREAM_GONE, .stream_gone.id = id };
}

/* Without data a record of a stream takes 48 bytes of the log. */
#define BYTES	48u

static struct ktm_jrec srec_named(u64 id, u64 lsn, u16 flags)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_SREC,
		.flags = flags,
		.srec = { .id = id, .lsn = lsn, .data = (const u8 *)"", .len = 0,
			  .data_crc = ktm_jrec_data_crc("", 0) },
	};
}

static struct ktm_jrec sbase(u64 id, u64 base)
{
	return (struct ktm_jrec){ .type = KTM_JREC_SBASE, .sbase = { .id = id, .base = base } };
}

static struct ktm_jrec strunc(u64 id, u64 last)
{
	return (struct ktm_jrec){ .type = KTM_JREC_STRUNC, .strunc = { .id = id, .last = last } };
}

static struct ktm_jrec index_of(u64 id, u32 n, const struct ktm_jsent *entries)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_SINDEX,
		.sindex = { .id = id, .count = n, .entries = entries },
	};
}

#define INDEX(id, ...)								\
	index_of(id, sizeof((struct ktm_jsent[]){ __VA_ARGS__ }) / sizeof(struct ktm_jsent), \
		 (struct ktm_jsent[]){ __VA_ARGS__ })

/* ---- a log and what is said of it -------------------------------------- */

static void begin(u64 tail, u64 end)
{
	struct ktm_jf_sb sb = { .start_lsn = S, .restart_lsn = end, .tail_lsn = tail };

	jmodel_init(&m, &sb);
	refused = false;
	said[0] = 0;
}

/* As they come from a device: encoded, and decoded again. */
static void put(u64 lsn, struct ktm_jrec rec)
{
	static u8 buf[KTM_JF_REC_MAX];
	const char *why;
	u32 size;

	if (refused)
		return;
	size = ktm_jrec_encode(&rec, buf, sizeof(buf));
	if (!size || ktm_jrec_decode(&rec, buf, size, &why) != size) {
		refused = true;
		say("no record");
		return;
	}
	rec.lsn = lsn;
	if (!jmodel_replay(&m, &rec))
		return;
	refused = true;
	say("%s", m.jp.why);
}

static void say_tx(const struct jm_tx *t)
{
	static const char * const outcome[] = {
		[KTM_FOUND_ABORT] = "aborted", [KTM_FOUND_SEALED] = "sealed",
		[KTM_FOUND_COMMIT] = "committed", [KTM_FOUND_DOUBT] = "in doubt",
	};

	say("tx %u %s", number(&t->uow), outcome[ktm_jp_outcome(&t->jp, U64_MAX)]);
	/* Newest first in the list. */
	for (u32 n = 0; n < 1000; n++)
		for (const struct jm_en *en = t->enlistments; en; en = en->next)
			if (number(&en->rec.prepared.enlistment) == n)
				say(" %u%s", n, t->superior == en ? "s" : "");
	say("; ");
}

static void say_stream(const struct jm_stream *s)
{
	say("stream %u quota %u base %u last %u restart %u", (u32)s->rec.stream.id,
	    (u32)s->rec.stream.quota, (u32)s->jp.base, (u32)s->jp.last, (u32)s->jp.restart);
	for (u32 i = 0; i < s->count; i++)
		say(" %u@%u%s", (u32)s->entries[i].lsn, (u32)s->entries[i].place,
		    s->entries[i].flags & KTM_JREC_F_LOST ? " lost" :
		    s->entries[i].flags ? "r" : "");
	say("; ");
}

/* In the order of their numbers. */
static void say_all(void)
{
	for (u32 n = 0; n < 1000; n++) {
		for (const struct jm_rm *r = m.rms; r; r = r->next)
			if (number(&r->rec.rm.guid) == n)
				say("rm %u; ", n);
		for (const struct jm_tx *t = m.txs; t; t = t->next)
			if (number(&t->uow) == n)
				say_tx(t);
		for (const struct jm_stream *s = m.streams; s; s = s->next)
			if (s->rec.stream.id == n)
				say_stream(s);
	}
	say("clock %u", (u32)m.jp.clock);
}

static void ends(u64 tail)
{
	if (refused)
		return;
	if (jmodel_end(&m, tail)) {
		refused = true;
		say("%s", m.jp.why);
	} else {
		say_all();
	}
}

static void check(const char *name, const char *expect)
{
	bool good = !strcmp(said, expect);

	count++;
	failures += !good;
	if (!good)
		printf("# expected: %s\n# said:     %s\n", expect, said);
	printf("%sok %d - %s\n", good ? "" : "not ", count, name);
	jmodel_free(&m);
}

#define AREA(rec)	put(0, rec)
#define LOG(at, rec)	put(at, rec)

#define CASE(name, expect, ...)							\
	do {									\
		begin(S, E);							\
		__VA_ARGS__;							\
		ends(TAIL);							\
		check(name, expect);						\
	} while (0)

/* ---- transactions, behind E: nothing is doubtful ----------------------- */

/* Positions beyond E. */
#define P(n)	(E + 64 * (n))

static void votes_and_outcomes(void)
{
	CASE("nothing", "clock 0", (void)0);
	CASE("no decision: rolled back", "rm 1; tx 100 aborted 200; clock 0",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)));
	CASE("a decision: COMMIT goes to both again", "rm 1; rm 2; tx 100 committed 200 201; clock 7",
	     LOG(P(1), rm(1)); LOG(P(2), rm(2)); LOG(P(3), first(100, 200, 1));
	     LOG(P(4), vote(100, 201, 2)); LOG(P(5), commit(100, 2)));
	CASE("to who has finished it does not", "rm 1; rm 2; tx 100 committed 201; clock 7",
	     LOG(P(1), rm(1)); LOG(P(2), rm(2)); LOG(P(3), first(100, 200, 1));
	     LOG(P(4), vote(100, 201, 2)); LOG(P(5), commit(100, 2)); LOG(P(6), done(100, 200)));
	CASE("all have finished", "rm 1; clock 7",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), commit(100, 1));
	     LOG(P(4), last_done(100, 200)));
	CASE("a rollback need not be decided", "rm 1; clock 0",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), last_done(100, 200)));
	CASE("an RM has gone", "clock 0", LOG(P(1), rm(1)); LOG(P(2), rm_gone(1)));
	CASE("an RM is said twice", "rm 1; clock 0", LOG(P(1), rm(1)); LOG(P(2), rm(1)));
	CASE("an RM goes that is not there", "a resource manager goes that is not there",
	     LOG(P(1), rm_gone(1)));
	CASE("an RM goes too early", "a resource manager goes that has unfinished enlistments",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), rm_gone(1)));

	CASE("a first vote is the first", "a vote says wrongly whether it is its transaction's first",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), first(100, 201, 1)));
	CASE("a later vote is not", "a vote of a transaction that is not there",
	     LOG(P(1), rm(1)); LOG(P(2), vote(100, 200, 1)));
	CASE("an enlistment votes once", "an enlistment votes twice",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), vote(100, 200, 1)));
	CASE("for one transaction", "an enlistment votes twice",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), first(101, 200, 1)));
	CASE("its RM is there", "an enlistment of a resource manager that is not there",
	     LOG(P(2), first(100, 200, 1)));
	CASE("not after the decision", "a vote comes after the outcome, or after the superior's",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), commit(100, 1));
	     LOG(P(4), vote(100, 201, 1)));
	CASE("not after a completion", "a vote comes after the outcome, or after the superior's",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), vote(100, 201, 1));
	     LOG(P(4), done(100, 200)); LOG(P(5), vote(100, 202, 1)));

	CASE("a decision about nothing", "a decision about a transaction that is not there",
	     LOG(P(1), commit(100, 0)));
	CASE("a decision counts the votes", "a decision counts other votes than there are",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), commit(100, 2)));
	CASE("there is one decision", "a decision comes after the outcome",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), commit(100, 1));
	     LOG(P(4), commit(100, 1)));
	CASE("and it comes first", "a decision comes after the outcome",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), vote(100, 201, 1));
	     LOG(P(4), done(100, 200)); LOG(P(5), commit(100, 2)));
	CASE("a rollback is not decided", "a rollback was decided that nobody waits for",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), rollback(100, 1)));
	CASE("a clock of nonsense", "the virtual clock is out of range",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1));
	     LOG(P(3), decision(100, 1, KTM_JREC_COMMIT, 1ull << 63)));

	CASE("a completion of nothing", "an enlistment of a transaction finishes that is not there",
	     LOG(P(1), done(100, 200)));
	CASE("a completion of nobody", "an enlistment finishes that is not there",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), done(100, 201)));
	CASE("a second completion", "an enlistment finishes that is not there",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), vote(100, 201, 1));
	     LOG(P(4), done(100, 200)); LOG(P(5), done(100, 200)));
	CASE("an end too soon", "an enlistment says wrongly whether it finishes last",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), vote(100, 201, 1));
	     LOG(P(4), last_done(100, 200)));
	CASE("an end that is not said", "an enlistment says wrongly whether it finishes last",
	     LOG(P(1), rm(1)); LOG(P(2), first(100, 200, 1)); LOG(P(3), done(100, 200)));
}

static void superiors(void)
{
#define SEALED	LOG(P(1), rm(1)); LOG(P(2), rm(2)); LOG(P(3), first(100, 200, 1));	\
		LOG(P(4), superior(100, 201, 2))

	CASE("no decision: it waits for its superior", "rm 1; rm 2; tx 100 sealed 200 201s; clock 0",
	     SEALED);
	CASE("it commits", "rm 1; rm 2; tx 100 committed 200 201s; clock 7",
	     SEALED; LOG(P(5), commit(100, 1)));
	CASE("it rolls back, and knows that", "rm 1; rm 2; tx 100 aborted 200; clock 7",
	     SEALED; LOG(P(5), rollback(100, 1)));
	CASE("it has read the end", "rm 1; rm 2; tx 100 committed 200; clock 7",
	     SEALED; LOG(P(5), commit(100, 1)); LOG(P(6), done(100, 201)));
	CASE("its RM may go when it has rolled back", "rm 1; tx 100 aborted 200; clock 7",
	     SEALED; LOG(P(5), rollback(100, 1)); LOG(P(6), rm_gone(2)));
	CASE("a superior is not counted", "a decision counts other votes than there are",
	     SEALED; LOG(P(5), commit(100, 2)));
	CASE("nobody votes behind it", "a vote comes after the outcome, or after the superior's",
	     SEALED; LOG(P(5), vote(100, 202, 1)));
	CASE("there is one", "a vote comes after the outcome, or after the superior's",
	     SEALED; LOG(P(5), superior(100, 202, 1)));
	CASE("nor alone", "a superior votes first",
	     LOG(P(1), rm(1)); struct ktm_jrec r = superior(100, 200, 1);
	     r.prepared.flags |= KTM_JREC_P_FIRST; LOG(P(2), r));
	CASE("one in a restart area, too", "a transaction has two superiors",
	     AREA(rm(1)); AREA(tx(100, 3, 0)); AREA(superior(100, 200, 1));
	     AREA(superior(100, 201, 1)));
	CASE("in a restart area after a rollback", "a superior waits for what it has rolled back",
	     AREA(rm(1)); AREA(tx(100, 2, KTM_JREC_ABORT)); AREA(vote(100, 200, 1));
	     AREA(superior(100, 201, 1)));
#undef SEALED
}

/* ---- restart areas ------------------------------------------------------ */

static void areas(void)
{
	CASE("what lives", "rm 1; tx 100 committed 200 201; clock 9",
	     AREA(clock_is(9)); AREA(rm(1)); AREA(tx(100, 2, KTM_JREC_COMMIT));
	     AREA(vote(100, 200, 1)); AREA(vote(100, 201, 1)));
	CASE("what was rolled back", "rm 1; tx 100 aborted 200; clock 7",
	     AREA(rm(1)); AREA(tx(100, 1, KTM_JREC_ABORT)); AREA(vote(100, 200, 1)));
	CASE("it ends in the log", "rm 1; clock 7",
	     AREA(rm(1)); AREA(tx(100, 1, KTM_JREC_COMMIT)); AREA(vote(100, 200, 1));
	     LOG(P(1), last_done(100, 200)));
	CASE("an area comes first", "a record that belongs into a restart area is in the log",
	     LOG(P(1), clock_is(9)));
	CASE("and so do its transactions", "a record that belongs into a restart area is in the log",
	     LOG(P(1), tx(100, 1, 0)));
	CASE("and its indexes", "a record that belongs into a restart area is in the log",
	     LOG(P(1), INDEX(5, { 5000, S, BYTES, 0 })));
	CASE("a decision in it", "a record that belongs into the log is in a restart area",
	     AREA(rm(1)); AREA(tx(100, 1, 0)); AREA(vote(100, 200, 1)); AREA(commit(100, 1)));
	CASE("a completion in it", "a record that belongs into the log is in a restart area",
	     AREA(rm(1)); AREA(tx(100, 1, 0)); AREA(vote(100, 200, 1)); AREA(last_done(100, 200)));
	CASE("an RM that has gone in it", "a record that belongs into the log is in a restart area",
	     AREA(rm(1)); AREA(rm_gone(1)));
	CASE("a stream's records in it", "a record that belongs into the log is in a restart area",
	     AREA(stream_with(5, 0, 0, 0, 0, 0)); AREA(srec_named(5, 0, 0)));
	CASE("a transaction without votes", "a transaction lives without an enlistment",
	     AREA(tx(100, 0, 0)));
	CASE("a transaction twice", "a transaction is in the restart area twice",
	     AREA(rm(1)); AREA(tx(100, 1, 0)); AREA(vote(100, 200, 1)); AREA(tx(100, 1, 0)));
	CASE("a vote too many", "an enlistment is in the restart area unannounced",
	     AREA(rm(1)); AREA(tx(100, 1, 0)); AREA(vote(100, 200, 1)); AREA(vote(100, 201, 1)));
	CASE("a vote before its transaction",
	     "an enlistment is in the restart area before its transaction",
	     AREA(rm(1)); AREA(first(100, 200, 1)));
	CASE("a vote too few", "the restart area lacks records that it announces",
	     AREA(rm(1)); AREA(tx(100, 2, 0)); AREA(vote(100, 200, 1)));
	CASE("and then the log", "the restart area lacks records that it announces",
	     AREA(rm(1)); AREA(tx(100, 2, 0)); AREA(vote(100, 200, 1)); LOG(P(1), rm(2)));
	CASE("it knows more than it says", "a transaction knows more of the log than its restart area",
	     AREA(tx_at(100, 1, 0, E + 1)));
	CASE("a clock of nonsense in it", "the virtual clock is out of range",
	     AREA(clock_is(1ull << 63)));
	begin(S, E);
	ends(E - 1);
	check("the log does not reach it", "the log ends before the restart area does");
	begin(S, E);
	ends(E);
	check("the log just reaches it", "clock 0");
}

/* ---- between S and E ------------------------------------------------------ */

/* Positions that the area may know of. */
#define Q(n)	(S + 64 * (n))

static void while_running(void)
{
	CASE("over before it came by: a vote", "clock 0", LOG(Q(1), vote(100, 200, 1)));
	CASE("a decision, but for the clock", "clock 7", LOG(Q(1), commit(100, 1)));
	CASE("completions", "clock 0", LOG(Q(1), done(100, 200)); LOG(Q(2), last_done(100, 201)));
	CASE("an RM", "clock 0", LOG(Q(1), rm_gone(1)));
	CASE("E itself is known", "clock 0", LOG(E, last_done(100, 200)));
	CASE("one more is not", "an enlistment of a transaction finishes that is not there",
	     LOG(E + 8, last_done(100, 200)));

	CASE("known already", "rm 1; tx 100 committed 200 201; clock 7",
	     AREA(rm(1)); AREA(tx_at(100, 2, KTM_JREC_COMMIT, Q(3))); AREA(vote(100, 200, 1));
	     AREA(vote(100, 201, 1)); LOG(Q(1), first(100, 200, 1)); LOG(Q(2), vote(100, 201, 1));
	     LOG(Q(3), commit(100, 2)));
	CASE("known in part", "rm 1; tx 100 committed 201; clock 7",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(1))); AREA(vote(100, 200, 1));
	     LOG(Q(1), first(100, 200, 1)); LOG(Q(2), vote(100, 201, 1)); LOG(Q(3), commit(100, 2));
	     LOG(P(1), done(100, 200)));
	CASE("what is new to it is looked at", "a decision counts other votes than there are",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(1))); AREA(vote(100, 200, 1));
	     LOG(Q(2), commit(100, 2)));
	CASE("began behind it", "rm 1; tx 100 committed 200; clock 7",
	     AREA(rm(1)); LOG(Q(1), first(100, 200, 1)); LOG(Q(2), commit(100, 1)));
	CASE("began and ended while it was written", "rm 1; clock 7",
	     AREA(rm(1)); LOG(Q(1), first(100, 200, 1)); LOG(Q(2), commit(100, 1));
	     LOG(Q(3), last_done(100, 200)));
	CASE("another of the same UOW", "rm 1; tx 100 aborted 201; clock 0",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(4))); AREA(vote(100, 201, 1));
	     LOG(Q(1), vote(100, 200, 1)); LOG(Q(2), last_done(100, 200));
	     LOG(Q(4), first(100, 201, 1)));

	/* RM 1 was gone before the area came by, and with it all it had to do with. */
	CASE("with an RM that went", "clock 7",
	     LOG(Q(1), first(100, 200, 1)); LOG(Q(2), commit(100, 1));
	     LOG(Q(3), last_done(100, 200)); LOG(Q(4), rm_gone(1)));
	CASE("and one that stayed", "rm 2; clock 7",
	     AREA(rm(2)); LOG(Q(1), first(100, 201, 2)); LOG(Q(2), vote(100, 200, 1));
	     LOG(Q(3), commit(100, 2)); LOG(Q(4), done(100, 200)); LOG(Q(5), rm_gone(1));
	     LOG(Q(6), last_done(100, 201)));
	CASE("with a superior that went", "rm 2; clock 7",
	     AREA(rm(2)); LOG(Q(1), first(100, 201, 2)); LOG(Q(2), superior(100, 200, 1));
	     LOG(Q(3), rollback(100, 1)); LOG(Q(4), last_done(100, 201)));
	CASE("then it must have ended", "the log lacks the end of what its restart area does not know",
	     LOG(Q(1), first(100, 200, 1)); LOG(Q(2), commit(100, 1)));
	CASE("and that by E", "an enlistment finishes that is not there",
	     LOG(Q(1), first(100, 200, 1)); LOG(Q(2), commit(100, 1));
	     LOG(P(1), last_done(100, 200)));
	CASE("not what the area knows", "an enlistment of a resource manager that is not there",
	     AREA(rm(2)); AREA(tx_at(100, 1, 0, Q(1))); AREA(vote(100, 201, 2));
	     LOG(Q(2), vote(100, 200, 1)));

	/* The area knows the second RM of that GUID. */
	CASE("an RM that came again", "rm 1; tx 100 aborted 200; clock 0",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(3))); AREA(vote(100, 200, 1));
	     LOG(Q(1), rm_gone(1)); LOG(Q(2), rm(1)); LOG(Q(3), first(100, 200, 1)));
	CASE("one that did not", "the log lacks the end of what its restart area does not know",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(3))); AREA(vote(100, 200, 1));
	     LOG(Q(1), rm_gone(1)));
	CASE("twice gone, once come", "a resource manager goes that is not there",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(1))); AREA(vote(100, 200, 1));
	     LOG(Q(2), rm_gone(1)); LOG(P(1), rm_gone(1)));
	CASE("nothing votes in between", "an enlistment of a resource manager that is not there",
	     AREA(rm(1)); AREA(tx_at(100, 1, 0, Q(1))); AREA(vote(100, 200, 1));
	     LOG(Q(2), rm_gone(1)); LOG(P(1), first(101, 201, 1)));
	begin(S, E);
	put(P(1), rm(1));
	m.rms->jp.live = true;
	put(P(2), rm_gone(1));
	put(P(3), rm(1));
	ends(TAIL);
	check("an RM that lives may have gone and come", "rm 1; clock 0");
	begin(S, E);
	put(P(1), rm(1));
	m.rms->jp.live = true;
	put(P(2), rm_gone(1));
	ends(TAIL);
	check("but not have gone", "the log lacks the end of what its restart area does not know");
}

/* ---- streams ---------------------------------------------------------- */

static void streams(void)
{
#define MADE	LOG(P(1), stream(5, 1000))
#define TWO	MADE; LOG(P(2), srec_named(5, P(2), 0)); LOG(P(3), srec_named(5, P(3), KTM_JREC_F_RESTART))

	CASE("made", "stream 5 quota 1000 base 0 last 0 restart 0; clock 0", MADE);
	CASE("more quota", "stream 5 quota 2000 base 0 last 0 restart 0; clock 0",
	     MADE; LOG(P(2), stream(5, 2000)));
#define OTHER	"a stream changes its GUID, name, owner or mode"
#define CHANGED(name, change)							\
	CASE("another " name, OTHER, MADE;					\
	     struct ktm_jrec r = stream(5, 2000); change; LOG(P(2), r));	\
	CASE("another " name " in an area", OTHER,				\
	     AREA(stream_with(5, 0, 0, 0, 0, 4500));				\
	     struct ktm_jrec r = stream(5, 2000); change; LOG(P(2), r));	\
	/* The area stands for the record, but the stream is the same all the time. */ \
	CASE("another " name " before the area came by", OTHER,			\
	     AREA(stream_with(5, 0, 0, 0, 0, 4500));				\
	     struct ktm_jrec r = stream(5, 2000); change; LOG(4400, r))

	CHANGED("GUID", r.stream.guid = guid(6));
	CHANGED("user", r.stream.uid = 1);
	CHANGED("group", r.stream.gid = 1);
	CHANGED("mode", r.stream.mode = 0666);
	CHANGED("name", r.stream.name = (const u8 *)"a"; r.stream.name_len = 1);
	CASE("another letter of its name", OTHER,
	     struct ktm_jrec a = stream(5, 1000); a.stream.name = (const u8 *)"ab";
	     a.stream.name_len = 2; LOG(P(1), a); a.stream.name = (const u8 *)"ac"; LOG(P(2), a));
	CASE("more quota, and it says its last",
	     "stream 5 quota 2000 base 0 last 8384 restart 8384 8320@8272 8384@8336r; clock 0",
	     TWO; struct ktm_jrec r = stream(5, 2000); r.stream.last = P(3); LOG(P(4), r));
	CASE("what only a restart area says: a base",
	     "a stream says in the log what only a restart area does",
	     struct ktm_jrec r = stream(5, 1000); r.stream.base = 1; LOG(P(1), r));
	CASE("a restart record", "a stream says in the log what only a restart area does",
	     struct ktm_jrec r = stream(5, 1000); r.stream.restart = 1; LOG(P(1), r));
	CASE("what it knows", "a stream says in the log what only a restart area does",
	     struct ktm_jrec r = stream(5, 1000); r.stream.lsn = 1; LOG(P(1), r));
	CASE("entries", "a stream says in the log what only a restart area does",
	     struct ktm_jrec r = stream(5, 1000); r.stream.entries = 1; LOG(P(1), r));
	CASE("and says it wrongly", "a stream says wrongly which record is its last",
	     TWO; LOG(P(4), stream(5, 2000)));
	CASE("more quota for none", "a record of a stream that is not there",
	     struct ktm_jrec r = stream(5, 2000); r.stream.last = P(1); LOG(P(4), r));
	CASE("gone", "clock 0", MADE; LOG(P(2), stream_gone(5)));
	CASE("records", "stream 5 quota 1000 base 0 last 8384 restart 8384 8320@8272 8384@8336r; clock 0",
	     TWO);
	CASE("copied forward", "stream 5 quota 1000 base 0 last 8384 restart 8384 8320@8400 8384@8336r; clock 0",
	     TWO; LOG(P(4), srec_named(5, P(2), KTM_JREC_F_COPY)));
	CASE("copied when it was given up",
	     "stream 5 quota 1000 base 8384 last 8384 restart 8384 8384@8336r; clock 0",
	     TWO; LOG(P(4), sbase(5, P(3))); LOG(P(5), srec_named(5, P(2), KTM_JREC_F_COPY)));
	CASE("the base goes up only",
	     "stream 5 quota 1000 base 8384 last 8384 restart 8384 8384@8336r; clock 0",
	     TWO; LOG(P(4), sbase(5, P(3))); LOG(P(5), sbase(5, P(2))));
	CASE("and takes restart records along",
	     "stream 5 quota 1000 base 8385 last 8384 restart 0; clock 0",
	     TWO; LOG(P(4), sbase(5, P(3) + 1)));
	CASE("cut off: names go on rising",
	     "stream 5 quota 1000 base 0 last 8384 restart 0 8320@8272; clock 0",
	     TWO; LOG(P(4), strunc(5, P(2))));
	CASE("cut off to nothing", "stream 5 quota 1000 base 0 last 8384 restart 0; clock 0",
	     TWO; LOG(P(4), strunc(5, 0)));
	CASE("an older restart record counts again",
	     "stream 5 quota 1000 base 0 last 8448 restart 8384 8320@8272 8384@8336r; clock 0",
	     TWO; LOG(P(4), srec_named(5, P(4), KTM_JREC_F_RESTART)); LOG(P(5), strunc(5, P(3))));

	CASE("of no stream", "a record of a stream that is not there", LOG(P(1), srec_named(5, P(1), 0)));
	CASE("base of no stream", "a record of a stream that is not there", LOG(P(1), sbase(5, 0)));
	CASE("cut of no stream", "a record of a stream that is not there", LOG(P(1), strunc(5, 0)));
	CASE("end of no stream", "a record of a stream that is not there", LOG(P(1), stream_gone(5)));
	CASE("after its end", "a record of a stream that is not there",
	     MADE; LOG(P(2), stream_gone(5)); LOG(P(3), srec_named(5, P(3), 0)));
	CASE("a name is a place", "a stream's record is not named after its place",
	     MADE; LOG(P(2), srec_named(5, P(1), 0)));
	CASE("a copy of the future", "a stream's record is the copy of one that never was",
	     TWO; LOG(P(4), srec_named(5, P(4), KTM_JREC_F_COPY)));
	CASE("a copy that differs", "a copy of a stream's record is not what it is a copy of",
	     TWO; LOG(P(4), srec_named(5, P(2), KTM_JREC_F_COPY | KTM_JREC_F_RESTART)));
	CASE("a base in the future", "a stream's base is ahead of the log",
	     TWO; LOG(P(4), sbase(5, P(4) + 8)));
	CASE("cut behind the end", "a stream is cut off behind its end",
	     TWO; LOG(P(4), strunc(5, P(3) + 8)));
#undef TWO
#undef MADE
}

static void stream_areas(void)
{
#define A_ENTRY	{ 4200, 4152, BYTES, 0 }
#define B_ENTRY	{ 4300, 5000, BYTES, KTM_JREC_F_RESTART }
#define HELD	AREA(stream_with(5, 2, 100, 4400, 4300, 4500)); AREA(INDEX(5, A_ENTRY, B_ENTRY))
#define IS	"stream 5 quota 100000 base 100 last 4400 restart 4300 "

	CASE("index", IS "4200@4152 4300@5000r; clock 0", HELD);
	CASE("in two parts", IS "4200@4152 4300@5000r; clock 0",
	     AREA(stream_with(5, 2, 100, 4400, 4300, 4500)); AREA(INDEX(5, A_ENTRY));
	     AREA(INDEX(5, B_ENTRY)));
	CASE("known already", IS "4200@4152 4300@5000r; clock 0",
	     HELD; LOG(4200, srec_named(5, 4200, 0)); LOG(4440, sbase(5, 4300));
	     LOG(4460, strunc(5, 0)); LOG(4480, stream(5, 1)));
	CASE("and from there on",
	     "stream 5 quota 100000 base 4300 last 4608 restart 4300 4300@5000r 4608@4560; clock 0",
	     HELD; LOG(4552, sbase(5, 4300)); LOG(4608, srec_named(5, 4608, 0)));
	CASE("names do not go back", "a stream's records are out of order",
	     AREA(stream_with(5, 0, 0, 4608, 0, 4500)); LOG(4608, srec_named(5, 4608, 0)));
	CASE("gone before it came by", "clock 0",
	     struct ktm_jrec r = stream(5, 2000); r.stream.last = 4150; LOG(4150, r); LOG(4200, srec_named(5, 4200, 0)); LOG(4300, sbase(5, 1)); LOG(4400, strunc(5, 0));
	     LOG(4500, stream_gone(5)));
	CASE("made while it was written", "stream 5 quota 9 base 0 last 4400 restart 0 4400@4352; clock 0",
	     LOG(4200, stream(5, 9)); LOG(4400, srec_named(5, 4400, 0)));
	CASE("gone and held", "the restart area holds a stream that had gone",
	     HELD; LOG(4500, stream_gone(5)));
	CASE("gone later", "clock 0", HELD; LOG(4508, stream_gone(5)));

	CASE("twice", "a stream is in the restart area twice", HELD; AREA(stream_with(5, 0, 0, 0, 0, 0)));
	CASE("an index of nothing", "a record of a stream that is not there", AREA(INDEX(5, A_ENTRY)));
	CASE("too many entries", "a stream's index has more entries than announced",
	     HELD; AREA(INDEX(5, { 4350, 5100, BYTES, 0 })));
	CASE("too few", "the restart area lacks records that it announces",
	     AREA(stream_with(5, 2, 100, 4400, 0, 4500)); AREA(INDEX(5, A_ENTRY)));
	CASE("a restart record that is not there", "a stream's restart record is not in its index",
	     AREA(stream_with(5, 1, 100, 4400, 4300, 4500)); AREA(INDEX(5, A_ENTRY)));
	CASE("in no index", "a stream's restart record is not in its index",
	     AREA(stream_with(5, 0, 100, 4400, 4300, 4500)));
	CASE("a restart record beyond the last", "a stream's restart record is behind its last",
	     AREA(stream_with(5, 1, 100, 4400, 4401, 4500)));
	CASE("knows more than the area", "a stream knows more of the log than its restart area",
	     AREA(stream_with(5, 0, 0, 0, 0, E + 1)));
	CASE("has written more", "a stream knows more of the log than its restart area",
	     AREA(stream_with(5, 0, 0, E + 1, 0, 0)));
	CASE("needs more", "a stream knows more of the log than its restart area",
	     AREA(stream_with(5, 0, E + 1, 0, 0, 0)));

#define NAME	"an entry of a stream's index has a name that cannot be"
#define LENGTH	"an entry of a stream's index has a length that cannot be"
#define PLACE	"an entry of a stream's index lies outside the log"
#define FLAGS	"an entry of a stream's index has flags that are not known"
#define LOST	"an entry of a stream's index is lost and has a place"
#define ENTRY(why, ...)	CASE("entry: " #__VA_ARGS__, why,			\
			     AREA(stream_with(5, 1, 4150, 4400, 0, 4500));	\
			     AREA(INDEX(5, { __VA_ARGS__ })))
	CASE("entries rise", NAME, AREA(stream_with(5, 2, 100, 4400, 4300, 4500));
	     AREA(INDEX(5, B_ENTRY, A_ENTRY)));
	CASE("over parts, too", NAME, AREA(stream_with(5, 2, 100, 4400, 4300, 4500));
	     AREA(INDEX(5, B_ENTRY)); AREA(INDEX(5, B_ENTRY)));
	ENTRY(NAME, 4149, 4120, BYTES, 0);
	ENTRY(NAME, 4401, 4400, BYTES, 0);
	ENTRY(LENGTH, 4200, 4152, 40, 0);
	ENTRY(LENGTH, 4200, 4152, 52, 0);
	ENTRY(LENGTH, 4200, 4152, 16440, 0);
	ENTRY(PLACE, 4200, S - 8, 16432, 0);
	ENTRY(PLACE, 4200, 4144, BYTES, 0);
	ENTRY(PLACE, 4200, E - 40, BYTES, 0);
	ENTRY(PLACE, 4200, E, BYTES, 0);
	ENTRY(PLACE, 4200, U64_MAX - 7, BYTES, 0);
	ENTRY(FLAGS, 4200, 4152, BYTES, 1);
	ENTRY(FLAGS, 4200, 4152, BYTES, 8);
	ENTRY(LOST, 4200, 4152, BYTES, 4);
	ENTRY(PLACE, 4200, 0, BYTES, 0);
	ENTRY("stream 5 quota 100000 base 4150 last 4400 restart 0 4200@0 lost; clock 0",
	      4200, 0, BYTES, 4);
	CASE("the copy of a lost one", "a copy of a stream's record is not what it is a copy of",
	     AREA(stream_with(5, 1, 100, 4400, 0, 4500));
	     AREA(INDEX(5, { 4200, 0, BYTES, 4 })); LOG(E + 200, srec_named(5, 4200, KTM_JREC_F_COPY)));
	ENTRY("stream 5 quota 100000 base 4150 last 4400 restart 0 4200@8144; clock 0",
	      4200, E - BYTES, BYTES, 0);
}

/* What is given back as a restart area says the same. */
static int again(void *ctx, const struct ktm_jrec *rec)
{
	static u8 buf[KTM_JF_REC_MAX];
	struct jmodel *to = ctx;
	struct ktm_jrec back;
	const char *why;
	u32 size = ktm_jrec_encode(rec, buf, sizeof(buf));

	if (!size || ktm_jrec_decode(&back, buf, size, &why) != size)
		return -EINVAL;
	return jmodel_replay(to, &back);
}

static void given_back(void)
{
	struct ktm_jf_sb sb = { .start_lsn = TAIL, .restart_lsn = TAIL, .tail_lsn = S };
	struct jmodel to;
	u64 digest;

	begin(S, E);
	put(P(1), rm(1));
	put(P(2), rm(2));
	put(P(3), first(100, 200, 1));
	put(P(4), vote(100, 201, 2));
	put(P(5), superior(100, 202, 2));
	put(P(6), first(101, 203, 1));
	put(P(7), first(102, 204, 1));
	put(P(8), commit(102, 1));
	put(P(9), stream(5, 1000));
	put(P(10), srec_named(5, P(10), 0));
	put(P(11), srec_named(5, P(11), KTM_JREC_F_RESTART));
	put(P(12), srec_named(5, P(10), KTM_JREC_F_COPY));
	ends(TAIL);
	digest = jmodel_digest(&m);
	jmodel_init(&to, &sb);
	if (jmodel_snapshot(&m, again, &to))
		say(" refused: %s", to.jp.why);
	jmodel_free(&m);
	m = to;
	said[0] = 0;
	ends(TAIL);
	if (jmodel_digest(&m) != digest)
		say(" with another digest");
	check("what is given back says the same",
	      "rm 1; rm 2; stream 5 quota 1000 base 0 last 8896 restart 8896 8832@8912 8896@8848r; "
	      "tx 100 sealed 200 201 202s; tx 101 aborted 203; tx 102 committed 204; clock 7");
}

/* ---- what may be kept, all together ---------------------------------------- */

static void kept(void)
{
	struct ktm_jf_sb sb = { .ring_bytes = 8000 };
	struct ktm_jp jp;
	const char *const quotas = "streams may keep more than the log can give them";
	const char *const needs = "enlistments need more of their streams than the log has";
	const char *const need = "an enlistment needs more of its stream than there is";

#define KEPT(name, good, words)						\
	do {								\
		bool is_good = (good) && (!jp.why == !(words)) &&	\
			       (!jp.why || !strcmp(jp.why, (words) ? (words) : "")); \
		count++;						\
		failures += !is_good;					\
		printf("%sok %d - %s\n", is_good ? "" : "not ", count, name); \
	} while (0)

	ktm_jp_init(&jp, &sb);
	KEPT("quotas of three eighths", !ktm_jp_quota(&jp, 2000) && !ktm_jp_quota(&jp, 1000), NULL);
	KEPT("one byte more", ktm_jp_quota(&jp, 1) == -EUCLEAN, quotas);
	ktm_jp_init(&jp, &sb);
	KEPT("one quota of more", ktm_jp_quota(&jp, 3001) == -EUCLEAN, quotas);
	ktm_jp_init(&jp, &sb);
	KEPT("quotas that wrap around", !ktm_jp_quota(&jp, 2) &&
	     ktm_jp_quota(&jp, ~0ull - 1) == -EUCLEAN, quotas);
	ktm_jp_init(&jp, &sb);
	KEPT("all of a quota", !ktm_jp_need(&jp, 3000, 3000), NULL);
	KEPT("more than it", ktm_jp_need(&jp, 3000, 3001) == -EUCLEAN, need);
	ktm_jp_init(&jp, &sb);
	KEPT("of none", ktm_jp_need(&jp, 0, 0) == -EUCLEAN, need);
	ktm_jp_init(&jp, &sb);
	KEPT("more than the log has", !ktm_jp_need(&jp, 3000, 3000) &&
	     !ktm_jp_need(&jp, 3000, 3000) && !ktm_jp_need(&jp, 3000, 2000) &&
	     ktm_jp_need(&jp, 3000, 1) == -EUCLEAN, needs);
}

int main(void)
{
	printf("TAP version 13\n");
	votes_and_outcomes();
	superiors();
	areas();
	while_running();
	streams();
	stream_areas();
	given_back();
	kept();
	printf("1..%d\n", count);
	return failures != 0;
}
