// SPDX-License-Identifier: GPL-2.0
/*
 * The block layer's tracepoints, see blktrace.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../../kernel/core/journal_format.h"
#include "blktrace.h"
#include "disk.h"
#include "hardware.h"

#define TRACE	"/sys/kernel/tracing/instances/ktm-test"
#define EVENTS	TRACE "/events/block/"
#define SECTOR	512

static int marker = -1;
/* As it was when the record began: the log may begin elsewhere later. */
static struct ktm_jf_sb superblock;

static struct ktm_jf_sb read_superblock(const char *path)
{
	unsigned char *block = NULL;
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(posix_memalign((void **)&block, KTM_JF_SB_BYTES, KTM_JF_SB_BYTES), 0);
	CHECK_EQ(pread(fd, block, KTM_JF_SB_BYTES, 0), KTM_JF_SB_BYTES);
	if (ktm_jf_sb_decode(block, lseek(fd, 0, SEEK_END), 0, &sb, &fault))
		FAIL("superblock of %s: %s", path, fault.msg);
	close(fd);
	free(block);
	return sb;
}

static void set(const char *file, const char *text)
{
	int err = put_text(file, text);

	if (err)
		FAIL("%s into %s: %s", text, file, strerror(err));
}

static void set_event(const char *event, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), EVENTS "%s/%s", event, file);
	set(path, text);
}

void blk_record_start(const char *path)
{
	/* A disk with a queue of requests tells the end of those, another of bios. */
	static const char *const events[] = {
		"block_bio_queue", "block_bio_complete", "block_rq_complete",
	};
	char filter[64];
	struct stat st;
	unsigned int i;

	if (access("/sys/kernel/tracing/events/block/block_bio_queue", F_OK))
		test_skip("this kernel has no tracepoints of the block layer");
	superblock = read_superblock(path);
	CHECK_EQ(stat(path, &st), 0);
	/*
	 * Set up once in a machine, and stopped and started after that: to switch a tracepoint
	 * the kernel patches its code, at which QEMU's emulation stumbles now and then.
	 */
	if (access(TRACE, F_OK)) {
		CHECK_EQ(mkdir(TRACE, 0700), 0);
		/* Counts events over all processors; no two get the same number. */
		set(TRACE "/trace_clock", "counter");
		set(TRACE "/buffer_size_kb", "4096");
		for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
			set_event(events[i], "enable", "1");
	}
	set(TRACE "/tracing_on", "0");
	snprintf(filter, sizeof(filter), "dev == %u",
		 major(st.st_rdev) << 20 | minor(st.st_rdev));
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		set_event(events[i], "filter", filter);
	set(TRACE "/trace", "");
	set(TRACE "/tracing_on", "1");
	marker = open(TRACE "/trace_marker", O_WRONLY | O_CLOEXEC);
	CHECK(marker >= 0);
}

void blk_mark(uint64_t mark)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "ktm-test:%llu\n", (unsigned long long)mark);

	CHECK_EQ(write(marker, text, n), n);
}

/* "8,0 FWFSM () 4096 + 8 [0]": F in front flushes first, F behind the letter forces. */
static void parse_request(const char *text, struct blk_event *e)
{
	const char *place = strstr(text, ") "), *error = strrchr(text, '[');
	unsigned long long sector;
	char letters[16];
	const char *p = letters;

	/* Requests have their command in front of their place, bios none. */
	if (sscanf(text, "%*u,%*u %15s", letters) != 1)
		FAIL("cannot read this event: %s", text);
	place = place ? place + 2 : strstr(text, letters) + strlen(letters);
	if (sscanf(place, "%llu + %u", &sector, &e->sectors) != 2)
		FAIL("cannot read this event: %s", text);
	e->sector = sector;
	e->error = e->what == BLK_ENDED && error && atoi(error + 1);
	if (*p == 'F') {
		e->preflush = true;
		p++;
	}
	e->discard = *p == 'D';
	e->write = *p == 'W';
	if (*p)
		p++;
	e->fua = *p == 'F';
}

