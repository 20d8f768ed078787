// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a transaction tells about itself, and what of it can be changed. */
#include "zw_internal.h"

#include <stdlib.h>

_Static_assert((int)TransactionOutcomeUndetermined == KTM_OUTCOME_UNDETERMINED &&
	       (int)TransactionOutcomeCommitted == KTM_OUTCOME_COMMITTED &&
	       (int)TransactionOutcomeAborted == KTM_OUTCOME_ABORTED, "outcomes have one value");

static ULONG state_of(uint32_t state)
{
	switch (state) {
	case KTM_TX_STATE_INDOUBT:
	case KTM_TX_STATE_SINGLE_PHASE_INDOUBT:
	case KTM_TX_STATE_SUPERIOR_INDOUBT:
		return TransactionStateIndoubt;
	case KTM_TX_STATE_COMMITTING:
	case KTM_TX_STATE_COMMITTED:
		return TransactionStateCommittedNotify;
	default:
		return TransactionStateNormal;
	}
}

static NTSTATUS basic(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	TRANSACTION_BASIC_INFORMATION basic;
	struct zw_answer answer = ZW_FIXED(basic, STATUS_INFO_LENGTH_MISMATCH);
	struct ktm_tx_info info;
	uint32_t status;

	if (ktm_tx_query(KtmDescriptor(handle), &info, &status))
		return zw_class_status(status);
	basic.TransactionId = KtmGuidToNt(&info.uow);
	basic.State = state_of(info.state);
	basic.Outcome = info.outcome;
	return zw_answer(&answer, buffer, length, needed);
}

/* As one gives it: so long from then on. */
static LONGLONG relative(uint64_t timeout_ns)
{
	return -(LONGLONG)(timeout_ns / 100 + (timeout_ns % 100 != 0));
}

static NTSTATUS properties(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	TRANSACTION_PROPERTIES_INFORMATION head;
	WCHAR description[KTM_MAX_DESCRIPTION];
	struct zw_answer answer = {
		.fixed = &head,
		.fixed_size = offsetof(TRANSACTION_PROPERTIES_INFORMATION, Description),
		.elements = description,
		.element_size = sizeof(description[0]),
		.too_short = STATUS_INFO_LENGTH_MISMATCH,
	};
	struct ktm_tx_properties info;
	uint32_t status;

	if (ktm_tx_properties(KtmDescriptor(handle), &info, &status))
		return zw_class_status(status);
	answer.count = zw_wide(info.description, info.description_length, description);
	head.IsolationLevel = info.isolation_level;
	head.IsolationFlags = info.isolation_flags;
	head.Timeout.QuadPart = relative(info.timeout_ns);
	head.Outcome = info.outcome;
	head.DescriptionLength = (ULONG)(answer.count * sizeof(WCHAR));
	return zw_answer(&answer, buffer, length, needed);
}

static TRANSACTION_ENLISTMENT_PAIR pair_of(const struct ktm_en_pair *from)
{
	return (TRANSACTION_ENLISTMENT_PAIR){
		.EnlistmentId = KtmGuidToNt(&from->enlistment),
		.ResourceManagerId = KtmGuidToNt(&from->rm),
	};
}

static NTSTATUS give_pairs(const struct ktm_en_pair *from, size_t count, PVOID buffer, ULONG length,
			   PULONG needed)
{
	TRANSACTION_ENLISTMENT_PAIR *pairs = calloc(count + 1, sizeof(*pairs));
	ULONG head = (ULONG)count;
	struct zw_answer answer = {
		.fixed = &head,
		.fixed_size = offsetof(TRANSACTION_ENLISTMENTS_INFORMATION, EnlistmentPair),
		.elements = pairs,
		.element_size = sizeof(*pairs),
		.count = count,
		.too_short = STATUS_INFO_LENGTH_MISMATCH,
	};
	NTSTATUS status;
	size_t i;

	if (!pairs)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (i = 0; i < count; i++)
		pairs[i] = pair_of(from + i);
	status = zw_answer(&answer, buffer, length, needed);
	free(pairs);
	return status;
}

static NTSTATUS enlistments(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	struct ktm_en_pair *pairs;
	uint32_t found;
	NTSTATUS status;
	size_t count;

	if (ktm_tx_enlistments(KtmDescriptor(handle), &pairs, &count, &found))
		return zw_class_status(found);
	status = give_pairs(pairs, count, buffer, length, needed);
	free(pairs);
	return status;
}

