// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the trouble that the harness has to notice in a kernel log. Loaded only
 * by the harness's own tests.
 */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

static char *kind = "none";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "warn, oops, error or none");

static int __init trouble_init(void)
{
	if (!strcmp(kind, "warn"))
		WARN(1, "asked for\n");
	else if (!strcmp(kind, "oops"))
		BUG();
	else if (!strcmp(kind, "error"))
		pr_err("ktm: an error that was asked for\n");
	return 0;
}

static void __exit trouble_exit(void)
{
}

module_init(trouble_init);
module_exit(trouble_exit);

MODULE_DESCRIPTION("Trouble for the tests of the test harness");
MODULE_LICENSE("GPL");
