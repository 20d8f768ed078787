// SPDX-License-Identifier: LGPL-2.1-or-later
/* Texts: UTF-16 in the mirror headers, UTF-8 in ktm. */
#include "zw_internal.h"

#define REPLACEMENT	0xfffd

static bool is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

/* One character of the @left WCHARs at @at, and how many it took; 0: not one. */
static size_t from_wide(const WCHAR *at, size_t left, uint32_t *c)
{
	*c = (uint16_t)at[0];
	if (!is_surrogate(*c))
		return 1;
	if (*c >= 0xdc00 || left < 2 || ((uint16_t)at[1] & 0xfc00) != 0xdc00)
		return 0;
	*c = 0x10000 + ((*c & 0x3ff) << 10) + ((uint16_t)at[1] & 0x3ff);
	return 2;
}

static size_t to_utf8(uint32_t c, char to[4])
{
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (i = length - 1; i > 0; i--) {
		to[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	to[0] = (char)(first[length] | c);
	return length;
}

NTSTATUS zw_text(PCUNICODE_STRING from, char *to, size_t room)
{
	size_t count = from->Length / sizeof(WCHAR), at, used, length, bytes = 0;
	char character[4];
	uint32_t c;

	if (from->Length % sizeof(WCHAR))
		return STATUS_INVALID_PARAMETER;
	if (count && !from->Buffer)
		return STATUS_ACCESS_VIOLATION;
	for (at = 0; at < count; at += used) {
		used = from_wide(from->Buffer + at, count - at, &c);
		if (!used || !c)
			return STATUS_INVALID_PARAMETER;
		length = to_utf8(c, character);
		if (bytes + length >= room)
			return STATUS_INVALID_PARAMETER;
		memcpy(to + bytes, character, length);
		bytes += length;
	}
	to[bytes] = '\0';
	return STATUS_SUCCESS;
}

NTSTATUS zw_description(PCUNICODE_STRING from, char to[ZW_DESCRIPTION_ROOM])
{
	_Static_assert(MAX_RESOURCEMANAGER_DESCRIPTION_LENGTH == MAX_TRANSACTION_DESCRIPTION_LENGTH,
		       "descriptions have one length");

	to[0] = '\0';
	if (!from)
		return STATUS_SUCCESS;
	if (from->Length > MAX_TRANSACTION_DESCRIPTION_LENGTH * sizeof(WCHAR))
		return STATUS_INVALID_PARAMETER;
	return zw_text(from, to, ZW_DESCRIPTION_ROOM);
}

/*
 * One character of the @left bytes at @at, and how many it took. Descriptions can be
 * set by others with anything in them: what is no UTF-8 is replaced byte by byte.
 */
static size_t from_utf8(const unsigned char *at, size_t left, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 :
			at[0] < 0xf8 ? 4 : 0;
	size_t i;

	*c = at[0];
	if (length == 1)
		return 1;
	*c &= 0x7fu >> length;
	for (i = 1; i < length && i < left && (at[i] & 0xc0) == 0x80; i++)
		*c = *c << 6 | (at[i] & 0x3f);
	if (length && i == length && *c >= least[length] && *c < 0x110000 && !is_surrogate(*c))
		return length;
	*c = REPLACEMENT;
	return 1;
}

size_t zw_wide(const void *text, size_t bytes, WCHAR *to)
{
	const unsigned char *from = text;
	size_t at, count = 0;
	uint32_t c;

	for (at = 0; at < bytes;) {
		at += from_utf8(from + at, bytes - at, &c);
		if (c >= 0x10000) {
			to[count++] = (WCHAR)(0xd800 + ((c - 0x10000) >> 10));
			to[count++] = (WCHAR)(0xdc00 + (c & 0x3ff));
		} else {
			to[count++] = (WCHAR)c;
		}
	}
	return count;
}

KTM_EXPORT VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING to, PCWSTR from)
{
	const USHORT most = (USHORT)-1 - sizeof(WCHAR);
	size_t bytes = 0;

	to->Length = 0;
	to->MaximumLength = 0;
	to->Buffer = (PWSTR)(uintptr_t)from;
	if (!from)
		return;
	while (bytes + sizeof(WCHAR) <= most && from[bytes / sizeof(WCHAR)])
		bytes += sizeof(WCHAR);
	to->Length = (USHORT)bytes;
	to->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
}