static bool parse_line(const char *line, struct blk_event *e)
{
	static const struct {
		const char *name;
		enum blk_what what;
	} names[] = {
		{ ": block_bio_queue: ", BLK_SENT },
		{ ": block_bio_complete: ", BLK_ENDED },
		{ ": block_rq_complete: ", BLK_ENDED },
	};
	const char *text = strstr(line, "ktm-test:");
	unsigned int i;

	memset(e, 0, sizeof(*e));
	/* "  <...>-123  [000] .....": names of processes are not recorded. */
	if (strstr(line, ">-"))
		e->by = atoi(strstr(line, ">-") + 2);
	if (text) {
		e->what = BLK_MARK;
		e->mark = strtoull(strchr(text, ':') + 1, NULL, 10);
		return true;
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		text = strstr(line, names[i].name);
		if (!text)
			continue;
		e->what = names[i].what;
		parse_request(text + strlen(names[i].name), e);
		return true;
	}
	return false;
}

struct blk_record blk_record_end(void)
{
	struct blk_record r = { 0 };
	unsigned long long kept = 0, written = 0;
	size_t room = 0;
	char line[1024];
	FILE *f;

	set(TRACE "/tracing_on", "0");
	f = fopen(TRACE "/trace", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		struct blk_event e;

		if (line[0] == '#') {
			sscanf(line, "# entries-in-buffer/entries-written: %llu/%llu", &kept,
			       &written);
			continue;
		}
		if (!parse_line(line, &e))
			continue;
		if (r.nr == room) {
			room = room ? 2 * room : 1024;
			r.events = realloc(r.events, room * sizeof(*r.events));
			CHECK(r.events);
		}
		r.events[r.nr++] = e;
	}
	fclose(f);
	if (!written || kept != written)
		FAIL("the kernel has kept %llu of %llu events", kept, written);
	close(marker);
	return r;
}

enum unit_state { UNTOUCHED, UNDER_WAY, WRITTEN, DURABLE };

/* A request that has not ended. */
struct pending {
	struct blk_event sent;
	size_t since;
	unsigned int left;		/* sectors of it */
	bool open;
};

#define MAX_PENDING	256

struct judge {
	const struct blk_rules *rules;
	struct ktm_jf_sb sb;
	struct blk_count count;
	unsigned char *units;		/* enum unit_state, from the restart point on */
	size_t *ended;			/* WRITTEN: at this event */
	size_t nr_units;
	struct pending pending[MAX_PENDING];
};

/* The log has not gone round: its place in the ring is its LSN. False: not in the ring. */
static bool units_of(const struct judge *j, const struct blk_event *e, size_t *first, size_t *nr)
{
	const uint64_t place = e->sector * SECTOR, bytes = (uint64_t)e->sectors * SECTOR;
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];

	CHECK_EQ(ktm_jf_map(&j->sb, j->sb.start_lsn, j->sb.unit, segs), 1);
	if (place < segs[0].place || place >= segs[0].place + j->nr_units * j->sb.unit)
		return false;
	if (place % j->sb.unit || bytes % j->sb.unit)
		FAIL("a write of %llu bytes at %llu is not whole units",
		     (unsigned long long)bytes, (unsigned long long)place);
	*first = (place - segs[0].place) / j->sb.unit;
	*nr = bytes / j->sb.unit;
	CHECK(*first + *nr <= j->nr_units);
	return true;
}

static void sent(struct judge *j, const struct blk_event *e, size_t now)
{
	size_t first, nr, i;

	if (!e->write && !e->preflush && !e->discard)
		return;
	if (e->discard)
		FAIL("a discard that nobody asked for");
	if (e->preflush && e->sectors)
		FAIL("a flush that carries data");
	if ((e->preflush || e->fua) && !j->rules->cache)
		FAIL("a flush or forced write reaches a disk that has no cache");
	if (e->fua && !j->rules->fua)
		FAIL("a forced write to a disk that cannot force");
	for (i = 0; i < MAX_PENDING && j->pending[i].open; i++)
		;
	CHECK(i < MAX_PENDING);
	j->pending[i] = (struct pending){
		.sent = *e, .since = now, .left = e->sectors, .open = true,
	};
	if (e->preflush) {
		j->count.flushes++;
		return;
	}
	if (!units_of(j, e, &first, &nr))
		return;
	j->count.writes++;
	j->count.forced += e->fua;
	for (i = first; i < first + nr; i++) {
		if (j->units[i] != UNTOUCHED)
			FAIL("unit %zu of the log is written twice", i);
		j->units[i] = UNDER_WAY;
	}
}

