// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: reading more than one record at a time for those who copy forward.
 *
 * They go through the log from its oldest part on, and small records lie side by side in it. To ask
 * the device for each of them would take so many times as long as to write them all again, and the
 * TM's mutex is held.
 *
 * What is read is of the log whatever becomes of the records in it, as nothing of it is
 * written over before the restart area is there. So it is theirs, and of all streams.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "stream.h"

/* As long as they lie near each other, twice as much each time. */
#define LEAST	SZ_4K
#define MOST	SZ_128K

/**
 * ktm_sahead_init - nothing has been read
 * @a: to be filled in
 * @block: the device is read in such
 * @alone: LSN; what lies before this is not read with others
 */
void ktm_sahead_init(struct ktm_sahead *a, u32 block, u64 alone)
{
	*a = (struct ktm_sahead){ .block = block, .alone = alone, .last = U64_MAX };
}

/**
 * ktm_sahead_end - what was read is not needed any more
 * @a: from ktm_sahead_init()
 */
void ktm_sahead_end(struct ktm_sahead *a)
{
	kvfree(a->data);
}

static bool near(u64 a, u64 b)
{
	return (a < b ? b - a : a - b) <= MOST;
}

static bool holds(const struct ktm_sahead *a, const struct ktm_jsent *at)
{
	return at->place >= a->from && at->place + at->bytes <= a->end;
}

/* Return: 0, though there may be nothing; or why the device failed. */
static int fill(struct ktm_sahead *a, struct ktm_journal *j, const struct ktm_jsent *at)
{
	const u64 from = at->place - core_mod64(at->place, a->block);
	u32 bytes;
	int err;

	a->end = a->from;
	/* Without memory each is read by itself. */
	if (!a->data)
		a->data = kvmalloc(MOST, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!a->data)
		return 0;
	a->bytes = clamp_t(u32, 2 * a->bytes, LEAST, MOST);
	bytes = max_t(u32, a->bytes, ALIGN((u32)(at->place - from) + at->bytes, a->block));
	err = ktm_journal_read_written(j, from, &bytes, a->data);
	if (err == -ENOTCONN)
		return 0;
	a->from = from;
	a->end = from + bytes;
	if (!err)
		return 0;
	a->alone = a->end;
	a->end = from;
	return err;
}

/**
 * ktm_sahead_get - a record among those that were read together
 * @a: from ktm_sahead_init()
 * @j: the journal
 * @at: the record's entry
 * @data: out: its bytes, until the next call; NULL: it is to be read by itself
 *
 * They may be anything, as with ktm_journal_read().
 *
 * Return: 0; or why the device failed: something behind the record cannot be read, or itself. None
 * of those will be read together again.
 */
int ktm_sahead_get(struct ktm_sahead *a, struct ktm_journal *j, const struct ktm_jsent *at,
		   const u8 **data)
{
	const bool again = near(at->place, a->last);
	int err = 0;

	*data = NULL;
	a->last = at->place + at->bytes;
	if (at->place < a->alone)
		return 0;
	if (!again)
		a->bytes = 0;
	else if (!holds(a, at))
		err = fill(a, j, at);
	if (!err && holds(a, at))
		*data = a->data + (at->place - a->from);
	return err;
}
