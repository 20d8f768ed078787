// SPDX-License-Identifier: GPL-2.0
/*
 * ktm_sample_rm - a transactional store of keys and values: an example of a resource manager in
 * the kernel, explained in Documentation/kernel-rm.md. Here: the device, and what other drivers
 * may call.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "rm.h"
#include "sample_rm.h"

/*
 * The store, or NULL. Held for writing by who attaches or detaches it, for reading by who uses
 * it; callbacks do not take it, so detaching may wait for them.
 */
static DECLARE_RWSEM(attachment);
static struct sample_rm *attached;

static int attach(int tm_fd)
{
	struct sample_rm *r;
	int err = down_write_killable(&attachment);

	if (err)
		return err;
	if (attached) {
		err = -EALREADY;
	} else {
		r = sample_rm_attach(tm_fd);
		if (IS_ERR(r))
			err = PTR_ERR(r);
		else
			attached = r;
	}
	up_write(&attachment);
	return err;
}

static int detach(void)
{
	int err = down_write_killable(&attachment);

	if (err)
		return err;
	if (attached)
		sample_rm_detach(attached);
	else
		err = -ENOTCONN;
	attached = NULL;
	up_write(&attachment);
	return err;
}

/* ---- what other drivers may call ---- */

/**
 * ktm_sample_rm_write - write a key
 * @tx: a use of the transaction with KTM_TX_ENLIST
 * @key: the key
 * @key_length: bytes of it
 * @value: the value
 * @value_length: bytes of it
 *
 * What KTM_SAMPLE_WRITE does. Sleeps; a signal ends that.
 *
 * Return: 0 or a negative errno, as <ktm_sample_rm.h> says.
 */
int ktm_sample_rm_write(struct ktm_transaction_use *tx, const void *key, u32 key_length,
			const void *value, u32 value_length)
{
	struct sample_value new = { .there = true, .length = value_length };
	int err;

	if (!key_length || key_length > KTM_SAMPLE_MAX_KEY || value_length > KTM_SAMPLE_MAX_VALUE)
		return -EINVAL;
	memcpy(new.data, value, value_length);
	err = down_read_interruptible(&attachment);
	if (err)
		return err;
	err = attached ? sample_rm_change(attached, tx, key, key_length, &new) : -ENOTCONN;
	up_read(&attachment);
	return err;
}
EXPORT_SYMBOL_GPL(ktm_sample_rm_write);

/**
 * ktm_sample_rm_tm - which transaction manager the store is attached to
 * @guid: out
 *
 * Return: 0, or: -ENOTCONN: to none; -EINTR: a signal.
 */
int ktm_sample_rm_tm(struct ktm_guid *guid)
{
	int err = down_read_interruptible(&attachment);

	if (err)
		return err;
	if (attached)
		*guid = attached->tm;
	else
		err = -ENOTCONN;
	up_read(&attachment);
	return err;
}
EXPORT_SYMBOL_GPL(ktm_sample_rm_tm);

/* ---- the device ---- */

static int use_item(unsigned int cmd, struct ktm_transaction_use *tx, struct ktm_sample_item *item)
{
	struct sample_value value = { };
	int err;

	switch (cmd) {
	case KTM_SAMPLE_WRITE:
		return ktm_sample_rm_write(tx, item->key, item->key_length, item->value,
					   item->value_length);
	case KTM_SAMPLE_DELETE:
		err = down_read_interruptible(&attachment);
		if (err)
			return err;
		err = -ENOTCONN;
		if (attached)
			err = sample_rm_change(attached, tx, item->key, item->key_length, &value);
		break;
	case KTM_SAMPLE_NEXT:
		err = down_read_interruptible(&attachment);
		if (err)
			return err;
		err = -ENOTCONN;
		if (attached)
			err = sample_rm_next(attached, tx, item->key, &item->key_length);
		break;
	default:
		err = down_read_interruptible(&attachment);
		if (err)
			return err;
		err = -ENOTCONN;
		if (attached)
			err = sample_rm_look(attached, tx, item->key, item->key_length, &value);
		memcpy(item->value, value.data, sizeof(item->value));
		item->value_length = value.length;
	}
	up_read(&attachment);
	return err;
}

/* READ and NEXT: they change nothing, need no transaction, and have something to give. */
static bool only_looks(unsigned int cmd)
{
	return cmd == KTM_SAMPLE_READ || cmd == KTM_SAMPLE_NEXT;
}

static int ioctl_item(unsigned int cmd, struct ktm_sample_item *item)
{
	struct ktm_transaction_use *tx = NULL;
	int err;

	if (item->key_length > KTM_SAMPLE_MAX_KEY || item->reserved ||
	    (!item->key_length && cmd != KTM_SAMPLE_NEXT))
		return -EINVAL;
	/* It is looked up here, where the descriptors are the caller's. */
	if (!only_looks(cmd) || item->tx_fd != -1) {
		tx = ktm_transaction_get_from_fd(item->tx_fd, KTM_TX_ENLIST, NULL);
		if (IS_ERR(tx))
			return PTR_ERR(tx);
	}
	err = use_item(cmd, tx, item);
	if (tx)
		ktm_transaction_put(tx);
	return err;
}

static int ioctl_attach(void __user *arg)
{
	struct ktm_sample_attach a;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	return a.reserved ? -EINVAL : attach(a.tm_fd);
}

static long sample_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct ktm_sample_item *item;
	int err;

	switch (cmd) {
	case KTM_SAMPLE_ATTACH:
		return ioctl_attach(user);
	case KTM_SAMPLE_DETACH:
		return detach();
	case KTM_SAMPLE_READ:
	case KTM_SAMPLE_WRITE:
	case KTM_SAMPLE_DELETE:
	case KTM_SAMPLE_NEXT:
		break;
	default:
		return -ENOTTY;
	}
	item = memdup_user(user, sizeof(*item));
	if (IS_ERR(item))
		return PTR_ERR(item);
	err = ioctl_item(cmd, item);
	if (!err && only_looks(cmd) && copy_to_user(user, item, sizeof(*item)))
		err = -EFAULT;
	kfree(item);
	return err;
}

static const struct file_operations sample_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= sample_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

/* Whoever may open it may attach it: root, by the device's mode. */
static struct miscdevice sample_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ktm_sample_rm",
	.fops	= &sample_fops,
};

static int __init sample_init(void)
{
	return misc_register(&sample_device);
}
module_init(sample_init);

static void __exit sample_exit(void)
{
	misc_deregister(&sample_device);
	/* Nobody has the device open, and nobody uses our functions: no lock is needed. */
	if (attached)
		sample_rm_detach(attached);
}
module_exit(sample_exit);

MODULE_DESCRIPTION("An example of a resource manager in the kernel: keys and values");
MODULE_AUTHOR("The ktm for Linux maintainers");
MODULE_LICENSE("GPL");
