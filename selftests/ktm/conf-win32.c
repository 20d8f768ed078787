// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance: the functions of <ktmw32.h>, each called at least once with success
 * ("# shows win32 FUNCTION"), and the last errors that only they can tell ("# shows
 * win32 FUNCTION ERROR").
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <ktmw32.h>

#include "disk.h"
#include "nt.h"

#define BAD	KtmHandle(9999)

/* The function returns TRUE. */
#define YES(call, ...)							\
	do {								\
		if (!call(__VA_ARGS__))					\
			FAIL("%s: last error %u", #call, GetLastError()); \
		SHOWS("win32 %s", #call);				\
	} while (0)

/* It returns a handle. */
#define HANDLE_OF(call, ...)						\
	({								\
		const HANDLE __h = call(__VA_ARGS__);			\
									\
		if (__h == INVALID_HANDLE_VALUE)			\
			FAIL("%s: last error %u", #call, GetLastError()); \
		SHOWS("win32 %s", #call);				\
		__h;							\
	})

/* It returns FALSE, and this is the last error. */
#define NO(error, call, ...)						\
	do {								\
		SetLastError(0);					\
		if (call(__VA_ARGS__))					\
			FAIL("%s is TRUE, not " #error, #call);		\
		if (GetLastError() != (error))				\
			FAIL("%s: last error %u, not " #error, #call, GetLastError()); \
		SHOWS("win32 %s " #error, #call);			\
	} while (0)

/* The same of one that returns a handle. */
#define NO_HANDLE(error, call, ...)					\
	do {								\
		SetLastError(0);					\
		if (call(__VA_ARGS__) != INVALID_HANDLE_VALUE)		\
			FAIL("%s gives a handle, not " #error, #call);	\
		if (GetLastError() != (error))				\
			FAIL("%s: last error %u, not " #error, #call, GetLastError()); \
		SHOWS("win32 %s " #error, #call);			\
	} while (0)

static HANDLE tm, rm, tx;
static GUID rm_id = { .Data1 = 77 };

void test_setup(void)
{
	tm = HANDLE_OF(CreateTransactionManager, NULL, NULL, TRANSACTION_MANAGER_VOLATILE, 0);
	rm = HANDLE_OF(CreateResourceManager, NULL, &rm_id, RESOURCE_MANAGER_VOLATILE, tm, NULL);
	tx = HANDLE_OF(CreateTransaction, NULL, NULL, 0, 0, 0, INFINITE, NULL);
}

static HANDLE enlisted(HANDLE of, DWORD options, NOTIFICATION_MASK mask, ULONG_PTR key)
{
	return HANDLE_OF(CreateEnlistment, NULL, of, tx, mask, options, (PVOID)key);
}

static void next(HANDLE of, ULONG kind, ULONG_PTR key)
{
	KTM_NOTIFICATION_BUFFER n;
	ULONG bytes;

	YES(GetNotificationResourceManager, of, &n.Notification, sizeof(n), PATIENCE * 1000,
	    &bytes);
	CHECK_EQ(n.Notification.TransactionNotification, kind);
	CHECK_EQ(n.Notification.TransactionKey, key);
}

static void outcome_is(DWORD want)
{
	const struct deadline d = deadline_in(PATIENCE);
	DWORD outcome;

	do {
		YES(GetTransactionInformation, tx, &outcome, NULL, NULL, NULL, 0, NULL);
		if (deadline_passed(&d))
			FAIL("outcome %u", outcome);
		nap();
	} while (outcome != want);
}

TEST(two_phases)
{
	HANDLE en = enlisted(rm, 0, NOTIFY_TWO_PHASE | TRANSACTION_NOTIFY_PREPREPARE, 5);
	LARGE_INTEGER clock = { .QuadPart = 1000 }, now;

	NO(ERROR_IO_PENDING, CommitTransactionAsync, tx);
	next(rm, TRANSACTION_NOTIFY_PREPREPARE, 5);
	YES(PrePrepareComplete, en, NULL);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 5);
	YES(PrepareComplete, en, &clock);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 5);
	YES(CommitComplete, en, NULL);
	outcome_is(TransactionOutcomeCommitted);
	YES(GetCurrentClockTransactionManager, tm, &now);
	CHECK_EQ(now.QuadPart, 1000);
	YES(CloseHandle, en);
}

/* Nobody takes part: over at once, and by the asynchronous call too. */
TEST(nobody_takes_part)
{
	YES(CommitTransaction, tx);
	NO(ERROR_TRANSACTION_ALREADY_COMMITTED, CommitTransaction, tx);
	tx = HANDLE_OF(CreateTransaction, NULL, NULL, 0, 0, 0, 0, NULL);
	YES(CommitTransactionAsync, tx);
	tx = HANDLE_OF(CreateTransaction, NULL, NULL, 0, 0, 0, 0, NULL);
	YES(RollbackTransaction, tx);
	NO(ERROR_TRANSACTION_ALREADY_ABORTED, CommitTransaction, tx);
	tx = HANDLE_OF(CreateTransaction, NULL, NULL, 0, 0, 0, 0, NULL);
	YES(RollbackTransactionAsync, tx);
}

TEST(rollback)
{
	HANDLE en = enlisted(rm, 0, NOTIFY_TWO_PHASE, 5);

	NO(ERROR_IO_PENDING, RollbackTransactionAsync, tx);
	next(rm, TRANSACTION_NOTIFY_ROLLBACK, 5);
	YES(RollbackComplete, en, NULL);
	outcome_is(TransactionOutcomeAborted);
}

TEST(rollback_by_a_participant)
{
	HANDLE en = enlisted(rm, 0, NOTIFY_TWO_PHASE, 5);

	YES(RollbackEnlistment, en, NULL);
	next(rm, TRANSACTION_NOTIFY_ROLLBACK, 5);
	YES(RollbackComplete, en, NULL);
	outcome_is(TransactionOutcomeAborted);
}

TEST(single_phase_and_read_only)
{
	HANDLE reader = enlisted(rm, 0, NOTIFY_TWO_PHASE, 1);
	HANDLE en = enlisted(rm, 0, NOTIFY_TWO_PHASE | TRANSACTION_NOTIFY_SINGLE_PHASE_COMMIT, 2);

	YES(ReadOnlyEnlistment, reader, NULL);
	NO(ERROR_IO_PENDING, CommitTransactionAsync, tx);
	next(rm, TRANSACTION_NOTIFY_SINGLE_PHASE_COMMIT, 2);
	YES(SinglePhaseReject, en, NULL);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 2);
	YES(PrepareComplete, en, NULL);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 2);
	YES(CommitComplete, en, NULL);
	outcome_is(TransactionOutcomeCommitted);
}

TEST(superior)
{
	GUID id = { .Data1 = 78 };
	HANDLE above, en = enlisted(rm, 0, NOTIFY_TWO_PHASE, 1), sup;

	above = HANDLE_OF(CreateResourceManager, NULL, &id, RESOURCE_MANAGER_VOLATILE, tm, NULL);
	sup = enlisted(above, ENLISTMENT_SUPERIOR, TRANSACTION_NOTIFY_ROLLBACK |
		       TRANSACTION_NOTIFY_PREPREPARE_COMPLETE |
		       TRANSACTION_NOTIFY_PREPARE_COMPLETE | TRANSACTION_NOTIFY_COMMIT_COMPLETE, 2);
	YES(PrePrepareEnlistment, sup, NULL);
	next(above, TRANSACTION_NOTIFY_PREPREPARE_COMPLETE, 2);
	YES(PrepareEnlistment, sup, NULL);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 1);
	YES(PrepareComplete, en, NULL);
	next(above, TRANSACTION_NOTIFY_PREPARE_COMPLETE, 2);
	YES(CommitEnlistment, sup, NULL);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 1);
	YES(CommitComplete, en, NULL);
	next(above, TRANSACTION_NOTIFY_COMMIT_COMPLETE, 2);
	outcome_is(TransactionOutcomeCommitted);
}

TEST(opening)
{
	HANDLE en = enlisted(rm, 0, NOTIFY_TWO_PHASE, 1);
	GUID id;

	YES(GetTransactionManagerId, tm, &id);
	HANDLE_OF(OpenTransactionManagerById, &id, TRANSACTIONMANAGER_ALL_ACCESS, 0);
	YES(GetTransactionId, tx, &id);
	HANDLE_OF(OpenTransaction, TRANSACTION_QUERY_INFORMATION, &id);
	HANDLE_OF(OpenResourceManager, RESOURCEMANAGER_ALL_ACCESS, tm, &rm_id);
	YES(GetEnlistmentId, en, &id);
	HANDLE_OF(OpenEnlistment, ENLISTMENT_ALL_ACCESS, rm, &id);
	id.Data1 ^= 1;
	NO_HANDLE(ERROR_TRANSACTION_NOT_FOUND, OpenTransaction, TRANSACTION_ALL_ACCESS, &id);
}

TEST(information)
{
	WCHAR description[16];
	DWORD level, flags, timeout;

	YES(SetTransactionInformation, tx, 0, 0, 3600 * 1000, wide("described"));
	YES(GetTransactionInformation, tx, NULL, &level, &flags, &timeout, sizeof(description),
	    description);
	CHECK_EQ(level, 0);
	CHECK_EQ(flags, 0);
	CHECK_EQ(timeout, 3600 * 1000);
	CHECK(!memcmp(description, wide("described"), 10 * sizeof(WCHAR)));
}

TEST(recovery)
{
	struct disk d = disk_make(8 * MIB);
	KTM_NOTIFICATION_BUFFER n;
	char redo[8];
	GUID old, id;
	HANDLE en;
	ULONG bytes;

	journal_format(d.path, guid_of(5));
	tm = HANDLE_OF(CreateTransactionManager, NULL, wide(d.path), 0, 0);
	YES(GetTransactionManagerId, tm, &old);
	YES(RenameTransactionManager, wide(d.path), &old);
	YES(GetTransactionManagerId, tm, &id);
	CHECK(memcmp(&old, &id, sizeof(id)));
	YES(RecoverTransactionManager, tm);
	YES(CloseHandle, HANDLE_OF(OpenTransactionManager, wide(d.path),
				   TRANSACTIONMANAGER_ALL_ACCESS, 0));
	rm = HANDLE_OF(CreateResourceManager, NULL, &rm_id, 0, tm, NULL);
	YES(RecoverResourceManager, rm);
	next(rm, TRANSACTION_NOTIFY_LAST_RECOVER, 0);
	en = enlisted(rm, 0, NOTIFY_TWO_PHASE | TRANSACTION_NOTIFY_RECOVER, 3);
	YES(SetEnlistmentRecoveryInformation, en, 4, "redo");
	NO(ERROR_IO_PENDING, CommitTransactionAsync, tx);
	next(rm, TRANSACTION_NOTIFY_PREPARE, 3);
	YES(PrepareComplete, en, NULL);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 3);
	YES(CloseHandle, en);
	YES(CloseHandle, tx);
	YES(CloseHandle, rm);
	tm_close(KtmDescriptor(tm), d.path);

	tm = HANDLE_OF(CreateTransactionManager, NULL, wide(d.path), 0, 0);
	YES(RecoverTransactionManager, tm);
	rm = HANDLE_OF(OpenResourceManager, RESOURCEMANAGER_ALL_ACCESS, tm, &rm_id);
	YES(RecoverResourceManager, rm);
	YES(GetNotificationResourceManager, rm, &n.Notification, sizeof(n), INFINITE, &bytes);
	CHECK_EQ(n.Notification.TransactionNotification, TRANSACTION_NOTIFY_RECOVER);
	next(rm, TRANSACTION_NOTIFY_LAST_RECOVER, 0);
	en = HANDLE_OF(OpenEnlistment, ENLISTMENT_ALL_ACCESS, rm, &n.Argument.EnlistmentId);
	YES(GetEnlistmentRecoveryInformation, en, sizeof(redo), redo, &bytes);
	CHECK_EQ(bytes, 4);
	CHECK(!memcmp(redo, "redo", 4));
	YES(RecoverEnlistment, en, (PVOID)4);
	next(rm, TRANSACTION_NOTIFY_COMMIT, 4);
	YES(CommitComplete, en, NULL);
}

/* As a log has no decision yet, any clock is beyond its end: all is recovered. */
TEST(rolled_forward)
{
	LARGE_INTEGER clock = { .QuadPart = 1 << 20 };
	struct disk d = disk_make(8 * MIB);

	journal_format(d.path, guid_of(5));
	tm = HANDLE_OF(CreateTransactionManager, NULL, wide(d.path), 0, 0);
	YES(RollforwardTransactionManager, tm, &clock);
	HANDLE_OF(CreateResourceManager, NULL, &rm_id, 0, tm, NULL);
}

/* An epoll descriptor is the port; a lent buffer is filled when the result is asked for. */
TEST(completion)
{
	const int port = epoll_create1(EPOLL_CLOEXEC), event = eventfd(0, EFD_CLOEXEC);
	OVERLAPPED o = { .hEvent = KtmHandle(event) };
	struct epoll_event ready;
	KTM_NOTIFICATION_BUFFER n;
	uint64_t signalled;
	ULONG bytes;
	HANDLE en;
	DWORD got;

	YES(SetResourceManagerCompletionPort, rm, KtmHandle(port), 0x1234);
	NO(ERROR_IO_PENDING, GetNotificationResourceManagerAsync, rm, &n.Notification, sizeof(n),
	   &bytes, &o);
	NO(ERROR_IO_INCOMPLETE, GetOverlappedResult, rm, &o, &got, FALSE);
	CHECK_EQ(epoll_wait(port, &ready, 1, 0), 0);
	en = enlisted(rm, 0, NOTIFY_TWO_PHASE, 9);
	NO(ERROR_IO_PENDING, CommitTransactionAsync, tx);
	CHECK_EQ(epoll_wait(port, &ready, 1, PATIENCE * 1000), 1);
	CHECK_EQ(ready.data.u64, 0x1234);
	YES(GetOverlappedResult, rm, &o, &got, TRUE);
	CHECK(got >= sizeof(n.Notification));
	CHECK_EQ(n.Notification.TransactionNotification, TRANSACTION_NOTIFY_PREPARE);
	CHECK_EQ(n.Notification.TransactionKey, 9);
	CHECK_EQ(read(event, &signalled, sizeof(signalled)), sizeof(signalled));
	/* Not lent at all if one is there. */
	YES(RollbackEnlistment, en, NULL);
	YES(GetNotificationResourceManagerAsync, rm, &n.Notification, sizeof(n), &bytes, &o);
	CHECK_EQ(n.Notification.TransactionNotification, TRANSACTION_NOTIFY_ROLLBACK);
	YES(RollbackComplete, en, NULL);
	YES(SetResourceManagerCompletionPort, rm, NULL, 0);
	CHECK_EQ(epoll_wait(port, &ready, 1, 0), 0);
}

TEST(last_errors)
{
	KTM_NOTIFICATION_BUFFER n;
	GUID id = { .Data1 = 1 };
	ULONG bytes;

	NO(ERROR_TIMEOUT, GetNotificationResourceManager, rm, &n.Notification, sizeof(n), 0, &bytes);
	NO(ERROR_INVALID_HANDLE, CloseHandle, BAD);
	NO(ERROR_INVALID_HANDLE, CommitTransaction, BAD);
	NO_HANDLE(ERROR_INVALID_PARAMETER, CreateTransaction, NULL, &id, 0, 0, 0, 0, NULL);
	NO_HANDLE(ERROR_INVALID_PARAMETER, CreateResourceManager, NULL, NULL,
		  RESOURCE_MANAGER_VOLATILE, tm, NULL);
	SetLastError(17);
	CHECK_EQ(GetLastError(), 17);
	CHECK_EQ(KtmNtToWin32(STATUS_ACCESS_DENIED), ERROR_ACCESS_DENIED);
	SHOWS("win32 SetLastError");
	SHOWS("win32 GetLastError");
	SHOWS("win32 KtmNtToWin32");
}
