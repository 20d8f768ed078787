// SPDX-License-Identifier: GPL-2.0
/*
 * Crash campaign of the journal's core.
 *
 * A seeded workload runs on the writer; at every I/O boundary the machine
 * "loses its power" in several ways on a copy of the disk. The copy recovers, itself
 * interrupted by crashes, by a module that died, by I/O errors; what it reports is held
 * against what was appended, acknowledged and reported before; then it goes on working
 * and crashes again.
 *
 *	journal_crash [SEED [RUNS]]	RUNS workloads from SEED on (default 1, 6)
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal_sim.h"

/* Crashes that so many runs have to try at least: half of what they do try. */
#define RUNS	6
#define LEAST	100000

static struct jsim origin, trial, probe;
static unsigned long tried, full, restarted, copied, laps, grown[2], wrapped, signposts;
static u64 seed;

static void crash(struct jsim *s, enum crash_mode mode)
{
	disk_crash(&s->disk, &s->rng, mode, rng_percent(&s->rng, 30));
	s->in_flight = 0;
	s->online = false;
}

static void crash_somehow(struct jsim *s)
{
	crash(s, rng_below(&s->rng, CRASH_MODES));
}

/* Each copy of the superblock alone must suffice. */
static void lose_one_superblock(struct jsim *s)
{
	u64 place = rng_percent(&s->rng, 50) ? 0 : s->sb2_place;

	if (rng_percent(&s->rng, 50)) {
		s->disk.bad[place / SECTOR] = true;
		return;
	}
	s->disk.now[place + 64 + rng_below(&s->rng, 128)] ^= 1 + rng_below(&s->rng, 255);
	memcpy(s->disk.durable, s->disk.now, s->disk.bytes);
}

/*
 * The next opening mends it before a superblock is in danger, whatever power cuts come between. What
 * it does not see is a cache that shows what was mended and loses it then: before a third thing
 * breaks, a flush that fails or a module that dies, it is online.
 */
static void lose_signpost(struct jsim *s)
{
	if (rng_percent(&s->rng, 50)) {
		s->disk.bad[s->unit / SECTOR] = true;
	} else {
		s->disk.now[s->unit + rng_below(&s->rng, KTM_JF_SB_BYTES)] ^= 0x10;
		memcpy(s->disk.durable, s->disk.now, s->disk.bytes);
	}
	s->no_signpost = true;
	signposts++;
}

static enum jsim_stop some_stop(struct jsim *s)
{
	return rng_percent(&s->rng, 60) || s->no_signpost ? STOP_CRASH : STOP_ERROR;
}

static void rename_somehow(struct jsim *s)
{
	struct ktm_jf_fault fault;
	enum jsim_recovery r = jsim_rename(s, rng_percent(&s->rng, 30) ? STOP_NEVER : some_stop(s),
					   rng_below(&s->rng, 15), NULL, &fault);

	tried++;
	if (r == REFUSED)
		jsim_violation(s, "renaming was refused: %s", fault.msg);
	else if (r == STOPPED || rng_percent(&s->rng, 30))
		crash_somehow(s);
}

/* Recover, whatever comes between; false: a violation. */
static bool recover_anyhow(struct jsim *s, u32 disturbances)
{
	struct ktm_jf_fault fault;

	for (;;) {
		enum jsim_stop stop = STOP_NEVER;
		enum jsim_recovery r;

		if (disturbances && rng_percent(&s->rng, 70))
			stop = some_stop(s);
		else if (rng_percent(&s->rng, 20))
			stop = STOP_READ;
		if (disturbances)
			disturbances--;
		r = jsim_recover(s, stop, rng_below(&s->rng, 26), NULL, &fault);
		tried++;
		switch (r) {
		case RECOVERED:
			s->no_signpost = false;
			if (stop != STOP_READ || s->failed)
				return !s->failed;
			/* What was only read is as safe as what was recovered. */
			if (rng_percent(&s->rng, 70))
				crash_somehow(s);
			break;
		case REFUSED:
			jsim_violation(s, "refused after a mere crash: %s (place %llu)", fault.msg,
				      (unsigned long long)fault.place);
			return false;
		case STOPPED:
			/* The power, or only the module: then the cache stays. */
			if (s->no_signpost || rng_percent(&s->rng, 70))
				crash_somehow(s);
			break;
		case IO_FAILED:
			if (rng_percent(&s->rng, 40))
				crash_somehow(s);
			break;
		}
	}
}

