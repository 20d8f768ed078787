/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fields of a journal's superblock, for tests that damage one at a time.
 */
#ifndef KTM_TEST_FORMAT_H
#define KTM_TEST_FORMAT_H

#include "disk.h"

#define SB_BYTES	4096

/**
 * struct sb_field - a field and values that it cannot have
 * @name: as in Documentation/journal-format.md
 * @offset: in the superblock
 * @bytes: its width
 * @status: what opening says
 * @nr_values: how many there are
 * @values: what no writer leaves there
 */
struct sb_field {
	const char *name;
	unsigned int offset, bytes;
	unsigned int status;
	unsigned int nr_values;
	uint64_t values[5];
};

extern const struct sb_field sb_fields[];
extern const unsigned int nr_sb_fields;

/* Writes a value into both copies, with the checksum that goes with it. */
void sb_patch(const struct disk *d, const struct sb_field *f, uint64_t value);

/**
 * struct batch_place - where a batch of the ring lies on the disk
 * @place: byte on the device
 * @bytes: its length
 * @lsn: its own
 * @flushed_lsn: what it states
 */
struct batch_place {
	uint64_t place;
	unsigned int bytes;
	uint64_t lsn, flushed_lsn;
};

/* The batches of the journal's present epoch, in the order of the log. */
unsigned int find_batches(const struct disk *d, struct batch_place *all, unsigned int max);

/* Where the restart area in use begins, 0 if there is none. */
uint64_t restart_place(const struct disk *d);

#endif /* KTM_TEST_FORMAT_H */
