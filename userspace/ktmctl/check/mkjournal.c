// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a journal with known contents, from a script on standard input, through the
 * core's own encoding. Nothing in it is drawn: the same script makes the same bytes.
 *
 *	mkjournal FILE BYTES <script
 *
 * One command in each line. Objects are named by small numbers, which become GUIDs.
 *
 *	area, log		where what follows goes; log unless said otherwise
 *	CLOCK clock
 *	RM rm description
 *	RM_GONE rm
 *	TX tx outcome prepared clock known	outcomes are 0 none, 1 commit, 2 abort
 *	PREPARED tx enlistment rm flags information-bytes [stream need]
 *	DECISION tx outcome prepared clock
 *	COMPLETION tx enlistment flags
 *	STREAM id quota base last restart known entries name
 *	STREAM_GONE id
 *	SREC id flags lsn previous undo-next data	lsn 0: its own
 *	SBASE id lsn
 *	STRUNC id lsn
 *	SINDEX id lsn place bytes flags ...
 *	batch			writes the records that were given into a batch
 *	durable			what follows states that all before it is durable
 *	start			replay begins here
 *	break			the next batch does not continue the chain
 *	set FIELD value		of the superblock, once all is written: see set_field()
 *	grow bytes		so large is the device from now on, and the ring is with it
 *	copy 1			only this copy of the superblock is written
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>

#include "journal_format.h"

#define MAX_ENTRIES	16
#define AREA_UNIT	4096u

static struct ktm_jf_sb sb;
static int fd;
static unsigned int line_number;
static struct ktm_jf_link ring_link, area_link;
static bool in_area;
static u64 flushed;
static u8 buffer[KTM_JF_BATCH_MAX];
static u32 used = KTM_JF_BATCH_HEAD, records;
static unsigned int copies = 3;
static u8 zeros[KTM_JF_INFO_MAX];

static void die(const char *why)
{
	fprintf(stderr, "mkjournal: line %u: %s\n", line_number, why);
	exit(1);
}

static struct ktm_guid guid(u64 number, u8 kind)
{
	struct ktm_guid g = { { kind, 0, 0, 0, 0, 0, 0x40, 0, 0x80 } };

	g.b[14] = number >> 8;
	g.b[15] = number;
	return g;
}

static void write_at(u64 place, const void *data, size_t bytes)
{
	if (pwrite(fd, data, bytes, (off_t)place) != (ssize_t)bytes)
		die("cannot write");
}

/* ---- words of a line ---- */

static char *words;

static const char *next_word(void)
{
	const char *word = strsep(&words, " ");

	return word && *word ? word : NULL;
}

static u64 number(void)
{
	const char *word = next_word();
	char *end;
	u64 value;

	if (!word)
		die("a number is missing");
	value = strtoull(word, &end, 0);
	if (*end)
		die("not a number");
	return value;
}

static const char *rest(void)
{
	return words ? words : "";
}

/* ---- batches ---- */

static void add(const struct ktm_jrec *rec)
{
	u32 bytes = ktm_jrec_encode(rec, buffer + used, sizeof(buffer) - used);

	if (!bytes)
		die("this is no record");
	used += bytes;
	records++;
}

static void write_batch(void)
{
	struct ktm_jf_link *link = in_area ? &area_link : &ring_link;
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	struct ktm_jf_chain chain = {
		.uuid = sb.uuid,
		.epoch = sb.epoch,
		.unit = sb.unit,
		.flags = in_area ? KTM_JF_BATCH_RESTART : 0,
	};
	u32 bytes = ALIGN(used, sb.unit), done = 0;
	int i, n;

	link->prev_crc = ktm_jf_batch_seal(&chain, link, in_area ? 0 : flushed, used, records,
					   buffer);
	if (in_area) {
		write_at(sb.restart[sb.restart_index].start + link->lsn, buffer, bytes);
		sb.restart_bytes = link->lsn + bytes;
		sb.restart_crc = link->prev_crc;
	} else {
		n = ktm_jf_map(&sb, link->lsn, bytes, segs);
		for (i = 0; i < n; i++) {
			write_at(segs[i].place, buffer + done, segs[i].bytes);
			done += segs[i].bytes;
		}
	}
	link->lsn += bytes;
	link->seq++;
	used = KTM_JF_BATCH_HEAD;
	records = 0;
}

/* ---- commands ---- */