static void one_trial(struct jsim *from)
{
	struct jsim *s = &trial;
	bool one_left;

	jsim_clone(s, from);
	crash_somehow(s);
	for (u32 round = 0; round < 3; round++) {
		if (rng_percent(&s->rng, 20))
			rename_somehow(s);
		if (!recover_anyhow(s, rng_below(&s->rng, 4)))
			break;
		jsim_check_tail(s);
		if (s->failed)
			break;
		for (u32 n = rng_below(&s->rng, 60); n && !s->failed; n--)
			if (!jsim_step(s))
				break;
		/* An error, and then the same machine opens it again with its cache as it is. */
		if (s->online && rng_percent(&s->rng, 25)) {
			jsim_drain(s, true);
			if (rng_percent(&s->rng, 70))
				continue;
		}
		/* While a copy is written the other one is all there may be. */
		one_left = s->one_superblock;
		crash_somehow(s);
		if (!one_left && rng_percent(&s->rng, 30))
			lose_one_superblock(s);
		else if (!one_left && rng_percent(&s->rng, 20))
			lose_signpost(s);
	}
	jsim_free(s);
	if (s->failed && !jsim_quiet && jsim_violations <= 20)
		printf("# ... seed %llu\n", (unsigned long long)seed);
}

static void boundary(struct jsim *s)
{
	if (!s->failed && jsim_violations < JSIM_ENOUGH)
		one_trial(s);
}

/*
 * Every step of an opening, in every way, and every step of the opening after it:
 * the corners between the superblocks and the restart extents.
 */
static void every_step(struct jsim *from)
{
	struct ktm_jf_fault fault;
	u32 ios = 0;

	jsim_clone(&trial, from);
	jsim_recover(&trial, STOP_NEVER, 0, &ios, &fault);
	jsim_free(&trial);
	for (u32 at = 0; at < ios && jsim_violations < JSIM_ENOUGH; at++) {
		for (u32 how = 0; how < 2 * CRASH_MODES + 3; how++) {
			bool error = how >= 2 * CRASH_MODES;
			/* Few cases are the ones with a failed I/O: look at each step after them. */
			u32 stride = error ? 1 : 3;
			enum jsim_recovery r;

			jsim_clone(&trial, from);
			trial.rng.s += at * 1000 + how;
			r = jsim_recover(&trial, error || how % 2 ? STOP_ERROR : STOP_CRASH, at,
					NULL, &fault);
			tried++;
			if (r == REFUSED)
				jsim_violation(&trial, "refused: %s", fault.msg);
			/* The next opening reads what the cache holds, and is cut in turn. */
			if (!error)
				crash(&trial, how / 2);
			for (u32 at2 = how % stride; at2 < 24 && !trial.failed; at2 += stride) {
				jsim_clone(&probe, &trial);
				probe.rng.s += at2;
				if (jsim_recover(&probe, STOP_CRASH, at2, NULL, &fault) == STOPPED)
					crash(&probe, error ? CRASH_ROT :
						      rng_below(&probe.rng, CRASH_MODES));
				tried++;
				if (recover_anyhow(&probe, 0))
					jsim_check_tail(&probe);
				trial.failed |= probe.failed;
				jsim_free(&probe);
			}
			jsim_free(&trial);
		}
	}
}

/* Every step of renaming, in every way: one name or the other, and all that was there. */
static void every_step_of_renaming(struct jsim *from)
{
	struct ktm_jf_fault fault;
	u32 ios = 0;

	jsim_clone(&trial, from);
	jsim_rename(&trial, STOP_NEVER, 0, &ios, &fault);
	jsim_free(&trial);
	for (u32 at = 0; at <= ios && jsim_violations < JSIM_ENOUGH; at++) {
		for (u32 how = 0; how < 2 * CRASH_MODES; how++) {
			jsim_clone(&trial, from);
			trial.rng.s += at * 1000 + how;
			jsim_rename(&trial, how % 2 ? STOP_ERROR : STOP_CRASH, at, NULL, &fault);
			tried++;
			crash(&trial, how / 2);
			/* What was done at all must survive the loss of a copy. */
			if (at == ios && rng_percent(&trial.rng, 50))
				lose_one_superblock(&trial);
			recover_anyhow(&trial, how % 3);
			jsim_free(&trial);
		}
	}
}

