// SPDX-License-Identifier: LGPL-2.1-or-later
/* The resource manager's loop: what its functions have said becomes answers. */
#include "internal.h"
#include "rm.h"

/* Which request a reply to a notification is. What is not here is no reply to it. */
static const struct {
	uint32_t kind;
	int reply;
	uint32_t request;
} requests[] = {
	{ KTM_NOTIFY_PREPREPARE, KTM_RM_DONE, KTM_IOC_PREPREPARE_COMPLETE },
	{ KTM_NOTIFY_PREPREPARE, KTM_RM_READ_ONLY, KTM_IOC_READ_ONLY },
	{ KTM_NOTIFY_PREPREPARE, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_PREPARE, KTM_RM_DONE, KTM_IOC_PREPARE_COMPLETE },
	{ KTM_NOTIFY_PREPARE, KTM_RM_READ_ONLY, KTM_IOC_READ_ONLY },
	{ KTM_NOTIFY_PREPARE, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_RM_DONE, KTM_IOC_COMMIT_COMPLETE },
	{ KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_RM_REJECT, KTM_IOC_SINGLE_PHASE_REJECT },
	{ KTM_NOTIFY_COMMIT, KTM_RM_DONE, KTM_IOC_COMMIT_COMPLETE },
	{ KTM_NOTIFY_ROLLBACK, KTM_RM_DONE, KTM_IOC_ROLLBACK_COMPLETE },
	{ KTM_NOTIFY_RECOVER, KTM_RM_DONE, KTM_IOC_EN_RECOVER },
	{ KTM_NOTIFY_RECOVER_QUERY, KTM_RM_DONE, KTM_IOC_EN_RECOVER },
	{ KTM_NOTIFY_RECOVER_QUERY, KTM_RM_COMMIT, KTM_IOC_EN_COMMIT },
	{ KTM_NOTIFY_RECOVER_QUERY, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_PREPREPARE_COMPLETE, KTM_RM_PREPARE, KTM_IOC_EN_PREPARE },
	{ KTM_NOTIFY_PREPREPARE_COMPLETE, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_PREPARE_COMPLETE, KTM_RM_COMMIT, KTM_IOC_EN_COMMIT },
	{ KTM_NOTIFY_PREPARE_COMPLETE, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_COMMIT_REQUEST, KTM_RM_COMMIT, KTM_IOC_EN_COMMIT },
	{ KTM_NOTIFY_COMMIT_REQUEST, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
	{ KTM_NOTIFY_REQUEST_OUTCOME, KTM_RM_COMMIT, KTM_IOC_EN_COMMIT },
	{ KTM_NOTIFY_REQUEST_OUTCOME, KTM_RM_REFUSE, KTM_IOC_EN_ROLLBACK },
};

/* 0 or -EINVAL. */
static int make_answer(const struct ktm_rm *rm, const struct ktm_rm_event *event, int reply,
		       struct ktm_batch_answer *answer)
{
	size_t i;

	memset(answer, 0, sizeof(*answer));
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].kind == event->kind && requests[i].reply == reply)
			answer->request = requests[i].request;
	}
	if (!answer->request)
		return -EINVAL;
	answer->enlistment = event->enlistment;
	if (answer->request == KTM_IOC_EN_RECOVER)
		answer->key = event->cookie;
	/* Nothing of a volatile RM is logged, so there is nowhere to put it. */
	if (answer->request != KTM_IOC_PREPARE_COMPLETE || (rm->flags & KTM_RM_LOOP_VOLATILE))
		return 0;
	if (!ktm_length_fits(event->information_length))
		return -EINVAL;
	answer->information_length = (uint32_t)event->information_length;
	answer->information = ktm_bytes_pointer(event->information, event->information_length);
	return 0;
}

/* ---- what goes into a stream with it ---- */

static bool may_bring(uint32_t request)
{
	return request == KTM_IOC_PREPARE_COMPLETE || request == KTM_IOC_COMMIT_COMPLETE ||
	       request == KTM_IOC_ROLLBACK_COMPLETE;
}

static bool brings_record(const struct ktm_batch_answer *answer)
{
	return answer->append;
}

/* The pieces of the record are not in @append yet. Returns 0 or -EINVAL. */
static int bring(const struct ktm_rm *rm, const struct ktm_rm_event *event,
		 struct ktm_batch_answer *answer, struct ktm_stream_append *append)
{
	bool needs = answer->request == KTM_IOC_PREPARE_COMPLETE && event->stream_records;

	if (!rm->with_streams || (rm->flags & KTM_RM_LOOP_VOLATILE) ||
	    !may_bring(answer->request) || (!event->record && !needs))
		return 0;
	if (event->record_count > KTM_MAX_STREAM_PIECES)
		return -EINVAL;
	answer->stream_fd = event->stream;
	if (needs) {
		answer->stream_records = event->stream_records;
		answer->stream_need = event->stream_need;
	}
	if (!event->record)
		return 0;
	*append = (struct ktm_stream_append){
		.size = sizeof(*append),
		.previous_lsn = event->previous_lsn,
		.undo_next_lsn = event->undo_next_lsn,
	};
	answer->append = ktm_pointer(append);
	return 0;
}

