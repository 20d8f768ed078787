// SPDX-License-Identifier: GPL-2.0
/* ktmctl journal stat: how large and how full a journal is, what lives, what holds its tail. */
#include "ktmctl.h"
#include "stat.h"

#include <getopt.h>
#include <stdlib.h>

static int count_transactions(struct stat_report *report)
{
	void **all = live_list(&report->survey->live.transactions);
	size_t i;

	if (!all)
		return complain("out of memory");
	for (i = 0; all[i]; i++) {
		const struct live_tx *tx = all[i];

		report->outcomes[ktm_jp_outcome(&tx->found, U64_MAX)]++;
	}
	free(all);
	return DONE;
}

static int count(struct stat_report *report, const struct survey *survey)
{
	const struct ktm_jo *jo = &survey->image.jo;
	uint64_t left;

	memset(report, 0, sizeof(*report));
	report->survey = survey;
	report->streams = (struct live_stream **)live_list(&survey->live.streams);
	if (!report->streams)
		return complain("out of memory");
	report->used = jo->tail - jo->sb.tail_lsn;
	report->needed = jo->tail - jo->next_sb.tail_lsn;
	report->capacity = ktm_jf_live_capacity(&jo->sb);
	left = report->capacity - min(report->capacity, survey->live_bytes);
	report->usual = left / ktm_jf_live_tx_bytes(USUAL_ENLISTMENTS, USUAL_INFORMATION);
	report->largest = left / ktm_jf_live_tx_bytes(USUAL_ENLISTMENTS, KTM_JF_INFO_MAX);
	live_oldest(&survey->live, &report->holder);
	return count_transactions(report);
}

static int print(const struct survey *survey, bool json)
{
	struct stat_report report;
	int ret = count(&report, survey);

	if (!ret && json)
		stat_json(&report);
	else if (!ret)
		stat_text(&report);
	free(report.streams);
	return ret;
}

int journal_stat(int argc, char **argv)
{
	static const struct option known[] = {
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	struct survey survey;
	bool json = false;
	int option, ret;

	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option != 'j')
			return complain_option(option, "journal stat", argv);
		json = true;
	}
	if (argc - optind != 1)
		return complain_usage("journal stat: which device?");
	ret = survey_begin(&survey, argv[optind]);
	if (!ret && survey.image.jo.fault.code != KTM_JF_OK) {
		complain("%s: byte %llu: %s (ktmctl journal check tells more)", argv[optind],
			 (unsigned long long)survey.image.jo.fault.place,
			 survey.why ? survey.why : survey.image.jo.fault.msg);
		ret = DAMAGED;
	}
	if (!ret)
		ret = print(&survey, json);
	survey_end(&survey);
	return ret;
}
