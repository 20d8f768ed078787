// SPDX-License-Identifier: GPL-2.0
/*
 * What the test RMs write into their log streams.
 */
#include "records.h"

#include "../cut/prng.h"

#include <string.h>

#include <linux/ktm.h>

/**
 * record_fill() - the data of a record
 * @data: room for @record->length bytes, which is not less than sizeof(*record)
 * @record: which one
 */
void record_fill(uint8_t *data, const struct record *record)
{
	struct prng prng = prng_stream(record->serial, record->length);
	uint32_t i;

	memcpy(data, record, sizeof(*record));
	for (i = sizeof(*record); i < record->length; i++)
		data[i] = (uint8_t)prng_next(&prng);
}

/**
 * record_check() - is this a record as it was written?
 * @data: what was read
 * @length: bytes of it
 * @record: filled
 *
 * Return: it is, every byte of it.
 */
bool record_check(const uint8_t *data, uint32_t length, struct record *record)
{
	uint8_t wanted[KTM_MAX_STREAM_RECORD];

	if (length < sizeof(*record))
		return false;
	memcpy(record, data, sizeof(*record));
	if (record->length != length || record->kind >= NR_RECORD_KINDS)
		return false;
	record_fill(wanted, record);
	return !memcmp(data, wanted, length);
}

/**
 * stream_name() - which stream is whose
 * @rm: number of the RM, below NR_STREAMS
 *
 * Return: its name.
 */
const char *stream_name(unsigned int rm)
{
	static const char *const names[NR_STREAMS] = { "crash-0", "crash-1" };

	return names[rm];
}
