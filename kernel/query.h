/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_QUERY_H
#define KTM_QUERY_H

#include "object.h"

/* What is asked, or told, of an object: as struct ktm_query, but in either memory. */
struct ktm_inquiry {
	u32 info_class;
	u32 length;
	struct ktm_guid guid;
	sockptr_t buffer;
};

u32 ktm_query(struct ktm_handle *handle, struct ktm_inquiry *arg);
u32 ktm_set(struct ktm_handle *handle, const struct ktm_inquiry *arg);
u32 ktm_enumerate(struct ktm_handle *handle, struct ktm_listing *arg);

#endif /* KTM_QUERY_H */
