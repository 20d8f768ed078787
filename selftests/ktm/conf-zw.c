// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance: the calls of <ktm/zw.h>, each made at least once with success, and the
 * statuses that the module knows nothing of because the library gives them.
 */
#include <sys/epoll.h>

#include "disk.h"
#include "nt.h"

#define BAD	KtmHandle(9999)

static const LARGE_INTEGER at_once;
static HANDLE tm, rm, tx;

static HANDLE new_tm(void)
{
	HANDLE h;

	NT(STATUS_SUCCESS, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS, NULL,
	   NULL, TRANSACTION_MANAGER_VOLATILE, 0);
	return h;
}

static HANDLE new_tx(void)
{
	HANDLE h;

	NT(STATUS_SUCCESS, ZwCreateTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, NULL, tm, 0, 0,
	   0, NULL, NULL);
	return h;
}

static HANDLE new_rm(ULONG options)
{
	HANDLE h;

	NT(STATUS_SUCCESS, ZwCreateResourceManager, &h, RESOURCEMANAGER_ALL_ACCESS, tm, NULL, NULL,
	   options | RESOURCE_MANAGER_VOLATILE, NULL);
	return h;
}

static HANDLE new_en(HANDLE of, ULONG options, NOTIFICATION_MASK mask, ULONG_PTR key)
{
	HANDLE h;

	NT(STATUS_SUCCESS, ZwCreateEnlistment, &h, ENLISTMENT_ALL_ACCESS, of, tx, NULL, options,
	   mask, (PVOID)key);
	return h;
}

void test_setup(void)
{
	tm = new_tm();
	rm = new_rm(0);
	tx = new_tx();
}

/* The next notification of @of is @kind, with this key. */
static void next(HANDLE of, ULONG kind, ULONG_PTR key)
{
	LARGE_INTEGER patience = { .QuadPart = -PATIENCE * 10000000ll };
	KTM_NOTIFICATION_BUFFER n;
	ULONG bytes = 0;

	NT(STATUS_SUCCESS, ZwGetNotificationResourceManager, of, &n.Notification, sizeof(n),
	   &patience, &bytes, 0, 0);
	CHECK(bytes >= sizeof(n.Notification));
	CHECK_EQ(n.Notification.TransactionNotification, kind);
	CHECK_EQ(n.Notification.TransactionKey, key);
}

static void state_is(ULONG state, ULONG outcome)
{
	const struct deadline d = deadline_in(PATIENCE);
	TRANSACTION_BASIC_INFORMATION info;

	do {
		NT(STATUS_SUCCESS, ZwQueryInformationTransaction, tx, TransactionBasicInformation,
		   &info, sizeof(info), NULL);
		if (deadline_passed(&d))
			FAIL("state %u, outcome %u", info.State, info.Outcome);
		nap();
	} while (info.State != state || info.Outcome != outcome);
}

/* ---- each call with success ---- */

TEST(two_phases)
{
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE | TRANSACTION_NOTIFY_PREPREPARE, 7);
	LARGE_INTEGER clock = { .QuadPart = 1000 };
	TRANSACTIONMANAGER_BASIC_INFORMATION info;

	NT(STATUS_PENDING, ZwCommitTransaction, tx, FALSE);
	next(rm, TRANSACTION_NOTIFY_PREPREPARE, 7);
	NT(STATUS_SUCCESS, ZwPrePrepareComplete, en, NULL);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 7);
	NT(STATUS_SUCCESS, ZwPrepareComplete, en, &clock);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 7);
	NT(STATUS_SUCCESS, ZwCommitComplete, en, NULL);
	state_is(TransactionStateCommittedNotify, TransactionOutcomeCommitted);
	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerBasicInformation, &info, sizeof(info), NULL);
	CHECK_EQ(info.VirtualClock.QuadPart, 1000);
	NT(STATUS_SUCCESS, ZwClose, en);
}

TEST(rollback)
{
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE, 8);

	NT(STATUS_PENDING, ZwRollbackTransaction, tx, FALSE);
	next(rm, TRANSACTION_NOTIFY_ROLLBACK, 8);
	NT(STATUS_SUCCESS, ZwRollbackComplete, en, NULL);
	state_is(TransactionStateNormal, TransactionOutcomeAborted);
}

TEST(rollback_by_a_participant)
{
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE, 9);

	NT(STATUS_SUCCESS, ZwRollbackEnlistment, en, NULL);
	next(rm, TRANSACTION_NOTIFY_ROLLBACK, 9);
	NT(STATUS_SUCCESS, ZwRollbackComplete, en, NULL);
	NT(STATUS_TRANSACTION_ALREADY_ABORTED, ZwCommitTransaction, tx, TRUE);
}

