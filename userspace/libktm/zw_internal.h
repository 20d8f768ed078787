/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of <ktm/zw.h> and <ktmw32.h> share: arguments of Windows as those
 * of ktm, answers of ktm as those of Windows.
 */
#ifndef KTM_ZW_INTERNAL_H
#define KTM_ZW_INTERNAL_H

#include "internal.h"

#include <ktm/zw.h>

/* Zw and Nt are two names of one function. */
#define KTM_ALSO_NT(name)							\
	extern __typeof__(Zw##name) Nt##name					\
		__attribute__((alias("Zw" #name), visibility("default")))

enum zw_kind {
	ZW_TM,
	ZW_RM,
	ZW_TX,
	ZW_EN,
};

/* ---- handles (zw_handle.c) ---- */

/* /dev/ktm, for one call: one that is kept would be state. The caller closes it. */
NTSTATUS zw_device(int *ktm);

/* What open(2) came to. */
NTSTATUS zw_open_error(int error);

/* Makes a handle of a new descriptor, which is closed if that fails. */
NTSTATUS zw_give(int fd, ULONG attributes, PHANDLE handle);

/* Neither NULL nor a descriptor: such a handle must not pass for "none". */
static inline bool zw_is_bad(HANDLE handle)
{
	return handle && KtmDescriptor(handle) < 0;
}

/*
 * Is it an RM's? A call on an enlistment could reach an RM too, which ktm would
 * ask "which of yours?". Needs no right and does nothing.
 */
bool zw_is_rm(HANDLE handle);

/* ---- DesiredAccess (zw_access.c) ---- */

/* KTM_MAXIMUM_ALLOWED is left for an Open to resolve; a Create gets all there are. */
NTSTATUS zw_rights_to_open(enum zw_kind kind, ACCESS_MASK wanted, uint32_t *rights);
NTSTATUS zw_rights_to_create(enum zw_kind kind, ACCESS_MASK wanted, uint32_t *rights);

/* ---- ObjectAttributes (zw_object.c) ---- */

struct zw_object {
	ULONG attributes;
	uint32_t mode;
	struct ktm_guid guid;		/* by name or by parameter; nil: neither */
};

NTSTATUS zw_object(enum zw_kind kind, const OBJECT_ATTRIBUTES *attributes, const GUID *guid,
		   struct zw_object *object);

/*
 * How a Create ends: with the descriptor @fd that it made (negative: none) and
 * @status, or, if the object was there and OBJ_OPENIF was given, with the one that
 * @request opens on @on.
 */
NTSTATUS zw_created(const struct zw_object *object, int fd, uint32_t status, int on,
		    unsigned long request, uint32_t rights, PHANDLE handle);

/* ---- texts (zw_text.c) ---- */

/*
 * UTF-8 of @from, with a NUL, in @to. STATUS_INVALID_PARAMETER if it does not fit
 * into @room, is no UTF-16 or has a NUL inside.
 */
NTSTATUS zw_text(PCUNICODE_STRING from, char *to, size_t room);

/* A description: at most MAX_TRANSACTION_DESCRIPTION_LENGTH WCHARs; NULL is none. */
#define ZW_DESCRIPTION_ROOM	(3 * MAX_TRANSACTION_DESCRIPTION_LENGTH + 1)
NTSTATUS zw_description(PCUNICODE_STRING from, char to[ZW_DESCRIPTION_ROOM]);

/* UTF-16 of @bytes bytes, at most one WCHAR for each. Returns how many. */
size_t zw_wide(const void *text, size_t bytes, WCHAR *to);

/* ---- times (zw_time.c) ---- */

/* Nanoseconds from now; none if that has passed. NULL: KTM_WAIT_FOREVER. */
uint64_t zw_from_now(const LARGE_INTEGER *time);

/* The same for a transaction's time-out, where NULL and 0 say never, which is 0. */
uint64_t zw_timeout(const LARGE_INTEGER *time);

/* A virtual clock. NULL: 0, which leaves the TM's alone. */
NTSTATUS zw_clock(const LARGE_INTEGER *time, uint64_t *clock);

/* ---- information (zw_information.c) ---- */

/* What a query has to tell: a fixed part and, maybe, a number of elements behind it. */
struct zw_answer {
	const void *fixed;
	size_t fixed_size;
	const void *elements;
	size_t element_size;
	size_t count;
	NTSTATUS too_short;		/* if not even the fixed part fits */
};

/* One without elements. */
#define ZW_FIXED(struct_, too_short_)						\
	{ .fixed = &(struct_), .fixed_size = sizeof(struct_), .too_short = (too_short_) }

NTSTATUS zw_answer(const struct zw_answer *answer, PVOID buffer, ULONG length, PULONG needed);

/* A class that only Windows has, or nobody: in ktm's words, so that rights come first. */
NTSTATUS zw_no_such_class(HANDLE handle);

/*
 * The status of a query or set of a class that belongs to one kind of object: an
 * object that cannot be asked that is of another kind.
 */
NTSTATUS zw_class_status(uint32_t status);

/* The same of a class of enlistments. */
NTSTATUS zw_en_class_status(HANDLE handle, uint32_t status);

/* Changes of a transaction those properties whose KTM_TX_SET_ bits are in @set. */
NTSTATUS zw_set_properties(HANDLE transaction, uint32_t set, ULONG level, ULONG flags,
			   uint64_t timeout_ns, PCUNICODE_STRING description);

/* ---- the inverse of KtmStatusToNt() (zw_status.c) ---- */

/* enum ktm_status for an NTSTATUS; UNSUCCESSFUL for one that ktm does not have. */
uint32_t zw_status_from_nt(NTSTATUS status);

#endif /* KTM_ZW_INTERNAL_H */
