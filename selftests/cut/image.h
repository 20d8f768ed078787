/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Disk images: copying one and putting recorded writes into it.
 */
#ifndef KTM_CUT_IMAGE_H
#define KTM_CUT_IMAGE_H

#include "blocklog.h"
#include "plan.h"

int image_copy(const char *base, const char *out, uint64_t *size);
int image_check_log(const char *base, uint64_t size, const struct blocklog *log, size_t nr,
		    const char *log_path);
int image_apply(int fd, const char *out, const struct blocklog *log, const struct cut_plan *plan);

#endif
