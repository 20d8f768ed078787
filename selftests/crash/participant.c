// SPDX-License-Identifier: GPL-2.0
/*
 * A test RM: a thread that reads its notifications and answers them. Its store
 * is the shared table, which nothing can damage: what is under test is the module.
 */
#include "workload.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct part *part_of(const struct participant *p, const struct ktm_notification *n)
{
	struct part *part = &shared->parts[n->key];

	/* The client that enlisted us may not have come to say so yet. */
	while (n->key < MAX_ENLISTMENTS && !part->entered)
		usleep(100);
	if (n->key >= MAX_ENLISTMENTS || memcmp(&part->en, &n->enlistment, sizeof(part->en)) ||
	    memcmp(&part->uow, &n->uow, sizeof(part->uow)) || part->rm != p->number)
		die("RM %u is told of an enlistment that is not its own", p->number);
	return part;
}

/*
 * The log has failed, or was opened again meanwhile and knows the enlistment as one that is to
 * be recovered: the RM will hear of it again.
 */
bool is_of_failure(const struct participant *p, uint32_t status)
{
	return p->may_fail && (status == KTM_STATUS_TM_NOT_ONLINE ||
			       status == KTM_STATUS_ENLISTMENT_NOT_FOUND ||
			       status == KTM_STATUS_REQUEST_NOT_VALID ||
			       status == KTM_STATUS_OBJECT_EXPIRED ||
			       status == KTM_STATUS_STREAM_REOPENED ||
			       status == KTM_STATUS_IO_ERROR ||
			       status == KTM_STATUS_NOT_REQUESTED);
}

static bool has_stream(const struct participant *p)
{
	return p->number < NR_STREAMS;
}

static void refuse(struct participant *p, struct part *part)
{
	mark_put(FACT_REFUSES, NULL, part);
	answer(p->fd, KTM_IOC_EN_ROLLBACK, &part->en, 0, NULL, 0);
}

static void vote(struct participant *p, struct part *part)
{
	uint8_t information[KTM_MAX_RECOVERY_INFORMATION];
	uint32_t status;

	switch (part->vote) {
	case VOTE_YES:
		information_fill(information, part->length, part->seed);
		mark_put(FACT_VOTES, NULL, part);
		part->voted = true;
		if (has_stream(p))
			status = log_answer(p, part, KTM_IOC_PREPARE_COMPLETE, RECORD_REDO,
					    information, part->length);
		else
			status = answer(p->fd, KTM_IOC_PREPARE_COMPLETE, &part->en, 0, information,
					part->length);
		/* Not if it has been rolled back meanwhile. */
		if (status == KTM_STATUS_LOG_FULL || status == KTM_STATUS_STREAM_FULL)
			refuse(p, part);
		break;
	case VOTE_READ_ONLY:
		mark_put(FACT_READ_ONLY, NULL, part);
		if (!answer(p->fd, KTM_IOC_READ_ONLY, &part->en, 0, NULL, 0))
			part->done = true;
		break;
	case VOTE_NO:
		refuse(p, part);
		break;
	case VOTE_NEVER:
		break;
	}
}

static void finish(struct participant *p, struct part *part, unsigned long request)
{
	uint32_t status;

	/*
	 * The journal failed while the stream was read, so it is not known what is in there. The RM
	 * has to recover, and hears of this one again.
	 */
	if (has_stream(p) && !p->known)
		return;
	mark_put(FACT_FINISHES, NULL, part);
	part->finishing = true;
	/* Its own record of the end, once, together with the answer. */
	if (part->redo && !part->ended)
		status = log_answer(p, part, request, request == KTM_IOC_COMMIT_COMPLETE ?
				    RECORD_COMMIT : RECORD_ABORT, NULL, 0);
	else
		status = answer(p->fd, request, &part->en, 0, NULL, 0);
	if (!status)
		part->done = true;
	else if (!is_of_failure(p, status))
		die("RM %u may not finish: status %u", p->number, status);
	part->finishing = false;
}

static void take_up(struct participant *p, struct part *part)
{
	uint8_t wanted[KTM_MAX_RECOVERY_INFORMATION], found[KTM_MAX_RECOVERY_INFORMATION];
	uint32_t length = sizeof(found);
	uint32_t status;

	part->recovered = shared->incarnation[p->number];
	information_fill(wanted, part->length, part->seed);
	status = en_information(p->fd, &part->en, found, &length);
	if (status && is_of_failure(p, status))
		return;
	/* Before the vote it is recovered only in the single phase. */
	if (status || length != (part->voted ? part->length : 0) || memcmp(wanted, found, length))
		die("RM %u finds other recovery information than it left (status %u)", p->number,
		    status);
	/* The vote is behind it in the log. */
	if (part->voted && has_stream(p) && !part->redo && !p->fresh)
		die("RM %u recovers what its stream does not have", p->number);
	part->done = false;
	status = answer(p->fd, KTM_IOC_EN_RECOVER, &part->en, part - shared->parts, NULL, 0);
	if (status != KTM_STATUS_PENDING && !is_of_failure(p, status))
		die("RM %u may not recover an enlistment: status %u", p->number, status);
}

/* What was staged before this incarnation and is not known is rolled back. */
static void conclude(struct participant *p)
{
	uint32_t now = shared->incarnation[p->number];
	unsigned int i;

	for (i = 0; i < shared->nr_parts; i++) {
		struct part *part = &shared->parts[i];

		if (!part->entered || part->rm != p->number || part->done ||
		    part->incarnation >= now || part->recovered == now)
			continue;
		/* It is not asked again, but is told when all have finished, perhaps much later. */
		if (p->number == SUPERIOR && part->mind == MIND_COMMIT)
			continue;
		/*
		 * Or finished, if the process ended in the middle of saying so; or it has
		 * committed by itself. A superior knows what it has decided.
		 */
		if (!part->finishing && part->mind != MIND_COMMIT && p->number != SUPERIOR)
			mark_put(FACT_ROLLBACK, NULL, part);
		part->done = true;
	}
	p->fresh = false;
}

