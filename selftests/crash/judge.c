// SPDX-License-Identifier: GPL-2.0
/*
 * Does what recovery says agree with what was known?
 *
 * Only what left the module counts: what an RM read, what a client was told, and
 * which calls an RM had begun. Nothing here looks into the log.
 */
#include "judge.h"

/**
 * struct verdict - one transaction
 * @commit: somebody knows that it is committed
 * @abort: somebody knows that it is not
 * @commits: recovery sends COMMIT to one of its enlistments
 * @rolls_back: recovery sends ROLLBACK to one
 * @logged: a durable one had begun to vote, so that a superior's part is in the log
 */
struct verdict {
	bool commit;
	bool abort;
	bool commits;
	bool rolls_back;
	bool logged;
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

	for (i = 0; i < h->nr_ens; i++) {
		const struct en_history *en = &h->ens[i];

		if (en->tx != tx)
			continue;
		v.commit |= is_known(&en->known, FACT_COMMIT, cut);
		v.abort |= is_known(&en->known, FACT_ROLLBACK, cut) ||
			   is_known(&en->known, FACT_REFUSES, cut);
		v.logged |= en->rm < NR_DURABLE && is_known(&en->known, FACT_VOTES, cut);
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

/**
 * judge() - judge what recovery found
 * @h: the run, with the findings
 * @cut: where the power went
 */
void judge(const struct history *h, const struct cut *cut)
{
	size_t tx, i;

	for (tx = 0; tx < h->nr_txs; tx++) {
		struct verdict v = sum_up(h, tx, cut);

		if (v.commit && v.abort)
			violation("both outcomes of one transaction were told");
		if (v.commits && v.rolls_back)
			violation("COMMIT and ROLLBACK for one transaction");
		for (i = 0; i < h->nr_ens; i++) {
			const struct en_history *en = &h->ens[i];

			if (en->tx == tx && en->rm == SUPERIOR)
				judge_superior(en, &v, cut);
			else if (en->tx == tx)
				judge_enlistment(en, &v, cut);
		}
	}
}
