// SPDX-License-Identifier: LGPL-2.1-or-later
/* The data of a stream's record, as the kernel wants to be told where it is. */
#include "internal.h"

KTM_EXPORT int ktm_stream_gather(struct ktm_stream_append *append, struct ktm_stream_piece *room,
				 const struct iovec *pieces, size_t count)
{
	size_t i;

	if (count > KTM_MAX_STREAM_PIECES)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		room[i].base = ktm_pointer(pieces[i].iov_base);
		room[i].length = pieces[i].iov_len;
	}
	append->count = (uint32_t)count;
	append->pieces = count ? ktm_pointer(room) : 0;
	return 0;
}
