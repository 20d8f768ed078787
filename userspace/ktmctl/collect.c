// SPDX-License-Identifier: GPL-2.0
/* Ask the kernel about everything that the caller may see. */
#include "ktmctl.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int out_of_memory(uint32_t *status)
{
	*status = KTM_STATUS_INSUFFICIENT_RESOURCES;
	return -ENOMEM;
}

/*
 * All GUIDs of a kind, allocated. Objects come and go meanwhile: what lives all
 * the time is there once.
 */
static int list(int fd, uint32_t kind, struct ktm_guid **guids, size_t *count, uint32_t *status)
{
	struct ktm_guid *found = NULL, *bigger, guid;
	size_t used = 0, room = 0;
	struct ktm_iter iter;
	int ret;

	ktm_iter_init(&iter, fd, kind);
	while ((ret = ktm_iter_next(&iter, &guid, status)) > 0) {
		if (used == room) {
			room = room ? 2 * room : 64;
			bigger = realloc(found, room * sizeof(*found));
			if (!bigger) {
				free(found);
				return out_of_memory(status);
			}
			found = bigger;
		}
		found[used++] = guid;
	}
	if (ret < 0) {
		free(found);
		return ret;
	}
	*guids = found;
	*count = used;
	return 0;
}

static void ask_rm(int tm, struct rm_report *rm)
{
	int fd = ktm_rm_open(tm, &rm->guid, 0, KTM_RM_QUERY_INFORMATION, &rm->status);

	rm->error = fd < 0 ? fd : ktm_rm_query(fd, &rm->info, &rm->status);
	if (fd >= 0)
		close(fd);
}

/* 0, too, if there is none. */
static int ask_superior(int fd, struct tx_report *tx)
{
	struct ktm_en_pair pair;
	int ret = ktm_tx_superior(fd, &pair, &tx->status);

	if (!ret)
		tx->superior = pair.enlistment;
	return ret == -ENOENT ? 0 : ret;
}

static void ask_tx(int ktm, struct tx_report *tx)
{
	int fd = ktm_tx_open(ktm, &tx->uow, 0, KTM_TX_QUERY_INFORMATION, &tx->status);

	tx->error = fd < 0 ? fd : ktm_tx_query(fd, &tx->info, &tx->status);
	if (!tx->error)
		tx->error = ask_superior(fd, tx);
	if (!tx->error)
		tx->error = ktm_tx_enlistments(fd, &tx->pairs, &tx->pair_count, &tx->status);
	if (fd >= 0)
		close(fd);
}

/* What ended between being listed and being asked is not there any more. */
static bool has_gone(int error)
{
	return error == -ENOENT || error == -ESTALE;
}

static int collect_rms(int tm, struct rm_report **rms, size_t *count, uint32_t *status)
{
	struct ktm_guid *guids;
	size_t listed, i;
	int ret;

	ret = list(tm, KTM_KIND_RM, &guids, &listed, status);
	if (ret)
		return ret;
	*count = 0;
	*rms = calloc(listed + 1, sizeof(**rms));
	for (i = 0; *rms && i < listed; i++) {
		struct rm_report *rm = &(*rms)[*count];

		memset(rm, 0, sizeof(*rm));
		rm->guid = guids[i];
		ask_rm(tm, rm);
		*count += !has_gone(rm->error);
	}
	free(guids);
	return *rms ? 0 : out_of_memory(status);
}

static void ask_stream(int tm, struct stream_report *stream)
{
	int fd = ktm_stream_open(tm, &stream->guid, KTM_STREAM_QUERY_INFORMATION, &stream->status);

	stream->error = fd < 0 ? fd : ktm_stream_query(fd, &stream->info, &stream->status);
	if (fd >= 0)
		close(fd);
}

static int collect_streams(int tm, struct stream_report **streams, size_t *count,
			   uint32_t *status)
{
	struct ktm_guid *guids;
	size_t listed, i;
	int ret;

	ret = list(tm, KTM_KIND_STREAM, &guids, &listed, status);
	if (ret)
		return ret;
	*count = 0;
	*streams = calloc(listed + 1, sizeof(**streams));
	for (i = 0; *streams && i < listed; i++) {
		struct stream_report *stream = &(*streams)[*count];

		memset(stream, 0, sizeof(*stream));
		stream->guid = guids[i];
		ask_stream(tm, stream);
		*count += !has_gone(stream->error);
	}
	free(guids);
	return *streams ? 0 : out_of_memory(status);
}

/* Those of @fd: a TM has its own; on the device only those without a TM are taken. */
static int collect_transactions(int ktm, int fd, struct tx_report **transactions, size_t *count,
				uint32_t *status)
{
	struct ktm_guid *guids;
	size_t listed, i;
	int ret;

	ret = list(fd, KTM_KIND_TX, &guids, &listed, status);
	if (ret)
		return ret;
	*count = 0;
	*transactions = calloc(listed + 1, sizeof(**transactions));
	for (i = 0; *transactions && i < listed; i++) {
		struct tx_report *tx = &(*transactions)[*count];

		memset(tx, 0, sizeof(*tx));
		tx->uow = guids[i];
		ask_tx(ktm, tx);
		if (has_gone(tx->error) ||
		    (fd == ktm && (tx->error || !ktm_guid_is_nil(&tx->info.tm)))) {
			free(tx->pairs);
			tx->pairs = NULL;
			continue;
		}
		(*count)++;
	}
	free(guids);
	return *transactions ? 0 : out_of_memory(status);
}

