/* SPDX-License-Identifier: GPL-2.0 */
#ifndef JOURNAL_SETTLE_H
#define JOURNAL_SETTLE_H

#include "journal_writer.h"

void jw_settle(struct ktm_jw *w);

#endif /* JOURNAL_SETTLE_H */