static void add_rm(struct ktm_jrec *rec)
{
	rec->rm.guid = guid(number(), 0xa0);
	rec->rm.uid = 1000;
	rec->rm.gid = 100;
	rec->rm.mode = 0600;
	rec->rm.desc = (const u8 *)rest();
	rec->rm.desc_len = (u16)strlen(rest());
}

static void add_tx(struct ktm_jrec *rec)
{
	rec->tx.uow = guid(number(), 0x70);
	rec->tx.outcome = (u32)number();
	rec->tx.prepared = (u32)number();
	rec->tx.clock = number();
	rec->tx.lsn = number();
	rec->tx.mode = 0600;
}

static void add_prepared(struct ktm_jrec *rec)
{
	rec->prepared.uow = guid(number(), 0x70);
	rec->prepared.enlistment = guid(number(), 0xe0);
	rec->prepared.rm = guid(number(), 0xa0);
	rec->prepared.flags = (u32)number();
	rec->prepared.info_len = (u32)number();
	rec->prepared.info = zeros;
	rec->prepared.key = 0xfeed;
	rec->prepared.mask = rec->prepared.flags & KTM_JREC_P_SUPERIOR ?
			     KTM_NOTIFY_SUPERIOR_REQUIRED : KTM_NOTIFY_TWO_PHASE;
	rec->prepared.mode = 0600;
	if (words) {
		rec->prepared.stream = number();
		rec->prepared.stream_need = number();
	}
}

static void add_stream(struct ktm_jrec *rec)
{
	rec->stream.id = number();
	/* Ids 256 apart have one GUID, which no TM does. */
	rec->stream.guid = guid(rec->stream.id & 0xff, 0x50);
	rec->stream.quota = number();
	rec->stream.base = number();
	rec->stream.last = number();
	rec->stream.restart = number();
	rec->stream.lsn = number();
	rec->stream.entries = (u32)number();
	rec->stream.mode = 0600;
	rec->stream.name = (const u8 *)rest();
	rec->stream.name_len = (u16)strlen(rest());
}

static void add_srec(struct ktm_jrec *rec)
{
	rec->srec.id = number();
	rec->flags = (u16)number();
	rec->srec.lsn = number();
	rec->srec.previous = number();
	rec->srec.undo_next = number();
	rec->srec.data = (const u8 *)rest();
	rec->srec.len = (u32)strlen(rest());
	rec->srec.data_crc = ktm_jrec_data_crc(rec->srec.data, rec->srec.len);
	if (!rec->srec.lsn)
		rec->srec.lsn = ring_link.lsn + used + ktm_jrec_size(rec);
}

static void add_sindex(struct ktm_jrec *rec, struct ktm_jsent *entries)
{
	rec->sindex.id = number();
	while (words && rec->sindex.count < MAX_ENTRIES) {
		struct ktm_jsent *entry = &entries[rec->sindex.count++];

		entry->lsn = number();
		entry->place = number();
		entry->bytes = (u32)number();
		entry->flags = (u32)number();
	}
	rec->sindex.entries = entries;
}

static bool add_record(const char *name)
{
	struct ktm_jsent entries[MAX_ENTRIES];
	struct ktm_jrec rec = { 0 };

	if (!strcmp(name, "CLOCK")) {
		rec.type = KTM_JREC_CLOCK;
		rec.clock.clock = number();
	} else if (!strcmp(name, "RM")) {
		rec.type = KTM_JREC_RM;
		add_rm(&rec);
	} else if (!strcmp(name, "RM_GONE")) {
		rec.type = KTM_JREC_RM_GONE;
		rec.rm_gone.guid = guid(number(), 0xa0);
	} else if (!strcmp(name, "TX")) {
		rec.type = KTM_JREC_TX;
		add_tx(&rec);
	} else if (!strcmp(name, "PREPARED")) {
		rec.type = KTM_JREC_PREPARED;
		add_prepared(&rec);
	} else if (!strcmp(name, "DECISION")) {
		rec.type = KTM_JREC_DECISION;
		rec.decision.uow = guid(number(), 0x70);
		rec.decision.outcome = (u32)number();
		rec.decision.prepared = (u32)number();
		rec.decision.clock = number();
	} else if (!strcmp(name, "COMPLETION")) {
		rec.type = KTM_JREC_COMPLETION;
		rec.completion.uow = guid(number(), 0x70);
		rec.completion.enlistment = guid(number(), 0xe0);
		rec.flags = (u16)number();
	} else if (!strcmp(name, "STREAM")) {
		rec.type = KTM_JREC_STREAM;
		add_stream(&rec);
	} else if (!strcmp(name, "STREAM_GONE")) {
		rec.type = KTM_JREC_STREAM_GONE;
		rec.stream_gone.id = number();
	} else if (!strcmp(name, "SREC")) {
		rec.type = KTM_JREC_SREC;
		add_srec(&rec);
	} else if (!strcmp(name, "SBASE")) {
		rec.type = KTM_JREC_SBASE;
		rec.sbase.id = number();
		rec.sbase.base = number();
	} else if (!strcmp(name, "STRUNC")) {
		rec.type = KTM_JREC_STRUNC;
		rec.strunc.id = number();
		rec.strunc.last = number();
	} else if (!strcmp(name, "SINDEX")) {
		rec.type = KTM_JREC_SINDEX;
		add_sindex(&rec, entries);
	} else {
		return false;
	}
	add(&rec);
	return true;
}

