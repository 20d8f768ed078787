/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What drivers hold of objects, as processes hold descriptors: uses. Each is a handle, with the
 * rights that it was got with, and keeps ktm.ko loaded.
 */
#ifndef KTM_USE_H
#define KTM_USE_H

#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/ktm.h>
#include <linux/stddef.h>

#include "object.h"

struct ktm_tm_use {
	struct ktm_handle handle;
};

struct ktm_rm_use {
	struct ktm_handle handle;
};

struct ktm_transaction_use {
	struct ktm_handle handle;
};

struct ktm_enlistment_use {
	struct ktm_handle handle;
};

/* So an ERR_PTR of the one is one of the other. */
static_assert(!offsetof(struct ktm_tm_use, handle));
static_assert(!offsetof(struct ktm_rm_use, handle));
static_assert(!offsetof(struct ktm_transaction_use, handle));
static_assert(!offsetof(struct ktm_enlistment_use, handle));

/* To be said in the function that the driver calls. */
#define KTM_NEW_USE	{ .fd = -1, .in_kernel = true, .caller = _RET_IP_ }

int ktm_tell(u32 status, u32 *out);
void *ktm_tell_ptr(u32 status, u32 *out);
struct ktm_handle *ktm_use_made(u32 ret, struct ktm_new_fd *nfd, u32 *status);
struct ktm_handle *ktm_use_get_from_fd(int fd, u8 kind, u32 rights, unsigned long caller,
				       u32 *status);
int ktm_use_to_fd(struct ktm_handle *handle, u32 access, u32 *status);
void ktm_use_end(struct ktm_handle *handle);
void ktm_use_put(struct ktm_handle *handle);
u32 ktm_text_length(const char *text, u32 most);
int ktm_use_query(struct ktm_handle *handle, u32 info_class, const struct ktm_guid *guid,
		  void *buffer, u32 *length, u32 *status);
int ktm_use_set(struct ktm_handle *handle, u32 info_class, const struct ktm_guid *guid,
		const void *buffer, u32 length, u32 *status);
int ktm_use_enumerate(struct ktm_handle *handle, u32 kind, struct ktm_guid *cursor,
		      struct ktm_guid *guids, u32 *count, u32 *status);

#endif /* KTM_USE_H */
