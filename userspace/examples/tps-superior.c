// SPDX-License-Identifier: GPL-2.0
/*
 * A superior transaction manager, written against <ktm/zw.h> as one would write it for
 * KTM: a component with transactions of its own, whose clients know nothing of KTM, and
 * which brings the databases of tps-db.c into them.
 *
 *	tps-superior JOURNAL GUID DIRECTORY recover
 *	tps-superior JOURNAL GUID DIRECTORY commit TEXT DATABASE...
 *	tps-superior JOURNAL GUID DIRECTORY rollback TEXT DATABASE...
 *	tps-superior JOURNAL GUID DIRECTORY die-prepared TEXT DATABASE...
 *	tps-superior JOURNAL GUID DIRECTORY die-decided TEXT DATABASE...
 *
 * Each first recovers what was left behind; then, but for the first, gives all the
 * databases that text in one transaction. The two that die show what recovery is for:
 * they end before, and after, the component has made its decision.
 *
 * The component's own log is DIRECTORY: a decision to commit is a file there, named
 * after the enlistment. Exit code 0: done as told; 1: the transaction was rolled back.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ktm.h>

#include "tps-start.h"
#include "tps-store.h"
#include "tps.h"

#define MASK	(TRANSACTION_NOTIFY_PREPREPARE_COMPLETE | TRANSACTION_NOTIFY_PREPARE_COMPLETE |	\
		 TRANSACTION_NOTIFY_COMMIT_COMPLETE | TRANSACTION_NOTIFY_ROLLBACK |		\
		 TRANSACTION_NOTIFY_ROLLBACK_COMPLETE | TRANSACTION_NOTIFY_RECOVER |		\
		 TRANSACTION_NOTIFY_RECOVER_QUERY | TRANSACTION_NOTIFY_LAST_RECOVER)

#define RIGHTS	(ENLISTMENT_GENERIC_READ | ENLISTMENT_RECOVER | ENLISTMENT_SUPERIOR_RIGHTS |	\
		 ENLISTMENT_SUBORDINATE_RIGHTS)

static HANDLE ResourceManager;

static void next_notification(PKTM_NOTIFICATION_BUFFER Buffer)
{
	tps_must(ZwGetNotificationResourceManager(ResourceManager, &Buffer->Notification,
						  sizeof(*Buffer), NULL, NULL, 0, 0),
		 "no notification");
}

/*
 * Waits for the end of a phase. False: a database has said no, and the rollback is
 * over everywhere.
 */
static bool wait_for(ULONG Wanted, HANDLE Enlistment)
{
	KTM_NOTIFICATION_BUFFER Buffer;

	for (;;) {
		next_notification(&Buffer);
		if (Buffer.Notification.TransactionNotification == Wanted)
			return true;
		switch (Buffer.Notification.TransactionNotification) {
		case TRANSACTION_NOTIFY_ROLLBACK:
			tps_must(ZwRollbackComplete(Enlistment, NULL), "RollbackComplete");
			break;
		case TRANSACTION_NOTIFY_ROLLBACK_COMPLETE:
			return false;
		}
	}
}

/* ---- the component's decision, kept as long as somebody may ask for it ---- */

static void decide(const GUID *Enlistment)
{
	if (!store_begin(Enlistment) || !store_prepare())
		err(1, "cannot write the decision");
}

static void forget(const GUID *Enlistment)
{
	if (!store_discard(Enlistment))
		err(1, "cannot forget the decision");
}

/* ---- recovery ---- */

/* A transaction that is prepared everywhere, and waits for our decision. */
static void asked(LPGUID EnlistmentId)
{
	HANDLE Enlistment;

	tps_must(ZwOpenEnlistment(&Enlistment, RIGHTS, ResourceManager, EnlistmentId, NULL),
		 "OpenEnlistment");
	tps_must(ZwRecoverEnlistment(Enlistment, NULL), "RecoverEnlistment");
	if (store_has(EnlistmentId)) {
		tps_must(ZwCommitEnlistment(Enlistment, NULL), "CommitEnlistment");
		if (wait_for(TRANSACTION_NOTIFY_COMMIT_COMPLETE, Enlistment))
			forget(EnlistmentId);
		puts("recovered: committed");
	} else {
		/* No decision was made: nobody was told of a commit. */
		tps_must(ZwRollbackEnlistment(Enlistment, NULL), "RollbackEnlistment");
		wait_for(TRANSACTION_NOTIFY_ROLLBACK_COMPLETE, Enlistment);
		puts("recovered: rolled back");
	}
	ZwClose(Enlistment);
}

/* KTM has named all that it knows: what it does not know is finished. */
static void forget_finished(GUID *EnlistmentId)
{
	HANDLE Enlistment;
	NTSTATUS Status;

	Status = ZwOpenEnlistment(&Enlistment, ENLISTMENT_GENERIC_READ, ResourceManager,
				  EnlistmentId, NULL);
	if (NT_SUCCESS(Status))
		ZwClose(Enlistment);
	else if (Status == STATUS_ENLISTMENT_NOT_FOUND)
		forget(EnlistmentId);
}

