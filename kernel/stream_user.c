// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: what comes from user space and goes there.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "status.h"
#include "stream.h"

/* So many pieces need no memory to be listed in. */
#define FEW_PIECES	8

/*
 * Memory for a record. Whoever has set room aside for one shall not fail for lack of
 * memory, so he waits for it.
 */
static void *get_memory(size_t bytes, bool patient)
{
	void *p;

	while (!(p = kvmalloc(bytes, GFP_KERNEL_ACCOUNT)) && patient &&
	       !fatal_signal_pending(current))
		msleep(20);
	return p;
}

static struct ktm_sentry *get_entry(bool patient)
{
	struct ktm_sentry *e;

	while (!(e = ktm_sentry_alloc(GFP_KERNEL)) && patient && !fatal_signal_pending(current))
		msleep(20);
	return e;
}

static u32 gather(struct ktm_stream_new *new, const struct ktm_stream_piece *pieces, u32 count,
		  bool patient)
{
	u32 i, at = 0;
	u64 total = 0;
	u8 *data;

	for (i = 0; i < count; i++) {
		if (pieces[i].length > KTM_MAX_STREAM_RECORD)
			return KTM_STATUS_INVALID_PARAMETER;
		total += pieces[i].length;
	}
	if (total > KTM_MAX_STREAM_RECORD)
		return KTM_STATUS_INVALID_PARAMETER;
	new->length = total;
	if (!total)
		return KTM_STATUS_SUCCESS;
	data = get_memory(total, patient);
	if (!data)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	/* Freed by ktm_stream_new_end() from here on. */
	new->data = data;
	for (i = 0; i < count; i++) {
		if (copy_from_user(data + at, u64_to_user_ptr(pieces[i].base), pieces[i].length))
			return KTM_STATUS_FAULT;
		at += pieces[i].length;
	}
	return KTM_STATUS_SUCCESS;
}

static u32 copy_data(struct ktm_stream_new *new, u64 from, u32 count, bool patient)
{
	struct ktm_stream_piece few[FEW_PIECES], *pieces = few;
	u32 status = KTM_STATUS_FAULT;

	if (count > FEW_PIECES) {
		pieces = get_memory(count * sizeof(*pieces), patient);
		if (!pieces)
			return KTM_STATUS_INSUFFICIENT_RESOURCES;
	}
	if (!copy_from_user(pieces, u64_to_user_ptr(from), count * sizeof(*pieces)))
		status = gather(new, pieces, count, patient);
	if (pieces != few)
		kvfree(pieces);
	return status;
}

/**
 * ktm_stream_copy_new - a record from user space
 * @arg: the request
 * @patient: wait for memory instead of failing
 * @new: out: for ktm_stream_new_end(), also after a failure
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_copy_new(const struct ktm_stream_append *arg, bool patient,
			struct ktm_stream_new *new)
{
	u32 status = KTM_STATUS_SUCCESS;

	*new = (struct ktm_stream_new){
		.flags = arg->flags,
		.previous = arg->previous_lsn,
		.undo_next = arg->undo_next_lsn,
		.base = arg->base_lsn,
	};
	if (arg->count > KTM_MAX_STREAM_PIECES || !arg->count != !arg->pieces ||
	    (arg->base_lsn && !(arg->flags & KTM_STREAM_RESTART)))
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->count)
		status = copy_data(new, arg->pieces, arg->count, patient);
	if (status)
		return status;
	new->crc = ktm_jrec_data_crc(new->data, new->length);
	if (arg->flags & KTM_STREAM_RESERVED)
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

/* KTM_IOC_STREAM_APPEND */
u32 ktm_stream_ioctl_append(struct ktm_handle *handle, struct ktm_stream_append *arg)
{
	struct ktm_stream_new new;
	u32 status;

	if (arg->flags & ~(KTM_STREAM_RESTART | KTM_STREAM_RESERVED | KTM_STREAM_DURABLE))
		return KTM_STATUS_INVALID_PARAMETER;
	if (!(handle->access & KTM_STREAM_APPEND))
		return KTM_STATUS_ACCESS_DENIED;
	status = ktm_stream_copy_new(arg, arg->flags & KTM_STREAM_RESERVED, &new);
	if (!status)
		status = ktm_stream_append(ktm_stream_use_of(handle), &new, true);
	arg->lsn = new.lsn;
	ktm_stream_new_end(&new);
	return status;
}

