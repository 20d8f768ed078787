/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_CALLBACK_H
#define KTM_CALLBACK_H

#include <linux/types.h>

struct ktm_handle;
struct ktm_inbox;
struct ktm_rm;
struct module;

bool ktm_callbacks_end(struct ktm_handle *handle);
void ktm_callbacks_module_gone(const struct module *module);
void ktm_callback_tell(struct ktm_rm *rm, struct ktm_inbox *inbox, bool by_worker);
bool ktm_in_callback(void);
int ktm_callbacks_init(void);
void ktm_callbacks_exit(void);

#endif /* KTM_CALLBACK_H */
