// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The resource manager's loop: notifications in, answers out.
 *
 * The answers to a batch go out with the call that fetches the next one. What
 * must not overtake them waits for them: LAST_RECOVER, and the end of a dispatch, so
 * that what the caller does between two of them comes after all that its functions
 * have said.
 */
#include "internal.h"
#include "rm.h"

#include <poll.h>
#include <unistd.h>

/* One dispatch fetches at most so many batches, so that a flood does not starve its caller. */
#define BATCHES_PER_DISPATCH	16

#define SUPERIORS_MASK	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
			 KTM_NOTIFY_LAST_RECOVER | KTM_NOTIFY_REQUEST_OUTCOME)

/* ---- one notification ---- */

typedef int (*ktm_rm_op)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);

/* What can be refused: whoever fails has refused. */
static void on_vote(struct ktm_rm *rm, struct ktm_rm_event *event, ktm_rm_op op,
		    struct ktm_rm_progress *progress)
{
	/* No function: of an earlier life of this RM, with other functions; or it is blind. */
	int reply = op ? op(rm, event, rm->data) : KTM_RM_REFUSE;

	if (reply == KTM_RM_LATER)
		return;
	if (reply != KTM_RM_DONE && reply != KTM_RM_READ_ONLY)
		reply = KTM_RM_REFUSE;
	ktm_rm_queue_answer(rm, event, reply, progress);
}

/* What cannot be refused: whoever fails still owes it. */
static void on_order(struct ktm_rm *rm, struct ktm_rm_event *event, ktm_rm_op op,
		     struct ktm_rm_progress *progress)
{
	int reply = op ? op(rm, event, rm->data) : -EOPNOTSUPP;

	if (reply < 0)
		ktm_rm_note_error(progress, reply, KTM_STATUS_UNSUCCESSFUL);
	else if (reply != KTM_RM_LATER)
		ktm_rm_queue_answer(rm, event, reply, progress);
}

static void on_outcome(struct ktm_rm *rm, struct ktm_rm_event *event, ktm_rm_op op,
		       struct ktm_rm_progress *progress)
{
	if (ktm_rm_take_unknown(rm, &event->enlistment))
		ktm_rm_queue_answer(rm, event, KTM_RM_DONE, progress);
	else
		on_order(rm, event, op, progress);
}

/*
 * Holding nothing for it proves nothing here: it may have been committed just
 * before the crash. Only the function knows.
 */
static void on_single_phase(struct ktm_rm *rm, struct ktm_rm_event *event,
			    struct ktm_rm_progress *progress)
{
	ktm_rm_take_unknown(rm, &event->enlistment);
	on_order(rm, event, rm->ops.single_phase, progress);
}

static void recovery_failed(struct ktm_rm *rm, int error, struct ktm_rm_progress *progress)
{
	ktm_rm_note_error(progress, error, KTM_STATUS_UNSUCCESSFUL);
	rm->failed = true;
}

/* Before anything else of this recovery: what the caller has is from an earlier life. */
static void tell_recovering(struct ktm_rm *rm, struct ktm_rm_progress *progress)
{
	int ret;

	if (rm->told || atomic_load(&rm->state) != KTM_RM_RECOVERING)
		return;
	rm->told = true;
	ret = rm->ops.recovering ? rm->ops.recovering(rm, rm->data) : 0;
	if (ret < 0) {
		rm->blind = true;
		recovery_failed(rm, ret, progress);
	}
}

/*
 * Who does not know what he holds must neither say that it is nothing nor that he has
 * finished with it. The next recovery brings all of this again.
 */
static bool needs_sight(uint32_t kind)
{
	return kind == KTM_NOTIFY_RECOVER || kind == KTM_NOTIFY_RECOVER_QUERY ||
	       kind == KTM_NOTIFY_COMMIT || kind == KTM_NOTIFY_SINGLE_PHASE_COMMIT ||
	       kind == KTM_NOTIFY_INDOUBT;
}

static void on_recover(struct ktm_rm *rm, struct ktm_rm_event *event,
		       struct ktm_rm_progress *progress)
{
	int reply = rm->ops.recover ? rm->ops.recover(rm, event, rm->data) : KTM_RM_NONE;

	if (reply == KTM_RM_NONE)
		reply = ktm_rm_remember_unknown(rm, &event->enlistment);
	else if (reply > 0)
		reply = -EINVAL;
	if (reply < 0)
		recovery_failed(rm, reply, progress);
	else
		ktm_rm_queue_answer(rm, event, KTM_RM_DONE, progress);
}

static void on_indoubt(struct ktm_rm *rm, struct ktm_rm_event *event)
{
	if (rm->ops.indoubt && !ktm_rm_is_unknown(rm, &event->enlistment))
		rm->ops.indoubt(rm, event, rm->data);
}

static void on_disconnected(struct ktm_rm *rm, struct ktm_rm_event *event)
{
	if (rm->ops.rm_disconnected)
		rm->ops.rm_disconnected(rm, event, rm->data);
}

