/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_MAIN_H
#define KTM_MAIN_H

#include <linux/workqueue.h>

/*
 * Takes over what must not be done where it comes up: teardown of a TM,
 * time-outs, what follows a force. Unbound, with a rescuer: works of different
 * objects run side by side and need no memory.
 */
extern struct workqueue_struct *ktm_wq;

#endif /* KTM_MAIN_H */
