// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: making, finding, changing, deleting them, and their descriptors.
 */
#include <linux/capability.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "rm.h"
#include "status.h"
#include "stream.h"

struct ktm_stream *ktm_stream_alloc(struct ktm_tm *tm)
{
	struct ktm_stream *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	INIT_LIST_HEAD(&s->tm_link);
	INIT_LIST_HEAD(&s->spare);
	init_waitqueue_head(&s->wait);
	INIT_WORK(&s->wake, ktm_stream_wake);
	mutex_init(&s->lock);
	spin_lock_init(&s->left_lock);
	INIT_DELAYED_WORK(&s->give_back, ktm_stream_give_back_work);
	ktm_sindex_init(&s->index);
	s->tm = tm;
	return s;
}

/* Into the TM's list, with a reference: it stays known until discarded. In the tables already. */
void ktm_stream_join(struct ktm_stream *s)
{
	ktm_object_get(&s->obj);
	spin_lock(&s->tm->list_lock);
	list_add_tail(&s->tm_link, &s->tm->streams);
	spin_unlock(&s->tm->list_lock);
	/* With ktm_stream_is_made(). */
	smp_store_release(&s->joined, true);
}

/**
 * ktm_stream_discard - its TM knows it no more
 * @s: the stream, in the TM's list, with a reference of the caller
 */
void ktm_stream_discard(struct ktm_stream *s)
{
	struct ktm_tm *tm = s->tm;

	ktm_stream_leave_tables(s);
	spin_lock(&tm->list_lock);
	list_del_init(&s->tm_link);
	if (ktm_guid_eq(&tm->holder, &s->obj.guid))
		tm->holder = (struct ktm_guid){ };
	spin_unlock(&tm->list_lock);
	ktm_object_unpublish(&s->obj);
	ktm_object_put(&s->obj);
}

/* Its record in the ring. What restart areas say besides is added by those who write them. */
void ktm_stream_to_record(const struct ktm_stream *s, struct ktm_jrec *rec)
{
	*rec = (struct ktm_jrec){
		.type = KTM_JREC_STREAM,
		.stream = {
			.guid = s->obj.guid,
			.id = s->id,
			.quota = s->quota,
			/* By that replay tells one that has changed from one that was just made. */
			.last = s->last,
			.uid = from_kuid(&init_user_ns, s->obj.uid),
			.gid = from_kgid(&init_user_ns, s->obj.gid),
			.mode = s->obj.mode,
			.name_len = s->name_length,
			.name = s->name,
		},
	};
}

/**
 * ktm_stream_live_bytes - what a stream of that quota may take of a restart area
 * @s: the stream
 * @quota: bytes
 */
u64 ktm_stream_live_bytes(const struct ktm_stream *s, u64 quota)
{
	const u32 head = ktm_jrec_bytes(KTM_JREC_SINDEX, 0);
	u64 entries = quota / ktm_srec_cost(0);

	return ktm_jrec_bytes(KTM_JREC_STREAM, s->name_length) +
	       entries * (ktm_jrec_bytes(KTM_JREC_SINDEX, sizeof(struct ktm_jsent)) - head) +
	       (entries / KTM_JF_SINDEX_MAX + 1) * head;
}

/*
 * Its quota becomes larger by that much, or comes into being: charged to the owner, to
 * what restart areas may take, and to what all streams may have.
 */
static u32 grow(struct ktm_stream *s, u64 quota)
{
	struct ktm_journal *j = s->tm->journal;
	const u64 live = ktm_stream_live_bytes(s, quota) - s->charged;
	const u64 more = quota - s->quota;
	const struct ktm_log_bytes bytes = { .ring = more, .area = live };
	const struct ktm_log_bytes all = ktm_journal_shared(j);
	int err;

	/* As elsewhere, whether he may go on where others may not is asked when that matters. */
	if (ktm_user_charge_log(s->payer, bytes, &all)) {
		if (!capable(CAP_SYS_RESOURCE))
			return KTM_STATUS_QUOTA_EXCEEDED;
		ktm_user_charge_log(s->payer, bytes, NULL);
	}
	err = ktm_journal_quota(j, more);
	if (err)
		goto uncharge;
	err = ktm_journal_live_charge(j, live);
	if (err) {
		ktm_journal_quota(j, -(s64)more);
		goto uncharge;
	}
	s->quota = quota;
	s->charged += live;
	return KTM_STATUS_SUCCESS;
uncharge:
	ktm_user_uncharge_log(s->payer, bytes);
	if (err != -ENOSPC)
		return KTM_STATUS_TM_NOT_ONLINE;
	return ktm_journal_outgrown(j) ? KTM_STREAM_NO_ROOM : KTM_STATUS_LOG_FULL;
}

