// SPDX-License-Identifier: GPL-2.0
/*
 * Resource managers: making, opening, recovering, closing.
 */
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "enlistment.h"
#include "rm.h"
#include "room.h"
#include "status.h"
#include "stream.h"
#include "transaction.h"

static const struct ktm_rm_completion no_completion = { .port = -1 };

static struct ktm_rm *rm_alloc(struct ktm_tm *tm)
{
	struct ktm_rm *rm = kzalloc(sizeof(*rm), GFP_KERNEL_ACCOUNT);

	if (!rm)
		return NULL;
	INIT_LIST_HEAD(&rm->tm_link);
	mutex_init(&rm->lock);
	spin_lock_init(&rm->list_lock);
	INIT_LIST_HEAD(&rm->enlistments);
	INIT_LIST_HEAD(&rm->walked);
	rm->by_key = RB_ROOT;
	INIT_LIST_HEAD(&rm->protocols);
	ktm_queue_init(&rm->queue);
	rm->completion = no_completion;
	rm->tm = tm;
	return rm;
}

/* Into the TM's list, with a reference: it stays known until discarded. */
static void rm_join(struct ktm_rm *rm)
{
	struct ktm_tm *tm = rm->tm;

	ktm_object_get(&rm->obj);
	spin_lock(&tm->list_lock);
	list_add_tail(&rm->tm_link, &tm->rms);
	WRITE_ONCE(tm->nr_rms, tm->nr_rms + 1);
	spin_unlock(&tm->list_lock);
}

/* What it takes of a restart area. */
static u32 rm_live_bytes(const struct ktm_rm *rm)
{
	return ktm_jrec_bytes(KTM_JREC_RM, rm->description_length);
}

/**
 * ktm_rm_discard - its TM knows it no more
 * @rm: the RM, with a reference of the caller; nobody has it open
 */
void ktm_rm_discard(struct ktm_rm *rm)
{
	struct ktm_tm *tm = rm->tm;

	spin_lock(&tm->list_lock);
	list_del_init(&rm->tm_link);
	WRITE_ONCE(tm->nr_rms, tm->nr_rms - 1);
	spin_unlock(&tm->list_lock);
	ktm_object_unpublish(&rm->obj);
	ktm_object_put(&rm->obj);
}

/* Its record, for the log and for restart areas. */
void ktm_rm_to_record(const struct ktm_rm *rm, struct ktm_jrec *rec)
{
	*rec = (struct ktm_jrec){
		.type = KTM_JREC_RM,
		.rm = {
			.guid = rm->obj.guid,
			.uid = from_kuid(&init_user_ns, rm->obj.uid),
			.gid = from_kgid(&init_user_ns, rm->obj.gid),
			.mode = rm->obj.mode,
			.flags = rm->flags & KTM_RM_COMMUNICATION ? KTM_JREC_RM_COMMUNICATION : 0,
			.desc_len = rm->description_length,
			.desc = rm->description,
		},
	};
}

/*
 * A durable RM is known to the log before anything of it can be; not forced,
 * because every record of it comes later in the same log.
 */
static u32 rm_log(struct ktm_rm *rm)
{
	struct ktm_journal *j = rm->tm->journal;
	const struct ktm_log_bytes bytes = {
		.ring = ktm_journal_bytes(j, KTM_JREC_RM, rm->description_length),
		.area = rm_live_bytes(rm),
	};
	struct ktm_jrec rec;
	u32 status;
	u64 lsn;

	status = ktm_room_take(j, rm->payer, bytes, !rm->obj.unbounded);
	if (status)
		return status;
	ktm_rm_to_record(rm, &rec);
	if (ktm_journal_append(j, &rec, bytes.ring, &lsn)) {
		ktm_room_give_back(j, rm->payer, bytes);
		return KTM_STATUS_TM_NOT_ONLINE;
	}
	ktm_user_uncharge_log(rm->payer, (struct ktm_log_bytes){ .ring = bytes.ring });
	rm->charged = bytes.area;
	return KTM_STATUS_SUCCESS;
}

static u32 rm_check_request(const struct ktm_tm *tm, const struct ktm_rm_create *arg)
{
	if (arg->flags & ~(KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE | KTM_RM_COMMUNICATION) ||
	    arg->reserved || !arg->access || arg->access & ~KTM_RM_ALL_ACCESS ||
	    arg->description_length > KTM_MAX_DESCRIPTION ||
	    !arg->description != !arg->description_length)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!tm->journal && !(arg->flags & KTM_RM_VOLATILE))
		return KTM_STATUS_TM_VOLATILE;
	if (!ktm_tm_online(tm))
		return KTM_STATUS_TM_NOT_ONLINE;
	return KTM_STATUS_SUCCESS;
}

