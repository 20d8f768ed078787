/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface of the example databases (tps-db.c): what the resource manager of a
 * simple transaction processing system exports to its clients. A database holds one
 * text. ReadData gives the one that was committed last, WriteData adds to the
 * one that replaces it if the transaction commits.
 */
#ifndef EXAMPLES_TPS_H
#define EXAMPLES_TPS_H

#include <sys/types.h>

#include <ktm/zw.h>

/* Bytes that ReadData gives at most and WriteData takes at most, all together. */
#define TPS_MAX_DATA	1024

/*
 * Database: the path of its socket. DataHandle: closed by CloseDataObject. The
 * transaction holds the database until it has ended; meanwhile others get
 * STATUS_TRANSACTIONAL_CONFLICT.
 */
NTSTATUS CreateDataObject(const char *Database, LPGUID TransactionId, PHANDLE DataHandle);
NTSTATUS ReadData(HANDLE DataHandle, PVOID Data, ULONG Size, PULONG Length);
NTSTATUS WriteData(HANDLE DataHandle, const void *Data, ULONG Length);
VOID CloseDataObject(HANDLE DataHandle);

/* ---- what goes over the socket: a message for each call, a message for its answer ---- */

enum tps_call {
	TPS_CREATE_DATA_OBJECT,
	TPS_READ_DATA,
	TPS_WRITE_DATA,
};

struct tps_message {
	uint32_t call;
	NTSTATUS status;		/* of an answer */
	GUID transaction;
	uint32_t length;
	char data[TPS_MAX_DATA];
};

#define TPS_MESSAGE_HEAD	offsetof(struct tps_message, data)

/* Does what was received hang together? */
static inline int tps_is_whole(const struct tps_message *message, ssize_t bytes)
{
	return bytes >= (ssize_t)TPS_MESSAGE_HEAD && message->length <= TPS_MAX_DATA &&
	       (size_t)bytes == TPS_MESSAGE_HEAD + message->length;
}

#endif /* EXAMPLES_TPS_H */
