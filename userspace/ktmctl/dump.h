/* SPDX-License-Identifier: GPL-2.0 */
/* What ktmctl journal dump walks over (dump.c) and prints (dump_text.c, dump_json.c). */
#ifndef KTMCTL_DUMP_H
#define KTMCTL_DUMP_H

#include "image.h"

/**
 * struct dump_format - how the parts of a journal are printed, in this order
 * @superblock: a copy; @sb is NULL where it cannot be used, and @fault says why
 * @batch: the batch whose records follow, see ktm_jo.batch
 * @record: a record of it, see ktm_jo.rec
 * @tail: the log has been read to its end
 * @fault: it has not: what is wrong
 */
struct dump_format {
	void (*superblock)(uint64_t place, bool chosen, const struct ktm_jf_sb *sb,
			   const struct ktm_jf_fault *fault);
	void (*batch)(const struct image *image);
	void (*record)(const struct image *image);
	void (*tail)(const struct image *image);
	void (*fault)(const struct ktm_jf_fault *fault);
};

extern const struct dump_format dump_text;
extern const struct dump_format dump_json;

/* Byte on the device of the batch at hand, and where the record at hand begins in it. */
uint64_t dump_batch_place(const struct image *image);
uint32_t dump_record_start(const struct image *image);

/* Names for what stands in records. */
const char *record_name(uint16_t type);
const char *outcome_name(uint32_t outcome);

#endif /* KTMCTL_DUMP_H */