static size_t record_bytes(const struct ktm_rm_event *event)
{
	size_t i, bytes = 0;

	for (i = 0; i < event->record_count; i++) {
		if (event->record[i].iov_len > KTM_MAX_STREAM_RECORD)
			return SIZE_MAX;
		bytes += event->record[i].iov_len;
	}
	return bytes;
}

static void tell_answered(struct ktm_rm *rm, const struct ktm_rm_event *event,
			  const struct ktm_stream_append *append, int error, uint32_t status)
{
	struct ktm_rm_event answered = *event;

	answered.lsn = append->lsn;
	if (rm->ops.answered)
		rm->ops.answered(rm, &answered, error, status, rm->data);
}

/*
 * In the single phase a record is made durable before the answer counts. If a signal has ended
 * that, the record is in the stream, and another try does not bring it again. 0 or why
 * it does not become durable.
 */
static int finish_record(struct ktm_answer *arg, uint32_t *status)
{
	const struct ktm_stream_append *append = (const void *)(uintptr_t)arg->append;
	int ret;

	if (!append || !append->lsn)
		return 0;
	do {
		ret = ktm_stream_flush(arg->stream_fd, 0, append->lsn, NULL, status);
	} while (ret == -EINTR);
	arg->append = 0;
	arg->stream_fd = 0;
	return ret;
}

/*
 * While the transactions are frozen, what a superior orders waits, and the recovery of
 * what is committed. A signal ends that wait with nothing done: no answer gets lost
 * for that.
 */
static int give_alone(struct ktm_rm *rm, struct ktm_batch_answer *answer)
{
	struct ktm_answer arg = {
		.information_length = answer->information_length,
		.enlistment = answer->enlistment,
		.key = answer->key,
		.information = answer->information,
		.append = answer->append,
		.stream_fd = answer->stream_fd,
		.stream_records = answer->stream_records,
		.stream_need = answer->stream_need,
	};
	int ret;

	do {
		ret = finish_record(&arg, &answer->status);
		if (!ret)
			ret = ktm_answer(rm->rm, answer->request, &arg, &answer->status);
	} while (ret == -EINTR);
	return ret;
}

/*
 * A vote that could not be taken was not cast: it is no, then. Not if the
 * transaction has ended otherwise meanwhile.
 */
static void withdraw_vote(struct ktm_rm *rm, const struct ktm_batch_answer *answer, int error)
{
	if (answer->request == KTM_IOC_PREPARE_COMPLETE && error &&
	    error != -ENOMSG && error != -ENOENT)
		ktm_en_rollback(rm->rm, &answer->enlistment, NULL);
}

KTM_EXPORT int ktm_rm_answer(struct ktm_rm *rm, const struct ktm_rm_event *event,
			     enum ktm_rm_reply reply, uint32_t *status)
{
	struct ktm_stream_piece pieces[KTM_MAX_STREAM_PIECES];
	struct ktm_stream_append append;
	struct ktm_batch_answer answer;
	int ret = make_answer(rm, event, (int)reply, &answer);

	if (!ret)
		ret = bring(rm, event, &answer, &append);
	if (ret)
		return ktm_fail(ret, KTM_STATUS_INVALID_PARAMETER, status);
	if (brings_record(&answer))
		ktm_stream_gather(&append, pieces, event->record, event->record_count);
	ret = give_alone(rm, &answer);
	withdraw_vote(rm, &answer, ret);
	if (brings_record(&answer))
		tell_answered(rm, event, &append, ret, answer.status);
	return ktm_fail(ret, answer.status, status);
}

/* ---- the queue ---- */

/* The TM had no room for a yes: it was told no, and ROLLBACK follows. */
static bool is_refused_vote(const struct ktm_batch_answer *answer, int error)
{
	return answer->request == KTM_IOC_PREPARE_COMPLETE &&
	       (error == -ENOSPC || error == -ENOMEM || error == -EDQUOT || error == -EIO);
}

/*
 * Each answer is given once, to the notification that it belongs to. If the
 * kernel says that it is out of order, the transaction has ended meanwhile, or been
 * decided by another call of the same superior.
 */
static bool is_too_late(int error)
{
	switch (error) {
	case -ENOMSG:
	case -ENOENT:
	case -EPROTO:
	case -ECANCELED:
	case -ESTALE:
		return true;
	default:
		return false;
	}
}

