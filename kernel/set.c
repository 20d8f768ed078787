// SPDX-License-Identifier: GPL-2.0
/*
 * What objects are told about themselves.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "enlistment.h"
#include "query.h"
#include "rm.h"
#include "status.h"
#include "stream.h"
#include "transaction.h"

static u32 take(const struct ktm_inquiry *arg, void *data, u32 length)
{
	if (arg->length != length)
		return KTM_STATUS_INFO_LENGTH_MISMATCH;
	if (copy_from_sockptr(data, arg->buffer, length))
		return KTM_STATUS_FAULT;
	return KTM_STATUS_SUCCESS;
}

static u32 set_completion(struct ktm_rm *rm, const struct ktm_inquiry *arg)
{
	struct ktm_rm_completion completion;
	u32 status = take(arg, &completion, sizeof(completion));

	if (status)
		return status;
	if (completion.port < -1 || completion.reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	mutex_lock(&rm->lock);
	rm->completion = completion;
	mutex_unlock(&rm->lock);
	return KTM_STATUS_SUCCESS;
}

static u32 check_properties(const struct ktm_tx_properties *p)
{
	if (p->set & ~(KTM_TX_SET_TIMEOUT | KTM_TX_SET_ISOLATION | KTM_TX_SET_DESCRIPTION) ||
	    p->outcome || p->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	if (p->set & KTM_TX_SET_DESCRIPTION && p->description_length > KTM_MAX_DESCRIPTION)
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_SUCCESS;
}

static u32 set_properties(struct ktm_transaction *tx, const struct ktm_inquiry *arg)
{
	struct ktm_tx_properties p;
	u8 *description = NULL;
	u32 status = take(arg, &p, sizeof(p));

	if (!status)
		status = check_properties(&p);
	if (status)
		return status;
	if (p.set & KTM_TX_SET_DESCRIPTION && p.description_length) {
		description = kmalloc(p.description_length, GFP_KERNEL_ACCOUNT);
		if (!description)
			return KTM_STATUS_INSUFFICIENT_RESOURCES;
		memcpy(description, p.description, p.description_length);
	}
	ktm_tx_lock(tx);
	if (tx->core.state != KTM_TX_STATE_ACTIVE) {
		status = KTM_STATUS_TRANSACTION_NOT_ACTIVE;
		goto unlock;
	}
	if (p.set & KTM_TX_SET_TIMEOUT)
		ktm_tx_set_timeout(tx, p.timeout_ns);
	if (p.set & KTM_TX_SET_ISOLATION) {
		tx->isolation_level = p.isolation_level;
		tx->isolation_flags = p.isolation_flags;
	}
	if (p.set & KTM_TX_SET_DESCRIPTION) {
		swap(tx->description, description);
		tx->description_length = p.description_length;
	}
unlock:
	mutex_unlock(&tx->lock);
	kfree(description);
	return status;
}

/**
 * ktm_copy_information - recovery information of an RM
 * @from: where it is
 * @length: bytes
 *
 * As vmemdup_user(), but charged: it stays for as long as the enlistment.
 *
 * Return: memory to be freed with kvfree(), NULL for none, or an ERR_PTR.
 */
u8 *ktm_copy_information(sockptr_t from, u32 length)
{
	u8 *information;

	if (sockptr_is_null(from) != !length || length > KTM_MAX_RECOVERY_INFORMATION)
		return ERR_PTR(-EINVAL);
	if (!length)
		return NULL;
	information = kvmalloc(length, GFP_KERNEL_ACCOUNT);
	if (!information)
		return ERR_PTR(-ENOMEM);
	if (copy_from_sockptr(information, from, length)) {
		kvfree(information);
		return ERR_PTR(-EFAULT);
	}
	return information;
}

/* Until it is logged, with the vote. */
static bool en_may_be_informed(const struct ktm_enlistment *en)
{
	switch (en->core.state) {
	case KTM_EN_STATE_ACTIVE:
	case KTM_EN_STATE_PREPREPARING:
	case KTM_EN_STATE_PREPREPARED:
	case KTM_EN_STATE_SINGLE_PHASE:
		return true;
	case KTM_EN_STATE_PREPARING:
		/* A superior's record may be on its way to the log already. */
		return !(en->core.flags & KTM_ENC_SUPERIOR);
	default:
		return false;
	}
}

