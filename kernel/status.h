/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_STATUS_H
#define KTM_STATUS_H

#include <linux/types.h>

int ktm_status_errno(u32 status);
u32 ktm_status_from_errno(int err);

#endif /* KTM_STATUS_H */
