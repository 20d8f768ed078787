/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_RECOVERY_H
#define KTM_RECOVERY_H

#include "journal.h"
#include "tm.h"

int ktm_recovery_run(struct ktm_tm *tm, u64 limit, struct ktm_jf_fault *fault);

#endif /* KTM_RECOVERY_H */
