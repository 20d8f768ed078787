/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device in few bytes: the units that are not zero, and how the device behaves.
 *
 * Each piece is a head of 8 bytes, little endian (unit 2, flags 2, length 4), and that many
 * bytes of data, which begin at that unit of 4096. The unit PIECE_DEVICE says what the device is.
 */
#ifndef KTM_FUZZ_PIECES_H
#define KTM_FUZZ_PIECES_H

#include "journal_format.h"

#define UNITS		128u		/* of the largest device */
#define UNIT		4096u
#define MAX_PIECES	64
#define INPUT_MAX	(96u << 10)

#define PIECE_DEVICE	0xffffu		/* data: units (2), sectors of 512 << (2) */
#define PIECE_MEDIUM	1u		/* its first unit cannot be read: a medium error */
#define PIECE_EIO	2u		/* nor that of this one, for another reason */

struct piece {
	u16 unit;
	u16 flags;
	u32 len;
	const u8 *data;
};

/* What is cut off at the end of the input is shorter. Returns how many. */
u32 pieces_parse(const u8 *in, size_t size, struct piece *pieces);

/* Returns the size, or 0 if it does not fit into @room. */
size_t pieces_write(const struct piece *pieces, u32 n, u8 *out, size_t room);

/* What of an image is not zero; the data stays in the image. */
u32 pieces_of_image(const u8 *image, u32 units, struct piece *pieces);

#endif