static void run(u64 run_seed)
{
	static const u32 units[] = { 4096, 4096, 4096, 8192, 65536 };
	struct rng r = { run_seed };
	u32 unit = units[rng_below(&r, 5)];
	u64 bytes = ktm_jf_min_bytes(unit) + (rng_percent(&r, 50) ? 0 : 1u << 20) +
		    unit * rng_below(&r, 20);
	struct ktm_jf_fault fault;
	u32 reopened = 0;
	u64 began;

	seed = run_seed;
	jsim_init(&origin, run_seed, unit, bytes / unit);
	every_step(&origin);
	every_step_of_renaming(&origin);
	while (reopened < 6 && !origin.failed && jsim_violations < JSIM_ENOUGH) {
		jsim_habits(&origin);
		if (jsim_recover(&origin, STOP_NEVER, 0, NULL, &fault) != RECOVERED) {
			jsim_violation(&origin, "cannot be opened again: %s", fault.msg);
			break;
		}
		began = origin.w.next_lsn;
		origin.boundary = rng_percent(&r, 50) ? boundary : NULL;
		origin.restart_boundary = boundary;
		/* Long enough for batches to fill up where little is forced, and for laps where much is. */
		for (u32 n = 8000; n && !origin.failed; n--) {
			if (!jsim_step(&origin)) {
				full++;
				break;
			}
			if (rng_percent(&r, 2))
				origin.boundary = rng_percent(&r, 40) ? boundary : NULL;
		}
		origin.boundary = NULL;
		origin.restart_boundary = NULL;
		laps = max(laps, core_div64(origin.w.next_lsn - began, origin.w.sb.ring_bytes));
		wrapped += origin.grown[1] &&
			   origin.w.next_lsn > origin.w.sb.ring_lsn + origin.w.sb.ring_bytes;
		jsim_drain(&origin, rng_percent(&r, 40));
		if (reopened % 3 == 0) {
			every_step(&origin);
			every_step_of_renaming(&origin);
		}
		reopened++;
	}
	restarted += origin.restarted;
	copied += origin.copied;
	grown[0] += origin.grown[0];
	grown[1] += origin.grown[1];
	jsim_free(&origin);
}

int main(int argc, char **argv)
{
	u64 first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	u64 runs = argc > 2 ? strtoull(argv[2], NULL, 0) : RUNS;
	bool enough;

	/* Disks are cloned tens of thousands of times: keep their memory. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (u64 i = 0; i < runs && jsim_violations < JSIM_ENOUGH; i++)
		run(first + i);
	enough = tried >= LEAST / RUNS * runs;
	printf("TAP version 13\n1..7\n");
	printf("%sok 1 - no crash breaks a promise of the journal\n", jsim_violations ? "not " : "");
	printf("%sok 2 - the ring was filled and opened again\n", full ? "" : "not ");
	printf("%sok 3 - restart areas were made while it ran, records copied forward (%lu, %lu)\n",
	       restarted && copied ? "" : "not ", restarted, copied);
	printf("%sok 4 - one opening wrote over the whole ring several times (%lu)\n",
	       laps > 2 ? "" : "not ", laps);
	printf("%sok 5 - the log grew at openings, while it ran, and went round after that (%lu, %lu, %lu)\n",
	       grown[0] && grown[1] && wrapped ? "" : "not ", grown[0], grown[1], wrapped);
	printf("%sok 6 - signposts were lost, and mended in time (%lu)\n", signposts ? "" : "not ",
	       signposts);
	printf("%sok 7 - of these runs that many crashes were to be tried at least: %llu\n",
	       enough ? "" : "not ", (unsigned long long)(LEAST / RUNS * runs));
	printf("campaign journal_crash: tried=%lu violations=%lu seed=%llu\n", tried, jsim_violations,
	       (unsigned long long)first);
	return jsim_violations || !full || !restarted || !copied || laps <= 2 || !grown[0] ||
	       !grown[1] || !wrapped || !signposts || !enough;
}
