// SPDX-License-Identifier: GPL-2.0
/*
 * Journals that are none, or damaged: a defined status, and not a byte written.
 * A torn tail is no damage.
 *
 * Offsets are those of Documentation/journal-format.md; every field of the
 * superblock is tried, with its checksum right, so that the check of the field
 * itself is what refuses it.
 */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "calls.h"
#include "disk.h"
#include "format.h"

#define TM_GUID	guid_of(900)

static struct disk d;

void test_setup(void)
{
	d = disk_make(8 * MIB);
}

/* TM_CREATE or TM_RECOVER refuses it; the disk is as it was. */
static unsigned int opening(void)
{
	unsigned char *before = disk_read(&d);
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned int status;
	int tm = -1;

	status = tm_try_attach(d.path, &tm);
	if (status == KTM_STATUS_SUCCESS) {
		status = test_try(tm, KTM_IOC_TM_RECOVER, &r);
		test_shows(KTM_IOC_TM_RECOVER, status);
		if (status != KTM_STATUS_SUCCESS) {
			CHECK(tm_info(tm).state != KTM_TM_STATE_ONLINE);
			/* It may be tried again, and says the same. */
			CHECK_EQ(test_try(tm, KTM_IOC_TM_RECOVER, &r), status);
		}
		tm_close(tm, d.path);
	}
	if (status != KTM_STATUS_SUCCESS && !disk_is(&d, before))
		FAIL("refused with %s, and written to", status_name(status));
	free(before);
	return status;
}

#define OPENS_WITH(want)						\
	do {								\
		unsigned int __s = opening();				\
		if (__s != (want))					\
			FAIL("%s instead of %s", status_name(__s), #want); \
	} while (0)

TEST(empty)
{
	OPENS_WITH(KTM_STATUS_LOG_NOT_A_JOURNAL);
}

TEST(foreign)
{
	unsigned char *noise = malloc(d.bytes);
	uint64_t x = 88172645463325252ull, i;

	for (i = 0; i < d.bytes; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		noise[i] = x;
	}
	disk_write(&d, 0, noise, d.bytes);
	OPENS_WITH(KTM_STATUS_LOG_NOT_A_JOURNAL);
}

/* A device smaller than any journal. */
TEST(tiny)
{
	d = disk_make(4096);
	OPENS_WITH(KTM_STATUS_LOG_TOO_SMALL);
}

/* The device has shrunk since it was formatted, and has grown. */
TEST(shrunk_and_grown)
{
	journal_format(d.path, TM_GUID);
	disk_resize(&d, 6 * MIB);
	OPENS_WITH(KTM_STATUS_LOG_TOO_SMALL);
	disk_resize(&d, 8 * MIB);
	OPENS_WITH(KTM_STATUS_SUCCESS);
	disk_resize(&d, 9 * MIB);
	OPENS_WITH(KTM_STATUS_SUCCESS);
}

/* A descriptor that may only read is not enough. */
TEST(read_only_descriptor)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);

	journal_format(d.path, TM_GUID);
	c.device_fd = disk_open_read_only(d.path);
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_INVALID_HANDLE);
}

/* The device has become read-only since it was opened. */
TEST(read_only_device)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);
	int on = 1;

	journal_format(d.path, TM_GUID);
	c.device_fd = disk_open(d.path);
	CHECK_EQ(ioctl(c.device_fd, BLKROSET, &on), 0);
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_ACCESS_DENIED);
	on = 0;
	CHECK_EQ(ioctl(c.device_fd, BLKROSET, &on), 0);
	close(c.device_fd);
	OPENS_WITH(KTM_STATUS_SUCCESS);
}

