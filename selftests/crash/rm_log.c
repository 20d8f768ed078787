// SPDX-License-Identifier: GPL-2.0
/*
 * A test RM and its log stream: redo that comes with the vote, the record of the end
 * that comes with the last answer, restart records, and a base that follows.
 *
 * Only the RM's thread appends, so that the serials of its records rise with their LSNs.
 */
#include "workload.h"

#include <unistd.h>

/* A record on its way. */
struct out {
	struct record record;
	struct mark_record said;
	uint8_t data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_piece piece;
	struct ktm_stream_append append;
};

static void note(struct participant *p, const struct record *record, uint64_t lsn)
{
	struct part *part = &shared->parts[record->key];

	p->last = lsn;
	p->last_serial = record->serial;
	if (record->kind == RECORD_REDO)
		part->redo = lsn;
	else if (record->kind != RECORD_RESTART)
		part->ended = true;
}

/**
 * log_known() - is what the RM knows of its stream still so?
 * @p: the RM
 *
 * Return: not if the journal was opened since it read it: to advance the base to where it is
 * does nothing, and says so.
 */
bool log_known(struct participant *p)
{
	return p->known && !stream_advance(p->stream, p->base);
}

/* What was left is forgotten: what counts is there. */
static void forget(struct participant *p)
{
	unsigned int i;

	p->last = 0;
	p->last_serial = 0;
	for (i = 0; i < shared->nr_parts && i < MAX_ENLISTMENTS; i++)
		if (shared->parts[i].rm == p->number) {
			shared->parts[i].redo = 0;
			shared->parts[i].ended = false;
		}
}

/**
 * log_found() - read all of the stream, after the journal was opened
 * @p: its RM
 *
 * Return: yes, done; no: the journal has failed, it will be opened again.
 */
bool log_found(struct participant *p)
{
	uint8_t data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_info info;
	struct ktm_stream_read read;
	struct record record = { 0 };
	uint64_t lsn = 0;
	uint32_t status;

	p->fresh = true;
	status = stream_info(p->stream, &info);
	if (!status) {
		p->known = false;
		forget(p);
	}
	while (!status) {
		status = stream_read(p->stream, KTM_STREAM_NEXT, lsn, data, &read);
		if (status)
			break;
		if (read.lsn <= lsn || !record_check(data, read.length, &record) ||
		    record.key >= MAX_ENLISTMENTS)
			die("RM %u finds a record that it did not write", p->number);
		lsn = read.lsn;
		note(p, &record, lsn);
	}
	if (is_of_failure(p, status))
		return false;
	if (status != KTM_STATUS_NO_MORE_ENTRIES)
		die("RM %u cannot read its stream: status %u", p->number, status);
	p->base = info.base_lsn;
	p->restart = info.restart_lsn;
	p->known = true;
	mark_put_record(FACT_LAST, p->number, &(struct record){ 0 }, &(struct mark_record){
			.serial = p->last_serial, .base = p->base });
	return true;
}

/**
 * log_open() - open the stream, or make it
 * @p: its RM
 */
void log_open(struct participant *p)
{
	const char *name = stream_name(p->number);
	uint32_t status;

	for (;;) {
		status = stream_open(p->tm, name, &p->stream);
		if (status == KTM_STATUS_STREAM_NOT_FOUND)
			status = stream_create(p->tm, name, STREAM_QUOTA, &p->stream);
		if (!status)
			return;
		if (!is_of_failure(p, status))
			die("RM %u cannot open its stream: status %u", p->number, status);
		usleep(1000);
	}
}

static void compose(struct participant *p, struct out *out, enum record_kind kind,
		    const struct part *part, uint32_t length, uint64_t base)
{
	uint64_t previous = kind == RECORD_RESTART ? p->restart : part->redo;

	out->record = (struct record){
		.serial = atomic_fetch_add(&shared->nr_records, 1) + 1,
		.kind = kind,
		.key = part ? (uint32_t)(part - shared->parts) : 0,
		.length = length,
	};
	out->said = (struct mark_record){
		.serial = out->record.serial, .kind = kind, .previous = previous, .base = base,
	};
	record_fill(out->data, &out->record);
	out->piece = (struct ktm_stream_piece){ (uintptr_t)out->data, length };
	out->append = append_arg(kind == RECORD_RESTART ? KTM_STREAM_RESTART : 0, &out->piece,
				 previous, base);
	mark_put_record(FACT_APPENDS, p->number, &out->record, &out->said);
}