TEST(single_phase_and_read_only)
{
	HANDLE reader = new_en(rm, 0, NOTIFY_TWO_PHASE, 1);
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE | TRANSACTION_NOTIFY_SINGLE_PHASE_COMMIT, 2);

	NT(STATUS_SUCCESS, ZwReadOnlyEnlistment, reader, NULL);
	NT(STATUS_PENDING, ZwCommitTransaction, tx, FALSE);
	next(rm, TRANSACTION_NOTIFY_SINGLE_PHASE_COMMIT, 2);
	NT(STATUS_SUCCESS, ZwSinglePhaseReject, en, NULL);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 2);
	NT(STATUS_SUCCESS, ZwPrepareComplete, en, NULL);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 2);
	NT(STATUS_SUCCESS, ZwCommitComplete, en, NULL);
	state_is(TransactionStateCommittedNotify, TransactionOutcomeCommitted);
}

TEST(superior)
{
	HANDLE above = new_rm(0), en = new_en(rm, 0, NOTIFY_TWO_PHASE, 1), sup;

	sup = new_en(above, ENLISTMENT_SUPERIOR, TRANSACTION_NOTIFY_ROLLBACK |
		     TRANSACTION_NOTIFY_PREPREPARE_COMPLETE | TRANSACTION_NOTIFY_PREPARE_COMPLETE |
		     TRANSACTION_NOTIFY_COMMIT_COMPLETE, 2);
	NT(STATUS_TRANSACTION_SUPERIOR_EXISTS, ZwCommitTransaction, tx, TRUE);
	NT(STATUS_PENDING, ZwPrePrepareEnlistment, sup, NULL);
	next(above, TRANSACTION_NOTIFY_PREPREPARE_COMPLETE, 2);
	NT(STATUS_PENDING, ZwPrepareEnlistment, sup, NULL);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 1);
	NT(STATUS_SUCCESS, ZwPrepareComplete, en, NULL);
	next(above, TRANSACTION_NOTIFY_PREPARE_COMPLETE, 2);
	NT(STATUS_PENDING, ZwCommitEnlistment, sup, NULL);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 1);
	NT(STATUS_SUCCESS, ZwCommitComplete, en, NULL);
	next(above, TRANSACTION_NOTIFY_COMMIT_COMPLETE, 2);
	state_is(TransactionStateCommittedNotify, TransactionOutcomeCommitted);
}

/* By their GUIDs, which enumerations list. */
TEST(opening)
{
	struct {
		KTMOBJECT_CURSOR cursor;
		GUID more[3];
	} list = { 0 };
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE, 1), again;
	RESOURCEMANAGER_BASIC_INFORMATION rm_info;
	ENLISTMENT_BASIC_INFORMATION info;
	TRANSACTIONMANAGER_BASIC_INFORMATION tm_info;
	ULONG bytes;

	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerBasicInformation, &tm_info, sizeof(tm_info), NULL);
	NT(STATUS_SUCCESS, ZwOpenTransactionManager, &again, TRANSACTIONMANAGER_ALL_ACCESS, NULL,
	   NULL, &tm_info.TmIdentity, 0);
	NT(STATUS_SUCCESS, ZwQueryInformationEnlistment, en, EnlistmentBasicInformation, &info,
	   sizeof(info), NULL);
	NT(STATUS_SUCCESS, ZwOpenTransaction, &again, TRANSACTION_ALL_ACCESS, NULL,
	   &info.TransactionId, tm);
	NT(STATUS_SUCCESS, ZwOpenResourceManager, &again, RESOURCEMANAGER_ALL_ACCESS, tm,
	   &info.ResourceManagerId, NULL);
	NT(STATUS_SUCCESS, ZwQueryInformationResourceManager, again,
	   ResourceManagerBasicInformation, &rm_info, sizeof(rm_info), NULL);
	CHECK(!memcmp(&rm_info.ResourceManagerId, &info.ResourceManagerId, sizeof(GUID)));
	NT(STATUS_SUCCESS, ZwOpenEnlistment, &again, ENLISTMENT_ALL_ACCESS, rm,
	   &info.EnlistmentId, NULL);

	NT(STATUS_SUCCESS, ZwEnumerateTransactionObject, rm, KTMOBJECT_ENLISTMENT, &list.cursor,
	   sizeof(list), &bytes);
	CHECK_EQ(list.cursor.ObjectIdCount, 1);
	CHECK_EQ(bytes, offsetof(KTMOBJECT_CURSOR, ObjectIds) + sizeof(GUID));
	CHECK(!memcmp(&list.cursor.ObjectIds[0], &info.EnlistmentId, sizeof(GUID)));
	NT(STATUS_NO_MORE_ENTRIES, ZwEnumerateTransactionObject, rm, KTMOBJECT_ENLISTMENT,
	   &list.cursor, sizeof(list), &bytes);
	NT(STATUS_INVALID_PARAMETER, ZwEnumerateTransactionObject, rm, KTMOBJECT_INVALID,
	   &list.cursor, sizeof(list), &bytes);
	NT(STATUS_INVALID_PARAMETER, ZwEnumerateTransactionObject, rm, KTMOBJECT_ENLISTMENT,
	   &list.cursor, sizeof(list.cursor) - 1, &bytes);
	NT(STATUS_OBJECT_TYPE_MISMATCH, ZwEnumerateTransactionObject, rm, KTMOBJECT_TRANSACTION,
	   &list.cursor, sizeof(list), &bytes);
}

