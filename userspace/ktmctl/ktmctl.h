/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands of ktmctl share. */
#ifndef KTMCTL_H
#define KTMCTL_H

#include <ktm.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes. */
#define DONE		0
#define FAILED		1
#define USAGE		2
/* Of the journal's commands: recovery makes good what is wrong; it does not. */
#define MENDABLE	3
#define DAMAGED		4

/* What the estimate of the capacity takes for a usual transaction. */
#define USUAL_ENLISTMENTS	2
#define USUAL_INFORMATION	256

/* "ktmctl: ..." to standard error. Returns FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with "Try 'ktmctl --help'". Returns USAGE. */
int complain_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for what getopt_long() with ":" has just returned instead of an option. */
int complain_option(int returned, const char *command, char **argv);

/* A size as people write it: 64M, 1G, 4096. 0: not a size. */
uint64_t parse_size(const char *text);

/* ---- device.c ---- */

/**
 * struct device - a block device or a regular file
 * @path: as the user named it
 * @fd: O_RDWR
 * @is_file: a regular file
 * @is_new: one that device_claim() made
 * @bytes: its size
 * @logical: logical block size
 * @physical: physical block size
 */
struct device {
	const char *path;
	int fd;
	bool is_file;
	bool is_new;
	uint64_t bytes;
	uint32_t logical;
	uint32_t physical;
};

/*
 * For format: nobody else may use it. @create_bytes: make a regular file of this
 * size if nothing is there, or grow it; 0: it must be there. 0 or FAILED.
 */
int device_claim(struct device *device, const char *path, uint64_t create_bytes);

/* The end of it; a file that was made for nothing is removed. @result is handed on. */
int device_release(struct device *device, int result);

/*
 * The name of the loop device that a file is attached to, to be freed; or NULL.
 * Whatever the file was called then: it may have several names.
 */
char *device_find_loop(const char *path);

/*
 * For start: a descriptor of the block device, a loop device being set up for a
 * regular file, whose name goes to @name (NULL for a real block device, to be
 * freed). Negative: complained.
 */
int device_open_for_tm(const char *path, char **name);

/* ---- kernel.c ---- */

/* /dev/ktm. Negative: complained. */
int open_ktm(void);

/* "WHAT: why" for a call that failed. Returns FAILED. */
int complain_status(const char *what, int error, uint32_t status);

/* ---- manage.c ---- */

/* The GUID of a TM. DONE or USAGE. */
int parse_tm(const char *text, struct ktm_guid *guid);

/* A descriptor of it; @text: as the user gave it. Negative: complained. */
int open_by_guid(const char *text, uint32_t access, struct ktm_guid *guid);

/* The text of --until. DONE or USAGE. */
int parse_clock(const char *text, uint64_t *clock);

/*
 * Recovers the TM, up to @clock if that is not 0. @device: -1, or where its journal is now.
 * @what: for what is complained of. DONE or FAILED.
 */
int recover_tm(int tm, int device, uint64_t clock, const char *what);

/* Says what has become of the TM. @where: its journal, may be NULL. DONE or FAILED. */
int print_recovered(int tm, const struct ktm_guid *guid, const char *where);

/* ---- probe.c ---- */

/*
 * What is on it? A sentence (to be freed) that ends "DEVICE holds ...", or NULL for
 * nothing. Complains and returns false if it cannot be found out.
 */
bool probe_contents(const struct device *device, char **found);

/* Removes the signatures of what probe_contents() found. 0 or FAILED. */
int probe_wipe(const struct device *device);

/* ---- the commands ---- */

/* Those of "ktmctl journal". */
int journal_format(int argc, char **argv);
int journal_check(int argc, char **argv);
int journal_dump(int argc, char **argv);
int journal_stat(int argc, char **argv);

int command_journal(int argc, char **argv);
int command_start(int argc, char **argv);
int command_offline(int argc, char **argv);
int command_recover(int argc, char **argv);
int command_rename(int argc, char **argv);
int command_status(int argc, char **argv);
int command_delete_stream(int argc, char **argv);
int command_freeze(int argc, char **argv);
int command_thaw(int argc, char **argv);

#endif /* KTMCTL_H */
