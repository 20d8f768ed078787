// SPDX-License-Identifier: GPL-2.0
/*
 * ktm - the kernel transaction manager: the module and /dev/ktm.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "callback.h"
#include "enlistment.h"
#include "freeze.h"
#include "journal.h"
#include "ktm.h"
#include "object.h"
#include "quota.h"
#include "stream.h"
#include "tm.h"
#include "transaction.h"

struct workqueue_struct *ktm_wq;
struct workqueue_struct *ktm_slow_wq;

static const struct file_operations ktm_device_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* The udev rule gives it to a group; by itself it is root's. */
static struct miscdevice ktm_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "ktm",
	.fops	= &ktm_device_fops,
	.mode	= 0600,
};

static int __init ktm_init(void)
{
	int err;

	ktm_wq = alloc_workqueue("ktm", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!ktm_wq)
		return -ENOMEM;
	ktm_slow_wq = alloc_workqueue("ktm_slow", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!ktm_slow_wq) {
		err = -ENOMEM;
		goto destroy_wq;
	}
	err = ktm_quota_init();
	if (err)
		goto destroy_slow_wq;
	err = ktm_objects_init();
	if (err)
		goto exit_quota;
	err = ktm_transactions_init();
	if (err)
		goto exit_objects;
	err = ktm_enlistments_init();
	if (err)
		goto exit_transactions;
	err = ktm_stream_tables_init();
	if (err)
		goto exit_enlistments;
	err = ktm_sindex_cache_init();
	if (err)
		goto exit_tables;
	err = ktm_journal_init();
	if (err)
		goto exit_cache;
	err = ktm_freeze_init();
	if (err)
		goto exit_journal;
	err = ktm_async_init();
	if (err)
		goto exit_freeze;
	err = ktm_callbacks_init();
	if (err)
		goto exit_async;
	err = ktm_forgetful_init();
	if (err)
		goto exit_callbacks;
	err = misc_register(&ktm_device);
	if (err)
		goto exit_forgetful;
	return 0;
exit_forgetful:
	ktm_forgetful_exit();
exit_callbacks:
	ktm_callbacks_exit();
exit_async:
	ktm_async_exit();
exit_freeze:
	ktm_freeze_exit();
exit_journal:
	ktm_journal_exit();
exit_cache:
	ktm_sindex_cache_exit();
exit_tables:
	ktm_stream_tables_exit();
exit_enlistments:
	ktm_enlistments_exit();
exit_transactions:
	ktm_transactions_exit();
exit_objects:
	ktm_objects_exit();
exit_quota:
	ktm_quota_exit();
destroy_slow_wq:
	destroy_workqueue(ktm_slow_wq);
destroy_wq:
	destroy_workqueue(ktm_wq);
	return err;
}

static void __exit ktm_exit(void)
{
	/*
	 * No descriptor is open. Workers may still be closing the last TM, and
	 * the tables must be empty before they go.
	 */
	misc_deregister(&ktm_device);
	ktm_freeze_stop();
	ktm_tms_stop();
	ktm_transactions_stop();
	destroy_workqueue(ktm_wq);
	destroy_workqueue(ktm_slow_wq);
	ktm_forgetful_exit();
	ktm_callbacks_exit();
	ktm_async_exit();
	ktm_freeze_exit();
	ktm_journal_exit();
	/* The last objects are on their way back to their caches, by functions of ours. */
	rcu_barrier();
	ktm_sindex_cache_exit();
	ktm_stream_tables_exit();
	ktm_enlistments_exit();
	ktm_transactions_exit();
	ktm_objects_exit();
	ktm_quota_exit();
}

module_init(ktm_init);
module_exit(ktm_exit);

MODULE_DESCRIPTION("Kernel transaction manager");
MODULE_AUTHOR("The ktm for Linux maintainers");
MODULE_LICENSE("GPL");
