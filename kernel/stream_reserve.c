// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: room for records to come, for descriptors and for enlistments that have
 * voted. What is set aside counts against the stream's quota, is reserved in the journal,
 * and has its entries of the index: a record out of it needs nothing any more.
 */
#include "ktm.h"
#include "status.h"
#include "stream.h"

/* Jiffies until somebody comes back who has found the stream's lock held. */
#define GIVE_BACK_RETRY	(HZ / 10)

/**
 * ktm_stream_room - bytes of the log that records to come may cost
 * @records: how many
 * @bytes: of data in them together
 *
 * However the data is spread over them: one more record of @len bytes makes it larger by at
 * least ktm_srec_cost() of that record, and by what it costs the journal together with a base
 * that is owed (ktm_stream_log_base()).
 */
u64 ktm_stream_room(u32 records, u64 bytes)
{
	/* The head, padding to 8, a base, and half as much again are less than the least. */
	BUILD_BUG_ON((48 + 7 + 24) * 3 / 2 > 128);
	return records * ktm_srec_cost(0) + bytes + bytes / 2;
}

static void give_back(struct ktm_stream *s, u64 bytes)
{
	lockdep_assert_held(&s->lock);
	s->reserved -= bytes;
	ktm_journal_unreserve(s->tm->journal, bytes);
}

static void free_spare(struct list_head *list, u32 n)
{
	struct ktm_sentry *e;

	while (n-- && (e = list_first_entry_or_null(list, struct ktm_sentry, link))) {
		list_del(&e->link);
		ktm_sentry_free(e);
		cond_resched();
	}
}

/**
 * ktm_stream_take_left - what was left by those who could not wait goes back
 * @s: the stream, its lock held
 *
 * What was set aside before a reopening is no more; then left_opening is another than the
 * stream's.
 */
void ktm_stream_take_left(struct ktm_stream *s)
{
	u32 records;
	u64 bytes;

	lockdep_assert_held(&s->lock);
	spin_lock(&s->left_lock);
	records = s->left_opening == s->opening ? s->left_records : 0;
	bytes = s->left_opening == s->opening ? s->left_bytes : 0;
	s->left_records = 0;
	s->left_bytes = 0;
	spin_unlock(&s->left_lock);
	if (s->gone)
		return;
	give_back(s, bytes);
	free_spare(&s->spare, records);
}

/**
 * ktm_stream_left - what is left of its quota
 * @s: the stream, its lock held
 */
u64 ktm_stream_left(struct ktm_stream *s)
{
	u64 taken;

	ktm_stream_take_left(s);
	taken = s->index.used + s->reserved;
	return taken < s->quota ? s->quota - taken : 0;
}

static u32 alloc_spare(struct list_head *list, u32 n)
{
	struct ktm_sentry *e;

	while (n--) {
		e = ktm_sentry_alloc(GFP_KERNEL);
		if (!e) {
			free_spare(list, U32_MAX);
			return KTM_STATUS_INSUFFICIENT_RESOURCES;
		}
		list_add(&e->link, list);
		cond_resched();
	}
	return KTM_STATUS_SUCCESS;
}

/* Its lock is held. */
static u32 set_aside(struct ktm_stream *s, u64 bytes)
{
	int err;

	if (bytes > ktm_stream_left(s))
		return KTM_STATUS_STREAM_FULL;
	err = ktm_journal_reserve(s->tm->journal, bytes);
	if (err)
		return err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_TM_NOT_ONLINE;
	s->reserved += bytes;
	return KTM_STATUS_SUCCESS;
}

static u32 reserve(struct ktm_stream_use *use, u32 records, u64 bytes, struct list_head *spare)
{
	struct ktm_stream *s = use->stream;
	u32 status;

	status = ktm_stream_check(s, use);
	if (status)
		return status;
	if (records > U32_MAX - use->records)
		return KTM_STATUS_STREAM_FULL;
	status = set_aside(s, ktm_stream_room(use->records + records, use->bytes + bytes) -
			      ktm_stream_room(use->records, use->bytes));
	if (status)
		return status;
	use->records += records;
	use->bytes += bytes;
	list_splice_init(spare, &s->spare);
	return KTM_STATUS_SUCCESS;
}