static void shrink(struct ktm_stream *s, u64 quota)
{
	struct ktm_journal *j = s->tm->journal;
	const u64 charged = quota ? ktm_stream_live_bytes(s, quota) : 0;
	const u64 live = s->charged - charged;
	const u64 less = s->quota - quota;

	ktm_journal_quota(j, -(s64)less);
	ktm_journal_live_uncharge(j, live);
	ktm_user_uncharge_log(s->payer, (struct ktm_log_bytes){ .ring = less, .area = live });
	s->quota = quota;
	s->charged = charged;
}

/* A quota that can be asked for at all: of one record at least; and no log gives that much. */
static bool quota_valid(u64 quota)
{
	return quota >= ktm_srec_cost(0) && quota <= S64_MAX / 2;
}

/* ---- waiting for a record of the TM's that is forced ---- */

/* Who waits may be killed before it is over, so it belongs to him and to the journal. */
struct forced {
	struct ktm_force force;
	struct completion over;
	struct kref ref;
	int err;
};

static struct forced *forced_alloc(void)
{
	/* To get rid of something must not fail for want of a little memory. */
	struct forced *f = kzalloc(sizeof(*f), GFP_KERNEL | __GFP_NOFAIL);

	kref_init(&f->ref);
	init_completion(&f->over);
	return f;
}

static void forced_release(struct kref *ref)
{
	kfree(container_of(ref, struct forced, ref));
}

static void forced_put(struct forced *f)
{
	kref_put(&f->ref, forced_release);
}

static void forced_done(struct ktm_force *force, int err)
{
	struct forced *f = container_of(force, struct forced, force);

	f->err = err;
	complete(&f->over);
	forced_put(f);
}

/* A caller that is killed does not hear how it ended; for all others it has happened. */
static u32 forced_wait(struct forced *f)
{
	if (wait_for_completion_killable(&f->over))
		return KTM_STATUS_INTERRUPTED;
	return f->err ? KTM_STATUS_IO_ERROR : KTM_STATUS_SUCCESS;
}

/* The stream's lock is held, or nobody knows it yet. */
static u32 append_forced(struct ktm_stream *s, const struct ktm_jrec *rec, struct forced *f)
{
	struct ktm_journal *j = s->tm->journal;
	int err;

	f->force.done = forced_done;
	kref_get(&f->ref);
	err = ktm_journal_append_force(j, rec, 0, &f->force);
	if (err) {
		forced_put(f);
		return err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_TM_NOT_ONLINE;
	}
	s->known = f->force.lsn;
	return KTM_STATUS_SUCCESS;
}

/* ---- making ---- */

/*
 * Under the TM's mutex: a reopening must see either nothing of a new stream or all
 * of it.
 */
static u32 enter(struct ktm_stream *s, u64 quota, struct forced *f)
{
	struct ktm_tm *tm = s->tm;
	struct ktm_jrec rec;
	u32 status;
	int err;

	lockdep_assert_held(&tm->lock);
	if (!ktm_tm_online(tm))
		return KTM_STATUS_TM_NOT_ONLINE;
	err = ktm_stream_enter_tables(s);
	if (err)
		return ktm_status_from_errno(err);
	status = grow(s, quota);
	if (status)
		goto leave;
	err = ktm_object_publish(&s->obj);
	if (err) {
		status = ktm_status_from_errno(err);
		goto shrink;
	}
	ktm_stream_to_record(s, &rec);
	status = append_forced(s, &rec, f);
	if (status) {
		ktm_object_unpublish(&s->obj);
		goto shrink;
	}
	ktm_stream_join(s);
	return KTM_STATUS_SUCCESS;
shrink:
	shrink(s, 0);
leave:
	ktm_stream_leave_tables(s);
	return status;
}