/* Somebody else has the device: a file system would, and O_EXCL does. */
TEST(device_in_use)
{
	int fd, tm = -1;

	journal_format(d.path, TM_GUID);
	fd = disk_open_alone(d.path);
	CHECK(fd >= 0);
	CHECK_EQ(tm_try_attach(d.path, &tm), KTM_STATUS_DEVICE_BUSY);
	close(fd);
	CHECK_EQ(tm_try_attach(d.path, &tm), KTM_STATUS_SUCCESS);
	CHECK_EQ(disk_open_alone(d.path), -1);
	CHECK_EQ(errno, EBUSY);
}

TEST(another_journal_than_expected)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .guid = guid_of(1));

	journal_format(d.path, TM_GUID);
	c.device_fd = disk_open(d.path);
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_TM_IDENTITY_MISMATCH);
	c.guid = TM_GUID;
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_SUCCESS);
}

/* One copy torn or wiped: the other serves, and the first is mended with it. */
static void one_copy(uint64_t broken, uint64_t whole, unsigned int from)
{
	static unsigned char block[SB_BYTES];

	journal_format(d.path, TM_GUID);
	disk_write(&d, broken + from, block, SB_BYTES - from);
	OPENS_WITH(KTM_STATUS_SUCCESS);
	disk_write(&d, whole + from, block, SB_BYTES - from);
	OPENS_WITH(KTM_STATUS_SUCCESS);
}

TEST(one_superblock_is_enough)
{
	static unsigned char block[SB_BYTES];
	const uint64_t last = d.bytes - SB_BYTES;

	one_copy(0, last, 0);
	one_copy(0, last, 64);
	one_copy(last, 0, 0);
	one_copy(last, 0, 64);
	disk_write(&d, 0, block, sizeof(block));
	disk_write(&d, last, block, sizeof(block));
	OPENS_WITH(KTM_STATUS_LOG_NOT_A_JOURNAL);
}

/* One byte of both copies, checksum left wrong: refused, wherever it is. */
TEST(superblock_with_a_wrong_checksum)
{
	unsigned char *clean;
	unsigned int at, status;
	unsigned char byte;

	journal_format(d.path, TM_GUID);
	clean = disk_read(&d);
	for (at = 0; at < SB_BYTES; at += at < 448 ? 3 : 397) {
		byte = clean[at] ^ 0x10;
		disk_write(&d, at, &byte, 1);
		disk_write(&d, d.bytes - SB_BYTES + at, &byte, 1);
		status = opening();
		/* Without its magic it is no journal, else a damaged one. */
		CHECK_EQ(status, at < 8 ? KTM_STATUS_LOG_NOT_A_JOURNAL :
			 KTM_STATUS_LOG_CORRUPTION_DETECTED);
		disk_write(&d, at, clean + at, 1);
		disk_write(&d, d.bytes - SB_BYTES + at, clean + at, 1);
	}
	OPENS_WITH(KTM_STATUS_SUCCESS);
}

/* Values that no writer leaves, under a right checksum, in both copies. */
TEST(superblock_with_wrong_fields)
{
	unsigned int i, k, status;

	journal_format(d.path, TM_GUID);
	for (i = 0; i < nr_sb_fields; i++) {
		const struct sb_field *f = &sb_fields[i];

		for (k = 0; k < f->nr_values; k++) {
			journal_format(d.path, TM_GUID);
			sb_patch(&d, f, f->values[k]);
			status = opening();
			if (status != f->status)
				FAIL("%s = 0x%llx: %s instead of %s", f->name,
				     (unsigned long long)f->values[k], status_name(status),
				     status_name(f->status));
		}
	}
	journal_format(d.path, TM_GUID);
	OPENS_WITH(KTM_STATUS_SUCCESS);
}

#define COMMITS		12
#define MAX_BATCHES	256

/* The transactions in the order of the log; the last one has not completed. */
#define UOW(i)	guid_of(3000 + (i))

static int begin(int tm, unsigned int i)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm,
				     .uow = UOW(i));

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	return c.fd;
}

/*
 * A log with this many commits, one force each, and closed in the middle of a
 * last one that is decided and not completed. The completion of each stands in
 * the batch of the next, as it is not forced by itself.
 */
