// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The resource manager's loop: notifications in, answers out.
 *
 * The state goes OFFLINE -> RECOVERING when the kernel accepts RM_RECOVER, to
 * ONLINE at LAST_RECOVER, and back to OFFLINE when the TM is lost or a step of
 * the recovery failed. While OFFLINE the RM's descriptor says POLLERR and would
 * keep a caller's loop spinning: so it is taken out of the inner epoll, and a
 * timer wakes the caller instead.
 */
#define _GNU_SOURCE
#include "internal.h"
#include "rm.h"

#include <poll.h>
#include <search.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* One dispatch does at most so many reads, so that a flood does not starve its caller. */
#define BATCHES_PER_DISPATCH	16

/* ---- enlistments that the caller holds nothing for ---- */

static int compare_guids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ktm_guid));
}

static int remember_unknown(struct ktm_rm *rm, const struct ktm_guid *enlistment)
{
	struct ktm_guid *copy = malloc(sizeof(*copy));
	struct ktm_guid **node;

	if (!copy)
		return -ENOMEM;
	*copy = *enlistment;
	node = tsearch(copy, &rm->unknown, compare_guids);
	if (!node || *node != copy)
		free(copy);
	return node ? 0 : -ENOMEM;
}

/* Was it in the tree? It is not any more. */
static bool take_unknown(struct ktm_rm *rm, const struct ktm_guid *enlistment)
{
	struct ktm_guid **node = tfind(enlistment, &rm->unknown, compare_guids);
	struct ktm_guid *copy;

	if (!node)
		return false;
	copy = *node;
	tdelete(enlistment, &rm->unknown, compare_guids);
	free(copy);
	return true;
}

void ktm_rm_forget_unknown(struct ktm_rm *rm)
{
	tdestroy(rm->unknown, free);
	rm->unknown = NULL;
}

/* ---- offline and back ---- */

static void arm_timer(struct ktm_rm *rm)
{
	struct itimerspec when = {
		.it_value.tv_sec = rm->delay_ms / 1000,
		.it_value.tv_nsec = (long)(rm->delay_ms % 1000) * 1000000l,
	};

	timerfd_settime(rm->timer, 0, &when, NULL);
	rm->delay_ms *= 2;
	if (rm->delay_ms > KTM_RM_DELAY_MAX_MS)
		rm->delay_ms = KTM_RM_DELAY_MAX_MS;
}

static bool timer_expired(struct ktm_rm *rm)
{
	uint64_t times;

	return read(rm->timer, &times, sizeof(times)) == sizeof(times);
}

/* Will the same call succeed some day without anybody touching this process? */
static bool may_pass(int error)
{
	switch (error) {
	case -ENOTCONN:
	case -EIO:
	case -EBUSY:
	case -EINTR:
	case -ENOMEM:
		return true;
	default:
		return false;
	}
}

static int reopen_tm(struct ktm_rm *rm, uint32_t *status)
{
	int ret = ktm_tm_recover(rm->tm, -1, status);

	return ret ? ret : ktm_rm_recover(rm->rm, status);
}

int ktm_rm_begin_recovery(struct ktm_rm *rm, uint32_t *status)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ret;

	ret = ktm_rm_recover(rm->rm, status);
	if (ret == -ENOTCONN && (rm->flags & KTM_RM_LOOP_REOPEN))
		ret = reopen_tm(rm, status);
	if (!ret && epoll_ctl(rm->epoll, EPOLL_CTL_ADD, rm->rm, &event) < 0)
		ret = ktm_fail(-errno, KTM_STATUS_INSUFFICIENT_RESOURCES, status);
	if (ret) {
		arm_timer(rm);
		return may_pass(ret) ? 0 : ret;
	}
	ktm_rm_forget_unknown(rm);
	rm->failed = false;
	atomic_store(&rm->state, KTM_RM_RECOVERING);
	return 0;
}

/* Nothing is served from here to the next LAST_RECOVER. */
static void go_offline(struct ktm_rm *rm)
{
	int before = atomic_exchange(&rm->state, KTM_RM_OFFLINE);

	epoll_ctl(rm->epoll, EPOLL_CTL_DEL, rm->rm, NULL);
	arm_timer(rm);
	if (before == KTM_RM_ONLINE && rm->ops.offline)
		rm->ops.offline(rm, rm->data);
}

/* POLLERR is how the kernel says that recovery has to begin again. */
static bool is_lost(const struct ktm_rm *rm)
{
	struct pollfd fd = { .fd = rm->rm };

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}

