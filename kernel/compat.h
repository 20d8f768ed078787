/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that are supported, 6.1 to 6.12, in one place.
 */
#ifndef KTM_COMPAT_H
#define KTM_COMPAT_H

#include <linux/version.h>
#include <linux/file.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define fd_file(f)	((f).file)
#endif

#endif /* KTM_COMPAT_H */
