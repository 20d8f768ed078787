/* SPDX-License-Identifier: GPL-2.0 */
/* The Castagnoli CRC, as the kernel's crc32c(): start value given, no final inversion. */
#ifndef KTM_CRC32C_H
#define KTM_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
