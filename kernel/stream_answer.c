// SPDX-License-Identifier: GPL-2.0
/*
 * Answers of RMs that bring a record for a log stream, or set room aside in one.
 */
#include <linux/file.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "enlistment.h"
#include "status.h"
#include "stream.h"

static bool takes_append(unsigned int cmd)
{
	return cmd == KTM_IOC_PREPARE_COMPLETE || cmd == KTM_IOC_COMMIT_COMPLETE ||
	       cmd == KTM_IOC_ROLLBACK_COMPLETE;
}

static u32 check_request(const struct ktm_enlistment *en, unsigned int cmd,
			 const struct ktm_answer *arg)
{
	if (!ktm_rm_durable(en->rm))
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->append && !takes_append(cmd))
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->stream_records && cmd != KTM_IOC_PREPARE_COMPLETE)
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->stream_records > KTM_MAX_BATCH || (arg->stream_need && !arg->stream_records))
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_SUCCESS;
}

static u32 copy_append(struct ktm_stream_append __user *from, struct ktm_stream_append *append)
{
	u32 size;

	if (get_user(size, &from->size))
		return KTM_STATUS_FAULT;
	if (size < sizeof(*append) || size > PAGE_SIZE)
		return KTM_STATUS_INVALID_PARAMETER;
	if (copy_struct_from_user(append, sizeof(*append), from, size))
		return KTM_STATUS_FAULT;
	if (append->flags & ~KTM_STREAM_RESTART)
		return KTM_STATUS_INVALID_PARAMETER;
	/* Before anything is done: what it came to can be told. */
	if (put_user(0, &from->lsn))
		return KTM_STATUS_FAULT;
	return KTM_STATUS_SUCCESS;
}

static u32 answer_with_record(struct ktm_enlistment *en, unsigned int cmd,
			      const struct ktm_answer *arg, struct ktm_stream_answer *with)
{
	struct ktm_stream_append __user *user = u64_to_user_ptr(arg->append);
	struct ktm_stream_append append;
	struct ktm_stream_new new = { };
	u32 status;

	status = copy_append(user, &append);
	if (status)
		return status;
	/* Who has voted cannot go back for lack of memory. */
	status = ktm_stream_copy_new(&append, cmd != KTM_IOC_PREPARE_COMPLETE, &new);
	if (!status) {
		with->append = &new;
		status = ktm_en_answer(en, cmd, arg, with, false);
	}
	if (put_user(status, &user->status) || put_user(new.lsn, &user->lsn))
		status = KTM_STATUS_FAULT;
	ktm_stream_new_end(&new);
	return status;
}

static u32 answer_with_stream(struct ktm_enlistment *en, unsigned int cmd,
			      const struct ktm_answer *arg, struct ktm_handle *handle)
{
	struct ktm_stream_answer with = {
		.use = ktm_stream_use_of(handle),
		.records = arg->stream_records,
		.bytes = arg->stream_need,
	};

	if (with.use->stream->tm != en->rm->tm)
		return KTM_STATUS_TM_IDENTITY_MISMATCH;
	if (arg->append)
		return answer_with_record(en, cmd, arg, &with);
	return ktm_en_answer(en, cmd, arg, &with, false);
}

/**
 * ktm_user_answer - an RM says something about one enlistment
 * @en: the enlistment, with a reference of the caller
 * @cmd: which of the requests that take a struct ktm_answer
 * @arg: the request
 *
 * Return: enum ktm_status; if @arg brings a record, that is told it, too.
 */
u32 ktm_user_answer(struct ktm_enlistment *en, unsigned int cmd, const struct ktm_answer *arg)
{
	struct ktm_handle *handle;
	struct fd f;
	u32 status;

	if (!arg->append && !arg->stream_need && !arg->stream_records) {
		if (arg->stream_fd)
			return KTM_STATUS_INVALID_PARAMETER;
		return ktm_en_answer(en, cmd, arg, NULL, false);
	}
	status = check_request(en, cmd, arg);
	if (!status)
		status = ktm_handle_get(arg->stream_fd, KTM_KIND_STREAM, KTM_STREAM_APPEND, &f,
					&handle);
	if (status)
		return status;
	status = answer_with_stream(en, cmd, arg, handle);
	fdput(f);
	return status;
}

static u32 driver_answer_with_record(struct ktm_enlistment *en, unsigned int cmd,
				     const struct ktm_answer *arg,
				     const struct ktm_answer_stream *stream,
				     struct ktm_stream_answer *with)
{
	/* Who has voted cannot go back for lack of memory. */
	const bool patient = cmd != KTM_IOC_PREPARE_COMPLETE;
	struct ktm_log_record *record = stream->record;
	struct ktm_stream_new new;
	u32 status;

	record->lsn = 0;
	if (record->flags & ~KTM_STREAM_RESTART)
		return KTM_STATUS_INVALID_PARAMETER;
	status = ktm_stream_new_init(&new, record, stream->count);
	if (!status)
		status = ktm_stream_gather(&new, stream->pieces, stream->count, patient);
	if (!status)
		status = ktm_stream_new_ready(&new, patient);
	if (!status) {
		with->append = &new;
		status = ktm_en_answer(en, cmd, arg, with, true);
	}
	record->lsn = new.lsn;
	record->length = new.length;
	ktm_stream_new_end(&new);
	return status;
}

/**
 * ktm_driver_answer - a driver's RM says something about one enlistment
 * @en: the enlistment, with a reference of the caller
 * @cmd: which of the requests that take a struct ktm_answer
 * @arg: the request, with addresses in the kernel, and without what @stream says
 * @stream: what it brings for a log stream, or NULL
 *
 * Return: enum ktm_status; if @stream has a record, that is told its LSN.
 */
u32 ktm_driver_answer(struct ktm_enlistment *en, unsigned int cmd, const struct ktm_answer *arg,
		      const struct ktm_answer_stream *stream)
{
	struct ktm_stream_answer with;
	struct ktm_answer about = { };
	u32 status;

	if (!stream)
		return ktm_en_answer(en, cmd, arg, NULL, true);
	about.append = !!stream->record;
	about.stream_records = stream->need_records;
	about.stream_need = stream->need_bytes;
	status = check_request(en, cmd, &about);
	if (status)
		return status;
	if (!ktm_may(&stream->stream->handle, KTM_STREAM_APPEND))
		return KTM_STATUS_ACCESS_DENIED;
	with = (struct ktm_stream_answer){
		.use = &stream->stream->use,
		.records = stream->need_records,
		.bytes = stream->need_bytes,
	};
	if (with.use->stream->tm != en->rm->tm)
		return KTM_STATUS_TM_IDENTITY_MISMATCH;
	if (stream->record)
		return driver_answer_with_record(en, cmd, arg, stream, &with);
	return ktm_en_answer(en, cmd, arg, &with, true);
}