/* ---- answers ---- */

/*
 * The vote could not be logged: nothing was voted, so it is no. The error is
 * what the caller gets to know.
 */
static int vote_yes(struct ktm_rm *rm, const struct ktm_rm_event *event, uint32_t *status)
{
	/* Nothing of a volatile RM is logged, so there is nowhere to put it. */
	size_t length = rm->flags & KTM_RM_LOOP_VOLATILE ? 0 : event->information_length;
	int ret = ktm_prepare_complete(rm->rm, &event->enlistment, event->information, length,
				       status);

	if (ret && ret != -ENOMSG && ret != -ENOENT)
		ktm_en_rollback(rm->rm, &event->enlistment, NULL);
	return ret;
}

static int give_answer(struct ktm_rm *rm, const struct ktm_rm_event *event, int reply,
		       uint32_t *status)
{
	const struct ktm_guid *enlistment = &event->enlistment;

	if (event->kind == KTM_NOTIFY_PREPARE && reply == KTM_RM_DONE)
		return vote_yes(rm, event, status);
	if (event->kind == KTM_NOTIFY_PREPARE && reply == KTM_RM_READ_ONLY)
		return ktm_read_only(rm->rm, enlistment, status);
	if (event->kind == KTM_NOTIFY_PREPARE && reply == KTM_RM_REFUSE)
		return ktm_en_rollback(rm->rm, enlistment, status);
	if (event->kind == KTM_NOTIFY_COMMIT && reply == KTM_RM_DONE)
		return ktm_commit_complete(rm->rm, enlistment, status);
	if (event->kind == KTM_NOTIFY_ROLLBACK && reply == KTM_RM_DONE)
		return ktm_rollback_complete(rm->rm, enlistment, status);
	return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
}

KTM_EXPORT int ktm_rm_answer(struct ktm_rm *rm, const struct ktm_rm_event *event,
			     enum ktm_rm_reply reply, uint32_t *status)
{
	return give_answer(rm, event, reply, status);
}

/**
 * struct progress - what one dispatch has come to
 * @handled: notifications
 * @error: the first failure, a negative errno
 * @status: of it
 * @lost: the TM is offline, or recovery has to begin again
 */
struct progress {
	int handled;
	int error;
	uint32_t status;
	bool lost;
};

static void note_error(struct progress *progress, int error, uint32_t status)
{
	if (progress->error)
		return;
	progress->error = error;
	progress->status = status;
}

/*
 * What a call to the kernel came to; a caller's function may return the same
 * numbers. Each answer is given once, to the notification that it belongs to: if
 * the kernel says it is out of order, the transaction has ended meanwhile.
 */
static void note_answer(struct progress *progress, int error, uint32_t status)
{
	switch (error) {
	case 0:
	case -ENOMSG:
	case -ENOENT:
	case -EPROTO:
		return;
	case -ENOTCONN:
		progress->lost = true;
		return;
	default:
		note_error(progress, error, status);
	}
}

/* ---- one notification ---- */

/* The TM could not take a yes: it was told no, and ROLLBACK follows. */
static bool is_refused_vote(int error)
{
	return error == -ENOSPC || error == -ENOMEM || error == -EDQUOT || error == -EIO;
}

static void on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, struct progress *progress)
{
	int reply = rm->ops.prepare(rm, event, rm->data);
	uint32_t status;
	int ret;

	if (reply == KTM_RM_LATER)
		return;
	if (reply != KTM_RM_DONE && reply != KTM_RM_READ_ONLY)
		reply = KTM_RM_REFUSE;
	ret = give_answer(rm, event, reply, &status);
	if (!is_refused_vote(ret))
		note_answer(progress, ret, status);
}

static void on_outcome(struct ktm_rm *rm, struct ktm_rm_event *event,
		       int (*op)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data),
		       struct progress *progress)
{
	int reply = KTM_RM_DONE;
	uint32_t status;
	int ret;

	if (!take_unknown(rm, &event->enlistment))
		reply = op(rm, event, rm->data);
	if (reply == KTM_RM_LATER)
		return;
	if (reply < 0) {
		note_error(progress, reply, KTM_STATUS_UNSUCCESSFUL);
		return;
	}
	ret = give_answer(rm, event, reply, &status);
	note_answer(progress, ret, status);
}