static unsigned int some_commits(struct batch_place *all)
{
	guid_t en, rm_guid = guid_of(1);
	int tm, rm, i, tx;

	journal_format(d.path, TM_GUID);
	tm = tm_online(d.path);
	rm = rm_create_as(tm, 0, &rm_guid);
	rm_recover_empty(rm);
	for (i = 0; i < COMMITS; i++) {
		tx = begin(tm, i);
		commit_one(rm, tx);
		close(tx);
	}
	tx = begin(tm, COMMITS);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	close(tx);
	close(rm);
	tm_close(tm, d.path);
	return find_batches(&d, all, MAX_BATCHES);
}

/* The log knows of one transaction alone, this one, and that it is committed. */
static void expect_unfinished(unsigned int i)
{
	int tm = tm_online(d.path), tx;
	guid_t uow = UOW(i);

	CHECK_EQ(tm_info(tm).rms, 1);
	CHECK_EQ(tm_info(tm).transactions, 1);
	tx = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	close(tx);
	tm_close(tm, d.path);
}

TEST(undamaged)
{
	static struct batch_place all[MAX_BATCHES];

	CHECK(some_commits(all) >= COMMITS + 1);
	expect_unfinished(COMMITS);
}

/* The last batch torn, at each sector: nothing later says that it was flushed. */
TEST(torn_tail)
{
	static struct batch_place all[MAX_BATCHES];
	static unsigned char zeros[512];
	unsigned int n = some_commits(all), at;
	unsigned char *clean = disk_read(&d);
	const struct batch_place last = all[n - 1];

	for (at = 0; at < last.bytes; at += 512) {
		/* Only the used part of it can tear visibly. */
		if (!memcmp(clean + last.place + at, zeros, sizeof(zeros)))
			continue;
		disk_write(&d, 0, clean, d.bytes);
		disk_write(&d, last.place + at, zeros, sizeof(zeros));
		/* Its completion went with it, so the one before is owed its COMMIT. */
		expect_unfinished(COMMITS - 1);
	}
}

/* Anything before a point that a later batch says was flushed: damage, hands off. */
TEST(damage_before_a_flushed_point)
{
	static struct batch_place all[MAX_BATCHES];
	unsigned int n = some_commits(all), i, tried = 0;
	unsigned char *clean = disk_read(&d), byte;
	uint64_t flushed = 0;

	for (i = 0; i < n; i++)
		if (all[i].flushed_lsn > flushed)
			flushed = all[i].flushed_lsn;
	for (i = 0; i < n && all[i].lsn < flushed; i++) {
		static const unsigned int offsets[] = { 0, 4, 8, 24, 32, 40, 48, 56, 60, 64, 100 };
		unsigned int k;

		for (k = 0; k < sizeof(offsets) / sizeof(offsets[0]); k++) {
			const uint64_t at = all[i].place + offsets[k];

			byte = clean[at] ^ 1;
			disk_write(&d, at, &byte, 1);
			OPENS_WITH(KTM_STATUS_LOG_CORRUPTION_DETECTED);
			disk_write(&d, at, clean + at, 1);
			tried++;
		}
	}
	CHECK(tried > COMMITS);
	expect_unfinished(COMMITS);
}

/* The restart area in use: every sector of it counts. */
TEST(damaged_restart_area)
{
	static struct batch_place all[MAX_BATCHES];
	unsigned char *clean, byte;
	uint64_t place;

	some_commits(all);
	/* Opened once more, there is one with something in it. */
	expect_unfinished(COMMITS);
	clean = disk_read(&d);
	place = restart_place(&d);
	CHECK(place);
	byte = clean[place + 20] ^ 0x80;
	disk_write(&d, place + 20, &byte, 1);
	OPENS_WITH(KTM_STATUS_LOG_CORRUPTION_DETECTED);
	disk_write(&d, place + 20, clean + place + 20, 1);
	expect_unfinished(COMMITS);
}
