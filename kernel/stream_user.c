// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: what comes from user space and goes there.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "stream.h"

/* So many pieces need no memory to be listed in. */
#define FEW_PIECES	8

static u32 copy_name(struct ktm_stream_name *name, u64 from, u32 length)
{
	if (!from || !length || length > KTM_MAX_STREAM_NAME)
		return KTM_STATUS_INVALID_PARAMETER;
	name->length = length;
	if (copy_from_user(name->text, u64_to_user_ptr(from), length))
		return KTM_STATUS_FAULT;
	return KTM_STATUS_SUCCESS;
}

/* KTM_IOC_STREAM_CREATE */
u32 ktm_stream_ioctl_create(struct ktm_handle *tm, struct ktm_stream_create *arg,
			    struct ktm_new_fd *nfd)
{
	struct ktm_stream_name name;
	struct ktm_stream *s;
	u32 status;

	if (!ktm_may(tm, KTM_TM_CREATE_RM))
		return KTM_STATUS_ACCESS_DENIED;
	status = copy_name(&name, arg->name, arg->name_length);
	if (!status)
		status = ktm_stream_make(ktm_tm_of(tm->obj), &name, &arg->guid, arg->mode,
					 arg->access, arg->quota, &s);
	if (status)
		return status;
	status = ktm_handle_create(&s->obj, arg->access, 0, nfd);
	if (status)
		goto put;
	status = ktm_stream_enter(s, arg->quota);
	if (status) {
		ktm_new_fd_cancel(nfd);
		goto put;
	}
	arg->guid = s->obj.guid;
	arg->fd = nfd->fd;
put:
	ktm_object_put(&s->obj);
	return status;
}

/* KTM_IOC_STREAM_OPEN; the TM is kept alive by the caller */
u32 ktm_stream_ioctl_open(struct ktm_tm *tm, struct ktm_stream_open *arg, struct ktm_new_fd *nfd)
{
	struct ktm_stream_name name;
	struct ktm_stream *s;
	u32 status = KTM_STATUS_SUCCESS;

	if (arg->reserved || !arg->name != !arg->name_length ||
	    !arg->name != !ktm_guid_is_nil(&arg->guid))
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->name)
		status = copy_name(&name, arg->name, arg->name_length);
	if (!status)
		status = ktm_stream_find(tm, arg->name ? &name : NULL, &arg->guid, &s);
	if (status)
		return status;
	status = ktm_handle_open_object(&s->obj, arg->access, 0, nfd);
	if (!status)
		arg->guid = s->obj.guid;
	arg->fd = nfd->fd;
	ktm_object_put(&s->obj);
	return status;
}

static u32 gather(struct ktm_stream_new *new, const struct ktm_stream_piece *pieces, u32 count,
		  bool patient)
{
	size_t total = 0, at = 0;
	u32 i, status;
	void *data;

	for (i = 0; i < count; i++) {
		if (pieces[i].length > KTM_MAX_STREAM_RECORD)
			return KTM_STATUS_INVALID_PARAMETER;
		total += pieces[i].length;
	}
	status = ktm_stream_new_memory(new, total, patient, &data);
	if (status || !data)
		return status;
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
		pieces = ktm_stream_get_memory(count * sizeof(*pieces), patient);
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
	const struct ktm_log_record record = {
		.flags = arg->flags,
		.previous_lsn = arg->previous_lsn,
		.undo_next_lsn = arg->undo_next_lsn,
		.base_lsn = arg->base_lsn,
	};
	u32 status;

	status = ktm_stream_new_init(new, &record, arg->count);
	if (!status && !arg->count != !arg->pieces)
		status = KTM_STATUS_INVALID_PARAMETER;
	if (!status && arg->count)
		status = copy_data(new, arg->pieces, arg->count, patient);
	return status ? status : ktm_stream_new_ready(new, patient);
}

/* KTM_IOC_STREAM_APPEND */
u32 ktm_stream_ioctl_append(struct ktm_handle *handle, struct ktm_stream_append *arg)
{
	struct ktm_stream_new new;
	u32 status;

	/* Who asks with what an earlier call has filled in is not told of that record again. */
	arg->lsn = 0;
	status = ktm_stream_may_append(handle, arg->flags);
	if (status)
		return status;
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
	const struct ktm_stream_use *use = ktm_stream_use_of(handle);
	u32 status;

	status = ktm_stream_call_reserve(handle, arg->flags, arg->records, arg->bytes);
	arg->total_records = READ_ONCE(use->records);
	arg->total_bytes = READ_ONCE(use->bytes);
	return status;
}

static u32 give_record(struct ktm_stream_read *arg, const struct ktm_jrec *rec)
{
	const u32 room = arg->length;
	struct ktm_log_record record;

	ktm_stream_tell_record(rec, &record);
	arg->length = record.length;
	arg->lsn = record.lsn;
	arg->previous_lsn = record.previous_lsn;
	arg->undo_next_lsn = record.undo_next_lsn;
	arg->flags = record.flags;
	if (room < record.length)
		return KTM_STATUS_BUFFER_TOO_SMALL;
	if (copy_to_user(u64_to_user_ptr(arg->buffer), rec->srec.data, record.length))
		return KTM_STATUS_FAULT;
	return KTM_STATUS_SUCCESS;
}

/* KTM_IOC_STREAM_READ */
u32 ktm_stream_ioctl_read(struct ktm_handle *handle, struct ktm_stream_read *arg)
{
	struct ktm_jrec rec;
	u32 status;
	void *buf;

	if (arg->reserved || !arg->buffer != !arg->length)
		return KTM_STATUS_INVALID_PARAMETER;
	status = ktm_stream_call_read(handle, arg->mode, arg->lsn, &rec, &buf);
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
	if (arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	return ktm_stream_call_flush(handle, arg->flags, arg->lsn, &arg->flushed_lsn);
}

/* KTM_IOC_STREAM_ADVANCE, KTM_IOC_STREAM_TRUNCATE */
u32 ktm_stream_ioctl_mark(struct ktm_handle *handle, unsigned int cmd,
			  const struct ktm_stream_mark *arg)
{
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	if (cmd == KTM_IOC_STREAM_ADVANCE)
		return ktm_stream_call_advance(handle, arg->lsn);
	return ktm_stream_call_truncate(handle, arg->lsn);
}

/* KTM_IOC_STREAM_DELETE */
u32 ktm_stream_ioctl_delete(struct ktm_handle *handle, const struct ktm_call *arg)
{
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	return ktm_stream_call_delete(handle);
}
