/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A log stream without a kernel, in memory that all processes of the test share. The
 * functions of libktm that the resource managers call are replaced.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "../../userspace/rm/common/redo.h"

/* An empty one, which is the one that everybody opens from now on. */
void stream_new(uint64_t quota);

/* As the TM does with an answer that brings a record; 0 and its LSN, or a negative errno. */
int stream_take(const struct redo_record *record, uint64_t *lsn);

/* A transaction that had voted is rolled back: what was set aside for it is free. */
void stream_give_back(void);

/* A decision of the TM: all that was appended before it is durable. */
void stream_decide(void);

/* The power is cut: what was not durable is gone, bases that were moved since are back. */
void stream_cut(void);

/* Whether the base is where it was in the beginning. */
bool stream_base_unmoved(void);
/* Is it in the log, whether or not the base has gone beyond it? */
bool stream_has(uint64_t lsn);
/* Records that live. */
unsigned int stream_count(void);

/* Flips a bit of the data of the newest record that has more than a head. */
void stream_damage(void);

#endif /* STREAM_H */
