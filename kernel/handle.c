// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors: a file, its rights and its object.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "object.h"
#include "status.h"

/**
 * ktm_handle_begin - somebody begins to use an object
 * @obj: the object; the handle takes a reference of its own
 * @access: rights, checked by the caller
 * @flags: KTM_OPEN_EXCLUSIVE, KTM_OPEN_AGAIN or 0
 * @made: out: for ktm_handle_end()
 *
 * May sleep. It has no descriptor: that is what user space needs besides.
 *
 * Return: enum ktm_status; what the kind refuses, INSUFFICIENT_RESOURCES.
 */
u32 ktm_handle_begin(struct ktm_object *obj, u32 access, u32 flags, struct ktm_handle **made)
{
	struct ktm_handle *handle;
	u32 status;

	handle = kmalloc(max(sizeof(*handle), obj->ops->handle_bytes), GFP_KERNEL_ACCOUNT);
	if (!handle)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	handle->obj = obj;
	handle->access = access;
	handle->unseen = true;
	status = obj->ops->opened(obj, access, flags);
	if (status) {
		kfree(handle);
		return status;
	}
	ktm_object_get(obj);
	if (obj->ops->handle_made)
		obj->ops->handle_made(handle);
	*made = handle;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_handle_end - nobody uses the object through this any more
 * @handle: from ktm_handle_begin()
 */
void ktm_handle_end(struct ktm_handle *handle)
{
	if (handle->obj->ops->handle_gone)
		handle->obj->ops->handle_gone(handle);
	handle->obj->ops->closed(handle->obj, handle->access, handle->unseen);
	ktm_object_put(handle->obj);
	kfree(handle);
}

/* A driver's. */
static u32 use_create(struct ktm_object *obj, u32 access, u32 flags, struct ktm_new_fd *nfd)
{
	u32 status = ktm_handle_begin(obj, access, flags, &nfd->handle);

	if (status)
		return status;
	status = ktm_held_begin(nfd->handle, nfd->caller);
	if (status) {
		ktm_handle_end(nfd->handle);
		nfd->handle = NULL;
	}
	return status;
}

/**
 * ktm_handle_create - make a descriptor, not yet visible; for a driver only the handle
 * @obj: the object; the handle takes a reference of its own
 * @access: rights, checked by the caller
 * @flags: KTM_OPEN_EXCLUSIVE, KTM_OPEN_AGAIN or 0
 * @nfd: out
 *
 * May sleep. The caller ends it with ktm_new_fd_install() or _cancel().
 *
 * Return: enum ktm_status; what the kind refuses, TOO_MANY_FILES,
 * INSUFFICIENT_RESOURCES.
 */
u32 ktm_handle_create(struct ktm_object *obj, u32 access, u32 flags, struct ktm_new_fd *nfd)
{
	struct ktm_handle *handle;
	char name[16];
	u32 status;

	if (nfd->in_kernel)
		return use_create(obj, access, flags, nfd);
	nfd->fd = get_unused_fd_flags(O_CLOEXEC);
	if (nfd->fd < 0) {
		status = ktm_status_from_errno(nfd->fd);
		goto none;
	}
	status = ktm_handle_begin(obj, access, flags, &handle);
	if (status)
		goto put_fd;
	snprintf(name, sizeof(name), "[ktm-%s]", obj->ops->name);
	nfd->file = anon_inode_getfile(name, obj->ops->fops, handle, O_RDWR);
	if (IS_ERR(nfd->file)) {
		status = ktm_status_from_errno(PTR_ERR(nfd->file));
		nfd->file = NULL;
		goto end;
	}
	nfd->handle = handle;
	return KTM_STATUS_SUCCESS;
end:
	ktm_handle_end(handle);
put_fd:
	put_unused_fd(nfd->fd);
none:
	nfd->fd = -1;
	return status;
}

/**
 * ktm_handle_narrow - another descriptor of the same object, or a driver's handle of it
 * @handle: the one
 * @access: rights of the other, all of which the one has
 * @nfd: out: the other
 *
 * Return: enum ktm_status.
 */
u32 ktm_handle_narrow(struct ktm_handle *handle, u32 access, struct ktm_new_fd *nfd)
{
	if (!access || access & ~handle->obj->ops->all_access)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!ktm_may(handle, access))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_handle_create(handle->obj, access, KTM_OPEN_AGAIN, nfd);
}