/* A log, recovery, and what is told about it. */
TEST(durable)
{
	struct disk d = disk_make(8 * MIB);
	TRANSACTIONMANAGER_BASIC_INFORMATION info;
	TRANSACTIONMANAGER_RECOVERY_INFORMATION lsn;
	TRANSACTIONMANAGER_LOG_INFORMATION log;
	RESOURCEMANAGER_BASIC_INFORMATION about;
	KTM_NOTIFICATION_BUFFER n;
	UNICODE_STRING path;
	HANDLE again, en;
	char redo[8];
	ULONG bytes;
	GUID id;

	journal_format(d.path, guid_of(5));
	path = STRING(wide(d.path));
	NT(STATUS_SUCCESS, ZwCreateTransactionManager, &tm, TRANSACTIONMANAGER_ALL_ACCESS, NULL,
	   &path, 0, 0);
	NT(STATUS_TRANSACTIONMANAGER_NOT_ONLINE, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerOnlineProbeInformation, NULL, 0, NULL);
	/* Nobody knows it by its name yet. */
	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerBasicInformation, &info, sizeof(info), NULL);
	id = info.TmIdentity;
	NT(STATUS_SUCCESS, ZwRenameTransactionManager, &path, &id);
	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerBasicInformation, &info, sizeof(info), NULL);
	CHECK(memcmp(&info.TmIdentity, &id, sizeof(id)));
	NT(STATUS_TM_IDENTITY_MISMATCH, ZwRenameTransactionManager, &path, &id);
	NT(STATUS_SUCCESS, ZwRecoverTransactionManager, tm);
	NT(STATUS_SUCCESS, ZwSetInformationTransactionManager, tm,
	   TransactionManagerOnlineProbeInformation, NULL, 0);
	NT(STATUS_SUCCESS, ZwOpenTransactionManager, &again, TRANSACTIONMANAGER_ALL_ACCESS, NULL,
	   &path, NULL, 0);
	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, again,
	   TransactionManagerLogInformation, &log, sizeof(log), NULL);
	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, again,
	   TransactionManagerRecoveryInformation, &lsn, sizeof(lsn), NULL);
	NT(STATUS_SUCCESS, ZwClose, again);

	/* Prepared, committed and not finished: its RM comes back to it. */
	NT(STATUS_SUCCESS, ZwCreateResourceManager, &rm, RESOURCEMANAGER_ALL_ACCESS, tm, NULL,
	   NULL, 0, NULL);
	NT(STATUS_SUCCESS, ZwRecoverResourceManager, rm);
	next(rm, TRANSACTION_NOTIFY_LAST_RECOVER, 0);
	tx = new_tx();
	en = new_en(rm, 0, NOTIFY_TWO_PHASE | TRANSACTION_NOTIFY_RECOVER, 3);
	NT(STATUS_SUCCESS, ZwSetInformationEnlistment, en, EnlistmentRecoveryInformation, "redo",
	   4);
	NT(STATUS_PENDING, ZwCommitTransaction, tx, FALSE);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 3);
	NT(STATUS_SUCCESS, ZwPrepareComplete, en, NULL);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 3);
	NT(STATUS_SUCCESS, ZwQueryInformationResourceManager, rm, ResourceManagerBasicInformation,
	   &about, sizeof(about), NULL);
	NT(STATUS_SUCCESS, ZwClose, en);
	NT(STATUS_SUCCESS, ZwClose, tx);
	NT(STATUS_SUCCESS, ZwClose, rm);
	tm_close(KtmDescriptor(tm), d.path);

	path = STRING(wide(d.path));
	NT(STATUS_SUCCESS, ZwCreateTransactionManager, &tm, TRANSACTIONMANAGER_ALL_ACCESS, NULL,
	   &path, 0, 0);
	NT(STATUS_SUCCESS, ZwRecoverTransactionManager, tm);
	NT(STATUS_SUCCESS, ZwOpenResourceManager, &rm, RESOURCEMANAGER_ALL_ACCESS, tm,
	   &about.ResourceManagerId, NULL);
	NT(STATUS_SUCCESS, ZwRecoverResourceManager, rm);
	NT(STATUS_SUCCESS, ZwGetNotificationResourceManager, rm, &n.Notification, sizeof(n),
	   NULL, &bytes, 0, 0);
	CHECK_EQ(n.Notification.TransactionNotification, TRANSACTION_NOTIFY_RECOVER);
	CHECK_EQ(bytes, sizeof(n));
	next(rm, TRANSACTION_NOTIFY_LAST_RECOVER, 0);
	NT(STATUS_SUCCESS, ZwOpenEnlistment, &en, ENLISTMENT_ALL_ACCESS, rm,
	   &n.Argument.EnlistmentId, NULL);
	NT(STATUS_SUCCESS, ZwQueryInformationEnlistment, en, EnlistmentRecoveryInformation, redo,
	   sizeof(redo), &bytes);
	CHECK_EQ(bytes, 4);
	CHECK(!memcmp(redo, "redo", 4));
	NT(STATUS_PENDING, ZwRecoverEnlistment, en, (PVOID)4);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 4);
	NT(STATUS_SUCCESS, ZwCommitComplete, en, NULL);
}

