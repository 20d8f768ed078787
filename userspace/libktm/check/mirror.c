// SPDX-License-Identifier: LGPL-2.1-or-later
/* What of <ktm/zw.h> and <ktmw32.h> can be tested without the module. */
#define _GNU_SOURCE
#include "tap.h"

#include "win32_internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static UNICODE_STRING string(const WCHAR *text)
{
	UNICODE_STRING made;

	RtlInitUnicodeString(&made, text);
	return made;
}

/* ---- statuses ---- */

static void test_statuses(void)
{
	uint32_t status, last;
	NTSTATUS nt;

	for (last = 0; ktm_status_name(last); last++)
		;
	CHECK(last > KTM_STATUS_POSSIBLE_DEADLOCK);
	for (status = 0; status < last; status++) {
		nt = KtmStatusToNt(status);
		CHECK((nt == STATUS_UNSUCCESSFUL) == (status == KTM_STATUS_UNSUCCESSFUL));
		CHECK((nt == STATUS_SUCCESS) == (status == KTM_STATUS_SUCCESS));
		/* No two are the same: nothing gets lost on the way. */
		CHECK(zw_status_from_nt(nt) == status);
		CHECK((KtmNtToWin32(nt) == ERROR_GEN_FAILURE) == (nt == STATUS_UNSUCCESSFUL));
		CHECK((KtmNtToWin32(nt) == ERROR_SUCCESS) == (nt == STATUS_SUCCESS));
		/* What ktm calls a failure Windows does too, but for the time-out. */
		CHECK(!ktm_status_errno(status) == (NT_SUCCESS(nt) || NT_WARNING(nt)) ||
		      status == KTM_STATUS_TIMEOUT || status == KTM_STATUS_DEVICE_BUSY ||
		      status == KTM_STATUS_OBJECT_NAME_EXISTS);
	}
	CHECK(KtmStatusToNt(last) == STATUS_UNSUCCESSFUL);
	CHECK(KtmStatusToNt(UINT32_MAX) == STATUS_UNSUCCESSFUL);
	CHECK(zw_status_from_nt(STATUS_DATATYPE_MISALIGNMENT) == KTM_STATUS_UNSUCCESSFUL);
	CHECK(KtmNtToWin32(STATUS_DATATYPE_MISALIGNMENT) == ERROR_GEN_FAILURE);
	done("every status has its NTSTATUS and its Win32 code");
}

/* ---- texts ---- */

