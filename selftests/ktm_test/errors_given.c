// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail: in logs that hang, have failed, were reopened, or have no room. The caller
 * has brought that about; what is used are its descriptors.
 */
#include <linux/file.h>
#include <linux/uio.h>

#include "refused.h"

struct given {
	struct ktm_tm_use *tm;
	struct ktm_rm_use *rm;
	struct ktm_log_stream *stream, *filler;
	struct ktm_transaction_use *tx;
	struct ktm_enlistment_use *voter, *committer, *aborter, *superior, *single;
	struct ktm_enlistment_use *lost, *new;
	struct ktm_guid superior_guid;
	struct file *device;
};

/* NULL: there is none. */
static void *taken(struct errors *e, void *use)
{
	return NEED_USE(e, use) ? use : NULL;
}

static struct ktm_enlistment_use *take_en(struct errors *e, u32 n)
{
	const int fd = e->arg->fds[n];

	return fd < 0 ? NULL : taken(e, ktm_enlistment_get_from_fd(fd, KTM_EN_ALL_ACCESS, NULL));
}

static struct ktm_log_stream *take_stream(struct errors *e, u32 n)
{
	const int fd = e->arg->fds[n];

	return fd < 0 ? NULL : taken(e, ktm_log_stream_get_from_fd(fd, KTM_STREAM_ALL_ACCESS,
								   NULL));
}

/* Whatever there is. */
static void take_all(struct errors *e, struct given *g)
{
	const s32 *fds = e->arg->fds;
	struct ktm_en_info info;
	u32 length = sizeof(info);

	if (fds[FD_TM] >= 0)
		g->tm = taken(e, ktm_tm_get_from_fd(fds[FD_TM], KTM_TM_ALL_ACCESS, NULL));
	if (fds[FD_RM] >= 0)
		g->rm = taken(e, ktm_rm_get_from_fd(fds[FD_RM], KTM_RM_ALL_ACCESS, NULL));
	if (fds[FD_TX] >= 0)
		g->tx = taken(e, ktm_transaction_get_from_fd(fds[FD_TX], KTM_TX_ENLIST, NULL));
	g->stream = take_stream(e, FD_STREAM);
	g->filler = take_stream(e, FD_FILLER);
	g->voter = take_en(e, FD_VOTER);
	g->committer = take_en(e, FD_COMMITTER);
	g->aborter = take_en(e, FD_ABORTER);
	g->superior = take_en(e, FD_SUPERIOR);
	g->single = take_en(e, FD_SINGLE);
	g->lost = take_en(e, FD_LOST);
	g->new = take_en(e, FD_NEW);
	if (g->superior &&
	    NEED(e, ktm_enlistment_query(g->superior, KTM_INFO_EN_BASIC, &info, &length, NULL)))
		g->superior_guid = info.enlistment;
	if (fds[FD_DEVICE] >= 0)
		g->device = fget(fds[FD_DEVICE]);
}

static void put_en(struct ktm_enlistment_use *en)
{
	if (en)
		ktm_enlistment_put(en);
}

static void put_all(struct given *g)
{
	if (g->device)
		fput(g->device);
	put_en(g->new);
	put_en(g->lost);
	put_en(g->single);
	put_en(g->superior);
	put_en(g->aborter);
	put_en(g->committer);
	put_en(g->voter);
	if (g->tx)
		ktm_transaction_put(g->tx);
	if (g->filler)
		ktm_log_stream_put(g->filler);
	if (g->stream)
		ktm_log_stream_put(g->stream);
	if (g->rm)
		ktm_rm_put(g->rm);
	if (g->tm)
		ktm_tm_put(g->tm);
}

/* @fn with what was given; @dead: in a thread that was killed. */
static void with_given(struct errors *e, void (*fn)(struct errors *e, void *with), bool dead)
{
	struct given g = { };

	take_all(e, &g);
	if (!e->failed && dead)
		errors_killed(e, fn, &g);
	else if (!e->failed)
		fn(e, &g);
	put_all(&g);
}

/* ---- the device does not answer ---- */