/* Nothing owed by itself: a superior acts when it likes. */
static void on_superior(struct ktm_rm *rm, struct ktm_rm_event *event,
			struct ktm_rm_progress *progress)
{
	int reply = rm->ops.superior ? rm->ops.superior(rm, event, rm->data) : KTM_RM_DONE;

	if (reply < 0)
		ktm_rm_note_error(progress, reply, KTM_STATUS_UNSUCCESSFUL);
	else if (reply != KTM_RM_LATER && reply != KTM_RM_DONE)
		ktm_rm_queue_answer(rm, event, reply, progress);
}

/* First who it is from now on, then, if it knows already, what it decided. */
static void on_recover_query(struct ktm_rm *rm, struct ktm_rm_event *event,
			     struct ktm_rm_progress *progress)
{
	int reply = rm->ops.superior ? rm->ops.superior(rm, event, rm->data) : KTM_RM_LATER;

	if (reply < 0) {
		recovery_failed(rm, reply, progress);
		return;
	}
	ktm_rm_queue_answer(rm, event, KTM_RM_DONE, progress);
	if (reply != KTM_RM_LATER && reply != KTM_RM_DONE)
		ktm_rm_queue_answer(rm, event, reply, progress);
}

/* The end of recovery, unless a step of it failed: then it begins again. */
static void on_last_recover(struct ktm_rm *rm, struct ktm_rm_progress *progress)
{
	int ret = 0;

	/* Only what the kernel has accepted counts as recovered. */
	ktm_rm_exchange(rm, false, progress);
	if (!rm->failed && rm->ops.last_recover)
		ret = rm->ops.last_recover(rm, rm->data);
	if (ret < 0)
		ktm_rm_note_error(progress, ret, KTM_STATUS_UNSUCCESSFUL);
	if (rm->failed || ret < 0) {
		progress->lost = true;
		return;
	}
	ktm_rm_back_online(rm);
}

static void handle(struct ktm_rm *rm, const struct ktm_notification *notification,
		   struct ktm_rm_progress *progress)
{
	struct ktm_rm_event event = {
		.kind = notification->kind,
		.enlistment = notification->enlistment,
		.uow = notification->uow,
		.cookie = notification->key,
	};

	progress->handled++;
	tell_recovering(rm, progress);
	if (rm->blind && needs_sight(notification->kind))
		return;
	switch (notification->kind) {
	case KTM_NOTIFY_PREPREPARE:
		on_vote(rm, &event, rm->blind ? NULL : rm->ops.preprepare, progress);
		break;
	case KTM_NOTIFY_PREPARE:
		on_vote(rm, &event, rm->blind ? NULL : rm->ops.prepare, progress);
		break;
	case KTM_NOTIFY_SINGLE_PHASE_COMMIT:
		on_single_phase(rm, &event, progress);
		break;
	case KTM_NOTIFY_COMMIT:
		on_outcome(rm, &event, rm->ops.commit, progress);
		break;
	case KTM_NOTIFY_ROLLBACK:
		on_outcome(rm, &event, rm->ops.rollback, progress);
		break;
	case KTM_NOTIFY_RECOVER:
		on_recover(rm, &event, progress);
		break;
	case KTM_NOTIFY_INDOUBT:
		on_indoubt(rm, &event);
		break;
	case KTM_NOTIFY_LAST_RECOVER:
		on_last_recover(rm, progress);
		break;
	case KTM_NOTIFY_RM_DISCONNECTED:
		on_disconnected(rm, &event);
		break;
	case KTM_NOTIFY_PREPREPARE_COMPLETE:
	case KTM_NOTIFY_PREPARE_COMPLETE:
	case KTM_NOTIFY_COMMIT_COMPLETE:
	case KTM_NOTIFY_ROLLBACK_COMPLETE:
	case KTM_NOTIFY_COMMIT_REQUEST:
	case KTM_NOTIFY_REQUEST_OUTCOME:
		on_superior(rm, &event, progress);
		break;
	case KTM_NOTIFY_RECOVER_QUERY:
		on_recover_query(rm, &event, progress);
		break;
	default:
		/* Of a later kernel, and not asked for: nobody waits for an answer. */
		break;
	}
}

/* ---- dispatch ---- */

static void handle_all(struct ktm_rm *rm, size_t bytes, struct ktm_rm_progress *progress)
{
	struct ktm_notification notification;
	size_t offset = 0;
	int ret;

	while ((ret = ktm_next_notification(rm->buffer, bytes, &offset, &notification, NULL)) > 0)
		handle(rm, &notification, progress);
	if (ret < 0)
		ktm_rm_note_error(progress, ret, KTM_STATUS_UNSUCCESSFUL);
}

