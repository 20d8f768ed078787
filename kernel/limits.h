/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_LIMITS_H
#define KTM_LIMITS_H

#include <linux/uidgid.h>

struct ktm_user;

int ktm_limits_init(void);
void ktm_limits_exit(void);

struct ktm_user *ktm_user_charge(void);
struct ktm_user *ktm_user_charge_owner(kuid_t uid);
void ktm_user_uncharge(struct ktm_user *user);

#endif /* KTM_LIMITS_H */
