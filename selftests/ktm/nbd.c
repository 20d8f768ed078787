// SPDX-License-Identifier: GPL-2.0
/*
 * A disk that fails when told to, see nbd.h. One at a time.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "nbd.h"

#define PATH	"/dev/nbd0"
#define BLOCK	512
#define MAX_HELD	64
/* So often a disk that keeps requests looks whether it still has to, in milliseconds. */
#define HELD_MS		10

/* Between the test and the process that is the disk. */
struct control {
	volatile unsigned int kind;
	volatile unsigned int left;	/* until the one that fails; 0: none */
	volatile bool done;
	volatile bool failed;
	volatile uint64_t failed_at;
	volatile uint64_t below[NBD_KINDS];	/* those wait; 0: none of this kind */
	volatile unsigned int held;
	volatile uint64_t lowest;
};

/* A request; what it writes. */
struct asked {
	struct nbd_request r;
	unsigned char *data;
	unsigned int kind;
	unsigned int bytes;
	uint64_t from;
};

static struct control *control;
static unsigned char *image;
static uint64_t image_bytes;
static int device = -1;
static pid_t disk, driver;

static bool transfer(int fd, void *data, size_t bytes, bool out)
{
	while (bytes) {
		ssize_t n = out ? send(fd, data, bytes, MSG_NOSIGNAL) : read(fd, data, bytes);

		if (n <= 0)
			return false;
		data = (char *)data + n;
		bytes -= n;
	}
	return true;
}

/* Is this the one? */
static bool fails(unsigned int kind, uint64_t from)
{
	if (control->kind != kind || !control->left || --control->left)
		return false;
	control->failed_at = from;
	control->failed = true;
	return true;
}

/* The next one; false: there is nobody any more, or he asks for the end. */
static bool receive(int fd, struct asked *a)
{
	*a = (struct asked){ 0 };
	if (!transfer(fd, &a->r, sizeof(a->r), false) || a->r.magic != htobe32(NBD_REQUEST_MAGIC))
		return false;
	a->bytes = be32toh(a->r.len);
	a->from = be64toh(a->r.from);
	switch (be32toh(a->r.type) & 0xffff) {
	case NBD_CMD_READ:
		a->kind = NBD_READS;
		break;
	case NBD_CMD_WRITE:
		a->kind = NBD_WRITES;
		break;
	case NBD_CMD_FLUSH:
		a->kind = NBD_FLUSHES;
		break;
	default:
		return false;
	}
	if (a->bytes > image_bytes || a->from > image_bytes - a->bytes)
		return false;
	if (a->kind != NBD_WRITES)
		return true;
	a->data = malloc(a->bytes);
	return a->data && transfer(fd, a->data, a->bytes, false);
}

static bool serve_one(int fd, struct asked *a)
{
	struct nbd_reply reply = { .magic = htobe32(NBD_REPLY_MAGIC) };
	const bool fail = fails(a->kind, a->from);

	if (a->kind == NBD_WRITES && (!fail || control->done))
		memcpy(image + a->from, a->data, a->bytes);
	free(a->data);
	memcpy(reply.handle, a->r.handle, sizeof(reply.handle));
	reply.error = htobe32(fail ? EIO : 0);
	return transfer(fd, &reply, sizeof(reply), true) &&
	       (a->kind != NBD_READS || fail || transfer(fd, image + a->from, a->bytes, true));
}

static bool waits(const struct asked *a)
{
	return a->from < control->below[a->kind];
}

/* Does those that need not wait any more. */
static bool serve_released(int fd, struct asked *held, unsigned int *nr)
{
	unsigned int i, kept = 0;

	for (i = 0; i < *nr; i++) {
		if (waits(&held[i]))
			held[kept++] = held[i];
		else if (!serve_one(fd, &held[i]))
			return false;
	}
	*nr = kept;
	return true;
}

