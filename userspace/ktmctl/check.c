// SPDX-License-Identifier: GPL-2.0
/*
 * ktmctl journal check: what is wrong with a journal, and what recovery would do. Its
 * findings are those of the opening and of the rules that recovery itself goes by.
 */
#include "ktmctl.h"
#include "survey.h"
#include "utf8.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * struct verdict - what is to be said in the end
 * @mendable: things that an opening makes good
 * @damaged: things that nothing makes good
 */
struct verdict {
	unsigned int mendable;
	unsigned int damaged;
};

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void print_guid(const char *before, const struct ktm_guid *guid)
{
	char text[KTM_GUID_STRING];

	printf("%s %s", before, ktm_guid_format(guid, text));
}

/* ---- as it stands there ---- */

static void print_copy(uint64_t place, const struct ktm_jf_sb *sb, const struct ktm_jf_fault *fault,
		       const struct ktm_jf_sb *chosen, struct verdict *verdict)
{
	printf("superblock at byte %" PRIu64 ": ", place);
	if (sb) {
		printf("good, generation %" PRIu64 "%s\n", sb->generation,
		       sb->generation < chosen->generation ? ", older than the other" : "");
		return;
	}
	printf("not good: %s\n", fault->msg);
	verdict->mendable++;
}

static void print_copies(const struct image *image, struct verdict *verdict)
{
	const struct ktm_jo *jo = &image->jo;

	if (jo->sb1_good || jo->sb1_fault.msg)
		print_copy(0, jo->sb1_good ? &jo->sb1 : NULL, &jo->sb1_fault, &jo->sb, verdict);
	if (jo->sb2_good || jo->sb2_fault.msg)
		print_copy(jo->sb2_good ? ktm_jf_sb2_place(&jo->sb2) : jo->sb2_fault.place,
			   jo->sb2_good ? &jo->sb2 : NULL, &jo->sb2_fault, &jo->sb, verdict);
}

static void print_signpost(const struct ktm_jo *jo, struct verdict *verdict)
{
	const uint64_t place = ktm_jf_signpost_place(&jo->sb);

	switch (jo->post) {
	case KTM_JO_POST_GOOD:
		printf("signpost at byte %" PRIu64 ": good\n", place);
		break;
	case KTM_JO_POST_LOST:
		printf("signpost at byte %" PRIu64 ": not good: it does not say where the second superblock is\n",
		       place);
		verdict->mendable++;
		break;
	case KTM_JO_POST_NO_PLACE:
		puts("no signpost: something else is at its place, so the log does not grow with its device");
		break;
	default:
		break;
	}
}

static void print_end(const struct survey *survey)
{
	static const char *const words[] = {
		[BEHIND_NOTHING]	= "nothing was written behind it",
		[BEHIND_TORN]		= "behind it a batch was not written to its end",
		[BEHIND_STRANGE]	= "the batch behind it does not continue the log",
		[BEHIND_UNREADABLE]	= "what is behind it cannot be read",
		[BEHIND_FULL]		= "there is no room behind it",
	};

	printf("  %s\n", words[survey->behind]);
	if (survey->survivors)
		printf("  %" PRIu64 " batch%s behind a gap: never durable, and never read\n",
		       survey->survivors, survey->survivors == 1 ? "" : "es");
}

static void print_log(const struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;

	printf("restart area at byte %" PRIu64 ": %" PRIu64 " record%s in %" PRIu64 " bytes, "
	       "knows of the log up to LSN %" PRIu64 "\n",
	       jo->sb.restart[jo->sb.restart_index].start, survey->area_records,
	       plural(survey->area_records), jo->sb.restart_bytes, jo->sb.restart_lsn);
	if (!jo->tail) {
		printf("log from LSN %" PRIu64 " (byte %" PRIu64 ")", jo->sb.start_lsn,
		       image_place(&survey->image, jo->sb.start_lsn));
		printf(": %" PRIu64 " record%s were read\n", survey->records, plural(survey->records));
		return;
	}
	printf("log from LSN %" PRIu64 " (byte %" PRIu64 ") to LSN %" PRIu64 " (byte %" PRIu64 "): %"
	       PRIu64 " record%s in %" PRIu64 " batch%s\n", jo->sb.start_lsn,
	       image_place(&survey->image, jo->sb.start_lsn), jo->tail,
	       image_place(&survey->image, jo->tail), survey->records, plural(survey->records),
	       survey->batches, survey->batches == 1 ? "" : "es");
}

