// SPDX-License-Identifier: GPL-2.0
/* What a resource manager does each time that it is loaded. */
#include "tps-start.h"

#include <err.h>
#include <limits.h>

#include <ktm.h>

void tps_must(NTSTATUS Status, const char *what)
{
	if (!NT_SUCCESS(Status))
		errx(1, "%s: status 0x%08x", what, (unsigned int)Status);
}

/* A path of ASCII characters. */
static void widen(const char *from, WCHAR to[PATH_MAX])
{
	size_t i;

	for (i = 0; from[i] && i < PATH_MAX - 1; i++)
		to[i] = (unsigned char)from[i];
	to[i] = 0;
}

void tps_start(const char *log, const char *guid, PHANDLE TransactionManager,
	       PHANDLE ResourceManager)
{
	OBJECT_ATTRIBUTES Attributes;
	UNICODE_STRING LogFileName;
	WCHAR path[PATH_MAX];
	struct ktm_guid me;
	GUID Me;

	if (ktm_guid_parse(guid, &me))
		errx(2, "%s: not a GUID", guid);
	Me = KtmGuidToNt(&me);
	widen(log, path);
	RtlInitUnicodeString(&LogFileName, path);

	/* Whoever of those with the same log comes first creates it, the others open it. */
	InitializeObjectAttributes(&Attributes, NULL, OBJ_OPENIF, NULL, NULL);
	tps_must(ZwCreateTransactionManager(TransactionManager, TRANSACTIONMANAGER_ALL_ACCESS,
					&Attributes, &LogFileName, 0, 0), log);
	tps_must(ZwRecoverTransactionManager(*TransactionManager), "cannot recover the log");

	/* The data has one owner. */
	InitializeObjectAttributes(&Attributes, NULL, OBJ_OPENIF | OBJ_EXCLUSIVE, NULL, NULL);
	tps_must(ZwCreateResourceManager(ResourceManager, RESOURCEMANAGER_ALL_ACCESS,
				     *TransactionManager, &Me, &Attributes, 0, NULL), guid);
	tps_must(ZwRecoverResourceManager(*ResourceManager), "cannot recover");
}
