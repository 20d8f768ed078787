/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all of the bench's rows need: options, time, processes that are pinned,
 * numbers of several rounds.
 *
 * A program of measurements, not of tests: what does not work ends it at once.
 */
#ifndef KTM_BENCH_H
#define KTM_BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/**
 * struct bench_options - what the runner has said
 * @quick: as little as shows that it works
 * @rounds: how often floor and subject take turns
 * @journal: block device for the log
 * @disk: the disk that it is on, where requests are counted
 * @raw: block device on the same disk, to be written to directly
 * @files: directory of a file system on the same disk
 * @pieces: recovery: file that says what there is to be read, see image/image.c
 * @devices: recovery: a device for each round
 * @count: of those
 */
struct bench_options {
	bool quick;
	unsigned int rounds;
	const char *journal;
	const char *disk;
	const char *raw;
	const char *files;
	const char *pieces;
	char **devices;
	unsigned int count;
};

extern struct bench_options bench;

__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *fmt, ...);

uint64_t now_ns(void);
void nap_ms(unsigned int ms);

/* The one for a quick run, or the one that says something. */
static inline unsigned int enough(unsigned int quick, unsigned int full)
{
	return bench.quick ? quick : full;
}

/* ---- processes ---- */

unsigned int cpus(void);
/* This thread stays on that processor, counted round. */
void pin(unsigned int cpu);

/*
 * A child that runs fn(data) and then ends. It dies with its parent.
 */
pid_t spawn(void (*fn)(void *data), void *data);
/* Waits for it; one that ended badly ends us. */
void join(pid_t pid);
/* Sends it SIGTERM first, of which it may die. */
void stop(pid_t pid);

/* Zeroed memory that children share. */
void *share(size_t bytes);

/* ---- numbers ---- */

#define MAX_ROUNDS	64

/* One value a round. */
struct series {
	double value[MAX_ROUNDS];
	unsigned int count;
};

void series_add(struct series *s, double value);
double series_median(const struct series *s);

/* Of many single measurements; sorts them. */
double median_of(double *values, size_t count);

enum goal { AT_MOST, AT_LEAST };

/*
 * Prints a row for the runner: the medians of @floor (NULL: there is none), of
 * @ours, and of @value, with the least and greatest of it.
 */
void report(const char *row, const char *unit, const struct series *floor,
	    const struct series *ours, const struct series *value, enum goal direction, double goal);

/* A remark under the table: "NAME: TEXT". */
__attribute__((format(printf, 2, 3)))
void remark(const char *row, const char *fmt, ...);

/* One point of the plot. */
void report_point(const char *who, unsigned int clients, const struct series *per_second);

/* ---- the rows ---- */

void row_volatile(void);
void row_kernel(void);
void row_scale(void);
void row_open(void);
void row_bytes(void);
void row_durable(void);
void row_forced(void);
void row_group(void);
void row_transfer(void);
void row_curve(void);
void row_recovery(void);

#endif /* KTM_BENCH_H */
