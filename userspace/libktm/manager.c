// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transaction managers and resource managers. */
#include "internal.h"

KTM_EXPORT int ktm_tm_create(int ktm, int device_fd, uint32_t flags, uint32_t access, uint32_t mode,
			     struct ktm_guid *guid, uint32_t *status)
{
	struct ktm_tm_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.access = access,
		.mode = mode,
		.device_fd = device_fd,
		.guid = ktm_guid_or_nil(guid),
	};
	int ret = ktm_call(ktm, KTM_IOC_TM_CREATE, &arg, status);

	/* A collision tells which TM it is. */
	if (guid && (!ret || ret == -EEXIST))
		*guid = arg.guid;
	return ret ? ret : arg.fd;
}

KTM_EXPORT int ktm_tm_open(int ktm, const struct ktm_guid *guid, uint32_t flags, uint32_t access,
			   uint32_t *status)
{
	return ktm_open_by_guid(ktm, KTM_IOC_TM_OPEN, guid, flags, access, status);
}

KTM_EXPORT int ktm_tm_recover(int tm, int device_fd, uint32_t *status)
{
	struct ktm_tm_recover arg = { .size = sizeof(arg), .device_fd = device_fd };

	return ktm_call(tm, KTM_IOC_TM_RECOVER, &arg, status);
}

KTM_EXPORT int ktm_tm_open_log(int ktm, int device_fd, uint32_t access, struct ktm_guid *guid,
			       uint32_t *status)
{
	struct ktm_tm_open_log arg = {
		.size = sizeof(arg),
		.access = access,
		.device_fd = device_fd,
	};
	int ret = ktm_call(ktm, KTM_IOC_TM_OPEN_LOG, &arg, status);

	if (ret)
		return ret;
	if (guid)
		*guid = arg.guid;
	return arg.fd;
}

KTM_EXPORT int ktm_tm_rollforward(int tm, int device_fd, uint64_t virtual_clock, uint32_t *status)
{
	struct ktm_tm_rollforward arg = {
		.size = sizeof(arg),
		.device_fd = device_fd,
		.virtual_clock = virtual_clock,
	};

	return ktm_call(tm, KTM_IOC_TM_ROLLFORWARD, &arg, status);
}

KTM_EXPORT int ktm_tm_rename(int tm, struct ktm_guid *guid, uint32_t *status)
{
	struct ktm_tm_rename arg = { .size = sizeof(arg), .guid = ktm_guid_or_nil(guid) };
	int ret = ktm_call(tm, KTM_IOC_TM_RENAME, &arg, status);

	if (!ret && guid)
		*guid = arg.guid;
	return ret;
}

KTM_EXPORT int ktm_tm_offline(int tm, uint32_t *status)
{
	return ktm_simple_call(tm, KTM_IOC_TM_OFFLINE, status);
}

KTM_EXPORT int ktm_rm_create(int tm, uint32_t flags, uint32_t access, uint32_t mode,
			     struct ktm_guid *guid, const char *description, uint32_t *status)
{
	struct ktm_rm_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.access = access,
		.mode = mode,
		.guid = ktm_guid_or_nil(guid),
		.description = ktm_description_pointer(description),
		.description_length = ktm_description_length(description),
	};
	int ret = ktm_call(tm, KTM_IOC_RM_CREATE, &arg, status);

	if (ret)
		return ret;
	if (guid)
		*guid = arg.guid;
	return arg.fd;
}

KTM_EXPORT int ktm_rm_open(int tm, const struct ktm_guid *guid, uint32_t flags, uint32_t access,
			   uint32_t *status)
{
	return ktm_open_by_guid(tm, KTM_IOC_RM_OPEN, guid, flags, access, status);
}

KTM_EXPORT int ktm_rm_recover(int rm, uint32_t *status)
{
	return ktm_simple_call(rm, KTM_IOC_RM_RECOVER, status);
}
