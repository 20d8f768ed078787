// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: threads that begin transactions of all sorts and end them.
 */
#include "workload.h"

#include <string.h>
#include <unistd.h>

#define NR_CLIENTS	4
#define LARGE		16	/* enlistments of a large transaction */

struct client {
	int tm;
	struct prng prng;
	pthread_t thread;
};

static atomic_int left;

static uint32_t draw_length(struct prng *prng)
{
	switch (prng_below(prng, 10)) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)prng_below(prng, KTM_MAX_RECOVERY_INFORMATION) + 1;
	case 2:
	case 3:
		return (uint32_t)prng_below(prng, 4096) + 1;
	default:
		return (uint32_t)prng_below(prng, 200) + 1;
	}
}

/* How this part of a transaction is going to go. */
static struct part *draw_part(struct prng *prng, const struct ktm_guid *uow, unsigned int rm,
			      bool large)
{
	unsigned int place = atomic_fetch_add(&shared->nr_parts, 1);
	struct part *part = &shared->parts[place];
	uint64_t draw = prng_below(prng, 100);

	if (place >= MAX_ENLISTMENTS)
		die("the table of enlistments is full");
	part->uow = *uow;
	part->rm = rm;
	part->seed = (uint32_t)prng_next(prng);
	part->length = rm < NR_DURABLE ? draw_length(prng) : 0;
	part->vote = draw < 84 ? VOTE_YES : draw < 92 ? VOTE_READ_ONLY : draw < 97 ? VOTE_NO :
		     VOTE_NEVER;
	if (large && rm < NR_DURABLE) {
		part->length = KTM_MAX_RECOVERY_INFORMATION - (uint32_t)prng_below(prng, 1000);
		part->vote = VOTE_YES;
	}
	part->slow = rm < NR_DURABLE && !prng_below(prng, 12);
	part->rejects = part->vote == VOTE_NEVER || part->vote == VOTE_READ_ONLY ||
			!prng_below(prng, 3);
	part->mask = KTM_NOTIFY_TWO_PHASE;
	if (!prng_below(prng, 4))
		part->mask |= KTM_NOTIFY_PREPREPARE;
	if (!prng_below(prng, 3))
		part->mask |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	if (rm == NR_DURABLE && prng_below(prng, 2))
		part->mask |= KTM_NOTIFY_RM_DISCONNECTED;
	return part;
}

static struct part *draw_superior(struct prng *prng, const struct ktm_guid *uow)
{
	struct part *part = draw_part(prng, uow, SUPERIOR, false);

	part->length = 0;
	part->slow = !prng_below(prng, 6);
	part->mask = KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_COMMIT_REQUEST |
		     KTM_NOTIFY_RECOVER_QUERY;
	if (prng_below(prng, 2))
		part->mask |= KTM_NOTIFY_ROLLBACK_COMPLETE;
	return part;
}

static uint32_t enlist_one(int tx, struct part *part)
{
	struct participant *p = &participants[part->rm];
	uint32_t status;

	pthread_rwlock_rdlock(&p->lock);
	part->incarnation = shared->incarnation[part->rm];
	status = enlist(p->fd, tx, part->mask, part->rm == SUPERIOR, part - shared->parts,
			&part->en);
	pthread_rwlock_unlock(&p->lock);
	if (status)
		return status;
	/* Before anything of it can be in the log. */
	mark_put(FACT_ENLISTED, NULL, part);
	part->entered = true;
	return 0;
}

/*
 * Returns 0, or the status of the enlistment that was refused. One in many transactions is
 * so large that its records fill more than one batch of the journal.
 */
