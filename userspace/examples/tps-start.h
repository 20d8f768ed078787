/* SPDX-License-Identifier: GPL-2.0 */
/* How the example resource managers register themselves. */
#ifndef EXAMPLES_TPS_START_H
#define EXAMPLES_TPS_START_H

#include <ktm/zw.h>

/*
 * Opens, or creates, the transaction manager of a log and the resource manager of
 * that GUID, and recovers both: notifications follow. Ends the program if it fails.
 */
void tps_start(const char *log, const char *guid, PHANDLE TransactionManager,
	       PHANDLE ResourceManager);

/* Ends the program if @Status is a failure. */
void tps_must(NTSTATUS Status, const char *what);

#endif /* EXAMPLES_TPS_START_H */
