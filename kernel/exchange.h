/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_EXCHANGE_H
#define KTM_EXCHANGE_H

#include "object.h"

u32 ktm_rm_answer(struct ktm_handle *handle, unsigned int cmd, const struct ktm_answer *arg);
u32 ktm_exchange(struct ktm_handle *handle, struct ktm_exchange *arg);

#endif /* KTM_EXCHANGE_H */