static void note_answer(struct ktm_rm *rm, size_t i, struct ktm_rm_progress *progress)
{
	const struct ktm_batch_answer *answer = &rm->answers[i];
	const struct ktm_rm_record *record = &rm->records[i];
	const int error = -ktm_status_errno(answer->status);

	withdraw_vote(rm, answer, error);
	if (brings_record(answer))
		tell_answered(rm, &record->event, &record->append, error, answer->status);
	/* What the stream holds has to be looked at first, and that is done when recovering. */
	if (answer->status == KTM_STATUS_STREAM_REOPENED)
		progress->lost = true;
	if (!error || is_too_late(error))
		return;
	/* Unanswered and still known: LAST_RECOVER must not count. */
	if (answer->request == KTM_IOC_EN_RECOVER)
		rm->failed = true;
	/* Its log has just failed under the record: the TM is about to go, and asks again. */
	if (error == -ENOTCONN || answer->status == KTM_STATUS_IO_ERROR)
		progress->lost = true;
	else if (!is_refused_vote(answer, error))
		ktm_rm_note_error(progress, error, answer->status);
}

ssize_t ktm_rm_exchange(struct ktm_rm *rm, bool fetch, struct ktm_rm_progress *progress)
{
	const size_t count = rm->nr_answers;
	ssize_t bytes;
	size_t i, done;

	if (!count && !fetch)
		return 0;
	bytes = ktm_exchange(rm->rm, rm->answers, count, &done, fetch ? rm->buffer : NULL,
			     fetch ? sizeof(rm->buffer) : 0, 0, NULL);
	for (i = 0; i < count; i++) {
		/* The call itself failed, for want of memory perhaps: none is left out for that. */
		if (i >= done || rm->answers[i].status == KTM_STATUS_INTERRUPTED)
			give_alone(rm, &rm->answers[i]);
		note_answer(rm, i, progress);
	}
	rm->nr_answers = 0;
	rm->information_length = 0;
	rm->exchanged_ns = ktm_now_ns();
	return bytes;
}

static bool has_room(const struct ktm_rm *rm, size_t bytes)
{
	return rm->nr_answers < KTM_MAX_BATCH &&
	       bytes <= sizeof(rm->information) - rm->information_length;
}

/* The caller's bytes are his again when his function has returned. */
static void keep_information(struct ktm_rm *rm, struct ktm_batch_answer *answer,
			     const void *information)
{
	char *copy = rm->information + rm->information_length;

	memcpy(copy, information, answer->information_length);
	answer->information = ktm_pointer(copy);
	rm->information_length += answer->information_length;
}

static void keep_record(struct ktm_rm *rm, struct ktm_batch_answer *answer,
			const struct ktm_stream_append *append, const struct ktm_rm_event *event)
{
	struct ktm_rm_record *record = &rm->records[rm->nr_answers];
	char *copy = rm->information + rm->information_length;
	size_t i, used = 0;

	for (i = 0; i < event->record_count; i++) {
		if (event->record[i].iov_len)
			memcpy(copy + used, event->record[i].iov_base, event->record[i].iov_len);
		used += event->record[i].iov_len;
	}
	record->event = *event;
	/* They are gone when it is told. */
	record->event.record = NULL;
	record->event.record_count = 0;
	record->event.information = NULL;
	record->event.information_length = 0;
	record->append = *append;
	record->append.count = used ? 1 : 0;
	record->append.pieces = used ? ktm_pointer(&record->piece) : 0;
	record->piece.base = ktm_pointer(copy);
	record->piece.length = used;
	answer->append = ktm_pointer(&record->append);
	rm->information_length += used;
}

void ktm_rm_queue_answer(struct ktm_rm *rm, const struct ktm_rm_event *event, int reply,
			 struct ktm_rm_progress *progress)
{
	struct ktm_stream_append append;
	struct ktm_batch_answer answer;
	size_t bytes = 0;
	int ret = make_answer(rm, event, reply, &answer);

	if (!ret)
		ret = bring(rm, event, &answer, &append);
	if (!ret && brings_record(&answer)) {
		bytes = record_bytes(event);
		if (bytes > KTM_MAX_STREAM_RECORD)
			ret = -EINVAL;
	}
	if (ret) {
		ktm_rm_note_error(progress, ret, KTM_STATUS_INVALID_PARAMETER);
		if (event->kind == KTM_NOTIFY_PREPARE)
			ktm_rm_queue_answer(rm, event, KTM_RM_REFUSE, progress);
		return;
	}
	if (!has_room(rm, answer.information_length + bytes))
		ktm_rm_exchange(rm, false, progress);
	if (answer.information_length)
		keep_information(rm, &answer, event->information);
	if (brings_record(&answer))
		keep_record(rm, &answer, &append, event);
	rm->answers[rm->nr_answers++] = answer;
	if (ktm_now_ns() - rm->exchanged_ns >= KTM_RM_HOLD_NS)
		ktm_rm_exchange(rm, false, progress);
}