/**
 * ktm_stream_make - begin a stream that nobody can find yet
 * @tm: the TM, kept alive by the caller
 * @name: its name
 * @guid: wanted GUID, or nil
 * @mode: permission bits, 0 for 0600
 * @access: rights that its maker wants
 * @quota: bytes
 * @made: out: for ktm_stream_enter(), with a reference
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_make(struct ktm_tm *tm, const struct ktm_stream_name *name,
		    const struct ktm_guid *guid, u32 mode, u32 access, u64 quota,
		    struct ktm_stream **made)
{
	struct ktm_stream *s;
	struct ktm_user *payer;
	u32 status;

	if (!access || access & ~KTM_STREAM_ALL_ACCESS || !quota_valid(quota))
		return KTM_STATUS_INVALID_PARAMETER;
	if (!tm->journal)
		return KTM_STATUS_TM_VOLATILE;
	s = ktm_stream_alloc(tm);
	if (!s)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init(&s->obj, KTM_KIND_STREAM, tm, guid, mode);
	if (status) {
		kfree(s);
		return status;
	}
	ktm_object_get(&tm->obj);
	payer = ktm_user_of_log(s->obj.user, tm->journal);
	if (IS_ERR(payer)) {
		ktm_object_put(&s->obj);
		return ktm_status_from_errno(PTR_ERR(payer));
	}
	s->payer = payer;
	s->name_length = name->length;
	memcpy(s->name, name->text, name->length);
	*made = s;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_stream_enter - a stream comes into being, durably
 * @s: from ktm_stream_make()
 * @quota: bytes, the same
 *
 * Return: enum ktm_status; INTERRUPTED: killed, and it may be there.
 */
u32 ktm_stream_enter(struct ktm_stream *s, u64 quota)
{
	struct ktm_tm *tm = s->tm;
	int tries = KTM_STREAM_TRIES;
	struct forced *f = forced_alloc();
	u32 status;

	do {
		if (mutex_lock_killable(&tm->lock)) {
			status = KTM_STATUS_INTERRUPTED;
			break;
		}
		mutex_lock(&s->lock);
		status = enter(s, quota, f);
		mutex_unlock(&s->lock);
		mutex_unlock(&tm->lock);
	} while (ktm_stream_again(tm, &status, &tries));
	if (!status)
		status = forced_wait(f);
	forced_put(f);
	return status;
}

/**
 * ktm_stream_find - a stream of a TM
 * @tm: the TM, kept alive by the caller
 * @name: its name, or NULL: by @guid
 * @guid: its GUID
 * @found: out: with a reference
 *
 * Return: SUCCESS, STREAM_NOT_FOUND, TM_NOT_ONLINE.
 */
u32 ktm_stream_find(struct ktm_tm *tm, const struct ktm_stream_name *name,
		    const struct ktm_guid *guid, struct ktm_stream **found)
{
	struct ktm_stream *s;

	if (name)
		s = ktm_stream_find_name(tm, name->text, name->length);
	else
		s = ktm_stream_find_guid(tm, guid);
	if (!ktm_tm_online(tm)) {
		if (s)
			ktm_object_put(&s->obj);
		return KTM_STATUS_TM_NOT_ONLINE;
	}
	*found = s;
	return s ? KTM_STATUS_SUCCESS : KTM_STATUS_STREAM_NOT_FOUND;
}

/* ---- changing, deleting ---- */

static u32 check_alive(const struct ktm_stream *s)
{
	lockdep_assert_held(&s->lock);
	if (s->gone)
		return KTM_STATUS_STREAM_NOT_FOUND;
	return ktm_tm_online(s->tm) ? KTM_STATUS_SUCCESS : KTM_STATUS_TM_NOT_ONLINE;
}

