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

KTM_EXPORT int ktm_enlist_superior(int rm, int tx, uint32_t mask, uint64_t key, uint32_t access,
				   uint32_t mode, struct ktm_guid *enlistment, uint32_t *status)
{
	struct ktm_enlist arg = {
		.size = sizeof(arg),
		.flags = KTM_ENLIST_SUPERIOR | (access ? KTM_ENLIST_FD : 0),
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
	return access ? arg.fd : 0;
}

KTM_EXPORT int ktm_en_open(int rm, const struct ktm_guid *enlistment, uint32_t flags,
			   uint32_t access, uint32_t *status)
{
	return ktm_open_by_guid(rm, KTM_IOC_EN_OPEN, enlistment, flags, access, status);
}

KTM_EXPORT int ktm_answer(int fd, uint32_t request, struct ktm_answer *arg, uint32_t *status)
{
	arg->size = sizeof(*arg);
	arg->status = 0;
	return ktm_call(fd, request, arg, status);
}

KTM_EXPORT int ktm_prepare_complete(int fd, const struct ktm_guid *enlistment,
				    const void *information, size_t length, uint32_t *status)
{
	struct ktm_answer arg = {
		.size = sizeof(arg),
		.enlistment = ktm_guid_or_nil(enlistment),
		.information = ktm_bytes_pointer(information, length),
		.information_length = (uint32_t)length,
	};

	if (!ktm_length_fits(length))
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
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

KTM_EXPORT int ktm_preprepare_complete(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_PREPREPARE_COMPLETE, enlistment, 0, status);
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

KTM_EXPORT int ktm_single_phase_reject(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_SINGLE_PHASE_REJECT, enlistment, 0, status);
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

KTM_EXPORT int ktm_request_outcome(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_REQUEST_OUTCOME, enlistment, 0, status);
}

KTM_EXPORT int ktm_en_preprepare(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_EN_PREPREPARE, enlistment, 0, status);
}

KTM_EXPORT int ktm_en_prepare(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_EN_PREPARE, enlistment, 0, status);
}

KTM_EXPORT int ktm_en_commit(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	return answer(fd, KTM_IOC_EN_COMMIT, enlistment, 0, status);
}
