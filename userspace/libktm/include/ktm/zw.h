/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ktm under the names of the Windows kernel: the Zw and Nt calls, their types and
 * constants, NTSTATUS results. Transaction code written for them compiles against
 * this header with little more than its include lines changed. <ktm/nt.h> says what
 * handles, strings and times are here, Documentation/porting.md what else differs.
 *
 * Each call is one call of <linux/ktm.h> in other clothes, which documents what it
 * does; Zw and Nt are two names of one function. None keeps state. A signal
 * interrupts none: what waits goes on waiting.
 *
 * Results
 *	One NTSTATUS for each enum ktm_status (KtmStatusToNt()). What only Windows tells
 *	apart is told apart here: bits in DesiredAccess that mean nothing to the kind of
 *	object, STATUS_ACCESS_DENIED; an answer of which only the fixed part fits,
 *	STATUS_BUFFER_OVERFLOW. In-parameters that must not be NULL and are:
 *	STATUS_INVALID_PARAMETER; out-parameters: STATUS_ACCESS_VIOLATION.
 *
 * DesiredAccess
 *	The rights of an object's kind, its _GENERIC_ sets, GENERIC_READ and the like,
 *	MAXIMUM_ALLOWED. SYNCHRONIZE and the standard rights are taken and mean nothing:
 *	whoever has a descriptor can poll it, duplicate it and pass it on.
 *
 * ObjectAttributes
 *	ObjectName, where an object is opened: the path of its kind and its GUID in
 *	braces, "\Transaction\{...}"; where one is created, it chooses its GUID, and
 *	STATUS_OBJECT_NAME_EXISTS says that one of that name was there and was opened
 *	(OBJ_OPENIF), STATUS_OBJECT_NAME_COLLISION that it was there. Any other name:
 *	STATUS_OBJECT_NAME_INVALID, and any for a new enlistment, whose GUID the kernel
 *	draws. A GUID may be given by name or as a parameter, not both.
 *	SecurityDescriptor: see KTM_SECURITY_DESCRIPTOR.
 *
 * LogFileName
 *	The path of a block device that holds a journal (ktmctl journal format makes one), a prefix
 *	"\??\" allowed. A file is used through a loop device, which ktmctl sets up.
 */
#ifndef KTM_ZW_H
#define KTM_ZW_H

#include <ktm/ktmtypes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- access rights ---- */

#define TRANSACTIONMANAGER_QUERY_INFORMATION	0x0001
#define TRANSACTIONMANAGER_SET_INFORMATION	0x0002
#define TRANSACTIONMANAGER_RECOVER		0x0004
#define TRANSACTIONMANAGER_RENAME		0x0008
#define TRANSACTIONMANAGER_CREATE_RM		0x0010
#define TRANSACTIONMANAGER_BIND_TRANSACTION	0x0020

#define TRANSACTIONMANAGER_GENERIC_READ		(STANDARD_RIGHTS_READ |			\
						 TRANSACTIONMANAGER_QUERY_INFORMATION)
#define TRANSACTIONMANAGER_GENERIC_WRITE	(STANDARD_RIGHTS_WRITE |		\
						 TRANSACTIONMANAGER_SET_INFORMATION |	\
						 TRANSACTIONMANAGER_RECOVER |		\
						 TRANSACTIONMANAGER_RENAME |		\
						 TRANSACTIONMANAGER_CREATE_RM)
#define TRANSACTIONMANAGER_GENERIC_EXECUTE	STANDARD_RIGHTS_EXECUTE
#define TRANSACTIONMANAGER_ALL_ACCESS		(STANDARD_RIGHTS_REQUIRED |		\
						 TRANSACTIONMANAGER_GENERIC_READ |	\
						 TRANSACTIONMANAGER_GENERIC_WRITE |	\
						 TRANSACTIONMANAGER_GENERIC_EXECUTE |	\
						 TRANSACTIONMANAGER_BIND_TRANSACTION)

#define TRANSACTION_QUERY_INFORMATION		0x0001
#define TRANSACTION_SET_INFORMATION		0x0002
#define TRANSACTION_ENLIST			0x0004
#define TRANSACTION_COMMIT			0x0008
#define TRANSACTION_ROLLBACK			0x0010
#define TRANSACTION_PROPAGATE			0x0020
#define TRANSACTION_RIGHT_RESERVED1		0x0040

#define TRANSACTION_GENERIC_READ		(STANDARD_RIGHTS_READ |			\
						 TRANSACTION_QUERY_INFORMATION |	\
						 SYNCHRONIZE)
#define TRANSACTION_GENERIC_WRITE		(STANDARD_RIGHTS_WRITE |		\
						 TRANSACTION_SET_INFORMATION |		\
						 TRANSACTION_COMMIT |			\
						 TRANSACTION_ENLIST |			\
						 TRANSACTION_ROLLBACK |			\
						 TRANSACTION_PROPAGATE |		\
						 SYNCHRONIZE)
#define TRANSACTION_GENERIC_EXECUTE		(STANDARD_RIGHTS_EXECUTE |		\
						 TRANSACTION_COMMIT |			\
						 TRANSACTION_ROLLBACK |			\
						 SYNCHRONIZE)
