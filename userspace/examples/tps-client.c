// SPDX-License-Identifier: GPL-2.0
/*
 * A transactional client, written against <ktm/zw.h> as one would write it for KTM.
 *
 *	tps-client one DATABASE TEXT TEXT TEXT
 *		reads the database's text and prints it, writes three others in its place
 *	tps-client two DATABASE1 DATABASE2
 *		exchanges the texts of two databases
 *
 * Each is one transaction. Exit code 0: committed; 1: rolled back, nothing has changed.
 */
#include "tps.h"

#include <stdio.h>
#include <string.h>

static NTSTATUS begin(PHANDLE TransactionHandle, LPGUID TransactionId)
{
	TRANSACTION_BASIC_INFORMATION Information;
	NTSTATUS Status;

	Status = ZwCreateTransaction(TransactionHandle, TRANSACTION_ALL_ACCESS, NULL, NULL, NULL, 0,
				     0, 0, NULL, NULL);
	if (!NT_SUCCESS(Status))
		return Status;
	/* The databases need to know which transaction they take part in. */
	Status = ZwQueryInformationTransaction(*TransactionHandle, TransactionBasicInformation,
					       &Information, sizeof(Information), NULL);
	if (NT_SUCCESS(Status))
		*TransactionId = Information.TransactionId;
	else
		ZwClose(*TransactionHandle);
	return Status;
}

static NTSTATUS one_database(const char *Database, char **Texts)
{
	HANDLE TransactionHandle, DataHandle = NULL;
	char Data1[TPS_MAX_DATA];
	GUID TransactionId;
	NTSTATUS Status;
	ULONG Length;

	Status = begin(&TransactionHandle, &TransactionId);
	if (!NT_SUCCESS(Status))
		return Status;

	Status = CreateDataObject(Database, &TransactionId, &DataHandle);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = ReadData(DataHandle, Data1, sizeof(Data1), &Length);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	printf("%.*s\n", (int)Length, Data1);
	Status = WriteData(DataHandle, Texts[0], (ULONG)strlen(Texts[0]));
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = WriteData(DataHandle, Texts[1], (ULONG)strlen(Texts[1]));
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = WriteData(DataHandle, Texts[2], (ULONG)strlen(Texts[2]));
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;

	Status = ZwCommitTransaction(TransactionHandle, TRUE);
	goto Leave;

ErrorRollback:
	ZwRollbackTransaction(TransactionHandle, TRUE);
Leave:
	CloseDataObject(DataHandle);
	ZwClose(TransactionHandle);
	return Status;
}

static NTSTATUS two_databases(const char *Database1, const char *Database2)
{
	HANDLE TransactionHandle, Rm1DataHandle = NULL, Rm2DataHandle = NULL;
	char Rm1Data[TPS_MAX_DATA], Rm2Data[TPS_MAX_DATA];
	ULONG Rm1Length, Rm2Length;
	GUID TransactionId;
	NTSTATUS Status;

	Status = begin(&TransactionHandle, &TransactionId);
	if (!NT_SUCCESS(Status))
		return Status;

	Status = CreateDataObject(Database1, &TransactionId, &Rm1DataHandle);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = CreateDataObject(Database2, &TransactionId, &Rm2DataHandle);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = ReadData(Rm1DataHandle, Rm1Data, sizeof(Rm1Data), &Rm1Length);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = WriteData(Rm2DataHandle, Rm1Data, Rm1Length);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = ReadData(Rm2DataHandle, Rm2Data, sizeof(Rm2Data), &Rm2Length);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;
	Status = WriteData(Rm1DataHandle, Rm2Data, Rm2Length);
	if (!NT_SUCCESS(Status))
		goto ErrorRollback;

	Status = ZwCommitTransaction(TransactionHandle, TRUE);
	goto Leave;

ErrorRollback:
	ZwRollbackTransaction(TransactionHandle, TRUE);
Leave:
	CloseDataObject(Rm2DataHandle);
	CloseDataObject(Rm1DataHandle);
	ZwClose(TransactionHandle);
	return Status;
}

int main(int argc, char **argv)
{
	NTSTATUS Status;

	if (argc == 6 && !strcmp(argv[1], "one")) {
		Status = one_database(argv[2], argv + 3);
	} else if (argc == 4 && !strcmp(argv[1], "two")) {
		Status = two_databases(argv[2], argv[3]);
	} else {
		fprintf(stderr, "usage: tps-client one DATABASE TEXT TEXT TEXT\n"
				"       tps-client two DATABASE1 DATABASE2\n");
		return 2;
	}
	if (!NT_SUCCESS(Status))
		fprintf(stderr, "tps-client: status 0x%08x\n", (unsigned int)Status);
	return NT_SUCCESS(Status) ? 0 : 1;
}
