// SPDX-License-Identifier: GPL-2.0
/*
 * Disks for durable tests, see disk.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "disk.h"

#define SECTOR	512
/* Sectors at the end of a flaky device that serve to make its flushes fail, or its end. */
#define TAIL	8

static int open_or_fail(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		FAIL("%s: %s", path, strerror(errno));
	return fd;
}

const char *disk_given(void)
{
	const char *path = getenv("KTM_JOURNAL");

	if (!path)
		test_skip("KTM_JOURNAL names no disk");
	return path;
}

/* Loop devices are found by the kernel and go when their last user does. */
struct disk disk_make(uint64_t bytes)
{
	struct disk d = { .bytes = bytes };
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int control, nr, loop;

	if (access("/dev/loop-control", F_OK))
		run("modprobe loop 2>/dev/null");
	d.image = memfd_create("ktm-test-disk", MFD_CLOEXEC);
	CHECK(d.image >= 0);
	CHECK_EQ(ftruncate(d.image, bytes), 0);
	control = open_or_fail("/dev/loop-control", O_RDWR);
	nr = ioctl(control, LOOP_CTL_GET_FREE);
	CHECK(nr >= 0);
	close(control);
	snprintf(d.path, sizeof(d.path), "/dev/loop%d", nr);
	loop = open_or_fail(d.path, O_RDWR);
	config.fd = d.image;
	CHECK_EQ(ioctl(loop, LOOP_CONFIGURE, &config), 0);
	/*
	 * This descriptor stays: it keeps the device until the test's processes
	 * have all gone, and autoclear takes it away then.
	 */
	return d;
}

void disk_resize(struct disk *d, uint64_t bytes)
{
	int loop;

	CHECK_EQ(ftruncate(d->image, bytes), 0);
	loop = open_or_fail(d->path, O_RDWR);
	CHECK_EQ(ioctl(loop, LOOP_SET_CAPACITY, 0), 0);
	close(loop);
	d->bytes = bytes;
}

unsigned char *disk_read(const struct disk *d)
{
	unsigned char *content = malloc(d->bytes);

	CHECK(content);
	CHECK_EQ(pread(d->image, content, d->bytes, 0), d->bytes);
	return content;
}

/*
 * Through the device, and then out of its cache: what is read next, by whoever,
 * is what was written here.
 */
void disk_write(const struct disk *d, uint64_t offset, const void *data, size_t bytes)
{
	int fd = open_or_fail(d->path, O_RDWR);

	CHECK_EQ(pwrite(fd, data, bytes, offset), bytes);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(ioctl(fd, BLKFLSBUF, 0), 0);
	close(fd);
}

bool disk_is(const struct disk *d, const unsigned char *content)
{
	unsigned char *now = disk_read(d);
	bool is = !memcmp(now, content, d->bytes);

	free(now);
	return is;
}

int disk_open(const char *path)
{
	return open_or_fail(path, O_RDWR);
}

int disk_open_read_only(const char *path)
{
	return open_or_fail(path, O_RDONLY);
}

int disk_open_alone(const char *path)
{
	return open(path, O_RDWR | O_EXCL | O_CLOEXEC);
}

unsigned int tm_try_attach(const char *path, int *tm)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .device_fd = disk_open(path));
	unsigned int status = test_try(dev(), KTM_IOC_TM_CREATE, &c);

	test_shows(KTM_IOC_TM_CREATE, status);
	close(c.device_fd);
	if (status == KTM_STATUS_SUCCESS)
		*tm = c.fd;
	return status;
}

int tm_attach(const char *path)
{
	unsigned int status;
	int tm = -1;

	status = tm_try_attach(path, &tm);
	if (status != KTM_STATUS_SUCCESS)
		FAIL("TM on %s: %s", path, status_name(status));
	return tm;
}

void tm_recover(int tm)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);

	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
}

int tm_online(const char *path)
{
	int tm = tm_attach(path);

	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_OFFLINE);
	tm_recover(tm);
	return tm;
}

void tm_close(int tm, const char *path)
{
	const struct deadline d = deadline_in(PATIENCE);
	int fd;

	close(tm);
	/* Whoever can open it for himself alone knows that the TM has let go. */
	while ((fd = disk_open_alone(path)) < 0) {
		CHECK_EQ(errno, EBUSY);
		if (deadline_passed(&d))
			FAIL("the TM does not let go of %s", path);
		nap();
	}
	close(fd);
}

uint64_t disk_find(const struct disk *d, const void *data, size_t bytes)
{
	unsigned char *content = disk_read(d), *at;
	uint64_t offset;

	at = memmem(content, d->bytes, data, bytes);
	CHECK(at);
	offset = at - content;
	free(content);
	return offset;
}

int disk_after_cut(const struct disk *d, int tm, unsigned char *content)
{
	tm_close(tm, d->path);
	disk_write(d, 0, content, d->bytes);
	free(content);
	return tm_online(d->path);
}

/* Targets as DM_TABLE_LOAD wants them, each followed by its text. */
struct table {
	unsigned int targets;
	unsigned int used;
	uint64_t text[128];
};