/* KTM_IOC_STREAM_RESERVE */
u32 ktm_stream_ioctl_reserve(struct ktm_handle *handle, struct ktm_stream_reserve *arg)
{
	struct ktm_stream_use *use = ktm_stream_use_of(handle);
	u32 status;

	if (arg->flags & ~KTM_STREAM_UNRESERVE || arg->records > KTM_MAX_STREAM_RESERVE)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!(handle->access & KTM_STREAM_APPEND))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags & KTM_STREAM_UNRESERVE)
		status = ktm_stream_unreserve(use, arg->records, arg->bytes);
	else
		status = ktm_stream_reserve(use, arg->records, arg->bytes);
	arg->total_records = READ_ONCE(use->records);
	arg->total_bytes = READ_ONCE(use->bytes);
	return status;
}

static u32 give_record(struct ktm_stream_read *arg, const struct ktm_jrec *rec)
{
	const u32 room = arg->length;

	arg->length = rec->srec.len;
	arg->lsn = rec->srec.lsn;
	arg->previous_lsn = rec->srec.previous;
	arg->undo_next_lsn = rec->srec.undo_next;
	arg->flags = rec->flags & KTM_JREC_F_RESTART ? KTM_STREAM_RESTART : 0;
	if (room < rec->srec.len)
		return KTM_STATUS_BUFFER_TOO_SMALL;
	if (copy_to_user(u64_to_user_ptr(arg->buffer), rec->srec.data, rec->srec.len))
		return KTM_STATUS_FAULT;
	return KTM_STATUS_SUCCESS;
}

/* KTM_IOC_STREAM_READ */
u32 ktm_stream_ioctl_read(struct ktm_handle *handle, struct ktm_stream_read *arg)
{
	struct ktm_jrec rec;
	u32 status;
	void *buf;

	if (arg->mode > KTM_STREAM_LAST_RESTART || arg->reserved || !arg->buffer != !arg->length)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!(handle->access & KTM_STREAM_READ))
		return KTM_STATUS_ACCESS_DENIED;
	status = ktm_stream_read(ktm_stream_of(handle->obj), arg->mode, arg->lsn, &rec, &buf);
	/* By its name he goes on to those behind it. */
	if (status == KTM_STATUS_LOG_CORRUPTION_DETECTED || status == KTM_STATUS_IO_ERROR)
		arg->lsn = rec.srec.lsn;
	if (status)
		return status;
	status = give_record(arg, &rec);
	kvfree(buf);
	return status;
}

/* KTM_IOC_STREAM_FLUSH */
u32 ktm_stream_ioctl_flush(struct ktm_handle *handle, struct ktm_stream_flush *arg)
{
	struct ktm_stream_use *use = ktm_stream_use_of(handle);

	if (arg->flags & ~KTM_STREAM_NOWAIT || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!(handle->access & KTM_STREAM_APPEND))
		return KTM_STATUS_ACCESS_DENIED;
	return ktm_stream_flush(use, arg->lsn, READ_ONCE(use->opening),
				!(arg->flags & KTM_STREAM_NOWAIT), &arg->flushed_lsn);
}

/* KTM_IOC_STREAM_ADVANCE, KTM_IOC_STREAM_TRUNCATE */
u32 ktm_stream_ioctl_mark(struct ktm_handle *handle, unsigned int cmd,
			  const struct ktm_stream_mark *arg)
{
	struct ktm_stream_use *use = ktm_stream_use_of(handle);

	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!(handle->access & KTM_STREAM_MANAGE))
		return KTM_STATUS_ACCESS_DENIED;
	if (cmd == KTM_IOC_STREAM_ADVANCE)
		return ktm_stream_advance(use, arg->lsn);
	return ktm_stream_truncate(use, arg->lsn);
}
