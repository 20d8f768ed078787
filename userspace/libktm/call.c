// SPDX-License-Identifier: LGPL-2.1-or-later
/* The one place where ioctls are made, and the device. */
#include "internal.h"

#include <fcntl.h>
#include <sys/ioctl.h>

/*
 * A failure that never reached the module's own code (a descriptor of something
 * else, a closed one, a struct too long for this kernel) leaves no status.
 */
static uint32_t status_of_errno(int error)
{
	switch (error) {
	case EBADF:
		return KTM_STATUS_INVALID_HANDLE;
	case ENOTTY:
	case EBADFD:
		return KTM_STATUS_OBJECT_TYPE_MISMATCH;
	case EFAULT:
		return KTM_STATUS_FAULT;
	case EINVAL:
	case E2BIG:
		return KTM_STATUS_INVALID_PARAMETER;
	case ENOMEM:
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	case EACCES:
	case EPERM:
		return KTM_STATUS_ACCESS_DENIED;
	default:
		return KTM_STATUS_UNSUCCESSFUL;
	}
}

int ktm_fail(int error, uint32_t code, uint32_t *status)
{
	if (status)
		*status = code;
	return error;
}

int ktm_call(int fd, unsigned long request, void *arg, uint32_t *status)
{
	struct ktm_argument *head = arg;
	int error;

	if (ioctl(fd, request, arg) >= 0) {
		if (status)
			*status = head->status;
		return 0;
	}
	error = errno;
	return ktm_fail(-error, head->status ? head->status : status_of_errno(error), status);
}

int ktm_simple_call(int fd, unsigned long request, uint32_t *status)
{
	struct ktm_call arg = { .size = sizeof(arg) };

	return ktm_call(fd, request, &arg, status);
}

int ktm_open_by_guid(int fd, unsigned long request, const struct ktm_guid *guid, uint32_t flags,
		     uint32_t access, uint32_t *status)
{
	struct ktm_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.access = access,
		.guid = ktm_guid_or_nil(guid),
	};
	int ret = ktm_call(fd, request, &arg, status);

	return ret ? ret : arg.fd;
}

KTM_EXPORT int ktm_open_device(void)
{
	int fd = open(KTM_DEVICE, O_RDWR | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

KTM_EXPORT int ktm_get_version(int ktm, struct ktm_version *version, uint32_t *status)
{
	memset(version, 0, sizeof(*version));
	version->size = sizeof(*version);
	return ktm_call(ktm, KTM_IOC_VERSION, version, status);
}

KTM_EXPORT int ktm_freeze(int ktm, uint64_t freeze_timeout_ns, uint64_t thaw_timeout_ns,
			  uint32_t *status)
{
	struct ktm_freeze arg = {
		.size = sizeof(arg),
		.freeze_timeout_ns = freeze_timeout_ns,
		.thaw_timeout_ns = thaw_timeout_ns,
	};

	return ktm_call(ktm, KTM_IOC_FREEZE, &arg, status);
}

KTM_EXPORT int ktm_thaw(int ktm, uint32_t *status)
{
	return ktm_simple_call(ktm, KTM_IOC_THAW, status);
}

KTM_EXPORT int ktm_narrow(int fd, uint32_t access, uint32_t *status)
{
	struct ktm_narrow arg = { .size = sizeof(arg), .access = access };
	int ret = ktm_call(fd, KTM_IOC_NARROW, &arg, status);

	return ret ? ret : arg.fd;
}