#define TRANSACTION_ALL_ACCESS			(STANDARD_RIGHTS_REQUIRED |		\
						 TRANSACTION_GENERIC_READ |		\
						 TRANSACTION_GENERIC_WRITE |		\
						 TRANSACTION_GENERIC_EXECUTE)
#define TRANSACTION_RESOURCE_MANAGER_RIGHTS	(TRANSACTION_GENERIC_READ |		\
						 STANDARD_RIGHTS_WRITE |		\
						 TRANSACTION_SET_INFORMATION |		\
						 TRANSACTION_ENLIST |			\
						 TRANSACTION_ROLLBACK |			\
						 TRANSACTION_PROPAGATE |		\
						 SYNCHRONIZE)

#define RESOURCEMANAGER_QUERY_INFORMATION	0x0001
#define RESOURCEMANAGER_SET_INFORMATION		0x0002
#define RESOURCEMANAGER_RECOVER			0x0004
#define RESOURCEMANAGER_ENLIST			0x0008
#define RESOURCEMANAGER_GET_NOTIFICATION	0x0010
#define RESOURCEMANAGER_REGISTER_PROTOCOL	0x0020
#define RESOURCEMANAGER_COMPLETE_PROPAGATION	0x0040

#define RESOURCEMANAGER_GENERIC_READ		(STANDARD_RIGHTS_READ |			\
						 RESOURCEMANAGER_QUERY_INFORMATION |	\
						 SYNCHRONIZE)
#define RESOURCEMANAGER_GENERIC_WRITE		(STANDARD_RIGHTS_WRITE |		\
						 RESOURCEMANAGER_SET_INFORMATION |	\
						 RESOURCEMANAGER_RECOVER |		\
						 RESOURCEMANAGER_ENLIST |		\
						 RESOURCEMANAGER_GET_NOTIFICATION |	\
						 RESOURCEMANAGER_REGISTER_PROTOCOL |	\
						 RESOURCEMANAGER_COMPLETE_PROPAGATION |	\
						 SYNCHRONIZE)
#define RESOURCEMANAGER_GENERIC_EXECUTE		(STANDARD_RIGHTS_EXECUTE |		\
						 RESOURCEMANAGER_RECOVER |		\
						 RESOURCEMANAGER_ENLIST |		\
						 RESOURCEMANAGER_GET_NOTIFICATION |	\
						 RESOURCEMANAGER_COMPLETE_PROPAGATION |	\
						 SYNCHRONIZE)
#define RESOURCEMANAGER_ALL_ACCESS		(STANDARD_RIGHTS_REQUIRED |		\
						 RESOURCEMANAGER_GENERIC_READ |		\
						 RESOURCEMANAGER_GENERIC_WRITE |	\
						 RESOURCEMANAGER_GENERIC_EXECUTE)

#define ENLISTMENT_QUERY_INFORMATION		0x0001
#define ENLISTMENT_SET_INFORMATION		0x0002
#define ENLISTMENT_RECOVER			0x0004
#define ENLISTMENT_SUBORDINATE_RIGHTS		0x0008
#define ENLISTMENT_SUPERIOR_RIGHTS		0x0010

#define ENLISTMENT_GENERIC_READ			(STANDARD_RIGHTS_READ |			\
						 ENLISTMENT_QUERY_INFORMATION)
#define ENLISTMENT_GENERIC_WRITE		(STANDARD_RIGHTS_WRITE |		\
						 ENLISTMENT_SET_INFORMATION |		\
						 ENLISTMENT_RECOVER |			\
						 ENLISTMENT_SUBORDINATE_RIGHTS |	\
						 ENLISTMENT_SUPERIOR_RIGHTS)
#define ENLISTMENT_GENERIC_EXECUTE		(STANDARD_RIGHTS_EXECUTE |		\
						 ENLISTMENT_RECOVER |			\
						 ENLISTMENT_SUBORDINATE_RIGHTS |	\
						 ENLISTMENT_SUPERIOR_RIGHTS)
#define ENLISTMENT_ALL_ACCESS			(STANDARD_RIGHTS_REQUIRED |		\
						 ENLISTMENT_GENERIC_READ |		\
						 ENLISTMENT_GENERIC_WRITE |		\
						 ENLISTMENT_GENERIC_EXECUTE)

/* ---- what Query and Set tell ---- */

typedef enum _TRANSACTION_OUTCOME {
	TransactionOutcomeUndetermined = 1,
	TransactionOutcomeCommitted,
	TransactionOutcomeAborted
} TRANSACTION_OUTCOME;

typedef enum _TRANSACTION_STATE {
	TransactionStateNormal = 1,
	TransactionStateIndoubt,
	TransactionStateCommittedNotify
} TRANSACTION_STATE;

typedef enum _TRANSACTION_INFORMATION_CLASS {
	TransactionBasicInformation,
	TransactionPropertiesInformation,		/* also Set */
	TransactionEnlistmentInformation,
	TransactionSuperiorEnlistmentInformation,
	TransactionBindInformation,			/* STATUS_INVALID_INFO_CLASS */
	TransactionDTCPrivateInformation		/* STATUS_INVALID_INFO_CLASS */
} TRANSACTION_INFORMATION_CLASS;

