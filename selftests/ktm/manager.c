// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator does with a transaction manager: let it stay without a
 * descriptor, end that, find it by its log, give it another identity.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "calls.h"
#include "disk.h"

#define OLD	guid_of(800)
#define NEW	guid_of(801)

static struct disk d;

/* A test that failed may have left one that stays. */
static void end_what_persists(void)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_TM_ALL_ACCESS, .guid = OLD);
	struct ktm_call c = ARG(ktm_call);

	if (test_try(dev(), KTM_IOC_TM_OPEN, &o))
		return;
	test_try(o.fd, KTM_IOC_TM_OFFLINE, &c);
	close(o.fd);
}

void test_setup(void)
{
	end_what_persists();
	d = disk_make(8 * MIB);
	journal_format(d.path, OLD);
}

static int attach_persistent(void)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .flags = KTM_TM_PERSIST, .device_fd = disk_open(d.path));

	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_SUCCESS);
	close(c.device_fd);
	return c.fd;
}

#define OFFLINE(tm, want)						\
	do {								\
		struct ktm_call __c = ARG(ktm_call);			\
		CALL(tm, KTM_IOC_TM_OFFLINE, &__c, want);		\
	} while (0)

#define RENAME(tm, to, want)						\
	do {								\
		struct ktm_tm_rename __r = ARG(ktm_tm_rename, .guid = (to)); \
		CALL(tm, KTM_IOC_TM_RENAME, &__r, want);		\
	} while (0)

#define NOT_FOUND(guid_)						\
	do {								\
		struct ktm_open __o = ARG(ktm_open, .access = KTM_TM_ALL_ACCESS, \
					  .guid = (guid_));		\
		CALL(dev(), KTM_IOC_TM_OPEN, &__o, KTM_STATUS_TM_NOT_FOUND); \
	} while (0)

#define OPEN_LOG(fd_, access_, want)					\
	({								\
		struct ktm_tm_open_log __o = ARG(ktm_tm_open_log, .device_fd = (fd_), \
						 .access = (access_));	\
		CALL(dev(), KTM_IOC_TM_OPEN_LOG, &__o, want);		\
		__o;							\
	})

static unsigned int module_users(void)
{
	FILE *f = fopen("/sys/module/ktm/refcnt", "r");
	unsigned int n;

	CHECK(f);
	CHECK_EQ(fscanf(f, "%u", &n), 1);
	fclose(f);
	return n;
}

/* Until its TM has given it up. */
static void wait_for_the_device(void)
{
	const struct deadline end = deadline_in(PATIENCE);
	int fd;

	while ((fd = disk_open_alone(d.path)) < 0) {
		CHECK_EQ(errno, EBUSY);
		if (deadline_passed(&end))
			FAIL("the TM does not let go of %s", d.path);
		nap();
	}
	close(fd);
}

/* ---- KTM_TM_PERSIST, KTM_IOC_TM_OFFLINE ---- */

TEST(persists_without_a_descriptor)
{
	unsigned int users = module_users();
	struct ktm_tm_create again = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);
	guid_t old = OLD;
	int tm = attach_persistent();

	CHECK_EQ(tm_info(tm).flags, KTM_TM_PERSIST);
	tm_recover(tm);
	close(tm);
	CHECK_EQ(disk_open_alone(d.path), -1);
	CHECK_EQ(errno, EBUSY);
	CHECK(listed(dev(), KTM_KIND_TM, OLD));
	/* The module stays, too, though nobody has it open by way of this TM. */
	CHECK_EQ(module_users(), users + 1);
	again.device_fd = disk_open(d.path);
	CALL(dev(), KTM_IOC_TM_CREATE, &again, KTM_STATUS_OBJECT_NAME_COLLISION);
	CHECK(same(&again.guid, &old));
	close(again.device_fd);

	tm = tm_open(&old);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	OFFLINE(tm, KTM_STATUS_SUCCESS);
	/* It stays for who has it open, and no longer. */
	CHECK_EQ(tm_info(tm).flags, 0);
	close(rm_create(tm, 0));
	OFFLINE(tm, KTM_STATUS_REQUEST_NOT_VALID);
	tm_close(tm, d.path);
	NOT_FOUND(OLD);
	CHECK_EQ(module_users(), users);
	SHOWS("close tm-persist");
}

