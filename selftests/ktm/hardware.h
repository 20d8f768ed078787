/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Disks that can be taken out of the running machine and put back: those that the
 * machine was given (virtio, NVMe, scsi), and null_blk.
 */
#ifndef KTM_TEST_HARDWARE_H
#define KTM_TEST_HARDWARE_H

#include "calls.h"

#define HW_PATH	512

/**
 * struct hw - one disk
 * @serial: what the machine's option called it; a null_blk: our name for it
 * @name: what the kernel calls it now
 * @path: its block device
 * @null: it is a null_blk
 */
struct hw {
	char serial[32];
	char name[32];
	char path[64];
	bool null;
};

/**
 * struct null_kind - a null_blk to be made
 * @block: block size
 * @cache: MiB of volatile cache, which forgets what no flush has covered when the power
 *	goes; 0: none
 * @bios: without a queue of requests
 * @discard: it takes discards
 * @us: so long after it was sent a request ends, in microseconds; 0: while it is being sent
 */
struct null_kind {
	unsigned int block;
	unsigned int cache;
	bool bios;
	bool discard;
	unsigned int us;
};

/* The disk that the machine was given under that name; plugged in, if it was not. */
struct hw hw_find(const char *serial);
/* A new null_blk of @mib MiB, with power; one of that name must go first. */
struct hw hw_null(const char *name, unsigned int mib, const struct null_kind *kind);
void hw_null_remove(const struct hw *hw);

/* Takes it away, whoever uses it. */
void hw_unplug(const struct hw *hw);
/* Puts it back, under whatever name: @hw says it then. */
void hw_plug(struct hw *hw);

/* A word in /sys/block/NAME/queue. */
void hw_queue(const struct hw *hw, const char *attribute, char *value, size_t room);
unsigned int hw_queue_number(const struct hw *hw, const char *attribute);
bool hw_has_cache(const struct hw *hw);
void hw_read_only(const struct hw *hw, bool on);

/* All that it holds, past the page cache; the caller frees it. And it must hold just that. */
unsigned char *hw_content(const struct hw *hw);
void hw_is(const struct hw *hw, const unsigned char *content);

/* Writes a file of the kernel's; 0 or an errno. */
int put_text(const char *file, const char *text);
bool get_text(const char *file, char *text, size_t room);

#endif /* KTM_TEST_HARDWARE_H */
