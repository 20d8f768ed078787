// SPDX-License-Identifier: GPL-2.0
/*
 * Logs with every checksum right whose records do not fit together: refused,
 * and not a byte written. What a writer could have left is opened.
 */
#include "../../kernel/core/journal_format.h"
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define TM_GUID	guid_of(900)

static struct disk d;
static struct ktm_jf_sb sb;
static struct ktm_jf_link next;
static unsigned char buf[65536];
static unsigned int used, records;

static void begin(void)
{
	static unsigned char block[KTM_JF_SB_BYTES];
	struct ktm_jf_fault fault;

	journal_format(d.path, TM_GUID);
	CHECK_EQ(pread(d.image, block, sizeof(block), 0), sizeof(block));
	CHECK_EQ(ktm_jf_sb_decode(block, d.bytes, 0, &sb, &fault), 0);
	next = (struct ktm_jf_link){
		.lsn = sb.start_lsn,
		.seq = sb.start_seq,
		.prev_crc = sb.start_prev_crc,
	};
	used = KTM_JF_BATCH_HEAD;
	records = 0;
}

void test_setup(void)
{
	d = disk_make(8 * MIB);
	begin();
}

static void batch_ends(void)
{
	const struct ktm_jf_chain chain = {
		.uuid = sb.uuid, .epoch = sb.epoch, .unit = sb.unit,
	};
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	unsigned int bytes = ALIGN(used, sb.unit);

	next.prev_crc = ktm_jf_batch_seal(&chain, &next, sb.start_lsn, used, records, buf);
	CHECK_EQ(ktm_jf_map(&sb, next.lsn, bytes, segs), 1);
	disk_write(&d, segs[0].place, buf, bytes);
	next.lsn += bytes;
	next.seq++;
	used = KTM_JF_BATCH_HEAD;
	records = 0;
}

static void add(struct ktm_jrec rec)
{
	unsigned int bytes = ktm_jrec_encode(&rec, buf + used, sizeof(buf) - used);

	CHECK(bytes);
	used += bytes;
	records++;
}

static struct ktm_jrec rm(unsigned int n)
{
	return (struct ktm_jrec){ .type = KTM_JREC_RM,
				  .rm = { .guid = guid_of(n), .mode = 0600 } };
}

static struct ktm_jrec rm_gone(unsigned int n)
{
	return (struct ktm_jrec){ .type = KTM_JREC_RM_GONE, .rm_gone = { .guid = guid_of(n) } };
}

/* Of somebody else, who has never heard of it. */
static struct ktm_jrec stream(unsigned int n, u64 quota)
{
	static const char names[] = "abcdefgh";

	return (struct ktm_jrec){
		.type = KTM_JREC_STREAM,
		.stream = {
			.guid = guid_of(500 + n), .id = n, .quota = quota, .mode = 0600,
			.uid = NOBODY, .gid = NOBODY,
			.name = (const u8 *)names + n, .name_len = 1,
		},
	};
}

static struct ktm_jrec later_vote(unsigned int uow, unsigned int en, unsigned int of)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_PREPARED,
		.prepared = {
			.uow = guid_of(uow), .enlistment = guid_of(en), .rm = guid_of(of),
			.mask = EN_MASK, .mode = 0600,
		},
	};
}

static struct ktm_jrec needing_vote(unsigned int en, unsigned int of_stream, u64 need)
{
	struct ktm_jrec rec = later_vote(100, en, 1);

	rec.prepared.stream = of_stream;
	rec.prepared.stream_need = need;
	return rec;
}

/* The first of its transaction. */
static struct ktm_jrec vote(unsigned int uow, unsigned int en, unsigned int of)
{
	struct ktm_jrec rec = later_vote(uow, en, of);

	rec.prepared.flags = KTM_JREC_P_FIRST;
	return rec;
}

static struct ktm_jrec decision(unsigned int uow, unsigned int prepared, unsigned int outcome)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_DECISION,
		.decision = { .uow = guid_of(uow), .outcome = outcome, .prepared = prepared },
	};
}

static struct ktm_jrec completion(unsigned int uow, unsigned int en, unsigned int flags)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_COMPLETION, .flags = flags,
		.completion = { .uow = guid_of(uow), .enlistment = guid_of(en) },
	};
}

static struct ktm_jrec area_tx(unsigned int uow, unsigned int prepared)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_TX,
		.tx = {
			.uow = guid_of(uow), .outcome = KTM_JREC_COMMIT,
			.prepared = prepared, .mode = 0600,
		},
	};
}

static void opening_says(unsigned int want)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned char *before;
	int tm;

	if (records)
		batch_ends();
	before = disk_read(&d);
	tm = tm_attach(d.path);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, want);
	if (want != KTM_STATUS_SUCCESS && !disk_is(&d, before))
		FAIL("refused, and written to");
	free(before);
	tm_close(tm, d.path);
}