/**
 * ktm_stream_check - may somebody use the stream now?
 * @s: the stream, its lock held
 * @use: the one who wants to
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_check(struct ktm_stream *s, const struct ktm_stream_use *use)
{
	u32 status = check_alive(s);

	if (!status && use->opening != s->opening)
		status = KTM_STATUS_STREAM_REOPENED;
	return status;
}

static u32 set_quota(struct ktm_stream *s, u64 quota, struct forced *f)
{
	const u64 old = s->quota;
	struct ktm_jrec rec;
	u32 status = check_alive(s);

	if (status)
		return status;
	ktm_stream_take_left(s);
	if (quota < s->index.used + s->reserved)
		return KTM_STATUS_STREAM_FULL;
	status = ktm_stream_log_base(s);
	if (!status && quota > old)
		status = grow(s, quota);
	if (status)
		return status;
	ktm_stream_to_record(s, &rec);
	rec.stream.quota = quota;
	status = append_forced(s, &rec, f);
	if (!status && quota < old)
		shrink(s, quota);
	if (status && quota > old)
		shrink(s, old);
	return status;
}

/**
 * ktm_stream_set_quota - KTM_INFO_STREAM_QUOTA
 * @s: the stream
 * @quota: bytes
 *
 * Durable when it returns.
 *
 * Return: enum ktm_status; STREAM_FULL if it holds more.
 */
u32 ktm_stream_set_quota(struct ktm_stream *s, u64 quota)
{
	int tries = KTM_STREAM_TRIES;
	struct forced *f;
	u32 status;

	if (!quota_valid(quota))
		return KTM_STATUS_INVALID_PARAMETER;
	f = forced_alloc();
	do {
		if (mutex_lock_killable(&s->lock)) {
			status = KTM_STATUS_INTERRUPTED;
			break;
		}
		status = set_quota(s, quota, f);
		mutex_unlock(&s->lock);
	} while (ktm_stream_again(s->tm, &status, &tries));
	if (!status)
		status = forced_wait(f);
	forced_put(f);
	return status;
}

static u32 delete(struct ktm_stream *s, struct forced *f)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_STREAM_GONE,
		.stream_gone.id = s->id,
	};
	u32 status = check_alive(s);

	if (status)
		return status;
	/* Who has voted counts on what it set aside. */
	if (s->needs)
		return KTM_STATUS_OBJECT_BUSY;
	status = append_forced(s, &rec, f);
	if (status)
		return status;
	ktm_stream_void_use(s);
	ktm_journal_unreserve(s->tm->journal, s->reserved);
	s->reserved = 0;
	s->gone = true;
	ktm_sindex_cut_above(&s->index, 0);
	ktm_journal_freed(s->tm->journal);
	shrink(s, 0);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_stream_delete - KTM_IOC_STREAM_DELETE
 * @s: the stream
 *
 * Durable when it returns; who has it open finds it gone.
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_delete(struct ktm_stream *s)
{
	struct ktm_tm *tm = s->tm;
	int tries = KTM_STREAM_TRIES;
	struct forced *f = forced_alloc();
	u32 status;

	do {
		/* The TM's mutex: not while it is being reopened. */
		if (mutex_lock_killable(&tm->lock)) {
			status = KTM_STATUS_INTERRUPTED;
			break;
		}
		status = KTM_STATUS_INTERRUPTED;
		if (!mutex_lock_killable(&s->lock)) {
			status = delete(s, f);
			mutex_unlock(&s->lock);
		}
		if (!status)
			ktm_stream_discard(s);
		mutex_unlock(&tm->lock);
	} while (ktm_stream_again(tm, &status, &tries));
	if (!status) {
		wake_up_all(&s->wait);
		status = forced_wait(f);
	}
	forced_put(f);
	return status;
}

/* ---- looking ---- */

/**
 * ktm_stream_info - KTM_INFO_STREAM_BASIC
 * @use: who asks; from now on he knows of the last reopening
 * @info: out
 *
 * Return: SUCCESS, or INTERRUPTED: killed while somebody else was in the stream.
 */
u32 ktm_stream_info(struct ktm_stream_use *use, struct ktm_stream_info *info)
{
	struct ktm_stream *s = use->stream;
	const struct ktm_sentry *first, *last, *flushed, *oldest;

	if (mutex_lock_killable(&s->lock))
		return KTM_STATUS_INTERRUPTED;
	first = ktm_sindex_after(&s->index, 0);
	last = ktm_sindex_before(&s->index, U64_MAX);
	flushed = ktm_sindex_before(&s->index, ktm_journal_flushed(s->tm->journal) + 1);
	oldest = ktm_sindex_oldest(&s->index);
	*info = (struct ktm_stream_info){
		.guid = s->obj.guid,
		.quota = s->quota,
		.used = s->index.used,
		.reserved = s->reserved,
		.bytes = s->index.bytes,
		.records = s->index.records,
		.base_lsn = s->base,
		.first_lsn = first ? first->lsn : 0,
		.last_lsn = last ? last->lsn : 0,
		.restart_lsn = s->restart,
		.flushed_lsn = flushed ? flushed->lsn : 0,
		.place_lsn = oldest ? oldest->place : 0,
		.name_length = s->name_length,
		.lost = min_t(u64, s->index.lost, U32_MAX),
	};
	memcpy(info->name, s->name, s->name_length);
	/* Not while the TM is away: what will be found then is not known yet. */
	if (ktm_tm_online(s->tm) && use->opening != s->opening) {
		use->records = 0;
		use->bytes = 0;
		ktm_stream_ask_forget(use);
		WRITE_ONCE(use->opening, s->opening);
	}
	mutex_unlock(&s->lock);
	return KTM_STATUS_SUCCESS;
}

