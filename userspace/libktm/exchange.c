// SPDX-License-Identifier: LGPL-2.1-or-later
/* Answering many and fetching the next, in one system call. */
#include "internal.h"

KTM_EXPORT ssize_t ktm_exchange(int rm, struct ktm_batch_answer *answers, size_t count,
				size_t *done, void *buffer, size_t length, uint64_t timeout_ns,
				uint32_t *status)
{
	struct ktm_exchange arg = {
		.size = sizeof(arg),
		.count = (uint32_t)count,
		.answers = count ? ktm_pointer(answers) : 0,
		.buffer = ktm_pointer(buffer),
		.length = length < INT32_MAX ? (uint32_t)length : INT32_MAX,
		.timeout_ns = timeout_ns,
	};
	int ret;

	if (done)
		*done = 0;
	if (count > KTM_MAX_BATCH)
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	ret = ktm_call(rm, KTM_IOC_EXCHANGE, &arg, status);
	if (done)
		*done = arg.done;
	return ret ? ret : (ssize_t)arg.bytes;
}

KTM_EXPORT ssize_t ktm_get_notifications(int rm, void *buffer, size_t length, uint64_t timeout_ns,
					 uint32_t *status)
{
	return ktm_exchange(rm, NULL, 0, NULL, buffer, length, timeout_ns, status);
}