static void test_texts(void)
{
	static const WCHAR wide[] = u"a\u00e4\u20ac\U0001f600z";
	static const char narrow[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
	const size_t bytes = sizeof(narrow) - 1;
	UNICODE_STRING from = string(wide);
	char text[32], guarded[32];
	WCHAR back[32];
	size_t room;

	CHECK(from.Length == 12 && from.MaximumLength == 14);
	CHECK(!zw_text(&from, text, sizeof(text)) && !strcmp(text, narrow));
	CHECK(zw_wide(narrow, bytes, back) == 6 && !memcmp(back, wide, 12));
	for (room = 0; room <= bytes; room++) {
		memset(guarded, 'x', sizeof(guarded));
		CHECK(zw_text(&from, guarded, room) == STATUS_INVALID_PARAMETER);
		CHECK(guarded[room] == 'x');
	}
	CHECK(!zw_text(&from, guarded, bytes + 1));
	done("UTF-16 goes to UTF-8 and back, and never beyond its room");
}

/* Each character there is, and each number that is none. */
static void test_characters(void)
{
	UNICODE_STRING from;
	WCHAR units[2], back[4];
	char text[8];
	uint32_t c;
	size_t n;
	bool good;

	for (c = 1; c < 0x110000; c++) {
		n = c < 0x10000 ? 1 : 2;
		units[0] = n == 1 ? (WCHAR)c : (WCHAR)(0xd7c0 + (c >> 10));
		units[1] = (WCHAR)(0xdc00 + (c & 0x3ff));
		from = (UNICODE_STRING){ (USHORT)(2 * n), (USHORT)(2 * n), units };
		good = c < 0xd800 || c > 0xdfff;
		if ((zw_text(&from, text, sizeof(text)) == STATUS_SUCCESS) != good)
			break;
		if (good && (zw_wide(text, strlen(text), back) != n || memcmp(back, units, 2 * n)))
			break;
	}
	CHECK(c == 0x110000);
	done("every character survives, half a surrogate pair is refused");
}

static void test_bad_texts(void)
{
	static const struct {
		const char *text;
		size_t wide;
	} bad[] = {
		{ "\x80", 1 }, { "\xc3", 1 }, { "\xc0\x80", 2 }, { "\xe0\x82\x9b", 3 },
		{ "\xed\xa0\x80", 3 }, { "\xf4\x90\x80\x80", 4 }, { "\xf8\x88\x80\x80\x80", 5 },
		{ "\xff", 1 }, { "\xe2\x82", 2 }, { "\xf0\x9f\x98", 3 },
	};
	WCHAR nul[] = { 'a', 0, 'b' }, to[16];
	UNICODE_STRING from = { sizeof(nul), sizeof(nul), nul };
	char text[16];
	size_t i, j, n;

	CHECK(zw_text(&from, text, sizeof(text)) == STATUS_INVALID_PARAMETER);
	from.Length = 1;
	CHECK(zw_text(&from, text, sizeof(text)) == STATUS_INVALID_PARAMETER);
	from = (UNICODE_STRING){ 2, 2, NULL };
	CHECK(zw_text(&from, text, sizeof(text)) == STATUS_ACCESS_VIOLATION);
	for (i = 0; i < LENGTH(bad); i++) {
		n = zw_wide(bad[i].text, strlen(bad[i].text), to);
		CHECK(n == bad[i].wide);
		for (j = 0; j < n; j++)
			CHECK(to[j] == 0xfffd);
	}
	done("what is no UTF-16 is refused, what is no UTF-8 is replaced");
}

static void test_descriptions(void)
{
	WCHAR text[MAX_TRANSACTION_DESCRIPTION_LENGTH + 2] = { 0 };
	char to[ZW_DESCRIPTION_ROOM];
	UNICODE_STRING from;
	size_t i;

	for (i = 0; i < MAX_TRANSACTION_DESCRIPTION_LENGTH; i++)
		text[i] = u'\u20ac';
	from = string(text);
	CHECK(!zw_description(&from, to) && strlen(to) == 3 * MAX_TRANSACTION_DESCRIPTION_LENGTH);
	text[i] = 'x';
	from = string(text);
	CHECK(zw_description(&from, to) == STATUS_INVALID_PARAMETER);
	CHECK(!zw_description(NULL, to) && !to[0]);
	done("a description has at most 64 WCHARs");
}

static void test_long_string(void)
{
	WCHAR *text = calloc(40000, sizeof(*text));
	UNICODE_STRING from;
	size_t i;

	CHECK(text);
	for (i = 0; text && i < 39999; i++)
		text[i] = 'x';
	from = string(text);
	CHECK(from.Length == 65532 && from.MaximumLength == 65534);
	from = string(NULL);
	CHECK(!from.Length && !from.MaximumLength && !from.Buffer);
	free(text);
	done("RtlInitUnicodeString ends where a length does");
}

/* ---- names ---- */

#define GUID_TEXT	u"{5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7BE}"

static NTSTATUS named(enum zw_kind kind, const WCHAR *name, ULONG flags, const GUID *guid,
		      struct zw_object *object)
{
	UNICODE_STRING text = string(name);
	OBJECT_ATTRIBUTES attributes;

	InitializeObjectAttributes(&attributes, &text, flags, NULL, NULL);
	return zw_object(kind, &attributes, guid, object);
}

static void test_names(void)
{
	static const WCHAR *const good[] = {
		[ZW_TM] = u"\\TransactionManager\\" GUID_TEXT,
		[ZW_RM] = u"\\ResourceManager\\" GUID_TEXT,
		[ZW_TX] = u"\\Transaction\\" GUID_TEXT,
		[ZW_EN] = u"\\Enlistment\\" GUID_TEXT,
	};
	static const WCHAR *const bad[] = {
		u"\\Transaction\\", u"\\Transaction\\5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7BE",
		u"\\Transaction\\{5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7B}",
		u"\\Transaction\\{5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7BEE}",
		u"\\Transaction\\{5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7BG}",
		u"\\Transaction\\[5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7BE]",
		u"Transaction\\\\" GUID_TEXT, u"\\Transactions" GUID_TEXT, u"x", GUID_TEXT,
		u"\\Transaction\\{5C1E8F0A-90F5-4c0e-8A56-2AD1D5A1F7B\u20ac}", u"\\Trans\xd800",
	};
	GUID guid = { 0x5c1e8f0a, 0x90f5, 0x4c0e,
		      { 0x8a, 0x56, 0x2a, 0xd1, 0xd5, 0xa1, 0xf7, 0xbe } };
	struct ktm_guid wanted = KtmGuidFromNt(&guid);
	GUID back = KtmGuidToNt(&wanted);
	struct zw_object object;
	char text[KTM_GUID_STRING];
	enum zw_kind kind, of;
	size_t i;

	CHECK(!strcmp(ktm_guid_format(&wanted, text), "5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be"));
	CHECK(IsEqualGUID(&guid, &back));
	for (kind = ZW_TM; kind <= ZW_EN; kind++) {
		for (of = ZW_TM; of <= ZW_EN; of++)
			CHECK(named(kind, good[of], 0, NULL, &object) ==
			      (of == kind ? STATUS_SUCCESS : STATUS_OBJECT_NAME_INVALID));
		CHECK(!named(kind, good[kind], 0, NULL, &object));
		CHECK(ktm_guid_equal(&object.guid, &wanted));
		CHECK(named(kind, good[kind], 0, &guid, &object) == STATUS_INVALID_PARAMETER);
	}
	for (i = 0; i < LENGTH(bad); i++)
		CHECK(named(ZW_TX, bad[i], 0, NULL, &object) == STATUS_OBJECT_NAME_INVALID);
	CHECK(!named(ZW_TX, u"\\TRANSACTION\\" GUID_TEXT, OBJ_CASE_INSENSITIVE, NULL, &object));
	CHECK(!named(ZW_TX, u"", 0, &guid, &object) && ktm_guid_equal(&object.guid, &wanted));
	done("an object's name is its path and GUID");
}

static void test_attributes(void)
{
	KTM_SECURITY_DESCRIPTOR mode = { sizeof(mode), 0640 };
	OBJECT_ATTRIBUTES attributes, bad;
	struct zw_object object;
	int other = 0;

	InitializeObjectAttributes(&attributes, NULL, OBJ_INHERIT | OBJ_KERNEL_HANDLE, NULL, &mode);
	CHECK(!zw_object(ZW_TX, &attributes, NULL, &object));
	CHECK(object.mode == 0640 && object.attributes & OBJ_INHERIT);
	CHECK(ktm_guid_is_nil(&object.guid));
	CHECK(!zw_object(ZW_TX, NULL, NULL, &object) && !object.mode && !object.attributes);
	bad = attributes;
	bad.Length--;
	CHECK(zw_object(ZW_TX, &bad, NULL, &object) == STATUS_INVALID_PARAMETER);
	bad = attributes;
	bad.RootDirectory = &other;
	CHECK(zw_object(ZW_TX, &bad, NULL, &object) == STATUS_INVALID_PARAMETER);
	bad = attributes;
	bad.SecurityQualityOfService = &other;
	CHECK(zw_object(ZW_TX, &bad, NULL, &object) == STATUS_INVALID_PARAMETER);
	bad = attributes;
	bad.Attributes = 1;
	CHECK(zw_object(ZW_TX, &bad, NULL, &object) == STATUS_INVALID_PARAMETER);
	bad.Attributes = OBJ_EXCLUSIVE;
	CHECK(zw_object(ZW_TX, &bad, NULL, &object) == STATUS_INVALID_PARAMETER);
	CHECK(zw_object(ZW_RM, &bad, NULL, &object) == STATUS_SUCCESS);
	mode.Mode = 01000;
	CHECK(zw_object(ZW_TX, &attributes, NULL, &object) == STATUS_INVALID_ACL);
	mode.Mode = 0600;
	mode.Length++;
	CHECK(zw_object(ZW_TX, &attributes, NULL, &object) == STATUS_INVALID_ACL);
	done("attributes that mean nothing here are refused");
}

/* ---- access ---- */

static void test_access(void)
{
	static const uint32_t all[] = {
		[ZW_TM] = KTM_TM_ALL_ACCESS, [ZW_RM] = KTM_RM_ALL_ACCESS,
		[ZW_TX] = KTM_TX_ALL_ACCESS, [ZW_EN] = KTM_EN_ALL_ACCESS,
	};
	enum zw_kind kind;
	uint32_t rights;

	for (kind = ZW_TM; kind <= ZW_EN; kind++) {
		CHECK(zw_rights_to_open(kind, 0, &rights) == STATUS_INVALID_PARAMETER);
		CHECK(zw_rights_to_open(kind, SYNCHRONIZE, &rights) == STATUS_INVALID_PARAMETER);
		CHECK(zw_rights_to_open(kind, all[kind] + 1, &rights) == STATUS_ACCESS_DENIED);
		CHECK(zw_rights_to_open(kind, 0x01000001, &rights) == STATUS_ACCESS_DENIED);
		CHECK(!zw_rights_to_open(kind, GENERIC_ALL, &rights) && rights == all[kind]);
		CHECK(!zw_rights_to_open(kind, GENERIC_READ, &rights) && rights == 1);
		CHECK(!zw_rights_to_open(kind, STANDARD_RIGHTS_ALL | SYNCHRONIZE | all[kind],
					 &rights) && rights == all[kind]);
		CHECK(!zw_rights_to_open(kind, MAXIMUM_ALLOWED, &rights) &&
		      rights == KTM_MAXIMUM_ALLOWED);
		CHECK(!zw_rights_to_create(kind, MAXIMUM_ALLOWED, &rights) && rights == all[kind]);
	}
	CHECK(!zw_rights_to_open(ZW_TX, TRANSACTION_RESOURCE_MANAGER_RIGHTS, &rights) &&
	      rights == KTM_TX_RESOURCE_MANAGER_RIGHTS);
	CHECK(!zw_rights_to_open(ZW_TX, GENERIC_EXECUTE, &rights) &&
	      rights == (KTM_TX_COMMIT | KTM_TX_ROLLBACK));
	CHECK(!zw_rights_to_open(ZW_TM, TRANSACTIONMANAGER_ALL_ACCESS, &rights) &&
	      rights == KTM_TM_ALL_ACCESS);
	done("rights of Windows become rights of ktm");
}

/* ---- times ---- */

static LARGE_INTEGER ticks(int64_t n)
{
	return (LARGE_INTEGER){ .QuadPart = n };
}

static void test_times(void)
{
	/* 2026-01-01 00:00:00 UTC, in seconds since 1970 and in units since 1601. */
	const int64_t unix_2026 = 1767225600, nt_2026 = 134116992000000000;
	LARGE_INTEGER when;
	uint64_t ns, clock;

	CHECK(zw_from_now(NULL) == KTM_WAIT_FOREVER && zw_timeout(NULL) == 0);
	when = ticks(0);
	CHECK(zw_from_now(&when) == 0 && zw_timeout(&when) == 0);
	when = ticks(-15);
	CHECK(zw_from_now(&when) == 1500 && zw_timeout(&when) == 1500);
	when = ticks(nt_2026);
	CHECK(zw_from_now(&when) == 0 && zw_timeout(&when) == 1);
	when = ticks(INT64_MIN);
	CHECK(zw_from_now(&when) == KTM_WAIT_FOREVER && zw_timeout(&when) == 0);
	when = ticks(INT64_MAX);
	CHECK(zw_from_now(&when) == KTM_WAIT_FOREVER && zw_timeout(&when) == 0);
	/* One day from now, counted from 1601 by way of 2026. */
	when = ticks(nt_2026 + (time(NULL) + 86400 - unix_2026) * 10000000);
	ns = zw_from_now(&when);
	CHECK(ns > 86000000000000ull && ns <= 86400000000000ull);
	done("times are relative, absolute, or never");

	CHECK(!zw_clock(NULL, &clock) && clock == 0);
	when = ticks(7);
	CHECK(!zw_clock(&when, &clock) && clock == 7);
	when = ticks(-1);
	CHECK(zw_clock(&when, &clock) == STATUS_INVALID_PARAMETER);
	done("a virtual clock has no sign");
}

/* ---- information ---- */

static void test_information(void)
{
	static const ULONG head = 0x11223344;
	static const WCHAR text[] = { 'a', 'b', 'c' };
	struct zw_answer answer = { &head, 4, text, 2, 3, STATUS_INFO_LENGTH_MISMATCH };
	unsigned char to[16];
	ULONG length, needed, fit;
	NTSTATUS status;

	for (length = 0; length <= sizeof(to); length++) {
		memset(to, 0x55, sizeof(to));
		needed = 0;
		status = zw_answer(&answer, to, length, &needed);
		CHECK(needed == 10);
		CHECK(status == (length < 4 ? STATUS_INFO_LENGTH_MISMATCH :
				 length < 10 ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS));
		fit = length < 4 ? 0 : length < 10 ? 4 + (length - 4) / 2 * 2 : 10;
		CHECK(!fit || !memcmp(to, &head, 4));
		CHECK(fit <= 4 || !memcmp(to + 4, text, fit - 4));
		CHECK(to[fit] == 0x55);
	}
	CHECK(zw_answer(&answer, NULL, 16, NULL) == STATUS_ACCESS_VIOLATION);
	CHECK(zw_answer(&answer, NULL, 0, &needed) == STATUS_INFO_LENGTH_MISMATCH);
	done("information fits, in part, or not at all, and nothing goes beyond its room");
}

/* ---- handles ---- */

static void test_handles(void)
{
	HANDLE handle = NULL;
	int saved = dup(0), fd;

	CHECK(KtmDescriptor(NULL) == -1 && KtmDescriptor(INVALID_HANDLE_VALUE) == -1);
	CHECK(!zw_is_bad(NULL) && zw_is_bad(INVALID_HANDLE_VALUE) &&
	      zw_is_bad((HANDLE)0x100000000) && !zw_is_bad(KtmHandle(5)));

	/* With standard input closed the next descriptor is 0. */
	close(0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(fd == 0);
	CHECK(zw_give(fd, 0, &handle) == STATUS_SUCCESS && KtmDescriptor(handle) > 0);
	CHECK(fcntl(0, F_GETFD) == -1);
	CHECK(fcntl(KtmDescriptor(handle), F_GETFD) == FD_CLOEXEC);
	dup2(saved, 0);
	close(saved);
	CHECK(zw_give(KtmDescriptor(handle), OBJ_INHERIT, &handle) == STATUS_SUCCESS);
	CHECK(fcntl(KtmDescriptor(handle), F_GETFD) == 0);
	CHECK(ZwClose(handle) == STATUS_SUCCESS && ZwClose(handle) == STATUS_INVALID_HANDLE);
	CHECK(ZwClose(NULL) == STATUS_INVALID_HANDLE);
	CHECK(!CloseHandle(INVALID_HANDLE_VALUE) && GetLastError() == ERROR_INVALID_HANDLE);
	done("a handle is a descriptor, never 0, closed by exec unless inherited");
}

/* ---- calls: what they refuse before, and what they make of the kernel's refusal ---- */

typedef NTSTATUS clock_call(HANDLE handle, PLARGE_INTEGER clock);

static clock_call *const clock_calls[] = {
	ZwPrePrepareEnlistment, ZwPrepareEnlistment, ZwCommitEnlistment, ZwRollbackEnlistment,
	ZwPrePrepareComplete, ZwPrepareComplete, ZwCommitComplete, ZwRollbackComplete,
	ZwReadOnlyEnlistment, ZwSinglePhaseReject, NtSinglePhaseReject,
};

/* Every call on a handle, with arguments that are good. */
static void refuse(HANDLE handle, NTSTATUS why)
{
	KTMOBJECT_CURSOR cursor = { .ObjectIdCount = 0 };
	ENLISTMENT_BASIC_INFORMATION en;
	KTM_NOTIFICATION_BUFFER buffer;
	TRANSACTION_BASIC_INFORMATION tx;
	TRANSACTIONMANAGER_BASIC_INFORMATION tm;
	char rm[sizeof(RESOURCEMANAGER_BASIC_INFORMATION) + 256];
	RESOURCEMANAGER_COMPLETION_INFORMATION completion = { NULL, 0 };
	TRANSACTION_PROPERTIES_INFORMATION properties = { .IsolationLevel = 0 };
	LARGE_INTEGER clock = ticks(1);
	GUID guid = { .Data1 = 1 }, nil = { .Data1 = 0 }, id = guid;
	HANDLE made = NULL;
	ULONG length;
	size_t i;

	for (i = 0; i < LENGTH(clock_calls); i++)
		CHECK(clock_calls[i](handle, NULL) == why && clock_calls[i](handle, &clock) == why);
	CHECK(ZwRecoverEnlistment(handle, NULL) == why);
	CHECK(TmRequestOutcomeEnlistment(handle, &clock) == why);
	CHECK(!TmIsTransactionActive(handle));
	TmGetTransactionId(handle, &id);
	CHECK(IsEqualGUID(&id, &nil));
	CHECK(ZwCommitTransaction(handle, TRUE) == why);
	CHECK(ZwRollbackTransaction(handle, FALSE) == why);
	CHECK(ZwRecoverTransactionManager(handle) == why);
	CHECK(ZwRollforwardTransactionManager(handle, &clock) == why);
	CHECK(ZwRollforwardTransactionManager(handle, NULL) == why);
	CHECK(ZwRecoverResourceManager(handle) == why);
	CHECK(ZwGetNotificationResourceManager(handle, &buffer.Notification, sizeof(buffer), NULL,
					       &length, 0, 0) == why);
	CHECK(ZwCreateResourceManager(&made, GENERIC_ALL, handle, &guid, NULL, 0, NULL) == why);
	CHECK(ZwOpenResourceManager(&made, GENERIC_ALL, handle, &guid, NULL) == why);
	CHECK(ZwOpenEnlistment(&made, GENERIC_ALL, handle, &guid, NULL) == why);
	CHECK(ZwCreateEnlistment(&made, GENERIC_ALL, handle, handle, NULL, 0, 15, NULL) == why);
	CHECK(ZwCreateEnlistment(&made, GENERIC_ALL, handle, handle, NULL, ENLISTMENT_SUPERIOR, 8,
				 NULL) == why);
	CHECK(ZwOpenTransaction(&made, GENERIC_ALL, NULL, &guid, handle) == why);
	CHECK(ZwEnumerateTransactionObject(handle, KTMOBJECT_ENLISTMENT, &cursor, sizeof(cursor),
					   &length) == why);
	CHECK(ZwRegisterProtocolAddressInformation(handle, &guid, 0, NULL, 0) == why);
	CHECK(ZwPropagationComplete(handle, 0, 0, NULL) == why);
	CHECK(ZwPropagationFailed(handle, 0, STATUS_UNSUCCESSFUL) == why);
	CHECK(ZwQueryInformationTransaction(handle, TransactionBasicInformation, &tx, sizeof(tx),
					    NULL) == why);
	CHECK(ZwQueryInformationTransaction(handle, TransactionBindInformation, &tx, sizeof(tx),
					    NULL) == why);
	CHECK(ZwQueryInformationTransactionManager(handle, TransactionManagerBasicInformation, &tm,
						   sizeof(tm), NULL) == why);
	CHECK(ZwQueryInformationTransactionManager(handle, TransactionManagerOnlineProbeInformation,
						   NULL, 0, NULL) == why);
	CHECK(ZwQueryInformationResourceManager(handle, ResourceManagerBasicInformation, rm,
						sizeof(rm), NULL) == why);
	CHECK(ZwQueryInformationEnlistment(handle, EnlistmentBasicInformation, &en, sizeof(en),
					   NULL) == why);
	CHECK(ZwQueryInformationEnlistment(handle, EnlistmentRecoveryInformation, &en, sizeof(en),
					   NULL) == why);
	CHECK(ZwSetInformationTransaction(handle, TransactionPropertiesInformation, &properties,
					  sizeof(properties)) == why);
	CHECK(ZwSetInformationTransactionManager(handle, TransactionManagerBasicInformation, &tm,
						 sizeof(tm)) == why);
	CHECK(ZwSetInformationResourceManager(handle, ResourceManagerCompletionInformation,
					      &completion, sizeof(completion)) == why);
	CHECK(ZwSetInformationEnlistment(handle, EnlistmentRecoveryInformation, &en,
					 sizeof(en)) == why);
	CHECK(!made);
}

static void test_bad_handles(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	refuse(KtmHandle(fd), STATUS_OBJECT_TYPE_MISMATCH);
	close(fd);
	refuse(KtmHandle(fd), STATUS_INVALID_HANDLE);
	refuse(INVALID_HANDLE_VALUE, STATUS_INVALID_HANDLE);
	done("a handle of something else and one of nothing are told apart by every call");
}

static void test_bad_arguments(void)
{
	KTMOBJECT_CURSOR cursor = { .ObjectIdCount = 0 };
	OBJECT_ATTRIBUTES attributes;
	UNICODE_STRING name = string(u"\\Enlistment\\" GUID_TEXT), log = string(u"/dev/null");
	LARGE_INTEGER negative = ticks(-1);
	HANDLE made = NULL, bad = INVALID_HANDLE_VALUE;
	KTM_NOTIFICATION_BUFFER buffer;
	GUID guid = { .Data1 = 1 }, nil = { .Data1 = 0 };
	ULONG length;
	size_t i;

	CHECK(ZwCreateTransaction(NULL, GENERIC_ALL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL) ==
	      STATUS_ACCESS_VIOLATION);
	CHECK(ZwCreateTransaction(&made, 0, NULL, NULL, NULL, 0, 0, 0, NULL, NULL) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateTransaction(&made, 0x40, NULL, NULL, NULL, 0, 0, 0, NULL, NULL) ==
	      STATUS_ACCESS_DENIED);
	CHECK(ZwCreateTransaction(&made, GENERIC_ALL, NULL, NULL, NULL, 2, 0, 0, NULL, NULL) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateTransaction(&made, GENERIC_ALL, NULL, NULL, bad, 0, 0, 0, NULL, NULL) ==
	      STATUS_INVALID_HANDLE);
	CHECK(ZwOpenTransaction(&made, GENERIC_ALL, NULL, NULL, NULL) == STATUS_INVALID_PARAMETER);
	CHECK(ZwOpenTransaction(&made, GENERIC_ALL, NULL, &nil, NULL) == STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateTransactionManager(&made, GENERIC_ALL, NULL, NULL, 0, 0) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateTransactionManager(&made, GENERIC_ALL, NULL, &log, 1, 0) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateTransactionManager(&made, GENERIC_ALL, NULL, NULL, 1, 1) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateTransactionManager(&made, GENERIC_ALL, NULL, NULL,
					 1 | TRANSACTION_MANAGER_CORRUPT_FOR_PROGRESS, 0) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwOpenTransactionManager(&made, GENERIC_ALL, NULL, NULL, NULL, 0) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwOpenTransactionManager(&made, GENERIC_ALL, NULL, &log, &guid, 0) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwOpenTransactionManager(&made, GENERIC_ALL, NULL, NULL, &guid, 1) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwRollforwardTransactionManager(bad, &negative) == STATUS_INVALID_PARAMETER);
	CHECK(ZwRenameTransactionManager(NULL, &guid) == STATUS_INVALID_PARAMETER);
	CHECK(ZwRenameTransactionManager(&log, NULL) == STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateResourceManager(&made, GENERIC_ALL, bad, &guid, NULL, 4, NULL) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwOpenResourceManager(&made, GENERIC_ALL, bad, NULL, NULL) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwOpenEnlistment(&made, GENERIC_ALL, bad, NULL, NULL) == STATUS_INVALID_PARAMETER);
	CHECK(ZwCreateEnlistment(&made, GENERIC_ALL, bad, bad, NULL, 2, 15, NULL) ==
	      STATUS_INVALID_PARAMETER);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	CHECK(ZwCreateEnlistment(&made, GENERIC_ALL, bad, bad, &attributes, 0, 15, NULL) ==
	      STATUS_OBJECT_NAME_INVALID);
	CHECK(ZwGetNotificationResourceManager(bad, NULL, 100, NULL, NULL, 0, 0) ==
	      STATUS_ACCESS_VIOLATION);
	CHECK(ZwGetNotificationResourceManager(bad, &buffer.Notification, sizeof(buffer), NULL,
					       NULL, 1, 0) == STATUS_INVALID_PARAMETER);
	CHECK(ZwGetNotificationResourceManager(bad, &buffer.Notification, sizeof(buffer), NULL,
					       NULL, 0, 1) == STATUS_INVALID_PARAMETER);
	length = 0;
	CHECK(ZwGetNotificationResourceManager(bad, &buffer.Notification, 31, NULL, &length, 0,
					       0) == STATUS_BUFFER_TOO_SMALL);
	CHECK(length == sizeof(buffer));
	CHECK(ZwEnumerateTransactionObject(NULL, KTMOBJECT_TRANSACTION, &cursor, 35, &length) ==
	      STATUS_INVALID_PARAMETER);
	CHECK(ZwEnumerateTransactionObject(NULL, KTMOBJECT_INVALID, &cursor, sizeof(cursor),
					   &length) == STATUS_INVALID_PARAMETER);
	CHECK(ZwEnumerateTransactionObject(NULL, KTMOBJECT_ENLISTMENT, &cursor, sizeof(cursor),
					   &length) == STATUS_INVALID_HANDLE);
	for (i = 0; i < LENGTH(clock_calls); i++)
		CHECK(clock_calls[i](bad, &negative) == STATUS_INVALID_PARAMETER);
	CHECK(ZwFreezeTransactions(NULL, &negative) == STATUS_INVALID_PARAMETER);
	CHECK(!made);
	done("arguments that are not valid are refused before the kernel sees them");
}

static void test_logs(void)
{
	static const struct {
		const WCHAR *path;
		NTSTATUS why;
	} bad[] = {
		{ u"/nonexistent/journal", STATUS_OBJECT_NAME_NOT_FOUND },
		{ u"\\??\\/nonexistent/journal", STATUS_OBJECT_NAME_NOT_FOUND },
		{ u"/dev/null/journal", STATUS_OBJECT_NAME_NOT_FOUND },
		{ u"/dev/\xd800", STATUS_OBJECT_NAME_INVALID },
	};
	UNICODE_STRING log;
	HANDLE made;
	size_t i;

	/* Without the module nothing gets that far. */
	if (access(KTM_DEVICE, F_OK)) {
		log = string(u"/dev/null");
		CHECK(ZwCreateTransactionManager(&made, GENERIC_ALL, NULL, &log, 0, 0) ==
		      STATUS_NO_SUCH_DEVICE);
		CHECK(ZwThawTransactions() == STATUS_NO_SUCH_DEVICE);
		done("without the module there is no such device");
		return;
	}
	for (i = 0; i < LENGTH(bad); i++) {
		log = string(bad[i].path);
		CHECK(ZwCreateTransactionManager(&made, GENERIC_ALL, NULL, &log, 0, 0) ==
		      bad[i].why);
	}
	done("a log that cannot be opened says why");
}

/* ---- Win32 ---- */

static void *other_thread(void *data)
{
	*(DWORD *)data = GetLastError();
	SetLastError(4711);
	return NULL;
}

static void test_last_error(void)
{
	DWORD there = 1;
	pthread_t thread;

	SetLastError(42);
	CHECK(!pthread_create(&thread, NULL, other_thread, &there));
	pthread_join(thread, NULL);
	CHECK(there == 0 && GetLastError() == 42);
	CHECK(win32_result(STATUS_SUCCESS) && win32_result(STATUS_PENDING) && GetLastError() == 42);
	CHECK(!win32_result(STATUS_LOG_FULL) && GetLastError() == ERROR_LOG_FULL);
	done("the last error is the thread's own, and a success leaves it alone");
}

static void test_win32_refusals(void)
{
	SECURITY_ATTRIBUTES security = { sizeof(security) - 1, NULL, FALSE };
	HANDLE bad = KtmHandle(1000000);
	LARGE_INTEGER clock;
	GUID guid = { .Data1 = 1 };
	ULONG used;

#define FAILS(call, code)	(SetLastError(0), !(call) && GetLastError() == (code))
#define NO_HANDLE(call, code)	\
	(SetLastError(0), (call) == INVALID_HANDLE_VALUE && GetLastError() == (code))
	CHECK(NO_HANDLE(CreateTransaction(NULL, &guid, 0, 0, 0, 0, NULL), ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(CreateTransaction(&security, NULL, 0, 0, 0, 0, NULL),
			ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(OpenTransaction(0, &guid), ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(CreateTransactionManager(NULL, NULL, 0, 0), ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(OpenTransactionManager(NULL, GENERIC_ALL, 0), ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(OpenTransactionManagerById(NULL, GENERIC_ALL, 0), ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(CreateResourceManager(NULL, NULL, 0, bad, NULL), ERROR_INVALID_PARAMETER));
	CHECK(NO_HANDLE(CreateResourceManager(NULL, &guid, 0, bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(NO_HANDLE(OpenResourceManager(GENERIC_ALL, bad, &guid), ERROR_INVALID_HANDLE));
	CHECK(NO_HANDLE(CreateEnlistment(NULL, bad, bad, 15, 0, NULL), ERROR_INVALID_HANDLE));
	CHECK(NO_HANDLE(OpenEnlistment(GENERIC_ALL, bad, &guid), ERROR_INVALID_HANDLE));
	CHECK(FAILS(CommitTransaction(bad), ERROR_INVALID_HANDLE));
	CHECK(FAILS(CommitTransactionAsync(bad), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RollbackTransaction(bad), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RollbackTransactionAsync(bad), ERROR_INVALID_HANDLE));
	CHECK(FAILS(GetTransactionId(bad, &guid), ERROR_INVALID_HANDLE));
	CHECK(FAILS(GetTransactionId(bad, NULL), ERROR_NOACCESS));
	CHECK(FAILS(GetTransactionInformation(bad, NULL, NULL, NULL, NULL, 0, NULL),
		    ERROR_INVALID_HANDLE));
	CHECK(FAILS(SetTransactionInformation(bad, 0, 0, 0, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RecoverTransactionManager(bad), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RollforwardTransactionManager(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RenameTransactionManager(NULL, &guid), ERROR_INVALID_PARAMETER));
	CHECK(FAILS(GetCurrentClockTransactionManager(bad, &clock), ERROR_INVALID_HANDLE));
	CHECK(FAILS(GetTransactionManagerId(bad, &guid), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RecoverResourceManager(bad), ERROR_INVALID_HANDLE));
	CHECK(FAILS(SetResourceManagerCompletionPort(bad, bad, 0), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RecoverEnlistment(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(GetEnlistmentId(bad, &guid), ERROR_INVALID_HANDLE));
	CHECK(FAILS(GetEnlistmentRecoveryInformation(bad, 0, NULL, &used), ERROR_INVALID_HANDLE));
	CHECK(FAILS(SetEnlistmentRecoveryInformation(bad, 0, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(PrePrepareEnlistment(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(PrepareEnlistment(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(CommitEnlistment(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RollbackEnlistment(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(PrePrepareComplete(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(PrepareComplete(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(CommitComplete(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(RollbackComplete(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(ReadOnlyEnlistment(bad, NULL), ERROR_INVALID_HANDLE));
	CHECK(FAILS(SinglePhaseReject(bad, NULL), ERROR_INVALID_HANDLE));
	done("Win32's calls fail with FALSE or INVALID_HANDLE_VALUE and say why");
}

static void test_overlapped(void)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	OVERLAPPED overlapped = { .hEvent = KtmHandle(event) };
	KTM_NOTIFICATION_BUFFER buffer;
	HANDLE bad = KtmHandle(1000000);
	uint64_t count = 0;
	DWORD bytes = 1;

	/* A request that fails is over, and says so again. */
	CHECK(FAILS(GetNotificationResourceManagerAsync(bad, &buffer.Notification, sizeof(buffer),
							NULL, &overlapped), ERROR_INVALID_HANDLE));
	CHECK(read(event, &count, sizeof(count)) == sizeof(count) && count == 1);
	CHECK(FAILS(GetOverlappedResult(bad, &overlapped, &bytes, FALSE), ERROR_INVALID_HANDLE));
	CHECK(bytes == 0 && read(event, &count, sizeof(count)) == -1);
	CHECK(FAILS(GetNotificationResourceManagerAsync(bad, &buffer.Notification, sizeof(buffer),
							NULL, NULL), ERROR_INVALID_PARAMETER));
	CHECK(FAILS(GetNotificationResourceManager(bad, &buffer.Notification, sizeof(buffer), 0,
						   NULL), ERROR_INVALID_HANDLE));
	/* Nor is a short buffer to blame. */
	CHECK(FAILS(GetNotificationResourceManager(bad, &buffer.Notification,
						   sizeof(buffer.Notification), 0, NULL),
		    ERROR_INVALID_HANDLE));
	CHECK(FAILS(GetNotificationResourceManager(KtmHandle(event), &buffer.Notification,
						   sizeof(buffer.Notification), 0, NULL),
		    ERROR_INVALID_HANDLE));
	close(event);
	done("an asynchronous request that fails is over and signals its event once");
}

/* ---- one request, two threads ---- */

static OVERLAPPED shared;
static _Atomic int fetches;
static sem_t fetching, go_on;

/*
 * A resource manager that has a notification for everybody who asks, but lets the first
 * wait until somebody else has had his turn.
 */
static int fetch(struct ktm_exchange *arg)
{
	struct ktm_notification notification = {
		.length = sizeof(notification),
		.kind = KTM_NOTIFY_PREPARE,
		.key = (uint64_t)++fetches,
	};

	if (notification.key == 1) {
		sem_post(&fetching);
		sem_wait(&go_on);
	}
	memcpy((void *)(uintptr_t)arg->buffer, &notification, sizeof(notification));
	arg->bytes = sizeof(notification);
	return 0;
}

#define FAKE_RM		999999

/* Instead of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *arg;

	va_start(arguments, request);
	arg = va_arg(arguments, void *);
	va_end(arguments);
	if (fd == FAKE_RM && request == KTM_IOC_EXCHANGE)
		return fetch(arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

static void *first_thread(void *arg)
{
	DWORD *bytes = arg;

	return GetOverlappedResult(KtmHandle(FAKE_RM), &shared, bytes, TRUE) ? arg : NULL;
}

static void test_one_request(void)
{
	KTM_NOTIFICATION_BUFFER buffer = { .Notification.TransactionKey = NULL };
	DWORD bytes = 0, first_bytes = 0;
	void *result = NULL;
	pthread_t first;

	sem_init(&fetching, 0, 0);
	sem_init(&go_on, 0, 0);
	/* As GetNotificationResourceManagerAsync() leaves it if there is nothing. */
	shared.Internal = STATUS_PENDING;
	shared.InternalHigh = sizeof(buffer);
	shared.Pointer = &buffer;
	CHECK(!pthread_create(&first, NULL, first_thread, &first_bytes));
	sem_wait(&fetching);
	CHECK(FAILS(GetOverlappedResult(KtmHandle(FAKE_RM), &shared, &bytes, FALSE),
		    ERROR_IO_INCOMPLETE));
	CHECK(FAILS(GetOverlappedResult(KtmHandle(FAKE_RM), &shared, &bytes, TRUE),
		    ERROR_IO_INCOMPLETE));
	sem_post(&go_on);
	pthread_join(first, &result);
	CHECK(result == &first_bytes && first_bytes == sizeof(buffer));
	CHECK(fetches == 1 && buffer.Notification.TransactionKey == (PVOID)1);
	/* Now it is over for everybody. */
	CHECK(GetOverlappedResult(KtmHandle(FAKE_RM), &shared, &bytes, FALSE));
	CHECK(bytes == sizeof(buffer) && fetches == 1);
	done("of two threads with one request, one fetches a notification into its buffer");
}

int main(void)
{
	test_statuses();
	test_texts();
	test_characters();
	test_bad_texts();
	test_descriptions();
	test_long_string();
	test_names();
	test_attributes();
	test_access();
	test_times();
	test_information();
	test_handles();
	test_bad_handles();
	test_bad_arguments();
	test_logs();
	test_last_error();
	test_win32_refusals();
	test_overlapped();
	test_one_request();
	return tap_end();
}