static void print_medium(const struct image *image, struct verdict *verdict)
{
	if (!image->bad)
		return;
	printf("%" PRIu64 " place%s cannot be read (medium error), the first at byte %" PRIu64 "\n",
	       image->bad, plural(image->bad), image->first_bad);
	verdict->mendable++;
}

static void print_fault(const struct survey *survey, struct verdict *verdict)
{
	const struct ktm_jo *jo = &survey->image.jo;
	const struct ktm_jf_fault *fault = &jo->fault;
	uint64_t place = fault->place;

	if (fault->code == KTM_JF_OK)
		return;
	/* The opening only knows that its user refused what a batch holds. */
	if (fault->code == KTM_JF_REFUSED && fault->lsn)
		place = image_place(&survey->image, jo->batch.lsn);
	printf("%s at byte %" PRIu64, fault->code == KTM_JF_CORRUPT || fault->code == KTM_JF_REFUSED ?
	       "damaged" : "wrong", place);
	if (fault->lsn)
		printf(", LSN %" PRIu64, fault->lsn);
	printf(": %s\n", survey->why ? survey->why : fault->msg);
	if (fault->code == KTM_JF_CORRUPT && jo->tail && fault->lsn == jo->tail &&
	    jo->batch.lsn > jo->tail)
		printf("  the batch at LSN %" PRIu64 " (byte %" PRIu64 ") was written when all before LSN %"
		       PRIu64 " was durable\n", jo->batch.lsn,
		       image_place(&survey->image, jo->batch.lsn), jo->batch.flushed_lsn);
	verdict->damaged++;
}

/* A record that lives before the restart point is read when somebody asks for it. */
static void check_stream(struct survey *survey, const struct live_stream *stream,
			 struct verdict *verdict)
{
	const char *why;
	size_t i;

	for (i = stream->first; i < stream->end; i++) {
		const struct ktm_jsent *record = &stream->records[i];

		if (record->flags & KTM_JREC_F_LOST) {
			printf("lost: record %" PRIu64 " of stream %#" PRIx64
			       " could not be read, and the log has given it up\n", record->lsn,
			       stream->id);
			verdict->damaged++;
			continue;
		}
		why = survey_read(survey, stream, record);
		if (!why)
			continue;
		printf("damaged at byte %" PRIu64 ", LSN %" PRIu64 ": record %" PRIu64 " of stream %#"
		       PRIx64 ": %s\n", image_place(&survey->image, record->place), record->place,
		       record->lsn, stream->id, why);
		verdict->damaged++;
	}
}

/* ---- what recovery would do ---- */

static void print_participant(const struct live_en *en, const char *what)
{
	print_guid("   ", &en->guid);
	print_guid(" of resource manager", &en->rm->guid);
	if (en->rm->description_length)
		utf8_print_quoted(en->rm->description, en->rm->description_length);
	if (en->stream)
		printf(", stream %#" PRIx64, en->stream);
	printf(" %s\n", what);
}

static void print_transaction(const struct live_tx *tx)
{
	static const struct {
		const char *head, *each, *superior;
	} words[] = {
		[KTM_FOUND_ABORT] = {
			"  roll back", "is told ROLLBACK", "is told of the end",
		},
		[KTM_FOUND_SEALED] = {
			"  wait for the superior of", "stays prepared", "decides",
		},
		[KTM_FOUND_COMMIT] = {
			"  commit again", "is told COMMIT", "is told of the end",
		},
	};
	const enum ktm_found found = ktm_jp_outcome(&tx->found, U64_MAX);
	const struct live_en *en;

	print_guid(words[found].head, &tx->uow);
	if (tx->found.decided)
		printf(", as was decided at clock %" PRIu64, tx->found.clock);
	else if (found == KTM_FOUND_ABORT)
		fputs(", which was never decided", stdout);
	putchar('\n');
	list_for_each_entry(en, &tx->enlistments, link)
		print_participant(en, en->superior ? words[found].superior : words[found].each);
}

