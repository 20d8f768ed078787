// SPDX-License-Identifier: GPL-2.0
/* A journal in numbers, for people. */
#include "ktmctl.h"
#include "stat.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>

static void print_guid(const char *before, const struct ktm_guid *guid)
{
	char text[KTM_GUID_STRING];

	printf("%s %s\n", before, ktm_guid_format(guid, text));
}

static void print_size(const char *what, uint64_t bytes)
{
	printf("%-22s%" PRIu64 " bytes\n", what, bytes);
}

static void print_share(const char *what, uint64_t bytes, uint64_t all)
{
	printf("%-22s%" PRIu64 " of %" PRIu64 " bytes (%" PRIu64 "%%)\n", what, bytes, all,
	       bytes * 100 / all);
}

static void print_stream(const struct live_stream *stream)
{
	uint64_t lost;
	const uint64_t used = live_used(stream, &lost);

	printf("  stream %#" PRIx64, stream->id);
	utf8_print_quoted(stream->name, stream->name_length);
	printf(": %zu live record%s", stream->end - stream->first,
	       stream->end - stream->first == 1 ? "" : "s");
	if (lost)
		printf(" (%" PRIu64 " lost)", lost);
	printf(", %" PRIu64 " bytes, %" PRIu64 " of quota %" PRIu64 " used, base %" PRIu64
	       ", last %" PRIu64 "\n", stream->bytes, used, stream->quota, stream->found.base,
	       stream->found.last);
}

void stat_text(const struct stat_report *report)
{
	const struct survey *survey = report->survey;
	const struct live *live = &survey->live;
	const struct ktm_jo *jo = &survey->image.jo;
	const struct ktm_jf_sb *sb = &jo->sb;
	size_t i;

	print_guid("journal              ", &sb->uuid);
	print_guid("transaction manager  ", &sb->tm_guid);
	print_size("device", sb->dev_bytes);
	if (survey->image.bytes >= sb->dev_bytes + sb->unit)
		print_size("device, grown to", survey->image.bytes);
	print_size("write unit", sb->unit);
	print_size("restart extents, each", sb->restart[0].bytes);
	print_size("ring", sb->ring_bytes);
	if (jo->next_sb.ring_bytes > sb->ring_bytes)
		print_size("ring after recovery", jo->next_sb.ring_bytes);
	print_size("unflushed at most", sb->window);
	printf("%-22s%" PRIu64 "\n", "generation", sb->generation);
	printf("%-22s%" PRIu64 " to %" PRIu64 ", read from %" PRIu64 "\n", "log, LSN", sb->tail_lsn,
	       jo->tail, sb->start_lsn);
	print_share("ring in use", report->used, sb->ring_bytes);
	print_share("after recovery", report->needed, sb->ring_bytes);
	print_share("restart area lives", survey->live_bytes, report->capacity);
	printf("%-22s%" PRIu64 " usual ones (%u durable participants of %u bytes), "
	       "or %" PRIu64 " at the largest\n", "more transactions", report->usual,
	       USUAL_ENLISTMENTS, USUAL_INFORMATION, report->largest);
	printf("%-22s%" PRIu64 "\n", "virtual clock", live->found.clock);
	printf("%-22s%zu\n", "resource managers", live->rms.count);
	printf("%-22s%zu: %" PRIu64 " to commit, %" PRIu64 " to roll back, %" PRIu64
	       " for a superior to decide\n", "transactions", live->transactions.count,
	       report->outcomes[KTM_FOUND_COMMIT], report->outcomes[KTM_FOUND_ABORT],
	       report->outcomes[KTM_FOUND_SEALED]);
	printf("%-22s%zu unfinished\n", "enlistments", live->enlistments.count);
	printf("%-22s%zu\n", "streams", live->streams.count);
	for (i = 0; report->streams[i]; i++)
		print_stream(report->streams[i]);
	if (report->holder)
		printf("%-22sstream %#" PRIx64 "\n", "tail is held back by", report->holder->id);
	else
		printf("%-22s%s\n", "tail is held back by", "nothing that lives");
}
