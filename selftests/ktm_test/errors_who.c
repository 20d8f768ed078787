// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail for who current is, and for what he has already.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>

#include "refused.h"

#define NOBODY	65534

/* Between the two current is nobody. */
static const struct cred *become_nobody(struct errors *e, struct cred **nobody)
{
	struct cred *cred = prepare_creds();

	*nobody = cred;
	if (!cred) {
		errors_spoilt(e, "prepare_creds", -ENOMEM);
		return NULL;
	}
	cred->fsuid = KUIDT_INIT(NOBODY);
	cred->fsgid = KGIDT_INIT(NOBODY);
	cred->euid = cred->fsuid;
	cred->egid = cred->fsgid;
	cap_clear(cred->cap_effective);
	cap_clear(cred->cap_permitted);
	return override_creds(cred);
}

static void become_again(const struct cred *old, struct cred *nobody)
{
	revert_creds(old);
	put_cred(nobody);
}

struct found {
	struct world w;
	struct ktm_guid uow;
	struct file *device;
};

static void look_for(struct errors *e, struct found *f)
{
	const u32 any = KTM_MAXIMUM_ALLOWED;
	struct world *w = &f->w;

	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_open, &w->tm_guid, KTM_TM_RECOVER);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_open, &w->tm_guid, any);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_tm_open_log, f->device, any, NULL);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_open, &f->uow, KTM_TX_QUERY_INFORMATION);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_transaction_open, &f->uow, any);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_rm_open, w->tm, &w->rm_guid, 0, any);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_enlistment_open, w->rm, &w->en_guid, any);
	REFUSED(e, EACCES, ACCESS_DENIED, ktm_freeze_transactions, 1000, 1000);
	REFUSED_CALL(e, EACCES, ACCESS_DENIED, "ktm_thaw_transactions",
		     ktm_thaw_transactions(status));
}

/* What root has made. */
void errors_nobody(struct errors *e)
{
	const struct cred *old;
	struct ktm_tm_use *tm;
	struct cred *nobody;
	struct found f = { };

	f.device = fget(e->arg->fds[FD_DEVICE]);
	if (!NEED(e, f.device ? 0 : -EBADF))
		return;
	tm = ktm_tm_create(f.device, 0, KTM_TM_ALL_ACCESS, 0, NULL, NULL);
	if (!NEED_USE(e, tm))
		goto put_device;
	if (!errors_begin(e, &f.w))
		goto put_tm;
	f.uow = ktm_transaction_id(f.w.tx);
	old = become_nobody(e, &nobody);
	if (old) {
		look_for(e, &f);
		become_again(old, nobody);
	}
	errors_end(&f.w);
put_tm:
	ktm_tm_put(tm);
put_device:
	fput(f.device);
}

/* He has the four objects that he may have. */
static void have_more(struct errors *e)
{
	struct world w;

	if (!errors_begin(e, &w))
		return;
	REFUSED(e, EDQUOT, QUOTA_EXCEEDED, ktm_tm_create, NULL, KTM_TM_VOLATILE, 1, 0, NULL);
	REFUSED(e, EDQUOT, QUOTA_EXCEEDED, ktm_transaction_create, NULL, 0, 1, 0, 0, NULL, NULL);
	REFUSED(e, EDQUOT, QUOTA_EXCEEDED, ktm_rm_create, w.tm, KTM_RM_VOLATILE, 1, 0, NULL,
		NULL);
	REFUSED(e, EDQUOT, QUOTA_EXCEEDED, ktm_rm_enlist, w.rm, w.tx, 0, KTM_NOTIFY_REQUIRED, 0,
		0, NULL);
	REFUSED(e, EDQUOT, QUOTA_EXCEEDED, ktm_enlistment_create, w.rm, w.tx, 0,
		KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	errors_end(&w);
}

void errors_quotas(struct errors *e)
{
	const struct cred *old;
	struct cred *nobody;

	old = become_nobody(e, &nobody);
	if (old) {
		have_more(e);
		become_again(old, nobody);
	}
}
