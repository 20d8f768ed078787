// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: copy, check the kind of descriptor, call the object, copy back. What a request
 * means, and which rights it needs, is none of this file's business: drivers call the same.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "enlistment.h"
#include "exchange.h"
#include "freeze.h"
#include "ktm.h"
#include "object.h"
#include "query.h"
#include "rm.h"
#include "status.h"
#include "stream.h"
#include "tm.h"
#include "transaction.h"

#define ON_DEVICE	BIT(0)
#define ON_TM		BIT(KTM_KIND_TM)
#define ON_RM		BIT(KTM_KIND_RM)
#define ON_TX		BIT(KTM_KIND_TX)
#define ON_EN		BIT(KTM_KIND_EN)
#define ON_STREAM	BIT(KTM_KIND_STREAM)
/* but not on the device */
#define ON_ANY		(ON_TM | ON_RM | ON_TX | ON_EN | ON_STREAM)

union ktm_arg {
	struct {
		u32 size;
		u32 status;
	};
	struct ktm_version version;
	struct ktm_tm_create tm_create;
	struct ktm_open open;
	struct ktm_freeze freeze;
	struct ktm_tx_create tx_create;
	struct ktm_tm_open_log tm_open_log;
	struct ktm_tm_recover tm_recover;
	struct ktm_tm_rename tm_rename;
	struct ktm_tm_rollforward tm_rollforward;
	struct ktm_rm_create rm_create;
	struct ktm_call call;
	struct ktm_tx_wait tx_wait;
	struct ktm_enlist enlist;
	struct ktm_answer answer;
	struct ktm_exchange exchange;
	struct ktm_protocol protocol;
	struct ktm_propagation propagation;
	struct ktm_query query;
	struct ktm_set set;
	struct ktm_enumerate enumerate;
	struct ktm_narrow narrow;
	struct ktm_stream_create stream_create;
	struct ktm_stream_open stream_open;
	struct ktm_stream_append stream_append;
	struct ktm_stream_reserve stream_reserve;
	struct ktm_stream_read stream_read;
	struct ktm_stream_flush stream_flush;
	struct ktm_stream_mark stream_mark;
};

/*
 * A request on its way. @handle: NULL on /dev/ktm. @nfd: a descriptor that it
 * makes, visible only once its number has been copied out. @made: an
 * enlistment to be undone if that fails, with a reference. @persist: a TM that is
 * to stay if it does not, kept by @nfd.
 */
struct ktm_request {
	struct ktm_handle *handle;
	unsigned int cmd;
	union ktm_arg *arg;
	struct ktm_new_fd nfd;
	struct ktm_enlistment *made;
	struct ktm_tm *persist;
};

/* The device that a request names, -1 being none; for put_log_device(). */
static struct file *log_device(int fd)
{
	struct file *file;

	if (fd == -1)
		return NULL;
	file = fget(fd);
	return file ? file : ERR_PTR(-EBADF);
}

static void put_log_device(struct file *file)
{
	if (!IS_ERR_OR_NULL(file))
		fput(file);
}

