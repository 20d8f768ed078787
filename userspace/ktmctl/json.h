/* SPDX-License-Identifier: GPL-2.0 */
/* JSON on standard output, member by member. */
#ifndef KTMCTL_JSON_H
#define KTMCTL_JSON_H

#include <ktm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A string. Texts are anybody's bytes: each that is no part of valid UTF-8 becomes
 * the replacement character.
 */
void json_quote(const uint8_t *text, uint32_t length);

/*
 * Members of an object that json_begin() opened; commas are put where they belong. @name is
 * NULL for an element of an array and for the document itself.
 */
void json_begin(const char *name, char bracket);
void json_end(char bracket);
void json_text(const char *name, const char *value);
void json_bytes_text(const char *name, const uint8_t *text, uint32_t length);
void json_number(const char *name, uint64_t value);
void json_boolean(const char *name, bool value);
void json_guid(const char *name, const struct ktm_guid *guid);

/* What means nothing as a number, or might exceed a reader's: "0x" and 16 digits. */
void json_word(const char *name, uint64_t value);

/* Two digits for each byte. */
void json_hex(const char *name, const uint8_t *bytes, uint32_t length);

/* The document ends with its line. */
void json_line(void);

#endif /* KTMCTL_JSON_H */
