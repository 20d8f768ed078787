// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "samplecalls.h"
#include "streams.h"

struct disk sample_disk;
int tm = -1, store = -1;

void sample_load(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/root/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
}

static int try_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

/* A callback that has answered may not have returned yet, and a commit not be over. */
void sample_unload(const char *name)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (try_unload(name)) {
		CHECK_EQ(errno, EAGAIN);
		CHECK(!deadline_passed(&end));
		nap();
	}
}

int sample_try_attach(int fd)
{
	struct ktm_sample_attach a = { .tm_fd = fd };

	return ioctl(store, KTM_SAMPLE_ATTACH, &a) ? errno : 0;
}

int sample_try_detach(void)
{
	return ioctl(store, KTM_SAMPLE_DETACH) ? errno : 0;
}

static void store_open(void)
{
	store = open("/dev/" STORE, O_RDWR | O_CLOEXEC);
	CHECK(store >= 0);
}

void store_begin(void)
{
	sample_load(STORE);
	store_open();
	CHECK_EQ(sample_try_attach(tm), 0);
}

/* It is unloaded as it is: the module has to clean up by itself. */
void store_end(void)
{
	close(store);
	sample_unload(STORE);
}

void sample_setup(void)
{
	try_unload(CLIENT);
	try_unload(STORE);
	sample_disk = disk_make(8 * MIB);
	journal_format(sample_disk.path, guid_of(950));
	tm = tm_online(sample_disk.path);
	store_begin();
}

void sample_tear_down(void)
{
	store_end();
	tm_close(tm, sample_disk.path);
}

void sample_restart(void)
{
	store_end();
	tm_close(tm, sample_disk.path);
	tm = tm_online(sample_disk.path);
	store_begin();
}

void sample_power_cut(unsigned char *content)
{
	store_end();
	tm = disk_after_cut(&sample_disk, tm, content);
	store_begin();
}

struct ktm_sample_item sample_item_of(int tx, const char *key, const char *value)
{
	struct ktm_sample_item i = { .tx_fd = tx, .key_length = strlen(key),
				     .value_length = strlen(value) };

	CHECK(i.key_length <= sizeof(i.key) && i.value_length <= sizeof(i.value));
	memcpy(i.key, key, i.key_length);
	memcpy(i.value, value, i.value_length);
	return i;
}

/* @i comes back as the store leaves it. */
static int call_item(unsigned long request, struct ktm_sample_item *i, int tx, const char *key,
		     const char *value)
{
	*i = sample_item_of(tx, key, value);
	return ioctl(store, request, i) ? errno : 0;
}

int sample_try_write(int tx, const char *key, const char *value)
{
	struct ktm_sample_item i;

	return call_item(KTM_SAMPLE_WRITE, &i, tx, key, value);
}

int sample_try_delete(int tx, const char *key)
{
	struct ktm_sample_item i;

	return call_item(KTM_SAMPLE_DELETE, &i, tx, key, "");
}

int sample_try_read(int tx, const char *key, char *value)
{
	struct ktm_sample_item i;
	int err = call_item(KTM_SAMPLE_READ, &i, tx, key, "");

	if (err)
		return err;
	memcpy(value, i.value, i.value_length);
	value[i.value_length] = 0;
	return 0;
}

int sample_try_next(int tx, char *key)
{
	struct ktm_sample_item i;
	int err = call_item(KTM_SAMPLE_NEXT, &i, tx, key, "");

	if (err)
		return err;
	memcpy(key, i.key, i.key_length);
	key[i.key_length] = 0;
	return 0;
}

void sample_put(int tx, const char *key, const char *value)
{
	CHECK_EQ(sample_try_write(tx, key, value), 0);
}

void sample_check_is(const char *file, int line, int tx, const char *key, const char *want)
{
	const struct deadline end = deadline_in(PATIENCE);
	char value[KTM_SAMPLE_MAX_VALUE + 1];
	int err;

	/* After a restart COMMIT may not have come yet. */
	while ((err = sample_try_read(tx, key, value)) == EBUSY && !deadline_passed(&end))
		nap();
	if (want ? err || strcmp(value, want) : err != ENOENT)
		test_fail(file, line, "%s is %s (errno %d), not %s", key, err ? "-" : value, err,
			  want ? want : "absent");
}

void sample_check_key_list(const char *file, int line, int tx, const char *want)
{
	char key[KTM_SAMPLE_MAX_KEY + 1] = "", all[256] = "";
	int err;

	while (!(err = sample_try_next(tx, key))) {
		CHECK(strlen(all) + strlen(key) + 2 <= sizeof(all));
		strcat(strcat(all, key), " ");
	}
	if (err != ENOENT || strcmp(all, want))
		test_fail(file, line, "the keys are '%s' (errno %d), not '%s'", all, err, want);
}

void sample_commit(int tx)
{
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	close(tx);
}

/* Somebody who commits, and has not the store open, so that it can go. */
struct committer {
	int tx;
	unsigned int want;
};

static void commit_without_store(void *data)
{
	struct committer *c = data;

	close(store);
	COMMIT(c->tx, KTM_CALL_WAIT, c->want);
}

pid_t sample_commit_elsewhere(int tx, unsigned int want)
{
	struct committer c = { tx, want };

	return test_spawn(commit_without_store, &c);
}

void sample_other_commits(int rm, guid_t en)
{
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
}

void sample_set(const char *key, const char *value)
{
	int tx = tx_create(tm);

	sample_put(tx, key, value);
	sample_commit(tx);
}

void sample_until_free(const char *key)
{
	const struct deadline end = deadline_in(PATIENCE);
	int tx = tx_create(tm), err;

	while ((err = sample_try_write(tx, key, "probe")) == EBUSY) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	CHECK_EQ(err, 0);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	close(tx);
}

int sample_stream(void)
{
	return stream_open(tm, STORE);
}

void sample_name_key(char key[16], unsigned int n)
{
	snprintf(key, 16, "key-%u", n);
}
