// SPDX-License-Identifier: GPL-2.0
/*
 * Where marks go, so that they and the journal's writes are one history.
 *
 * QEMU records a disk from outside: a mark is then a write to a second partition
 * of that disk, which is over when this returns. dm-log-writes takes them as messages.
 */
#include "workload.h"

#include "dm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SECTOR	512

static const char *device;
static int partition = -1;

void sink_disk(const char *path)
{
	partition = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
	if (partition < 0)
		die("%s: %s", path, strerror(errno));
}

void sink_device(const char *name)
{
	device = name;
}

static void put(const struct mark *mark)
{
	char text[SECTOR] __attribute__((aligned(SECTOR))) = "";
	unsigned int place = atomic_fetch_add(&shared->nr_marks, 1);

	mark_format(mark, text);
	if (device)
		dm_mark(device, text);
	else if (pwrite(partition, text, SECTOR, (off_t)place * SECTOR) != SECTOR)
		die("a mark could not be written: %s", strerror(errno));
}

/**
 * mark_put_record() - something is known of a stream from here on
 * @fact: what
 * @rm: whose stream
 * @record: of which record; its key and length count
 * @said: what the mark says of it
 */
void mark_put_record(enum fact fact, unsigned int rm, const struct record *record,
		     const struct mark_record *said)
{
	const struct mark mark = {
		.fact = fact, .rm = rm, .key = record->key, .length = record->length,
		.record = *said,
	};

	put(&mark);
}

/**
 * mark_put() - something is known outside the module from here on
 * @fact: what
 * @uow: of which transaction, or NULL
 * @part: of which enlistment, or NULL
 */
void mark_put(enum fact fact, const struct ktm_guid *uow, const struct part *part)
{
	struct mark mark = { .fact = fact };

	if (part) {
		mark.uow = part->uow;
		mark.en = part->en;
		mark.rm = part->rm;
		mark.key = (uint32_t)(part - shared->parts);
		mark.length = part->length;
		mark.seed = part->seed;
	} else if (uow) {
		mark.uow = *uow;
	}
	put(&mark);
}
