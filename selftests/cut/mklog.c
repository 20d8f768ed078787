// SPDX-License-Identifier: GPL-2.0
/*
 * mklog - writes a block log by hand, for the tests of ktm-cut.
 *
 * usage: mklog OUT [SECTOR-SIZE] < script
 *
 * One line of the script is one entry; sectors are in units of SECTOR-SIZE:
 *
 *	w SECTOR COUNT ID	a write
 *	fua SECTOR COUNT ID	a write with FUA
 *	pre SECTOR COUNT ID	a write with PREFLUSH
 *	f			a flush
 *	d SECTOR COUNT		a discard
 *	mark TEXT		a mark
 *	hole COUNT		sectors of zeroes, as a request under way leaves them
 *	entry SECTOR COUNT FLAGS LEN	the bare header, whatever it says
 *	junk COUNT		sectors that are no entry
 *
 * Every 8 bytes of a write hold its ID and the 512-byte sector they are meant
 * for, so whoever reads them back knows where they came from.
 */
#include "blocklog.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out;
static uint32_t unit = BLOCKLOG_SECTOR;
static uint64_t nr_entries;

static void die(const char *why)
{
	fprintf(stderr, "mklog: %s\n", why);
	exit(1);
}

static void put(const void *data, size_t len)
{
	if (fwrite(data, 1, len, out) != len)
		die("cannot write");
}

static void put_fill(uint8_t byte, uint64_t len)
{
	while (len--)
		if (putc(byte, out) == EOF)
			die("cannot write");
}

static void put_header(uint64_t sector, uint64_t nr, uint64_t flags, const char *text)
{
	struct blocklog_raw_entry raw = {
		.sector = htole64(sector),
		.nr_sectors = htole64(nr),
		.flags = htole64(flags),
		.data_len = htole64(strlen(text)),
	};

	if (strlen(text) > unit - sizeof(raw))
		die("the mark is too long");
	put(&raw, sizeof(raw));
	put(text, strlen(text));
	put_fill(0, unit - sizeof(raw) - strlen(text));
	nr_entries++;
}

static void put_write(uint64_t sector, uint64_t nr, uint64_t flags, uint64_t id)
{
	uint64_t at, end = (sector + nr) * unit;

	put_header(sector, nr, flags, "");
	for (at = sector * unit; at < end; at += sizeof(uint64_t)) {
		uint64_t stamp = htole64(id << 32 | at / BLOCKLOG_SECTOR);

		put(&stamp, sizeof(stamp));
	}
}

static void put_line(char *line)
{
	uint64_t a, b, c, d;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "w %" SCNu64 " %" SCNu64 " %" SCNu64, &a, &b, &c) == 3)
		put_write(a, b, 0, c);
	else if (sscanf(line, "fua %" SCNu64 " %" SCNu64 " %" SCNu64, &a, &b, &c) == 3)
		put_write(a, b, BLOCKLOG_FUA, c);
	else if (sscanf(line, "pre %" SCNu64 " %" SCNu64 " %" SCNu64, &a, &b, &c) == 3)
		put_write(a, b, BLOCKLOG_FLUSH, c);
	else if (!strcmp(line, "f"))
		put_header(0, 0, BLOCKLOG_FLUSH, "");
	else if (sscanf(line, "d %" SCNu64 " %" SCNu64, &a, &b) == 2)
		put_header(a, b, BLOCKLOG_DISCARD, "");
	else if (!strncmp(line, "mark ", 5))
		put_header(0, 0, BLOCKLOG_MARK, line + 5);
	else if (sscanf(line, "hole %" SCNu64, &a) == 1)
		put_fill(0, a * unit);
	else if (sscanf(line, "junk %" SCNu64, &a) == 1)
		put_fill(0x5a, a * unit);
	else if (sscanf(line, "entry %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64,
			&a, &b, &c, &d) == 4) {
		struct blocklog_raw_entry raw = {
			htole64(a), htole64(b), htole64(c), htole64(d)
		};

		put(&raw, sizeof(raw));
		put_fill(0, unit - sizeof(raw));
		nr_entries++;
	} else if (*line) {
		die(line);
	}
}

int main(int argc, char **argv)
{
	struct blocklog_super super;
	char line[256];

	if (argc < 2 || argc > 3)
		die("usage: mklog OUT [SECTOR-SIZE] < script");
	if (argc == 3)
		unit = (uint32_t)strtoul(argv[2], NULL, 0);
	if (unit < BLOCKLOG_SECTOR)
		die("the sector size is too small");
	out = fopen(argv[1], "wb");
	if (!out)
		die("cannot open the output");
	put_fill(0, unit);
	while (fgets(line, sizeof(line), stdin))
		put_line(line);

	super = (struct blocklog_super) {
		.magic = htole64(BLOCKLOG_MAGIC),
		.version = htole64(BLOCKLOG_VERSION),
		.nr_entries = htole64(nr_entries),
		.sector_size = htole32(unit),
	};
	if (fseek(out, 0, SEEK_SET))
		die("cannot seek");
	put(&super, sizeof(super));
	if (fclose(out))
		die("cannot write");
	return 0;
}
