/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Partitions without a table.
 */
#ifndef KTM_CRASH_DISK_H
#define KTM_CRASH_DISK_H

#include <stdint.h>

void disk_split(const char *disk, int number, uint64_t start, uint64_t bytes);

#endif
