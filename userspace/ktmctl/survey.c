// SPDX-License-Identifier: GPL-2.0
/* See survey.h. */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the walk ---- */

static void count_record(struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;
	/* The first record of a batch stands right behind its head. */
	const bool first = jo->rec_pos == KTM_JF_BATCH_HEAD + ktm_jrec_size(&jo->rec);

	if (ktm_jo_in_area(jo)) {
		survey->area_batches += first;
		survey->area_records++;
	} else {
		survey->batches += first;
		survey->records++;
	}
}

static int refuse(struct survey *survey, int err)
{
	if (err == -ENOMEM)
		return complain("out of memory");
	survey->why = survey->live.found.why;
	ktm_jo_refuse(&survey->image.jo, err);
	return DONE;
}

static int add_to_area(void *ctx, const struct ktm_jrec *rec)
{
	struct survey *survey = ctx;
	int err;

	survey->live_bytes += ktm_jrec_size(rec);
	do {
		err = ktm_jo_snap_add(&survey->image.jo, rec);
		/* A batch is full; nothing is read or written until there is room again. */
	} while (err == -EAGAIN && image_next(&survey->image) == KTM_JO_SNAPSHOT);
	return err;
}

/* Gives the opening what it would write, to learn whether that fits. */
static int give_snapshot(struct survey *survey)
{
	struct ktm_jo *jo = &survey->image.jo;
	const struct live_stream *whose;
	int err = live_complete(&survey->live, jo->tail);

	if (!err)
		err = live_consistent(&survey->live);
	if (!err)
		err = live_records(&survey->live, add_to_area, survey);
	if (err)
		return refuse(survey, err);
	ktm_jo_snap_end(jo, live_oldest(&survey->live, &whose));
	return DONE;
}

static int walk(struct survey *survey)
{
	struct ktm_jo *jo = &survey->image.jo;
	bool begun = false;
	int ret = DONE, err;

	while (!ret) {
		const enum ktm_jo_want want = image_next(&survey->image);

		if (!begun && (want == KTM_JO_REPLAY || want == KTM_JO_SNAPSHOT)) {
			live_init(&survey->live, &jo->sb);
			begun = true;
		}
		if (want == KTM_JO_REPLAY) {
			count_record(survey);
			err = live_replay(&survey->live, &jo->rec);
			if (err)
				ret = refuse(survey, err);
		} else if (want == KTM_JO_SNAPSHOT) {
			ret = give_snapshot(survey);
		} else {
			break;
		}
	}
	return ret;
}

/* ---- behind the end ---- */

static enum ktm_jf_found look_at(struct survey *survey, struct ktm_jf_scan *scan, uint64_t lsn)
{
	struct ktm_jf_batch batch;
	enum ktm_jf_found found;
	const u8 *data;
	int err;

	while ((found = ktm_jf_scan_at(scan, lsn, &batch, &data)) == KTM_JF_NEED_READ) {
		err = image_read(&survey->image, scan->place, scan->want, ktm_jf_scan_to(scan));
		if (ktm_jf_scan_read_done(scan, err))
			return KTM_JF_NOTHING;
	}
	return found;
}

static enum behind look_at_end(struct survey *survey, struct ktm_jf_scan *scan)
{
	const struct ktm_jo *jo = &survey->image.jo;
	const uint64_t place = image_place(&survey->image, jo->tail);
	uint32_t bytes;

	if (jo->tail >= scan->end)
		return BEHIND_FULL;
	if (look_at(survey, scan, jo->tail) == KTM_JF_BATCH)
		return BEHIND_STRANGE;
	if (image_read(&survey->image, place, jo->sb.unit, survey->image.buf))
		return BEHIND_UNREADABLE;
	return ktm_jf_batch_peek(&scan->chain, jo->tail, survey->image.buf, &bytes) ?
	       BEHIND_TORN : BEHIND_NOTHING;
}

/* The same places where the opening has looked for a sign of damage. */
static void look_behind(struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;
	struct ktm_jf_scan scan;
	uint64_t lsn;

	ktm_jf_scan_ring(&scan, &jo->sb, survey->image.buf, KTM_JF_BATCH_MAX);
	survey->behind = look_at_end(survey, &scan);
	/* That has read into the scanner's buffer. */
	ktm_jf_scan_ring(&scan, &jo->sb, survey->image.buf, KTM_JF_BATCH_MAX);
	for (lsn = jo->tail + jo->sb.unit; lsn <= jo->tail + jo->sb.window; lsn += jo->sb.unit)
		survey->survivors += look_at(survey, &scan, lsn) == KTM_JF_BATCH;
}

/* ---- for others ---- */

int survey_begin(struct survey *survey, const char *path)
{
	int ret;

	memset(survey, 0, sizeof(*survey));
	ret = image_open(&survey->image, path);
	if (!ret)
		ret = walk(survey);
	if (!ret && survey->image.jo.fault.code == KTM_JF_IO)
		ret = complain("%s: cannot read at byte %llu: %s", path,
			       (unsigned long long)survey->image.jo.fault.place,
			       strerror(-survey->image.jo.fault.err));
	if (!ret && survey->image.jo.fault.code == KTM_JF_OK)
		look_behind(survey);
	return ret;
}

void survey_end(struct survey *survey)
{
	live_free(&survey->live);
	image_close(&survey->image);
}

bool survey_opens(const struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;

	return jo->fault.code == KTM_JF_OK && !(jo->sb.ro_compat & ~KTM_JF_RO_COMPAT);
}

const char *survey_read(struct survey *survey, const struct live_stream *stream,
			const struct ktm_jsent *record)
{
	const struct ktm_jf_sb *sb = &survey->image.jo.sb;
	const uint64_t first = record->place - record->place % sb->unit;
	const uint32_t skip = (uint32_t)(record->place - first);
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	uint8_t *to = survey->image.buf;
	struct ktm_jrec rec;
	const char *why;
	int i, count;

	count = ktm_jf_map(sb, first, ALIGN(skip + record->bytes, sb->unit), segs);
	for (i = 0; i < count; i++) {
		if (image_read(&survey->image, segs[i].place, segs[i].bytes, to))
			return "its place cannot be read";
		to += segs[i].bytes;
	}
	if (!ktm_jrec_decode(&rec, (uint8_t *)survey->image.buf + skip, record->bytes, &why))
		return why;
	if (rec.type != KTM_JREC_SREC || rec.srec.id != stream->id ||
	    rec.srec.lsn != record->lsn || ktm_jrec_size(&rec) != record->bytes)
		return "another record stands in its place";
	return NULL;
}