typedef enum _TRANSACTIONMANAGER_INFORMATION_CLASS {
	TransactionManagerBasicInformation,
	TransactionManagerLogInformation,
	TransactionManagerLogPathInformation,
	/* No struct: STATUS_SUCCESS or STATUS_TRANSACTIONMANAGER_NOT_ONLINE; also Set. */
	TransactionManagerOnlineProbeInformation,
	TransactionManagerRecoveryInformation,
	TransactionManagerOldestTransactionInformation	/* STATUS_INVALID_INFO_CLASS */
} TRANSACTIONMANAGER_INFORMATION_CLASS;

typedef enum _RESOURCEMANAGER_INFORMATION_CLASS {
	ResourceManagerBasicInformation,
	ResourceManagerCompletionInformation		/* also Set, see <ktmw32.h> */
} RESOURCEMANAGER_INFORMATION_CLASS;

typedef enum _ENLISTMENT_INFORMATION_CLASS {
	EnlistmentBasicInformation,
	EnlistmentRecoveryInformation,			/* the RM's bytes; also Set */
	EnlistmentCrmInformation
} ENLISTMENT_INFORMATION_CLASS;

typedef struct _TRANSACTION_BASIC_INFORMATION {
	GUID TransactionId;
	ULONG State;			/* TRANSACTION_STATE */
	ULONG Outcome;			/* TRANSACTION_OUTCOME */
} TRANSACTION_BASIC_INFORMATION, *PTRANSACTION_BASIC_INFORMATION;

typedef struct _TRANSACTION_PROPERTIES_INFORMATION {
	ULONG IsolationLevel;
	ULONG IsolationFlags;
	LARGE_INTEGER Timeout;		/* as one gives it, relative; 0: never */
	ULONG Outcome;			/* TRANSACTION_OUTCOME; Set: ignored */
	ULONG DescriptionLength;	/* bytes */
	WCHAR Description[1];
} TRANSACTION_PROPERTIES_INFORMATION, *PTRANSACTION_PROPERTIES_INFORMATION;

typedef struct _TRANSACTION_BIND_INFORMATION {
	HANDLE TmHandle;
} TRANSACTION_BIND_INFORMATION, *PTRANSACTION_BIND_INFORMATION;

typedef struct _TRANSACTION_ENLISTMENT_PAIR {
	GUID EnlistmentId;
	GUID ResourceManagerId;
} TRANSACTION_ENLISTMENT_PAIR, *PTRANSACTION_ENLISTMENT_PAIR;

typedef struct _TRANSACTION_ENLISTMENTS_INFORMATION {
	ULONG NumberOfEnlistments;
	TRANSACTION_ENLISTMENT_PAIR EnlistmentPair[1];
} TRANSACTION_ENLISTMENTS_INFORMATION, *PTRANSACTION_ENLISTMENTS_INFORMATION;

typedef struct _TRANSACTION_SUPERIOR_ENLISTMENT_INFORMATION {
	TRANSACTION_ENLISTMENT_PAIR SuperiorEnlistmentPair;
} TRANSACTION_SUPERIOR_ENLISTMENT_INFORMATION, *PTRANSACTION_SUPERIOR_ENLISTMENT_INFORMATION;

typedef struct _TRANSACTIONMANAGER_BASIC_INFORMATION {
	GUID TmIdentity;
	LARGE_INTEGER VirtualClock;
} TRANSACTIONMANAGER_BASIC_INFORMATION, *PTRANSACTIONMANAGER_BASIC_INFORMATION;

typedef struct _TRANSACTIONMANAGER_LOG_INFORMATION {
	GUID LogIdentity;
} TRANSACTIONMANAGER_LOG_INFORMATION, *PTRANSACTIONMANAGER_LOG_INFORMATION;

typedef struct _TRANSACTIONMANAGER_LOGPATH_INFORMATION {
	ULONG LogPathLength;		/* WCHARs */
	WCHAR LogPath[1];
} TRANSACTIONMANAGER_LOGPATH_INFORMATION, *PTRANSACTIONMANAGER_LOGPATH_INFORMATION;

typedef struct _TRANSACTIONMANAGER_RECOVERY_INFORMATION {
	ULONGLONG LastRecoveredLsn;
} TRANSACTIONMANAGER_RECOVERY_INFORMATION, *PTRANSACTIONMANAGER_RECOVERY_INFORMATION;

typedef struct _TRANSACTIONMANAGER_OLDEST_INFORMATION {
	GUID OldestTransactionGuid;
} TRANSACTIONMANAGER_OLDEST_INFORMATION, *PTRANSACTIONMANAGER_OLDEST_INFORMATION;

typedef struct _RESOURCEMANAGER_BASIC_INFORMATION {
	GUID ResourceManagerId;
	ULONG DescriptionLength;	/* bytes */
	WCHAR Description[1];
} RESOURCEMANAGER_BASIC_INFORMATION, *PRESOURCEMANAGER_BASIC_INFORMATION;

typedef struct _RESOURCEMANAGER_COMPLETION_INFORMATION {
	HANDLE IoCompletionPortHandle;	/* an epoll descriptor */
	ULONG_PTR CompletionKey;
} RESOURCEMANAGER_COMPLETION_INFORMATION, *PRESOURCEMANAGER_COMPLETION_INFORMATION;

