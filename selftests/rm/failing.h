/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk that fails when it is told to: a device-mapper device over another one.
 */
#ifndef FAILING_H
#define FAILING_H

#include <stdbool.h>

/* Over the block device of that path, for the life of the machine or until removed; its path. */
const char *failing_make(const char *disk);
/* From now on all that is asked of it fails, or nothing does. */
void failing_set(bool fails);
/* When nobody uses it any more. */
void failing_remove(void);

#endif /* FAILING_H */