static void held(struct errors *e, void *with)
{
	struct ktm_guid guid = errors_guid(1);
	struct given *g = with;

	REFUSED(e, EINTR, INTERRUPTED, ktm_tm_create, g->device, 0, 1, 0, NULL);
	REFUSED(e, EINTR, INTERRUPTED, ktm_tm_recover, g->tm, NULL);
	REFUSED(e, EINTR, INTERRUPTED, ktm_tm_rollforward, g->tm, 1, NULL);
	REFUSED(e, EINTR, INTERRUPTED, ktm_tm_rename, g->tm, &guid);
	REFUSED(e, EINTR, INTERRUPTED, ktm_tm_offline, g->tm);
	REFUSED(e, EINTR, INTERRUPTED, ktm_rm_recover, g->rm);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_delete, g->stream);
}

void errors_while_held(struct errors *e)
{
	with_given(e, held, true);
}

static void stuck(struct errors *e, void *with)
{
	struct ktm_log_record record = { };
	struct ktm_stream_info info;
	struct given *g = with;

	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_append, g->stream, NULL, 0, &record);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_reserve, g->stream, 1, 1);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_unreserve, g->stream, 0, 0);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_flush, g->stream, 0, 0, NULL);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_advance, g->stream, 0);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_truncate, g->stream, 0);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_query, g->stream, &info);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_set_quota, g->stream, 65536);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_delete, g->stream);
}

void errors_while_stuck(struct errors *e)
{
	with_given(e, stuck, true);
}

/* ---- the log has failed, and was reopened ---- */

static void failed(struct errors *e, void *with)
{
	struct given *g = with;

	REFUSED_CALL(e, ENOTCONN, TM_NOT_ONLINE, "ktm_rm_recover", ktm_rm_recover(g->rm, status));
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_enlistment_set, g->superior, KTM_INFO_EN_RECOVERY,
		"information", 11);
	REFUSED(e, ENOTCONN, TM_NOT_ONLINE, ktm_rm_set, g->rm, KTM_INFO_EN_RECOVERY,
		&g->superior_guid, "information", 11);
}

void errors_failed(struct errors *e)
{
	with_given(e, failed, false);
}

static void all_answers(struct errors *e, const struct outcome *o, struct ktm_enlistment_use *en)
{
	COMES_TO(e, o, ktm_enlistment_preprepare_complete, en, 0);
	COMES_TO(e, o, ktm_enlistment_prepare_complete, en, NULL, 0, NULL, 0);
	COMES_TO(e, o, ktm_enlistment_commit_complete, en, NULL, 0);
	COMES_TO(e, o, ktm_enlistment_rollback_complete, en, NULL, 0);
	COMES_TO(e, o, ktm_enlistment_read_only, en, 0);
	COMES_TO(e, o, ktm_enlistment_single_phase_reject, en, 0);
	COMES_TO(e, o, ktm_enlistment_rollback, en, 0);
	REFUSED_TIMES(e, 2, o, "ktm_enlistment_request_outcome",
		      ktm_enlistment_request_outcome(en, status));
	COMES_TO(e, o, ktm_enlistment_recover, en, 0);
	COMES_TO(e, o, ktm_enlistment_preprepare, en, 0);
	COMES_TO(e, o, ktm_enlistment_prepare, en, 0);
	COMES_TO(e, o, ktm_enlistment_commit, en, 0);
}

static void lost(struct errors *e, void *with)
{
	struct given *g = with;

	all_answers(e, OUTCOME(ESTALE, OBJECT_EXPIRED), g->lost);
	REFUSED(e, ESTALE, OBJECT_EXPIRED, ktm_enlistment_set, g->lost, KTM_INFO_EN_RECOVERY, "x",
		1);
	all_answers(e, OUTCOME(ENOTCONN, TM_NOT_ONLINE), g->new);
}

void errors_lost(struct errors *e)
{
	with_given(e, lost, false);
}

/* ---- what answers bring ---- */

static const struct kvec piece = { .iov_base = "a record", .iov_len = 8 };