/* Something came in time. */
static bool comes(int fd, bool patient)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, patient ? -1 : HELD_MS) > 0;
}

static void serve(void *data)
{
	const int fd = *(int *)data;
	struct asked held[MAX_HELD], a;
	unsigned int nr = 0;

	for (;;) {
		if (!serve_released(fd, held, &nr))
			return;
		if (!comes(fd, !nr))
			continue;
		if (!receive(fd, &a))
			return;
		if (waits(&a) && nr < MAX_HELD) {
			held[nr++] = a;
			if (a.from < control->lowest)
				control->lowest = a.from;
			control->held++;
		} else if (!serve_one(fd, &a)) {
			return;
		}
	}
}

/* It stays in the kernel for as long as the disk is there. */
static void drive(void *data)
{
	(void)data;
	ioctl(device, NBD_DO_IT);
}

static void *shared_memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void wait_until_it_answers(void)
{
	const struct deadline d = deadline_in(PATIENCE);
	unsigned char block[BLOCK];

	for (;;) {
		int fd = open(PATH, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, block, sizeof(block)) == sizeof(block)) {
			close(fd);
			return;
		}
		if (fd >= 0)
			close(fd);
		if (deadline_passed(&d))
			FAIL("%s does not answer", PATH);
		nap();
	}
}

const char *nbd_make(uint64_t bytes, enum nbd_sort sort)
{
	unsigned long flags = NBD_FLAG_HAS_FLAGS;
	int ends[2];

	if (run("modprobe nbd nbds_max=1 max_part=0 2>/dev/null"))
		test_skip("no network block device in this kernel");
	if (sort != NBD_THROUGH)
		flags |= NBD_FLAG_SEND_FLUSH;
	if (sort == NBD_FUA)
		flags |= NBD_FLAG_SEND_FUA;
	control = shared_memory(sizeof(*control));
	image = shared_memory(bytes);
	image_bytes = bytes;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	device = open(PATH, O_RDWR | O_CLOEXEC);
	CHECK(device >= 0);
	/* What a test that failed has left. */
	ioctl(device, NBD_CLEAR_SOCK);
	CHECK_EQ(ioctl(device, NBD_SET_BLKSIZE, (unsigned long)BLOCK), 0);
	CHECK_EQ(ioctl(device, NBD_SET_SIZE_BLOCKS, (unsigned long)(bytes / BLOCK)), 0);
	CHECK_EQ(ioctl(device, NBD_SET_FLAGS, flags), 0);
	CHECK_EQ(ioctl(device, NBD_SET_SOCK, ends[0]), 0);
	disk = test_spawn(serve, &ends[1]);
	close(ends[1]);
	driver = test_spawn(drive, NULL);
	close(ends[0]);
	wait_until_it_answers();
	return PATH;
}

void nbd_remove(void)
{
	CHECK_EQ(ioctl(device, NBD_DISCONNECT), 0);
	test_join(driver);
	test_join(disk);
	close(device);
	device = -1;
}

void nbd_fail(enum nbd_kind kind, unsigned int number, bool done)
{
	control->left = 0;
	control->failed = false;
	control->kind = kind;
	control->done = done;
	__atomic_store_n(&control->left, number, __ATOMIC_SEQ_CST);
}

bool nbd_has_failed(void)
{
	return control->failed;
}

uint64_t nbd_failed_at(void)
{
	return control->failed_at;
}

void nbd_hold(enum nbd_kind kind, uint64_t below)
{
	unsigned int i;

	control->held = 0;
	control->lowest = UINT64_MAX;
	if (kind != NBD_KINDS)
		__atomic_store_n(&control->below[kind], below, __ATOMIC_SEQ_CST);
	else
		for (i = 0; i < NBD_KINDS; i++)
			control->below[i] = 0;
}

unsigned int nbd_held(void)
{
	return control->held;
}

uint64_t nbd_held_at(void)
{
	return control->lowest;
}
