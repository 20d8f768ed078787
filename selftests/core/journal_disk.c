// SPDX-License-Identifier: GPL-2.0
/*
 * A disk with a volatile write cache, see journal_disk.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_disk.h"

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return p;
}

void disk_init(struct disk *d, u64 bytes)
{
	memset(d, 0, sizeof(*d));
	d->bytes = bytes;
	d->now = must(calloc(1, bytes));
	d->durable = must(calloc(1, bytes));
	d->bad = must(calloc(bytes / SECTOR, sizeof(bool)));
	d->rotten = must(calloc(bytes / SECTOR, sizeof(bool)));
}

static void *longer(void *p, size_t had, size_t has, u8 fill)
{
	u8 *q = must(realloc(p, has));

	memset(q + had, fill, has - had);
	return q;
}

void disk_grow(struct disk *d, u64 bytes, u8 fill)
{
	u64 had = d->bytes / SECTOR * sizeof(bool), has = bytes / SECTOR * sizeof(bool);

	d->now = longer(d->now, d->bytes, bytes, fill);
	d->durable = longer(d->durable, d->bytes, bytes, fill);
	d->bad = longer(d->bad, had, has, 0);
	d->rotten = longer(d->rotten, had, has, 0);
	d->bytes = bytes;
}

static void forget(struct pending *p)
{
	free(p->lost);
	free(p->data);
}

void disk_free(struct disk *d)
{
	for (u32 i = 0; i < d->count; i++)
		forget(&d->pending[i]);
	free(d->now);
	free(d->durable);
	free(d->bad);
	free(d->rotten);
}

void disk_clone(struct disk *to, const struct disk *from)
{
	*to = *from;
	to->now = must(malloc(from->bytes));
	to->durable = must(malloc(from->bytes));
	to->bad = must(malloc(from->bytes / SECTOR * sizeof(bool)));
	to->rotten = must(malloc(from->bytes / SECTOR * sizeof(bool)));
	memcpy(to->now, from->now, from->bytes);
	memcpy(to->durable, from->durable, from->bytes);
	memcpy(to->bad, from->bad, from->bytes / SECTOR * sizeof(bool));
	memcpy(to->rotten, from->rotten, from->bytes / SECTOR * sizeof(bool));
	for (u32 i = 0; i < from->count; i++) {
		struct pending *p = &to->pending[i];

		p->data = must(malloc(p->bytes));
		p->lost = must(malloc(p->bytes / SECTOR * sizeof(bool)));
		memcpy(p->data, from->pending[i].data, p->bytes);
		memcpy(p->lost, from->pending[i].lost, p->bytes / SECTOR * sizeof(bool));
	}
}

static void in_range(const struct disk *d, u64 place, u32 bytes)
{
	if (place > d->bytes || bytes > d->bytes - place || place % SECTOR || bytes % SECTOR) {
		fprintf(stderr, "I/O outside the disk: %llu + %u\n", (unsigned long long)place,
			bytes);
		abort();
	}
}

int disk_read(struct disk *d, u64 place, u32 bytes, void *data)
{
	in_range(d, place, bytes);
	for (u64 s = place / SECTOR; s < (place + bytes) / SECTOR; s++)
		if (d->bad[s])
			return -ENODATA;
	memcpy(data, d->now + place, bytes);
	return 0;
}

static void persist(struct disk *d, const struct pending *p)
{
	for (u32 s = 0; s < p->bytes / SECTOR; s++) {
		if (p->lost[s])
			continue;
		memcpy(d->durable + p->place + s * SECTOR, p->data + s * SECTOR, SECTOR);
		d->rotten[p->place / SECTOR + s] = false;
	}
}

static bool changes(const struct disk *d, const struct pending *p, u32 s)
{
	return memcmp(d->durable + p->place + s * SECTOR, p->data + s * SECTOR, SECTOR);
}

static void drop(struct disk *d, u32 i)
{
	forget(&d->pending[i]);
	memmove(&d->pending[i], &d->pending[i + 1], (d->count - i - 1) * sizeof(d->pending[0]));
	d->count--;
}

/* Nothing older of these sectors can come back: a write that failed or was never awaited. */
static void make_durable(struct disk *d, u32 i)
{
	struct pending *n = &d->pending[i];

	persist(d, n);
	for (u32 k = 0; k < i; k++) {
		struct pending *o = &d->pending[k];

		for (u32 s = 0; s < o->bytes / SECTOR; s++) {
			u64 place = o->place + s * SECTOR;

			if (place >= n->place && place < n->place + n->bytes)
				o->lost[s] = true;
		}
	}
	drop(d, i);
}

/* A cache that is full writes out what has been in it for longest. */
static void evict(struct disk *d)
{
	u32 i;

	for (i = 0; i < d->count && !d->pending[i].ended; i++)
		;
	if (i == d->count) {
		fprintf(stderr, "too many writes under way\n");
		abort();
	}
	make_durable(d, i);
}

