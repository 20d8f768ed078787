/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_MAIN_H
#define KTM_MAIN_H

#include <linux/workqueue.h>

/*
 * They take over what must not be done where it comes up. Unbound, with a
 * rescuer: works of different objects run side by side and need no memory.
 *
 * ktm_wq: what follows a force. Waits for no transaction that somebody is busy with, but
 * tries again; one item of a TM does wait, which retires those that are over.
 *
 * ktm_slow_wq: time-outs, which try again, too; restart areas and teardown of a TM, which
 * wait for its device. One such item of each TM at most: a device that hangs must not keep the
 * time-outs and decisions of other TMs from having their turn.
 */
extern struct workqueue_struct *ktm_wq;
extern struct workqueue_struct *ktm_slow_wq;

#endif /* KTM_MAIN_H */
