// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: what their users ask for, be they processes or drivers. Here it is seen
 * whether they may, and whether it makes sense; what comes from user space and goes there
 * is stream_user.c's, what comes from drivers log_stream.c's.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "stream.h"

static bool may(const struct ktm_handle *handle, u32 access)
{
	return handle->access & access;
}

/* ---- a record on its way ---- */

/**
 * ktm_stream_new_init - what is said of a record besides its data
 * @new: out: for ktm_stream_new_end(), also after a failure
 * @record: flags, links and base
 * @pieces: of its data
 *
 * Return: SUCCESS or INVALID_PARAMETER.
 */
u32 ktm_stream_new_init(struct ktm_stream_new *new, const struct ktm_log_record *record,
			size_t pieces)
{
	*new = (struct ktm_stream_new){
		.flags = record->flags,
		.previous = record->previous_lsn,
		.undo_next = record->undo_next_lsn,
		.base = record->base_lsn,
	};
	if (pieces > KTM_MAX_STREAM_PIECES ||
	    (record->base_lsn && !(record->flags & KTM_STREAM_RESTART)))
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_SUCCESS;
}

static struct ktm_sentry *get_entry(bool patient)
{
	struct ktm_sentry *e;

	while (!(e = ktm_sentry_alloc(GFP_KERNEL)) && patient && !fatal_signal_pending(current))
		msleep(20);
	return e;
}

/**
 * ktm_stream_get_memory - memory for a record, or for what says where it is
 * @bytes: how much
 * @patient: whoever has set room aside for a record shall not fail for lack of memory, so
 *	he waits for it
 *
 * Return: for kvfree(), or NULL.
 */
void *ktm_stream_get_memory(size_t bytes, bool patient)
{
	void *p;

	while (!(p = kvmalloc(bytes, GFP_KERNEL_ACCOUNT)) && patient &&
	       !fatal_signal_pending(current))
		msleep(20);
	return p;
}

/**
 * ktm_stream_new_memory - room for the data of a record
 * @new: the record
 * @bytes: of all its data
 * @patient: wait for memory instead of failing
 * @memory: out: where the data goes
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_new_memory(struct ktm_stream_new *new, size_t bytes, bool patient, void **memory)
{
	*memory = NULL;
	if (bytes > KTM_MAX_STREAM_RECORD)
		return KTM_STATUS_INVALID_PARAMETER;
	new->length = bytes;
	if (!bytes)
		return KTM_STATUS_SUCCESS;
	*memory = ktm_stream_get_memory(bytes, patient);
	new->data = *memory;
	return *memory ? KTM_STATUS_SUCCESS : KTM_STATUS_INSUFFICIENT_RESOURCES;
}

/**
 * ktm_stream_new_ready - the data is there
 * @new: the record
 * @patient: wait for memory instead of failing
 *
 * Return: SUCCESS or INSUFFICIENT_RESOURCES.
 */
u32 ktm_stream_new_ready(struct ktm_stream_new *new, bool patient)
{
	new->crc = ktm_jrec_data_crc(new->data, new->length);
	if (new->flags & KTM_STREAM_RESERVED)
		return KTM_STATUS_SUCCESS;
	new->entry = get_entry(patient);
	return new->entry ? KTM_STATUS_SUCCESS : KTM_STATUS_INSUFFICIENT_RESOURCES;
}

/* What of it was not used up. */
void ktm_stream_new_end(struct ktm_stream_new *new)
{
	kvfree(new->data);
	ktm_sentry_free(new->entry);
}

/**
 * ktm_stream_may_append - may he append such a record?
 * @handle: his
 * @flags: KTM_STREAM_
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_may_append(const struct ktm_handle *handle, u32 flags)
{
	if (flags & ~(KTM_STREAM_RESTART | KTM_STREAM_RESERVED | KTM_STREAM_DURABLE))
		return KTM_STATUS_INVALID_PARAMETER;
	return may(handle, KTM_STREAM_APPEND) ? KTM_STATUS_SUCCESS : KTM_STATUS_ACCESS_DENIED;
}

/* ---- the other requests; each returns enum ktm_status ---- */

u32 ktm_stream_call_reserve(struct ktm_handle *handle, u32 flags, u32 records, u64 bytes)
{
	struct ktm_stream_use *use = ktm_stream_use_of(handle);

	if (flags & ~KTM_STREAM_UNRESERVE || records > KTM_MAX_STREAM_RESERVE)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!may(handle, KTM_STREAM_APPEND))
		return KTM_STATUS_ACCESS_DENIED;
	if (flags & KTM_STREAM_UNRESERVE)
		return ktm_stream_unreserve(use, records, bytes);
	return ktm_stream_reserve(use, records, bytes);
}

/* As ktm_stream_read(). */
u32 ktm_stream_call_read(struct ktm_handle *handle, u32 mode, u64 lsn, struct ktm_jrec *rec,
			 void **buf)
{
	if (mode > KTM_STREAM_LAST_RESTART)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!may(handle, KTM_STREAM_READ))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_read(ktm_stream_of(handle->obj), mode, lsn, rec, buf);
}

/* What its reader is told of a record besides its data. */
void ktm_stream_tell_record(const struct ktm_jrec *rec, struct ktm_log_record *record)
{
	*record = (struct ktm_log_record){
		.lsn = rec->srec.lsn,
		.previous_lsn = rec->srec.previous,
		.undo_next_lsn = rec->srec.undo_next,
		.flags = rec->flags & KTM_JREC_F_RESTART ? KTM_STREAM_RESTART : 0,
		.length = rec->srec.len,
	};
}

u32 ktm_stream_call_flush(struct ktm_handle *handle, u32 flags, u64 lsn, u64 *flushed)
{
	struct ktm_stream_use *use = ktm_stream_use_of(handle);

	if (flags & ~KTM_STREAM_NOWAIT)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!may(handle, KTM_STREAM_APPEND))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_flush(use, lsn, READ_ONCE(use->opening), !(flags & KTM_STREAM_NOWAIT),
				flushed);
}

u32 ktm_stream_call_advance(struct ktm_handle *handle, u64 base)
{
	if (!may(handle, KTM_STREAM_MANAGE))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_advance(ktm_stream_use_of(handle), base);
}

u32 ktm_stream_call_truncate(struct ktm_handle *handle, u64 last)
{
	if (!may(handle, KTM_STREAM_MANAGE))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_truncate(ktm_stream_use_of(handle), last);
}

u32 ktm_stream_call_delete(struct ktm_handle *handle)
{
	if (!may(handle, KTM_STREAM_MANAGE))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_delete(ktm_stream_of(handle->obj));
}

u32 ktm_stream_call_info(struct ktm_handle *handle, struct ktm_stream_info *info)
{
	struct ktm_stream_use *use = ktm_stream_use_of(handle);

	if (!may(handle, KTM_STREAM_QUERY_INFORMATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (READ_ONCE(use->stream->gone))
		return KTM_STATUS_STREAM_NOT_FOUND;
	return ktm_stream_info(use, info);
}

u32 ktm_stream_call_set_quota(struct ktm_handle *handle, u64 quota)
{
	if (!may(handle, KTM_STREAM_SET_INFORMATION))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_set_quota(ktm_stream_of(handle->obj), quota);
}
