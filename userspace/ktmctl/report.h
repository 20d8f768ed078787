/* SPDX-License-Identifier: GPL-2.0 */
/* What ktmctl status finds (collect.c) and shows (print_text.c, print_json.c). */
#ifndef KTMCTL_REPORT_H
#define KTMCTL_REPORT_H

#include <ktm.h>

#include <limits.h>

/*
 * Of each object at least the GUID is known. @error is 0 or why it could not be
 * asked, a negative errno, and @status the precise reason.
 *
 * @superior: the enlistment that drives the transaction, nil if there is none
 * @path: of the log's device, empty for a volatile TM
 * @space: the room in its log; only if it is durable
 * @streams: log streams, none if it is volatile
 */
struct rm_report {
	struct ktm_guid guid;
	int error;
	uint32_t status;
	struct ktm_rm_info info;
};

struct stream_report {
	struct ktm_guid guid;
	int error;
	uint32_t status;
	struct ktm_stream_info info;
};

struct tx_report {
	struct ktm_guid uow;
	int error;
	uint32_t status;
	struct ktm_tx_info info;
	struct ktm_guid superior;
	struct ktm_en_pair *pairs;
	size_t pair_count;
};

struct tm_report {
	struct ktm_guid guid;
	int error;
	uint32_t status;
	struct ktm_tm_info info;
	char path[PATH_MAX];
	struct ktm_tm_space space;
	struct rm_report *rms;
	size_t rm_count;
	struct stream_report *streams;
	size_t stream_count;
	struct tx_report *transactions;
	size_t tx_count;
};

/**
 * struct report - everything that the caller may see
 * @tms: transaction managers
 * @tm_count: how many
 * @unbound: transactions that have no TM yet
 * @unbound_count: how many
 */
struct report {
	struct tm_report *tms;
	size_t tm_count;
	struct tx_report *unbound;
	size_t unbound_count;
};

/* 0, or FAILED and complained. What has gone meanwhile is left out. */
int collect(struct report *report);
void free_report(struct report *report);

void print_text(const struct report *report);
void print_json(const struct report *report);

/* The stream of that GUID, or NULL. */
const struct stream_report *find_stream(const struct tm_report *tm, const struct ktm_guid *guid);

/* Is it the one that drives the transaction and decides? */
bool is_superior(const struct tx_report *tx, const struct ktm_en_pair *pair);

/* Does the transaction's end wait for this one now? */
bool is_waited_for(const struct tx_report *tx, const struct ktm_en_pair *pair);

#endif /* KTMCTL_REPORT_H */
