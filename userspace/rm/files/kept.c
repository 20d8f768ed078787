// SPDX-License-Identifier: GPL-2.0
/*
 * Staged directories of transactions that are over.
 *
 * Of a transaction that was too large for the log, the log only says that its redo is
 * here. That record goes when the base is advanced, but a power cut may bring it back
 * as long as the advance is not durable. So the directory stays until it is: until some
 * record that was appended behind the advance is durable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "store.h"

int files_keep_dir(struct files_store *s, const struct ktm_guid *enlistment, uint64_t redo_lsn)
{
	struct files_kept *kept;

	for (kept = s->kept; kept; kept = kept->next)
		if (!memcmp(&kept->enlistment, enlistment, sizeof(*enlistment))) {
			/* Found once more, so the base is back in front of it: see redo_read(). */
			kept->redo_lsn = redo_lsn;
			kept->gone_lsn = 0;
			return 0;
		}
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	kept->enlistment = *enlistment;
	kept->redo_lsn = redo_lsn;
	kept->next = s->kept;
	s->kept = kept;
	return 0;
}

void files_drop_kept(struct files_store *s, uint64_t base, uint64_t last, uint64_t flushed)
{
	struct files_kept **at = &s->kept;

	while (*at) {
		struct files_kept *kept = *at;

		if (!kept->gone_lsn && kept->redo_lsn < base)
			kept->gone_lsn = last;
		if (!kept->gone_lsn || kept->gone_lsn >= flushed) {
			at = &kept->next;
			continue;
		}
		if (files_drop_dir(s, &kept->enlistment))
			log_line("staged files of a transaction that is over stay");
		*at = kept->next;
		free(kept);
	}
}

void files_free_kept(struct files_store *s)
{
	while (s->kept) {
		struct files_kept *kept = s->kept;

		s->kept = kept->next;
		free(kept);
	}
}