typedef struct _ENLISTMENT_BASIC_INFORMATION {
	GUID EnlistmentId;
	GUID TransactionId;
	GUID ResourceManagerId;
} ENLISTMENT_BASIC_INFORMATION, *PENLISTMENT_BASIC_INFORMATION;

typedef struct _ENLISTMENT_CRM_INFORMATION {
	GUID CrmTransactionManagerId;
	GUID CrmResourceManagerId;
	GUID CrmEnlistmentId;
} ENLISTMENT_CRM_INFORMATION, *PENLISTMENT_CRM_INFORMATION;

typedef struct _TRANSACTION_LIST_ENTRY {
	GUID UOW;
} TRANSACTION_LIST_ENTRY, *PTRANSACTION_LIST_ENTRY;

typedef struct _TRANSACTION_LIST_INFORMATION {
	ULONG NumberOfTransactions;
	TRANSACTION_LIST_ENTRY TransactionInformation[1];
} TRANSACTION_LIST_INFORMATION, *PTRANSACTION_LIST_INFORMATION;

/* ---- enumeration ---- */

typedef enum _KTMOBJECT_TYPE {
	KTMOBJECT_TRANSACTION,		/* root: a TM, or NULL for all */
	KTMOBJECT_TRANSACTION_MANAGER,	/* root: NULL */
	KTMOBJECT_RESOURCE_MANAGER,	/* root: its TM */
	KTMOBJECT_ENLISTMENT,		/* root: its RM */
	KTMOBJECT_INVALID
} KTMOBJECT_TYPE, *PKTMOBJECT_TYPE;

typedef struct _KTMOBJECT_CURSOR {
	GUID LastQuery;			/* zero to begin, then left alone */
	ULONG ObjectIdCount;
	GUID ObjectIds[1];
} KTMOBJECT_CURSOR, *PKTMOBJECT_CURSOR;

/* ---- transaction managers ---- */

/* LogFileName: NULL with TRANSACTION_MANAGER_VOLATILE, else the journal. CommitStrength: 0. */
NTSTATUS NTAPI ZwCreateTransactionManager(_Out_ PHANDLE TmHandle, _In_ ACCESS_MASK DesiredAccess,
					  _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
					  _In_opt_ PUNICODE_STRING LogFileName,
					  _In_opt_ ULONG CreateOptions,
					  _In_opt_ ULONG CommitStrength);
NTSTATUS NTAPI NtCreateTransactionManager(_Out_ PHANDLE TmHandle, _In_ ACCESS_MASK DesiredAccess,
					  _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
					  _In_opt_ PUNICODE_STRING LogFileName,
					  _In_opt_ ULONG CreateOptions,
					  _In_opt_ ULONG CommitStrength);
/* By name, log or identity, exactly one of them. OpenOptions: 0. */
NTSTATUS NTAPI ZwOpenTransactionManager(_Out_ PHANDLE TmHandle, _In_ ACCESS_MASK DesiredAccess,
					_In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
					_In_opt_ PUNICODE_STRING LogFileName,
					_In_opt_ LPGUID TmIdentity, _In_opt_ ULONG OpenOptions);
NTSTATUS NTAPI NtOpenTransactionManager(_Out_ PHANDLE TmHandle, _In_ ACCESS_MASK DesiredAccess,
					_In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
					_In_opt_ PUNICODE_STRING LogFileName,
					_In_opt_ LPGUID TmIdentity, _In_opt_ ULONG OpenOptions);
