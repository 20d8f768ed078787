/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device-mapper device with one target, without dmsetup.
 */
#ifndef KTM_CRASH_DM_H
#define KTM_CRASH_DM_H

#include <stdint.h>

/*
 * Targets over a whole disk: LOG_WRITES records on the other disk, FLAKY passes
 * everything on, FAILING fails every write.
 */
enum dm_target { DM_LOG_WRITES, DM_FLAKY, DM_FAILING };

/* Make it, its node's path goes to @path; give it another target while it is in use. */
void dm_create(const char *name, enum dm_target target, const char *disk, const char *other,
	       char path[64]);
void dm_change(const char *name, enum dm_target target, const char *disk);
void dm_mark(const char *name, const char *text);
void dm_remove(const char *name);

uint64_t disk_bytes(const char *disk);

#endif
