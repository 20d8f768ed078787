// SPDX-License-Identifier: GPL-2.0
/*
 * What is the same for all that drivers call: uses of objects, from and to descriptors, and
 * what objects tell about themselves.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/string.h>

#include "compat.h"
#include "query.h"
#include "status.h"
#include "use.h"

/**
 * ktm_tell - what a call came to
 * @status: enum ktm_status
 * @out: where the driver wants to have it, or NULL
 *
 * Return: its errno.
 */
int ktm_tell(u32 status, u32 *out)
{
	if (out)
		*out = status;
	return ktm_status_errno(status);
}

/* The same for who returns a pointer. */
void *ktm_tell_ptr(u32 status, u32 *out)
{
	return ERR_PTR(ktm_tell(status, out));
}

/**
 * ktm_use_made - a driver has got a use of an object, or not
 * @ret: enum ktm_status, whether it has
 * @nfd: of KTM_NEW_USE, with the use
 * @status: out: @ret, or NULL
 *
 * Who forgets to put it keeps the module, which then does not go instead of crashing.
 *
 * Return: the use or an ERR_PTR.
 */
struct ktm_handle *ktm_use_made(u32 ret, struct ktm_new_fd *nfd, u32 *status)
{
	if (ret)
		return ktm_tell_ptr(ret, status);
	__module_get(THIS_MODULE);
	nfd->handle->unseen = false;
	ktm_tell(ret, status);
	return nfd->handle;
}

/**
 * ktm_use_get_from_fd - a use of the object behind a descriptor
 * @fd: a descriptor of current's
 * @kind: enum ktm_object_kind that it has to be of
 * @rights: of the use, all of which the descriptor has to have
 * @caller: where the driver asks for it
 * @status: out: enum ktm_status, or NULL
 *
 * Return: the use or an ERR_PTR.
 */
struct ktm_handle *ktm_use_get_from_fd(int fd, u8 kind, u32 rights, unsigned long caller,
				       u32 *status)
{
	struct ktm_new_fd nfd = { .fd = -1, .in_kernel = true, .caller = caller };
	struct ktm_handle *handle;
	struct fd f;
	u32 ret;

	ret = ktm_handle_get(fd, kind, 0, &f, &handle);
	if (ret)
		return ktm_tell_ptr(ret, status);
	ret = ktm_handle_narrow(handle, rights, &nfd);
	fdput(f);
	return ktm_use_made(ret, &nfd, status);
}

/**
 * ktm_use_to_fd - a descriptor of the object of a use
 * @handle: the use
 * @access: rights of the descriptor, all of which the use has
 * @status: out: enum ktm_status, or NULL
 *
 * Return: the descriptor, which is current's and visible at once, or a negative errno.
 */
int ktm_use_to_fd(struct ktm_handle *handle, u32 access, u32 *status)
{
	struct ktm_new_fd nfd = { .fd = -1 };
	u32 ret = ktm_handle_narrow(handle, access, &nfd);

	if (ret)
		return ktm_tell(ret, status);
	ktm_new_fd_install(&nfd);
	ktm_tell(ret, status);
	return nfd.fd;
}

/* A use that is not its driver's any more goes. */
void ktm_use_end(struct ktm_handle *handle)
{
	ktm_handle_end(handle);
	module_put(THIS_MODULE);
}

/* The driver does not use it any more. */
void ktm_use_put(struct ktm_handle *handle)
{
	/* Of a stream there may be much to give back; of others their mutex is taken. */
	might_sleep();
	if (!ktm_held_end(handle)) {
		pr_warn("ktm: somebody puts a use that he has not got\n");
		return;
	}
	ktm_use_end(handle);
}

/* Bytes of a text, which may be NULL; one more than @most if there are more. */
u32 ktm_text_length(const char *text, u32 most)
{
	return text ? strnlen(text, most + 1) : 0;
}

static const struct ktm_guid nil;

/* KTM_IOC_QUERY of a driver; @guid: NULL for nil */
int ktm_use_query(struct ktm_handle *handle, u32 info_class, const struct ktm_guid *guid,
		  void *buffer, u32 *length, u32 *status)
{
	struct ktm_inquiry inquiry = {
		.info_class = info_class,
		.length = *length,
		.guid = guid ? *guid : nil,
		.buffer = KERNEL_SOCKPTR(buffer),
	};
	u32 ret = ktm_query(handle, &inquiry);

	*length = inquiry.length;
	return ktm_tell(ret, status);
}

/* KTM_IOC_SET of a driver; @guid: NULL for nil */
int ktm_use_set(struct ktm_handle *handle, u32 info_class, const struct ktm_guid *guid,
		const void *buffer, u32 length, u32 *status)
{
	const struct ktm_inquiry inquiry = {
		.info_class = info_class,
		.length = length,
		.guid = guid ? *guid : nil,
		.buffer = KERNEL_SOCKPTR((void *)buffer),
	};

	return ktm_tell(ktm_set(handle, &inquiry), status);
}

/* KTM_IOC_ENUMERATE of a driver; @handle: NULL for what there is on /dev/ktm */
int ktm_use_enumerate(struct ktm_handle *handle, u32 kind, struct ktm_guid *cursor,
		      struct ktm_guid *guids, u32 *count, u32 *status)
{
	struct ktm_listing listing = {
		.kind = kind,
		.count = *count,
		.cursor = *cursor,
		.guids = KERNEL_SOCKPTR(guids),
	};
	u32 ret = ktm_enumerate(handle, &listing);

	*count = ret ? 0 : listing.count;
	*cursor = listing.cursor;
	return ktm_tell(ret, status);
}

/**
 * ktm_enumerate_objects - list all TMs or all transactions
 * @kind: KTM_KIND_TM or KTM_KIND_TX
 * @cursor: in: nil to begin, else as the last call left it; out: where to go on
 * @guids: out: their GUIDs, in ascending order
 * @count: in: room at @guids, 1 to 4096; out: how many there are, 0 behind the last
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ENUMERATE on /dev/ktm. Lists what current could open.
 *
 * Reference: ZwEnumerateTransactionObject()
 * Rights: none
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: @kind or @count
 * * -ENOMEM: no memory
 * * -EINTR: killed
 */
int ktm_enumerate_objects(u32 kind, struct ktm_guid *cursor, struct ktm_guid *guids, u32 *count,
			  u32 *status)
{
	return ktm_use_enumerate(NULL, kind, cursor, guids, count, status);
}
EXPORT_SYMBOL_GPL(ktm_enumerate_objects);