NTSTATUS NTAPI ZwRecoverTransactionManager(_In_ HANDLE TransactionManagerHandle);
NTSTATUS NTAPI NtRecoverTransactionManager(_In_ HANDLE TransactionManagerHandle);
/* TmVirtualClock: NULL recovers to the end of the log. */
NTSTATUS NTAPI ZwRollforwardTransactionManager(_In_ HANDLE TransactionManagerHandle,
					       _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtRollforwardTransactionManager(_In_ HANDLE TransactionManagerHandle,
					       _In_opt_ PLARGE_INTEGER TmVirtualClock);
/* Gives the TM of that log a new identity, which Query tells. */
NTSTATUS NTAPI ZwRenameTransactionManager(_In_ PUNICODE_STRING LogFileName,
					  _In_ LPGUID ExistingTransactionManagerGuid);
NTSTATUS NTAPI NtRenameTransactionManager(_In_ PUNICODE_STRING LogFileName,
					  _In_ LPGUID ExistingTransactionManagerGuid);
NTSTATUS NTAPI ZwQueryInformationTransactionManager(_In_ HANDLE TransactionManagerHandle,
	_In_ TRANSACTIONMANAGER_INFORMATION_CLASS TransactionManagerInformationClass,
	_Out_writes_bytes_(TransactionManagerInformationLength) PVOID TransactionManagerInformation,
	_In_ ULONG TransactionManagerInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI NtQueryInformationTransactionManager(_In_ HANDLE TransactionManagerHandle,
	_In_ TRANSACTIONMANAGER_INFORMATION_CLASS TransactionManagerInformationClass,
	_Out_writes_bytes_(TransactionManagerInformationLength) PVOID TransactionManagerInformation,
	_In_ ULONG TransactionManagerInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI ZwSetInformationTransactionManager(_In_opt_ HANDLE TmHandle,
	_In_ TRANSACTIONMANAGER_INFORMATION_CLASS TransactionManagerInformationClass,
	_In_reads_bytes_(TransactionManagerInformationLength) PVOID TransactionManagerInformation,
	_In_ ULONG TransactionManagerInformationLength);
NTSTATUS NTAPI NtSetInformationTransactionManager(_In_opt_ HANDLE TmHandle,
	_In_ TRANSACTIONMANAGER_INFORMATION_CLASS TransactionManagerInformationClass,
	_In_reads_bytes_(TransactionManagerInformationLength) PVOID TransactionManagerInformation,
	_In_ ULONG TransactionManagerInformationLength);
/* STATUS_NO_MORE_ENTRIES behind the last; a call that brought GUIDs says STATUS_SUCCESS. */
NTSTATUS NTAPI ZwEnumerateTransactionObject(_In_opt_ HANDLE RootObjectHandle,
	_In_ KTMOBJECT_TYPE QueryType,
	_Inout_updates_bytes_(ObjectCursorLength) PKTMOBJECT_CURSOR ObjectCursor,
	_In_ ULONG ObjectCursorLength, _Out_ PULONG ReturnLength);
NTSTATUS NTAPI NtEnumerateTransactionObject(_In_opt_ HANDLE RootObjectHandle,
	_In_ KTMOBJECT_TYPE QueryType,
	_Inout_updates_bytes_(ObjectCursorLength) PKTMOBJECT_CURSOR ObjectCursor,
	_In_ ULONG ObjectCursorLength, _Out_ PULONG ReturnLength);
/* Both are relative times of at most a minute. */
NTSTATUS NTAPI ZwFreezeTransactions(_In_ PLARGE_INTEGER FreezeTimeout,
				    _In_ PLARGE_INTEGER ThawTimeout);
NTSTATUS NTAPI NtFreezeTransactions(_In_ PLARGE_INTEGER FreezeTimeout,
				    _In_ PLARGE_INTEGER ThawTimeout);
NTSTATUS NTAPI ZwThawTransactions(VOID);
NTSTATUS NTAPI NtThawTransactions(VOID);

/* ---- transactions ---- */

/* IsolationLevel, IsolationFlags: kept for the participants. Timeout: NULL or 0: never. */
NTSTATUS NTAPI ZwCreateTransaction(_Out_ PHANDLE TransactionHandle, _In_ ACCESS_MASK DesiredAccess,
				   _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
				   _In_opt_ LPGUID Uow, _In_opt_ HANDLE TmHandle,
				   _In_opt_ ULONG CreateOptions, _In_opt_ ULONG IsolationLevel,
				   _In_opt_ ULONG IsolationFlags, _In_opt_ PLARGE_INTEGER Timeout,
				   _In_opt_ PUNICODE_STRING Description);
NTSTATUS NTAPI NtCreateTransaction(_Out_ PHANDLE TransactionHandle, _In_ ACCESS_MASK DesiredAccess,
				   _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
				   _In_opt_ LPGUID Uow, _In_opt_ HANDLE TmHandle,
				   _In_opt_ ULONG CreateOptions, _In_opt_ ULONG IsolationLevel,
				   _In_opt_ ULONG IsolationFlags, _In_opt_ PLARGE_INTEGER Timeout,
				   _In_opt_ PUNICODE_STRING Description);
/* TmHandle: NULL, or the TM whose transactions are searched. */
NTSTATUS NTAPI ZwOpenTransaction(_Out_ PHANDLE TransactionHandle, _In_ ACCESS_MASK DesiredAccess,
				 _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes, _In_ LPGUID Uow,
				 _In_opt_ HANDLE TmHandle);
NTSTATUS NTAPI NtOpenTransaction(_Out_ PHANDLE TransactionHandle, _In_ ACCESS_MASK DesiredAccess,
				 _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes, _In_ LPGUID Uow,
				 _In_opt_ HANDLE TmHandle);
NTSTATUS NTAPI ZwQueryInformationTransaction(_In_ HANDLE TransactionHandle,
	_In_ TRANSACTION_INFORMATION_CLASS TransactionInformationClass,
	_Out_writes_bytes_(TransactionInformationLength) PVOID TransactionInformation,
	_In_ ULONG TransactionInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI NtQueryInformationTransaction(_In_ HANDLE TransactionHandle,
	_In_ TRANSACTION_INFORMATION_CLASS TransactionInformationClass,
	_Out_writes_bytes_(TransactionInformationLength) PVOID TransactionInformation,
	_In_ ULONG TransactionInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI ZwSetInformationTransaction(_In_ HANDLE TransactionHandle,
	_In_ TRANSACTION_INFORMATION_CLASS TransactionInformationClass,
	_In_reads_bytes_(TransactionInformationLength) PVOID TransactionInformation,
	_In_ ULONG TransactionInformationLength);
NTSTATUS NTAPI NtSetInformationTransaction(_In_ HANDLE TransactionHandle,
	_In_ TRANSACTION_INFORMATION_CLASS TransactionInformationClass,
	_In_reads_bytes_(TransactionInformationLength) PVOID TransactionInformation,
	_In_ ULONG TransactionInformationLength);
/* Wait FALSE: STATUS_PENDING. TRUE: STATUS_TRANSACTION_ABORTED if it came to a rollback. */
NTSTATUS NTAPI ZwCommitTransaction(_In_ HANDLE TransactionHandle, _In_ BOOLEAN Wait);
NTSTATUS NTAPI NtCommitTransaction(_In_ HANDLE TransactionHandle, _In_ BOOLEAN Wait);
NTSTATUS NTAPI ZwRollbackTransaction(_In_ HANDLE TransactionHandle, _In_ BOOLEAN Wait);
NTSTATUS NTAPI NtRollbackTransaction(_In_ HANDLE TransactionHandle, _In_ BOOLEAN Wait);

/* ---- resource managers ---- */

NTSTATUS NTAPI ZwCreateResourceManager(_Out_ PHANDLE ResourceManagerHandle,
				       _In_ ACCESS_MASK DesiredAccess, _In_ HANDLE TmHandle,
				       _In_opt_ LPGUID ResourceManagerGuid,
				       _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
				       _In_opt_ ULONG CreateOptions,
				       _In_opt_ PUNICODE_STRING Description);
NTSTATUS NTAPI NtCreateResourceManager(_Out_ PHANDLE ResourceManagerHandle,
				       _In_ ACCESS_MASK DesiredAccess, _In_ HANDLE TmHandle,
				       _In_opt_ LPGUID ResourceManagerGuid,
				       _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
				       _In_opt_ ULONG CreateOptions,
				       _In_opt_ PUNICODE_STRING Description);
NTSTATUS NTAPI ZwOpenResourceManager(_Out_ PHANDLE ResourceManagerHandle,
				     _In_ ACCESS_MASK DesiredAccess, _In_ HANDLE TmHandle,
				     _In_opt_ LPGUID ResourceManagerGuid,
				     _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenResourceManager(_Out_ PHANDLE ResourceManagerHandle,
				     _In_ ACCESS_MASK DesiredAccess, _In_ HANDLE TmHandle,
				     _In_opt_ LPGUID ResourceManagerGuid,
				     _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI ZwRecoverResourceManager(_In_ HANDLE ResourceManagerHandle);
NTSTATUS NTAPI NtRecoverResourceManager(_In_ HANDLE ResourceManagerHandle);
/* Timeout: NULL waits for ever, 0 not at all. Asynchronous: 0, AsynchronousContext: 0. */
NTSTATUS NTAPI ZwGetNotificationResourceManager(_In_ HANDLE ResourceManagerHandle,
	_Out_ PTRANSACTION_NOTIFICATION TransactionNotification, _In_ ULONG NotificationLength,
	_In_opt_ PLARGE_INTEGER Timeout, _Out_opt_ PULONG ReturnLength, _In_ ULONG Asynchronous,
	_In_opt_ ULONG_PTR AsynchronousContext);
NTSTATUS NTAPI NtGetNotificationResourceManager(_In_ HANDLE ResourceManagerHandle,
	_Out_ PTRANSACTION_NOTIFICATION TransactionNotification, _In_ ULONG NotificationLength,
	_In_opt_ PLARGE_INTEGER Timeout, _Out_opt_ PULONG ReturnLength, _In_ ULONG Asynchronous,
	_In_opt_ ULONG_PTR AsynchronousContext);
NTSTATUS NTAPI ZwQueryInformationResourceManager(_In_ HANDLE ResourceManagerHandle,
	_In_ RESOURCEMANAGER_INFORMATION_CLASS ResourceManagerInformationClass,
	_Out_writes_bytes_(ResourceManagerInformationLength) PVOID ResourceManagerInformation,
	_In_ ULONG ResourceManagerInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI NtQueryInformationResourceManager(_In_ HANDLE ResourceManagerHandle,
	_In_ RESOURCEMANAGER_INFORMATION_CLASS ResourceManagerInformationClass,
	_Out_writes_bytes_(ResourceManagerInformationLength) PVOID ResourceManagerInformation,
	_In_ ULONG ResourceManagerInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI ZwSetInformationResourceManager(_In_ HANDLE ResourceManagerHandle,
	_In_ RESOURCEMANAGER_INFORMATION_CLASS ResourceManagerInformationClass,
	_In_reads_bytes_(ResourceManagerInformationLength) PVOID ResourceManagerInformation,
	_In_ ULONG ResourceManagerInformationLength);
NTSTATUS NTAPI NtSetInformationResourceManager(_In_ HANDLE ResourceManagerHandle,
	_In_ RESOURCEMANAGER_INFORMATION_CLASS ResourceManagerInformationClass,
	_In_reads_bytes_(ResourceManagerInformationLength) PVOID ResourceManagerInformation,
	_In_ ULONG ResourceManagerInformationLength);
/* Needs an RM made with RESOURCE_MANAGER_COMMUNICATION. */
NTSTATUS NTAPI ZwRegisterProtocolAddressInformation(_In_ HANDLE ResourceManager,
						    _In_ PCRM_PROTOCOL_ID ProtocolId,
						    _In_ ULONG ProtocolInformationSize,
						    _In_ PVOID ProtocolInformation,
						    _In_opt_ ULONG CreateOptions);
NTSTATUS NTAPI NtRegisterProtocolAddressInformation(_In_ HANDLE ResourceManager,
						    _In_ PCRM_PROTOCOL_ID ProtocolId,
						    _In_ ULONG ProtocolInformationSize,
						    _In_ PVOID ProtocolInformation,
						    _In_opt_ ULONG CreateOptions);
/* Nothing is propagated, so nobody asks: STATUS_TRANSACTION_NOT_REQUESTED. */
NTSTATUS NTAPI ZwPropagationComplete(_In_ HANDLE ResourceManagerHandle, _In_ ULONG RequestCookie,
				     _In_ ULONG BufferLength, _In_ PVOID Buffer);
NTSTATUS NTAPI NtPropagationComplete(_In_ HANDLE ResourceManagerHandle, _In_ ULONG RequestCookie,
				     _In_ ULONG BufferLength, _In_ PVOID Buffer);
NTSTATUS NTAPI ZwPropagationFailed(_In_ HANDLE ResourceManagerHandle, _In_ ULONG RequestCookie,
				   _In_ NTSTATUS PropStatus);
NTSTATUS NTAPI NtPropagationFailed(_In_ HANDLE ResourceManagerHandle, _In_ ULONG RequestCookie,
				   _In_ NTSTATUS PropStatus);

/* ---- enlistments ---- */

NTSTATUS NTAPI ZwCreateEnlistment(_Out_ PHANDLE EnlistmentHandle, _In_ ACCESS_MASK DesiredAccess,
				  _In_ HANDLE ResourceManagerHandle, _In_ HANDLE TransactionHandle,
				  _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
				  _In_opt_ ULONG CreateOptions,
				  _In_ NOTIFICATION_MASK NotificationMask,
				  _In_opt_ PVOID EnlistmentKey);
NTSTATUS NTAPI NtCreateEnlistment(_Out_ PHANDLE EnlistmentHandle, _In_ ACCESS_MASK DesiredAccess,
				  _In_ HANDLE ResourceManagerHandle, _In_ HANDLE TransactionHandle,
				  _In_opt_ POBJECT_ATTRIBUTES ObjectAttributes,
				  _In_opt_ ULONG CreateOptions,
				  _In_ NOTIFICATION_MASK NotificationMask,
				  _In_opt_ PVOID EnlistmentKey);
NTSTATUS NTAPI ZwOpenEnlistment(_Out_ PHANDLE EnlistmentHandle, _In_ ACCESS_MASK DesiredAccess,
				_In_ HANDLE ResourceManagerHandle, _In_ LPGUID EnlistmentGuid,
				_In_opt_ POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI NtOpenEnlistment(_Out_ PHANDLE EnlistmentHandle, _In_ ACCESS_MASK DesiredAccess,
				_In_ HANDLE ResourceManagerHandle, _In_ LPGUID EnlistmentGuid,
				_In_opt_ POBJECT_ATTRIBUTES ObjectAttributes);
NTSTATUS NTAPI ZwQueryInformationEnlistment(_In_ HANDLE EnlistmentHandle,
	_In_ ENLISTMENT_INFORMATION_CLASS EnlistmentInformationClass,
	_Out_writes_bytes_(EnlistmentInformationLength) PVOID EnlistmentInformation,
	_In_ ULONG EnlistmentInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI NtQueryInformationEnlistment(_In_ HANDLE EnlistmentHandle,
	_In_ ENLISTMENT_INFORMATION_CLASS EnlistmentInformationClass,
	_Out_writes_bytes_(EnlistmentInformationLength) PVOID EnlistmentInformation,
	_In_ ULONG EnlistmentInformationLength, _Out_opt_ PULONG ReturnLength);
NTSTATUS NTAPI ZwSetInformationEnlistment(_In_opt_ HANDLE EnlistmentHandle,
	_In_ ENLISTMENT_INFORMATION_CLASS EnlistmentInformationClass,
	_In_reads_bytes_(EnlistmentInformationLength) PVOID EnlistmentInformation,
	_In_ ULONG EnlistmentInformationLength);
NTSTATUS NTAPI NtSetInformationEnlistment(_In_opt_ HANDLE EnlistmentHandle,
	_In_ ENLISTMENT_INFORMATION_CLASS EnlistmentInformationClass,
	_In_reads_bytes_(EnlistmentInformationLength) PVOID EnlistmentInformation,
	_In_ ULONG EnlistmentInformationLength);
/* Answers TRANSACTION_NOTIFY_RECOVER. */
NTSTATUS NTAPI ZwRecoverEnlistment(_In_ HANDLE EnlistmentHandle, _In_opt_ PVOID EnlistmentKey);
NTSTATUS NTAPI NtRecoverEnlistment(_In_ HANDLE EnlistmentHandle, _In_opt_ PVOID EnlistmentKey);

/* What follows takes a virtual clock, or NULL: the TM's is raised to it if it is less. */

/* ---- what a superior does ---- */

NTSTATUS NTAPI ZwPrePrepareEnlistment(_In_ HANDLE EnlistmentHandle,
				      _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtPrePrepareEnlistment(_In_ HANDLE EnlistmentHandle,
				      _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwPrepareEnlistment(_In_ HANDLE EnlistmentHandle,
				   _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtPrepareEnlistment(_In_ HANDLE EnlistmentHandle,
				   _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwCommitEnlistment(_In_ HANDLE EnlistmentHandle,
				  _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtCommitEnlistment(_In_ HANDLE EnlistmentHandle,
				  _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwRollbackEnlistment(_In_ HANDLE EnlistmentHandle,
				    _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtRollbackEnlistment(_In_ HANDLE EnlistmentHandle,
				    _In_opt_ PLARGE_INTEGER TmVirtualClock);

/* ---- what a participant answers (Rollback: both may) ---- */

NTSTATUS NTAPI ZwPrePrepareComplete(_In_ HANDLE EnlistmentHandle,
				    _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtPrePrepareComplete(_In_ HANDLE EnlistmentHandle,
				    _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwPrepareComplete(_In_ HANDLE EnlistmentHandle,
				 _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtPrepareComplete(_In_ HANDLE EnlistmentHandle,
				 _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwCommitComplete(_In_ HANDLE EnlistmentHandle,
				_In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtCommitComplete(_In_ HANDLE EnlistmentHandle,
				_In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwRollbackComplete(_In_ HANDLE EnlistmentHandle,
				  _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtRollbackComplete(_In_ HANDLE EnlistmentHandle,
				  _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwReadOnlyEnlistment(_In_ HANDLE EnlistmentHandle,
				    _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtReadOnlyEnlistment(_In_ HANDLE EnlistmentHandle,
				    _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI ZwSinglePhaseReject(_In_ HANDLE EnlistmentHandle,
				   _In_opt_ PLARGE_INTEGER TmVirtualClock);
NTSTATUS NTAPI NtSinglePhaseReject(_In_ HANDLE EnlistmentHandle,
				   _In_opt_ PLARGE_INTEGER TmVirtualClock);

/* ---- for those who look the calls up at run time ---- */

typedef NTSTATUS (NTAPI *PFN_NT_CREATE_TRANSACTION)(_Out_ PHANDLE, _In_ ACCESS_MASK,
						    _In_opt_ POBJECT_ATTRIBUTES, _In_opt_ LPGUID,
						    _In_opt_ HANDLE, _In_opt_ ULONG, _In_opt_ ULONG,
						    _In_opt_ ULONG, _In_opt_ PLARGE_INTEGER,
						    _In_opt_ PUNICODE_STRING);
typedef NTSTATUS (NTAPI *PFN_NT_OPEN_TRANSACTION)(_Out_ PHANDLE, _In_ ACCESS_MASK,
						  _In_opt_ POBJECT_ATTRIBUTES, _In_ LPGUID,
						  _In_opt_ HANDLE);
typedef NTSTATUS (NTAPI *PFN_NT_QUERY_INFORMATION_TRANSACTION)(_In_ HANDLE,
							       _In_ TRANSACTION_INFORMATION_CLASS,
							       _Out_ PVOID, _In_ ULONG,
							       _Out_opt_ PULONG);
typedef NTSTATUS (NTAPI *PFN_NT_SET_INFORMATION_TRANSACTION)(_In_ HANDLE,
							     _In_ TRANSACTION_INFORMATION_CLASS,
							     _In_ PVOID, _In_ ULONG);
typedef NTSTATUS (NTAPI *PFN_NT_COMMIT_TRANSACTION)(_In_ HANDLE, _In_ BOOLEAN);
typedef NTSTATUS (NTAPI *PFN_NT_ROLLBACK_TRANSACTION)(_In_ HANDLE, _In_ BOOLEAN);

/* ---- what Windows has in the kernel only, on objects, which are handles here ---- */

typedef HANDLE PKTRANSACTION, PKENLISTMENT;

/* Nil if it is no transaction, or one without TRANSACTION_QUERY_INFORMATION. */
VOID NTAPI TmGetTransactionId(_In_ PKTRANSACTION Transaction, _Out_ PUOW TransactionId);
/* TRUE until Commit has begun or the outcome is known. */
BOOLEAN NTAPI TmIsTransactionActive(_In_ PKTRANSACTION Transaction);
/* One that has prepared wants to know the outcome now. TmVirtualClock is not looked at. */
NTSTATUS NTAPI TmRequestOutcomeEnlistment(_In_ PKENLISTMENT Enlistment,
					  _In_opt_ PLARGE_INTEGER TmVirtualClock);

/* ---- not of one kind of object ---- */

NTSTATUS NTAPI ZwClose(_In_ HANDLE Handle);
NTSTATUS NTAPI NtClose(_In_ HANDLE Handle);

/* The NTSTATUS for one of enum ktm_status; STATUS_UNSUCCESSFUL for a number that is none. */
NTSTATUS KtmStatusToNt(uint32_t status);

#ifdef __cplusplus
}
#endif

#endif /* KTM_ZW_H */
