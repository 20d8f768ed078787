// SPDX-License-Identifier: GPL-2.0
/*
 * Does a stream hold what was promised?
 *
 * Its history up to the cut is gone through once more: what the RM was told of it, and
 * what had become durable with the decisions behind it in the log.
 */
#include "streams.h"

#include "calls.h"
#include "judge.h"

#include <stdlib.h>

/* A base whose record is in the log; whoever finds a later record finds it. */
struct base {
	uint64_t base;
	uint32_t serial;
	size_t opening;
};

struct walk {
	struct expected *e;
	const struct found_stream *found;
	struct base *bases;
	size_t nr_bases;
	size_t asked;		/* between which openings the last advance was begun */
	uint32_t rm;
};

static struct fate *fate_of(const struct expected *e, uint32_t serial)
{
	size_t low = 0, high = e->nr;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (e->fates[middle].record.serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low < e->nr && e->fates[low].record.serial == serial ? &e->fates[low] : NULL;
}

static void begun(struct expected *e, const struct log_event *event)
{
	const struct mark_record *said = &event->mark.record;

	if (e->nr && e->fates[e->nr - 1].record.serial >= said->serial)
		die("records were not begun in order");
	e->fates[e->nr++] = (struct fate){
		.record = {
			.serial = said->serial,
			.kind = said->kind,
			.key = event->mark.key,
			.length = event->mark.length,
		},
		.previous = said->previous,
		.opening = event->opening,
	};
	if (said->base > e->high)
		e->high = said->base;
}

/* While the journal is opened nobody knows whether before or after. */
static size_t certain(size_t began, size_t ended)
{
	return began == ended && !(began % 2) ? began : 0;
}

static void base_logged(struct walk *w, const struct log_event *event, size_t opening)
{
	if (opening && event->mark.record.base)
		w->bases[w->nr_bases++] = (struct base){
			event->mark.record.base, event->mark.record.serial, opening,
		};
}

static void appended(struct walk *w, const struct log_event *event)
{
	struct fate *fate = fate_of(w->e, event->mark.record.serial);

	if (!fate)
		die("a record was appended that was not begun");
	fate->lsn = event->mark.record.lsn;
	fate->at = event->at;
	fate->opening = certain(fate->opening, event->opening);
	base_logged(w, event, fate->opening);
}

/* The journal was opened: that is how it is from here on. */
static void looked(struct walk *w, const struct log_event *event)
{
	struct expected *e = w->e;
	size_t i;

	for (i = e->nr; i-- && e->fates[i].record.serial > event->mark.record.serial; )
		e->fates[i].gone = true;
	if (event->mark.record.serial > e->durable)
		e->durable = event->mark.record.serial;
	e->low = e->high = event->mark.record.base;
	w->nr_bases = 0;
}

static void go_on(struct walk *w, const struct log_event *event)
{
	struct expected *e = w->e;

	switch (event->mark.fact) {
	case FACT_APPENDS:
		begun(e, event);
		break;
	case FACT_APPENDED:
		appended(w, event);
		break;
	case FACT_FLUSHED:
		if (event->mark.record.serial > e->durable)
			e->durable = event->mark.record.serial;
		break;
	case FACT_ADVANCES:
		w->asked = event->opening;
		if (event->mark.record.base > e->high)
			e->high = event->mark.record.base;
		break;
	case FACT_ADVANCED:
		base_logged(w, event, certain(w->asked, event->opening));
		break;
	default:
		looked(w, event);
	}
}

static void go(struct walk *w, const struct log_events *events, size_t end)
{
	size_t i;

	for (i = 0; i < events->nr && events->list[i].at < end; i++)
		if (events->list[i].mark.rm == w->rm)
			go_on(w, &events->list[i]);
}

/* A record behind it in the same log is there, so the base is. */
static void bases_behind(struct walk *w)
{
	struct expected *e = w->e;
	size_t i, f;

	for (i = 0; i < w->nr_bases; i++)
		for (f = w->found->nr; f--; ) {
			const struct fate *fate = fate_of(e, w->found->list[f].record.serial);

			if (fate && fate->record.serial <= w->bases[i].serial)
				break;
			if (fate && fate->opening == w->bases[i].opening &&
			    w->bases[i].base > e->low)
				e->low = w->bases[i].base;
		}
}

/* A decision that somebody knows of has made durable what is in front of it. */
static void decided(struct expected *e, const size_t *forced)
{
	size_t i;

	for (i = e->nr; i--; ) {
		const struct fate *fate = &e->fates[i];

		if (fate->gone || !fate->lsn || !fate->opening ||
		    fate->at >= forced[fate->opening])
			continue;
		if (fate->record.serial > e->durable)
			e->durable = fate->record.serial;
		return;
	}
}

/**
 * stream_expect() - what a stream must hold
 * @e: filled
 * @h: the run
 * @cut: where the power went
 * @rm: whose stream
 * @found: what it holds
 * @forced: for each opening of the journal, up to where the run's record is known to be durable
 *	what was in the log by then
 */
void stream_expect(struct expected *e, const struct history *h, const struct cut *cut, uint32_t rm,
		   const struct found_stream *found, const size_t *forced)
{
	size_t most = h->events.nr + h->again.nr + 1;
	struct walk w = { .e = e, .found = found, .rm = rm };

	*e = (struct expected){ .fates = calloc(most, sizeof(*e->fates)) };
	w.bases = calloc(most, sizeof(*w.bases));
	if (!e->fates || !w.bases)
		die("out of memory");
	go(&w, &h->events, cut->at);
	decided(e, forced);
	go(&w, &h->again, cut->again);
	bases_behind(&w);
	free(w.bases);
}

void stream_expect_end(struct expected *e)
{
	free(e->fates);
}

static const struct fate *judge_found(const struct expected *e, const struct found_record *found,
				      uint32_t rm)
{
	const struct record *record = &found->record;
	const struct fate *fate = fate_of(e, record->serial);

	if (!fate || fate->record.kind != record->kind || fate->record.key != record->key ||
	    fate->record.length != record->length) {
		violation("RM %u: stream record %u was never written", rm, record->serial);
		return NULL;
	}
	if (fate->gone)
		violation("RM %u: stream record %u is back", rm, record->serial);
	if (fate->lsn && fate->lsn != found->lsn)
		violation("RM %u: stream record %u has another LSN", rm, record->serial);
	if (fate->previous != found->previous)
		violation("RM %u: stream record %u has another link", rm, record->serial);
	if (found->restart != (record->kind == RECORD_RESTART))
		violation("RM %u: stream record %u has other flags", rm, record->serial);
	return fate;
}

/**
 * stream_judge() - does a stream hold what it must?
 * @e: what it must hold
 * @found: what it holds
 * @rm: whose it is
 */
void stream_judge(const struct expected *e, const struct found_stream *found, uint32_t rm)
{
	uint32_t last = found->nr ? found->list[found->nr - 1].record.serial : 0, before = 0;
	bool *there = calloc(e->nr + 1, sizeof(*there));
	size_t i;

	if (!there)
		die("out of memory");
	for (i = 0; i < found->nr; i++) {
		const struct fate *fate = judge_found(e, &found->list[i], rm);

		if (found->list[i].record.serial <= before)
			violation("RM %u: stream records are in another order", rm);
		before = found->list[i].record.serial;
		if (fate)
			there[fate - e->fates] = true;
	}
	if (found->base < e->low || found->base > e->high)
		violation("RM %u: the base of the stream is %llu, not from %llu to %llu", rm,
			  (unsigned long long)found->base, (unsigned long long)e->low,
			  (unsigned long long)e->high);
	for (i = 0; i < e->nr; i++) {
		const struct fate *fate = &e->fates[i];

		if (there[i] || fate->gone || !fate->lsn || fate->lsn < found->base)
			continue;
		if (fate->record.serial <= e->durable)
			violation("RM %u: stream record %u was durable and is lost", rm,
				  fate->record.serial);
		else if (fate->record.serial < last)
			violation("RM %u: stream record %u is missing in front of later ones", rm,
				  fate->record.serial);
	}
	free(there);
}

const struct found_record *stream_record(const struct found_stream *found, uint32_t key,
					 enum record_kind kind)
{
	size_t i;

	for (i = 0; i < found->nr; i++)
		if (found->list[i].record.key == key && found->list[i].record.kind == kind)
			return &found->list[i];
	return NULL;
}

/**
 * stream_passed() - may a record that is not there be in front of the base?
 * @e: what the stream must hold
 * @found: what it holds
 * @key: of the enlistment
 * @kind: of the record
 *
 * Return: it was, or may have been, written, and the base is behind it.
 */
bool stream_passed(const struct expected *e, const struct found_stream *found, uint32_t key,
		   enum record_kind kind)
{
	size_t i;

	for (i = 0; i < e->nr; i++) {
		const struct fate *fate = &e->fates[i];

		if (fate->record.key != key || fate->record.kind != kind || fate->gone)
			continue;
		/* Who was killed did not come to say where; but it is older than what is there. */
		if (fate->lsn ? fate->lsn < found->base :
				found->nr && fate->record.serial < found->list[0].record.serial)
			return true;
	}
	return false;
}
