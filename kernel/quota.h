/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_QUOTA_H
#define KTM_QUOTA_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct ktm_user;

/**
 * struct ktm_log_bytes - bytes of a log
 * @ring: of its ring, set aside for unfinished work or for streams
 * @area: of what restart areas can hold
 */
struct ktm_log_bytes {
	u64 ring;
	u64 area;
};

int ktm_quota_init(void);
void ktm_quota_exit(void);

struct ktm_user *ktm_user_charge(const struct ktm_user *payer);
struct ktm_user *ktm_user_charge_owner(kuid_t uid);
void ktm_user_uncharge(struct ktm_user *user);
struct ktm_user *ktm_user_of_log(const struct ktm_user *user, const void *log);
struct ktm_user *ktm_user_of_log_nofail(const struct ktm_user *user, const void *log);
void ktm_user_put(struct ktm_user *user);
int ktm_user_charge_log(struct ktm_user *user, struct ktm_log_bytes bytes,
			const struct ktm_log_bytes *all);
void ktm_user_uncharge_log(struct ktm_user *user, struct ktm_log_bytes bytes);

#endif /* KTM_QUOTA_H */
