/* SPDX-License-Identifier: GPL-2.0 */
/* What the tables of kernel/core/protocol_table.c are about, in words. */
#ifndef PROTOCOL_NAMES_H
#define PROTOCOL_NAMES_H

#include "../../kernel/core/protocol_table.h"

extern const char *const tx_state_names[KTM_NR_TX_STATES];
extern const char *const en_state_names[KTM_NR_EN_STATES];
extern const char *const tx_event_names[KTM_NR_TX_EVENTS];
extern const char *const en_event_names[KTM_NR_EN_EVENTS];

#endif /* PROTOCOL_NAMES_H */
