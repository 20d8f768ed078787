// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a journal that has seen many commits, for recovery_1m: the same files of kernel/core/
 * that the module is made of write it, batch by batch and restart area by restart area. Only
 * the device is a file.
 *
 * usage: ktm-bench-image IMAGE COMMITS LIVE
 *
 * IMAGE has been formatted (ktmctl journal format). LIVE transactions have been decided to
 * commit and their resource manager has not finished them; COMMITS have come and gone. Prints
 * where what a recovery has to read lies, a line "OFFSET BYTES" for each piece.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/ktm.h>

#include "journal_open.h"
#include "journal_restart.h"
#include "journal_writer.h"

#include "selftests/core/journal_model.h"

/* As many commits as share a batch and a flush with each other. */
#define GROUP	16

static int fd;
static struct ktm_jf_sb sb;
static struct ktm_jw w;
static struct jmodel model;
static unsigned int areas;

__attribute__((noreturn))
static void die(const char *what, int err)
{
	fprintf(stderr, "ktm-bench-image: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static void *memory(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		die("memory", ENOMEM);
	return p;
}

static void write_at(const void *data, u64 bytes, u64 place)
{
	if (pwrite(fd, data, bytes, (off_t)place) != (ssize_t)bytes)
		die("write", EIO);
}

/* ---- opening ---------------------------------------------------------- */

static void open_journal(u64 bytes)
{
	const struct ktm_jo_params p = {
		.dev_bytes = bytes,
		.sector = 512,
		.epoch = 1,
		.buf = memory(KTM_JF_BATCH_MAX),
		.room = KTM_JF_BATCH_MAX,
	};
	static struct ktm_jo jo;

	ktm_jo_init(&jo, &p);
	for (;;) {
		switch (ktm_jo_step(&jo)) {
		case KTM_JO_READ:
			if (pread(fd, jo.data, jo.bytes, (off_t)jo.place) != (ssize_t)jo.bytes)
				die("read", EIO);
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_WRITE:
			write_at(jo.data, jo.bytes, jo.place);
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_FLUSH:
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_SNAPSHOT:
			ktm_jo_snap_end(&jo, U64_MAX);
			break;
		case KTM_JO_DONE:
			sb = jo.next_sb;
			free(p.buf);
			return;
		case KTM_JO_FAILED:
			fprintf(stderr, "ktm-bench-image: %s\n", jo.fault.msg);
			exit(1);
		default:
			die("the journal has been used, format it", EINVAL);
		}
	}
}

/* ---- writing ---------------------------------------------------------- */

static void pump(void)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	struct ktm_jw_batch *b;
	const u8 *data;
	int i, n;

	for (;;) {
		switch (ktm_jw_next(&w, &b)) {
		case KTM_JW_WRITE:
			ktm_jw_seal(&w, b);
			data = b->data;
			n = ktm_jf_map(&w.sb, b->lsn, b->bytes, segs);
			for (i = 0; i < n; i++) {
				write_at(data, segs[i].bytes, segs[i].place);
				data += segs[i].bytes;
			}
			ktm_jw_write_done(&w, b, 0);
			break;
		case KTM_JW_FLUSH:
			ktm_jw_flush_done(&w, 0);
			break;
		default:
			return;
		}
	}
}

/* As the module does: what it costs is set aside before it is appended. */
static u64 append(struct ktm_jrec *rec)
{
	const u32 var = rec->type == KTM_JREC_RM ? rec->rm.desc_len : 0;
	const u32 charge = ktm_jw_charge(sb.unit, rec->type, var);
	u64 lsn;
	int err = ktm_jw_reserve(&w, charge, false);

	if (err)
		die("no room in the log", err);
	while ((err = ktm_jw_append(&w, rec, charge, &lsn)) == -EAGAIN)
		pump();
	if (err)
		die("append", err);
	rec->lsn = lsn;
	if (jmodel_replay(&model, rec))
		die(model.jp.why, EUCLEAN);
	return lsn;
}

static void force(u64 lsn)
{
	int err = ktm_jw_want(&w, lsn);

	if (err)
		die("force", err);
	pump();
}

/* ---- restart areas ---------------------------------------------------- */

static void area_step(struct ktm_jr *r)
{
	struct ktm_jf_link link;
	u64 lsn;
	int err;

	switch (ktm_jr_step(r)) {
	case KTM_JO_WRITE:
		write_at(r->data, r->bytes, r->place);
		ktm_jr_io_done(r, 0);
		break;
	case KTM_JO_FLUSH:
		ktm_jw_want_flush(&w);
		pump();
		ktm_jr_io_done(r, 0);
		break;
	case KTM_JO_FORCE:
		err = ktm_jw_want_end(&w, U64_MAX, false, &lsn);
		pump();
		if (!err && !ktm_jw_marked(&w, &link))
			err = -EIO;
		ktm_jr_forced(r, &link, w.limit, err);
		break;
	case KTM_JO_FAILED:
		die("a restart area", r->err);
	default:
		break;
	}
}

