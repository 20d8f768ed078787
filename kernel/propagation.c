// SPDX-License-Identifier: GPL-2.0
/*
 * How an RM is reached from other machines: the protocols that it registers, kept
 * as long as somebody has it open. As in the reference, nothing propagates a
 * transaction yet, so nobody is ever asked to.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "rm.h"
#include "status.h"

/* One protocol; @information: @length bytes that mean something to it only. */
struct protocol {
	struct list_head link;
	struct ktm_guid guid;
	u32 flags;
	u32 length;
	u8 information[];
};

static struct protocol *copy_protocol(const struct ktm_protocol *arg, bool in_kernel)
{
	struct protocol *p = kmalloc(struct_size(p, information, arg->length), GFP_KERNEL_ACCOUNT);

	if (!p)
		return ERR_PTR(-ENOMEM);
	p->guid = arg->protocol;
	p->flags = arg->flags;
	p->length = arg->length;
	if (copy_from_sockptr(p->information, ktm_pointer(in_kernel, arg->information),
			      arg->length)) {
		kfree(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}

static u32 add_protocol(struct ktm_rm *rm, struct protocol *new)
{
	struct protocol *p;
	u32 n = 0;

	lockdep_assert_held(&rm->lock);
	if (!(rm->flags & KTM_RM_COMMUNICATION))
		return KTM_STATUS_REQUEST_NOT_VALID;
	list_for_each_entry(p, &rm->protocols, link) {
		if (ktm_guid_eq(&p->guid, &new->guid))
			return KTM_STATUS_PROTOCOL_EXISTS;
		n++;
	}
	if (n >= KTM_MAX_PROTOCOLS)
		return KTM_STATUS_QUOTA_EXCEEDED;
	list_add_tail(&new->link, &rm->protocols);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_register_protocol - KTM_IOC_REGISTER_PROTOCOL
 * @handle: the RM's
 * @arg: the request
 * @in_kernel: a driver asks: @arg points to memory of the kernel
 *
 * Return: enum ktm_status.
 */
u32 ktm_register_protocol(struct ktm_handle *handle, const struct ktm_protocol *arg,
			  bool in_kernel)
{
	struct ktm_rm *rm = ktm_rm_of(handle->obj);
	struct protocol *p;
	u32 status;

	if (!ktm_may(handle, KTM_RM_REGISTER_PROTOCOL))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags & ~(KTM_PROTOCOL_EXPLICIT_MARSHAL_ONLY |
			   KTM_PROTOCOL_DYNAMIC_MARSHAL_INFO) ||
	    arg->length > KTM_MAX_PROTOCOL_INFORMATION || !arg->length != !arg->information ||
	    ktm_guid_is_nil(&arg->protocol))
		return KTM_STATUS_INVALID_PARAMETER;
	p = copy_protocol(arg, in_kernel);
	if (IS_ERR(p))
		return ktm_status_from_errno(PTR_ERR(p));
	mutex_lock(&rm->lock);
	status = add_protocol(rm, p);
	mutex_unlock(&rm->lock);
	if (status)
		kfree(p);
	return status;
}

/**
 * ktm_forget_protocols - nobody has an RM open any more
 * @rm: the RM, its mutex held
 */
void ktm_forget_protocols(struct ktm_rm *rm)
{
	struct protocol *p, *next;

	lockdep_assert_held(&rm->lock);
	list_for_each_entry_safe(p, next, &rm->protocols, link) {
		list_del(&p->link);
		kfree(p);
	}
}

/**
 * ktm_propagation_complete - KTM_IOC_PROPAGATION_COMPLETE
 * @handle: the RM's
 * @arg: the request
 *
 * Return: enum ktm_status; there is no cookie that has been given out.
 */
u32 ktm_propagation_complete(const struct ktm_handle *handle, const struct ktm_propagation *arg)
{
	if (!ktm_may(handle, KTM_RM_COMPLETE_PROPAGATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->length > KTM_MAX_PROTOCOL_INFORMATION || !arg->length != !arg->buffer ||
	    arg->cause || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_NOT_REQUESTED;
}

/**
 * ktm_propagation_failed - KTM_IOC_PROPAGATION_FAILED
 * @handle: the RM's
 * @arg: the request
 *
 * Return: enum ktm_status; there is no cookie that has been given out.
 */
u32 ktm_propagation_failed(const struct ktm_handle *handle, const struct ktm_propagation *arg)
{
	if (!ktm_may(handle, KTM_RM_COMPLETE_PROPAGATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->length || arg->buffer || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_NOT_REQUESTED;
}
