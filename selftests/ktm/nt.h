/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls by their native names, checked: a test that passes has shown "native CALL"
 * for what succeeded (or is pending), "CALL STATUS_..." for every other status.
 */
#ifndef KTM_TEST_NT_H
#define KTM_TEST_NT_H

#include <ktm/zw.h>

#include "calls.h"

/* NT(STATUS_..., ZwCall, arguments...): the call must end with this status. */
#define NT(want, call, ...)						\
	do {								\
		const NTSTATUS __got = call(__VA_ARGS__);		\
									\
		if (__got != (want))					\
			FAIL("%s: status 0x%08x, not " #want, #call, (unsigned int)__got); \
		if ((want) == STATUS_SUCCESS || (want) == STATUS_PENDING) \
			SHOWS("native %s", &#call[2]);			\
		else							\
			SHOWS("%s " #want, &#call[2]);			\
	} while (0)

/* A text as a UNICODE_STRING, as long as the caller's block. */
#define STRING(literal)							\
	({								\
		UNICODE_STRING __s;					\
									\
		RtlInitUnicodeString(&__s, (literal));			\
		__s;							\
	})

/* ASCII to UTF-16, in a buffer that the next call uses again. */
static inline PWSTR wide(const char *text)
{
	static WCHAR buffer[256];
	unsigned int i = 0;

	do {
		buffer[i] = (unsigned char)text[i];
	} while (text[i++] && i < 255);
	return buffer;
}

#define NOTIFY_TWO_PHASE	(TRANSACTION_NOTIFY_PREPARE | TRANSACTION_NOTIFY_COMMIT | \
				 TRANSACTION_NOTIFY_ROLLBACK)

#endif /* KTM_TEST_NT_H */
