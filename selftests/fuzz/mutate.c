// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer's mutator: a device is changed where it means something, and then its checksums
 * and chains are made right again, most of the time. Else nothing would ever get behind them.
 */
#include <stdlib.h>

#include "journal_format.h"
#include "pieces.h"
#include "rng.h"

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t room, unsigned int seed);

#define PIECE_MAX	(24u << 10)
#define SB_USED		464u		/* bytes of a superblock that say something */

/* The device at hand; each piece has memory of its own, zero behind its data. */
static struct piece pieces[MAX_PIECES];
static u8 memory[MAX_PIECES][PIECE_MAX] __attribute__((aligned(8)));
static u32 count;
static struct rng rng;

static u32 get32(const u8 *at)
{
	__le32 v;

	memcpy(&v, at, sizeof(v));
	return le32_to_cpu(v);
}

static void put32(u8 *at, u32 value)
{
	const __le32 v = cpu_to_le32(value);

	memcpy(at, &v, sizeof(v));
}

static void put64(u8 *at, u64 value)
{
	const __le64 v = cpu_to_le64(value);

	memcpy(at, &v, sizeof(v));
}

static bool is_sb(u32 i)
{
	return !memcmp(memory[i], KTM_JF_SB_MAGIC, 8);
}

static bool is_batch(u32 i)
{
	return get32(memory[i]) == KTM_JF_BATCH_MAGIC;
}

static void load(const u8 *in, size_t size)
{
	count = pieces_parse(in, size, pieces);
	for (u32 i = 0; i < count; i++) {
		pieces[i].len = min(pieces[i].len, PIECE_MAX);
		memset(memory[i], 0, PIECE_MAX);
		if (pieces[i].len)
			memcpy(memory[i], pieces[i].data, pieces[i].len);
		pieces[i].data = memory[i];
		/* What ends with zeros was cut off there. */
		if (is_sb(i))
			pieces[i].len = max(pieces[i].len, SB_USED);
		if (is_batch(i))
			pieces[i].len = max(pieces[i].len,
					    min(max(get32(memory[i] + 60), KTM_JF_BATCH_HEAD),
						PIECE_MAX));
	}
}

static u32 any_piece(bool (*kind)(u32 i))
{
	u32 n = 0, found = MAX_PIECES;

	for (u32 i = 0; i < count; i++)
		if (kind(i) && !rng_below(&rng, ++n))
			found = i;
	return found;
}

/* ---- records ------------------------------------------------------------ */

struct span {
	u32 at, bytes;
};

/* The records of a batch, as far as they can be told apart. */
static u32 records_of(u32 i, struct span *spans, u32 room)
{
	u32 at = KTM_JF_BATCH_HEAD, n = 0;

	while (n < room && at + 8 <= pieces[i].len) {
		u32 bytes = get32(memory[i] + at);

		if (bytes < 8 || bytes % 8 || bytes > ALIGN(pieces[i].len, 8u) - at)
			break;
		spans[n++] = (struct span){ at, bytes };
		at += bytes;
	}
	return n;
}

#define MAX_SPANS	256

static bool any_record(u32 *piece, struct span *span)
{
	static struct span spans[MAX_SPANS];
	u32 n;

	*piece = any_piece(is_batch);
	if (*piece == MAX_PIECES)
		return false;
	n = records_of(*piece, spans, MAX_SPANS);
	if (!n)
		return false;
	*span = spans[rng_below(&rng, n)];
	return true;
}

static void delete_record(void)
{
	struct span s;
	u32 i, end;

	if (!any_record(&i, &s))
		return;
	end = ALIGN(pieces[i].len, 8u);
	memmove(memory[i] + s.at, memory[i] + s.at + s.bytes, end - s.at - s.bytes);
	memset(memory[i] + end - s.bytes, 0, s.bytes);
	pieces[i].len = end - s.bytes;
}

/* A copy of a record in front of another. */
static void insert_record(void)
{
	static u8 copy[PIECE_MAX];
	struct span from, to;
	u32 i, k, end;

	if (!any_record(&i, &from) || !any_record(&k, &to))
		return;
	end = ALIGN(pieces[k].len, 8u);
	if (end + from.bytes > PIECE_MAX)
		return;
	memcpy(copy, memory[i] + from.at, from.bytes);
	memmove(memory[k] + to.at + from.bytes, memory[k] + to.at, end - to.at);
	memcpy(memory[k] + to.at, copy, from.bytes);
	pieces[k].len = end + from.bytes;
}