/* One that waits for us is settled only after the rest has been named. */
static void recover(void)
{
	GUID Asked[64];
	size_t count = 0;
	KTM_NOTIFICATION_BUFFER Buffer;

	for (;;) {
		next_notification(&Buffer);
		switch (Buffer.Notification.TransactionNotification) {
		case TRANSACTION_NOTIFY_RECOVER_QUERY:
			if (count == sizeof(Asked) / sizeof(Asked[0]))
				errx(1, "too many transactions to recover");
			Asked[count++] = Buffer.Argument.EnlistmentId;
			break;
		case TRANSACTION_NOTIFY_COMMIT_COMPLETE:
			forget(&Buffer.Argument.EnlistmentId);
			puts("recovered: had been committed");
			break;
		case TRANSACTION_NOTIFY_LAST_RECOVER:
			while (count)
				asked(&Asked[--count]);
			if (!store_each(forget_finished))
				err(1, "cannot clear up");
			return;
		}
	}
}

/* ---- the component's interface for its own clients ---- */

struct component_transaction {
	HANDLE Transaction;
	HANDLE Enlistment;
	GUID TransactionId;
	GUID EnlistmentId;
};

static void component_begin(struct component_transaction *t)
{
	TRANSACTION_BASIC_INFORMATION Transaction;
	ENLISTMENT_BASIC_INFORMATION Enlistment;

	tps_must(ZwCreateTransaction(&t->Transaction, TRANSACTION_ALL_ACCESS, NULL, NULL, NULL, 0,
				     0, 0, NULL, NULL), "CreateTransaction");
	tps_must(ZwQueryInformationTransaction(t->Transaction, TransactionBasicInformation,
					       &Transaction, sizeof(Transaction), NULL),
		 "QueryInformationTransaction");
	t->TransactionId = Transaction.TransactionId;
	tps_must(ZwCreateEnlistment(&t->Enlistment, RIGHTS, ResourceManager, t->Transaction, NULL,
				    ENLISTMENT_SUPERIOR, MASK, t), "CreateEnlistment");
	tps_must(ZwQueryInformationEnlistment(t->Enlistment, EnlistmentBasicInformation,
					      &Enlistment, sizeof(Enlistment), NULL),
		 "QueryInformationEnlistment");
	t->EnlistmentId = Enlistment.EnlistmentId;
}

static void component_end(struct component_transaction *t)
{
	ZwClose(t->Enlistment);
	ZwClose(t->Transaction);
}

static void component_rollback(struct component_transaction *t)
{
	tps_must(ZwRollbackEnlistment(t->Enlistment, NULL), "RollbackEnlistment");
	wait_for(TRANSACTION_NOTIFY_ROLLBACK_COMPLETE, t->Enlistment);
}

/* False: rolled back. */
static bool component_commit(struct component_transaction *t, const char *how)
{
	tps_must(ZwPrePrepareEnlistment(t->Enlistment, NULL), "PrePrepareEnlistment");
	if (!wait_for(TRANSACTION_NOTIFY_PREPREPARE_COMPLETE, t->Enlistment))
		return false;
	tps_must(ZwPrepareEnlistment(t->Enlistment, NULL), "PrepareEnlistment");
	if (!wait_for(TRANSACTION_NOTIFY_PREPARE_COMPLETE, t->Enlistment))
		return false;
	if (!strcmp(how, "die-prepared"))
		exit(0);
	decide(&t->EnlistmentId);
	if (!strcmp(how, "die-decided"))
		exit(0);
	tps_must(ZwCommitEnlistment(t->Enlistment, NULL), "CommitEnlistment");
	wait_for(TRANSACTION_NOTIFY_COMMIT_COMPLETE, t->Enlistment);
	forget(&t->EnlistmentId);
	return true;
}

/* ---- a client of the component ---- */

static bool give(LPGUID TransactionId, const char *Database, const char *Text)
{
	HANDLE DataHandle;
	NTSTATUS Status;

	Status = CreateDataObject(Database, TransactionId, &DataHandle);
	if (NT_SUCCESS(Status))
		Status = WriteData(DataHandle, Text, (ULONG)strlen(Text));
	CloseDataObject(DataHandle);
	if (!NT_SUCCESS(Status))
		warnx("%s: status 0x%08x", Database, (unsigned int)Status);
	return NT_SUCCESS(Status);
}

static bool give_all(const char *how, const char *Text, char **Databases)
{
	struct component_transaction t;
	bool good = true;

	component_begin(&t);
	for (; *Databases && good; Databases++)
		good = give(&t.TransactionId, *Databases, Text);
	if (!good || !strcmp(how, "rollback"))
		component_rollback(&t);
	else
		good = component_commit(&t, how);
	component_end(&t);
	return good;
}

static bool is_one_of(const char *how)
{
	static const char *const all[] = { "commit", "rollback", "die-prepared", "die-decided" };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(how, all[i]))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	HANDLE TransactionManager;
	bool only_recover = argc == 5 && !strcmp(argv[4], "recover");

	if (!only_recover && (argc < 7 || !is_one_of(argv[4])))
		errx(2, "usage: tps-superior JOURNAL GUID DIRECTORY "
			"recover|commit|rollback|die-prepared|die-decided [TEXT DATABASE...]");
	tps_start(argv[1], argv[2], &TransactionManager, &ResourceManager);
	if (!store_open(argv[3]))
		err(1, "%s", argv[3]);
	recover();
	if (only_recover)
		return 0;
	if (!give_all(argv[4], argv[5], argv + 6))
		errx(1, "rolled back");
	return 0;
}
