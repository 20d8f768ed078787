// SPDX-License-Identifier: GPL-2.0
/*
 * What an RM says on its own descriptor: one answer, or many and then the next
 * notifications in one call.
 */
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "enlistment.h"
#include "exchange.h"
#include "notify.h"
#include "rm.h"
#include "status.h"

static u32 find_by_key(struct ktm_rm *rm, const struct ktm_answer *arg,
		       struct ktm_enlistment **enp)
{
	if (!ktm_guid_is_nil(&arg->enlistment))
		return KTM_STATUS_INVALID_PARAMETER;
	return ktm_key_find(rm, arg->key, enp);
}

static u32 find_by_guid(struct ktm_rm *rm, const struct ktm_answer *arg,
			struct ktm_enlistment **enp)
{
	*enp = ktm_en_find(rm, &arg->enlistment);
	return *enp ? KTM_STATUS_SUCCESS : KTM_STATUS_ENLISTMENT_NOT_FOUND;
}

/**
 * ktm_rm_answer - an RM says something about one of its enlistments
 * @handle: the RM's
 * @cmd: which of the requests that take a struct ktm_answer
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_rm_answer(struct ktm_handle *handle, unsigned int cmd, const struct ktm_answer *arg)
{
	bool recover = cmd == KTM_IOC_EN_RECOVER;
	struct ktm_rm *rm = ktm_rm_of(handle->obj);
	struct ktm_answer about = *arg;
	struct ktm_enlistment *en;
	u32 status;

	if (arg->flags & ~(recover ? 0 : KTM_ANSWER_BY_KEY))
		return KTM_STATUS_INVALID_PARAMETER;
	if (!(handle->access & (recover ? KTM_RM_RECOVER : KTM_RM_ENLIST)))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags & KTM_ANSWER_BY_KEY) {
		status = find_by_key(rm, arg, &en);
		about.flags = 0;
		about.key = 0;
	} else {
		status = find_by_guid(rm, arg, &en);
	}
	/* "Not found" means rollback to an RM that asks: not before the log is read to its end. */
	if (recover && (status ? !ktm_rm_online(rm) : !ktm_rm_hears(rm))) {
		if (!status)
			ktm_object_put(&en->obj);
		return KTM_STATUS_TM_NOT_ONLINE;
	}
	if (status)
		return status;
	status = ktm_user_answer(en, cmd, &about);
	ktm_object_put(&en->obj);
	return status;
}

static u32 one_of_many(struct ktm_handle *handle, const struct ktm_batch_answer *b)
{
	const struct ktm_answer arg = {
		.size = sizeof(arg),
		.flags = b->flags,
		.information_length = b->information_length,
		.enlistment = b->enlistment,
		.key = b->key,
		.information = b->information,
		.virtual_clock = b->virtual_clock,
		.append = b->append,
		.stream_fd = b->stream_fd,
		.stream_records = b->stream_records,
		.stream_need = b->stream_need,
	};

	if (!ktm_is_answer(b->request))
		return KTM_STATUS_INVALID_PARAMETER;
	return ktm_rm_answer(handle, b->request, &arg);
}

/*
 * In their order. What was carried out counts, also when its status cannot be
 * told. Nothing is begun after that.
 */
static u32 answer_all(struct ktm_handle *handle, struct ktm_exchange *arg)
{
	struct ktm_batch_answer __user *answers = u64_to_user_ptr(arg->answers);

	while (arg->done < arg->count) {
		struct ktm_batch_answer __user *at = answers + arg->done;
		struct ktm_batch_answer b;
		u32 status;

		if (copy_from_user(&b, at, sizeof(b)))
			return KTM_STATUS_FAULT;
		status = one_of_many(handle, &b);
		arg->done++;
		if (put_user(status, &at->status))
			return KTM_STATUS_FAULT;
		cond_resched();
	}
	return KTM_STATUS_SUCCESS;
}

static u32 fetch(struct ktm_rm *rm, struct ktm_exchange *arg)
{
	struct iov_iter to;
	ssize_t bytes;

	iov_iter_ubuf(&to, ITER_DEST, u64_to_user_ptr(arg->buffer),
		      min_t(u32, arg->length, MAX_RW_COUNT));
	bytes = ktm_notify_fetch(rm, &to, arg->timeout_ns);
	if (bytes < 0)
		return ktm_status_from_errno(bytes);
	arg->bytes = bytes;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_exchange - KTM_IOC_EXCHANGE
 * @handle: the RM's
 * @arg: the request
 *
 * Return: enum ktm_status, of the fetching.
 */
u32 ktm_exchange(struct ktm_handle *handle, struct ktm_exchange *arg)
{
	u32 status;

	arg->done = 0;
	arg->bytes = 0;
	if (arg->flags || arg->reserved || arg->count > KTM_MAX_BATCH ||
	    !arg->count != !arg->answers || !arg->length != !arg->buffer)
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->length && !(handle->access & KTM_RM_GET_NOTIFICATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->length && arg->length < sizeof(struct ktm_notification))
		return KTM_STATUS_BUFFER_TOO_SMALL;
	status = answer_all(handle, arg);
	if (status || !arg->length)
		return status;
	return fetch(ktm_rm_of(handle->obj), arg);
}