/* A GUID, id or LSN of one record in another. */
static void copy_field(void)
{
	const u32 bytes = rng_percent(&rng, 50) ? 16 : 8;
	struct span from, to;
	u32 i, k, a, b;

	if (!any_record(&i, &from) || !any_record(&k, &to) ||
	    from.bytes < 8 + bytes || to.bytes < 8 + bytes)
		return;
	a = 8 * rng_below(&rng, (min(from.bytes, 120u) - bytes) / 8);
	b = 8 * rng_below(&rng, (min(to.bytes, 120u) - bytes) / 8);
	memmove(memory[k] + to.at + 8 + b, memory[i] + from.at + 8 + a, bytes);
	pieces[k].len = max(pieces[k].len, to.at + to.bytes);
}

static u64 interesting(void)
{
	static const u64 values[] = {
		0, 1, 2, 8, 88, UNITS / 2, UNITS - 1, UNITS, UNITS + 1, 4095, 4096, 4097, 65536, 1u << 20, 1u << 31, U32_MAX,
		1ull << 32, 1ull << 62, 1ull << 63, U64_MAX - 7, U64_MAX,
	};
	u32 i = any_piece(is_batch);
	u64 lsn = 0;

	if (i == MAX_PIECES || rng_percent(&rng, 50))
		return values[rng_below(&rng, ARRAY_SIZE(values))];
	memcpy(&lsn, memory[i] + 40, sizeof(lsn));
	return le64_to_cpu(lsn) + 8 * rng_below(&rng, 1 + pieces[i].len / 8);
}

static void set_field(void)
{
	struct span s;
	u32 i, at;

	if (!any_record(&i, &s))
		return;
	at = 4 * rng_below(&rng, min(s.bytes, 120u) / 4);
	if (rng_percent(&rng, 50) && at + 8 <= s.bytes)
		put64(memory[i] + s.at + at, interesting());
	else
		put32(memory[i] + s.at + at, interesting());
	pieces[i].len = max(pieces[i].len, s.at + s.bytes);
}

/* Of an index, a field of one of its entries: name, place, length and flags. */
static void set_entry(void)
{
	struct span s;
	u32 i, count, at;

	/* There are few of them. */
	for (u32 tries = 0; tries < 20; tries++) {
		if (!any_record(&i, &s))
			return;
		if (memory[i][s.at + 4] == KTM_JREC_SINDEX && s.bytes >= 48)
			break;
	}
	if (memory[i][s.at + 4] != KTM_JREC_SINDEX || s.bytes < 48)
		return;
	count = (s.bytes - 24) / 24;
	at = s.at + 24 + 24 * rng_below(&rng, count) + 8 * rng_below(&rng, 3);
	if (at % 24 == (s.at + 16) % 24)
		put32(memory[i] + at, interesting());
	else
		put64(memory[i] + at, interesting());
	pieces[i].len = max(pieces[i].len, s.at + s.bytes);
}

/* Type and flags. */
static void set_kind(void)
{
	static const u8 types[] = { 1, 2, 3, 4, 5, 6, 7, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 8 };
	struct span s;
	u32 i;

	if (!any_record(&i, &s))
		return;
	if (rng_percent(&rng, 50))
		memory[i][s.at + 4] = types[rng_below(&rng, sizeof(types))];
	else
		memory[i][s.at + 6] ^= 1u << rng_below(&rng, 3);
}

/* ---- the rest ------------------------------------------------------------ */

static void set_sb_field(void)
{
	u32 i = any_piece(is_sb), at;

	if (i == MAX_PIECES)
		return;
	/* Where the parts are; what is said of the log; anything. */
	if (rng_percent(&rng, 35))
		at = 88 + 8 * rng_below(&rng, 10);
	else if (rng_percent(&rng, 70))
		at = 392 + 8 * rng_below(&rng, 9);
	else
		at = 12 + 4 * rng_below(&rng, 113);
	if (at < 392 && rng_percent(&rng, 50))
		put64(memory[i] + at, rng_below(&rng, 2 * UNITS));
	else if (rng_percent(&rng, 50))
		put64(memory[i] + at, interesting());
	else
		memory[i][at + rng_below(&rng, 8)] += rng_percent(&rng, 50) ? 1 : -1;
	/* What one copy says the other says, too. */
	for (u32 k = 0; k < count && rng_percent(&rng, 70); k++)
		if (k != i && is_sb(k))
			memcpy(memory[k], memory[i], SB_USED);
}