TEST(offline_only_when_nobody_uses_it)
{
	int tm = attach_persistent(), other, rm, tx, en;
	guid_t old = OLD, g;

	tm_recover(tm);
	other = tm_open(&old);
	OFFLINE(tm, KTM_STATUS_OBJECT_BUSY);
	OFFLINE(other, KTM_STATUS_OBJECT_BUSY);
	close(other);
	rm = rm_create(tm, 0);
	OFFLINE(tm, KTM_STATUS_OBJECT_BUSY);
	rm_recover_empty(rm);
	tx = tx_create(tm);
	en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &g);
	/* An enlistment's descriptor, and the transaction that rolls back. */
	close(rm);
	close(tx);
	OFFLINE(tm, KTM_STATUS_OBJECT_BUSY);
	close(en);
	tx = tx_create(tm);
	OFFLINE(tm, KTM_STATUS_OBJECT_BUSY);
	close(tx);
	/* All that was refused has changed nothing. */
	CHECK_EQ(tm_info(tm).flags, KTM_TM_PERSIST);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	OFFLINE(tm, KTM_STATUS_SUCCESS);
	tm_close(tm, d.path);
}

TEST(offline_of_one_that_does_not_persist)
{
	int tm = tm_attach(d.path), none = tm_volatile();

	OFFLINE(tm, KTM_STATUS_REQUEST_NOT_VALID);
	tm_recover(tm);
	OFFLINE(tm, KTM_STATUS_REQUEST_NOT_VALID);
	OFFLINE(none, KTM_STATUS_REQUEST_NOT_VALID);
	tm_close(tm, d.path);
}

TEST(a_volatile_one_cannot_persist)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS, .device_fd = -1,
				     .flags = KTM_TM_VOLATILE | KTM_TM_PERSIST);

	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
}

static void dies_with_a_commit(void *data)
{
	guid_t rm_guid = guid_of(1), en;
	int tm = attach_persistent(), rm, tx;

	(void)data;
	tm_recover(tm);
	rm = rm_create_as(tm, 0, &rm_guid);
	rm_recover_empty(rm);
	tx = tx_create(tm);
	en = enlist_key(rm, tx, 7);
	memcpy((void *)shared_word, &en, sizeof(en));
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	go(0);
	pause();
}

/* Everybody dies; the TM is still there, online, and tells how it ended. */
TEST(outlives_all_its_users)
{
	pid_t pid = test_spawn(dies_with_a_commit, NULL);
	guid_t old = OLD, rm_guid = guid_of(1), en;
	int tm, rm;

	meet(0);
	memcpy(&en, (void *)shared_word, sizeof(en));
	test_kill(pid);
	tm = tm_open(&old);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).transactions, 1);
	rm = rm_open(tm, &rm_guid);
	rm_recover(rm);
	TAKE_AT(rm, KTM_NOTIFY_RECOVER, en, tm_info(tm).virtual_clock, 7);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, en, 8);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(rm);
	OFFLINE(tm, KTM_STATUS_SUCCESS);
	tm_close(tm, d.path);
}

/* A caller that could not be told its descriptor has made nothing that stays. */
TEST(not_made_for_who_cannot_be_told)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .flags = KTM_TM_PERSIST, .device_fd = disk_open(d.path));
	unsigned int users = module_users();
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	memcpy(page, &c, sizeof(c));
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	CALL_ERRNO(dev(), KTM_IOC_TM_CREATE, page, EFAULT);
	close(c.device_fd);
	wait_for_the_device();
	NOT_FOUND(OLD);
	CHECK_EQ(module_users(), users);
}

/* ---- KTM_IOC_TM_OPEN_LOG ---- */