/**
 * ktm_handle_open_object - open an object that was found, if its owner and mode allow
 * @obj: the object
 * @access: wanted rights, or KTM_MAXIMUM_ALLOWED
 * @flags: KTM_OPEN_EXCLUSIVE or 0
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_handle_open_object(struct ktm_object *obj, u32 access, u32 flags, struct ktm_new_fd *nfd)
{
	u32 granted, status = ktm_object_grant(obj, access, &granted);

	return status ? status : ktm_handle_create(obj, granted, flags, nfd);
}

/**
 * ktm_handle_open - open an object by its GUID
 * @kind: enum ktm_object_kind
 * @scope: TM of an RM, else NULL
 * @flags: those of @arg that the kind knows
 * @arg: the request
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status; nothing but owner and mode says who may.
 */
u32 ktm_handle_open(u8 kind, const void *scope, u32 flags, struct ktm_open *arg,
		    struct ktm_new_fd *nfd)
{
	struct ktm_object *obj;
	u32 status;

	if (arg->flags & ~flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	obj = ktm_object_find(kind, scope, &arg->guid);
	if (!obj)
		return ktm_kind(kind)->not_found;
	status = ktm_handle_open_object(obj, arg->access, arg->flags, nfd);
	ktm_object_put(obj);
	arg->fd = nfd->fd;
	return status;
}

/* The caller of the ioctl knows the number: from now on it is his. */
void ktm_new_fd_install(struct ktm_new_fd *nfd)
{
	if (!nfd->file)
		return;
	nfd->handle->unseen = false;
	fd_install(nfd->fd, nfd->file);
}

/* It is as if he had never asked for it. */
void ktm_new_fd_cancel(struct ktm_new_fd *nfd)
{
	if (!nfd->handle)
		return;
	if (nfd->in_kernel) {
		ktm_held_end(nfd->handle);
		ktm_handle_end(nfd->handle);
	} else {
		put_unused_fd(nfd->fd);
		fput(nfd->file);
	}
	nfd->handle = NULL;
	nfd->file = NULL;
	nfd->fd = -1;
}

/**
 * ktm_handle_of - the handle behind a file
 * @file: any file
 *
 * Return: the handle, or NULL if the file is none of ours.
 */
struct ktm_handle *ktm_handle_of(struct file *file)
{
	if (file->f_op != ktm_tm_ops.fops && file->f_op != ktm_rm_ops.fops &&
	    file->f_op != ktm_tx_ops.fops && file->f_op != ktm_en_ops.fops &&
	    file->f_op != ktm_stream_ops.fops)
		return NULL;
	return file->private_data;
}

/**
 * ktm_handle_get - another descriptor, passed in a field
 * @fd: the descriptor
 * @kind: enum ktm_object_kind that it has to be of
 * @access: rights that it has to have
 * @f: out: for fdput(), if this succeeds
 * @handle: out
 *
 * Return: enum ktm_status.
 */
u32 ktm_handle_get(int fd, u8 kind, u32 access, struct fd *f, struct ktm_handle **handle)
{
	u32 status;

	*f = fdget(fd);
	if (!fd_file(*f))
		return KTM_STATUS_INVALID_HANDLE;
	*handle = ktm_handle_of(fd_file(*f));
	if (!*handle || (*handle)->obj->kind != kind) {
		status = KTM_STATUS_OBJECT_TYPE_MISMATCH;
		goto put;
	}
	if (access & ~(*handle)->access) {
		status = KTM_STATUS_ACCESS_DENIED;
		goto put;
	}
	return KTM_STATUS_SUCCESS;
put:
	fdput(*f);
	return status;
}

int ktm_handle_release(struct inode *inode, struct file *file)
{
	ktm_handle_end(file->private_data);
	return 0;
}

void ktm_handle_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct ktm_handle *handle = file->private_data;
	const struct ktm_guid guid = ktm_object_guid(handle->obj);

	seq_printf(m, "ktm-kind:\t%s\n", handle->obj->ops->name);
	seq_printf(m, "ktm-guid:\t%pUb\n", guid.b);
	seq_printf(m, "ktm-access:\t0x%x\n", handle->access);
	if (handle->obj->ops->show)
		handle->obj->ops->show(handle->obj, m);
}