u32 disk_write_begin(struct disk *d, u64 place, u32 bytes, const void *data, bool fua)
{
	struct pending *p;

	in_range(d, place, bytes);
	if (d->count == MAX_PENDING)
		evict(d);
	p = &d->pending[d->count++];
	memset(p, 0, sizeof(*p));
	p->place = place;
	p->bytes = bytes;
	p->id = ++d->next_id;
	p->fua = fua;
	p->data = must(malloc(bytes));
	p->lost = must(calloc(bytes / SECTOR, sizeof(bool)));
	memcpy(p->data, data, bytes);
	memcpy(d->now + place, data, bytes);
	memset(d->bad + place / SECTOR, 0, bytes / SECTOR * sizeof(bool));
	d->writes++;
	return p->id;
}

void disk_write_end(struct disk *d, u32 id)
{
	u32 i;

	for (i = 0; d->pending[i].id != id; i++)
		if (i == d->count)
			abort();
	d->pending[i].ended = true;
	if (d->pending[i].fua)
		make_durable(d, i);
}

void disk_flush_begin(struct disk *d)
{
	for (u32 i = 0; i < d->count; i++)
		d->pending[i].covered = d->pending[i].ended;
}

void disk_flush_end(struct disk *d)
{
	for (u32 i = 0; i < d->count;) {
		if (d->pending[i].covered) {
			make_durable(d, i);
		} else {
			i++;
		}
	}
}

void disk_flush_fail(struct disk *d, struct rng *r, bool worst)
{
	for (u32 i = 0; i < d->count; i++) {
		struct pending *p = &d->pending[i];

		if (!p->covered)
			continue;
		p->covered = false;
		if (!worst && rng_percent(r, 50))
			continue;
		for (u32 s = 0; s < p->bytes / SECTOR; s++) {
			if (p->lost[s] || (!worst && rng_percent(r, 30)))
				continue;
			p->lost[s] = true;
			if (changes(d, p, s) && (worst ? !s : rng_percent(r, 30)))
				d->rotten[p->place / SECTOR + s] = true;
		}
	}
}

void disk_write(struct disk *d, u64 place, u32 bytes, const void *data)
{
	disk_write_end(d, disk_write_begin(d, place, bytes, data, false));
}

void disk_flush(struct disk *d)
{
	disk_flush_begin(d);
	disk_flush_end(d);
}

void disk_poison(struct disk *d, u64 place, u64 bytes)
{
	in_range(d, place, bytes);
	memset(d->now + place, 0xdb, bytes);
	memset(d->durable + place, 0xdb, bytes);
	for (u32 i = 0; i < d->count; i++) {
		struct pending *p = &d->pending[i];

		for (u32 s = 0; s < p->bytes / SECTOR; s++)
			if (p->place + s * SECTOR >= place && p->place + s * SECTOR < place + bytes)
				p->lost[s] = true;
	}
}

void disk_crash(struct disk *d, struct rng *r, enum crash_mode mode, bool unreadable)
{
	u32 cut = d->count ? rng_below(r, d->count + 1) : 0;
	u32 order[MAX_PENDING];

	for (u32 i = 0; i < d->count; i++)
		order[i] = i;
	if (mode == CRASH_BY_WRITE || mode == CRASH_BY_SECTOR) {
		for (u32 i = d->count; i > 1; i--) {
			u32 k = rng_below(r, i), t = order[i - 1];

			order[i - 1] = order[k];
			order[k] = t;
		}
	}
	for (u32 i = 0; i < d->count; i++) {
		struct pending *p = &d->pending[order[i]];
		bool half_written;
		u32 sectors = p->bytes / SECTOR;
		u32 torn = rng_below(r, sectors + 1);
		bool keep = rng_percent(r, 50), within, gone;

		/* The sector under the head when the power went, if anything was to change there. */
		half_written = unreadable && mode == CRASH_ORDERED && i == cut && torn < sectors &&
			       !p->lost[torn] && changes(d, p, torn);
		if (mode == CRASH_ROT) {
			torn = 0;
			half_written = !p->lost[0] && changes(d, p, 0);
		}
		/* Another write, or nothing, has decided what is there. */
		gone = torn < sectors && (p->lost[torn] ||
					  d->rotten[p->place / SECTOR + torn]);
		for (u32 s = 0; s < sectors; s++) {
			bool lose;

			switch (mode) {
			case CRASH_LOSE_ALL:
			case CRASH_ROT:
				lose = true;
				break;
			case CRASH_KEEP_ALL:
				lose = false;
				break;
			case CRASH_BY_WRITE:
				lose = !keep;
				break;
			case CRASH_BY_SECTOR:
				lose = rng_percent(r, 30);
				break;
			default:
				lose = i > cut || (i == cut && s >= torn);
				break;
			}
			p->lost[s] |= lose;
		}
		within = mode == CRASH_WITHIN && i == cut && torn < sectors && !gone;
		persist(d, p);
		if (within)
			memcpy(d->durable + p->place + torn * SECTOR, p->data + torn * SECTOR,
			       rng_below(r, SECTOR));
		if (half_written)
			d->rotten[p->place / SECTOR + torn] = true;
	}
	while (d->count)
		drop(d, d->count - 1);
	memcpy(d->now, d->durable, d->bytes);
	for (u64 s = 0; s < d->bytes / SECTOR; s++)
		d->bad[s] |= d->rotten[s];
}
