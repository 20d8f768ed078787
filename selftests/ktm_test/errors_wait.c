// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail for who was killed: he waits for nothing.
 */
#include "refused.h"

static void done(void *context, int err, u32 status)
{
}

static int list_tm(struct ktm_tm_use *tm, u32 *status)
{
	struct ktm_guid cursor = { }, guid;
	u32 count = 1;

	return ktm_tm_enumerate(tm, KTM_KIND_TX, &cursor, &guid, &count, status);
}

static int list_rm(struct ktm_rm_use *rm, u32 *status)
{
	struct ktm_guid cursor = { }, guid;
	u32 count = 1;

	return ktm_rm_enumerate(rm, &cursor, &guid, &count, status);
}

static int list_all(u32 *status)
{
	struct ktm_guid cursor = { }, guid;
	u32 count = 1;

	return ktm_enumerate_objects(KTM_KIND_TM, &cursor, &guid, &count, status);
}

static int read_first(struct ktm_log_stream *stream, u32 *status)
{
	struct ktm_log_record record;

	return ktm_log_stream_read(stream, KTM_STREAM_NEXT, 0, NULL, 0, &record, status);
}

struct signals {
	struct world w;
	struct ktm_enlistment_use *sup;
	struct ktm_transaction_use *led;
	struct ktm_log_stream *stream;
};

static void killed_frozen(struct errors *e, void *with)
{
	struct signals *s = with;

	REFUSED(e, EINTR, INTERRUPTED, ktm_transaction_commit, s->w.tx, 0);
	REFUSED(e, EINTR, INTERRUPTED, ktm_transaction_commit_async, s->w.tx, done, NULL);
	REFUSED(e, EINTR, INTERRUPTED, ktm_enlistment_preprepare, s->sup, 0);
}

static void killed_frozen_preprepared(struct errors *e, void *with)
{
	struct signals *s = with;

	REFUSED(e, EINTR, INTERRUPTED, ktm_enlistment_prepare, s->sup, 0);
}

static void killed_frozen_prepared(struct errors *e, void *with)
{
	struct signals *s = with;

	REFUSED(e, EINTR, INTERRUPTED, ktm_enlistment_commit, s->sup, 0);
}

static void killed(struct errors *e, void *with)
{
	struct signals *s = with;
	struct ktm_notification n;

	REFUSED_CALL(e, EINTR, INTERRUPTED, "ktm_tm_enumerate", list_tm(s->w.tm, status));
	REFUSED_CALL(e, EINTR, INTERRUPTED, "ktm_rm_enumerate", list_rm(s->w.rm, status));
	REFUSED_CALL(e, EINTR, INTERRUPTED, "ktm_enumerate_objects", list_all(status));
	REFUSED_CALL(e, EINTR, INTERRUPTED, "ktm_log_stream_read",
		     read_first(s->stream, status));
	REFUSED(e, EINTR, INTERRUPTED, ktm_rm_get_notification, s->w.rm, &n, U64_MAX);
	REFUSED(e, EINTR, INTERRUPTED, ktm_transaction_wait, s->w.tx, U64_MAX, NULL);
	REFUSED_ONCE(e, EINTR, INTERRUPTED, ktm_transaction_rollback, s->led, KTM_CALL_WAIT);
	REFUSED_ONCE(e, EINTR, INTERRUPTED, ktm_transaction_commit, s->w.tx, KTM_CALL_WAIT);
	REFUSED(e, EINTR, INTERRUPTED, ktm_freeze_transactions, KTM_MAX_FREEZE_NS,
		KTM_MAX_FREEZE_NS);
}

static void while_frozen(struct errors *e, struct signals *s,
			 void (*fn)(struct errors *e, void *with))
{
	if (!NEED(e, ktm_freeze_transactions(KTM_MAX_FREEZE_NS, KTM_MAX_FREEZE_NS, NULL)))
		return;
	errors_killed(e, fn, s);
	NEED(e, ktm_thaw_transactions(NULL));
}

/* Between a superior's steps nothing is under way that a freeze would wait for. */
static void superior_killed(struct errors *e, struct signals *s)
{
	while_frozen(e, s, killed_frozen);
	if (!NEED(e, ktm_enlistment_preprepare(s->sup, 0, NULL)))
		return;
	while_frozen(e, s, killed_frozen_preprepared);
	if (!NEED(e, ktm_enlistment_prepare(s->sup, 0, NULL)))
		return;
	while_frozen(e, s, killed_frozen_prepared);
}

void errors_signals(struct errors *e)
{
	struct signals s = { };

	if (!errors_begin(e, &s.w))
		return;
	s.stream = ktm_log_stream_get_from_fd(e->arg->fds[FD_STREAM], KTM_STREAM_READ, NULL);
	if (!NEED_USE(e, s.stream))
		goto end;
	s.led = ktm_transaction_create(NULL, 0, KTM_TX_ALL_ACCESS, 0, 0, NULL, NULL, NULL);
	if (!NEED_USE(e, s.led))
		goto put_stream;
	s.sup = ktm_enlistment_create(s.w.rm, s.led, KTM_ENLIST_SUPERIOR, SUPERIOR_MASK, 0,
				      KTM_EN_ALL_ACCESS, 0, NULL, NULL);
	if (NEED_USE(e, s.sup)) {
		superior_killed(e, &s);
		ktm_enlistment_put(s.sup);
	}
	ktm_transaction_put(s.led);
	/* One that nobody finishes. */
	s.led = ktm_transaction_create(NULL, 0, KTM_TX_ALL_ACCESS, 0, 0, NULL, NULL, NULL);
	if (!NEED_USE(e, s.led))
		goto put_stream;
	if (NEED(e, ktm_rm_enlist(s.w.rm, s.led, 0, KTM_NOTIFY_REQUIRED, 0, 0, NULL, NULL)))
		errors_killed(e, killed, &s);
	ktm_transaction_put(s.led);
put_stream:
	ktm_log_stream_put(s.stream);
end:
	errors_end(&s.w);
}