/* As a log has no decision yet, any clock is beyond its end: all is recovered. */
TEST(rolled_forward)
{
	struct disk d = disk_make(8 * MIB);
	LARGE_INTEGER clock = { .QuadPart = 1 << 20 };
	UNICODE_STRING path;

	journal_format(d.path, guid_of(5));
	path = STRING(wide(d.path));
	NT(STATUS_SUCCESS, ZwCreateTransactionManager, &tm, TRANSACTIONMANAGER_ALL_ACCESS, NULL,
	   &path, 0, 0);
	NT(STATUS_SUCCESS, ZwRollforwardTransactionManager, tm, &clock);
	NT(STATUS_SUCCESS, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerOnlineProbeInformation, NULL, 0, NULL);
}

TEST(information)
{
	static WCHAR text[] = u"a \u20ac";
	UNICODE_STRING description = STRING(text);
	RESOURCEMANAGER_COMPLETION_INFORMATION port = { KtmHandle(epoll_create1(0)), 5 }, back;
	struct {
		TRANSACTION_PROPERTIES_INFORMATION info;
		WCHAR more[64];
	} p;
	struct {
		TRANSACTION_ENLISTMENTS_INFORMATION info;
		TRANSACTION_ENLISTMENT_PAIR more;
	} list;
	ENLISTMENT_CRM_INFORMATION crm;
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE, 1);

	memset(&p, 0, sizeof(p));
	p.info.Timeout.QuadPart = -3600 * 10000000ll;
	p.info.DescriptionLength = description.Length;
	memcpy(p.info.Description, text, description.Length);
	NT(STATUS_SUCCESS, ZwSetInformationTransaction, tx, TransactionPropertiesInformation, &p,
	   offsetof(TRANSACTION_PROPERTIES_INFORMATION, Description) + description.Length);
	memset(&p, 0, sizeof(p));
	NT(STATUS_SUCCESS, ZwQueryInformationTransaction, tx, TransactionPropertiesInformation, &p,
	   sizeof(p), NULL);
	CHECK_EQ(p.info.Timeout.QuadPart, -3600 * 10000000ll);
	CHECK_EQ(p.info.DescriptionLength, description.Length);
	CHECK(!memcmp(p.info.Description, text, description.Length));
	NT(STATUS_SUCCESS, ZwQueryInformationTransaction, tx, TransactionEnlistmentInformation,
	   &list, sizeof(list), NULL);
	CHECK_EQ(list.info.NumberOfEnlistments, 1);
	NT(STATUS_SUCCESS, ZwQueryInformationEnlistment, en, EnlistmentCrmInformation, &crm,
	   sizeof(crm), NULL);
	CHECK(!memcmp(&crm.CrmEnlistmentId, &list.info.EnlistmentPair[0].EnlistmentId,
		      sizeof(GUID)));
	NT(STATUS_SUCCESS, ZwSetInformationResourceManager, rm, ResourceManagerCompletionInformation,
	   &port, sizeof(port));
	NT(STATUS_SUCCESS, ZwQueryInformationResourceManager, rm,
	   ResourceManagerCompletionInformation, &back, sizeof(back), NULL);
	CHECK(!memcmp(&port, &back, sizeof(port)));
}