/* Gives the answers of the last batch, and handles the next. Returns false if there is none. */
static bool handle_batch(struct ktm_rm *rm, struct ktm_rm_progress *progress)
{
	ssize_t bytes = ktm_rm_exchange(rm, true, progress);

	if (bytes == -ENOTCONN)
		progress->lost = true;
	else if (bytes < 0 && bytes != -ETIMEDOUT && bytes != -EINTR)
		ktm_rm_note_error(progress, (int)bytes, KTM_STATUS_UNSUCCESSFUL);
	if (bytes <= 0)
		return false;
	handle_all(rm, (size_t)bytes, progress);
	/* With nothing to say and nothing left behind, the next call would be in vain. */
	return !progress->lost &&
	       (rm->nr_answers ||
		(size_t)bytes + sizeof(struct ktm_notification) > sizeof(rm->buffer));
}

KTM_EXPORT int ktm_rm_dispatch(struct ktm_rm *rm, uint32_t *status)
{
	struct ktm_rm_progress progress = { 0 };
	int batches, ret;

	if (atomic_load(&rm->state) == KTM_RM_OFFLINE) {
		if (!ktm_rm_timer_expired(rm))
			return ktm_fail(0, KTM_STATUS_SUCCESS, status);
		ret = ktm_rm_begin_recovery(rm, status);
		if (ret || atomic_load(&rm->state) == KTM_RM_OFFLINE)
			return ret;
	}
	for (batches = 0; batches < BATCHES_PER_DISPATCH; batches++) {
		if (!handle_batch(rm, &progress))
			break;
	}
	ktm_rm_exchange(rm, false, &progress);
	if (progress.lost || (!progress.handled && ktm_rm_is_lost(rm)))
		ktm_rm_go_offline(rm);
	if (status)
		*status = progress.status;
	return progress.error ? progress.error : progress.handled;
}

KTM_EXPORT int ktm_rm_run(struct ktm_rm *rm, uint32_t *status)
{
	struct pollfd fds[] = {
		{ .fd = rm->epoll, .events = POLLIN },
		{ .fd = rm->stop, .events = POLLIN },
	};
	uint64_t stops;
	int ret;

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return ktm_fail(-errno, KTM_STATUS_UNSUCCESSFUL, status);
		}
		if (fds[1].revents && read(rm->stop, &stops, sizeof(stops)) == sizeof(stops))
			return ktm_fail(0, KTM_STATUS_SUCCESS, status);
		if (fds[0].revents) {
			ret = ktm_rm_dispatch(rm, status);
			if (ret < 0)
				return ret;
		}
	}
}

KTM_EXPORT void ktm_rm_stop(struct ktm_rm *rm)
{
	const uint64_t one = 1;
	ssize_t written = write(rm->stop, &one, sizeof(one));

	/* It can only fail because a stop is pending already. */
	(void)written;
}

/* ---- what any thread may ask or do ---- */

/* Nobody is asked what he has no function for. */
static uint32_t mask_of(const struct ktm_rm_ops *ops)
{
	uint32_t mask = KTM_NOTIFY_TWO_PHASE;

	if (ops->preprepare)
		mask |= KTM_NOTIFY_PREPREPARE;
	if (ops->single_phase)
		mask |= KTM_NOTIFY_SINGLE_PHASE_COMMIT;
	if (ops->rm_disconnected)
		mask |= KTM_NOTIFY_RM_DISCONNECTED;
	return mask;
}

KTM_EXPORT int ktm_rm_enlist(struct ktm_rm *rm, int tx, uint64_t cookie,
			     struct ktm_guid *enlistment, uint32_t *status)
{
	if (!rm->ops.prepare)
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	if (atomic_load(&rm->state) != KTM_RM_ONLINE)
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	return ktm_enlist(rm->rm, tx, mask_of(&rm->ops), cookie, enlistment, status);
}

KTM_EXPORT int ktm_rm_enlist_superior(struct ktm_rm *rm, int tx, uint32_t flags, uint64_t cookie,
				      struct ktm_guid *enlistment, uint32_t *status)
{
	uint32_t mask = SUPERIORS_MASK;

	if (!rm->ops.superior || (flags & ~KTM_RM_SUPERIOR_ON_REQUEST))
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	if (atomic_load(&rm->state) != KTM_RM_ONLINE)
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	if (flags & KTM_RM_SUPERIOR_ON_REQUEST)
		mask |= KTM_NOTIFY_COMMIT_REQUEST;
	return ktm_enlist_superior(rm->rm, tx, mask, cookie, 0, 0, enlistment, status);
}

KTM_EXPORT enum ktm_rm_state ktm_rm_state(const struct ktm_rm *rm)
{
	return (enum ktm_rm_state)atomic_load(&rm->state);
}

KTM_EXPORT int ktm_rm_fd(const struct ktm_rm *rm)
{
	return rm->epoll;
}

KTM_EXPORT int ktm_rm_descriptor(const struct ktm_rm *rm)
{
	return rm->rm;
}

KTM_EXPORT int ktm_rm_tm_descriptor(const struct ktm_rm *rm)
{
	return rm->tm;
}

KTM_EXPORT void ktm_rm_tm_guid(const struct ktm_rm *rm, struct ktm_guid *guid)
{
	*guid = rm->tm_guid;
}

KTM_EXPORT void ktm_rm_guid(const struct ktm_rm *rm, struct ktm_guid *guid)
{
	*guid = rm->guid;
}
