// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail, see errors.h: the groups, what all of them use, and what is said.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "refused.h"
#include "test.h"

static const errors_fn groups[ERRORS_GROUPS] = {
	[ERRORS_OF_TMS] = errors_tms,
	[ERRORS_OF_TRANSACTIONS] = errors_transactions,
	[ERRORS_OF_RMS] = errors_rms,
	[ERRORS_OF_ENLISTMENTS] = errors_enlistments,
	[ERRORS_OF_ANSWERS] = errors_answers,
	[ERRORS_OF_SUPERIORS] = errors_superiors,
	[ERRORS_OF_FREEZING] = errors_freezing,
	[ERRORS_OF_NOBODY] = errors_nobody,
	[ERRORS_OF_QUOTAS] = errors_quotas,
	[ERRORS_WITHOUT_FDS] = errors_without_fds,
	[ERRORS_OF_DEVICES] = errors_devices,
	[ERRORS_OF_SIGNALS] = errors_signals,
	[ERRORS_WHILE_HELD] = errors_while_held,
	[ERRORS_WHILE_STUCK] = errors_while_stuck,
	[ERRORS_WHEN_FULL] = errors_when_full,
	[ERRORS_WHILE_CLEANED] = errors_while_cleaned,
	[ERRORS_OF_LOST] = errors_lost,
	[ERRORS_OF_FAILED] = errors_failed,
	[ERRORS_OF_BROUGHT] = errors_brought,
};

/* ---- what is said ---- */

static __printf(2, 3) void say(struct errors *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	e->length += vscnprintf(e->text + e->length, KTM_TEST_ERRORS_TEXT - e->length, format,
				args);
	va_end(args);
}

/* Those that functions of ktm may return. */
#define NAME(errno)	{ errno, #errno }

static const struct {
	int err;
	const char *name;
} names[] = {
	NAME(EPERM), NAME(ENOENT), NAME(EINTR), NAME(EIO), NAME(EBADF), NAME(ENOMEM),
	NAME(EACCES), NAME(EBUSY), NAME(EEXIST), NAME(EXDEV), NAME(EINVAL), NAME(EMFILE),
	NAME(ENOSPC), NAME(ENOMSG), NAME(EPROTO), NAME(EBADFD), NAME(EMSGSIZE),
	NAME(ENOPROTOOPT), NAME(EOPNOTSUPP), NAME(ENOTCONN), NAME(ETIMEDOUT), NAME(EALREADY),
	NAME(ESTALE), NAME(EUCLEAN), NAME(EDQUOT), NAME(ECANCELED), NAME(ENOTRECOVERABLE),
	NAME(EDEADLK),
};

#undef NAME

static const char *name_of(int err)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].err == -err)
			return names[i].name;
	return "E?";
}

void errors_note(struct errors *e, const char *fn, const struct outcome *o, const long got[2],
		 u32 told)
{
	const bool ok = got[0] == o->err && got[1] == o->err && told == o->status;

	say(e, "    %sok %u %s -%s %s\n", ok ? "" : "not ", ++e->tests, fn, name_of(o->err),
	    o->told);
	if (ok)
		return;
	e->failed++;
	say(e, "    # returned %ld, status %d, and %ld without a status\n", got[0], (int)told,
	    got[1]);
}

void errors_spoilt(struct errors *e, const char *what, long err)
{
	e->failed++;
	say(e, "    not ok %u %s\n    # a step that must succeed: %ld\n", ++e->tests, what, err);
}

bool errors_need(struct errors *e, const char *what, long err)
{
	if (err)
		errors_spoilt(e, what, err);
	return !err;
}

/* ---- what they begin with ---- */

struct ktm_guid errors_guid(u8 n)
{
	const struct ktm_guid guid = { .b = { 0xe7, n, 1 } };

	return guid;
}

bool errors_begin(struct errors *e, struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->tm = ktm_tm_create(NULL, KTM_TM_VOLATILE, KTM_TM_ALL_ACCESS, 0, &w->tm_guid, NULL);
	if (!NEED_USE(e, w->tm))
		return false;
	w->rm = ktm_rm_create(w->tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, &w->rm_guid,
			      NULL);
	if (!NEED_USE(e, w->rm))
		goto put_tm;
	w->tx = ktm_transaction_create(NULL, 0, KTM_TX_ALL_ACCESS, 0, 0, NULL, NULL, NULL);
	if (!NEED_USE(e, w->tx))
		goto put_rm;
	w->en = ktm_enlistment_create(w->rm, w->tx, 0, KTM_NOTIFY_REQUIRED, 0, KTM_EN_ALL_ACCESS,
				      0, &w->en_guid, NULL);
	if (!NEED_USE(e, w->en))
		goto put_tx;
	return true;
put_tx:
	ktm_transaction_put(w->tx);
put_rm:
	ktm_rm_put(w->rm);
put_tm:
	ktm_tm_put(w->tm);
	return false;
}

void errors_end(struct world *w)
{
	ktm_enlistment_put(w->en);
	ktm_transaction_put(w->tx);
	ktm_rm_put(w->rm);
	ktm_tm_put(w->tm);
}

struct killed {
	struct errors *e;
	void (*fn)(struct errors *e, void *with);
	void *with;
	struct completion over;
};

static int killed_thread(void *data)
{
	struct killed *k = data;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	k->fn(k->e, k->with);
	/* The module may go when the other has heard of it. */
	kthread_complete_and_exit(&k->over, 0);
}

void errors_killed(struct errors *e, void (*fn)(struct errors *e, void *with), void *with)
{
	struct killed k = { .e = e, .fn = fn, .with = with };
	struct task_struct *task;

	init_completion(&k.over);
	task = kthread_run(killed_thread, &k, "ktm_test/killed");
	if (NEED_USE(e, task))
		wait_for_completion(&k.over);
}

long errors_ioctl(void __user *user)
{
	struct ktm_test_errors arg;
	struct errors e = { .arg = &arg };
	long err = 0;

	if (copy_from_user(&arg, user, sizeof(arg)))
		return -EFAULT;
	if (arg.group >= ERRORS_GROUPS)
		return -EINVAL;
	e.text = kvzalloc(KTM_TEST_ERRORS_TEXT, GFP_KERNEL);
	if (!e.text)
		return -ENOMEM;
	say(&e, "    KTAP version 1\n");
	groups[arg.group](&e);
	say(&e, "    1..%u\n", e.tests);
	arg.length = e.length;
	if (copy_to_user(u64_to_user_ptr(arg.text), e.text, e.length) ||
	    copy_to_user(user, &arg, sizeof(arg)))
		err = -EFAULT;
	kvfree(e.text);
	return err;
}