TEST(freeze)
{
	LARGE_INTEGER second = { .QuadPart = -10000000 }, minute = { .QuadPart = -600000000 };

	NT(STATUS_SUCCESS, ZwFreezeTransactions, &second, &minute);
	NT(STATUS_TRANSACTION_FREEZE_IN_PROGRESS, ZwFreezeTransactions, &second, &minute);
	NT(STATUS_SUCCESS, ZwThawTransactions);
	NT(STATUS_TRANSACTIONS_NOT_FROZEN, ZwThawTransactions);
}

TEST(protocols)
{
	GUID id = { .Data1 = 1 };
	HANDLE far = new_rm(RESOURCE_MANAGER_COMMUNICATION);

	NT(STATUS_SUCCESS, ZwRegisterProtocolAddressInformation, far, &id, 4, "here", 0);
	NT(STATUS_CRM_PROTOCOL_ALREADY_EXISTS, ZwRegisterProtocolAddressInformation, far, &id, 4,
	   "here", 0);
	NT(STATUS_TRANSACTION_NOT_REQUESTED, ZwPropagationComplete, far, 1, 4, "done");
	NT(STATUS_TRANSACTION_NOT_REQUESTED, ZwPropagationFailed, far, 1, STATUS_UNSUCCESSFUL);
}

/* ---- what the library refuses by itself ---- */

TEST(create_transaction_manager)
{
	UNICODE_STRING path = STRING(u"/dev/null");
	HANDLE h;

	NT(STATUS_INVALID_PARAMETER, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, &path, TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_INVALID_PARAMETER, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, NULL, 0, 0);
	NT(STATUS_INVALID_PARAMETER, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, NULL, TRANSACTION_MANAGER_VOLATILE, 1);
	NT(STATUS_INVALID_PARAMETER, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, NULL, TRANSACTION_MANAGER_VOLATILE | 0x20, 0);
}

TEST(open_transaction_manager)
{
	UNICODE_STRING path = STRING(u"/dev/null");
	GUID id = { .Data1 = 1 };
	HANDLE h;

	NT(STATUS_INVALID_PARAMETER, ZwOpenTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, NULL, NULL, 0);
	NT(STATUS_INVALID_PARAMETER, ZwOpenTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, &path, &id, 0);
	NT(STATUS_INVALID_PARAMETER, ZwOpenTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS,
	   NULL, NULL, &id, 1);
}

TEST(open_without_a_guid)
{
	HANDLE h;

	NT(STATUS_INVALID_PARAMETER, ZwOpenTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, NULL,
	   NULL);
	NT(STATUS_INVALID_PARAMETER, ZwOpenResourceManager, &h, RESOURCEMANAGER_ALL_ACCESS, tm,
	   NULL, NULL);
	NT(STATUS_INVALID_PARAMETER, ZwOpenEnlistment, &h, ENLISTMENT_ALL_ACCESS, rm, NULL, NULL);
}

static GUID uow_of(HANDLE of)
{
	TRANSACTION_BASIC_INFORMATION info;

	NT(STATUS_SUCCESS, ZwQueryInformationTransaction, of, TransactionBasicInformation, &info,
	   sizeof(info), NULL);
	return info.TransactionId;
}

TEST(open_transaction_of_a_tm)
{
	GUID uow = uow_of(tx);
	HANDLE h;

	NT(STATUS_SUCCESS, ZwOpenTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, &uow, tm);
	NT(STATUS_TRANSACTION_NOT_FOUND, ZwOpenTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, &uow,
	   new_tm());
	NT(STATUS_OBJECT_TYPE_MISMATCH, ZwOpenTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, &uow,
	   rm);
	NT(STATUS_INVALID_HANDLE, ZwOpenTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, &uow, BAD);
}

