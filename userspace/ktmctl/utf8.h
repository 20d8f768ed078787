/* SPDX-License-Identifier: GPL-2.0 */
/* Texts of strangers, character by character. */
#ifndef KTMCTL_UTF8_H
#define KTMCTL_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes of the valid UTF-8 character at @text, 0 if there is none: overlong
 * forms, surrogates and what is beyond Unicode are none.
 */
uint32_t utf8_length(const uint8_t *text, uint32_t left);

/*
 * Is the valid character at @text one that steers a terminal? They are U+0000 to
 * U+001F and U+007F to U+009F; the last byte of each is its number.
 */
bool utf8_is_control(const uint8_t *text);

/*
 * A blank and the text in quotes. Descriptions and names of files come from anybody: they
 * must not steer a terminal.
 */
void utf8_print_quoted(const uint8_t *text, uint32_t length);

#endif /* KTMCTL_UTF8_H */