/*
 * Under the TM's mutex: a reopening must see either nothing of a new RM or all
 * of it.
 */
static u32 rm_enter(struct ktm_rm *rm)
{
	u32 status = KTM_STATUS_SUCCESS;
	int err;

	lockdep_assert_held(&rm->tm->lock);
	if (!ktm_tm_online(rm->tm))
		return KTM_STATUS_TM_NOT_ONLINE;
	err = ktm_object_publish(&rm->obj);
	if (err)
		return ktm_status_from_errno(err);
	if (ktm_rm_durable(rm))
		status = rm_log(rm);
	if (status)
		ktm_object_unpublish(&rm->obj);
	else
		rm_join(rm);
	return status;
}

/**
 * ktm_rm_call_create - KTM_IOC_RM_CREATE
 * @handle: the TM's
 * @arg: the request
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_rm_call_create(struct ktm_handle *handle, struct ktm_rm_create *arg,
		       struct ktm_new_fd *nfd)
{
	struct ktm_tm *tm = ktm_tm_of(handle->obj);
	int tries = KTM_STREAM_TRIES;
	struct ktm_user *payer;
	struct ktm_rm *rm;
	u32 status;

	if (!ktm_may(handle, KTM_TM_CREATE_RM))
		return KTM_STATUS_ACCESS_DENIED;
	status = rm_check_request(tm, arg);
	if (status)
		return status;
	rm = rm_alloc(tm);
	if (!rm)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init(&rm->obj, KTM_KIND_RM, tm, &arg->guid, arg->mode);
	if (status) {
		kfree(rm);
		return status;
	}
	ktm_object_get(&tm->obj);
	rm->flags = arg->flags & (KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
	/* Before the TM's mutex, which restart areas want: this may wait for memory. */
	if (ktm_rm_durable(rm)) {
		payer = ktm_user_of_log(rm->obj.user, tm->journal);
		if (IS_ERR(payer)) {
			status = KTM_STATUS_INSUFFICIENT_RESOURCES;
			goto put;
		}
		rm->payer = payer;
	}
	rm->description_length = arg->description_length;
	if (arg->description_length &&
	    copy_from_sockptr(rm->description, ktm_pointer(nfd->in_kernel, arg->description),
			      arg->description_length)) {
		status = KTM_STATUS_FAULT;
		goto put;
	}
	/* First the descriptor: one that is to be the only one must be the first. */
	status = ktm_handle_create(&rm->obj, arg->access,
				   arg->flags & KTM_RM_EXCLUSIVE ? KTM_OPEN_EXCLUSIVE : 0, nfd);
	if (status)
		goto put;
	do {
		if (mutex_lock_killable(&tm->lock)) {
			status = KTM_STATUS_INTERRUPTED;
			break;
		}
		status = rm_enter(rm);
		mutex_unlock(&tm->lock);
	} while (ktm_stream_again(tm, &status, &tries));
	if (status) {
		ktm_new_fd_cancel(nfd);
		goto put;
	}
	arg->guid = rm->obj.guid;
	arg->fd = nfd->fd;
put:
	ktm_object_put(&rm->obj);
	return status;
}

/**
 * ktm_rm_call_open - KTM_IOC_RM_OPEN
 * @handle: the TM's
 * @arg: the request
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_rm_call_open(struct ktm_handle *handle, struct ktm_open *arg, struct ktm_new_fd *nfd)
{
	struct ktm_tm *tm = ktm_tm_of(handle->obj);

	if (!ktm_tm_tells(tm))
		return KTM_STATUS_TM_NOT_ONLINE;
	return ktm_handle_open(KTM_KIND_RM, tm, KTM_OPEN_EXCLUSIVE, arg, nfd);
}

/*
 * Who may only look does not count as having it open: an administrator's query
 * must neither keep a dead RM alive nor a restarting one out.
 */
static bool rm_counts(u32 access)
{
	return access & ~KTM_RM_QUERY_INFORMATION;
}

