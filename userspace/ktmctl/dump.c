// SPDX-License-Identifier: GPL-2.0
/* ktmctl journal dump: all that a journal holds, as it stands there. */
#include "dump.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

/**
 * struct dump_options - what the command line says
 * @format: text or JSON
 * @uow: only records of this transaction; nil: all
 * @stream: only records about this stream; 0: all
 * @from: only what ends behind this LSN, and nothing of the restart area; 0: all
 * @path: where the journal is
 */
struct dump_options {
	const struct dump_format *format;
	struct ktm_guid uow;
	uint64_t stream;
	uint64_t from;
	const char *path;
};

/* An LSN, or the id of a stream as dump prints it. */
static int parse_number(const char *text, const char *what, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno || !*number)
		return complain_usage("'%s' is no %s", text, what);
	return DONE;
}

static int parse_options(int argc, char **argv, struct dump_options *options)
{
	static const struct option known[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "uow", required_argument, NULL, 'u' },
		{ "stream", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ 0 },
	};
	int option, ret = DONE;

	memset(options, 0, sizeof(*options));
	options->format = &dump_text;
	while (!ret && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option == 'j')
			options->format = &dump_json;
		else if (option == 'f')
			ret = parse_number(optarg, "LSN", &options->from);
		else if (option == 's')
			ret = parse_number(optarg, "stream's id", &options->stream);
		else if (option != 'u')
			ret = complain_option(option, "journal dump", argv);
		else if (ktm_guid_parse(optarg, &options->uow) || ktm_guid_is_nil(&options->uow))
			ret = complain_usage("'%s' is no GUID", optarg);
	}
	if (ret)
		return ret;
	if (argc - optind != 1)
		return complain_usage("journal dump: which device?");
	options->path = argv[optind];
	return DONE;
}

/* ---- what is at hand ---- */

uint64_t dump_batch_place(const struct image *image)
{
	const struct ktm_jo *jo = &image->jo;

	if (ktm_jo_in_area(jo))
		return jo->sb.restart[jo->sb.restart_index].start + jo->batch.lsn;
	return image_place(image, jo->batch.lsn);
}

uint32_t dump_record_start(const struct image *image)
{
	return image->jo.rec_pos - ktm_jrec_size(&image->jo.rec);
}

const char *record_name(uint16_t type)
{
	static const char *const names[] = {
		[KTM_JREC_CLOCK]	= "CLOCK",
		[KTM_JREC_RM]		= "RM",
		[KTM_JREC_RM_GONE]	= "RM_GONE",
		[KTM_JREC_PREPARED]	= "PREPARED",
		[KTM_JREC_DECISION]	= "DECISION",
		[KTM_JREC_COMPLETION]	= "COMPLETION",
		[KTM_JREC_TX]		= "TX",
		[KTM_JREC_STREAM]	= "STREAM",
		[KTM_JREC_STREAM_GONE]	= "STREAM_GONE",
		[KTM_JREC_SREC]		= "SREC",
		[KTM_JREC_SBASE]	= "SBASE",
		[KTM_JREC_STRUNC]	= "STRUNC",
		[KTM_JREC_SINDEX]	= "SINDEX",
	};

	return type < sizeof(names) / sizeof(names[0]) && names[type] ? names[type] : "UNKNOWN";
}

const char *outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[KTM_JREC_UNDECIDED]	= "undecided",
		[KTM_JREC_COMMIT]	= "commit",
		[KTM_JREC_ABORT]	= "abort",
	};

	return names[outcome];
}

static const struct ktm_guid *uow_of(const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_PREPARED:
		return &rec->prepared.uow;
	case KTM_JREC_DECISION:
		return &rec->decision.uow;
	case KTM_JREC_COMPLETION:
		return &rec->completion.uow;
	case KTM_JREC_TX:
		return &rec->tx.uow;
	default:
		return NULL;
	}
}

/* 0: it is about no stream. */
static uint64_t stream_of(const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_PREPARED:
		return rec->prepared.stream;
	case KTM_JREC_STREAM:
		return rec->stream.id;
	case KTM_JREC_STREAM_GONE:
		return rec->stream_gone.id;
	case KTM_JREC_SREC:
		return rec->srec.id;
	case KTM_JREC_SBASE:
		return rec->sbase.id;
	case KTM_JREC_STRUNC:
		return rec->strunc.id;
	case KTM_JREC_SINDEX:
		return rec->sindex.id;
	default:
		return 0;
	}
}

/* ---- the walk ---- */

static void print_superblocks(const struct image *image, const struct dump_format *format)
{
	const struct ktm_jo *jo = &image->jo;
	const int chosen = image_chosen(image);

	if (jo->sb1_good || jo->sb1_fault.msg)
		format->superblock(0, jo->sb1_good && !chosen, jo->sb1_good ? &jo->sb1 : NULL,
				   &jo->sb1_fault);
	if (jo->sb2_good || jo->sb2_fault.msg)
		format->superblock(jo->sb2_good ? ktm_jf_sb2_place(&jo->sb2) : jo->sb2_fault.place,
				   jo->sb2_good && chosen, jo->sb2_good ? &jo->sb2 : NULL,
				   &jo->sb2_fault);
}

static bool is_wanted(const struct image *image, const struct dump_options *options)
{
	const struct ktm_jo *jo = &image->jo;
	const struct ktm_guid *uow = uow_of(&jo->rec);

	if (options->from && (ktm_jo_in_area(jo) || jo->rec.lsn <= options->from))
		return false;
	if (options->stream && stream_of(&jo->rec) != options->stream)
		return false;
	return ktm_guid_is_nil(&options->uow) || (uow && ktm_guid_equal(uow, &options->uow));
}

static int dump(struct image *image, const struct dump_options *options)
{
	const struct dump_format *format = options->format;
	const bool whole = ktm_guid_is_nil(&options->uow) && !options->stream;
	struct ktm_jo *jo = &image->jo;
	bool has_superblocks = !whole || options->from;
	uint64_t printed = UINT64_MAX;

	for (;;) {
		enum ktm_jo_want want = image_next(image);

		if (!has_superblocks)
			print_superblocks(image, format);
		has_superblocks = true;
		switch (want) {
		case KTM_JO_REPLAY:
			if (!is_wanted(image, options))
				break;
			/* Who asks for one transaction or stream gets its records only. */
			if (whole && dump_batch_place(image) != printed)
				format->batch(image);
			printed = dump_batch_place(image);
			format->record(image);
			break;
		case KTM_JO_SNAPSHOT:
			ktm_jo_stop(jo);
			break;
		case KTM_JO_DONE:
			if (whole)
				format->tail(image);
			return DONE;
		default:
			format->fault(&jo->fault);
			return jo->fault.code == KTM_JF_IO ? FAILED : DAMAGED;
		}
	}
}

int journal_dump(int argc, char **argv)
{
	struct dump_options options;
	struct image image;
	int ret = parse_options(argc, argv, &options);

	if (ret)
		return ret;
	ret = image_open(&image, options.path);
	if (!ret)
		ret = dump(&image, &options);
	image_close(&image);
	return ret;
}
