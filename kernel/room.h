/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_ROOM_H
#define KTM_ROOM_H

#include "quota.h"

struct ktm_journal;

u32 ktm_room_take(struct ktm_journal *j, struct ktm_user *payer, struct ktm_log_bytes bytes,
		  bool bounded);
void ktm_room_give_back(struct ktm_journal *j, struct ktm_user *payer,
			struct ktm_log_bytes bytes);

#endif /* KTM_ROOM_H */