static NTSTATUS superior(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	TRANSACTION_SUPERIOR_ENLISTMENT_INFORMATION info;
	struct zw_answer answer = ZW_FIXED(info, STATUS_INFO_LENGTH_MISMATCH);
	struct ktm_en_pair pair;
	uint32_t status;

	if (ktm_tx_superior(KtmDescriptor(handle), &pair, &status))
		return zw_class_status(status);
	info.SuperiorEnlistmentPair = pair_of(&pair);
	return zw_answer(&answer, buffer, length, needed);
}

KTM_EXPORT NTSTATUS NTAPI ZwQueryInformationTransaction(HANDLE handle,
	TRANSACTION_INFORMATION_CLASS class, PVOID buffer, ULONG length, PULONG needed)
{
	switch (class) {
	case TransactionBasicInformation:
		return basic(handle, buffer, length, needed);
	case TransactionPropertiesInformation:
		return properties(handle, buffer, length, needed);
	case TransactionEnlistmentInformation:
		return enlistments(handle, buffer, length, needed);
	case TransactionSuperiorEnlistmentInformation:
		return superior(handle, buffer, length, needed);
	default:
		return zw_no_such_class(handle);
	}
}
KTM_ALSO_NT(QueryInformationTransaction);

KTM_EXPORT VOID NTAPI TmGetTransactionId(PKTRANSACTION transaction, PUOW id)
{
	TRANSACTION_BASIC_INFORMATION info;

	if (basic(transaction, &info, sizeof(info), NULL))
		memset(id, 0, sizeof(*id));
	else
		*id = info.TransactionId;
}

KTM_EXPORT BOOLEAN NTAPI TmIsTransactionActive(PKTRANSACTION transaction)
{
	struct ktm_tx_info info;

	return !ktm_tx_query(KtmDescriptor(transaction), &info, NULL) &&
	       info.state == KTM_TX_STATE_ACTIVE;
}

NTSTATUS zw_set_properties(HANDLE transaction, uint32_t set, ULONG level, ULONG flags,
			   uint64_t timeout_ns, PCUNICODE_STRING description)
{
	struct ktm_tx_properties change = { .set = set };
	char text[ZW_DESCRIPTION_ROOM];
	uint32_t found;
	NTSTATUS status;
	size_t length;

	status = zw_description(description, text);
	if (status)
		return status;
	length = strlen(text);
	if (length > sizeof(change.description))
		return STATUS_INVALID_PARAMETER;
	if (set & KTM_TX_SET_TIMEOUT)
		change.timeout_ns = timeout_ns;
	if (set & KTM_TX_SET_ISOLATION) {
		change.isolation_level = level;
		change.isolation_flags = flags;
	}
	change.description_length = (uint32_t)length;
	memcpy(change.description, text, length);
	ktm_tx_set_properties(KtmDescriptor(transaction), &change, &found);
	return zw_class_status(found);
}

static NTSTATUS set_properties(HANDLE handle, const void *buffer, ULONG length)
{
	const size_t fixed = offsetof(TRANSACTION_PROPERTIES_INFORMATION, Description);
	WCHAR text[MAX_TRANSACTION_DESCRIPTION_LENGTH];
	TRANSACTION_PROPERTIES_INFORMATION head;
	UNICODE_STRING description = { .Buffer = text };

	if (length < fixed)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (!buffer)
		return STATUS_ACCESS_VIOLATION;
	memcpy(&head, buffer, fixed);
	if (head.DescriptionLength > length - fixed)
		return STATUS_INFO_LENGTH_MISMATCH;
	if (head.DescriptionLength > sizeof(text))
		return STATUS_INVALID_PARAMETER;
	memcpy(text, (const char *)buffer + fixed, head.DescriptionLength);
	description.Length = (USHORT)head.DescriptionLength;
	return zw_set_properties(handle, KTM_TX_SET_TIMEOUT | KTM_TX_SET_ISOLATION |
					 KTM_TX_SET_DESCRIPTION, head.IsolationLevel,
				 head.IsolationFlags, zw_timeout(&head.Timeout), &description);
}

KTM_EXPORT NTSTATUS NTAPI ZwSetInformationTransaction(HANDLE handle,
	TRANSACTION_INFORMATION_CLASS class, PVOID buffer, ULONG length)
{
	uint32_t status;

	if (class == TransactionPropertiesInformation)
		return set_properties(handle, buffer, length);
	ktm_set(KtmDescriptor(handle), KTM_INFO_TX_BASIC, NULL, buffer, length, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(SetInformationTransaction);
