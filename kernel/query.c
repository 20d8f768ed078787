// SPDX-License-Identifier: GPL-2.0
/*
 * What objects tell about themselves, and lists of them.
 */
#include <linux/slab.h>

#include "enlistment.h"
#include "query.h"
#include "rm.h"
#include "stream.h"
#include "tm.h"
#include "transaction.h"

/* All of it or nothing; the length is told in either case. */
static u32 give(struct ktm_inquiry *arg, const void *data, u32 length)
{
	u32 room = arg->length;

	arg->length = length;
	if (room < length)
		return KTM_STATUS_BUFFER_TOO_SMALL;
	if (copy_to_sockptr(arg->buffer, data, length))
		return KTM_STATUS_FAULT;
	return KTM_STATUS_SUCCESS;
}

/* A stream's GUID, if the caller may open it: who may not is not told of it elsewhere either. */
static struct ktm_guid if_allowed(struct ktm_tm *tm, const struct ktm_guid *guid)
{
	struct ktm_stream *s = ktm_stream_find_guid(tm, guid);
	struct ktm_guid told = { };
	u32 granted;

	if (s && !ktm_object_grant(&s->obj, KTM_MAXIMUM_ALLOWED, &granted))
		told = *guid;
	if (s)
		ktm_object_put(&s->obj);
	return told;
}

static u32 query_space(struct ktm_tm *tm, struct ktm_inquiry *arg)
{
	struct ktm_journal_stat st;
	struct ktm_guid holder = { };
	struct ktm_tm_space space;

	ktm_journal_stat(tm->journal, &st);
	space = (struct ktm_tm_space){
		.bytes = st.ring_bytes,
		.free = st.free_bytes,
		.reserved = st.reserved_bytes,
		.quotas = st.quotas,
		.restart_lsn = st.start_lsn,
		.tail_lsn = st.tail_lsn,
		.next_lsn = st.next_lsn,
		.restarts = st.restarts,
		.live = st.restart_charged,
		.live_limit = st.restart_capacity,
	};
	spin_lock(&tm->list_lock);
	space.copied = tm->copied;
	if (st.tail_lsn < st.start_lsn)
		holder = tm->holder;
	spin_unlock(&tm->list_lock);
	if (!ktm_guid_is_nil(&holder))
		space.holder = if_allowed(tm, &holder);
	return give(arg, &space, sizeof(space));
}

/* Classes that only a TM with a log has. */
static u32 query_log(struct ktm_tm *tm, struct ktm_inquiry *arg)
{
	struct ktm_journal_stat st;
	char path[64];

	if (!tm->journal)
		return KTM_STATUS_TM_VOLATILE;
	switch (arg->info_class) {
	case KTM_INFO_TM_LOG:
		return give(arg, ktm_journal_uuid(tm->journal), sizeof(struct ktm_guid));
	case KTM_INFO_TM_LOG_PATH:
		return give(arg, path, ktm_journal_path(tm->journal, path, sizeof(path)));
	case KTM_INFO_TM_SPACE:
		return query_space(tm, arg);
	default:
		ktm_journal_stat(tm->journal, &st);
		return give(arg, &st.recovered_lsn, sizeof(st.recovered_lsn));
	}
}

static u32 query_tm(struct ktm_tm *tm, struct ktm_inquiry *arg)
{
	struct ktm_tm_info info;

	switch (arg->info_class) {
	case KTM_INFO_TM_BASIC:
		ktm_tm_info(tm, &info);
		return give(arg, &info, sizeof(info));
	case KTM_INFO_TM_LOG:
	case KTM_INFO_TM_LOG_PATH:
	case KTM_INFO_TM_RECOVERY:
	case KTM_INFO_TM_SPACE:
		return query_log(tm, arg);
	case KTM_INFO_TM_ONLINE:
		if (!ktm_tm_online(tm))
			return KTM_STATUS_TM_NOT_ONLINE;
		return give(arg, NULL, 0);
	default:
		return KTM_STATUS_INVALID_INFO_CLASS;
	}
}

