// SPDX-License-Identifier: GPL-2.0
/* A device in few bytes, see pieces.h. */
#include "pieces.h"

struct head {
	__le16	unit;
	__le16	flags;
	__le32	len;
};

u32 pieces_parse(const u8 *in, size_t size, struct piece *pieces)
{
	size_t at = 0;
	u32 n = 0;

	while (n < MAX_PIECES && size - at >= sizeof(struct head)) {
		struct piece *p = &pieces[n++];
		struct head head;

		memcpy(&head, in + at, sizeof(head));
		at += sizeof(head);
		p->unit = le16_to_cpu(head.unit);
		p->flags = le16_to_cpu(head.flags);
		p->len = min_t(u64, le32_to_cpu(head.len), size - at);
		p->data = in + at;
		at += p->len;
	}
	return n;
}

size_t pieces_write(const struct piece *pieces, u32 n, u8 *out, size_t room)
{
	size_t at = 0;

	for (u32 i = 0; i < n; i++) {
		const struct head head = {
			.unit = cpu_to_le16(pieces[i].unit),
			.flags = cpu_to_le16(pieces[i].flags),
			.len = cpu_to_le32(pieces[i].len),
		};

		if (room - at < sizeof(head) + pieces[i].len)
			return 0;
		memcpy(out + at, &head, sizeof(head));
		at += sizeof(head);
		if (pieces[i].len)
			memcpy(out + at, pieces[i].data, pieces[i].len);
		at += pieces[i].len;
	}
	return at;
}

static bool begins_something(const u8 *unit)
{
	const u32 magic = cpu_to_le32(KTM_JF_BATCH_MAGIC);

	return !memcmp(unit, KTM_JF_SB_MAGIC, 8) || !memcmp(unit, &magic, sizeof(magic));
}

u32 pieces_of_image(const u8 *image, u32 units, struct piece *pieces)
{
	struct piece *p = NULL;
	u32 n = 0;

	for (u32 unit = 0; unit < units; unit++) {
		const u8 *data = image + (size_t)unit * UNIT;
		u32 len = UNIT;

		while (len && !data[len - 1])
			len--;
		if (!len) {
			p = NULL;
			continue;
		}
		/* What goes on from the unit before belongs to its piece. */
		if (!p || begins_something(data)) {
			if (n == MAX_PIECES)
				break;
			p = &pieces[n++];
			*p = (struct piece){ .unit = unit, .data = data };
		}
		p->len = data + len - p->data;
	}
	return n;
}
