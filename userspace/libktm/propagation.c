// SPDX-License-Identifier: LGPL-2.1-or-later
/* How an RM is reached from afar. */
#include "internal.h"

KTM_EXPORT int ktm_rm_register_protocol(int rm, const struct ktm_guid *protocol, uint32_t flags,
					const void *information, size_t length, uint32_t *status)
{
	struct ktm_protocol arg = {
		.size = sizeof(arg),
		.flags = flags,
		.length = (uint32_t)length,
		.protocol = ktm_guid_or_nil(protocol),
		.information = ktm_bytes_pointer(information, length),
	};

	if (!ktm_length_fits(length))
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	return ktm_call(rm, KTM_IOC_REGISTER_PROTOCOL, &arg, status);
}

KTM_EXPORT int ktm_propagation_complete(int rm, uint32_t cookie, const void *data, size_t length,
					uint32_t *status)
{
	struct ktm_propagation arg = {
		.size = sizeof(arg),
		.cookie = cookie,
		.length = (uint32_t)length,
		.buffer = ktm_bytes_pointer(data, length),
	};

	if (!ktm_length_fits(length))
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	return ktm_call(rm, KTM_IOC_PROPAGATION_COMPLETE, &arg, status);
}

KTM_EXPORT int ktm_propagation_failed(int rm, uint32_t cookie, uint32_t cause, uint32_t *status)
{
	struct ktm_propagation arg = { .size = sizeof(arg), .cookie = cookie, .cause = cause };

	return ktm_call(rm, KTM_IOC_PROPAGATION_FAILED, &arg, status);
}
