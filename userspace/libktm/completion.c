// SPDX-License-Identifier: LGPL-2.1-or-later
/* Where an RM's notifications are waited for: an epoll descriptor that the RM knows. */
#include "internal.h"

#include <sys/epoll.h>

static int tell_rm(int rm, int port, uint64_t key, uint32_t *status)
{
	struct ktm_rm_completion completion = { .port = port, .key = port < 0 ? 0 : key };

	return ktm_set(rm, KTM_INFO_RM_COMPLETION, NULL, &completion, sizeof(completion), status);
}

/* Adds it, or changes the key of one that is there already. */
static int watch(int epoll, int rm, uint64_t key, uint32_t *status)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = key };

	if (!epoll_ctl(epoll, EPOLL_CTL_ADD, rm, &event) ||
	    (errno == EEXIST && !epoll_ctl(epoll, EPOLL_CTL_MOD, rm, &event)))
		return 0;
	return ktm_fail(-errno, KTM_STATUS_INVALID_PARAMETER, status);
}

KTM_EXPORT int ktm_rm_bind_completion(int rm, int epoll, uint64_t key, uint32_t *status)
{
	struct ktm_rm_completion before;
	int ret;

	ret = ktm_rm_completion(rm, &before, status);
	if (ret)
		return ret;
	/* First what can be refused for want of a right, then what waits on it. */
	ret = tell_rm(rm, epoll, key, status);
	if (ret)
		return ret;
	if (epoll >= 0) {
		ret = watch(epoll, rm, key, status);
		if (ret) {
			tell_rm(rm, before.port, before.key, NULL);
			return ret;
		}
	}
	/* The old one may be closed, or be of another process: then there is nothing to leave. */
	if (before.port >= 0 && before.port != epoll)
		epoll_ctl(before.port, EPOLL_CTL_DEL, rm, NULL);
	return 0;
}

KTM_EXPORT int ktm_rm_completion(int rm, struct ktm_rm_completion *completion, uint32_t *status)
{
	return ktm_query_struct(rm, KTM_INFO_RM_COMPLETION, NULL, completion, sizeof(*completion),
				status);
}
