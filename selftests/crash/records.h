/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test RMs write into their log streams: each record says itself which one
 * it is, and the rest of it follows from that.
 */
#ifndef KTM_CRASH_RECORDS_H
#define KTM_CRASH_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#define NR_STREAMS	2		/* the first test RMs have one each */
#define STREAM_QUOTA	(128u << 10)
#define END_BYTES	64u		/* of a record that ends an enlistment */

/* Serials of records that a recovery writes, so that they cannot be those of the run. */
#define AGAIN_SERIAL	0x40000000u

enum record_kind { RECORD_REDO, RECORD_COMMIT, RECORD_ABORT, RECORD_RESTART, NR_RECORD_KINDS };

/**
 * struct record - one record
 * @serial: no two of a run have the same
 * @kind: enum record_kind
 * @key: of the enlistment; RECORD_RESTART: 0
 * @length: bytes of all of it
 */
struct record {
	uint32_t serial;
	uint32_t kind;
	uint32_t key;
	uint32_t length;
};

void record_fill(uint8_t *data, const struct record *record);
bool record_check(const uint8_t *data, uint32_t length, struct record *record);

/* The name of an RM's stream. */
const char *stream_name(unsigned int rm);

#endif
