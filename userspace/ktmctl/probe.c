// SPDX-License-Identifier: GPL-2.0
/* What is on a device, so that nobody's data is overwritten by mistake. */
#define _GNU_SOURCE
#include "ktmctl.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where raw data would show: at the front and at the end. */
#define EDGE_BYTES	65536u

static blkid_probe new_probe(const struct device *device)
{
	blkid_probe probe = blkid_new_probe();

	if (!probe || blkid_probe_set_device(probe, device->fd, 0, 0)) {
		complain("%s: cannot look what is on it", device->path);
		blkid_free_probe(probe);
		return NULL;
	}
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
						 BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC);
	return probe;
}

static const char *value_of(blkid_probe probe, const char *name)
{
	const char *value;

	return blkid_probe_lookup_value(probe, name, &value, NULL) ? NULL : value;
}

static char *describe(blkid_probe probe)
{
	const char *type = value_of(probe, "TYPE");
	const char *table = value_of(probe, "PTTYPE");
	const char *label = value_of(probe, "LABEL");
	char *text = NULL;
	int ret;

	if (type && label)
		ret = asprintf(&text, "%s named \"%s\"", type, label);
	else if (type)
		ret = asprintf(&text, "%s", type);
	else if (table)
		ret = asprintf(&text, "a partition table (%s)", table);
	else
		ret = asprintf(&text, "something that libblkid knows");
	return ret < 0 ? NULL : text;
}

static bool is_zero(const unsigned char *bytes, size_t length)
{
	return !length || (!bytes[0] && !memcmp(bytes, bytes + 1, length - 1));
}

/* 1: only zeros there, 0: something, negative: cannot be read. */
static int is_empty_at(const struct device *device, uint64_t offset, uint32_t length)
{
	unsigned char *bytes = malloc(length);
	ssize_t got;
	int ret;

	if (!bytes)
		return -ENOMEM;
	got = pread(device->fd, bytes, length, (off_t)offset);
	if (got < 0)
		ret = -errno;
	else
		ret = is_zero(bytes, (size_t)got);
	free(bytes);
	return ret;
}

static int is_empty(const struct device *device)
{
	uint32_t edge = device->bytes < EDGE_BYTES ? (uint32_t)device->bytes : EDGE_BYTES;
	int ret = is_empty_at(device, 0, edge);

	return ret <= 0 ? ret : is_empty_at(device, device->bytes - edge, edge);
}

bool probe_contents(const struct device *device, char **found)
{
	blkid_probe probe = new_probe(device);
	int ret;

	*found = NULL;
	if (!probe)
		return false;
	/* 0: one thing, 1: nothing, -2: several that contradict each other. */
	ret = blkid_do_safeprobe(probe);
	if (ret == 0)
		*found = describe(probe);
	else if (ret == -2)
		*found = strdup("several things at once (wipefs lists them)");
	blkid_free_probe(probe);
	if (*found)
		return true;

	ret = ret == 1 ? is_empty(device) : -EIO;
	if (ret < 0) {
		complain("%s: cannot read what is on it: %s", device->path, strerror(-ret));
		return false;
	}
	if (!ret)
		*found = strdup("data of no kind that is known here");
	return true;
}

int probe_wipe(const struct device *device)
{
	blkid_probe probe = new_probe(device);
	int ret = 0;

	if (!probe)
		return FAILED;
	while (!ret && blkid_do_probe(probe) == 0)
		ret = blkid_do_wipe(probe, 0);
	blkid_free_probe(probe);
	return ret ? complain("%s: cannot remove the old signatures", device->path) : DONE;
}