static u32 inform(struct ktm_enlistment *en, u8 **information, u32 length)
{
	if (list_empty(&en->core.link) && !ktm_enc_finished(&en->core))
		return KTM_STATUS_OBJECT_EXPIRED;
	if (!en_may_be_informed(en))
		return KTM_STATUS_REQUEST_NOT_VALID;
	return ktm_en_inform(en, information, length);
}

static u32 set_recovery(struct ktm_enlistment *en, const struct ktm_inquiry *arg)
{
	int tries = KTM_STREAM_TRIES;
	u8 *information;
	u32 status;

	if (arg->length > KTM_MAX_RECOVERY_INFORMATION)
		return KTM_STATUS_INFO_LENGTH_MISMATCH;
	information = ktm_copy_information(arg->buffer, arg->length);
	if (IS_ERR(information))
		return ktm_status_from_errno(PTR_ERR(information));
	do {
		ktm_tx_lock(en->tx);
		status = inform(en, &information, arg->length);
		mutex_unlock(&en->tx->lock);
	} while (ktm_stream_again(en->rm->tm, &status, &tries));
	kvfree(information);
	return status;
}

static u32 set_on_rm(struct ktm_rm *rm, const struct ktm_inquiry *arg)
{
	struct ktm_enlistment *en;
	u32 status;

	if (arg->info_class == KTM_INFO_RM_COMPLETION) {
		if (!ktm_guid_is_nil(&arg->guid))
			return KTM_STATUS_INVALID_PARAMETER;
		return set_completion(rm, arg);
	}
	if (arg->info_class != KTM_INFO_EN_RECOVERY)
		return KTM_STATUS_INVALID_INFO_CLASS;
	en = ktm_en_find(rm, &arg->guid);
	if (!en)
		return KTM_STATUS_ENLISTMENT_NOT_FOUND;
	status = set_recovery(en, arg);
	ktm_object_put(&en->obj);
	return status;
}

static u32 set_stream(struct ktm_handle *handle, const struct ktm_inquiry *arg)
{
	u64 quota;
	u32 status;

	if (arg->info_class != KTM_INFO_STREAM_QUOTA)
		return KTM_STATUS_INVALID_INFO_CLASS;
	status = take(arg, &quota, sizeof(quota));
	return status ? status : ktm_stream_call_set_quota(handle, quota);
}

/**
 * ktm_set - KTM_IOC_SET
 * @handle: the descriptor's, or a driver's
 * @arg: the request
 *
 * Return: enum ktm_status; nothing has changed unless it is SUCCESS.
 */
u32 ktm_set(struct ktm_handle *handle, const struct ktm_inquiry *arg)
{
	struct ktm_object *obj = handle->obj;

	/* The right has the same bit on every kind of object. */
	BUILD_BUG_ON(KTM_TM_SET_INFORMATION != KTM_EN_SET_INFORMATION ||
		     KTM_RM_SET_INFORMATION != KTM_EN_SET_INFORMATION ||
		     KTM_STREAM_SET_INFORMATION != KTM_EN_SET_INFORMATION ||
		     KTM_TX_SET_INFORMATION != KTM_EN_SET_INFORMATION);
	if (!(handle->access & KTM_EN_SET_INFORMATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (obj->kind == KTM_KIND_RM)
		return set_on_rm(ktm_rm_of(obj), arg);
	if (!ktm_guid_is_nil(&arg->guid))
		return KTM_STATUS_INVALID_PARAMETER;
	if (obj->kind == KTM_KIND_STREAM)
		return set_stream(handle, arg);
	if (obj->kind == KTM_KIND_TX && arg->info_class == KTM_INFO_TX_PROPERTIES)
		return set_properties(ktm_tx_of(obj), arg);
	if (obj->kind == KTM_KIND_EN && arg->info_class == KTM_INFO_EN_RECOVERY)
		return set_recovery(ktm_en_of(obj), arg);
	return KTM_STATUS_INVALID_INFO_CLASS;
}
