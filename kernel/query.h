/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_QUERY_H
#define KTM_QUERY_H

#include "object.h"

u32 ktm_query(struct ktm_handle *handle, struct ktm_query *arg);
u32 ktm_set(struct ktm_handle *handle, const struct ktm_set *arg);
u32 ktm_enumerate(struct ktm_handle *handle, struct ktm_enumerate *arg);

#endif /* KTM_QUERY_H */