static void flushed(struct judge *j, size_t since)
{
	size_t i;

	for (i = 0; i < j->nr_units; i++)
		if (j->units[i] == WRITTEN && j->ended[i] < since)
			j->units[i] = DURABLE;
}

/* How much of a write has ended with this: two may have been made one, or one two. */
static unsigned int overlap(const struct blk_event *sent, const struct blk_event *e)
{
	const uint64_t from = max(sent->sector, e->sector);
	const uint64_t to = min(sent->sector + sent->sectors, e->sector + e->sectors);

	return from < to ? to - from : 0;
}

static void write_ended(struct judge *j, const struct pending *p, size_t now)
{
	size_t first, nr, i;

	if (!units_of(j, &p->sent, &first, &nr))
		return;
	for (i = first; i < first + nr; i++) {
		j->units[i] = p->sent.fua || !j->rules->cache ? DURABLE : WRITTEN;
		j->ended[i] = now;
	}
}

/* Only one flush is under way at a time, so the oldest is it. */
static void flush_ended(struct judge *j)
{
	struct pending *p = NULL;
	size_t i;

	for (i = 0; i < MAX_PENDING; i++)
		if (j->pending[i].open && j->pending[i].sent.preflush &&
		    (!p || j->pending[i].since < p->since))
			p = &j->pending[i];
	if (!p)
		return;
	p->open = false;
	flushed(j, p->since);
}

/* Reads, and what was sent before the record began, end here, too. */
static void ended(struct judge *j, const struct blk_event *e, size_t now)
{
	size_t i;

	if (e->error)
		FAIL("the disk has failed");
	/* The flush that a driver gets ends first, as FF; what we sent, then. */
	if (!e->sectors && e->write)
		flush_ended(j);
	for (i = 0; e->write && i < MAX_PENDING; i++) {
		struct pending *p = &j->pending[i];
		const unsigned int n = p->open ? overlap(&p->sent, e) : 0;

		if (!n)
			continue;
		CHECK(n <= p->left);
		p->left -= n;
		if (p->left)
			continue;
		p->open = false;
		write_ended(j, p, now);
	}
}

static void held_durable(const struct judge *j, uint64_t lsn)
{
	static const char *const states[] = {
		"not written", "being written", "written, and no flush was sent after that",
	};
	size_t i;

	CHECK(lsn >= j->sb.start_lsn);
	for (i = 0; j->sb.start_lsn + i * j->sb.unit < lsn; i++) {
		CHECK(i < j->nr_units);
		if (j->units[i] != DURABLE)
			FAIL("LSN %llu is held to be durable, and LSN %llu is %s",
			     (unsigned long long)lsn,
			     (unsigned long long)(j->sb.start_lsn + i * j->sb.unit),
			     states[j->units[i]]);
	}
}

struct blk_count blk_judge(const struct blk_record *r, const struct blk_rules *rules)
{
	struct judge j = { .rules = rules, .sb = superblock };
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	size_t i, marks = 0;

	CHECK_EQ(ktm_jf_map(&j.sb, j.sb.start_lsn, j.sb.unit, segs), 1);
	j.nr_units = (j.sb.ring[0].start + j.sb.ring[0].bytes - segs[0].place) / j.sb.unit;
	j.units = calloc(j.nr_units, sizeof(*j.units));
	j.ended = calloc(j.nr_units, sizeof(*j.ended));
	CHECK(j.units && j.ended);
	for (i = 0; i < r->nr; i++) {
		const struct blk_event *e = &r->events[i];

		if (e->what == BLK_MARK) {
			held_durable(&j, e->mark);
			marks++;
		} else if (e->what == BLK_SENT) {
			sent(&j, e, i);
		} else {
			ended(&j, e, i);
		}
	}
	CHECK(marks);
	free(j.units);
	free(j.ended);
	return j.count;
}
