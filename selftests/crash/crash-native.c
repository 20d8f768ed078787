// SPDX-License-Identifier: GPL-2.0
/*
 * crash-native - recover a run of the module from many power cuts, without the module.
 *
 * The same record, the same states and the same judge as crash-check's; but the core
 * opens them here, in this process and in memory, with what ktmctl makes of their records. So
 * there may be many more of them, and what the module wrote is read by others than it.
 */
#include "calls.h"
#include "campaign.h"
#include "judge.h"
#include "native_open.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An opening has written and flushed less often than this. */
#define MAX_STEPS	12

static struct {
	size_t commit, rollback, queried, told, records, cut;
} tally;

static const struct live_rm *find_rm(const struct native *n, uint32_t rm)
{
	struct live_rm **all = (struct live_rm **)live_list(&n->live.rms);
	const struct ktm_guid guid = rm_guid(rm);
	const struct live_rm *found = NULL;
	size_t i;

	if (!all)
		die("out of memory");
	for (i = 0; all[i]; i++)
		if (!memcmp(&all[i]->guid, &guid, sizeof(guid)))
			found = all[i];
	free(all);
	return found;
}

static struct en_history *known_as(struct history *h, const struct cut *cut,
				   const struct live_en *live, uint32_t rm)
{
	const enum fact fact = rm == SUPERIOR ? FACT_ENLISTED : FACT_VOTES;
	struct en_history *en = history_find(h, &live->guid);

	if (!en || en->rm != rm || !is_known(&en->known, fact, cut) ||
	    memcmp(&h->txs[en->tx].uow, &live->tx->uow, sizeof(live->tx->uow))) {
		violation("RM %u: RECOVER of an enlistment that nobody voted for", rm);
		return NULL;
	}
	if (en->key != live->key)
		violation("RM %u: RECOVER with another key than was given", rm);
	if (rm != SUPERIOR && en->length != live->information_length)
		violation("RM %u: other recovery information than was left", rm);
	return en;
}

/* The seed of the superior says what it says, whenever it is asked. */
static bool superior_says(struct history *h, const struct live_tx *tx)
{
	const struct live_en *live;

	list_for_each_entry(live, &tx->enlistments, link) {
		const struct en_history *en = history_find(h, &live->guid);

		if (live->superior && en)
			return superior_commits(en->seed);
	}
	violation("a transaction that waits for its superior has none");
	return false;
}

static bool commits(struct history *h, const struct live_tx *tx)
{
	switch (ktm_jp_outcome(&tx->found, UINT64_MAX)) {
	case KTM_FOUND_COMMIT:
		return true;
	case KTM_FOUND_SEALED:
		return superior_says(h, tx);
	default:
		return false;
	}
}

static void find_enlistments(struct native *n, struct history *h, const struct cut *cut)
{
	struct live_en **all = (struct live_en **)live_list(&n->live.enlistments);
	const struct live_rm *rms[NR_RMS];
	uint32_t rm;
	size_t i;

	if (!all)
		die("out of memory");
	for (rm = 0; rm < NR_RMS; rm++)
		rms[rm] = find_rm(n, rm);
	for (i = 0; all[i]; i++) {
		struct en_history *en;
		bool commit;

		for (rm = 0; rm < NR_RMS && rms[rm] != all[i]->rm; rm++)
			;
		en = known_as(h, cut, all[i], rm);
		if (!en)
			continue;
		commit = commits(h, all[i]->tx);
		en->found = commit ? FOUND_COMMIT : FOUND_ROLLBACK;
		en->queried = rm == SUPERIOR && ktm_jp_sealed(&all[i]->tx->found);
		tally.queried += en->queried;
		tally.told += rm == SUPERIOR && commit;
		tally.commit += rm != SUPERIOR && commit;
		tally.rollback += rm != SUPERIOR && !commit;
	}
	free(all);
}

static const struct live_stream *find_stream(const struct native *n, const char *name)
{
	struct live_stream **all = (struct live_stream **)live_list(&n->live.streams);
	const struct live_stream *found = NULL;
	size_t i;

	if (!all)
		die("out of memory");
	for (i = 0; all[i]; i++)
		if (all[i]->name_length == strlen(name) &&
		    !memcmp(all[i]->name, name, strlen(name)))
			found = all[i];
	free(all);
	return found;
}

