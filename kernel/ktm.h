/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_MAIN_H
#define KTM_MAIN_H

#include <linux/workqueue.h>

/*
 * They take over what must not be done where it comes up. Unbound, with a
 * rescuer: works of different objects run side by side and need no memory.
 *
 * ktm_wq: what follows a force. Waits for nothing but a transaction's mutex
 * that nobody holds across I/O once the decision is handed over.
 *
 * ktm_slow_wq: time-outs, which may find the mutex held by a vote that waits for
 * a hung device, and teardown of a TM, which waits for its device. Many of them
 * must not keep the decisions of other TMs from being told.
 */
extern struct workqueue_struct *ktm_wq;
extern struct workqueue_struct *ktm_slow_wq;

#endif /* KTM_MAIN_H */