#define REFUSED(name, ...)						\
	TEST(name)							\
	{								\
		add(rm(1));						\
		__VA_ARGS__;						\
		opening_says(KTM_STATUS_LOG_CORRUPTION_DETECTED);	\
	}

/* First that the records above are what a writer leaves. */
TEST(whole)
{
	add(rm(1));
	add(rm(2));
	add(vote(100, 200, 1));
	add(later_vote(100, 201, 2));
	add(decision(100, 2, KTM_JREC_COMMIT));
	add(completion(100, 200, 0));
	add(vote(101, 202, 1));
	add(completion(101, 202, KTM_JREC_F_END));
	add(rm_gone(1));
	opening_says(KTM_STATUS_SUCCESS);
}

REFUSED(same_enlistment_twice,
	add(vote(100, 200, 1)); add(later_vote(100, 200, 1)); add(decision(100, 2, KTM_JREC_COMMIT)))
REFUSED(same_enlistment_in_two_transactions,
	add(vote(100, 200, 1)); add(vote(101, 200, 1)))
REFUSED(vote_of_an_unknown_rm, add(vote(100, 200, 2)))
REFUSED(vote_after_the_decision,
	add(vote(100, 200, 1)); add(decision(100, 1, KTM_JREC_COMMIT)); add(later_vote(100, 201, 1)))
REFUSED(vote_after_a_completion,
	add(vote(100, 200, 1)); add(later_vote(100, 201, 1)); add(completion(100, 200, 0));
	add(later_vote(100, 202, 1)))
REFUSED(two_decisions,
	add(vote(100, 200, 1)); add(decision(100, 1, KTM_JREC_ABORT));
	add(decision(100, 1, KTM_JREC_COMMIT)))
REFUSED(decision_of_nothing, add(decision(100, 0, KTM_JREC_COMMIT)))
REFUSED(decision_with_a_wrong_count,
	add(vote(100, 200, 1)); add(decision(100, 2, KTM_JREC_COMMIT)))
REFUSED(decision_after_a_completion,
	add(vote(100, 200, 1)); add(later_vote(100, 201, 1)); add(completion(100, 200, 0));
	add(decision(100, 2, KTM_JREC_COMMIT)))
REFUSED(completion_after_the_end,
	add(vote(100, 200, 1)); add(completion(100, 200, KTM_JREC_F_END));
	add(completion(100, 200, KTM_JREC_F_END)))
REFUSED(end_too_soon,
	add(vote(100, 200, 1)); add(later_vote(100, 201, 1));
	add(completion(100, 200, KTM_JREC_F_END)))
REFUSED(last_completion_without_an_end,
	add(vote(100, 200, 1)); add(completion(100, 200, 0)))
REFUSED(rm_gone_with_an_enlistment, add(vote(100, 200, 1)); add(rm_gone(1)))
REFUSED(rm_gone_twice, add(rm_gone(1)); add(rm_gone(1)))
REFUSED(first_vote_twice, add(vote(100, 200, 1)); add(vote(100, 201, 1)))
REFUSED(later_vote_first, add(later_vote(100, 200, 1)))
REFUSED(record_of_a_restart_area, add(area_tx(100, 1)); add(later_vote(100, 200, 1)))

REFUSED(mask_out_of_range,
	struct ktm_jrec v = vote(100, 200, 1); v.prepared.mask = ~0u; add(v))
REFUSED(mask_without_commit,
	struct ktm_jrec v = vote(100, 200, 1); v.prepared.mask = KTM_NOTIFY_PREPARE; add(v))
REFUSED(uid_of_nobody, struct ktm_jrec r = rm(2); r.rm.uid = ~0u; add(r))
REFUSED(mode_out_of_range, struct ktm_jrec r = rm(2); r.rm.mode = 07777; add(r))
REFUSED(nil_uow,
	struct ktm_jrec v = vote(100, 200, 1); v.prepared.uow = nil; add(v))

/* What streams may keep is never more than a log grants, whoever it would be charged to. */
TEST(streams_within_the_log)
{
	add(rm(1));
	add(stream(1, sb.ring_bytes / 8 * 2));
	add(stream(2, sb.ring_bytes / 8));
	add(vote(100, 200, 1));
	add(needing_vote(201, 1, sb.ring_bytes / 8));
	opening_says(KTM_STATUS_SUCCESS);
}

REFUSED(a_stream_beyond_the_log, add(stream(1, sb.ring_bytes / 8 * 3 + 1)))
REFUSED(streams_beyond_the_log,
	add(stream(1, sb.ring_bytes / 8 * 2)); add(stream(2, sb.ring_bytes / 8 + 1)))
REFUSED(streams_beyond_all_logs,
	add(stream(1, (1ull << 62))); add(stream(2, (1ull << 62))); add(stream(3, (1ull << 62))))