static void read_stream(struct native *n, struct found_stream *found, uint32_t rm)
{
	const struct live_stream *live = find_stream(n, stream_name(rm));
	uint64_t restart = 0;
	size_t i;

	*found = (struct found_stream){ .fd = -1 };
	if (!live)
		return;
	found->base = live->found.base;
	found->restart = live->found.restart;
	found->count = live->end - live->first;
	found->list = calloc(found->count + 1, sizeof(*found->list));
	if (!found->list)
		die("out of memory");
	for (i = live->first; i < live->end; i++) {
		struct found_record *record = &found->list[found->nr];
		struct ktm_jrec rec;

		if (!native_read(n, live, &live->records[i], &rec) ||
		    !record_check(rec.srec.data, rec.srec.len, &record->record)) {
			violation("RM %u: a stream record is not what was written", rm);
			continue;
		}
		record->lsn = rec.srec.lsn;
		record->previous = rec.srec.previous;
		record->restart = rec.flags & KTM_JREC_F_RESTART;
		if (record->restart)
			restart = record->lsn;
		found->nr++;
	}
	if (found->restart != restart)
		violation("RM %u: the last restart record is another one", rm);
	tally.records += found->nr;
}

/* Open it to the end, and judge what that finds. */
static void open_and_judge(struct native *n, struct history *h, const struct cut *cut,
			   struct prng *prng)
{
	struct found_stream streams[NR_STREAMS];
	uint32_t rm;
	size_t i;

	for (i = 0; i < h->nr_ens; i++) {
		h->ens[i].found = FOUND_NOTHING;
		h->ens[i].queried = false;
	}
	if (native_open(n, prng, 0)) {
		find_enlistments(n, h, cut);
		for (rm = 0; rm < NR_STREAMS; rm++)
			read_stream(n, &streams[rm], rm);
		judge(h, cut, streams);
		for (rm = 0; rm < NR_STREAMS; rm++)
			free(streams[rm].list);
	} else {
		violation("the journal is not opened: %s", n->why);
	}
	native_close(n);
}

static void keep(const struct options *opt, const struct native *n, size_t number)
{
	char path[4096];
	FILE *f;

	if (!opt->keep_each || number % opt->keep_each)
		return;
	snprintf(path, sizeof(path), "%s/%zu", opt->keep, number);
	f = fopen(path, "wb");
	if (!f || fwrite(n->disk, n->bytes, 1, f) != 1 || fclose(f))
		die("%s cannot be written", path);
}

static void try_state(struct native *n, struct history *h, const struct state *state)
{
	struct prng prng = prng_stream(state->seed, 2);
	const struct cut cut = { .at = state->at };

	state_try(state);
	if (state->twice) {
		/* It does not come to its end, or it does, and writes nothing that is lost. */
		native_open(n, &prng, 1 + prng_below(&prng, MAX_STEPS));
		native_close(n);
		tally.cut++;
	}
	open_and_judge(n, h, &cut, &prng);
	/* What it has written itself says the same. */
	if (!state_is_bad())
		open_and_judge(n, h, &cut, &prng);
}

int main(int argc, char **argv)
{
	struct native n = { 0 };
	struct options opt = { 0 };
	struct state *states;
	struct disk_state s;
	struct history h;
	uint8_t *base;
	size_t i;

	campaign_parse(argc, argv, &opt);
	base = campaign_base(opt.base, &n.bytes);
	n.buf = malloc(KTM_JF_BATCH_MAX);
	if (!n.buf)
		die("out of memory");
	history_load(&h, opt.record, opt.start, opt.bytes);
	state_begin(&s, base, n.bytes);
	n.disk = s.image;
	states = opt.have_only ? &opt.only : campaign_states(&opt, &h);
	for (i = 0; i < opt.states && !(opt.enough && campaign_bad() >= opt.enough); i++) {
		if (states[i].at > h.log.nr)
			die("the record has only %zu entries", h.log.nr);
		state_build(&s, &h.log, states[i].at, states[i].seed);
		keep(&opt, &n, i);
		try_state(&n, &h, &states[i]);
	}
	printf("# found: %zu COMMIT, %zu ROLLBACK; superiors: %zu asked, %zu told of a commit\n"
	       "# stream records: %zu; openings that were cut: %zu\n", tally.commit,
	       tally.rollback, tally.queried, tally.told, tally.records, tally.cut);
	if (!opt.have_only && !opt.enough && !(tally.commit && tally.rollback && tally.queried &&
						tally.told && tally.records && tally.cut))
		die("there was nothing to recover");
	printf("campaign module_crash_native: tried=%zu violations=%zu seed=%llu\n", i,
	       campaign_bad(), (unsigned long long)opt.seed);
	return campaign_bad() ? 1 : 0;
}