static void handle(struct participant *p, const struct ktm_notification *n)
{
	struct part *part;

	if (n->kind == KTM_NOTIFY_LAST_RECOVER) {
		conclude(p);
		return;
	}
	part = part_of(p, n);
	if (p->number == SUPERIOR) {
		superior_handle(p, part, n->kind);
		return;
	}
	switch (n->kind) {
	case KTM_NOTIFY_PREPREPARE:
		answer(p->fd, KTM_IOC_PREPREPARE_COMPLETE, &part->en, 0, NULL, 0);
		break;
	case KTM_NOTIFY_SINGLE_PHASE_COMMIT:
		single_handle(p, part);
		break;
	case KTM_NOTIFY_RM_DISCONNECTED:
		if (p->number < NR_DURABLE)
			die("RM %u is durable, and disconnected", p->number);
		part->done = true;
		break;
	case KTM_NOTIFY_PREPARE:
		vote(p, part);
		break;
	case KTM_NOTIFY_COMMIT:
		mark_put(FACT_COMMIT, NULL, part);
		if (!part->slow || part->recovered == shared->incarnation[p->number])
			finish(p, part, KTM_IOC_COMMIT_COMPLETE);
		break;
	case KTM_NOTIFY_ROLLBACK:
		mark_put(FACT_ROLLBACK, NULL, part);
		finish(p, part, KTM_IOC_ROLLBACK_COMPLETE);
		break;
	case KTM_NOTIFY_RECOVER:
		take_up(p, part);
		break;
	case KTM_NOTIFY_INDOUBT:
		break;
	default:
		die("RM %u is told %#x", p->number, n->kind);
	}
}

/*
 * It is not to enlist before; and nobody enlists for it now. The stream is read behind that:
 * if the journal is opened once more in between, no answer of the RM counts until it is here again.
 */
static void recover_it(struct participant *p)
{
	uint32_t status;

	shared->incarnation[p->number]++;
	if (p->number == NR_DURABLE)
		return;
	p->owes = false;
	status = rm_recover(p->fd);
	if (status && !is_of_failure(p, status))
		die("RM %u cannot recover: status %u", p->number, status);
	if (!status && has_stream(p) && !log_known(p))
		log_found(p);
}

static void open_it(struct participant *p)
{
	struct ktm_guid guid = rm_guid(p->number);
	bool durable = p->number != NR_DURABLE;
	uint32_t status;

	for (;;) {
		status = KTM_STATUS_RM_NOT_FOUND;
		if (durable)
			status = rm_open(p->tm, &guid, &p->fd);
		if (status == KTM_STATUS_RM_NOT_FOUND)
			status = rm_create(p->tm, &guid, durable ? 0 : KTM_RM_VOLATILE, &p->fd);
		if (!status || !is_of_failure(p, status))
			break;
		usleep(1000);
	}
	if (status)
		die("RM %u cannot be opened: status %u", p->number, status);
	recover_it(p);
}

static void reopen(struct participant *p)
{
	pthread_rwlock_wrlock(&p->lock);
	close(p->fd);
	open_it(p);
	pthread_rwlock_unlock(&p->lock);
}

static void *participant_run(void *arg)
{
	struct participant *p = arg;
	struct ktm_notification events[MAX_EVENTS];
	int i, n;

	while (!p->stop) {
		/* It says so before it reads anything. */
		n = 0;
		if (p->number != SUPERIOR) {
			n = rm_read(p->fd, events, 20);
		} else if (rm_waits(p->fd, 20)) {
			superior_hears(p);
			n = rm_read(p->fd, events, 0);
		}
		if (n < 0) {
			usleep(1000);
			pthread_rwlock_wrlock(&p->lock);
			recover_it(p);
			pthread_rwlock_unlock(&p->lock);
		}
		for (i = 0; i < n; i++)
			handle(p, &events[i]);
		if (has_stream(p))
			log_upkeep(p);
		/* Nothing more may come before it does. */
		if (p->reopens && (n > 0 ? !prng_below(&p->prng, 40) : !n && p->owes))
			reopen(p);
	}
	return NULL;
}

/**
 * participant_start() - open a test RM and let it work
 * @p: the RM, its number set
 * @tm: its TM
 * @prng: its choices
 * @reopens: it closes and opens itself now and then
 * @may_fail: the disk fails now and then
 */
void participant_start(struct participant *p, int tm, struct prng prng, bool reopens,
		       bool may_fail)
{
	p->tm = tm;
	p->prng = prng;
	p->reopens = reopens && p->number != NR_DURABLE;
	p->owes = false;
	p->may_fail = may_fail;
	p->stop = false;
	pthread_rwlock_init(&p->lock, NULL);
	if (has_stream(p))
		log_open(p);
	open_it(p);
	if (pthread_create(&p->thread, NULL, participant_run, p))
		die("no thread for RM %u", p->number);
}

/**
 * participant_stop() - the test RM ends, whatever it owes
 * @p: the RM
 */
void participant_stop(struct participant *p)
{
	p->stop = true;
	pthread_join(p->thread, NULL);
	close(p->fd);
	if (has_stream(p))
		close(p->stream);
	pthread_rwlock_destroy(&p->lock);
}
