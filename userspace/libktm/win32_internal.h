/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of <ktmw32.h> share. */
#ifndef KTM_WIN32_INTERNAL_H
#define KTM_WIN32_INTERNAL_H

#include "zw_internal.h"

#include <ktmw32.h>

/* TRUE for the successes, PENDING among them; else FALSE, and the last error says why. */
BOOL win32_result(NTSTATUS status);

/* The handle, or INVALID_HANDLE_VALUE and the last error. */
HANDLE win32_handle(NTSTATUS status, HANDLE handle);

/* @to with what @from says (NULL: nothing); returns @to. */
POBJECT_ATTRIBUTES win32_attributes(const SECURITY_ATTRIBUTES *from, POBJECT_ATTRIBUTES to);

/* A string that ends with a NUL as a counted one; NULL for NULL. Returns @to. */
PUNICODE_STRING win32_string(LPCWSTR from, PUNICODE_STRING to);

#endif /* KTM_WIN32_INTERNAL_H */