static u32 rm_opened(struct ktm_object *obj, u32 access, u32 flags)
{
	struct ktm_rm *rm = ktm_rm_of(obj);
	u32 status = KTM_STATUS_SUCCESS;

	if (!ktm_tm_hold(rm->tm))
		return KTM_STATUS_RM_NOT_FOUND;
	if (!rm_counts(access))
		return KTM_STATUS_SUCCESS;
	mutex_lock(&rm->lock);
	if (rm->dead) {
		status = KTM_STATUS_RM_NOT_FOUND;
	} else if (rm->handles && !(flags & KTM_OPEN_AGAIN) &&
		   (rm->flags & KTM_RM_EXCLUSIVE || flags & KTM_OPEN_EXCLUSIVE)) {
		status = KTM_STATUS_SHARING_VIOLATION;
	} else {
		if (flags & KTM_OPEN_EXCLUSIVE)
			rm->flags |= KTM_RM_EXCLUSIVE;
		if (!rm->handles++)
			ktm_queue_open(&rm->queue);
	}
	mutex_unlock(&rm->lock);
	if (status)
		ktm_tm_release(rm->tm);
	return status;
}

static void rm_lose_enlistment(struct ktm_enlistment *en)
{
	ktm_tx_enlistment_event(en, KTM_ENEV_RM_CLOSE);
}

static void rm_closed(struct ktm_object *obj, u32 access, bool unseen)
{
	struct ktm_rm *rm = ktm_rm_of(obj);
	bool gone, discard;

	if (!rm_counts(access)) {
		ktm_tm_release(rm->tm);
		return;
	}
	mutex_lock(&rm->lock);
	gone = !--rm->handles;
	if (gone) {
		rm->dead = !ktm_rm_durable(rm);
		WRITE_ONCE(rm->online, false);
		rm->flags &= ~KTM_RM_EXCLUSIVE;
		rm->completion = no_completion;
		ktm_forget_protocols(rm);
		ktm_queue_close(&rm->queue);
		ktm_rm_for_each_enlistment(rm, rm_lose_enlistment);
	}
	discard = gone && rm->dead && !list_empty(&rm->tm_link);
	mutex_unlock(&rm->lock);
	if (discard)
		ktm_rm_discard(rm);
	ktm_tm_release(rm->tm);
}

static void rm_recover_enlistment(struct ktm_enlistment *en)
{
	ktm_tx_enlistment_event(en, KTM_ENEV_RM_RECOVER);
}

/**
 * ktm_rm_call_recover - KTM_IOC_RM_RECOVER
 * @handle: the RM's
 * @arg: the request
 *
 * Return: enum ktm_status.
 */
u32 ktm_rm_call_recover(struct ktm_handle *handle, const struct ktm_call *arg)
{
	struct ktm_rm *rm = ktm_rm_of(handle->obj);
	u32 status = KTM_STATUS_SUCCESS;

	if (!ktm_may(handle, KTM_RM_RECOVER))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	/* The TM's mutex: not while it is being reopened. */
	if (mutex_lock_killable(&rm->tm->lock))
		return KTM_STATUS_INTERRUPTED;
	/* The log may have failed already, and what is told now be read differently then. */
	if (!ktm_tm_tells(rm->tm) || ktm_tm_log_is_failing(rm->tm)) {
		status = KTM_STATUS_TM_NOT_ONLINE;
		goto out;
	}
	/*
	 * The log must know it first. Its GUID is there to be opened a moment before;
	 * if the log then has no room, RM_CREATE fails and such a descriptor is of no use.
	 */
	if (list_empty(&rm->tm_link)) {
		status = KTM_STATUS_RM_NOT_FOUND;
		goto out;
	}
	mutex_lock(&rm->lock);
	WRITE_ONCE(rm->online, true);
	ktm_rm_for_each_enlistment(rm, rm_recover_enlistment);
	/* Short of the log's end there may be more. */
	if (ktm_tm_online(rm->tm))
		ktm_notify_last_recover(rm);
	mutex_unlock(&rm->lock);
out:
	mutex_unlock(&rm->tm->lock);
	return status;
}

/**
 * ktm_rm_create_recovered - an RM that the log knows
 * @tm: its TM
 * @rec: its record
 * @rmp: out: the RM with a reference, not yet known to anybody
 *
 * Return: enum ktm_status; LOG_CORRUPTION_DETECTED for flags that no RM can have.
 */
