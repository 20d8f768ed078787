// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does not start, and has called ktm before: it goes whoever holds it. What it is to
 * do comes as parameters, with descriptors of who loads it.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/ktm.h>
#include <linux/module.h>

#include "test.h"

/* A transaction that it has begun to commit. */
static int commits = -1;
module_param(commits, int, 0);

/* An RM that its callback has put, and goes on. */
static int puts = -1;
module_param(puts, int, 0);

/* The same, but it puts when the module has failed. */
static bool late;
module_param(late, bool, 0);

static struct ktm_rm_use *rm;
static DECLARE_COMPLETION(goes_on);

static void commit_done(void *context, int err, u32 status)
{
	pr_err("ktm_test: called, and the module has not started\n");
}

static int commit(void)
{
	struct ktm_transaction_use *tx = ktm_transaction_get_from_fd(commits, KTM_TX_COMMIT, NULL);
	int err;

	if (IS_ERR(tx))
		return PTR_ERR(tx);
	err = ktm_transaction_commit_async(tx, commit_done, NULL, NULL);
	ktm_transaction_put(tx);
	return err ? err : -ECANCELED;
}

static int callback(void *context, const struct ktm_notification *n,
		    struct ktm_enlistment_use *en)
{
	if (late) {
		complete(&goes_on);
		while (READ_ONCE(THIS_MODULE->state) != MODULE_STATE_GOING)
			msleep(20);
		/* What is told then to those who want to know may be told after that. */
		msleep(500);
	}
	ktm_rm_put(rm);
	complete(&goes_on);
	msleep(500);
	pr_info("ktm_test: the callback returns\n");
	return KTM_CALLBACK_HANDLED;
}

static int put_in_a_callback(void)
{
	int err;

	rm = ktm_rm_get_from_fd(puts, KTM_RM_GET_NOTIFICATION, NULL);
	if (IS_ERR(rm))
		return PTR_ERR(rm);
	err = ktm_rm_enable_callbacks(rm, callback, NULL, NULL);
	if (err) {
		ktm_rm_put(rm);
		return err;
	}
	wait_for_completion(&goes_on);
	return -ECANCELED;
}

/* 0: it is to start. */
int test_fail_to_start(void)
{
	if (commits >= 0)
		return commit();
	return puts >= 0 ? put_in_a_callback() : 0;
}
