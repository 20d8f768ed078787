// SPDX-License-Identifier: GPL-2.0
/*
 * libktm from many threads of one process: two resource managers, each with its loop
 * in a thread, others that answer what the loop was told to leave, and one that fetches
 * beside the loop on the same descriptor; and clients of which two at a time end
 * one transaction through one descriptor.
 *
 * What becomes of a transaction depends on who is faster. What must hold does not: one
 * outcome, the same at each resource manager and for each client; each notification
 * once.
 */
#include <ktm-rm.h>

#include <pthread.h>
#include <stdatomic.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID		guid_of(900)
#define RMS		2
#define ANSWERERS	2	/* of each resource manager */
#define CLIENTS		4
#define ROUNDS		100	/* of each client */
#define TRANSACTIONS	(CLIENTS * ROUNDS)
#define TIMEOUT_NS	100000000ull

/**
 * struct seen - what one resource manager has seen of one transaction
 * @flushed: PREPREPARE
 * @prepared: PREPARE
 * @committed: COMMIT
 * @rolled_back: ROLLBACK
 */
struct seen {
	atomic_uint flushed, prepared, committed, rolled_back;
};

/**
 * struct manager - a resource manager and its threads
 * @n: which one
 * @rm: its loop
 * @loop: the thread that runs it
 * @fetcher: the thread that fetches beside it
 * @answerers: those that answer what was left
 * @lock: of the queue
 * @filled: something is in the queue, or @over
 * @queue: what was left
 * @head: next to be answered
 * @tail: next free place
 * @over: nothing more comes
 * @seen: by cookie
 */
static struct manager {
	unsigned int n;
	struct ktm_rm *rm;
	pthread_t loop, fetcher, answerers[ANSWERERS];
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct ktm_rm_event queue[4 * TRANSACTIONS];
	size_t head, tail;
	bool over;
	struct seen seen[TRANSACTIONS];
} managers[RMS];

/* By cookie; written by the client that owns it. */
static uint32_t outcomes[TRANSACTIONS];
static atomic_bool stop_fetching;

/* ---- what each transaction is to come to ---- */

static bool refuses(uint64_t cookie, unsigned int n)
{
	return cookie % 7 == 3 && cookie % RMS == n;
}

static bool reads_only(uint64_t cookie, unsigned int n)
{
	return cookie % 11 == 5 && n == 0;
}

static bool answers_later(uint64_t cookie, unsigned int n)
{
	return (cookie + n) % 3;
}

static enum ktm_rm_reply vote(uint64_t cookie, unsigned int n)
{
	if (refuses(cookie, n))
		return KTM_RM_REFUSE;
	return reads_only(cookie, n) ? KTM_RM_READ_ONLY : KTM_RM_DONE;
}

/* ---- resource managers ---- */

/* Counts it, and says how it is answered. */
static enum ktm_rm_reply see(struct manager *m, uint32_t kind, uint64_t cookie)
{
	struct seen *seen = &m->seen[cookie];

	CHECK(cookie < TRANSACTIONS);
	switch (kind) {
	case KTM_NOTIFY_PREPREPARE:
		seen->flushed++;
		return KTM_RM_DONE;
	case KTM_NOTIFY_PREPARE:
		seen->prepared++;
		return vote(cookie, m->n);
	case KTM_NOTIFY_COMMIT:
		seen->committed++;
		return KTM_RM_DONE;
	case KTM_NOTIFY_ROLLBACK:
		seen->rolled_back++;
		return KTM_RM_DONE;
	default:
		FAIL("notification 0x%x", kind);
	}
}

static void leave(struct manager *m, const struct ktm_rm_event *event)
{
	pthread_mutex_lock(&m->lock);
	CHECK(m->tail < sizeof(m->queue) / sizeof(m->queue[0]));
	m->queue[m->tail++] = *event;
	pthread_cond_signal(&m->filled);
	pthread_mutex_unlock(&m->lock);
}

static int on_event(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	enum ktm_rm_reply reply = see(data, event->kind, event->cookie);

	(void)rm;
	if (!answers_later(event->cookie, ((struct manager *)data)->n))
		return reply;
	leave(data, event);
	return KTM_RM_LATER;
}

