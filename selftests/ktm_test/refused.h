/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that must fail: what the groups of errors.h are written with.
 */
#ifndef REFUSED_H
#define REFUSED_H

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/ktm.h>
#include <linux/limits.h>
#include <linux/module.h>

#include "errors.h"

/* What it says; @arg: what it was given. */
struct errors {
	const struct ktm_test_errors *arg;
	char *text;
	size_t length;
	u32 tests;
	u32 failed;
};

/* What most groups begin with: a volatile TM, an RM, a transaction, an enlistment. */
struct world {
	struct ktm_tm_use *tm;
	struct ktm_rm_use *rm;
	struct ktm_transaction_use *tx;
	struct ktm_enlistment_use *en;
	struct ktm_guid tm_guid;
	struct ktm_guid rm_guid;
	struct ktm_guid en_guid;
};

#define UNKNOWN		0x40000000
#define SUPERIOR_MASK	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |		\
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)
#define TOO_LATE	U64_MAX		/* for a virtual clock */

/* What a call must come to. */
struct outcome {
	int err;
	u32 status;
	const char *told;
};

#define OUTCOME(errno_, status_)						\
	(&(const struct outcome){ -(errno_), KTM_STATUS_##status_, #status_ })

/* What a call that should fail gives is not put: that is a failure, and ktm names what stays. */
void errors_note(struct errors *e, const char *fn, const struct outcome *o, const long got[2],
		 u32 told);
/* What has to succeed has not. */
void errors_spoilt(struct errors *e, const char *what, long err);
bool errors_need(struct errors *e, const char *what, long err);

/*
 * @call uses status, and comes to @o: also, unless it cannot be made twice, if nobody wants to
 * know the status.
 */
#define REFUSED_TIMES(e, times, o, fn, call)					\
	do {									\
		u32 told_ = U32_MAX, *status = &told_;				\
		long got_[2];							\
		int i_;								\
										\
		for (i_ = 0; i_ < 2; i_++) {					\
			if (i_ < (times))					\
				got_[i_] = (long)(call);			\
			else							\
				got_[i_] = got_[0];				\
			status = NULL;						\
		}								\
		errors_note(e, fn, o, got_, told_);				\
	} while (0)

#define REFUSED_CALL(e, errno_, status_, fn, call)				\
	REFUSED_TIMES(e, 2, OUTCOME(errno_, status_), fn, call)

#define REFUSED_ONCE(e, errno_, status_, fn, ...)				\
	REFUSED_TIMES(e, 1, OUTCOME(errno_, status_), #fn, fn(__VA_ARGS__, status))

#define REFUSED(e, errno_, status_, fn, ...)					\
	REFUSED_TIMES(e, 2, OUTCOME(errno_, status_), #fn, fn(__VA_ARGS__, status))

/* The same for an outcome that is given. */
#define COMES_TO(e, o, fn, ...)							\
	REFUSED_TIMES(e, 2, o, #fn, fn(__VA_ARGS__, status))

/* A step that must succeed; else the group is over. */
#define NEED(e, call)	errors_need(e, #call, (long)(call))
#define NEED_USE(e, use) errors_need(e, #use, PTR_ERR_OR_ZERO(use))

bool errors_begin(struct errors *e, struct world *w);
void errors_end(struct world *w);
struct ktm_guid errors_guid(u8 n);

/* @fn in a thread that was killed, and waits for nothing. */
void errors_killed(struct errors *e, void (*fn)(struct errors *e, void *with), void *with);

typedef void (*errors_fn)(struct errors *e);

void errors_tms(struct errors *e);
void errors_transactions(struct errors *e);
void errors_rms(struct errors *e);
void errors_enlistments(struct errors *e);
void errors_answers(struct errors *e);
void errors_superiors(struct errors *e);
void errors_freezing(struct errors *e);
void errors_nobody(struct errors *e);
void errors_quotas(struct errors *e);
void errors_without_fds(struct errors *e);
void errors_devices(struct errors *e);
void errors_signals(struct errors *e);
void errors_while_held(struct errors *e);
void errors_while_stuck(struct errors *e);
void errors_when_full(struct errors *e);
void errors_while_cleaned(struct errors *e);
void errors_lost(struct errors *e);
void errors_failed(struct errors *e);
void errors_brought(struct errors *e);

#endif /* REFUSED_H */
