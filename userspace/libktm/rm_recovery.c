// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The resource manager's loop: online, offline and back.
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

/* ---- enlistments that the caller holds nothing for ---- */

static int compare_guids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ktm_guid));
}

int ktm_rm_remember_unknown(struct ktm_rm *rm, const struct ktm_guid *enlistment)
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

bool ktm_rm_is_unknown(const struct ktm_rm *rm, const struct ktm_guid *enlistment)
{
	return tfind(enlistment, &rm->unknown, compare_guids);
}

bool ktm_rm_take_unknown(struct ktm_rm *rm, const struct ktm_guid *enlistment)
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

bool ktm_rm_timer_expired(struct ktm_rm *rm)
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

/*
 * A volatile RM has nothing to recover: the module keeps what it has prepared, and tells it the
 * outcome when the TM is back. To be asked what it still holds would make it forget that.
 */
static int ask_to_recover(struct ktm_rm *rm, uint32_t *status)
{
	if (!(rm->flags & KTM_RM_LOOP_VOLATILE))
		return ktm_rm_recover(rm->rm, status);
	if (ktm_rm_is_lost(rm))
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	return ktm_fail(0, KTM_STATUS_SUCCESS, status);
}

static int reopen_tm(struct ktm_rm *rm, uint32_t *status)
{
	int ret = ktm_tm_recover(rm->tm, -1, status);

	return ret ? ret : ask_to_recover(rm, status);
}

int ktm_rm_begin_recovery(struct ktm_rm *rm, uint32_t *status)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ret;

	ret = ask_to_recover(rm, status);
	if (ret == -ENOTCONN && (rm->flags & KTM_RM_LOOP_REOPEN))
		ret = reopen_tm(rm, status);
	if (!ret && epoll_ctl(rm->epoll, EPOLL_CTL_ADD, rm->rm, &event) < 0)
		ret = ktm_fail(-errno, KTM_STATUS_INSUFFICIENT_RESOURCES, status);
	if (ret) {
		arm_timer(rm);
		return may_pass(ret) ? 0 : ret;
	}
	if (rm->flags & KTM_RM_LOOP_VOLATILE) {
		ktm_rm_back_online(rm);
		return 0;
	}
	ktm_rm_forget_unknown(rm);
	rm->failed = false;
	rm->blind = false;
	rm->told = false;
	atomic_store(&rm->state, KTM_RM_RECOVERING);
	return 0;
}

void ktm_rm_go_offline(struct ktm_rm *rm)
{
	int before = atomic_exchange(&rm->state, KTM_RM_OFFLINE);

	epoll_ctl(rm->epoll, EPOLL_CTL_DEL, rm->rm, NULL);
	arm_timer(rm);
	if (before == KTM_RM_ONLINE && rm->ops.offline && !(rm->flags & KTM_RM_LOOP_VOLATILE))
		rm->ops.offline(rm, rm->data);
}

void ktm_rm_back_online(struct ktm_rm *rm)
{
	rm->delay_ms = KTM_RM_DELAY_MIN_MS;
	atomic_store(&rm->state, KTM_RM_ONLINE);
}

bool ktm_rm_is_lost(const struct ktm_rm *rm)
{
	struct pollfd fd = { .fd = rm->rm };

	/* POLLERR is how the kernel says it. */
	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}