static u32 do_version(struct ktm_request *r)
{
	if (r->arg->version.reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	r->arg->version.abi = KTM_ABI_VERSION;
	r->arg->version.features = 0;
	return KTM_STATUS_SUCCESS;
}

static u32 do_tm_create(struct ktm_request *r)
{
	struct file *device = log_device(r->arg->tm_create.device_fd);
	u32 status = ktm_tm_call_create(&r->arg->tm_create, device, &r->nfd);

	put_log_device(device);
	if (!status && r->arg->tm_create.flags & KTM_TM_PERSIST)
		r->persist = ktm_tm_of(r->nfd.handle->obj);
	return status;
}

static u32 do_tm_open(struct ktm_request *r)
{
	return ktm_tm_call_open(&r->arg->open, &r->nfd);
}

static u32 do_tm_open_log(struct ktm_request *r)
{
	struct file *device = log_device(r->arg->tm_open_log.device_fd);
	u32 status = ktm_tm_call_open_log(&r->arg->tm_open_log, device, &r->nfd);

	put_log_device(device);
	return status;
}

static u32 do_tx_create(struct ktm_request *r)
{
	struct ktm_tx_create *arg = &r->arg->tx_create;
	struct ktm_handle *tm;
	struct fd f;
	u32 status;

	if (arg->tm_fd == -1)
		return ktm_tx_create(arg, NULL, &r->nfd);
	status = ktm_handle_get(arg->tm_fd, KTM_KIND_TM, 0, &f, &tm);
	if (status)
		return status;
	status = ktm_tx_create(arg, tm, &r->nfd);
	fdput(f);
	return status;
}

static u32 do_tx_open(struct ktm_request *r)
{
	return ktm_handle_open(KTM_KIND_TX, NULL, 0, &r->arg->open, &r->nfd);
}

static u32 do_freeze(struct ktm_request *r)
{
	return ktm_freeze(&r->arg->freeze);
}

static u32 do_thaw(struct ktm_request *r)
{
	return ktm_thaw(&r->arg->call);
}

static u32 do_tm_recover(struct ktm_request *r)
{
	struct file *device = log_device(r->arg->tm_recover.device_fd);
	u32 status = ktm_tm_call_recover(r->handle, &r->arg->tm_recover, device);

	put_log_device(device);
	return status;
}

static u32 do_tm_rollforward(struct ktm_request *r)
{
	struct file *device = log_device(r->arg->tm_rollforward.device_fd);
	u32 status = ktm_tm_call_rollforward(r->handle, &r->arg->tm_rollforward, device);

	put_log_device(device);
	return status;
}

static u32 do_tm_rename(struct ktm_request *r)
{
	return ktm_tm_call_rename(r->handle, &r->arg->tm_rename);
}

static u32 do_tm_offline(struct ktm_request *r)
{
	return ktm_tm_call_offline(r->handle, &r->arg->call);
}

static u32 do_rm_create(struct ktm_request *r)
{
	return ktm_rm_call_create(r->handle, &r->arg->rm_create, &r->nfd);
}

static u32 do_rm_open(struct ktm_request *r)
{
	return ktm_rm_call_open(r->handle, &r->arg->open, &r->nfd);
}

static u32 do_rm_recover(struct ktm_request *r)
{
	return ktm_rm_call_recover(r->handle, &r->arg->call);
}

static u32 do_enlist(struct ktm_request *r)
{
	struct ktm_enlist *arg = &r->arg->enlist;
	struct ktm_handle *tx;
	struct fd f;
	u32 status;

	if (!ktm_may(r->handle, KTM_RM_ENLIST))
		return KTM_STATUS_ACCESS_DENIED;
	status = ktm_handle_get(arg->tx_fd, KTM_KIND_TX, 0, &f, &tx);
	if (status)
		return status;
	status = ktm_enlist(r->handle, tx, arg, &r->nfd, &r->made);
	fdput(f);
	return status;
}

static u32 do_en_open(struct ktm_request *r)
{
	return ktm_en_open(r->handle, &r->arg->open, &r->nfd);
}

static u32 do_commit(struct ktm_request *r)
{
	return ktm_tx_commit(r->handle, &r->arg->call);
}

static u32 do_rollback(struct ktm_request *r)
{
	return ktm_tx_rollback(r->handle, &r->arg->call);
}

static u32 do_tx_wait(struct ktm_request *r)
{
	return ktm_tx_wait(r->handle, &r->arg->tx_wait);
}

static u32 do_answer(struct ktm_request *r)
{
	if (r->handle->obj->kind == KTM_KIND_RM)
		return ktm_rm_answer(r->handle, r->cmd, &r->arg->answer);
	if (!ktm_en_may_answer(r->handle, r->cmd))
		return KTM_STATUS_ACCESS_DENIED;
	if (!ktm_guid_is_nil(&r->arg->answer.enlistment))
		return KTM_STATUS_INVALID_PARAMETER;
	return ktm_user_answer(ktm_en_of(r->handle->obj), r->cmd, &r->arg->answer);
}

static u32 do_exchange(struct ktm_request *r)
{
	return ktm_exchange(r->handle, &r->arg->exchange);
}

static u32 do_register_protocol(struct ktm_request *r)
{
	return ktm_register_protocol(r->handle, &r->arg->protocol, false);
}

static u32 do_propagation(struct ktm_request *r)
{
	if (r->cmd == KTM_IOC_PROPAGATION_COMPLETE)
		return ktm_propagation_complete(r->handle, &r->arg->propagation);
	return ktm_propagation_failed(r->handle, &r->arg->propagation);
}

static u32 do_query(struct ktm_request *r)
{
	struct ktm_query *arg = &r->arg->query;
	struct ktm_inquiry inquiry = {
		.info_class = arg->info_class,
		.length = arg->length,
		.guid = arg->guid,
		.buffer = ktm_pointer(false, arg->buffer),
	};
	u32 status = ktm_query(r->handle, &inquiry);

	arg->length = inquiry.length;
	return status;
}

static u32 do_set(struct ktm_request *r)
{
	const struct ktm_set *arg = &r->arg->set;
	const struct ktm_inquiry inquiry = {
		.info_class = arg->info_class,
		.length = arg->length,
		.guid = arg->guid,
		.buffer = ktm_pointer(false, arg->buffer),
	};

	return ktm_set(r->handle, &inquiry);
}

static u32 do_enumerate(struct ktm_request *r)
{
	struct ktm_enumerate *arg = &r->arg->enumerate;
	struct ktm_listing listing = {
		.kind = arg->kind,
		.count = arg->count,
		.cursor = arg->cursor,
		.guids = ktm_pointer(false, arg->guids),
	};
	u32 status = ktm_enumerate(r->handle, &listing);

	arg->count = listing.count;
	arg->cursor = listing.cursor;
	return status;
}

static u32 do_narrow(struct ktm_request *r)
{
	struct ktm_narrow *arg = &r->arg->narrow;
	u32 status = ktm_handle_narrow(r->handle, arg->access, &r->nfd);

	arg->fd = r->nfd.fd;
	return status;
}

static u32 do_stream_create(struct ktm_request *r)
{
	return ktm_stream_ioctl_create(r->handle, &r->arg->stream_create, &r->nfd);
}

static u32 do_stream_open(struct ktm_request *r)
{
	return ktm_stream_ioctl_open(ktm_tm_of(r->handle->obj), &r->arg->stream_open, &r->nfd);
}

static u32 do_stream_append(struct ktm_request *r)
{
	return ktm_stream_ioctl_append(r->handle, &r->arg->stream_append);
}

static u32 do_stream_reserve(struct ktm_request *r)
{
	return ktm_stream_ioctl_reserve(r->handle, &r->arg->stream_reserve);
}

static u32 do_stream_read(struct ktm_request *r)
{
	return ktm_stream_ioctl_read(r->handle, &r->arg->stream_read);
}

static u32 do_stream_flush(struct ktm_request *r)
{
	return ktm_stream_ioctl_flush(r->handle, &r->arg->stream_flush);
}

static u32 do_stream_mark(struct ktm_request *r)
{
	return ktm_stream_ioctl_mark(r->handle, r->cmd, &r->arg->stream_mark);
}

static u32 do_stream_delete(struct ktm_request *r)
{
	return ktm_stream_ioctl_delete(r->handle, &r->arg->call);
}

/* @size: of the struct now; @least: of its first version */
struct ktm_ioctl {
	u32 (*fn)(struct ktm_request *r);
	u16 size;
	u16 least;
	u8 on;
};

#define KTM_IOCTL_SINCE(cmd, func, type, first, where) \
	[_IOC_NR(cmd)] = { .fn = (func), .size = sizeof(struct type), \
			   .least = (first), .on = (where) }
#define KTM_IOCTL(cmd, func, type, where) \
	KTM_IOCTL_SINCE(cmd, func, type, sizeof(struct type), where)
#define KTM_ANSWER(cmd) \
	KTM_IOCTL_SINCE(cmd, do_answer, ktm_answer, \
			offsetof(struct ktm_answer, virtual_clock), ON_RM | ON_EN)

static const struct ktm_ioctl ioctls[] = {
	KTM_IOCTL(KTM_IOC_VERSION, do_version, ktm_version, ON_DEVICE),
	KTM_IOCTL(KTM_IOC_TM_CREATE, do_tm_create, ktm_tm_create, ON_DEVICE),
	KTM_IOCTL(KTM_IOC_TM_OPEN, do_tm_open, ktm_open, ON_DEVICE),
	KTM_IOCTL_SINCE(KTM_IOC_TX_CREATE, do_tx_create, ktm_tx_create,
			offsetof(struct ktm_tx_create, isolation_level), ON_DEVICE),
	KTM_IOCTL(KTM_IOC_TX_OPEN, do_tx_open, ktm_open, ON_DEVICE),
	KTM_IOCTL(KTM_IOC_TM_OPEN_LOG, do_tm_open_log, ktm_tm_open_log, ON_DEVICE),
	KTM_IOCTL(KTM_IOC_FREEZE, do_freeze, ktm_freeze, ON_DEVICE),
	KTM_IOCTL(KTM_IOC_THAW, do_thaw, ktm_call, ON_DEVICE),
	KTM_IOCTL(KTM_IOC_TM_RECOVER, do_tm_recover, ktm_tm_recover, ON_TM),
	KTM_IOCTL(KTM_IOC_RM_CREATE, do_rm_create, ktm_rm_create, ON_TM),
	KTM_IOCTL(KTM_IOC_RM_OPEN, do_rm_open, ktm_open, ON_TM),
	KTM_IOCTL(KTM_IOC_TM_ROLLFORWARD, do_tm_rollforward, ktm_tm_rollforward, ON_TM),
	KTM_IOCTL(KTM_IOC_TM_RENAME, do_tm_rename, ktm_tm_rename, ON_TM),
	KTM_IOCTL(KTM_IOC_TM_OFFLINE, do_tm_offline, ktm_call, ON_TM),
	KTM_IOCTL(KTM_IOC_STREAM_CREATE, do_stream_create, ktm_stream_create, ON_TM),
	KTM_IOCTL(KTM_IOC_STREAM_OPEN, do_stream_open, ktm_stream_open, ON_TM),
	KTM_IOCTL(KTM_IOC_RM_RECOVER, do_rm_recover, ktm_call, ON_RM),
	KTM_IOCTL(KTM_IOC_ENLIST, do_enlist, ktm_enlist, ON_RM),
	KTM_IOCTL(KTM_IOC_EN_OPEN, do_en_open, ktm_open, ON_RM),
	KTM_IOCTL(KTM_IOC_EXCHANGE, do_exchange, ktm_exchange, ON_RM),
	KTM_IOCTL(KTM_IOC_REGISTER_PROTOCOL, do_register_protocol, ktm_protocol, ON_RM),
	KTM_IOCTL(KTM_IOC_PROPAGATION_COMPLETE, do_propagation, ktm_propagation, ON_RM),
	KTM_IOCTL(KTM_IOC_PROPAGATION_FAILED, do_propagation, ktm_propagation, ON_RM),
	KTM_IOCTL(KTM_IOC_COMMIT, do_commit, ktm_call, ON_TX),
	KTM_IOCTL(KTM_IOC_ROLLBACK, do_rollback, ktm_call, ON_TX),
	KTM_IOCTL(KTM_IOC_TX_WAIT, do_tx_wait, ktm_tx_wait, ON_TX),
	KTM_ANSWER(KTM_IOC_PREPARE_COMPLETE),
	KTM_ANSWER(KTM_IOC_COMMIT_COMPLETE),
	KTM_ANSWER(KTM_IOC_ROLLBACK_COMPLETE),
	KTM_ANSWER(KTM_IOC_READ_ONLY),
	KTM_ANSWER(KTM_IOC_EN_ROLLBACK),
	KTM_ANSWER(KTM_IOC_EN_RECOVER),
	KTM_ANSWER(KTM_IOC_PREPREPARE_COMPLETE),
	KTM_ANSWER(KTM_IOC_SINGLE_PHASE_REJECT),
	KTM_ANSWER(KTM_IOC_REQUEST_OUTCOME),
	KTM_ANSWER(KTM_IOC_EN_PREPREPARE),
	KTM_ANSWER(KTM_IOC_EN_PREPARE),
	KTM_ANSWER(KTM_IOC_EN_COMMIT),
	KTM_IOCTL(KTM_IOC_QUERY, do_query, ktm_query, ON_ANY),
	KTM_IOCTL(KTM_IOC_ENUMERATE, do_enumerate, ktm_enumerate, ON_DEVICE | ON_TM | ON_RM),
	KTM_IOCTL(KTM_IOC_NARROW, do_narrow, ktm_narrow, ON_ANY),
	KTM_IOCTL(KTM_IOC_SET, do_set, ktm_set, ON_ANY),
	KTM_IOCTL(KTM_IOC_STREAM_APPEND, do_stream_append, ktm_stream_append, ON_STREAM),
	KTM_IOCTL(KTM_IOC_STREAM_RESERVE, do_stream_reserve, ktm_stream_reserve, ON_STREAM),
	KTM_IOCTL(KTM_IOC_STREAM_READ, do_stream_read, ktm_stream_read, ON_STREAM),
	KTM_IOCTL(KTM_IOC_STREAM_FLUSH, do_stream_flush, ktm_stream_flush, ON_STREAM),
	KTM_IOCTL(KTM_IOC_STREAM_ADVANCE, do_stream_mark, ktm_stream_mark, ON_STREAM),
	KTM_IOCTL(KTM_IOC_STREAM_TRUNCATE, do_stream_mark, ktm_stream_mark, ON_STREAM),
	KTM_IOCTL(KTM_IOC_STREAM_DELETE, do_stream_delete, ktm_call, ON_STREAM),
};

/* The status is told whenever there is room for it; it may be all that is. */
static long refuse(void __user *uarg, u32 usize, u32 status, int err)
{
	if (usize >= offsetofend(union ktm_arg, status) &&
	    put_user(status, (u32 __user *)(uarg + offsetof(union ktm_arg, status))))
		return -EFAULT;
	return err;
}

/* An older caller's struct is shorter than ours. */
static long finish(struct ktm_request *r, void __user *uarg, u32 size)
{
	int err = ktm_status_errno(r->arg->status);

	if (copy_to_user(uarg, r->arg, size)) {
		ktm_new_fd_cancel(&r->nfd);
		if (r->made)
			ktm_enlist_undo(r->made);
		err = -EFAULT;
	} else {
		if (r->persist)
			ktm_tm_persist(r->persist);
		ktm_new_fd_install(&r->nfd);
	}
	if (r->made)
		ktm_object_put(&r->made->obj);
	return err;
}

/**
 * ktm_ioctl - every request on every descriptor of ours
 * @file: the descriptor
 * @cmd: the request
 * @arg: user address of its struct
 *
 * Return: 0 or a negative errno, the class of the status in the struct.
 */
long ktm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	const struct ktm_ioctl *op;
	union ktm_arg karg = { };
	struct ktm_request r = {
		.handle = ktm_handle_of(file),
		.cmd = cmd,
		.arg = &karg,
		.nfd = { .fd = -1 },
	};
	u32 usize;
	int err;

	if (cmd != KTM_IOC(_IOC_NR(cmd)) || _IOC_NR(cmd) >= ARRAY_SIZE(ioctls))
		return -ENOTTY;
	op = &ioctls[array_index_nospec(_IOC_NR(cmd), ARRAY_SIZE(ioctls))];
	if (!op->fn)
		return -ENOTTY;
	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (!(op->on & BIT(r.handle ? r.handle->obj->kind : 0)))
		return refuse(uarg, usize, KTM_STATUS_OBJECT_TYPE_MISMATCH, -ENOTTY);
	/* Every version has the fields of the first. */
	if (usize < op->least || usize > PAGE_SIZE)
		return refuse(uarg, usize, KTM_STATUS_INVALID_PARAMETER,
			      usize < op->least ? -EINVAL : -E2BIG);
	err = copy_struct_from_user(&karg, op->size, uarg, usize);
	if (err)
		return refuse(uarg, usize, err == -E2BIG ? KTM_STATUS_INVALID_PARAMETER :
							   KTM_STATUS_FAULT, err);
	karg.status = op->fn(&r);
	return finish(&r, uarg, min_t(u32, usize, op->size));
}
