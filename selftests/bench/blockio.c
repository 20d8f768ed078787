// SPDX-License-Identifier: GPL-2.0
/*
 * Counting what goes to a disk. See Documentation/trace/histogram.rst of the kernel for the
 * trigger, and Documentation/block/stat.rst for the columns of the disk's statistics.
 *
 * The trigger is set once in a machine and cleared after that: to switch a tracepoint the
 * kernel patches its code, and a processor that is in it meanwhile may never get out of it
 * under QEMU's emulation.
 */
#include "blockio.h"

#include "bench.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define EVENT	"/sys/kernel/tracing/events/block/block_rq_issue/"
#define TRIGGER	"hist:keys=rwbs%s if dev == %u\n"

static char disk_dir[PATH_MAX];
static unsigned int disk_major, disk_minor;
static struct blockio before;

/*
 * Opened for appending: else all triggers of the event would go. The kernel has a device
 * number with 20 bits of minor.
 */
static int set_trigger(const char *attributes)
{
	int fd = open(EVENT "trigger", O_WRONLY | O_APPEND | O_CLOEXEC), err = 0;

	if (fd < 0)
		die(EVENT "trigger: %s", strerror(errno));
	if (dprintf(fd, TRIGGER, attributes, disk_major << 20 | disk_minor) < 0)
		err = errno;
	close(fd);
	return err;
}

/* /sys/dev/block/M:N is the disk, or a partition inside the disk's directory. */
static void find_disk(const char *device)
{
	char path[64], probe[PATH_MAX + 16];
	struct stat st;
	FILE *f;

	if (stat(device, &st))
		die("%s: %s", device, strerror(errno));
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!realpath(path, disk_dir))
		die("%s: %s", path, strerror(errno));
	snprintf(probe, sizeof(probe), "%s/partition", disk_dir);
	if (!access(probe, F_OK))
		*strrchr(disk_dir, '/') = '\0';
	snprintf(probe, sizeof(probe), "%s/dev", disk_dir);
	f = fopen(probe, "r");
	if (!f || fscanf(f, "%u:%u", &disk_major, &disk_minor) != 2)
		die("%s: cannot be read", probe);
	fclose(f);
}

static void read_stat(struct blockio *io)
{
	unsigned long long column[17] = { 0 };
	char path[PATH_MAX + 16];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/stat", disk_dir);
	f = fopen(path, "r");
	if (!f)
		die("%s: %s", path, strerror(errno));
	for (i = 0; i < 17 && fscanf(f, "%llu", &column[i]) == 1; i++)
		;
	fclose(f);
	if (i < 17)
		die("%s has only %u columns", path, i);
	io->stat_writes = column[4];
	io->stat_flushes = column[15];
}

void blockio_begin(const char *device)
{
	int err;

	find_disk(device);
	err = set_trigger("");
	if (err && err != EEXIST)
		die(EVENT "trigger: %s", strerror(err));
	err = set_trigger(":clear");
	if (err)
		die(EVENT "trigger: cannot be cleared: %s", strerror(err));
	read_stat(&before);
}

/*
 * rwbs, in this order: F to flush before; R, W, D (discard), F (flush) for what is done; F:
 * with FUA; then how.
 */
static void count(struct blockio *io, const char *rwbs, uint64_t hits)
{
	if (rwbs[0] == 'F' && rwbs[1] == 'F') {
		io->flushes += hits;
		return;
	}
	if (*rwbs == 'F') {
		io->flushes += hits;
		rwbs++;
	}
	if (*rwbs != 'W')
		return;
	io->writes += hits;
	if (rwbs[1] == 'F')
		io->fua += hits;
}

void blockio_end(struct blockio *io)
{
	char line[256], rwbs[16];
	unsigned long long hits;
	FILE *f;

	*io = (struct blockio){ 0 };
	read_stat(io);
	io->stat_writes -= before.stat_writes;
	io->stat_flushes -= before.stat_flushes;
	f = fopen(EVENT "hist", "r");
	if (!f)
		die(EVENT "hist: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "{ rwbs: %15s } hitcount: %llu", rwbs, &hits) == 2)
			count(io, rwbs, hits);
	}
	fclose(f);
}
