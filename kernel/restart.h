/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_RESTART_H
#define KTM_RESTART_H

#include <linux/workqueue.h>

struct ktm_tm;

int ktm_restart_run(struct ktm_tm *tm);
void ktm_restart_work(struct work_struct *work);
void ktm_restart_retry_work(struct work_struct *work);

#endif /* KTM_RESTART_H */