/* A name is a GUID in the directory of its kind. */
TEST(object_attributes)
{
	UNICODE_STRING tm_name = STRING(u"\\TransactionManager\\{00000001-0000-0000-0000-000000000002}");
	UNICODE_STRING tx_name = STRING(u"\\Transaction\\{00000001-0000-0000-0000-000000000003}");
	UNICODE_STRING no_name = STRING(u"\\Transaction\\yesterday");
	struct {
		ULONG length;
		ULONG what;
	} foreign = { 4, 0 };
	OBJECT_ATTRIBUTES a;
	HANDLE h;

	InitializeObjectAttributes(&a, &tm_name, OBJ_OPENIF, NULL, NULL);
	NT(STATUS_SUCCESS, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS, &a, NULL,
	   TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_OBJECT_NAME_EXISTS, ZwCreateTransactionManager, &h,
	   TRANSACTIONMANAGER_ALL_ACCESS, &a, NULL, TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_SUCCESS, ZwClose, h);
	a.Attributes = 0;
	NT(STATUS_OBJECT_NAME_COLLISION, ZwCreateTransactionManager, &h,
	   TRANSACTIONMANAGER_ALL_ACCESS, &a, NULL, TRANSACTION_MANAGER_VOLATILE, 0);
	InitializeObjectAttributes(&a, &tx_name, OBJ_OPENIF, NULL, NULL);
	NT(STATUS_SUCCESS, ZwCreateTransaction, &h, TRANSACTION_ALL_ACCESS, &a, NULL, NULL, 0, 0,
	   0, NULL, NULL);
	NT(STATUS_OBJECT_NAME_EXISTS, ZwCreateTransaction, &h, TRANSACTION_ALL_ACCESS, &a, NULL,
	   NULL, 0, 0, 0, NULL, NULL);

	InitializeObjectAttributes(&a, &no_name, 0, NULL, NULL);
	NT(STATUS_OBJECT_NAME_INVALID, ZwCreateTransactionManager, &h,
	   TRANSACTIONMANAGER_ALL_ACCESS, &a, NULL, TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_OBJECT_NAME_INVALID, ZwOpenTransactionManager, &h,
	   TRANSACTIONMANAGER_ALL_ACCESS, &a, NULL, NULL, 0);
	NT(STATUS_OBJECT_NAME_INVALID, ZwCreateTransaction, &h, TRANSACTION_ALL_ACCESS, &a, NULL,
	   NULL, 0, 0, 0, NULL, NULL);
	NT(STATUS_OBJECT_NAME_INVALID, ZwOpenTransaction, &h, TRANSACTION_ALL_ACCESS, &a, NULL,
	   NULL);

	InitializeObjectAttributes(&a, NULL, 0, NULL, &foreign);
	NT(STATUS_INVALID_ACL, ZwCreateTransactionManager, &h, TRANSACTIONMANAGER_ALL_ACCESS, &a,
	   NULL, TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_INVALID_ACL, ZwCreateTransaction, &h, TRANSACTION_ALL_ACCESS, &a, NULL, NULL, 0,
	   0, 0, NULL, NULL);
}

/* Bits that are no right of that kind of object; none at all. */
TEST(desired_access)
{
	GUID id = uow_of(tx);
	HANDLE h;

	NT(STATUS_ACCESS_DENIED, ZwCreateTransactionManager, &h, 0x8000, NULL, NULL,
	   TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_ACCESS_DENIED, ZwOpenTransactionManager, &h, 0x8000, NULL, NULL, &id, 0);
	NT(STATUS_ACCESS_DENIED, ZwCreateTransaction, &h, 0x8000, NULL, NULL, NULL, 0, 0, 0, NULL,
	   NULL);
	NT(STATUS_ACCESS_DENIED, ZwOpenTransaction, &h, 0x8000, NULL, &id, NULL);
	NT(STATUS_ACCESS_DENIED, ZwCreateResourceManager, &h, 0x8000, tm, NULL, NULL,
	   RESOURCE_MANAGER_VOLATILE, NULL);
	NT(STATUS_ACCESS_DENIED, ZwOpenResourceManager, &h, 0x8000, tm, &id, NULL);
	NT(STATUS_ACCESS_DENIED, ZwCreateEnlistment, &h, 0x8000, rm, tx, NULL, 0, NOTIFY_TWO_PHASE,
	   NULL);
	NT(STATUS_ACCESS_DENIED, ZwOpenEnlistment, &h, 0x8000, rm, &id, NULL);

	NT(STATUS_INVALID_PARAMETER, ZwCreateTransactionManager, &h, 0, NULL, NULL,
	   TRANSACTION_MANAGER_VOLATILE, 0);
	NT(STATUS_INVALID_PARAMETER, ZwCreateTransaction, &h, 0, NULL, NULL, NULL, 0, 0, 0, NULL,
	   NULL);
	NT(STATUS_INVALID_PARAMETER, ZwCreateResourceManager, &h, 0, tm, NULL, NULL,
	   RESOURCE_MANAGER_VOLATILE, NULL);
	NT(STATUS_INVALID_PARAMETER, ZwCreateEnlistment, &h, 0, rm, tx, NULL, 0, NOTIFY_TWO_PHASE,
	   NULL);
}

