/* SPDX-License-Identifier: GPL-2.0 */
/* A journal that is only looked at: on a device, or in a file. */
#ifndef KTMCTL_IMAGE_H
#define KTMCTL_IMAGE_H

#include "ktmctl.h"

#include "journal_open.h"

/**
 * struct image - a journal that is read as an opening would read it
 * @path: as the user named it
 * @fd: O_RDONLY
 * @is_file: a regular file
 * @bytes: size of the device
 * @sector: its logical block size
 * @bad: places that could not be read: medium errors
 * @first_bad: byte on the device of the first
 * @last_bad: of the last
 * @buf: memory for the opening
 * @jo: the opening
 */
struct image {
	const char *path;
	int fd;
	bool is_file;
	uint64_t bytes;
	uint32_t sector;
	uint64_t bad;
	uint64_t first_bad;
	uint64_t last_bad;
	void *buf;
	struct ktm_jo jo;
};

/*
 * Opens it for reading and begins. Warns if it is in use: what is written meanwhile may
 * look like damage. 0, or FAILED and complained; to be closed in any case.
 */
int image_open(struct image *image, const char *path);
void image_close(struct image *image);

/* Reads on until there is something to do for who looks: REPLAY, SNAPSHOT, DONE, FAILED. */
enum ktm_jo_want image_next(struct image *image);

/* 0, or a negative errno as the opening wants it. */
int image_read(struct image *image, uint64_t place, uint32_t bytes, void *data);

/* Which copy was chosen: 0 the first, 1 the second. */
int image_chosen(const struct image *image);

/* "byte N" of the device where the LSN lies. */
uint64_t image_place(const struct image *image, uint64_t lsn);

/* Who has it in use, in words to be freed; or NULL. */
char *image_user(const struct image *image);

/* A name for programs: the end of KTM_JF_xxx. */
const char *fault_name(enum ktm_jf_code code);

#endif /* KTMCTL_IMAGE_H */