static void set_head_field(void)
{
	u32 i = any_piece(is_batch);

	if (i == MAX_PIECES)
		return;
	put64(memory[i] + 8 * rng_below(&rng, KTM_JF_BATCH_HEAD / 8), interesting());
}

static bool any(u32 i)
{
	(void)i;
	return true;
}

static void change_bytes(void)
{
	u32 i = any_piece(any);

	if (i == MAX_PIECES)
		return;
	pieces[i].len = LLVMFuzzerMutate(memory[i], pieces[i].len, PIECE_MAX);
	memset(memory[i] + pieces[i].len, 0, PIECE_MAX - pieces[i].len);
}

static void move_piece(void)
{
	u32 i = any_piece(any);

	if (i != MAX_PIECES)
		pieces[i].unit = rng_below(&rng, UNITS);
}

static void copy_piece(void)
{
	u32 i = any_piece(any);

	if (i == MAX_PIECES || count == MAX_PIECES)
		return;
	memcpy(memory[count], memory[i], PIECE_MAX);
	pieces[count] = pieces[i];
	pieces[count].data = memory[count];
	pieces[count++].unit = rng_below(&rng, UNITS);
}

static void delete_piece(void)
{
	u32 i = any_piece(any);

	if (i == MAX_PIECES)
		return;
	count--;
	memcpy(memory[i], memory[count], PIECE_MAX);
	pieces[i] = pieces[count];
	pieces[i].data = memory[i];
}

static void break_unit(void)
{
	u32 i = any_piece(any);

	if (i != MAX_PIECES)
		pieces[i].flags ^= rng_percent(&rng, 70) ? PIECE_MEDIUM : PIECE_EIO;
}

static void other_device(void)
{
	if (count == MAX_PIECES)
		return;
	memset(memory[count], 0, PIECE_MAX);
	memory[count][0] = rng_percent(&rng, 50) ? UNITS - 1 : rng_below(&rng, UNITS);
	memory[count][2] = rng_percent(&rng, 50) ? 0 : rng_below(&rng, 9);
	pieces[count] = (struct piece){ PIECE_DEVICE, 0, 4, memory[count] };
	count++;
}

static void change(void)
{
	static void (* const changes[])(void) = {
		delete_record, delete_record, insert_record, insert_record, insert_record,
		insert_record, copy_field, copy_field, copy_field, copy_field, copy_field,
		set_field, set_field, set_field, set_field, set_field, set_field,
		set_entry, set_entry, set_kind, set_kind, set_sb_field, set_sb_field, set_head_field,
		change_bytes, change_bytes, move_piece, copy_piece, delete_piece, break_unit,
		other_device,
	};

	changes[rng_below(&rng, ARRAY_SIZE(changes))]();
}

/* ---- making it right again ----------------------------------------------- */

/* Of a record of a stream: its name is where it ends, its checksum is right. */
static void mend_srec(u8 *rec, u32 bytes, u64 end)
{
	u32 len;

	if (rec[4] != KTM_JREC_SREC || rec[5] || bytes < 48)
		return;
	len = min(get32(rec + 40), bytes - 48);
	put32(rec + 40, len);
	if (!(rec[6] & KTM_JREC_F_COPY))
		put64(rec + 16, end);
	put32(rec + 44, ~crc32c(crc32c(~0u, rec + 48, len), rec, 44));
}