/* A handle behind which there is nothing. */
TEST(handles)
{
	UNICODE_STRING path = STRING(u"/dev/there/is/none");
	KTM_NOTIFICATION_BUFFER n;
	LARGE_INTEGER now = at_once;
	GUID id = uow_of(tx);
	KTMOBJECT_CURSOR cursor = { 0 };
	char room[64];
	ULONG bytes;
	HANDLE h;

	NT(STATUS_INVALID_HANDLE, ZwRecoverTransactionManager, BAD);
	NT(STATUS_INVALID_HANDLE, ZwRollforwardTransactionManager, BAD, NULL);
	NT(STATUS_OBJECT_NAME_NOT_FOUND, ZwRenameTransactionManager, &path, &id);
	NT(STATUS_INVALID_HANDLE, ZwQueryInformationTransactionManager, BAD,
	   TransactionManagerBasicInformation, room, sizeof(room), NULL);
	NT(STATUS_INVALID_HANDLE, ZwSetInformationTransactionManager, BAD,
	   TransactionManagerBasicInformation, room, sizeof(room));
	NT(STATUS_INVALID_HANDLE, ZwEnumerateTransactionObject, BAD, KTMOBJECT_RESOURCE_MANAGER,
	   &cursor, sizeof(cursor), &bytes);
	NT(STATUS_INVALID_HANDLE, ZwCreateTransaction, &h, TRANSACTION_ALL_ACCESS, NULL, NULL, BAD,
	   0, 0, 0, NULL, NULL);
	NT(STATUS_INVALID_HANDLE, ZwCommitTransaction, BAD, FALSE);
	NT(STATUS_INVALID_HANDLE, ZwRollbackTransaction, BAD, FALSE);
	NT(STATUS_INVALID_HANDLE, ZwQueryInformationTransaction, BAD, TransactionBasicInformation,
	   room, sizeof(room), NULL);
	NT(STATUS_INVALID_HANDLE, ZwSetInformationTransaction, BAD, TransactionBasicInformation,
	   room, sizeof(room));
	NT(STATUS_INVALID_HANDLE, ZwCreateResourceManager, &h, RESOURCEMANAGER_ALL_ACCESS, BAD,
	   NULL, NULL, RESOURCE_MANAGER_VOLATILE, NULL);
	NT(STATUS_INVALID_HANDLE, ZwOpenResourceManager, &h, RESOURCEMANAGER_ALL_ACCESS, BAD, &id,
	   NULL);
	NT(STATUS_INVALID_HANDLE, ZwRecoverResourceManager, BAD);
	NT(STATUS_INVALID_HANDLE, ZwGetNotificationResourceManager, BAD, &n.Notification,
	   sizeof(n), &now, NULL, 0, 0);
	NT(STATUS_INVALID_HANDLE, ZwQueryInformationResourceManager, BAD,
	   ResourceManagerBasicInformation, room, sizeof(room), NULL);
	NT(STATUS_INVALID_HANDLE, ZwSetInformationResourceManager, BAD,
	   ResourceManagerBasicInformation, room, sizeof(room));
	NT(STATUS_INVALID_HANDLE, ZwRegisterProtocolAddressInformation, BAD, &id, 4, room, 0);
	NT(STATUS_INVALID_HANDLE, ZwPropagationComplete, BAD, 1, 4, room);
	NT(STATUS_INVALID_HANDLE, ZwPropagationFailed, BAD, 1, STATUS_UNSUCCESSFUL);
	NT(STATUS_INVALID_HANDLE, ZwCreateEnlistment, &h, ENLISTMENT_ALL_ACCESS, BAD, tx, NULL, 0,
	   NOTIFY_TWO_PHASE, NULL);
	NT(STATUS_INVALID_HANDLE, ZwCreateEnlistment, &h, ENLISTMENT_ALL_ACCESS, rm, BAD, NULL, 0,
	   NOTIFY_TWO_PHASE, NULL);
	NT(STATUS_INVALID_HANDLE, ZwOpenEnlistment, &h, ENLISTMENT_ALL_ACCESS, BAD, &id, NULL);
	NT(STATUS_INVALID_HANDLE, ZwRecoverEnlistment, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwPrePrepareEnlistment, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwPrepareEnlistment, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwCommitEnlistment, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwRollbackEnlistment, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwPrePrepareComplete, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwPrepareComplete, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwCommitComplete, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwRollbackComplete, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwReadOnlyEnlistment, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwSinglePhaseReject, BAD, NULL);
	NT(STATUS_INVALID_HANDLE, ZwQueryInformationEnlistment, BAD, EnlistmentBasicInformation,
	   room, sizeof(room), NULL);
	NT(STATUS_INVALID_HANDLE, ZwSetInformationEnlistment, BAD, EnlistmentRecoveryInformation,
	   room, sizeof(room));
	NT(STATUS_INVALID_HANDLE, ZwClose, BAD);
}