static void print_space(const struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;
	const struct live_stream *whose;

	if (jo->post == KTM_JO_POST_LOST)
		puts("  write the signpost again");
	if (jo->flushed < jo->tail)
		printf("  write %" PRIu64 " bytes of the log again, from LSN %" PRIu64 " on\n",
		       jo->tail - jo->flushed, jo->flushed);
	printf("  write a restart area of %" PRIu64 " bytes, of %" PRIu64 " that fit\n",
	       jo->next_sb.restart_bytes, jo->sb.restart[0].bytes);
	if (jo->next_sb.ring_bytes > jo->sb.ring_bytes)
		printf("  let the log grow with its device, from %" PRIu64 " to %" PRIu64 " bytes\n",
		       jo->sb.ring_bytes, jo->next_sb.ring_bytes);
	live_oldest(&survey->live, &whose);
	if (whose)
		printf("  keep the log from LSN %" PRIu64 " on, for stream %#" PRIx64 "\n",
		       jo->next_sb.tail_lsn, whose->id);
	else
		printf("  let go of the log before LSN %" PRIu64 "\n", jo->tail);
}

static int print_recovery(const struct survey *survey)
{
	void **all = live_list(&survey->live.transactions);
	size_t i;

	if (!all)
		return complain("out of memory");
	puts("recovery would");
	print_space(survey);
	for (i = 0; all[i]; i++)
		print_transaction(all[i]);
	free(all);
	return DONE;
}

/* ---- the command ---- */

static int check_records(struct survey *survey, struct verdict *verdict)
{
	void **streams = live_list(&survey->live.streams);
	size_t i;

	if (!streams)
		return complain("out of memory");
	for (i = 0; streams[i]; i++)
		check_stream(survey, streams[i], verdict);
	free(streams);
	return DONE;
}

static const char *advice(enum ktm_jf_code code)
{
	switch (code) {
	case KTM_JF_NOT_JOURNAL:
		return "is it the right device? A copy of its journal can be put back";
	case KTM_JF_TOO_SMALL:
		return "give the device the size back that it had";
	case KTM_JF_OK:
	case KTM_JF_UNSUPPORTED:
		return "a version of ktm can use it that knows what it is";
	default:
		return "put back a copy of it, or give up what it holds: see DAMAGED JOURNALS in ktmctl(8)";
	}
}

static int conclude(const struct survey *survey, const struct verdict *verdict)
{
	if (!survey_opens(survey)) {
		puts("recovery refuses this journal and changes nothing");
		puts(advice(survey->image.jo.fault.code));
		return DAMAGED;
	}
	if (verdict->damaged) {
		puts("what is damaged is lost; the rest can be recovered");
		return DAMAGED;
	}
	if (verdict->mendable) {
		puts("recovery makes good what is wrong");
		return MENDABLE;
	}
	puts("nothing is wrong");
	return DONE;
}

static int check(struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;
	struct verdict verdict = { 0 };
	int ret = DONE;

	/* No superblock was chosen: nothing else is known. */
	if (jo->sb.unit) {
		print_guid("journal", &jo->sb.uuid);
		print_guid(", transaction manager", &jo->sb.tm_guid);
		putchar('\n');
	}
	print_copies(&survey->image, &verdict);
	if (jo->sb.unit) {
		print_signpost(jo, &verdict);
		print_log(survey);
	}
	if (jo->fault.code == KTM_JF_OK)
		print_end(survey);
	print_medium(&survey->image, &verdict);
	print_fault(survey, &verdict);
	if (jo->sb.unit && (jo->sb.ro_compat & ~KTM_JF_RO_COMPAT))
		puts("it has features that this version cannot write");
	if (jo->fault.code == KTM_JF_OK)
		ret = check_records(survey, &verdict);
	if (!ret && survey_opens(survey))
		ret = print_recovery(survey);
	return ret ? ret : conclude(survey, &verdict);
}

int journal_check(int argc, char **argv)
{
	struct survey survey;
	int option, ret;

	option = getopt_long(argc, argv, ":", (const struct option[]){ { 0 } }, NULL);
	if (option != -1)
		return complain_option(option, "journal check", argv);
	if (argc - optind != 1)
		return complain_usage("journal check: which device?");
	ret = survey_begin(&survey, argv[optind]);
	if (!ret)
		ret = check(&survey);
	survey_end(&survey);
	return ret;
}
