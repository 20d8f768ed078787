// SPDX-License-Identifier: LGPL-2.1-or-later
/* Enlistments: taking part in a transaction, and the answers. */
#include "internal.h"

KTM_EXPORT int ktm_enlist_fd(int rm, int tx, uint32_t mask, uint64_t key, uint32_t access,
			     uint32_t mode, struct ktm_guid *enlistment, uint32_t *status)
{
	struct ktm_enlist arg = {
		.size = sizeof(arg),
		.flags = KTM_ENLIST_FD,
		.tx_fd = tx,
		.mask = mask,
		.access = access,
		.mode = mode,
		.key = key,
	};
	int ret = ktm_call(rm, KTM_IOC_ENLIST, &arg, status);

	if (ret)
		return ret;
	if (enlistment)
		*enlistment = arg.guid;
	return arg.fd;
}

KTM_EXPORT int ktm_enlist(int rm, int tx, uint32_t mask, uint64_t key, struct ktm_guid *enlistment,
			  uint32_t *status)
{
	struct ktm_enlist arg = {
		.size = sizeof(arg),
		.tx_fd = tx,
		.mask = mask,
		.key = key,
	};
	int ret = ktm_call(rm, KTM_IOC_ENLIST, &arg, status);

	if (!ret && enlistment)
		*enlistment = arg.guid;
	return ret;
}

KTM_EXPORT int ktm_en_open(int rm, const struct ktm_guid *enlistment, uint32_t flags,
			   uint32_t access, uint32_t *status)
{
	return ktm_open_by_guid(rm, KTM_IOC_EN_OPEN, enlistment, flags, access, status);
}

KTM_EXPORT int ktm_prepare_complete(int fd, const struct ktm_guid *enlistment,
				    const void *information, size_t length, uint32_t *status)
{
	struct ktm_answer arg = {
		.size = sizeof(arg),
		.enlistment = ktm_guid_or_nil(enlistment),
		.information = ktm_pointer(information),
		.information_length = (uint32_t)length,
	};

	/* The field is narrower than size_t: never let a length wrap into a valid one. */
	if (length > KTM_MAX_RECOVERY_INFORMATION)
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	if (!length)
		arg.information = 0;
	return ktm_call(fd, KTM_IOC_PREPARE_COMPLETE, &arg, status);
}

static int answer(int fd, unsigned long request, const struct ktm_guid *enlistment, uint64_t key,
		  uint32_t *status)
{
	struct ktm_answer arg = {
		.size = sizeof(arg),
		.enlistment = ktm_guid_or_nil(enlistment),
		.key = key,
	};

	return ktm_call(fd, request, &arg, status);
}

KTM_EXPORT int ktm_commit_complete(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_COMMIT_COMPLETE, enlistment, 0, status);
}

KTM_EXPORT int ktm_rollback_complete(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_ROLLBACK_COMPLETE, enlistment, 0, status);
}

KTM_EXPORT int ktm_read_only(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_READ_ONLY, enlistment, 0, status);
}

KTM_EXPORT int ktm_en_rollback(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_EN_ROLLBACK, enlistment, 0, status);
}

KTM_EXPORT int ktm_en_recover(int fd, const struct ktm_guid *enlistment, uint64_t key,
			      uint32_t *status)
{
	return answer(fd, KTM_IOC_EN_RECOVER, enlistment, key, status);
}