/* The reference has three statuses for a buffer that is too small. */
TEST(information_lengths)
{
	UNICODE_STRING text = STRING(u"described");
	HANDLE en = new_en(rm, 0, NOTIFY_TWO_PHASE, 1), with;
	char room[256];
	ULONG bytes;

	NT(STATUS_INFO_LENGTH_MISMATCH, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerBasicInformation, room,
	   sizeof(TRANSACTIONMANAGER_BASIC_INFORMATION) - 1, &bytes);
	CHECK_EQ(bytes, sizeof(TRANSACTIONMANAGER_BASIC_INFORMATION));
	NT(STATUS_INFO_LENGTH_MISMATCH, ZwQueryInformationTransaction, tx,
	   TransactionBasicInformation, room, sizeof(TRANSACTION_BASIC_INFORMATION) - 1, &bytes);
	CHECK_EQ(bytes, sizeof(TRANSACTION_BASIC_INFORMATION));
	NT(STATUS_INFO_LENGTH_MISMATCH, ZwQueryInformationEnlistment, en,
	   EnlistmentBasicInformation, room, sizeof(ENLISTMENT_BASIC_INFORMATION) - 1, &bytes);
	CHECK_EQ(bytes, sizeof(ENLISTMENT_BASIC_INFORMATION));
	NT(STATUS_SUCCESS, ZwCreateTransaction, &with, TRANSACTION_ALL_ACCESS, NULL, NULL, tm, 0,
	   0, 0, NULL, &text);
	NT(STATUS_BUFFER_OVERFLOW, ZwQueryInformationTransaction, with,
	   TransactionPropertiesInformation, room,
	   offsetof(TRANSACTION_PROPERTIES_INFORMATION, Description) + 4, &bytes);
	CHECK_EQ(bytes, offsetof(TRANSACTION_PROPERTIES_INFORMATION, Description) + text.Length);
	NT(STATUS_BUFFER_OVERFLOW, ZwQueryInformationTransaction, tx,
	   TransactionEnlistmentInformation, room, sizeof(ULONG), &bytes);
	NT(STATUS_SUCCESS, ZwCreateResourceManager, &with, RESOURCEMANAGER_ALL_ACCESS, tm, NULL,
	   NULL, RESOURCE_MANAGER_VOLATILE, &text);
	NT(STATUS_BUFFER_TOO_SMALL, ZwQueryInformationResourceManager, with,
	   ResourceManagerBasicInformation, room, sizeof(GUID), &bytes);
	NT(STATUS_BUFFER_OVERFLOW, ZwQueryInformationResourceManager, with,
	   ResourceManagerBasicInformation, room,
	   offsetof(RESOURCEMANAGER_BASIC_INFORMATION, Description) + 2, &bytes);
	CHECK_EQ(bytes, offsetof(RESOURCEMANAGER_BASIC_INFORMATION, Description) + text.Length);
	NT(STATUS_INVALID_INFO_CLASS, ZwQueryInformationTransactionManager, tm,
	   TransactionManagerOldestTransactionInformation, room, sizeof(room), &bytes);
	NT(STATUS_INVALID_INFO_CLASS, ZwQueryInformationTransaction, tx,
	   TransactionBindInformation, room, sizeof(room), &bytes);
	NT(STATUS_INVALID_INFO_CLASS, ZwQueryInformationTransaction, tx,
	   TransactionDTCPrivateInformation, room, sizeof(room), &bytes);
}

TEST(get_notification)
{
	LARGE_INTEGER now = at_once, soon = { .QuadPart = -10000 };
	LARGE_INTEGER past = { .QuadPart = 1 };
	KTM_NOTIFICATION_BUFFER n;
	ULONG bytes;

	NT(STATUS_INVALID_PARAMETER, ZwGetNotificationResourceManager, rm, &n.Notification,
	   sizeof(n), &now, NULL, 1, 0);
	NT(STATUS_INVALID_PARAMETER, ZwGetNotificationResourceManager, rm, &n.Notification,
	   sizeof(n), &now, NULL, 0, 5);
	NT(STATUS_TIMEOUT, ZwGetNotificationResourceManager, rm, &n.Notification, sizeof(n), &now,
	   NULL, 0, 0);
	NT(STATUS_TIMEOUT, ZwGetNotificationResourceManager, rm, &n.Notification, sizeof(n), &soon,
	   NULL, 0, 0);
	NT(STATUS_TIMEOUT, ZwGetNotificationResourceManager, rm, &n.Notification, sizeof(n), &past,
	   NULL, 0, 0);
	new_en(rm, 0, NOTIFY_TWO_PHASE, 6);
	NT(STATUS_PENDING, ZwCommitTransaction, tx, FALSE);
	NT(STATUS_BUFFER_TOO_SMALL, ZwGetNotificationResourceManager, rm, &n.Notification,
	   sizeof(n.Notification) - 1, &now, &bytes, 0, 0);
	CHECK(bytes >= sizeof(n.Notification));
	/* It has not been lost. */
	next(rm, TRANSACTION_NOTIFY_PREPARE, 6);
}
