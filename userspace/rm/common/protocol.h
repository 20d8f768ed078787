/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What clients and resource managers say to each other over a Unix socket of
 * type SOCK_SEQPACKET: one packet a request, one packet its answer, in order.
 *
 * Every packet begins with the header below, as pack.h writes it, 32 bytes:
 *
 *	u32 magic, u16 version, u16 op, u32 length, u32 error, u64 id, u64 t
 *
 * length: of the whole packet. error: 0 in a request; in an answer 0 or an
 * errno, then the rest of the packet is UTF-8 text about it. id: chosen by the
 * client and given back. t: the transaction's handle on this connection, 0 for
 * none; the answer to JOIN brings it.
 *
 * A packet that does not keep to this is answered with an error, and changes
 * nothing; the connection goes on. The socket keeps packets apart, so there is
 * nothing to get out of step.
 */
#ifndef KTM_RM_PROTOCOL_H
#define KTM_RM_PROTOCOL_H

#include <stdint.h>

#define RM_MAGIC		0x724d544bu	/* "KTMr" in memory */
#define RM_VERSION		1
#define RM_HEADER		32
#define RM_PACKET_MAX		131072

/*
 * What follows the header in the request, and in an answer without error.
 * "fd" goes along with SCM_RIGHTS. "bytes" is a u32 length and that many bytes.
 */
enum rm_op {
	RM_OP_JOIN		= 1,	/* fd: transaction -> */
	/* ktm-rm-files */
	RM_OP_FILES_PUT		= 16,	/* u32 flags, bytes name; fd: sealed memfd -> */
	RM_OP_FILES_REMOVE	= 17,	/* bytes name -> */
	RM_OP_FILES_GET		= 18,	/* bytes name -> fd */
	RM_OP_FILES_STAT	= 19,	/* bytes name -> u64 size */
	RM_OP_FILES_LIST	= 20,	/* bytes directory, bytes after -> u8 more, u32 count,
					 * count times: u8 directory, u64 size, bytes name
					 */
	/* ktm-rm-sqlite */
	RM_OP_SQL_EXEC		= 32,	/* bytes sql, u32 count, count values -> u64 changes */
	RM_OP_SQL_QUERY		= 33,	/* bytes sql, u32 count, count values -> u8 more,
					 * u32 rows, u32 columns, rows * columns values
					 */
};

/*
 * A value is a u8 type (enum ktm_sql_type), then nothing for NULL, u64 for an
 * INTEGER (two's complement) and a REAL (its IEEE bits), bytes for the others.
 */

struct rm_header {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	uint32_t length;
	uint32_t error;
	uint64_t id;
	uint64_t t;
};

#endif /* KTM_RM_PROTOCOL_H */
