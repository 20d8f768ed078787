// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/ktm_test, see ktm_test.h: the calls.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/ktm.h>
#include <linux/limits.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "errors.h"
#include "test.h"

/*
 * @lock: one call at a time, but for those of @participant. What is still held when the file is
 * closed is put then.
 */
struct driver {
	struct mutex lock;
	struct participant *participant;
	struct ktm_tm_use *tm;
	struct ktm_log_stream *streams[KTM_TEST_STREAMS];
};

static u32 *status_of(struct ktm_test_call *c)
{
	return c->how & KTM_TEST_NO_STATUS ? NULL : &c->status;
}

static int keep_tm(struct driver *d, struct ktm_tm_use *tm)
{
	if (IS_ERR(tm))
		return PTR_ERR(tm);
	d->tm = tm;
	return 0;
}

static int keep_stream(struct driver *d, u32 slot, struct ktm_log_stream *stream)
{
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	d->streams[slot] = stream;
	return 0;
}

static struct ktm_guid *guid_of(struct ktm_test_call *c)
{
	return c->how & KTM_TEST_NO_STATUS ? NULL : &c->guid;
}

/* Those that make something. */
static int call_maker(struct driver *d, struct ktm_test_call *c)
{
	const char *name = (const char *)c->name;
	struct ktm_log_stream *s;

	switch (c->fn) {
	case TEST_STREAM_CREATE:
		s = ktm_log_stream_create(d->tm, name, c->bytes, c->access, c->mode, guid_of(c),
					  status_of(c));
		break;
	case TEST_STREAM_OPEN:
		s = ktm_log_stream_open(d->tm, &c->guid, c->access, status_of(c));
		break;
	case TEST_STREAM_OPEN_NAME:
		s = ktm_log_stream_open_name(d->tm, name, c->access, guid_of(c), status_of(c));
		break;
	default:
		s = ktm_log_stream_get_from_fd(c->fd, c->access, status_of(c));
	}
	return keep_stream(d, c->slot, s);
}

/* More pieces than there may be are empty: what they are does not matter then. */
static void cut(struct kvec *vec, u32 pieces, void *data, size_t length)
{
	u32 i;

	for (i = 0; i < pieces; i++) {
		vec[i].iov_base = data;
		vec[i].iov_len = i + 1 < pieces ? length / pieces : length;
		data += vec[i].iov_len;
		length -= vec[i].iov_len;
	}
}

static int call_append(struct ktm_log_stream *s, struct ktm_test_call *c)
{
	struct ktm_log_record record = {
		.previous_lsn = c->previous_lsn,
		.undo_next_lsn = c->undo_next_lsn,
		.base_lsn = c->base_lsn,
		.flags = c->flags,
	};
	struct kvec *vec = NULL;
	void *data = NULL;
	int ret;

	if (c->pieces) {
		vec = kvmalloc_array(c->pieces, sizeof(*vec), GFP_KERNEL);
		if (!vec)
			return -ENOBUFS;
	}
	if (c->length) {
		data = vmemdup_user(u64_to_user_ptr(c->data), c->length);
		if (IS_ERR(data)) {
			kvfree(vec);
			return -ENOBUFS;
		}
	}
	cut(vec, c->pieces, data, c->length);
	ret = ktm_log_stream_append(s, vec, c->pieces, &record, status_of(c));
	c->lsn = record.lsn;
	if (!ret && record.length != c->length)
		ret = -EBADMSG;
	kvfree(data);
	kvfree(vec);
	return ret;
}

static int call_read(struct ktm_log_stream *s, struct ktm_test_call *c)
{
	struct ktm_log_record record;
	void *data = NULL;
	int ret;

	if (c->length) {
		data = kvzalloc(c->length, GFP_KERNEL);
		if (!data)
			return -ENOBUFS;
	}
	ret = ktm_log_stream_read(s, c->where, c->lsn, data, c->length, &record, status_of(c));
	c->lsn = record.lsn;
	c->previous_lsn = record.previous_lsn;
	c->undo_next_lsn = record.undo_next_lsn;
	c->base_lsn = record.base_lsn;
	c->flags = record.flags;
	c->length = record.length;
	if (ret == 1 && copy_to_user(u64_to_user_ptr(c->data), data, record.length))
		ret = -ENOBUFS;
	kvfree(data);
	return ret;
}

static int call_query(struct ktm_log_stream *s, struct ktm_test_call *c)
{
	struct ktm_stream_info info;
	int ret = ktm_log_stream_query(s, &info, status_of(c));

	if (!ret && copy_to_user(u64_to_user_ptr(c->data), &info, sizeof(info)))
		ret = -ENOBUFS;
	return ret;
}

