// SPDX-License-Identifier: GPL-2.0
#include "journal_settle.h"

/* All that the writer wants to do, done at once by a device that never fails. */
void jw_settle(struct ktm_jw *w)
{
	struct ktm_jw_batch *b;

	for (;;) {
		switch (ktm_jw_next(w, &b)) {
		case KTM_JW_NOTHING:
			return;
		case KTM_JW_WRITE:
			ktm_jw_seal(w, b);
			ktm_jw_write_done(w, b, 0);
			break;
		case KTM_JW_FLUSH:
			ktm_jw_flush_done(w, 0);
			break;
		}
	}
}