TEST(found_by_its_log)
{
	struct disk other = disk_make(8 * MIB);
	int tm = tm_attach(d.path), looked = disk_open_read_only(d.path);
	int elsewhere = disk_open(other.path);
	struct ktm_tm_open_log o;
	guid_t old = OLD;

	/* It gives nobody the device, so reading it is enough. */
	o = OPEN_LOG(looked, KTM_TM_ALL_ACCESS, KTM_STATUS_SUCCESS);
	CHECK(same(&o.guid, &old));
	tm_recover(o.fd);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	close(o.fd);
	o = OPEN_LOG(looked, KTM_TM_QUERY_INFORMATION, KTM_STATUS_SUCCESS);
	OFFLINE(o.fd, KTM_STATUS_ACCESS_DENIED);
	close(o.fd);

	OPEN_LOG(elsewhere, KTM_TM_ALL_ACCESS, KTM_STATUS_TM_NOT_FOUND);
	OPEN_LOG(-1, KTM_TM_ALL_ACCESS, KTM_STATUS_INVALID_HANDLE);
	OPEN_LOG(tm, KTM_TM_ALL_ACCESS, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	OPEN_LOG(looked, 0, KTM_STATUS_INVALID_PARAMETER);
	OPEN_LOG(looked, KTM_TM_ALL_ACCESS + 1, KTM_STATUS_INVALID_PARAMETER);
	tm_close(tm, d.path);
	OPEN_LOG(looked, KTM_TM_ALL_ACCESS, KTM_STATUS_TM_NOT_FOUND);
}

static void somebody_else(void *data)
{
	int *looked = data;

	dev();
	become(NOBODY, NOBODY);
	OPEN_LOG(*looked, KTM_TM_QUERY_INFORMATION, KTM_STATUS_ACCESS_DENIED);
	OPEN_LOG(*looked, KTM_MAXIMUM_ALLOWED, KTM_STATUS_ACCESS_DENIED);
}

/* Who may read the disk need not be one for whom the TM is. */
TEST(owner_and_mode_count_for_the_log_too)
{
	int tm = tm_attach(d.path), looked = disk_open_read_only(d.path);

	test_join(test_spawn(somebody_else, &looked));
	tm_close(tm, d.path);
}

TEST(no_descriptor_left)
{
	struct rlimit limit = { 40, 40 };
	int tm = tm_attach(d.path), looked = disk_open_read_only(d.path);

	dev();
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (dup(tm) >= 0)
		;
	OPEN_LOG(looked, KTM_TM_ALL_ACCESS, KTM_STATUS_TOO_MANY_FILES);
}

/* ---- KTM_IOC_TM_RENAME ---- */

static guid_t log_guid(int tm)
{
	guid_t g;
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_TM_LOG, .length = sizeof(g),
				 .buffer = (uintptr_t)&g);

	CALL(tm, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	return g;
}

static bool fdinfo_says(int fd, guid_t g)
{
	char path[64], text[1024], want[64] = "ktm-guid:\t";
	unsigned int i, n = strlen(want);
	FILE *f;

	for (i = 0; i < 16; i++)
		n += sprintf(want + n, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     g.b[i]);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	CHECK(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return strstr(text, want);
}

/* Everything that tells a TM's identity tells this one. */
static void is_called(int tm, guid_t name, guid_t other)
{
	struct ktm_tm_open_log o;
	guid_t got = tm_guid(tm);
	int looked = disk_open_read_only(d.path), again;

	CHECK(same(&got, &name));
	CHECK(fdinfo_says(tm, name));
	CHECK(listed(dev(), KTM_KIND_TM, name));
	CHECK(!listed(dev(), KTM_KIND_TM, other));
	again = tm_open(&name);
	close(again);
	NOT_FOUND(other);
	o = OPEN_LOG(looked, KTM_TM_ALL_ACCESS, KTM_STATUS_SUCCESS);
	CHECK(same(&o.guid, &name));
	close(o.fd);
	close(looked);
}

static void attach_as(guid_t name, unsigned int want)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS, .guid = name,
				     .device_fd = disk_open(d.path));

	CALL(dev(), KTM_IOC_TM_CREATE, &c, want);
	close(c.device_fd);
	if (!want)
		close(c.fd);
	wait_for_the_device();
}

