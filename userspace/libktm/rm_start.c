// SPDX-License-Identifier: LGPL-2.1-or-later
/* The resource manager's loop: from a configuration to an open RM, and the end. */
#include "internal.h"
#include "rm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RM_ACCESS	(KTM_RM_QUERY_INFORMATION | KTM_RM_RECOVER | KTM_RM_ENLIST | \
			 KTM_RM_GET_NOTIFICATION)

/* With x: its owner must be able to open it again with the right to recover. */
#define OWNERS_MODE	0700

#define ALL_FLAGS	(KTM_RM_LOOP_VOLATILE | KTM_RM_LOOP_SHARED | KTM_RM_LOOP_REOPEN)

/* A TM may go away between the moment we hear of it and the moment we open it. */
#define TM_TRIES	100

#define NSEC_PER_MSEC	1000000l

static bool is_volatile(const struct ktm_rm_config *config)
{
	return config->flags & KTM_RM_LOOP_VOLATILE;
}

/* Who is only ever a superior has nothing to prepare, and nothing to commit. */
static bool has_functions(const struct ktm_rm_ops *ops)
{
	return ops->rollback && !ops->prepare == !ops->commit && (ops->prepare || ops->superior);
}

/* A struct of an older header is shorter: what it lacks is zero. A longer one we do not know. */
static int take_arguments(struct ktm_rm *rm, struct ktm_rm_config *config,
			  const struct ktm_rm_config *given, const struct ktm_rm_ops *ops)
{
	if (given->size < offsetof(struct ktm_rm_config, flags) || given->size > sizeof(*config) ||
	    ops->size < offsetof(struct ktm_rm_ops, prepare) || ops->size > sizeof(*ops))
		return -EINVAL;
	memset(config, 0, sizeof(*config));
	memcpy(config, given, given->size);
	memcpy(&rm->ops, ops, ops->size);
	rm->with_streams = ops->size > offsetof(struct ktm_rm_ops, answered);
	rm->flags = config->flags;

	if ((config->flags & ~ALL_FLAGS) || config->reserved || (!config->device && !config->tm))
		return -EINVAL;
	if (!has_functions(&rm->ops) || (!is_volatile(config) && !config->guid))
		return -EINVAL;
	if (!is_volatile(config) && rm->ops.prepare && !rm->ops.recover)
		return -EINVAL;
	return 0;
}