static int area_add(void *ctx, const struct ktm_jrec *rec)
{
	int err;

	while ((err = ktm_jr_add(ctx, rec)) == -EAGAIN)
		area_step(ctx);
	return err;
}

static void restart_area(void)
{
	static u8 buf[KTM_JF_BATCH_MAX];
	struct ktm_jr r;
	int err = ktm_jw_mark(&w);

	if (err)
		die("no room to mark", err);
	ktm_jr_init(&r, &sb, sb.dev_bytes, buf);
	err = jmodel_snapshot(&model, area_add, &r);
	if (err)
		die("what lives does not fit into a restart area", err);
	ktm_jr_end(&r, ktm_jw_end(&w), U64_MAX);
	while (r.phase != KTM_JR_P_DONE)
		area_step(&r);
	sb = r.next_sb;
	ktm_jw_restarted(&w, &sb);
	areas++;
}

/* ---- transactions ----------------------------------------------------- */

static struct ktm_guid guid(u8 kind, u64 number)
{
	struct ktm_guid g = { { kind } };

	memcpy(g.b + 8, &number, 8);
	return g;
}

static void resource_manager(void)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_RM,
		.rm = { .guid = guid(1, 1), .mode = 0700, .desc = (const u8 *)"bench", .desc_len = 5 },
	};

	force(append(&rec));
}

/* Voted for and decided. Returns the LSN of the decision. */
static u64 commit(u64 number)
{
	struct ktm_jrec prepared = {
		.type = KTM_JREC_PREPARED,
		.prepared = {
			.uow = guid(2, number),
			.enlistment = guid(3, number),
			.rm = guid(1, 1),
			.key = number,
			.mask = KTM_NOTIFY_TWO_PHASE,
			.flags = KTM_JREC_P_FIRST,
			.mode = 0600,
		},
	};
	struct ktm_jrec decision = {
		.type = KTM_JREC_DECISION,
		.decision = {
			.uow = guid(2, number),
			.outcome = KTM_JREC_COMMIT,
			.prepared = 1,
			.clock = number + 1,
		},
	};

	append(&prepared);
	return append(&decision);
}

static void complete(u64 number)
{
	struct ktm_jrec completion = {
		.type = KTM_JREC_COMPLETION,
		.flags = KTM_JREC_F_END,
		.completion = { .uow = guid(2, number), .enlistment = guid(3, number) },
	};

	append(&completion);
}

static void live_and_pass(u64 commits, u64 live)
{
	u64 number = 1, lsn = 0, i;

	for (; number <= live; number++)
		lsn = commit(number);
	while (number <= live + commits) {
		for (i = 0; i < GROUP; i++)
			lsn = commit(number + i);
		force(lsn);
		for (i = 0; i < GROUP; i++)
			complete(number + i);
		number += GROUP;
		if (ktm_jw_restart_due(&w))
			restart_area();
	}
	ktm_jw_want_all(&w);
	pump();
}

static void print_pieces(void)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	int i, n;

	printf("%llu %llu\n", (unsigned long long)sb.restart[sb.restart_index].start,
	       (unsigned long long)sb.restart_bytes);
	n = ktm_jf_map(&sb, sb.start_lsn, (u32)(w.flushed_lsn - sb.start_lsn), segs);
	for (i = 0; i < n; i++)
		printf("%llu %u\n", (unsigned long long)segs[i].place, segs[i].bytes);
}

int main(int argc, char **argv)
{
	void *bufs[KTM_JW_BUFS];
	struct stat st;
	int i;

	if (argc != 4) {
		fprintf(stderr, "usage: ktm-bench-image IMAGE COMMITS LIVE\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(argv[1], errno);
	open_journal((u64)st.st_size);
	for (i = 0; i < KTM_JW_BUFS; i++)
		bufs[i] = memory(KTM_JW_BUF_BYTES);
	ktm_jw_init(&w, &sb, bufs, KTM_JW_BUFS, KTM_JW_BUF_BYTES, false);
	jmodel_init(&model, &sb);
	resource_manager();
	live_and_pass(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	print_pieces();
	fprintf(stderr, "%u restart areas, %llu bytes of log\n", areas,
		(unsigned long long)w.flushed_lsn);
	if (fsync(fd))
		die(argv[1], errno);
	return 0;
}
