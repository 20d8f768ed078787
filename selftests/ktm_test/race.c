// SPDX-License-Identifier: GPL-2.0
/*
 * Many kernel threads on one log stream at the same time.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "test.h"

struct race {
	struct ktm_tm_use *tm;
	struct ktm_log_stream *shared;
	struct ktm_guid guid;
	u32 each;
	atomic_t left;
	struct completion over;
};

struct runner {
	struct race *race;
	struct task_struct *task;
	u32 thread;
};

/* What a record says in its two pieces, read again. */
static int check(struct ktm_log_stream *s, const struct ktm_log_record *want,
		 const struct ktm_test_mark *mark)
{
	struct ktm_log_record record;
	struct ktm_test_mark found;
	int ret;

	ret = ktm_log_stream_read(s, KTM_STREAM_AT, want->lsn, &found, sizeof(found), &record,
				  NULL);
	if (ret != 1)
		return ret ? ret : -ENODATA;
	if (record.lsn != want->lsn || record.previous_lsn != want->previous_lsn ||
	    record.length != sizeof(found) || memcmp(&found, mark, sizeof(found)))
		return -EBADMSG;
	return 0;
}

static int append(struct ktm_log_stream *s, struct ktm_test_mark *mark, u64 *last)
{
	struct kvec pieces[2] = {
		{ .iov_base = &mark->thread, .iov_len = sizeof(mark->thread) },
		{ .iov_base = &mark->number, .iov_len = sizeof(mark->number) },
	};
	struct ktm_log_record record = { .previous_lsn = *last };
	u64 flushed;
	int err = 0;

	if (mark->number % 8 == 7)
		record.flags |= KTM_STREAM_DURABLE;
	if (mark->number % 4 == 1) {
		record.flags |= KTM_STREAM_RESERVED;
		err = ktm_log_stream_reserve(s, 1, sizeof(*mark), NULL);
	}
	if (!err)
		err = ktm_log_stream_append(s, pieces, ARRAY_SIZE(pieces), &record, NULL);
	if (!err && record.lsn <= *last)
		err = -EBADMSG;
	if (!err && mark->number % 16 == 2)
		err = ktm_log_stream_flush(s, KTM_STREAM_NOWAIT, record.lsn, NULL, NULL);
	if (!err && mark->number % 16 == 10)
		err = ktm_log_stream_flush(s, 0, record.lsn, &flushed, NULL);
	if (!err && mark->number % 16 == 10 && flushed < record.lsn)
		err = -EBADMSG;
	if (!err && mark->number % 4 == 3)
		err = check(s, &record, mark);
	*last = record.lsn;
	return err;
}

static int run(const struct runner *r)
{
	struct ktm_test_mark mark = { .thread = r->thread };
	struct ktm_log_stream *s = r->race->shared;
	u64 last = 0;
	int err = 0;

	if (r->thread % 2) {
		s = ktm_log_stream_open(r->race->tm, &r->race->guid, KTM_STREAM_ALL_ACCESS, NULL);
		if (IS_ERR(s))
			return PTR_ERR(s);
	}
	for (; !err && mark.number < r->race->each; mark.number++)
		err = append(s, &mark, &last);
	if (s != r->race->shared)
		ktm_log_stream_put(s);
	return err;
}

static int race_thread(void *data)
{
	struct runner *r = data;
	int err = run(r);

	if (atomic_dec_and_test(&r->race->left))
		complete(&r->race->over);
	return err;
}

/* Not before it has begun: one that is stopped then never runs. */
static int join(struct runner *r)
{
	int err = kthread_stop(r->task);

	put_task_struct(r->task);
	return err;
}

static int race_all(struct race *race, struct runner *runners, u32 threads)
{
	int err = 0, ret;
	u32 i, n;

	atomic_set(&race->left, threads);
	for (n = 0; n < threads; n++) {
		runners[n] = (struct runner){ .race = race, .thread = n };
		runners[n].task = kthread_create(race_thread, &runners[n], "ktm_test/%u", n);
		if (IS_ERR(runners[n].task)) {
			err = PTR_ERR(runners[n].task);
			break;
		}
		get_task_struct(runners[n].task);
	}
	if (n == threads) {
		for (i = 0; i < n; i++)
			wake_up_process(runners[i].task);
		wait_for_completion(&race->over);
	}
	for (i = 0; i < n; i++) {
		ret = join(&runners[i]);
		err = err ? err : ret;
	}
	return err;
}

int test_race(struct ktm_tm_use *tm, struct ktm_log_stream *shared, u32 threads, u32 each)
{
	struct race race = { .tm = tm, .shared = shared, .each = each };
	struct ktm_stream_info info;
	struct runner *runners;
	int err;

	if (!tm || !threads || threads > 64)
		return -ENOBUFS;
	err = ktm_log_stream_query(shared, &info, NULL);
	if (err)
		return err;
	race.guid = info.guid;
	init_completion(&race.over);
	runners = kcalloc(threads, sizeof(*runners), GFP_KERNEL);
	if (!runners)
		return -ENOBUFS;
	err = race_all(&race, runners, threads);
	kfree(runners);
	return err;
}
