/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_FREEZE_H
#define KTM_FREEZE_H

#include <linux/types.h>
#include <uapi/linux/ktm.h>

int ktm_freeze_init(void);
void ktm_freeze_stop(void);
void ktm_freeze_exit(void);
u32 ktm_freeze(const struct ktm_freeze *arg);
u32 ktm_thaw(const struct ktm_call *arg);

bool ktm_commit_may_begin(void);
bool ktm_commit_is_under_way(void);
void ktm_commit_is_over(void);
int ktm_freeze_wait(void);

#endif /* KTM_FREEZE_H */