/* The identity changes, here and in the log, and nothing else does. */
TEST(renamed)
{
	guid_t rm_guid = guid_of(1), en, log;
	struct ktm_tm_rename r = ARG(ktm_tm_rename, .guid = NEW);
	int tm = tm_online(d.path), rm = rm_create_as(tm, 0, &rm_guid), tx;

	rm_recover_empty(rm);
	tx = tx_create(tm);
	en = enlist_key(rm, tx, 7);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	log = log_guid(tm);
	RENAME(tm, NEW, KTM_STATUS_REQUEST_NOT_VALID);
	close(rm);
	close(tx);
	tm_close(tm, d.path);

	tm = tm_attach(d.path);
	is_called(tm, OLD, NEW);
	CALL(tm, KTM_IOC_TM_RENAME, &r, KTM_STATUS_SUCCESS);
	is_called(tm, NEW, OLD);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_OFFLINE);
	tm_close(tm, d.path);
	attach_as(OLD, KTM_STATUS_TM_IDENTITY_MISMATCH);
	attach_as(NEW, KTM_STATUS_SUCCESS);

	tm = tm_online(d.path);
	is_called(tm, NEW, OLD);
	CHECK(same(&log, &(guid_t[]){ log_guid(tm) }[0]));
	rm = rm_open(tm, &rm_guid);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, en, 8);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(rm);
	tm_close(tm, d.path);
}

/* It is in the log when the call returns: a power cut then, and before it. */
TEST(renamed_durably)
{
	int tm = tm_attach(d.path);
	unsigned char *before, *after;

	before = disk_read(&d);
	RENAME(tm, NEW, KTM_STATUS_SUCCESS);
	after = disk_read(&d);
	tm = disk_after_cut(&d, tm, before);
	is_called(tm, OLD, NEW);
	tm = disk_after_cut(&d, tm, after);
	is_called(tm, NEW, OLD);
	tm_close(tm, d.path);
}

TEST(name_drawn)
{
	struct ktm_tm_rename r = ARG(ktm_tm_rename);
	int tm = tm_attach(d.path);

	CALL(tm, KTM_IOC_TM_RENAME, &r, KTM_STATUS_SUCCESS);
	CHECK(!same(&r.guid, &nil));
	is_called(tm, r.guid, OLD);
	/* And back. */
	RENAME(tm, OLD, KTM_STATUS_SUCCESS);
	is_called(tm, OLD, r.guid);
	tm_recover(tm);
	tm_close(tm, d.path);
}

TEST(names_that_cannot_be)
{
	struct disk other = disk_make(8 * MIB);
	unsigned char *before;
	int tm, second, none = tm_volatile();

	journal_format(other.path, NEW);
	second = tm_attach(other.path);
	tm = tm_attach(d.path);
	before = disk_read(&d);
	RENAME(tm, NEW, KTM_STATUS_OBJECT_NAME_COLLISION);
	RENAME(tm, OLD, KTM_STATUS_OBJECT_NAME_COLLISION);
	RENAME(none, guid_of(5), KTM_STATUS_TM_VOLATILE);
	CHECK(disk_is(&d, before));
	is_called(tm, OLD, guid_of(5));
	/* The name is free with the TM that had it. */
	tm_close(second, other.path);
	RENAME(tm, NEW, KTM_STATUS_SUCCESS);
	is_called(tm, NEW, OLD);
	tm_recover(tm);
	RENAME(tm, OLD, KTM_STATUS_REQUEST_NOT_VALID);
	is_called(tm, NEW, OLD);
	tm_close(tm, d.path);
	free(before);
}

/* Nothing reaches the disk: it is called what it was, and may try again. */
TEST(device_fails)
{
	struct flaky f = flaky_make(&d);
	int tm = tm_attach(f.path);

	flaky_set(&f, FAIL_FLUSHES);
	RENAME(tm, NEW, KTM_STATUS_IO_ERROR);
	flaky_set(&f, FAIL_WRITES);
	RENAME(tm, NEW, KTM_STATUS_IO_ERROR);
	CHECK(!listed(dev(), KTM_KIND_TM, NEW));
	CHECK(listed(dev(), KTM_KIND_TM, OLD));
	flaky_set(&f, NO_TROUBLE);
	RENAME(tm, NEW, KTM_STATUS_SUCCESS);
	CHECK(!listed(dev(), KTM_KIND_TM, OLD));
	tm_recover(tm);
	tm_close(tm, f.path);
	flaky_remove(&f);
	attach_as(NEW, KTM_STATUS_SUCCESS);
}

