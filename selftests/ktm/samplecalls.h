/* SPDX-License-Identifier: GPL-2.0 */
/* Steps of the tests of the drivers in samples/, on a TM with a log. */
#ifndef KTM_TEST_SAMPLE_CALLS_H
#define KTM_TEST_SAMPLE_CALLS_H

#include "../../samples/ktm_sample_rm/ktm_sample_rm.h"
#include "disk.h"

#define STORE	"ktm_sample_rm"
#define CLIENT	"ktm_sample_client"

extern struct disk sample_disk;
extern int tm, store;

void sample_load(const char *name);
void sample_unload(const char *name);
int sample_try_attach(int fd);
int sample_try_detach(void);
void store_begin(void);
/* It is unloaded as it is: the module has to clean up by itself. */
void store_end(void);

/* For test_setup(): the log, the TM, the store. */
void sample_setup(void);
void sample_tear_down(void);
/* All of it goes, and comes back. */
void sample_restart(void);
/* The power goes when the disk holds this. */
void sample_power_cut(unsigned char *content);

struct ktm_sample_item sample_item_of(int tx, const char *key, const char *value);
/* With an errno, or 0. */
int sample_try_write(int tx, const char *key, const char *value);
int sample_try_delete(int tx, const char *key);
int sample_try_read(int tx, const char *key, char *value);
/* The key behind @key, which it becomes. */
int sample_try_next(int tx, char *key);
void sample_put(int tx, const char *key, const char *value);
/* A whole transaction. */
void sample_set(const char *key, const char *value);
/* Until nobody has locked it any more. */
void sample_until_free(const char *key);
void sample_name_key(char key[16], unsigned int n);

/* What a transaction sees, or with -1 who is outside of all; NULL: there is no such key. */
#define IS(tx, key, want)	sample_check_is(__FILE__, __LINE__, tx, key, want)
void sample_check_is(const char *file, int line, int tx, const char *key, const char *want);

/* All keys that somebody sees, in their order, each with a blank behind it. */
#define KEYS(tx, want)	sample_check_key_list(__FILE__, __LINE__, tx, want)
void sample_check_key_list(const char *file, int line, int tx, const char *want);

void sample_commit(int tx);
/* By somebody who has not the store open, so that it can go. */
pid_t sample_commit_elsewhere(int tx, unsigned int want);
/* The other RM of the transaction votes as well, and does what is decided. */
void sample_other_commits(int rm, guid_t en);
/* A descriptor of the store's. */
int sample_stream(void);

#endif /* KTM_TEST_SAMPLE_CALLS_H */