static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)event, (void)data;
	FAIL("nothing can be unfinished");
}

static const struct ktm_rm_ops ops = {
	.size = sizeof(ops),
	.preprepare = on_event,
	.prepare = on_event,
	.commit = on_event,
	.rollback = on_event,
	.recover = on_recover,
};

/* Only what can be overtaken by a rollback may come too late. */
static void check_answered(uint32_t kind, int ret)
{
	bool can_be_late = kind == KTM_NOTIFY_PREPREPARE || kind == KTM_NOTIFY_PREPARE;

	if (ret && !(can_be_late && (ret == -ENOMSG || ret == -EPROTO || ret == -ENOENT)))
		FAIL("answer to 0x%x: %d", kind, ret);
}

static void *run_loop(void *data)
{
	struct manager *m = data;
	uint32_t status;
	int ret = ktm_rm_run(m->rm, &status);

	if (ret)
		FAIL("loop %u: %s (%d)", m->n, ktm_status_text(status), ret);
	return NULL;
}

static bool next_event(struct manager *m, struct ktm_rm_event *event)
{
	bool found;

	pthread_mutex_lock(&m->lock);
	while (m->head == m->tail && !m->over)
		pthread_cond_wait(&m->filled, &m->lock);
	found = m->head < m->tail;
	if (found)
		*event = m->queue[m->head++];
	pthread_mutex_unlock(&m->lock);
	return found;
}

static void *answer_what_is_left(void *data)
{
	struct manager *m = data;
	struct ktm_rm_event event;
	enum ktm_rm_reply reply;

	while (next_event(m, &event)) {
		reply = event.kind == KTM_NOTIFY_PREPARE ? vote(event.cookie, m->n) : KTM_RM_DONE;
		check_answered(event.kind, ktm_rm_answer(m->rm, &event, reply, NULL));
	}
	return NULL;
}

static uint32_t request_of(uint32_t kind, enum ktm_rm_reply reply)
{
	if (reply == KTM_RM_REFUSE)
		return KTM_IOC_EN_ROLLBACK;
	if (reply == KTM_RM_READ_ONLY)
		return KTM_IOC_READ_ONLY;
	switch (kind) {
	case KTM_NOTIFY_PREPREPARE:
		return KTM_IOC_PREPREPARE_COMPLETE;
	case KTM_NOTIFY_PREPARE:
		return KTM_IOC_PREPARE_COMPLETE;
	case KTM_NOTIFY_COMMIT:
		return KTM_IOC_COMMIT_COMPLETE;
	default:
		return KTM_IOC_ROLLBACK_COMPLETE;
	}
}

/* Takes what the loop has not taken; its answers go with its next fetch. */
static void *fetch_beside(void *data)
{
	struct ktm_notification room[8], notification;
	struct ktm_batch_answer answers[8];
	uint32_t kinds[8];
	struct manager *m = data;
	size_t i, done, offset, n = 0;
	ssize_t bytes;

	do {
		bytes = ktm_exchange(ktm_rm_descriptor(m->rm), answers, n, &done, room,
				     sizeof(room), TIMEOUT_NS, NULL);
		CHECK(bytes >= 0 || bytes == -ETIMEDOUT);
		CHECK_EQ(done, n);
		for (i = 0; i < n; i++)
			check_answered(kinds[i], -ktm_status_errno(answers[i].status));
		n = offset = 0;
		while (bytes > 0 && ktm_next_notification(room, (size_t)bytes, &offset,
							  &notification, NULL) > 0) {
			kinds[n] = notification.kind;
			answers[n++] = (struct ktm_batch_answer){
				.request = request_of(notification.kind,
						      see(m, notification.kind, notification.key)),
				.enlistment = notification.enlistment,
			};
		}
	} while (n || !stop_fetching);
	return NULL;
}

