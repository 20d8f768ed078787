// SPDX-License-Identifier: GPL-2.0
/* Texts of strangers, character by character. */
#include "utf8.h"

#include <stdio.h>

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

uint32_t utf8_length(const uint8_t *text, uint32_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t length, code, i;

	if (text[0] < 0x80)
		return 1;
	length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4 || length > left)
		return 0;
	code = text[0] & (0xffu >> (length + 1));
	for (i = 1; i < length; i++) {
		if (!is_continuation(text[i]))
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

bool utf8_is_control(const uint8_t *text)
{
	return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

/* Some terminals take a lone byte from 0x80 to 0x9f, or one of an overlong form, for a control. */
void utf8_print_quoted(const uint8_t *text, uint32_t length)
{
	uint32_t i, bytes;

	fputs(" \"", stdout);
	for (i = 0; i < length; i += bytes ? bytes : 1) {
		bytes = utf8_length(text + i, length - i);
		if (!bytes || utf8_is_control(text + i))
			putchar('?');
		else
			fwrite(text + i, 1, bytes, stdout);
	}
	putchar('"');
}