static void all_endings(struct errors *e, const struct outcome *o, struct given *g,
			const struct ktm_answer_stream *with)
{
	COMES_TO(e, o, ktm_enlistment_prepare_complete, g->voter, NULL, 0, with, 0);
	COMES_TO(e, o, ktm_enlistment_commit_complete, g->committer, with, 0);
	COMES_TO(e, o, ktm_enlistment_rollback_complete, g->aborter, with, 0);
}

static void brought(struct errors *e, void *data)
{
	struct ktm_log_record record = { };
	struct ktm_answer_stream with = { .record = &record, .pieces = &piece, .count = 1 };
	struct given *g = data;

	with.stream = g->stream;
	all_endings(e, OUTCOME(EXDEV, TM_IDENTITY_MISMATCH), g, &with);
	with.stream = g->filler;
	all_endings(e, OUTCOME(ENOENT, STREAM_NOT_FOUND), g, &with);
	record.flags = KTM_STREAM_DURABLE;
	all_endings(e, OUTCOME(EINVAL, INVALID_PARAMETER), g, &with);
	record.flags = 0;
	with.count = KTM_MAX_STREAM_PIECES + 1;
	all_endings(e, OUTCOME(EINVAL, INVALID_PARAMETER), g, &with);
}

void errors_brought(struct errors *e)
{
	with_given(e, brought, false);
}

/* ---- no room ---- */

static char information[KTM_MAX_RECOVERY_INFORMATION];

static void no_room(struct errors *e, const struct outcome *o, struct given *g)
{
	COMES_TO(e, o, ktm_rm_create, g->tm, 0, 1, 0, NULL, NULL);
	COMES_TO(e, o, ktm_rm_enlist, g->rm, g->tx, 0, KTM_NOTIFY_REQUIRED, 0, 0, NULL);
	COMES_TO(e, o, ktm_enlistment_create, g->rm, g->tx, 0, KTM_NOTIFY_REQUIRED, 0, 1, 0, NULL);
	COMES_TO(e, o, ktm_enlistment_prepare_complete, g->voter, information, sizeof(information),
		 NULL, 0);
	COMES_TO(e, o, ktm_enlistment_single_phase_reject, g->single, 0);
	COMES_TO(e, o, ktm_enlistment_set, g->superior, KTM_INFO_EN_RECOVERY, information,
		 sizeof(information));
	COMES_TO(e, o, ktm_rm_set, g->rm, KTM_INFO_EN_RECOVERY, &g->superior_guid, information,
		 sizeof(information));
	COMES_TO(e, o, ktm_log_stream_create, g->tm, "new", 4096, 1, 0, NULL);
	COMES_TO(e, o, ktm_log_stream_reserve, g->stream, 1, 4096);
	COMES_TO(e, o, ktm_log_stream_flush, g->filler, 0, 0, NULL);
	COMES_TO(e, o, ktm_log_stream_truncate, g->stream, 0);
	COMES_TO(e, o, ktm_log_stream_set_quota, g->stream, 32768);
	COMES_TO(e, o, ktm_log_stream_delete, g->stream);
}

static void full(struct errors *e, void *data)
{
	struct ktm_log_record record = { };
	struct ktm_answer_stream with = { .record = &record, .pieces = &piece, .count = 1 };
	struct given *g = data;

	with.stream = g->stream;
	all_endings(e, OUTCOME(ENOSPC, LOG_FULL), g, &with);
	no_room(e, OUTCOME(ENOSPC, LOG_FULL), g);
	REFUSED(e, ENOSPC, LOG_FULL, ktm_log_stream_append, g->stream, &piece, 1, &record);
}

void errors_when_full(struct errors *e)
{
	with_given(e, full, false);
}

static void cleaned(struct errors *e, void *data)
{
	struct ktm_log_record record = { };
	struct ktm_answer_stream with = { .record = &record, .pieces = &piece, .count = 1 };
	struct given *g = data;

	with.stream = g->stream;
	all_endings(e, OUTCOME(EINTR, INTERRUPTED), g, &with);
	no_room(e, OUTCOME(EINTR, INTERRUPTED), g);
	REFUSED(e, EINTR, INTERRUPTED, ktm_log_stream_append, g->stream, &piece, 1, &record);
}

void errors_while_cleaned(struct errors *e)
{
	with_given(e, cleaned, true);
}
