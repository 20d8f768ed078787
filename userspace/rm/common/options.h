/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_RM_OPTIONS_H
#define KTM_RM_OPTIONS_H

#include "program.h"

/* 0: go on; 1: all was said (--help); -EINVAL: wrong, and that was said. */
int options_parse(const struct rm_program *program, int argc, char **argv,
		  struct rm_options *options);

#endif /* KTM_RM_OPTIONS_H */