static int ask_log(int fd, struct tm_report *tm)
{
	int ret = ktm_tm_log_path(fd, tm->path, sizeof(tm->path), &tm->status);

	if (ret < 0)
		return ret;
	ret = ktm_tm_space(fd, &tm->space, &tm->status);
	if (ret)
		return ret;
	return collect_streams(fd, &tm->streams, &tm->stream_count, &tm->status);
}

static void ask_tm(int ktm, struct tm_report *tm)
{
	int fd = ktm_tm_open(ktm, &tm->guid, 0, KTM_TM_QUERY_INFORMATION, &tm->status);

	if (fd < 0) {
		tm->error = fd;
		return;
	}
	tm->error = ktm_tm_query(fd, &tm->info, &tm->status);
	if (!tm->error && !(tm->info.flags & KTM_TM_VOLATILE))
		tm->error = ask_log(fd, tm);
	if (!tm->error)
		tm->error = collect_rms(fd, &tm->rms, &tm->rm_count, &tm->status);
	if (!tm->error)
		tm->error = collect_transactions(ktm, fd, &tm->transactions, &tm->tx_count,
						 &tm->status);
	close(fd);
}

static int collect_all(int ktm, struct report *report, uint32_t *status)
{
	struct ktm_guid *guids;
	size_t listed, i;
	int ret;

	ret = list(ktm, KTM_KIND_TM, &guids, &listed, status);
	if (ret)
		return ret;
	report->tms = calloc(listed + 1, sizeof(*report->tms));
	for (i = 0; report->tms && i < listed; i++) {
		struct tm_report *tm = &report->tms[report->tm_count];

		memset(tm, 0, sizeof(*tm));
		tm->guid = guids[i];
		ask_tm(ktm, tm);
		report->tm_count += !has_gone(tm->error);
	}
	free(guids);
	if (!report->tms)
		return out_of_memory(status);
	return collect_transactions(ktm, ktm, &report->unbound, &report->unbound_count, status);
}

int collect(struct report *report)
{
	int ktm = open_ktm();
	uint32_t status;
	int ret;

	memset(report, 0, sizeof(*report));
	if (ktm < 0)
		return FAILED;
	ret = collect_all(ktm, report, &status);
	close(ktm);
	if (ret)
		return complain_status("cannot list the objects", ret, status);
	return DONE;
}

static void free_transactions(struct tx_report *transactions, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(transactions[i].pairs);
	free(transactions);
}

void free_report(struct report *report)
{
	size_t i;

	for (i = 0; i < report->tm_count; i++) {
		free(report->tms[i].rms);
		free(report->tms[i].streams);
		free_transactions(report->tms[i].transactions, report->tms[i].tx_count);
	}
	free(report->tms);
	free_transactions(report->unbound, report->unbound_count);
}

const struct stream_report *find_stream(const struct tm_report *tm, const struct ktm_guid *guid)
{
	size_t i;

	for (i = 0; i < tm->stream_count; i++) {
		if (ktm_guid_equal(&tm->streams[i].guid, guid))
			return &tm->streams[i];
	}
	return NULL;
}

bool is_superior(const struct tx_report *tx, const struct ktm_en_pair *pair)
{
	return ktm_guid_equal(&tx->superior, &pair->enlistment);
}

static uint32_t awaited_state(uint32_t tx_state)
{
	switch (tx_state) {
	case KTM_TX_STATE_PREPREPARING:
		return KTM_EN_STATE_PREPREPARING;
	case KTM_TX_STATE_PREPARING:
		return KTM_EN_STATE_PREPARING;
	case KTM_TX_STATE_SINGLE_PHASE:
	case KTM_TX_STATE_SINGLE_PHASE_INDOUBT:
		return KTM_EN_STATE_SINGLE_PHASE;
	case KTM_TX_STATE_COMMITTING:
		return KTM_EN_STATE_COMMITTING;
	case KTM_TX_STATE_ABORTING:
		return KTM_EN_STATE_ABORTING;
	default:
		return UINT32_MAX;
	}
}

bool is_waited_for(const struct tx_report *tx, const struct ktm_en_pair *pair)
{
	switch (tx->info.state) {
	case KTM_TX_STATE_PREPREPARED:
	case KTM_TX_STATE_PREPARED:
	case KTM_TX_STATE_SUPERIOR_INDOUBT:
		return is_superior(tx, pair);
	case KTM_TX_STATE_COMMITTING:
		/* The superior only hears of the end. */
		if (is_superior(tx, pair))
			return false;
		/* fall through */
	default:
		return pair->state == awaited_state(tx->info.state);
	}
}