/* Could that ever be had? Looked at before memory is taken for it. */
static bool within_quota(struct ktm_stream *s, u32 records, u64 bytes)
{
	return bytes <= READ_ONCE(s->quota) &&
	       ktm_stream_room(records, bytes) <= READ_ONCE(s->quota);
}

/**
 * ktm_stream_reserve - KTM_IOC_STREAM_RESERVE
 * @use: for whom
 * @records: how many
 * @bytes: of data in them together
 *
 * Waits, interruptibly, while the log is being cleaned.
 *
 * Return: enum ktm_status; unless it is SUCCESS nothing has changed.
 */
u32 ktm_stream_reserve(struct ktm_stream_use *use, u32 records, u64 bytes)
{
	struct ktm_stream *s = use->stream;
	LIST_HEAD(spare);
	int tries = 2;
	u32 status;

	/* A stream that is no more has none left, and says what is the matter. */
	if (!within_quota(s, records, bytes) && !READ_ONCE(s->gone))
		return KTM_STATUS_STREAM_FULL;
	status = alloc_spare(&spare, READ_ONCE(s->gone) ? 0 : records);
	if (status)
		return status;
	do {
		if (mutex_lock_killable(&s->lock)) {
			status = KTM_STATUS_INTERRUPTED;
			break;
		}
		status = reserve(use, records, bytes, &spare);
		mutex_unlock(&s->lock);
	} while (ktm_stream_again(s->tm, &status, &tries));
	free_spare(&spare, U32_MAX);
	return status;
}

/**
 * ktm_stream_unreserve - give back what is not needed
 * @use: whose
 * @records: how many
 * @bytes: of data
 *
 * Return: enum ktm_status; INVALID_PARAMETER for more than there is.
 */
u32 ktm_stream_unreserve(struct ktm_stream_use *use, u32 records, u64 bytes)
{
	struct ktm_stream *s = use->stream;
	u32 status = KTM_STATUS_SUCCESS;

	if (mutex_lock_killable(&s->lock))
		return KTM_STATUS_INTERRUPTED;
	if (s->gone)
		status = KTM_STATUS_STREAM_NOT_FOUND;
	else if (use->opening != s->opening)
		status = KTM_STATUS_STREAM_REOPENED;
	else if (records > use->records || bytes > use->bytes)
		status = KTM_STATUS_INVALID_PARAMETER;
	if (status)
		goto unlock;
	give_back(s, ktm_stream_room(use->records, use->bytes) -
		     ktm_stream_room(use->records - records, use->bytes - bytes));
	use->records -= records;
	use->bytes -= bytes;
	free_spare(&s->spare, records);
unlock:
	mutex_unlock(&s->lock);
	return status;
}

/**
 * ktm_stream_give_back_work - somebody has gone who could not wait
 * @work: give_back of the stream
 */
void ktm_stream_give_back_work(struct work_struct *work)
{
	struct ktm_stream *s = container_of(work, struct ktm_stream, give_back.work);

	/*
	 * An appender may have it who waits for a hung device; many of those must not take all
	 * workers. Who needs the room meanwhile takes it. Queued again meanwhile: that one will do.
	 */
	if (mutex_trylock(&s->lock)) {
		ktm_stream_take_left(s);
		mutex_unlock(&s->lock);
	} else if (queue_delayed_work(ktm_slow_wq, &s->give_back, GIVE_BACK_RETRY)) {
		return;
	}
	ktm_tm_release_by_work(s->tm);
	ktm_object_put(&s->obj);
}