/* Returns the length of the batch. */
static u32 mend_batch(u32 i, const struct ktm_jf_chain *chain, struct ktm_jf_link *link)
{
	static struct span spans[MAX_SPANS];
	u32 n = records_of(i, spans, MAX_SPANS), used = KTM_JF_BATCH_HEAD;
	u64 flushed;

	for (u32 k = 0; k < n; k++) {
		mend_srec(memory[i] + spans[k].at, spans[k].bytes, link->lsn + spans[k].at + spans[k].bytes);
		used = spans[k].at + spans[k].bytes;
	}
	/* What cannot be told apart is left to whoever reads it. */
	if (rng_percent(&rng, 10))
		used = max(used, ALIGN(pieces[i].len, 8u));
	memset(memory[i] + used, 0, PIECE_MAX - used);
	memcpy(&flushed, memory[i] + 48, sizeof(flushed));
	link->prev_crc = ktm_jf_batch_seal(chain, link,
					   chain->flags ? 0 : min(le64_to_cpu(flushed), link->lsn),
					   used, n, memory[i]);
	pieces[i].len = used;
	link->lsn += ALIGN(used, chain->unit);
	link->seq++;
	return ALIGN(used, chain->unit);
}

static u32 batch_at(u64 place)
{
	for (u32 i = count; i--; )
		if ((u64)pieces[i].unit * UNIT == place && is_batch(i))
			return i;
	return MAX_PIECES;
}

static void mend_area(struct ktm_jf_sb *sb)
{
	const struct ktm_jf_chain chain = {
		.uuid = sb->uuid, .epoch = sb->epoch, .unit = sb->unit,
		.flags = KTM_JF_BATCH_RESTART,
	};
	const struct ktm_jf_extent *in = &sb->restart[sb->restart_index];
	struct ktm_jf_link link = { 0 };
	u32 i;

	sb->restart_bytes = 0;
	while (link.lsn < in->bytes && (i = batch_at(in->start + link.lsn)) != MAX_PIECES) {
		mend_batch(i, &chain, &link);
		sb->restart_bytes = min(link.lsn, in->bytes);
	}
	sb->restart_crc = link.prev_crc;
}

static void mend_ring(struct ktm_jf_sb *sb)
{
	const struct ktm_jf_chain chain = { .uuid = sb->uuid, .epoch = sb->epoch, .unit = sb->unit };
	struct ktm_jf_link link = { sb->start_lsn, sb->start_seq, sb->start_prev_crc };
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	u32 i;

	while (link.lsn - sb->start_lsn < sb->ring_bytes) {
		ktm_jf_map(sb, link.lsn, 1, segs);
		i = batch_at(segs[0].place);
		if (i == MAX_PIECES)
			break;
		mend_batch(i, &chain, &link);
	}
	/* A restart area that knows more than there is would be all that is ever said of it. */
	if (sb->restart_lsn > link.lsn && rng_percent(&rng, 80))
		sb->restart_lsn = link.lsn;
}

static void mend_sb_crc(u32 i)
{
	/* What is behind the fields is zero. */
	memset(memory[i] + SB_USED, 0, KTM_JF_SB_BYTES - SB_USED);
	pieces[i].len = SB_USED;
	put32(memory[i] + 8, 0);
	put32(memory[i] + 8, ~crc32c(~0u, memory[i], KTM_JF_SB_BYTES));
}

static void mend(void)
{
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb, newest = { 0 };

	for (u32 i = 0; i < count; i++) {
		if (!is_sb(i))
			continue;
		mend_sb_crc(i);
		if (!ktm_jf_sb_decode(memory[i], UNITS * UNIT, (u64)pieces[i].unit * UNIT, &sb,
				      &fault) && sb.generation > newest.generation)
			newest = sb;
	}
	if (!newest.generation)
		return;
	mend_area(&newest);
	mend_ring(&newest);
	for (u32 i = 0; i < count; i++) {
		if (!is_sb(i) ||
		    ktm_jf_sb_decode(memory[i], UNITS * UNIT, (u64)pieces[i].unit * UNIT, &sb,
				     &fault) || sb.generation != newest.generation)
			continue;
		ktm_jf_sb_encode(&newest, memory[i]);
	}
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t room, unsigned int seed)
{
	static u8 out[INPUT_MAX];
	size_t bytes;

	rng.s = seed;
	load(data, size);
	for (u32 n = 1 + rng_below(&rng, 4); n; n--)
		change();
	if (rng_percent(&rng, 90))
		mend();
	bytes = pieces_write(pieces, count, out, min(room, sizeof(out)));
	if (!bytes)
		return size;
	memcpy(data, out, bytes);
	return bytes;
}