static uint32_t enlist_all(struct client *c, int tx, const struct ktm_guid *uow, bool *waits)
{
	unsigned int rm, first = (unsigned int)prng_below(&c->prng, NR_PARTICIPANTS);
	unsigned int wanted = 1 + (unsigned int)prng_below(&c->prng, NR_PARTICIPANTS);
	bool large = !prng_below(&c->prng, 30);
	uint32_t status = 0;

	if (large)
		wanted = LARGE;
	if (!prng_below(&c->prng, 3)) {
		struct part *superior = draw_superior(&c->prng, uow);

		*waits |= superior->slow;
		status = enlist_one(tx, superior);
	}
	for (rm = first; wanted-- && !status; rm = (rm + 1) % NR_PARTICIPANTS) {
		struct part *part = draw_part(&c->prng, uow, rm, large);

		*waits |= part->slow || part->vote == VOTE_NEVER;
		status = enlist_one(tx, part);
	}
	return status;
}

static void told(const struct ktm_guid *uow, uint32_t status)
{
	if (status == KTM_STATUS_SUCCESS)
		mark_put(FACT_TOLD_COMMIT, uow, NULL);
	else if (status == KTM_STATUS_ROLLED_BACK || status == KTM_STATUS_ALREADY_ABORTED)
		mark_put(FACT_TOLD_ABORT, uow, NULL);
	else
		die("Commit came to status %u", status);
}

static void commit(int tx, const struct ktm_guid *uow, bool wait)
{
	uint32_t status = tx_call(tx, KTM_IOC_COMMIT, wait ? KTM_CALL_WAIT : 0);
	uint32_t outcome;

	if (status == KTM_STATUS_INDOUBT)
		atomic_fetch_add(&shared->nr_indoubt, 1);
	/* In doubt: the log has failed, what it holds will be known when it is opened again. */
	if (status == KTM_STATUS_PENDING || status == KTM_STATUS_INDOUBT) {
		if (tx_outcome(tx, &outcome))
			die("a transaction cannot be queried");
		status = outcome == KTM_OUTCOME_COMMITTED ? KTM_STATUS_SUCCESS :
			 KTM_STATUS_ROLLED_BACK;
	}
	told(uow, status);
}

static void one_transaction(struct client *c)
{
	/* Some expire in the middle of it; the others only if somebody never votes. */
	uint64_t timeout_ns = prng_below(&c->prng, 12) ? 400000000 :
			      1 + prng_below(&c->prng, 30000000);
	uint64_t draw = prng_below(&c->prng, 100);
	bool waits = false;
	struct ktm_guid uow;
	uint32_t status;
	int tx;

	while ((status = tx_create(c->tm, timeout_ns, &uow, &tx)) == KTM_STATUS_TM_NOT_ONLINE)
		usleep(1000);
	if (status)
		die("a transaction cannot be begun: status %u", status);
	if (enlist_all(c, tx, &uow, &waits) || draw < 8) {
		status = tx_call(tx, KTM_IOC_ROLLBACK, 0);
		if (status != KTM_STATUS_SUCCESS && status != KTM_STATUS_PENDING &&
		    status != KTM_STATUS_REQUEST_NOT_VALID)
			die("Rollback came to status %u", status);
		mark_put(FACT_TOLD_ABORT, &uow, NULL);
	} else if (draw >= 12) {
		commit(tx, &uow, !waits && draw < 60);
	}
	close(tx);
	space_note(c->tm);
	if (draw >= 8 && draw < 12)
		mark_put(FACT_TOLD_ABORT, &uow, NULL);
	atomic_fetch_add(&shared->nr_ended, 1);
}

static void *client_run(void *arg)
{
	struct client *c = arg;

	while (atomic_fetch_sub(&left, 1) > 0)
		one_transaction(c);
	return NULL;
}

/**
 * clients_run() - that many transactions, by several threads
 * @tm: their TM
 * @transactions: how many
 * @prng: their choices
 */
void clients_run(int tm, unsigned int transactions, struct prng prng)
{
	struct client clients[NR_CLIENTS];
	unsigned int i;

	left = (int)transactions;
	for (i = 0; i < NR_CLIENTS; i++) {
		clients[i].tm = tm;
		clients[i].prng = prng_stream(prng_next(&prng), i);
		if (pthread_create(&clients[i].thread, NULL, client_run, &clients[i]))
			die("no thread for a client");
	}
	for (i = 0; i < NR_CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
}