/* Those that use a stream. */
static int call_stream(struct driver *d, struct ktm_test_call *c)
{
	struct ktm_log_stream *s = d->streams[c->slot];
	u32 *status = status_of(c);

	if (!s)
		return -ENOBUFS;
	switch (c->fn) {
	case TEST_STREAM_PUT:
		ktm_log_stream_put(s);
		d->streams[c->slot] = NULL;
		return 0;
	case TEST_STREAM_TO_FD:
		return ktm_log_stream_to_fd(s, c->access, status);
	case TEST_STREAM_APPEND:
		return call_append(s, c);
	case TEST_STREAM_RESERVE:
		return ktm_log_stream_reserve(s, c->records, c->bytes, status);
	case TEST_STREAM_UNRESERVE:
		return ktm_log_stream_unreserve(s, c->records, c->bytes, status);
	case TEST_STREAM_READ:
		return call_read(s, c);
	case TEST_STREAM_FLUSH:
		return ktm_log_stream_flush(s, c->flags, c->lsn, status ? &c->lsn : NULL, status);
	case TEST_STREAM_POLL:
		return (__force int)ktm_log_stream_poll(s);
	case TEST_STREAM_ADVANCE:
		return ktm_log_stream_advance(s, c->lsn, status);
	case TEST_STREAM_TRUNCATE:
		return ktm_log_stream_truncate(s, c->lsn, status);
	case TEST_STREAM_QUERY:
		return call_query(s, c);
	case TEST_STREAM_SET_QUOTA:
		return ktm_log_stream_set_quota(s, c->bytes, status);
	case TEST_STREAM_DELETE:
		return ktm_log_stream_delete(s, status);
	default:
		return test_race(d->tm, s, c->records, c->pieces);
	}
}

static int call(struct driver *d, struct ktm_test_call *c)
{
	c->status = U32_MAX;
	switch (c->fn) {
	case TEST_TM_GET_FROM_FD:
		if (d->tm)
			return -ENOBUFS;
		return keep_tm(d, ktm_tm_get_from_fd(c->fd, c->access, status_of(c)));
	case TEST_TM_PUT:
		if (!d->tm)
			return -ENOBUFS;
		ktm_tm_put(d->tm);
		d->tm = NULL;
		return 0;
	case TEST_STREAM_CREATE:
	case TEST_STREAM_OPEN:
	case TEST_STREAM_OPEN_NAME:
		if (!d->tm)
			return -ENOBUFS;
		fallthrough;
	case TEST_STREAM_GET_FROM_FD:
		return d->streams[c->slot] ? -ENOBUFS : call_maker(d, c);
	default:
		return call_stream(d, c);
	}
}

/* What is wrong with the test itself is ENOBUFS, which no function of ktm returns. */
static long test_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct driver *d = file->private_data;
	struct ktm_test_call c;
	long err = 0;

	if (cmd == KTM_TEST_OP)
		return participant_ioctl(d->participant, (void __user *)arg);
	if (cmd == KTM_TEST_ERRORS)
		return errors_ioctl((void __user *)arg);
	if (cmd != KTM_TEST_CALL)
		return -ENOTTY;
	if (copy_from_user(&c, (void __user *)arg, sizeof(c)))
		return -EFAULT;
	if (c.fn >= TEST_FUNCTIONS || c.slot >= KTM_TEST_STREAMS || c.length > SZ_1M ||
	    c.pieces > SZ_64K || !memchr(c.name, 0, sizeof(c.name)))
		return -EINVAL;
	mutex_lock(&d->lock);
	c.ret = call(d, &c);
	mutex_unlock(&d->lock);
	if (copy_to_user((void __user *)arg, &c, sizeof(c)))
		err = -EFAULT;
	return err;
}

static int test_open(struct inode *inode, struct file *file)
{
	struct driver *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return -ENOMEM;
	d->participant = participant_open();
	if (!d->participant) {
		kfree(d);
		return -ENOMEM;
	}
	mutex_init(&d->lock);
	file->private_data = d;
	return 0;
}

static int test_release(struct inode *inode, struct file *file)
{
	struct driver *d = file->private_data;
	u32 i;

	participant_release(d->participant);
	for (i = 0; i < KTM_TEST_STREAMS; i++)
		if (d->streams[i])
			ktm_log_stream_put(d->streams[i]);
	if (d->tm)
		ktm_tm_put(d->tm);
	kfree(d);
	return 0;
}

static const struct file_operations test_fops = {
	.owner		= THIS_MODULE,
	.open		= test_open,
	.release	= test_release,
	.unlocked_ioctl	= test_ioctl,
};

static struct miscdevice ktm_test = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ktm_test",
	.fops	= &test_fops,
	.mode	= 0666,
};

static int __init test_init(void)
{
	const int err = test_fail_to_start();

	return err ? err : misc_register(&ktm_test);
}

static void __exit test_exit(void)
{
	misc_deregister(&ktm_test);
}

module_init(test_init);
module_exit(test_exit);

MODULE_DESCRIPTION("Calls what ktm exports, for its tests");
MODULE_AUTHOR("The ktm for Linux maintainers");
MODULE_LICENSE("GPL");