static void appended(struct participant *p, struct out *out, uint64_t base)
{
	out->said.lsn = out->append.lsn;
	out->said.base = base;
	if (out->append.lsn <= p->last)
		die("RM %u: an LSN does not rise", p->number);
	p->fresh = false;
	note(p, &out->record, out->append.lsn);
	mark_put_record(FACT_APPENDED, p->number, &out->record, &out->said);
	atomic_fetch_add(&shared->nr_appended, 1);
}

static uint32_t redo_bytes(const struct part *part)
{
	uint32_t draw = part->seed / 4;

	return (uint32_t)sizeof(struct record) + draw % (draw % 4 ? 2500 : 12000);
}

/**
 * log_answer() - an answer that brings a record
 * @p: the RM
 * @part: its enlistment
 * @request: KTM_IOC_PREPARE_COMPLETE, which also asks for room for the end; or one that
 *	ends its part
 * @kind: of the record
 * @information: to be left with the vote
 * @length: bytes of it
 *
 * Return: the answer's status.
 */
uint32_t log_answer(struct participant *p, struct part *part, unsigned long request,
		    enum record_kind kind, const void *information, uint32_t length)
{
	bool votes = kind == RECORD_REDO;
	uint32_t status;
	struct out out;

	do {
		compose(p, &out, kind, part, votes ? redo_bytes(part) : END_BYTES, 0);
		status = answer_stream(p->fd, request, &part->en, information, length, p->stream,
				       &out.append, votes ? END_BYTES : 0);
	} while (status == KTM_STATUS_STREAM_REOPENED && log_found(p));
	if (!status)
		appended(p, &out, 0);
	p->full |= status == KTM_STATUS_STREAM_FULL;
	return status;
}

/* The oldest record that it may still need. */
static uint64_t oldest(const struct participant *p)
{
	uint64_t lsn = p->last;
	unsigned int i;

	for (i = 0; i < shared->nr_parts && i < MAX_ENLISTMENTS; i++) {
		const struct part *part = &shared->parts[i];

		if (part->rm == p->number && part->redo && !part->done && part->redo < lsn)
			lsn = part->redo;
	}
	return lsn;
}

static void expect_upkeep(struct participant *p, uint32_t status, const char *what)
{
	if (status == KTM_STATUS_STREAM_REOPENED)
		log_found(p);
	else if (status && status != KTM_STATUS_LOG_FULL && status != KTM_STATUS_STREAM_FULL &&
		 !is_of_failure(p, status))
		die("RM %u: %s came to status %u", p->number, what, status);
}

static void flushed(struct participant *p)
{
	mark_put_record(FACT_FLUSHED, p->number, &(struct record){ 0 },
			&(struct mark_record){ .serial = p->last_serial });
}

static void flush(struct participant *p)
{
	uint32_t status = stream_flush(p->stream);

	if (!status)
		flushed(p);
	expect_upkeep(p, status, "FLUSH");
}

static void restart(struct participant *p, bool durable)
{
	uint64_t base = oldest(p);
	uint32_t status;
	struct out out;

	compose(p, &out, RECORD_RESTART, NULL,
		(uint32_t)sizeof(struct record) + (uint32_t)prng_below(&p->prng, 4000), base);
	if (durable)
		out.append.flags |= KTM_STREAM_DURABLE;
	status = stream_append(p->stream, &out.append);
	if (!status) {
		appended(p, &out, base);
		p->base = base;
		p->restart = out.append.lsn;
		atomic_fetch_add(&shared->nr_bases, 1);
		if (durable)
			flushed(p);
	}
	expect_upkeep(p, status, "a restart record");
}

static void advance(struct participant *p)
{
	struct mark_record said = { .serial = p->last_serial, .base = oldest(p) };
	const struct record none = { 0 };
	uint32_t status;

	mark_put_record(FACT_ADVANCES, p->number, &none, &said);
	status = stream_advance(p->stream, said.base);
	if (!status) {
		mark_put_record(FACT_ADVANCED, p->number, &none, &said);
		p->base = said.base;
		if (p->restart < p->base)
			p->restart = 0;
		atomic_fetch_add(&shared->nr_bases, 1);
	}
	expect_upkeep(p, status, "ADVANCE");
}

/**
 * log_upkeep() - what an RM does with its stream besides: now and then
 * @p: the RM
 *
 * The first gives up what it does not need soon; the others let it lie until it is much,
 * so that the log has to be copied forward.
 */
void log_upkeep(struct participant *p)
{
	uint64_t draw = prng_below(&p->prng, 16);

	if (!p->known || p->fresh || !p->last)
		return;
	if (!draw)
		flush(p);
	if (draw > 2 || (p->number && !p->full && p->last - p->base < shared->ring_bytes))
		return;
	p->full = false;
	if (prng_below(&p->prng, 3))
		restart(p, prng_below(&p->prng, 2));
	else
		advance(p);
}