/* It failed on the way, and the log says the new name while the TM has the old one. */
TEST(log_of_another_name)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_tm_rollforward f = ARG(ktm_tm_rollforward, .device_fd = -1, .virtual_clock = 1);
	unsigned char *before = disk_read(&d), *after;
	int tm = tm_attach(d.path);

	RENAME(tm, NEW, KTM_STATUS_SUCCESS);
	tm_close(tm, d.path);
	after = disk_read(&d);
	disk_write(&d, 0, before, d.bytes);
	tm = tm_attach(d.path);
	disk_write(&d, 0, after, d.bytes);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_TM_IDENTITY_MISMATCH);
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &f, KTM_STATUS_TM_IDENTITY_MISMATCH);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_OFFLINE);
	CHECK(disk_is(&d, after));
	/* Called again, with whatever name, it brings both together. */
	RENAME(tm, guid_of(802), KTM_STATUS_SUCCESS);
	is_called(tm, guid_of(802), NEW);
	tm_recover(tm);
	tm_close(tm, d.path);
	attach_as(guid_of(802), KTM_STATUS_SUCCESS);
	free(before);
	free(after);
}

/* Neither its superblocks may be damaged, nor the device be another's meanwhile. */
TEST(log_that_is_none)
{
	struct disk other = disk_make(8 * MIB);
	unsigned char *whole = disk_read(&d), *foreign, *zeros = calloc(1, d.bytes);
	int tm = tm_attach(d.path);

	CHECK(zeros);
	journal_format(other.path, OLD);
	foreign = disk_read(&other);
	disk_write(&d, 0, foreign, d.bytes);
	RENAME(tm, NEW, KTM_STATUS_LOG_NOT_A_JOURNAL);
	CHECK(disk_is(&d, foreign));
	disk_write(&d, 0, zeros, d.bytes);
	RENAME(tm, NEW, KTM_STATUS_LOG_NOT_A_JOURNAL);
	CHECK(disk_is(&d, zeros));
	/* Both copies have a bad checksum. */
	disk_write(&d, 0, whole, d.bytes);
	disk_write(&d, 64, foreign, 16);
	disk_write(&d, d.bytes - 4096 + 64, foreign, 16);
	RENAME(tm, NEW, KTM_STATUS_LOG_CORRUPTION_DETECTED);
	disk_write(&d, 0, whole, d.bytes);
	RENAME(tm, NEW, KTM_STATUS_SUCCESS);
	tm_close(tm, d.path);
	free(whole);
	free(foreign);
	free(zeros);
}

#define ROUNDS	40

/* What it is called is one name or the other, and by each it is itself or not there. */
static void looks_it_up(void *data)
{
	const guid_t names[] = { OLD, NEW };
	unsigned int i, seen = 0;
	int tm = *(int *)data;

	for (i = 0; !shared_word[0] || seen < 2; i++) {
		struct ktm_open o = ARG(ktm_open, .access = KTM_TM_ALL_ACCESS,
					.guid = names[i % 2]);
		guid_t g = tm_guid(tm);
		unsigned int status;

		if (!same(&g, &names[0]) && !same(&g, &names[1]))
			FAIL("it has a name that it was never given");
		status = test_try(dev(), KTM_IOC_TM_OPEN, &o);
		if (status && status != KTM_STATUS_TM_NOT_FOUND)
			FAIL("opened by its name: %s", status_name(status));
		if (!status) {
			seen++;
			close(o.fd);
		}
		CHECK(count_objects(dev(), KTM_KIND_TM) <= 1);
		if (!i)
			go(0);
	}
}

TEST(renamed_under_their_eyes)
{
	int tm = tm_attach(d.path);
	unsigned int i;
	pid_t pid;

	dev();
	pid = test_spawn(looks_it_up, &tm);
	meet(0);
	for (i = 0; i < ROUNDS; i++)
		RENAME(tm, i % 2 ? OLD : NEW, KTM_STATUS_SUCCESS);
	shared_word[0] = 1;
	test_join(pid);
	is_called(tm, OLD, NEW);
	tm_close(tm, d.path);
}