static void leave_for_later(struct ktm_stream_use *use)
{
	struct ktm_stream *s = use->stream;

	spin_lock(&s->left_lock);
	if (s->left_opening < use->opening) {
		s->left_opening = use->opening;
		s->left_records = 0;
		s->left_bytes = 0;
	}
	if (s->left_opening == use->opening) {
		s->left_records += use->records;
		s->left_bytes += ktm_stream_room(use->records, use->bytes);
	}
	spin_unlock(&s->left_lock);
	/* The TM stays until that is done. */
	if (!ktm_tm_hold_for_work(s->tm))
		return;
	ktm_object_get(&s->obj);
	if (!queue_delayed_work(ktm_slow_wq, &s->give_back, 0)) {
		ktm_object_put(&s->obj);
		ktm_tm_release_by_work(s->tm);
	}
}

/**
 * ktm_stream_leave - somebody does not use the stream any more
 * @use: he
 *
 * What he has set aside goes back, if need be a moment later: this does not wait, as
 * somebody who holds the stream's lock may do for a device that hangs.
 */
void ktm_stream_leave(struct ktm_stream_use *use)
{
	struct ktm_stream *s = use->stream;

	if (!use->records && !use->bytes)
		return;
	if (!mutex_trylock(&s->lock)) {
		leave_for_later(use);
		return;
	}
	if (!s->gone && use->opening == s->opening) {
		give_back(s, ktm_stream_room(use->records, use->bytes));
		free_spare(&s->spare, use->records);
	}
	mutex_unlock(&s->lock);
}

/**
 * ktm_stream_void_use - what descriptors have set aside is no more
 * @s: the stream, its lock held; what is reserved is the caller's to settle
 */
void ktm_stream_void_use(struct ktm_stream *s)
{
	lockdep_assert_held(&s->lock);
	free_spare(&s->spare, U32_MAX);
}

/**
 * ktm_stream_need_reserve - set aside what an enlistment will still write
 * @need: of the enlistment, empty, the mutex of its transaction held
 * @use: its RM's
 * @records: how many
 * @bytes: of data in them together
 *
 * Return: enum ktm_status, or KTM_STREAM_NO_ROOM; unless it is SUCCESS nothing has changed.
 */
u32 ktm_stream_need_reserve(struct ktm_stream_need *need, struct ktm_stream_use *use,
			    u32 records, u64 bytes)
{
	struct ktm_stream *s = use->stream;
	struct ktm_sentry *spare;
	u32 status;

	if (!within_quota(s, records, bytes) && !READ_ONCE(s->gone))
		return KTM_STATUS_STREAM_FULL;
	spare = ktm_sentry_alloc(GFP_KERNEL);
	if (!spare)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	mutex_lock(&s->lock);
	status = ktm_stream_check(s, use);
	if (!status)
		status = set_aside(s, ktm_stream_room(records, bytes));
	if (!status)
		s->needs++;
	mutex_unlock(&s->lock);
	if (status) {
		ktm_sentry_free(spare);
		return status;
	}
	ktm_object_get(&s->obj);
	need->stream = s;
	need->spare = spare;
	need->bytes = ktm_stream_room(records, bytes);
	return KTM_STATUS_SUCCESS;
}

static void need_end(struct ktm_stream_need *need, bool back)
{
	struct ktm_stream *s = need->stream;

	if (!s)
		return;
	if (back) {
		mutex_lock(&s->lock);
		give_back(s, need->bytes);
		s->needs--;
		mutex_unlock(&s->lock);
	}
	ktm_sentry_free(need->spare);
	ktm_object_put(&s->obj);
	*need = (struct ktm_stream_need){ };
}

/**
 * ktm_stream_need_end - the enlistment writes no more
 * @need: what it has set aside, the mutex of its transaction held; what is left goes back
 */
void ktm_stream_need_end(struct ktm_stream_need *need)
{
	need_end(need, true);
}

/**
 * ktm_stream_need_void - the log has been left, and reservations with it
 * @need: what the enlistment had set aside, the mutex of its transaction held
 *
 * The stream's own account is settled by ktm_stream_quiet().
 */
void ktm_stream_need_void(struct ktm_stream_need *need)
{
	need_end(need, false);
}