static void on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, struct progress *progress)
{
	int reply = rm->ops.recover ? rm->ops.recover(rm, event, rm->data) : KTM_RM_NONE;
	uint32_t status;
	int ret;

	if (reply == KTM_RM_NONE)
		reply = remember_unknown(rm, &event->enlistment);
	else if (reply > 0)
		reply = -EINVAL;
	if (reply < 0) {
		note_error(progress, reply, KTM_STATUS_UNSUCCESSFUL);
		rm->failed = true;
		return;
	}
	ret = ktm_en_recover(rm->rm, &event->enlistment, event->cookie, &status);
	note_answer(progress, ret, status);
	/* Unanswered and still known: LAST_RECOVER must not count. */
	if (ret && ret != -ENOMSG && ret != -ENOENT && ret != -EPROTO)
		rm->failed = true;
}

static void on_indoubt(struct ktm_rm *rm, struct ktm_rm_event *event)
{
	if (rm->ops.indoubt && !tfind(&event->enlistment, &rm->unknown, compare_guids))
		rm->ops.indoubt(rm, event, rm->data);
}

/* The end of recovery, unless a step of it failed: then it begins again. */
static void on_last_recover(struct ktm_rm *rm, struct progress *progress)
{
	int ret = 0;

	if (!rm->failed && rm->ops.last_recover)
		ret = rm->ops.last_recover(rm, rm->data);
	if (ret < 0)
		note_error(progress, ret, KTM_STATUS_UNSUCCESSFUL);
	if (rm->failed || ret < 0) {
		progress->lost = true;
		return;
	}
	rm->delay_ms = KTM_RM_DELAY_MIN_MS;
	atomic_store(&rm->state, KTM_RM_ONLINE);
}

static void handle(struct ktm_rm *rm, const struct ktm_notification *notification,
		   struct progress *progress)
{
	struct ktm_rm_event event = {
		.kind = notification->kind,
		.enlistment = notification->enlistment,
		.uow = notification->uow,
		.cookie = notification->key,
	};

	progress->handled++;
	switch (notification->kind) {
	case KTM_NOTIFY_PREPARE:
		on_prepare(rm, &event, progress);
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
	default:
		/* Of a later kernel, and not asked for: nobody waits for an answer. */
		break;
	}
}

/* ---- dispatch ---- */

/* Reads and handles one batch. Returns whether more may be waiting. */
static bool handle_batch(struct ktm_rm *rm, struct progress *progress)
{
	const size_t record = sizeof(struct ktm_notification);
	struct ktm_notification notification;
	size_t offset = 0;
	ssize_t bytes;
	int ret;

	bytes = ktm_read_notifications(rm->rm, rm->buffer, sizeof(rm->buffer));
	if (bytes == -ENOTCONN)
		progress->lost = true;
	else if (bytes < 0 && bytes != -EAGAIN && bytes != -EINTR)
		note_error(progress, (int)bytes, KTM_STATUS_UNSUCCESSFUL);
	if (bytes <= 0)
		return false;

	while ((ret = ktm_next_notification(rm->buffer, (size_t)bytes, &offset, &notification,
					    NULL)) > 0)
		handle(rm, &notification, progress);
	if (ret < 0)
		note_error(progress, ret, KTM_STATUS_UNSUCCESSFUL);
	return !progress->lost && (size_t)bytes + record > sizeof(rm->buffer);
}

KTM_EXPORT int ktm_rm_dispatch(struct ktm_rm *rm, uint32_t *status)
{
	struct progress progress = { 0 };
	int batches, ret;

	if (atomic_load(&rm->state) == KTM_RM_OFFLINE) {
		if (!timer_expired(rm))
			return ktm_fail(0, KTM_STATUS_SUCCESS, status);
		ret = ktm_rm_begin_recovery(rm, status);
		if (ret || atomic_load(&rm->state) == KTM_RM_OFFLINE)
			return ret;
	}
	for (batches = 0; batches < BATCHES_PER_DISPATCH; batches++) {
		if (!handle_batch(rm, &progress))
			break;
	}
	if (progress.lost || (!progress.handled && is_lost(rm)))
		go_offline(rm);
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

KTM_EXPORT int ktm_rm_enlist(struct ktm_rm *rm, int tx, uint64_t cookie,
			     struct ktm_guid *enlistment, uint32_t *status)
{
	if (atomic_load(&rm->state) != KTM_RM_ONLINE)
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	return ktm_enlist(rm->rm, tx, KTM_NOTIFY_TWO_PHASE, cookie, enlistment, status);
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
