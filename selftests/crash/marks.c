// SPDX-License-Identifier: GPL-2.0
/*
 * Marks as text: one word, as dm-log-writes takes no blanks.
 */
#include "marks.h"

#include "records.h"

#include "../cut/prng.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char letters[NR_FACTS + 1] = "SEPRXcrfCAQDHoOwWFaBL";

static void guid_format(const struct ktm_guid *guid, char *text)
{
	size_t i;

	for (i = 0; i < sizeof(guid->b); i++)
		sprintf(text + 2 * i, "%02x", guid->b[i]);
}

static int guid_parse(const char *text, struct ktm_guid *guid)
{
	size_t i;

	for (i = 0; i < sizeof(guid->b); i++)
		if (sscanf(text + 2 * i, "%2hhx", &guid->b[i]) != 1)
			return -1;
	return 0;
}

/**
 * mark_format() - a mark as text
 * @mark: the mark
 * @text: room for MARK_TEXT bytes
 */
void mark_format(const struct mark *mark, char *text)
{
	char uow[33], en[33];

	guid_format(&mark->uow, uow);
	guid_format(&mark->en, en);
	snprintf(text, MARK_TEXT, "ktm:%c:%s:%s:%u:%u:%u:%u:%u:%u:%" PRIu64 ":%" PRIu64 ":%" PRIu64,
		 letters[mark->fact], uow, en, mark->rm, mark->key, mark->length, mark->seed,
		 mark->record.serial, mark->record.kind, mark->record.lsn, mark->record.previous,
		 mark->record.base);
}

/**
 * mark_parse() - a mark from its text
 * @text: need not end with a zero
 * @length: bytes that may be looked at
 * @mark: filled
 *
 * Return: 0, or -1 if it is none of ours.
 */
int mark_parse(const char *text, size_t length, struct mark *mark)
{
	char copy[MARK_TEXT] = "", uow[33], en[33], letter;
	const char *found;

	memcpy(copy, text, length < MARK_TEXT ? length : MARK_TEXT - 1);
	if (sscanf(copy, "ktm:%c:%32[0-9a-f]:%32[0-9a-f]:%u:%u:%u:%u:%u:%u:%" SCNu64 ":%" SCNu64
		   ":%" SCNu64, &letter, uow, en, &mark->rm, &mark->key, &mark->length, &mark->seed,
		   &mark->record.serial, &mark->record.kind, &mark->record.lsn,
		   &mark->record.previous, &mark->record.base) != 12)
		return -1;
	found = strchr(letters, letter);
	if (!letter || !found || strlen(uow) != 32 || strlen(en) != 32 || mark->rm >= NR_RMS ||
	    mark->length > KTM_MAX_RECOVERY_INFORMATION)
		return -1;
	mark->fact = (enum fact)(found - letters);
	if (is_of_stream(mark->fact) &&
	    (mark->rm >= NR_STREAMS || mark->record.kind >= NR_RECORD_KINDS))
		return -1;
	return guid_parse(uow, &mark->uow) || guid_parse(en, &mark->en) ? -1 : 0;
}

/**
 * information_fill() - recovery information
 * @buffer: where to
 * @length: bytes
 * @seed: the same one gives the same bytes
 */
void information_fill(uint8_t *buffer, uint32_t length, uint32_t seed)
{
	struct prng prng = prng_stream(seed, length);
	uint32_t i;

	for (i = 0; i < length; i++)
		buffer[i] = (uint8_t)prng_next(&prng);
}

/**
 * rm_guid() - which RM is which
 * @rm: number
 *
 * Return: its GUID.
 */
struct ktm_guid rm_guid(unsigned int rm)
{
	struct ktm_guid guid = { .b = "ktm-crash-rm-" };

	guid.b[15] = (uint8_t)(rm + 1);
	return guid;
}