/* The TM of a device: make it, or open the one that is there. */
static int open_tm_of_device(int ktm, const char *path, struct ktm_guid *guid, uint32_t *status)
{
	int device, tm, tries;

	device = open(path, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return ktm_fail(-errno, KTM_STATUS_UNSUCCESSFUL, status);

	for (tries = 0; tries < TM_TRIES; tries++) {
		memset(guid, 0, sizeof(*guid));
		tm = ktm_tm_create(ktm, device, 0, KTM_TM_ALL_ACCESS, OWNERS_MODE, guid,
				   status);
		if (tm != -EEXIST)
			break;
		tm = ktm_tm_open(ktm, guid, 0, KTM_MAXIMUM_ALLOWED, status);
		if (tm != -ENOENT)
			break;
	}
	close(device);
	return tm;
}

static int open_tm(struct ktm_rm *rm, const struct ktm_rm_config *config, uint32_t *status)
{
	int ktm = ktm_open_device();

	if (ktm < 0)
		return ktm_fail(ktm, KTM_STATUS_UNSUCCESSFUL, status);
	if (config->device) {
		rm->tm = open_tm_of_device(ktm, config->device, &rm->tm_guid, status);
	} else {
		rm->tm_guid = *config->tm;
		rm->tm = ktm_tm_open(ktm, config->tm, 0, KTM_MAXIMUM_ALLOWED, status);
	}
	close(ktm);
	if (rm->tm < 0)
		return rm->tm;
	if (config->tm && !ktm_guid_equal(config->tm, &rm->tm_guid))
		return ktm_fail(-EXDEV, KTM_STATUS_TM_IDENTITY_MISMATCH, status);
	return 0;
}

/*
 * A TM that was only made has to be recovered by somebody who may; one that
 * failed is left to its administrator unless we were told to reopen it, and one that
 * was rolled forward in any case: he wants to see it as it was.
 */
static int bring_online(struct ktm_rm *rm, uint32_t *status)
{
	struct ktm_tm_info info;
	int ret;

	ret = ktm_tm_query(rm->tm, &info, status);
	if (ret || info.state == KTM_TM_STATE_ONLINE ||
	    info.state == KTM_TM_STATE_ROLLED_FORWARD)
		return ret;
	if (info.state == KTM_TM_STATE_FAILED && !(rm->flags & KTM_RM_LOOP_REOPEN))
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	ret = ktm_tm_recover(rm->tm, -1, status);
	if (ret == -EACCES)
		return ktm_fail(-ENOTCONN, KTM_STATUS_TM_NOT_ONLINE, status);
	return ret;
}

static int create_rm(struct ktm_rm *rm, const struct ktm_rm_config *config, uint32_t *status)
{
	uint32_t flags = 0;

	if (is_volatile(config))
		flags |= KTM_RM_VOLATILE;
	if (!(config->flags & KTM_RM_LOOP_SHARED))
		flags |= KTM_RM_EXCLUSIVE;
	return ktm_rm_create(rm->tm, flags, RM_ACCESS,
			     config->mode ? config->mode : OWNERS_MODE, &rm->guid,
			     config->description, status);
}

static int open_rm(struct ktm_rm *rm, const struct ktm_rm_config *config, uint32_t *status)
{
	uint32_t flags = config->flags & KTM_RM_LOOP_SHARED ? 0 : KTM_OPEN_EXCLUSIVE;
	int ret;

	rm->guid = ktm_guid_or_nil(config->guid);
	if (is_volatile(config))
		return create_rm(rm, config, status);

	ret = ktm_rm_open(rm->tm, &rm->guid, flags, RM_ACCESS, status);
	if (ret != -ENOENT)
		return ret;
	ret = create_rm(rm, config, status);
	/* Somebody was faster: then it is there now. */
	if (ret == -EEXIST)
		ret = ktm_rm_open(rm->tm, &rm->guid, flags, RM_ACCESS, status);
	return ret;
}

/* Sleeps a little, unless the time is over. */
static int wait_a_little(uint32_t *left_ms)
{
	uint32_t nap = *left_ms < 50 ? *left_ms : 50;
	struct timespec time = { .tv_nsec = (long)nap * NSEC_PER_MSEC };

	if (!nap)
		return -ETIMEDOUT;
	if (*left_ms != UINT32_MAX)
		*left_ms -= nap;
	return nanosleep(&time, NULL) ? -errno : 0;
}

static int register_rm(struct ktm_rm *rm, const struct ktm_rm_config *config, uint32_t *status)
{
	uint32_t left_ms = config->wait_ms;
	int ret, wait;

	for (;;) {
		ret = bring_online(rm, status);
		if (!ret)
			ret = open_rm(rm, config, status);
		if (ret != -EBUSY && ret != -ENOTCONN)
			break;
		wait = wait_a_little(&left_ms);
		if (wait == -ETIMEDOUT)
			break;
		if (wait)
			return ktm_fail(wait, KTM_STATUS_INTERRUPTED, status);
	}
	if (ret < 0)
		return ret;
	rm->rm = ret;
	return 0;
}

static int prepare_polling(struct ktm_rm *rm)
{
	struct epoll_event event = { .events = EPOLLIN };
	int flags = fcntl(rm->rm, F_GETFL);

	if (flags < 0 || fcntl(rm->rm, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	rm->epoll = epoll_create1(EPOLL_CLOEXEC);
	rm->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	rm->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rm->epoll < 0 || rm->timer < 0 || rm->stop < 0 ||
	    epoll_ctl(rm->epoll, EPOLL_CTL_ADD, rm->timer, &event) < 0)
		return -errno;
	return 0;
}

static int open_all(struct ktm_rm *rm, const struct ktm_rm_config *config, uint32_t *status)
{
	int ret;

	ret = open_tm(rm, config, status);
	if (ret)
		return ret;
	ret = register_rm(rm, config, status);
	if (ret)
		return ret;
	ret = prepare_polling(rm);
	if (ret)
		return ktm_fail(ret, KTM_STATUS_INSUFFICIENT_RESOURCES, status);
	return ktm_rm_begin_recovery(rm, status);
}

KTM_EXPORT int ktm_rm_start(struct ktm_rm **result, const struct ktm_rm_config *given,
			    const struct ktm_rm_ops *ops, void *data, uint32_t *status)
{
	struct ktm_rm_config config;
	struct ktm_rm *rm;
	int ret;

	rm = calloc(1, sizeof(*rm));
	if (!rm)
		return ktm_fail(-ENOMEM, KTM_STATUS_INSUFFICIENT_RESOURCES, status);
	rm->tm = rm->rm = rm->epoll = rm->timer = rm->stop = -1;
	rm->data = data;
	rm->delay_ms = KTM_RM_DELAY_MIN_MS;
	atomic_init(&rm->state, KTM_RM_OFFLINE);

	ret = take_arguments(rm, &config, given, ops);
	if (ret)
		ktm_fail(ret, KTM_STATUS_INVALID_PARAMETER, status);
	else
		ret = open_all(rm, &config, status);
	if (ret) {
		ktm_rm_end(rm);
		return ret;
	}
	*result = rm;
	return 0;
}

KTM_EXPORT void ktm_rm_end(struct ktm_rm *rm)
{
	const int descriptors[] = { rm->rm, rm->tm, rm->epoll, rm->timer, rm->stop };
	size_t i;

	for (i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	}
	ktm_rm_forget_unknown(rm);
	free(rm);
}
