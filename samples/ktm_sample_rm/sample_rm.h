/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ktm_sample_rm.ko exports to other drivers.
 */
#ifndef KTM_SAMPLE_RM_EXPORTS_H
#define KTM_SAMPLE_RM_EXPORTS_H

#include <linux/types.h>

struct ktm_guid;
struct ktm_transaction_use;

int ktm_sample_rm_write(struct ktm_transaction_use *tx, const void *key, u32 key_length,
			const void *value, u32 value_length);
int ktm_sample_rm_tm(struct ktm_guid *guid);

#endif /* KTM_SAMPLE_RM_EXPORTS_H */
