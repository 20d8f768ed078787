/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_QUOTA_H
#define KTM_QUOTA_H

#include <linux/uidgid.h>

struct ktm_user;

int ktm_quota_init(void);
void ktm_quota_exit(void);

struct ktm_user *ktm_user_charge(void);
struct ktm_user *ktm_user_charge_owner(kuid_t uid);
void ktm_user_uncharge(struct ktm_user *user);
int ktm_user_charge_log(struct ktm_user *user, u64 bytes, u64 ring);
void ktm_user_uncharge_log(struct ktm_user *user, u64 bytes);

#endif /* KTM_QUOTA_H */