static void start_manager(struct manager *m, unsigned int n, const struct ktm_rm_config *config)
{
	const struct deadline d = deadline_in(PATIENCE);
	uint32_t status;
	unsigned int i;

	m->n = n;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->filled, NULL);
	if (ktm_rm_start(&m->rm, config, &ops, m, &status))
		FAIL("resource manager %u: %s", n, ktm_status_text(status));
	CHECK_EQ(pthread_create(&m->loop, NULL, run_loop, m), 0);
	while (ktm_rm_state(m->rm) != KTM_RM_ONLINE && !deadline_passed(&d))
		nap();
	CHECK_EQ(ktm_rm_state(m->rm), KTM_RM_ONLINE);
	CHECK_EQ(pthread_create(&m->fetcher, NULL, fetch_beside, m), 0);
	for (i = 0; i < ANSWERERS; i++)
		CHECK_EQ(pthread_create(&m->answerers[i], NULL, answer_what_is_left, m), 0);
}

/* All transactions have ended, so nothing more comes. */
static void stop_manager(struct manager *m)
{
	unsigned int i;

	pthread_join(m->fetcher, NULL);
	pthread_mutex_lock(&m->lock);
	m->over = true;
	pthread_cond_broadcast(&m->filled);
	pthread_mutex_unlock(&m->lock);
	for (i = 0; i < ANSWERERS; i++)
		pthread_join(m->answerers[i], NULL);
	ktm_rm_stop(m->rm);
	pthread_join(m->loop, NULL);
	ktm_rm_end(m->rm);
}

/* ---- clients ---- */

enum end { COMMITS, ROLLS_BACK, WAITS };

/**
 * struct client - two threads that end each transaction together
 * @n: which one
 * @tm: descriptor of the TM
 * @meet: where they meet
 * @tx: the transaction of this round
 * @end: what the second does
 * @result: what came of that
 */
struct client {
	unsigned int n;
	int tm;
	pthread_barrier_t meet;
	int tx;
	enum end end;
	int result;
	pthread_t first, second;
};

static int end_it(int tx, enum end end)
{
	switch (end) {
	case COMMITS:
		return ktm_tx_commit(tx, KTM_CALL_WAIT, NULL);
	case ROLLS_BACK:
		return ktm_tx_rollback(tx, KTM_CALL_WAIT, NULL);
	default:
		return ktm_tx_wait(tx, 0, KTM_WAIT_FOREVER, NULL, NULL);
	}
}

static void *run_second(void *data)
{
	struct client *c = data;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&c->meet);
		c->result = end_it(c->tx, c->end);
		pthread_barrier_wait(&c->meet);
	}
	return NULL;
}

static bool is_late(int ret)
{
	return ret == -EPROTO || ret == -EALREADY || ret == -ECANCELED;
}

/* Was it possible that both calls came to this? */
static bool fits(uint32_t outcome, int commit, enum end end, int result)
{
	bool committed = outcome == KTM_OUTCOME_COMMITTED;

	switch (end) {
	case COMMITS:
		/* One of them began it, and was told the outcome. */
		if (committed)
			return (!commit && is_late(result)) || (!result && is_late(commit));
		return is_late(commit) && is_late(result);
	case ROLLS_BACK:
		if (committed)
			return !commit && (result == -EPROTO || result == -EALREADY);
		return is_late(commit) && (!result || result == -EPROTO);
	default:
		return !result && (committed ? !commit : commit == -ECANCELED);
	}
}

static void run_round(struct client *c, unsigned int round)
{
	const uint64_t cookie = c->n * ROUNDS + round;
	unsigned int n;
	int commit;

	c->tx = ktm_tx_begin(dev(), c->tm, "shared", NULL, NULL);
	CHECK(c->tx >= 0);
	for (n = 0; n < RMS; n++)
		CHECK_EQ(ktm_rm_enlist(managers[n].rm, c->tx, cookie, NULL, NULL), 0);
	c->end = round % 3;
	pthread_barrier_wait(&c->meet);
	commit = end_it(c->tx, COMMITS);
	pthread_barrier_wait(&c->meet);
	CHECK_EQ(ktm_tx_wait(c->tx, 0, KTM_WAIT_FOREVER, &outcomes[cookie], NULL), 0);
	if (!fits(outcomes[cookie], commit, c->end, c->result))
		FAIL("transaction %llu: outcome %u, commit %d, the other (%d) %d",
		     (unsigned long long)cookie, outcomes[cookie], commit, c->end, c->result);
	close(c->tx);
}

static void *run_first(void *data)
{
	struct client *c = data;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		run_round(c, i);
	return NULL;
}

