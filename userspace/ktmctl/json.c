// SPDX-License-Identifier: GPL-2.0
/* See json.h. */
#include "json.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Something stands before the next member, in the same brackets. */
static bool comma;

void json_quote(const uint8_t *text, uint32_t length)
{
	uint32_t i, bytes;

	putchar('"');
	for (i = 0; i < length; i += bytes ? bytes : 1) {
		bytes = utf8_length(text + i, length - i);
		if (!bytes)
			fputs("\\ufffd", stdout);
		else if (bytes == 1 && (text[i] == '"' || text[i] == '\\'))
			printf("\\%c", text[i]);
		else if (utf8_is_control(text + i))
			printf("\\u%04x", text[i + bytes - 1]);
		else
			fwrite(text + i, 1, bytes, stdout);
	}
	putchar('"');
}

static void name_member(const char *name)
{
	if (comma)
		putchar(',');
	comma = true;
	if (name)
		printf("\"%s\":", name);
}

void json_begin(const char *name, char bracket)
{
	name_member(name);
	putchar(bracket);
	comma = false;
}

void json_end(char bracket)
{
	putchar(bracket);
	comma = true;
}

void json_line(void)
{
	putchar('\n');
	comma = false;
}

void json_bytes_text(const char *name, const uint8_t *text, uint32_t length)
{
	name_member(name);
	json_quote(text, length);
}

void json_text(const char *name, const char *value)
{
	json_bytes_text(name, (const uint8_t *)value, (uint32_t)strlen(value));
}

void json_number(const char *name, uint64_t value)
{
	name_member(name);
	printf("%" PRIu64, value);
}

void json_boolean(const char *name, bool value)
{
	name_member(name);
	fputs(value ? "true" : "false", stdout);
}

void json_guid(const char *name, const struct ktm_guid *guid)
{
	char text[KTM_GUID_STRING];

	json_text(name, ktm_guid_format(guid, text));
}

void json_word(const char *name, uint64_t value)
{
	name_member(name);
	printf("\"0x%016" PRIx64 "\"", value);
}

void json_hex(const char *name, const uint8_t *bytes, uint32_t length)
{
	uint32_t i;

	name_member(name);
	putchar('"');
	for (i = 0; i < length; i++)
		printf("%02x", bytes[i]);
	putchar('"');
}
