/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_CALLBACK_H
#define KTM_CALLBACK_H

#include <linux/types.h>

struct ktm_callbacks;
struct ktm_enlistment;
struct ktm_handle;
struct ktm_inbox;
struct module;
struct work_struct;

bool ktm_callbacks_end(struct ktm_handle *handle);
void ktm_callbacks_module_gone(const struct module *module);
void ktm_callbacks_queue(struct ktm_callbacks *cb, struct work_struct *work);
void ktm_callbacks_tell(struct ktm_callbacks *cb, struct ktm_inbox *inbox);
void ktm_callbacks_put(struct ktm_callbacks *cb);
void ktm_callback_tell(struct ktm_enlistment *en);
bool ktm_in_callback(void);
int ktm_callbacks_init(void);
void ktm_callbacks_exit(void);

#endif /* KTM_CALLBACK_H */