/* Some of these values no writer leaves. */
static void set_field(void)
{
	const char *name = next_word();
	u64 value = number();

	if (!name)
		die("which field?");
	else if (!strcmp(name, "version"))
		sb.version = (u32)value;
	else if (!strcmp(name, "ro_compat"))
		sb.ro_compat = (u32)value;
	else if (!strcmp(name, "incompat"))
		sb.incompat = (u32)value;
	else if (!strcmp(name, "generation"))
		sb.generation = value;
	else if (!strcmp(name, "uuid"))
		sb.uuid = guid(value, 0x10);
	else if (!strcmp(name, "restart_crc"))
		sb.restart_crc = (u32)value;
	else if (!strcmp(name, "restart_lsn"))
		sb.restart_lsn = value;
	else if (!strcmp(name, "tail_lsn"))
		sb.tail_lsn = value;
	else if (!strcmp(name, "window"))
		sb.window = value;
	else
		die("no such field");
}

/* Replay begins here: what has been written so far is behind it. */
static void start_here(void)
{
	sb.start_lsn = ring_link.lsn;
	sb.start_seq = ring_link.seq;
	sb.start_prev_crc = ring_link.prev_crc;
	sb.restart_lsn = ring_link.lsn;
}

/* The device has so many bytes from now on, and a restart area takes them in. */
static void grow(void)
{
	const u64 bytes = number();

	if (ftruncate(fd, (off_t)bytes) || !ktm_jf_grow(&sb, bytes, ring_link.lsn))
		die("it cannot grow");
}

static void command(const char *name)
{
	if (!strcmp(name, "area") || !strcmp(name, "log"))
		in_area = name[0] == 'a';
	else if (!strcmp(name, "batch"))
		write_batch();
	else if (!strcmp(name, "durable"))
		flushed = ring_link.lsn;
	else if (!strcmp(name, "start"))
		start_here();
	else if (!strcmp(name, "break"))
		ring_link.seq++;
	else if (!strcmp(name, "set"))
		set_field();
	else if (!strcmp(name, "grow"))
		grow();
	else if (!strcmp(name, "copy"))
		copies = (unsigned int)number();
	else if (!add_record(name))
		die("no such command");
}

int main(int argc, char **argv)
{
	struct ktm_jf_params params = {
		.logical = 512, .physical = 512, .epoch = 0x0123456789abcdef, .created = 1700000000,
		.uuid = guid(1, 0x10), .tm_guid = guid(1, 0xb0),
	};
	struct ktm_jf_fault fault;
	u8 block[KTM_JF_SB_BYTES];
	char line[4096];

	if (argc != 3)
		return 2;
	params.dev_bytes = strtoull(argv[2], NULL, 0);
	if (ktm_jf_format(&params, &sb, &fault))
		die(fault.msg);
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)params.dev_bytes))
		die("cannot make the file");
	ktm_jf_sb_encode(&sb, block);
	write_at(ktm_jf_signpost_place(&sb), block, sizeof(block));
	ring_link.lsn = sb.start_lsn;
	ring_link.seq = sb.start_seq;
	flushed = sb.start_lsn;
	while (fgets(line, sizeof(line), stdin)) {
		const char *name;

		line_number++;
		line[strcspn(line, "\n")] = '\0';
		words = line;
		name = next_word();
		if (name && *name != '#')
			command(name);
	}
	ktm_jf_sb_encode(&sb, block);
	if (copies & 1)
		write_at(0, block, sizeof(block));
	if (copies & 2)
		write_at(ktm_jf_sb2_place(&sb), block, sizeof(block));
	return close(fd) != 0;
}