static u32 query_recovery(struct ktm_enlistment *en, struct ktm_inquiry *arg)
{
	u32 length, status;
	u8 *copy;

	/* It may be replaced, so what is given is a copy. */
	copy = kvmalloc(KTM_MAX_RECOVERY_INFORMATION, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	ktm_tx_lock(en->tx);
	length = en->information_length;
	if (length)
		memcpy(copy, en->information, length);
	mutex_unlock(&en->tx->lock);
	status = give(arg, copy, length);
	kvfree(copy);
	return status;
}

static u32 query_en(struct ktm_enlistment *en, struct ktm_inquiry *arg)
{
	struct ktm_en_info info;
	struct ktm_en_crm crm;

	switch (arg->info_class) {
	case KTM_INFO_EN_BASIC:
		ktm_en_info(en, &info);
		return give(arg, &info, sizeof(info));
	case KTM_INFO_EN_RECOVERY:
		return query_recovery(en, arg);
	case KTM_INFO_EN_CRM:
		crm = (struct ktm_en_crm){
			.tm = en->rm->tm->obj.guid,
			.rm = en->rm->obj.guid,
			.enlistment = en->obj.guid,
		};
		return give(arg, &crm, sizeof(crm));
	default:
		return KTM_STATUS_INVALID_INFO_CLASS;
	}
}

static u32 query_en_of_rm(struct ktm_rm *rm, struct ktm_inquiry *arg)
{
	struct ktm_enlistment *en = ktm_en_find(rm, &arg->guid);
	u32 status;

	if (!en)
		return KTM_STATUS_ENLISTMENT_NOT_FOUND;
	status = query_en(en, arg);
	ktm_object_put(&en->obj);
	return status;
}

static u32 query_rm(struct ktm_rm *rm, struct ktm_inquiry *arg)
{
	struct ktm_rm_completion completion;
	struct ktm_rm_info info;

	switch (arg->info_class) {
	case KTM_INFO_RM_BASIC:
		if (!ktm_guid_is_nil(&arg->guid))
			return KTM_STATUS_INVALID_PARAMETER;
		ktm_rm_info(rm, &info);
		return give(arg, &info, sizeof(info));
	case KTM_INFO_RM_COMPLETION:
		if (!ktm_guid_is_nil(&arg->guid))
			return KTM_STATUS_INVALID_PARAMETER;
		mutex_lock(&rm->lock);
		completion = rm->completion;
		mutex_unlock(&rm->lock);
		return give(arg, &completion, sizeof(completion));
	case KTM_INFO_EN_BASIC:
	case KTM_INFO_EN_RECOVERY:
	case KTM_INFO_EN_CRM:
		return query_en_of_rm(rm, arg);
	default:
		return KTM_STATUS_INVALID_INFO_CLASS;
	}
}

static u32 query_tx_enlistments(struct ktm_transaction *tx, struct ktm_inquiry *arg)
{
	struct ktm_en_pair *pairs;
	struct ktm_enc *core;
	u32 n = 0, room, status;

	ktm_tx_lock(tx);
	list_for_each_entry(core, &tx->core.enlistments, link)
		n++;
	mutex_unlock(&tx->lock);
	room = n;
	pairs = kvcalloc(max(room, 1u), sizeof(*pairs), GFP_KERNEL_ACCOUNT);
	if (!pairs)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	n = 0;
	ktm_tx_lock(tx);
	list_for_each_entry(core, &tx->core.enlistments, link) {
		struct ktm_enlistment *en = ktm_en_of_core(core);

		/* What came meanwhile is left to the next query. */
		if (n == room)
			break;
		pairs[n++] = (struct ktm_en_pair){
			.enlistment = en->obj.guid,
			.rm = en->rm->obj.guid,
			.state = core->state,
			.present = !!(core->flags & KTM_ENC_PRESENT),
		};
	}
	mutex_unlock(&tx->lock);
	status = give(arg, pairs, n * sizeof(*pairs));
	kvfree(pairs);
	return status;
}

static u32 query_properties(struct ktm_transaction *tx, struct ktm_inquiry *arg)
{
	struct ktm_tx_properties p = { };

	ktm_tx_lock(tx);
	p.outcome = ktm_txc_outcome(&tx->core);
	p.timeout_ns = tx->timeout_ns;
	p.isolation_level = tx->isolation_level;
	p.isolation_flags = tx->isolation_flags;
	p.description_length = tx->description_length;
	if (tx->description)
		memcpy(p.description, tx->description, tx->description_length);
	mutex_unlock(&tx->lock);
	return give(arg, &p, sizeof(p));
}

static u32 query_tx_superior(struct ktm_transaction *tx, struct ktm_inquiry *arg)
{
	struct ktm_en_pair pair = { };
	struct ktm_enc *core;

	ktm_tx_lock(tx);
	core = tx->core.superior;
	if (core) {
		pair.enlistment = ktm_en_of_core(core)->obj.guid;
		pair.rm = ktm_en_of_core(core)->rm->obj.guid;
		pair.state = core->state;
		pair.present = !!(core->flags & KTM_ENC_PRESENT);
	}
	mutex_unlock(&tx->lock);
	return core ? give(arg, &pair, sizeof(pair)) : KTM_STATUS_ENLISTMENT_NOT_FOUND;
}

static u32 query_tx(struct ktm_transaction *tx, struct ktm_inquiry *arg)
{
	struct ktm_tx_info info;

	switch (arg->info_class) {
	case KTM_INFO_TX_BASIC:
		ktm_tx_info(tx, &info);
		return give(arg, &info, sizeof(info));
	case KTM_INFO_TX_ENLISTMENTS:
		return query_tx_enlistments(tx, arg);
	case KTM_INFO_TX_SUPERIOR:
		return query_tx_superior(tx, arg);
	case KTM_INFO_TX_PROPERTIES:
		return query_properties(tx, arg);
	default:
		return KTM_STATUS_INVALID_INFO_CLASS;
	}
}

static u32 query_stream(struct ktm_handle *handle, struct ktm_inquiry *arg)
{
	const struct ktm_stream *s = ktm_stream_of(handle->obj);
	struct ktm_stream_info info;
	u32 status;
	u64 quota;

	if (READ_ONCE(s->gone))
		return KTM_STATUS_STREAM_NOT_FOUND;
	switch (arg->info_class) {
	case KTM_INFO_STREAM_BASIC:
		status = ktm_stream_call_info(handle, &info);
		return status ? status : give(arg, &info, sizeof(info));
	case KTM_INFO_STREAM_QUOTA:
		quota = READ_ONCE(s->quota);
		return give(arg, &quota, sizeof(quota));
	default:
		return KTM_STATUS_INVALID_INFO_CLASS;
	}
}

/**
 * ktm_query - KTM_IOC_QUERY
 * @handle: the descriptor's, or a driver's
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_query(struct ktm_handle *handle, struct ktm_inquiry *arg)
{
	/* The right has the same bit on every kind of object. */
	BUILD_BUG_ON(KTM_TM_QUERY_INFORMATION != KTM_EN_QUERY_INFORMATION ||
		     KTM_RM_QUERY_INFORMATION != KTM_EN_QUERY_INFORMATION ||
		     KTM_STREAM_QUERY_INFORMATION != KTM_EN_QUERY_INFORMATION ||
		     KTM_TX_QUERY_INFORMATION != KTM_EN_QUERY_INFORMATION);
	if (!(handle->access & KTM_EN_QUERY_INFORMATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (handle->obj->kind != KTM_KIND_RM && !ktm_guid_is_nil(&arg->guid))
		return KTM_STATUS_INVALID_PARAMETER;
	switch (handle->obj->kind) {
	case KTM_KIND_TM:
		return query_tm(ktm_tm_of(handle->obj), arg);
	case KTM_KIND_RM:
		return query_rm(ktm_rm_of(handle->obj), arg);
	case KTM_KIND_TX:
		return query_tx(ktm_tx_of(handle->obj), arg);
	case KTM_KIND_STREAM:
		return query_stream(handle, arg);
	default:
		return query_en(ktm_en_of(handle->obj), arg);
	}
}

static bool want_any(const struct ktm_object *obj, const void *ctx)
{
	return true;
}

static bool want_in_scope(const struct ktm_object *obj, const void *ctx)
{
	return obj->scope == ctx;
}

static bool want_stream_of(const struct ktm_object *obj, const void *ctx)
{
	return obj->scope == ctx && ktm_stream_is_made(container_of(obj, struct ktm_stream, obj));
}

static bool want_tx_of(const struct ktm_object *obj, const void *ctx)
{
	return READ_ONCE(container_of(obj, struct ktm_transaction, obj)->tm) == ctx;
}

static bool want_en_of(const struct ktm_object *obj, const void *ctx)
{
	return container_of(obj, struct ktm_enlistment, obj)->rm == ctx;
}

/**
 * ktm_enumerate - KTM_IOC_ENUMERATE
 * @handle: the descriptor, or NULL for /dev/ktm
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_enumerate(struct ktm_handle *handle, struct ktm_listing *arg)
{
	u8 on = handle ? handle->obj->kind : 0;

	if (handle && !(handle->access & KTM_TM_QUERY_INFORMATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (!on && (arg->kind == KTM_KIND_TM || arg->kind == KTM_KIND_TX))
		return ktm_object_enumerate(arg->kind, arg, want_any, NULL);
	if (on == KTM_KIND_TM && arg->kind == KTM_KIND_RM)
		return ktm_object_enumerate(KTM_KIND_RM, arg, want_in_scope, handle->obj);
	if (on == KTM_KIND_TM && arg->kind == KTM_KIND_STREAM)
		return ktm_object_enumerate(KTM_KIND_STREAM, arg, want_stream_of, handle->obj);
	if (on == KTM_KIND_TM && arg->kind == KTM_KIND_TX)
		return ktm_object_enumerate(KTM_KIND_TX, arg, want_tx_of, handle->obj);
	if (on == KTM_KIND_RM && arg->kind == KTM_KIND_EN)
		return ktm_object_enumerate(KTM_KIND_EN, arg, want_en_of, handle->obj);
	return KTM_STATUS_INVALID_PARAMETER;
}