/* ---- descriptors ---- */

/**
 * ktm_stream_use_init - somebody begins to use a stream
 * @use: he
 * @s: the stream; kept by the caller until ktm_stream_use_end()
 */
void ktm_stream_use_init(struct ktm_stream_use *use, struct ktm_stream *s)
{
	*use = (struct ktm_stream_use){ .stream = s, .opening = READ_ONCE(s->opening) };
}

/* What he has set aside goes back; what he has asked for goes on. */
void ktm_stream_use_end(struct ktm_stream_use *use)
{
	ktm_stream_ask_end(use);
	ktm_stream_leave(use);
}

static u32 stream_opened(struct ktm_object *obj, u32 access, u32 flags)
{
	return ktm_tm_hold(ktm_stream_of(obj)->tm) ? KTM_STATUS_SUCCESS :
						     KTM_STATUS_STREAM_NOT_FOUND;
}

static void stream_closed(struct ktm_object *obj, u32 access, bool unseen)
{
	ktm_tm_release(ktm_stream_of(obj)->tm);
}

static void stream_handle_made(struct ktm_handle *handle)
{
	ktm_stream_use_init(ktm_stream_use_of(handle), ktm_stream_of(handle->obj));
}

static void stream_handle_gone(struct ktm_handle *handle)
{
	ktm_stream_use_end(ktm_stream_use_of(handle));
}

static void stream_free(struct ktm_object *obj)
{
	struct ktm_stream *s = ktm_stream_of(obj);

	ktm_sindex_clear(&s->index);
	if (s->payer) {
		ktm_user_uncharge_log(s->payer, ktm_stream_held(s));
		ktm_user_put(s->payer);
	}
	ktm_object_put(&s->tm->obj);
	kfree_rcu(s, rcu);
}

static void stream_show(struct ktm_object *obj, struct seq_file *m)
{
	struct ktm_stream *s = ktm_stream_of(obj);

	seq_printf(m, "ktm-quota:\t%llu\n", READ_ONCE(s->quota));
	seq_printf(m, "ktm-used:\t%llu\n", READ_ONCE(s->index.used));
	seq_printf(m, "ktm-records:\t%llu\n", READ_ONCE(s->index.records));
}

static __poll_t stream_poll(struct file *file, poll_table *wait)
{
	struct ktm_stream_use *use = ktm_stream_use_of(file->private_data);

	poll_wait(file, &use->stream->wait, wait);
	return ktm_stream_poll(use);
}

static const struct file_operations stream_fops = {
	.owner		= THIS_MODULE,
	.release	= ktm_handle_release,
	.poll		= stream_poll,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= ktm_handle_show_fdinfo,
	.llseek		= noop_llseek,
};

const struct ktm_kind_ops ktm_stream_ops = {
	.name		= "stream",
	.fops		= &stream_fops,
	.handle_bytes	= sizeof(struct ktm_log_stream),
	.not_found	= KTM_STATUS_STREAM_NOT_FOUND,
	.all_access	= KTM_STREAM_ALL_ACCESS,
	.r		= KTM_STREAM_QUERY_INFORMATION | KTM_STREAM_READ,
	.w		= KTM_STREAM_APPEND | KTM_STREAM_MANAGE,
	.x		= KTM_STREAM_SET_INFORMATION,
	.opened		= stream_opened,
	.closed		= stream_closed,
	.handle_made	= stream_handle_made,
	.handle_gone	= stream_handle_gone,
	.free		= stream_free,
	.show		= stream_show,
};
