// SPDX-License-Identifier: GPL-2.0
/*
 * A recorded run: what was written to the disk, and who knew what when.
 */
#include "history.h"

#include "calls.h"

#include <stdlib.h>
#include <string.h>

static void *grow(void *array, size_t nr, size_t size)
{
	/* Doubles whenever the count reaches a power of two. */
	if (nr & (nr - 1))
		return array;
	array = realloc(array, (nr ? 2 * nr : 1) * size);
	if (!array)
		die("out of memory");
	return array;
}

static void know_nothing(struct knowledge *k)
{
	int i;

	for (i = 0; i < NR_FACTS; i++)
		k->at[i] = k->again[i] = NEVER;
}

static struct tx_history *tx_of(struct history *h, const struct ktm_guid *uow)
{
	size_t i;

	for (i = h->nr_txs; i--; )
		if (!memcmp(&h->txs[i].uow, uow, sizeof(*uow)))
			return &h->txs[i];
	h->txs = grow(h->txs, h->nr_txs, sizeof(*h->txs));
	h->txs[h->nr_txs].uow = *uow;
	h->txs[h->nr_txs].ens = NEVER;
	know_nothing(&h->txs[h->nr_txs].known);
	return &h->txs[h->nr_txs++];
}

/**
 * history_find() - an enlistment of the run
 * @h: the run
 * @en: its GUID
 *
 * Return: the enlistment, or NULL.
 */
struct en_history *history_find(struct history *h, const struct ktm_guid *en)
{
	size_t i;

	for (i = h->nr_ens; i--; )
		if (!memcmp(&h->ens[i].guid, en, sizeof(*en)))
			return &h->ens[i];
	return NULL;
}

static struct en_history *en_of(struct history *h, const struct mark *mark)
{
	struct en_history *en = history_find(h, &mark->en);

	if (en)
		return en;
	h->ens = grow(h->ens, h->nr_ens, sizeof(*h->ens));
	en = &h->ens[h->nr_ens++];
	en->guid = mark->en;
	en->tx = (size_t)(tx_of(h, &mark->uow) - h->txs);
	en->next = h->txs[en->tx].ens;
	h->txs[en->tx].ens = h->nr_ens - 1;
	en->rm = mark->rm;
	en->key = mark->key;
	en->length = mark->length;
	en->seed = mark->seed;
	know_nothing(&en->known);
	return en;
}

static bool is_of_client(enum fact fact)
{
	return fact == FACT_TOLD_COMMIT || fact == FACT_TOLD_ABORT;
}

/**
 * history_opening() - between which openings of the journal?
 * @h: the run
 * @at: index in its record
 *
 * Return: how many openings had begun or ended before, each counted.
 */
size_t history_opening(const struct history *h, size_t at)
{
	size_t low = 0, high = h->nr_openings;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (h->openings[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void learn_of_log(struct history *h, struct log_events *events, const struct mark *mark,
			 size_t at)
{
	events->list = grow(events->list, events->nr, sizeof(*events->list));
	events->list[events->nr++] = (struct log_event){
		.at = at, .opening = history_opening(h, at), .mark = *mark,
	};
}

static void learn(struct history *h, const char *text, size_t length, size_t at)
{
	struct knowledge *k;
	struct mark mark;

	/* dm-log-writes has one of its own at the end. */
	if (length >= 3 && !memcmp(text, "dm-", 3))
		return;
	if (mark_parse(text, length, &mark))
		die("entry %zu of the record is no mark of ours", at);
	if (mark.fact == FACT_START) {
		h->start = at + 1;
		return;
	}
	if (mark.fact == FACT_REOPENS || mark.fact == FACT_REOPENED) {
		if ((mark.fact == FACT_REOPENS) == h->nr_openings % 2)
			/* Whoever was opening it was killed, or is asked to go on. */
			return;
		h->openings = grow(h->openings, h->nr_openings, sizeof(*h->openings));
		h->openings[h->nr_openings++] = at;
		return;
	}
	if (is_of_stream(mark.fact)) {
		learn_of_log(h, &h->events, &mark, at);
		return;
	}
	k = is_of_client(mark.fact) ? &tx_of(h, &mark.uow)->known : &en_of(h, &mark)->known;
	if (k->at[mark.fact] == NEVER)
		k->at[mark.fact] = at;
}

static const char *mark_text(const struct blocklog *log, const struct blocklog_entry *e)
{
	return (const char *)log->map + e->end - log->sector_size +
	       sizeof(struct blocklog_raw_entry);
}

/* QEMU knows no marks: they are writes behind the journal, and neighbours may be merged. */
static void turn_into_mark(struct history *h, size_t at)
{
	struct blocklog_entry *e = &h->log.entries[at];
	uint64_t i;

	for (i = 0; i < e->length; i += BLOCKLOG_SECTOR)
		learn(h, (const char *)e->data + i, BLOCKLOG_SECTOR, at);
	e->flags = BLOCKLOG_MARK;
	e->length = 0;
}

/**
 * history_load() - read the record of a run
 * @h: filled
 * @path: the record
 * @start: where the journal begins on the disk
 * @bytes: how long it is; marks are written behind it. 0: marks are marks.
 */
void history_load(struct history *h, const char *path, uint64_t start, uint64_t bytes)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	h->start = NEVER;
	if (blocklog_open(&h->log, path))
		die("%s cannot be read", path);
	for (i = 0; i < h->log.nr; i++) {
		struct blocklog_entry *e = &h->log.entries[i];

		if (e->flags & BLOCKLOG_MARK) {
			learn(h, mark_text(&h->log, e), MARK_TEXT, i);
		} else if (bytes && e->length && e->offset >= start + bytes) {
			turn_into_mark(h, i);
		} else if (bytes && e->length) {
			if (e->offset < start || e->offset + e->length > start + bytes)
				die("entry %zu of the record is outside the journal", i);
			e->offset -= start;
		}
	}
	if (h->start == NEVER || !h->nr_ens)
		die("%s holds no run", path);
}

/**
 * history_add() - what became known during a first recovery
 * @h: the run
 * @log: the record of that recovery
 */
void history_add(struct history *h, const struct blocklog *log)
{
	struct mark mark;
	struct en_history *en;
	size_t i;

	for (i = 0; i < log->nr; i++) {
		if (!(log->entries[i].flags & BLOCKLOG_MARK) ||
		    mark_parse(mark_text(log, &log->entries[i]), MARK_TEXT, &mark))
			continue;
		if (is_of_stream(mark.fact)) {
			learn_of_log(h, &h->again, &mark, i);
			continue;
		}
		en = history_find(h, &mark.en);
		if (!en)
			die("a recovery speaks of an enlistment that does not exist");
		if (en->known.again[mark.fact] == NEVER)
			en->known.again[mark.fact] = i;
	}
}

/**
 * history_forget() - back to what the run alone says
 * @h: the run
 */
void history_forget(struct history *h)
{
	size_t i;
	int f;

	for (i = 0; i < h->nr_ens; i++)
		for (f = 0; f < NR_FACTS; f++)
			h->ens[i].known.again[f] = NEVER;
	free(h->again.list);
	h->again = (struct log_events){ 0 };
}