static void start_client(struct client *c, unsigned int n, int tm)
{
	c->n = n;
	c->tm = tm;
	CHECK_EQ(pthread_barrier_init(&c->meet, NULL, 2), 0);
	CHECK_EQ(pthread_create(&c->first, NULL, run_first, c), 0);
	CHECK_EQ(pthread_create(&c->second, NULL, run_second, c), 0);
}

/* ---- what must hold ---- */

static bool saw_commit(const struct seen *seen, bool read_only)
{
	return seen->flushed == 1 && seen->prepared == 1 && !seen->rolled_back &&
	       seen->committed == !read_only;
}

static bool saw_rollback(const struct seen *seen, bool read_only)
{
	return seen->flushed <= 1 && seen->prepared <= 1 && !seen->committed &&
	       (seen->rolled_back == 1 || (read_only && !seen->rolled_back && seen->prepared));
}

static bool is_right(uint64_t cookie, unsigned int n)
{
	const struct seen *seen = &managers[n].seen[cookie];
	bool read_only = reads_only(cookie, n);

	if (outcomes[cookie] == KTM_OUTCOME_COMMITTED)
		return !refuses(cookie, n) && saw_commit(seen, read_only);
	return outcomes[cookie] == KTM_OUTCOME_ABORTED && saw_rollback(seen, read_only);
}

static void check_all(const char *name)
{
	unsigned int committed = 0, violations = 0, n;
	uint64_t cookie;

	for (cookie = 0; cookie < TRANSACTIONS; cookie++) {
		committed += outcomes[cookie] == KTM_OUTCOME_COMMITTED;
		for (n = 0; n < RMS; n++) {
			const struct seen *seen = &managers[n].seen[cookie];

			if (is_right(cookie, n))
				continue;
			violations++;
			printf("# transaction %llu, outcome %u: %u saw %u, %u, %u, %u\n",
			       (unsigned long long)cookie, outcomes[cookie], n, seen->flushed,
			       seen->prepared, seen->committed, seen->rolled_back);
		}
	}
	printf("# %u of %u committed\n", committed, TRANSACTIONS);
	printf("campaign threads_%s: tried=%u violations=%u seed=0\n", name, TRANSACTIONS,
	       violations);
	CHECK_EQ(violations, 0);
	/* It was no test if all came to the same. */
	CHECK(committed && committed < TRANSACTIONS);
}

static void until_finished(int tm)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (tm_info(tm).transactions) {
		if (deadline_passed(&d))
			FAIL("%u transactions are unfinished", tm_info(tm).transactions);
		nap();
	}
}

static void run_all(const char *name, int tm, const struct ktm_rm_config *configs)
{
	struct client clients[CLIENTS];
	unsigned int i;

	for (i = 0; i < RMS; i++)
		start_manager(&managers[i], i, &configs[i]);
	for (i = 0; i < CLIENTS; i++)
		start_client(&clients[i], i, tm);
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].first, NULL);
		pthread_join(clients[i].second, NULL);
	}
	until_finished(tm);
	stop_fetching = true;
	for (i = 0; i < RMS; i++)
		stop_manager(&managers[i]);
	check_all(name);
}

TEST(volatile_managers)
{
	struct ktm_rm_config configs[RMS];
	int tm = tm_volatile();
	guid_t guid = tm_guid(tm);
	unsigned int i;

	for (i = 0; i < RMS; i++)
		configs[i] = (struct ktm_rm_config){
			.size = sizeof(configs[i]), .tm = &guid, .flags = KTM_RM_LOOP_VOLATILE,
		};
	run_all("volatile", tm, configs);
}

TEST(durable_managers)
{
	const char *journal = disk_given();
	struct ktm_rm_config configs[RMS];
	guid_t guids[RMS];
	unsigned int i;
	int tm;

	journal_format(journal, TM_GUID);
	tm = tm_online(journal);
	for (i = 0; i < RMS; i++) {
		guids[i] = guid_of(100 + i);
		configs[i] = (struct ktm_rm_config){
			.size = sizeof(configs[i]), .device = journal, .guid = &guids[i],
		};
	}
	run_all("durable", tm, configs);
	tm_close(tm, journal);
}