u32 ktm_rm_create_recovered(struct ktm_tm *tm, const struct ktm_jrec *rec, struct ktm_rm **rmp)
{
	struct ktm_rm *rm;
	u32 status;

	if (rec->rm.flags & ~KTM_JREC_RM_COMMUNICATION)
		return KTM_STATUS_LOG_CORRUPTION_DETECTED;
	rm = rm_alloc(tm);
	if (!rm)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init_recovered(&rm->obj, KTM_KIND_RM, tm, &rec->rm.guid, rec->rm.mode,
					   rec->rm.uid, rec->rm.gid);
	if (status) {
		kfree(rm);
		return status;
	}
	ktm_object_get(&tm->obj);
	if (rec->rm.flags & KTM_JREC_RM_COMMUNICATION)
		rm->flags |= KTM_RM_COMMUNICATION;
	rm->description_length = rec->rm.desc_len;
	memcpy(rm->description, rec->rm.desc, rec->rm.desc_len);
	*rmp = rm;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_rm_publish_recovered - what the log says is durable: let it be found
 * @rm: from ktm_rm_create_recovered(); of a GUID that the TM does not have
 *
 * May sleep until there is memory.
 */
void ktm_rm_publish_recovered(struct ktm_rm *rm)
{
	WARN_ON_ONCE(ktm_object_publish_nofail(&rm->obj));
	rm->payer = ktm_user_of_log_nofail(rm->obj.user, rm->tm->journal);
	rm->charged = rm_live_bytes(rm);
	ktm_user_charge_log(rm->payer, (struct ktm_log_bytes){ .area = rm->charged }, NULL);
	rm_join(rm);
}

/**
 * ktm_rm_offline - its TM was reopened: it must recover before anything else
 * @rm: the RM
 */
void ktm_rm_offline(struct ktm_rm *rm)
{
	mutex_lock(&rm->lock);
	WRITE_ONCE(rm->online, false);
	ktm_notify_no_last_recover(rm);
	mutex_unlock(&rm->lock);
	wake_up_interruptible(&rm->queue.wait);
}

/* KTM_INFO_RM_BASIC */
void ktm_rm_info(struct ktm_rm *rm, struct ktm_rm_info *info)
{
	memset(info, 0, sizeof(*info));
	info->guid = rm->obj.guid;
	info->tm = rm->tm->obj.guid;
	mutex_lock(&rm->lock);
	info->flags = rm->flags;
	info->online = ktm_rm_online(rm);
	mutex_unlock(&rm->lock);
	info->enlistments = READ_ONCE(rm->nr_enlistments);
	info->description_length = rm->description_length;
	memcpy(info->description, rm->description, rm->description_length);
}

static void rm_free(struct ktm_object *obj)
{
	struct ktm_rm *rm = ktm_rm_of(obj);

	ktm_user_uncharge_log(rm->payer, (struct ktm_log_bytes){ .area = rm->charged });
	ktm_user_put(rm->payer);
	ktm_object_put(&rm->tm->obj);
	kfree_rcu(rm, rcu);
}

static void rm_show(struct ktm_object *obj, struct seq_file *m)
{
	struct ktm_rm *rm = ktm_rm_of(obj);

	seq_printf(m, "ktm-online:\t%u\n", ktm_rm_online(rm));
	seq_printf(m, "ktm-enlistments:\t%u\n", READ_ONCE(rm->nr_enlistments));
}

static ssize_t rm_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct ktm_handle *handle = iocb->ki_filp->private_data;
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;

	if (!(handle->access & KTM_RM_GET_NOTIFICATION))
		return -EACCES;
	return ktm_notify_read(ktm_rm_of(handle->obj), to, nonblock);
}

static __poll_t rm_poll(struct file *file, poll_table *wait)
{
	struct ktm_handle *handle = file->private_data;
	struct ktm_rm *rm = ktm_rm_of(handle->obj);
	__poll_t events = 0;

	poll_wait(file, &rm->queue.wait, wait);
	if (ktm_notify_waiting(&rm->queue))
		events |= EPOLLIN | EPOLLRDNORM;
	if (!ktm_rm_hears(rm))
		events |= EPOLLERR;
	return events;
}

static const struct file_operations rm_fops = {
	.owner		= THIS_MODULE,
	.release	= ktm_handle_release,
	.read_iter	= rm_read,
	.poll		= rm_poll,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= ktm_handle_show_fdinfo,
	.llseek		= noop_llseek,
};

const struct ktm_kind_ops ktm_rm_ops = {
	.name		= "rm",
	.fops		= &rm_fops,
	.not_found	= KTM_STATUS_RM_NOT_FOUND,
	.all_access	= KTM_RM_ALL_ACCESS,
	.r		= KTM_RM_QUERY_INFORMATION,
	.w		= KTM_RM_ALL_ACCESS & ~KTM_RM_RECOVER,
	.x		= KTM_RM_RECOVER,
	.opened		= rm_opened,
	.closed		= rm_closed,
	.free		= rm_free,
	.show		= rm_show,
};
