// SPDX-License-Identifier: GPL-2.0
/*
 * Does what recovery says agree with what was known?
 *
 * Only what left the module counts: what an RM read, what a client was told, and
 * which calls an RM had begun. Nothing here looks into the log.
 */
#include "judge.h"

#include "calls.h"

#include <stdlib.h>

/**
 * struct verdict - one transaction
 * @commit: somebody knows that it is committed
 * @abort: somebody knows that it is not
 * @commits: recovery sends COMMIT to one of its enlistments
 * @rolls_back: recovery sends ROLLBACK to one
 * @logged: a durable one had begun to vote, so that a superior's part is in the log
 * @voted: when the last one that voted in the run began to
 */
struct verdict {
	bool commit;
	bool abort;
	bool commits;
	bool rolls_back;
	bool logged;
	size_t voted;
};

/* An RM's stream: what it holds, and what it must. */
struct stream {
	struct expected expected;
	const struct found_stream *found;
};

static bool takes_part(const struct en_history *en, const struct cut *cut)
{
	return is_known(&en->known, FACT_ENLISTED, cut) &&
	       !is_known(&en->known, FACT_READ_ONLY, cut);
}

static struct verdict sum_up(const struct history *h, size_t tx, const struct cut *cut)
{
	const struct knowledge *client = &h->txs[tx].known;
	struct verdict v = {
		.commit = is_known(client, FACT_TOLD_COMMIT, cut),
		.abort = is_known(client, FACT_TOLD_ABORT, cut),
	};
	size_t i;

	for_each_en(i, h, tx) {
		const struct en_history *en = &h->ens[i];

		v.commit |= is_known(&en->known, FACT_COMMIT, cut);
		v.abort |= is_known(&en->known, FACT_ROLLBACK, cut) ||
			   is_known(&en->known, FACT_REFUSES, cut);
		v.logged |= en->rm < NR_DURABLE && is_known(&en->known, FACT_VOTES, cut);
		if (is_known(&en->known, FACT_VOTES, cut) && en->known.at[FACT_VOTES] > v.voted)
			v.voted = en->known.at[FACT_VOTES];
		v.commits |= en->found == FOUND_COMMIT;
		v.rolls_back |= en->found == FOUND_ROLLBACK;
	}
	return v;
}

static void judge_enlistment(const struct en_history *en, const struct verdict *v,
			     const struct cut *cut)
{
	bool durable = en->rm < NR_DURABLE;

	if (en->found == FOUND_COMMIT && v->abort)
		violation("RM %u: COMMIT of a transaction that is known to be rolled back", en->rm);
	if (en->found == FOUND_ROLLBACK && v->commit)
		violation("RM %u: ROLLBACK of a transaction that is known to be committed", en->rm);
	if (en->found == FOUND_RECOVER)
		violation("RM %u: no outcome for an enlistment that it recovered", en->rm);
	if (en->found != FOUND_NOTHING && is_known(&en->known, FACT_READ_ONLY, cut))
		violation("RM %u: recovers an enlistment that has left", en->rm);
	if (v->commits && takes_part(en, cut) && !is_known(&en->known, FACT_VOTES, cut))
		violation("RM %u: had not voted when the others get COMMIT", en->rm);
	/* Not known means rollback, or that it was finished. */
	if ((v->commit || v->commits) && durable && en->found == FOUND_NOTHING &&
	    takes_part(en, cut) && !is_known(&en->known, FACT_FINISHES, cut))
		violation("RM %u: is not told of a transaction that is committed", en->rm);
}

/* Its records stand in front of its vote and of its end in one log. */
static void judge_records(const struct en_history *en, const struct verdict *v,
			  const struct cut *cut, const struct stream *stream)
{
	if (en->found != FOUND_NOTHING && !stream_record(stream->found, en->key, RECORD_REDO))
		violation("RM %u: recovers an enlistment, and its stream has no redo for it", en->rm);
	if ((v->commit || v->commits) && en->found == FOUND_NOTHING &&
	    is_known(&en->known, FACT_VOTES, cut) &&
	    !stream_record(stream->found, en->key, RECORD_COMMIT) &&
	    !stream_passed(&stream->expected, stream->found, en->key, RECORD_COMMIT))
		violation("RM %u: has finished a commit, and its stream does not say so", en->rm);
}

/* It decides; so nothing is decided without it, and it is asked or told until it has heard. */
static void judge_superior(const struct en_history *en, const struct verdict *v,
			   const struct cut *cut)
{
	bool decided = is_known(&en->known, FACT_DECIDES, cut);
	bool heard = is_known(&en->known, FACT_COMMIT, cut);
	bool perhaps = heard || is_known(&en->known, FACT_HEARS, cut);

	if (en->queried && (v->commit || heard))
		violation("the superior is asked about a transaction that is known to be committed");
	if (en->found == FOUND_COMMIT && v->abort)
		violation("the superior is told of a commit that is known to be none");
	if (v->commits && !decided && !(en->queried && superior_commits(en->seed)))
		violation("COMMIT goes out without the superior's decision");
	if (!v->logged || en->found != FOUND_NOTHING || perhaps)
		return;
	if (v->commit || v->commits)
		violation("the superior is not told of a commit");
	else if (is_known(&en->known, FACT_ASKED, cut) && !v->abort)
		violation("the superior is not asked about what it was told is prepared");
}

/*
 * For each opening of the journal, the last vote of a transaction that is known to have been
 * committed through the log: its decision came later, and what was in the log before that is
 * durable.
 */
static size_t *forced_votes(const struct history *h, const struct cut *cut)
{
	size_t *forced = calloc(h->nr_openings + 1, sizeof(*forced));
	size_t tx;

	if (!forced)
		die("out of memory");
	for (tx = 0; tx < h->nr_txs; tx++) {
		struct verdict v = sum_up(h, tx, cut);
		size_t opening = history_opening(h, v.voted);

		if (v.logged && (v.commit || v.commits) && !(opening % 2) &&
		    v.voted > forced[opening])
			forced[opening] = v.voted;
	}
	return forced;
}

/**
 * judge() - judge what recovery found
 * @h: the run, with the findings
 * @cut: where the power went
 * @found: the stream of each RM that has one
 */
void judge(const struct history *h, const struct cut *cut, const struct found_stream *found)
{
	size_t *forced = forced_votes(h, cut);
	struct stream streams[NR_STREAMS];
	uint32_t rm;
	size_t tx, i;

	for (rm = 0; rm < NR_STREAMS; rm++) {
		streams[rm].found = &found[rm];
		stream_expect(&streams[rm].expected, h, cut, rm, &found[rm], forced);
		stream_judge(&streams[rm].expected, &found[rm], rm);
	}
	free(forced);

	for (tx = 0; tx < h->nr_txs; tx++) {
		struct verdict v = sum_up(h, tx, cut);

		if (v.commit && v.abort)
			violation("both outcomes of one transaction were told");
		if (v.commits && v.rolls_back)
			violation("COMMIT and ROLLBACK for one transaction");
		for_each_en(i, h, tx) {
			const struct en_history *en = &h->ens[i];

			if (en->rm == SUPERIOR)
				judge_superior(en, &v, cut);
			else
				judge_enlistment(en, &v, cut);
			if (en->rm < NR_STREAMS)
				judge_records(en, &v, cut, &streams[en->rm]);
		}
	}
	for (rm = 0; rm < NR_STREAMS; rm++)
		stream_expect_end(&streams[rm].expected);
}
