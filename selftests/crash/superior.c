// SPDX-License-Identifier: GPL-2.0
/*
 * Who decides instead of the module: a superior, and an RM in the single phase.
 * Neither ever changes its mind, over any number of recoveries.
 */
#include "workload.h"

static void expect(struct participant *p, uint32_t status, uint32_t wanted, const char *what)
{
	if (status != wanted && !is_of_failure(p, status))
		die("RM %u: %s came to status %u", p->number, what, status);
}

static void decide(struct participant *p, struct part *part)
{
	/* It may have given it up: who is asked only behind LAST_RECOVER was not known in front. */
	part->done = false;
	if (superior_commits(part->seed)) {
		mark_put(FACT_DECIDES, NULL, part);
		part->mind = MIND_COMMIT;
		expect(p, answer(p->fd, KTM_IOC_EN_COMMIT, &part->en, 0, NULL, 0),
		       KTM_STATUS_PENDING, "EN_COMMIT");
	} else {
		mark_put(FACT_REFUSES, NULL, part);
		expect(p, answer(p->fd, KTM_IOC_EN_ROLLBACK, &part->en, 0, NULL, 0),
		       KTM_STATUS_SUCCESS, "EN_ROLLBACK");
	}
}

/**
 * superior_hears() - it is about to read what waits
 * @p: its RM
 */
void superior_hears(const struct participant *p)
{
	unsigned int i;

	for (i = 0; i < shared->nr_parts; i++) {
		const struct part *part = &shared->parts[i];

		if (part->rm == p->number && part->mind == MIND_COMMIT && !part->done)
			mark_put(FACT_HEARS, NULL, part);
	}
}

/**
 * superior_handle() - a superior is told something
 * @p: its RM
 * @part: the enlistment
 * @kind: KTM_NOTIFY_
 */
void superior_handle(struct participant *p, struct part *part, uint32_t kind)
{
	switch (kind) {
	case KTM_NOTIFY_COMMIT_REQUEST:
		mark_put(FACT_ASKED, NULL, part);
		if (part->slow)
			p->owes = true;
		else
			decide(p, part);
		break;
	case KTM_NOTIFY_RECOVER_QUERY:
		mark_put(FACT_ASKED, NULL, part);
		part->recovered = shared->incarnation[p->number];
		decide(p, part);
		break;
	case KTM_NOTIFY_COMMIT_COMPLETE:
		mark_put(FACT_COMMIT, NULL, part);
		part->done = true;
		break;
	case KTM_NOTIFY_ROLLBACK:
		mark_put(FACT_ROLLBACK, NULL, part);
		expect(p, answer(p->fd, KTM_IOC_ROLLBACK_COMPLETE, &part->en, 0, NULL, 0),
		       KTM_STATUS_SUCCESS, "ROLLBACK_COMPLETE");
		part->done = true;
		break;
	case KTM_NOTIFY_ROLLBACK_COMPLETE:
		break;
	default:
		die("the superior is told %#x", kind);
	}
}

/**
 * single_handle() - an RM is asked to commit by itself
 * @p: the RM
 * @part: its enlistment
 */
void single_handle(struct participant *p, struct part *part)
{
	uint32_t status;

	if (part->mind == MIND_OPEN && part->rejects) {
		expect(p, answer(p->fd, KTM_IOC_SINGLE_PHASE_REJECT, &part->en, 0, NULL, 0),
		       KTM_STATUS_SUCCESS, "SINGLE_PHASE_REJECT");
		return;
	}
	if (part->mind == MIND_OPEN && part->vote == VOTE_NO) {
		part->mind = MIND_ROLLBACK;
		mark_put(FACT_REFUSES, NULL, part);
	}
	if (part->mind == MIND_ROLLBACK) {
		expect(p, answer(p->fd, KTM_IOC_EN_ROLLBACK, &part->en, 0, NULL, 0),
		       KTM_STATUS_SUCCESS, "EN_ROLLBACK");
		return;
	}
	/* Its own store has it now: the module need not remember. */
	part->mind = MIND_COMMIT;
	mark_put(FACT_FINISHES, NULL, part);
	mark_put(FACT_COMMIT, NULL, part);
	status = answer(p->fd, KTM_IOC_COMMIT_COMPLETE, &part->en, 0, NULL, 0);
	expect(p, status, KTM_STATUS_SUCCESS, "COMMIT_COMPLETE");
	if (!status)
		part->done = true;
}