/* 0 or an errno; the device's number goes to *@dev. */
static int dm_try(unsigned long request, const struct flaky *f, const struct table *t,
		  unsigned int flags, uint64_t *dev)
{
	uint64_t buffer[256] = { 0 };
	struct dm_ioctl *io = (void *)buffer;
	int control, err;

	control = open_or_fail("/dev/mapper/control", O_RDWR);
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = sizeof(buffer);
	io->data_start = (sizeof(*io) + 7) & ~7u;
	io->flags = flags;
	snprintf(io->name, sizeof(io->name), "%s", f->name);
	if (t) {
		io->target_count = t->targets;
		memcpy((char *)buffer + io->data_start, t->text, t->used);
	}
	err = ioctl(control, request, io) ? errno : 0;
	close(control);
	if (dev)
		*dev = io->dev;
	return err;
}

static uint64_t dm_call(unsigned long request, const struct flaky *f, const struct table *t,
			unsigned int flags)
{
	uint64_t dev;
	int err = dm_try(request, f, t, flags, &dev);

	if (err)
		FAIL("device mapper, request 0x%lx of %s: %s", request, f->name, strerror(err));
	return dev;
}

__attribute__((format(printf, 5, 6)))
static void add_target(struct table *t, uint64_t start, uint64_t sectors, const char *type,
		       const char *fmt, ...)
{
	struct dm_target_spec *spec = (void *)((char *)t->text + t->used);
	char *params = (char *)(spec + 1);
	va_list ap;

	spec->sector_start = start;
	spec->length = sectors;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", type);
	va_start(ap, fmt);
	vsnprintf(params, sizeof(t->text) - t->used - sizeof(*spec), fmt, ap);
	va_end(ap);
	spec->next = (sizeof(*spec) + strlen(params) + 8) & ~7u;
	t->used += spec->next;
	t->targets++;
}

static void load(struct flaky *f, enum trouble trouble)
{
	const uint64_t sectors = f->disk->bytes / SECTOR - TAIL;
	const char *disk = f->disk->path;
	struct table t = { 0 };

	const uint64_t bad = f->bad / SECTOR;
	const uint64_t end = (f->bad + f->bad_bytes + SECTOR - 1) / SECTOR;

	if (trouble == BAD_SPOT) {
		add_target(&t, 0, bad, "linear", "%s 0", disk);
		add_target(&t, bad, end - bad, "error", "%s", "");
		add_target(&t, end, sectors - end, "linear", "%s %llu", disk,
			   (unsigned long long)end);
	} else if (trouble == SLOW_SPOT) {
		add_target(&t, 0, bad, "flakey", "%s 0 0 3600 1 error_writes", disk);
		add_target(&t, bad, end - bad, "delay", "%s %llu 3600000", disk,
			   (unsigned long long)bad);
		add_target(&t, end, sectors - end, "flakey", "%s %llu 0 3600 1 error_writes", disk,
			   (unsigned long long)end);
	} else if (trouble == FAIL_ALL)
		add_target(&t, 0, sectors, "error", "%s", "");
	else if (trouble == FAIL_WRITES)
		add_target(&t, 0, sectors, "flakey", "%s 0 0 3600 1 error_writes", disk);
	else
		add_target(&t, 0, sectors, "linear", "%s 0", disk);
	/* A flush goes to every target: this one alone makes it fail. */
	if (trouble == FAIL_FLUSHES)
		add_target(&t, sectors, TAIL, "flakey", "%s %llu 0 3600 1 error_writes", disk,
			   (unsigned long long)sectors);
	else if (trouble == FAIL_END)
		add_target(&t, sectors, TAIL, "error", "%s", "");
	else
		add_target(&t, sectors, TAIL, "linear", "%s %llu", disk,
			   (unsigned long long)sectors);
	dm_call(DM_TABLE_LOAD, f, &t, 0);
}

struct flaky flaky_make(const struct disk *d)
{
	static unsigned int n;
	struct flaky f = { .disk = d };
	const struct deadline end = deadline_in(PATIENCE);
	uint64_t dev;

	if (run("modprobe dm-mod 2>/dev/null; modprobe dm-flakey 2>/dev/null; "
		"modprobe dm-delay 2>/dev/null"))
		test_skip("no device mapper in this kernel");
	snprintf(f.name, sizeof(f.name), "ktm-test-%d-%u", getpid(), n++);
	dev = dm_call(DM_DEV_CREATE, &f, NULL, 0);
	load(&f, NO_TROUBLE);
	dm_call(DM_DEV_SUSPEND, &f, NULL, 0);
	snprintf(f.path, sizeof(f.path), "/dev/dm-%u", minor(dev));
	while (access(f.path, F_OK)) {
		if (deadline_passed(&end))
			FAIL("%s does not appear", f.path);
		nap();
	}
	return f;
}

void flaky_hold(struct flaky *f)
{
	dm_call(DM_DEV_SUSPEND, f, NULL,
		DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG);
}

void flaky_release(struct flaky *f, enum trouble trouble)
{
	load(f, trouble);
	dm_call(DM_DEV_SUSPEND, f, NULL, 0);
}

void flaky_set(struct flaky *f, enum trouble trouble)
{
	flaky_hold(f);
	flaky_release(f, trouble);
}

unsigned char *flaky_read(struct flaky *f)
{
	unsigned char *content;

	flaky_hold(f);
	content = disk_read(f->disk);
	flaky_release(f, NO_TROUBLE);
	return content;
}

/* The kernel lets go of a closed block device a moment after its claim. */
void flaky_remove(struct flaky *f)
{
	const struct deadline d = deadline_in(PATIENCE);
	int err;

	while ((err = dm_try(DM_DEV_REMOVE, f, NULL, 0, NULL))) {
		if (err != EBUSY || deadline_passed(&d))
			FAIL("removing %s: %s", f->name, strerror(err));
		nap();
	}
}
