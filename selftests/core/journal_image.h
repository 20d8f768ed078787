/* SPDX-License-Identifier: GPL-2.0 */
/* A device with a history on it, as its last writer left it. */
#ifndef KTM_TEST_JOURNAL_IMAGE_H
#define KTM_TEST_JOURNAL_IMAGE_H

#include "journal_history.h"

/*
 * A journal of @units units of 4096 bytes on @image, with a log of about @steps things that
 * happened before its restart area was written and @later ones since. false: it did not fit.
 */
bool jimage_make(u64 seed, u8 *image, u32 units, u32 steps, u32 later, bool info);

#endif
