/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device-mapper device with one target, without dmsetup.
 */
#ifndef KTM_CRASH_DM_H
#define KTM_CRASH_DM_H

#include <stdint.h>

/* Give it a log-writes target over @disk, recorded on @log; its node's path goes to @path. */
void dm_log_writes(const char *name, const char *disk, const char *log, char path[64]);
void dm_mark(const char *name, const char *text);
void dm_remove(const char *name);

uint64_t disk_bytes(const char *disk);

#endif
