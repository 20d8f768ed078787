// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the trouble that the harness has to notice in a kernel log. Loaded only
 * by the harness's own tests.
 */
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>

static char *kind = "none";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "which of the troubles below, or none");

static void trouble_warn(void)
{
	WARN(1, "asked for\n");
}

static void trouble_oops(void)
{
	BUG();
}

static void trouble_error(void)
{
	pr_err("ktm: an error that was asked for\n");
}

static void trouble_stuck(void)
{
	for (;;)
		msleep(MSEC_PER_SEC);
}

/* What follows is noticed by a kernel that is built to notice it, by no other. */

static void trouble_freed(void)
{
	int *p = kmalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	/* The compiler must neither see through this nor leave it out. */
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(*p, 1);
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void trouble_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static int *protected;

static void trouble_rcu(void)
{
	if (rcu_dereference(protected))
		pr_info("there is nothing to find\n");
}

static DEFINE_SPINLOCK(spin);

static void trouble_sleep(void)
{
	void *p;

	spin_lock(&spin);
	p = kmalloc(16, GFP_KERNEL);
	spin_unlock(&spin);
	kfree(p);
}

static void trouble_list(void)
{
	LIST_HEAD(head);
	LIST_HEAD(entry);

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

static void trouble_leak(void)
{
	void *p = kmalloc(100, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
}

static const struct {
	const char *name;
	void (*make)(void);
} troubles[] = {
	{ "warn", trouble_warn },
	{ "oops", trouble_oops },
	{ "error", trouble_error },
	{ "stuck", trouble_stuck },
	{ "freed", trouble_freed },
	{ "order", trouble_order },
	{ "rcu", trouble_rcu },
	{ "sleep", trouble_sleep },
	{ "list", trouble_list },
	{ "leak", trouble_leak },
};

static int __init trouble_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(troubles); i++)
		if (!strcmp(kind, troubles[i].name))
			troubles[i].make();
	return 0;
}

static void __exit trouble_exit(void)
{
}

module_init(trouble_init);
module_exit(trouble_exit);

MODULE_DESCRIPTION("Trouble for the tests of the test harness");
MODULE_LICENSE("GPL");