REFUSED(need_beyond_the_quota,
	add(stream(1, 4096)); add(vote(100, 200, 1)); add(needing_vote(201, 1, 4097)))
REFUSED(needs_beyond_the_log,
	u64 most = sb.ring_bytes / 8 * 3;
	add(stream(1, most)); add(vote(100, 200, 1)); add(needing_vote(201, 1, most));
	add(needing_vote(202, 1, most)); add(needing_vote(203, 1, most)))

TEST(stream_with_another_quota)
{
	add(rm(1));
	add(stream(1, 4096));
	add(stream(1, 8192));
	opening_says(KTM_STATUS_SUCCESS);
}

/* It is not for a record of its id to say who else it is. */
REFUSED(stream_with_another_guid,
	struct ktm_jrec r = stream(1, 8192); r.stream.guid = guid_of(600);
	add(stream(1, 4096)); add(r))
REFUSED(stream_with_another_name,
	struct ktm_jrec r = stream(1, 8192); r.stream.name = (const u8 *)"x";
	add(stream(1, 4096)); add(r))
REFUSED(stream_with_a_longer_name,
	struct ktm_jrec r = stream(1, 8192); r.stream.name_len = 2;
	add(stream(1, 4096)); add(r))
REFUSED(stream_of_another_user,
	struct ktm_jrec r = stream(1, 8192); r.stream.uid++; add(stream(1, 4096)); add(r))
REFUSED(stream_of_another_group,
	struct ktm_jrec r = stream(1, 8192); r.stream.gid++; add(stream(1, 4096)); add(r))
REFUSED(stream_with_another_mode,
	struct ktm_jrec r = stream(1, 8192); r.stream.mode = 0666; add(stream(1, 4096)); add(r))
REFUSED(stream_with_a_base_in_the_log,
	struct ktm_jrec r = stream(1, 4096); r.stream.base = 4096; add(r))
REFUSED(stream_with_a_restart_record_in_the_log,
	struct ktm_jrec r = stream(1, 4096); r.stream.restart = 4096; add(r))

static void recovery_says(int tm, unsigned int want)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned char *before = disk_read(&d);

	CALL(tm, KTM_IOC_TM_RECOVER, &r, want);
	if (want != KTM_STATUS_SUCCESS && !disk_is(&d, before))
		FAIL("refused, and written to");
	free(before);
}

/* The log of a TM that is away is exchanged for one with these two streams. */
static void exchange_for(const unsigned char *formatted, struct ktm_jrec a, struct ktm_jrec b)
{
	disk_write(&d, 0, formatted, d.bytes);
	next = (struct ktm_jf_link){
		.lsn = sb.start_lsn,
		.seq = sb.start_seq,
		.prev_crc = sb.start_prev_crc,
	};
	add(a);
	add(b);
	batch_ends();
}

/*
 * The device fails, and when it is back it holds another log, which says that it is the same: who
 * has a stream open must not get what is somebody else's.
 */
TEST(streams_exchanged_for_others)
{
	unsigned char *formatted = disk_read(&d);
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	const struct ktm_jrec one = stream(1, 4096), two = stream(2, 4096);
	struct ktm_jrec other[5];
	struct flaky f;
	unsigned int i;
	int tm, s;

	exchange_for(formatted, one, two);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	s = stream_open(tm, "b");
	append(s, 1, 100);
	flaky_set(&f, FAIL_WRITES);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_IO_ERROR);
	while (tm_info(tm).state != KTM_TM_STATE_FAILED)
		nap();
	flaky_set(&f, NO_TROUBLE);

	for (i = 0; i < 5; i++)
		other[i] = one;
	other[0].stream.guid = guid_of(600);
	other[1].stream.name = (const u8 *)"x";
	other[2].stream.uid++;
	other[3].stream.gid++;
	other[4].stream.mode = 0644;
	for (i = 0; i < 5; i++) {
		exchange_for(formatted, other[i], two);
		recovery_says(tm, KTM_STATUS_LOG_CORRUPTION_DETECTED);
	}
	/* Each is what the other was. */
	other[0] = two;
	other[0].stream.id = one.stream.id;
	other[1] = one;
	other[1].stream.id = two.stream.id;
	exchange_for(formatted, other[0], other[1]);
	recovery_says(tm, KTM_STATUS_LOG_CORRUPTION_DETECTED);
	exchange_for(formatted, two, one);
	recovery_says(tm, KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(s).records, 0);
	append(s, 2, 100);
	close(s);
	tm_close(tm, f.path);
	flaky_remove(&f);
	free(formatted);
}

/* Each is as good as the next, and none ends a step of the scanner by itself. */
TEST(hundreds_of_empty_batches)
{
	unsigned int i;

	add(rm(1));
	for (i = 0; i < 600; i++)
		batch_ends();
	opening_says(KTM_STATUS_LOG_CORRUPTION_DETECTED);
}
