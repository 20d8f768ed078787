// SPDX-License-Identifier: GPL-2.0
/*
 * The library's loop against the module, beyond two phases: phase 0, the single phase,
 * superiors, and their recovery. All resource managers are in one process, which
 * lets them run when it likes.
 */
#include <ktm-rm.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID		guid_of(900)
#define PATIENCE_NS	(PATIENCE * 1000000000ull)
#define MAX_RMS		3

/**
 * struct manager - a resource manager that does as it is told
 * @rm: its loop
 * @guid: its own, if durable
 * @config: for ktm_rm_start()
 * @told: what it has been asked, a letter each: 0 preprepare, P prepare, 1 single
 *	phase, C commit, B rollback, r recovering, V recover, L last recover, I in doubt, D disconnected;
 *	of a superior: q phase 0 over, p prepared, c committed, b rolled back, R commit
 *	request, O outcome requested, Q recover query
 * @preprepare: what it replies, as the next ones
 * @prepare: see there
 * @single_phase: see there
 * @superior: see there
 * @recover: see there
 * @commit: see there
 * @recovering: see there
 * @last: the last event
 * @flushes_into: whom it enlists in phase 0, or NULL
 * @tx: in which transaction
 */
struct manager {
	struct ktm_rm *rm;
	guid_t guid;
	struct ktm_rm_config config;
	char told[32];
	int preprepare, prepare, single_phase, superior, recover, commit, recovering;
	struct ktm_rm_event last;
	struct manager *flushes_into;
	int tx;
};

static struct manager managers[MAX_RMS];

static int tell(struct manager *m, char what, const struct ktm_rm_event *event, int reply)
{
	const size_t length = strlen(m->told);

	CHECK(length + 1 < sizeof(m->told));
	m->told[length] = what;
	if (event)
		m->last = *event;
	return reply;
}

static int on_preprepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct manager *m = data;

	(void)rm;
	if (m->flushes_into)
		CHECK_EQ(ktm_rm_enlist(m->flushes_into->rm, m->tx, 0, NULL, NULL), 0);
	return tell(m, '0', event, m->preprepare);
}

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return tell(data, 'P', event, ((struct manager *)data)->prepare);
}

static int on_single_phase(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return tell(data, '1', event, ((struct manager *)data)->single_phase);
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return tell(data, 'C', event, ((struct manager *)data)->commit);
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return tell(data, 'B', event, KTM_RM_DONE);
}

static int on_recovering(struct ktm_rm *rm, void *data)
{
	(void)rm;
	return tell(data, 'r', NULL, ((struct manager *)data)->recovering);
}

static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return tell(data, 'V', event, ((struct manager *)data)->recover);
}

static int on_last_recover(struct ktm_rm *rm, void *data)
{
	(void)rm;
	return tell(data, 'L', NULL, 0);
}

static void on_indoubt(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	tell(data, 'I', event, 0);
}

static void on_disconnected(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	tell(data, 'D', event, 0);
}

static int on_superior(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct manager *m = data;

	(void)rm;
	switch (event->kind) {
	case KTM_NOTIFY_PREPREPARE_COMPLETE:
		return tell(m, 'q', event, m->superior == KTM_RM_COMMIT ? KTM_RM_PREPARE : m->superior);
	case KTM_NOTIFY_PREPARE_COMPLETE:
		return tell(m, 'p', event, m->superior);
	case KTM_NOTIFY_COMMIT_REQUEST:
		return tell(m, 'R', event, m->superior);
	case KTM_NOTIFY_REQUEST_OUTCOME:
		return tell(m, 'O', event, m->superior);
	case KTM_NOTIFY_RECOVER_QUERY:
		event->cookie += 1000;
		return tell(m, 'Q', event, m->superior);
	case KTM_NOTIFY_COMMIT_COMPLETE:
		return tell(m, 'c', event, KTM_RM_DONE);
	case KTM_NOTIFY_ROLLBACK_COMPLETE:
		return tell(m, 'b', event, KTM_RM_DONE);
	default:
		FAIL("superior: notification 0x%x", event->kind);
	}
}

static const struct ktm_rm_ops two_phase = {
	.size = sizeof(two_phase),
	.prepare = on_prepare,
	.commit = on_commit,
	.rollback = on_rollback,
	.recover = on_recover,
	.indoubt = on_indoubt,
	.last_recover = on_last_recover,
	.rm_disconnected = on_disconnected,
};

static const struct ktm_rm_ops all = {
	.size = sizeof(all),
	.preprepare = on_preprepare,
	.prepare = on_prepare,
	.single_phase = on_single_phase,
	.commit = on_commit,
	.rollback = on_rollback,
	.recover = on_recover,
	.indoubt = on_indoubt,
	.last_recover = on_last_recover,
	.rm_disconnected = on_disconnected,
};

static const struct ktm_rm_ops with_stream = {
	.size = sizeof(with_stream),
	.prepare = on_prepare,
	.commit = on_commit,
	.rollback = on_rollback,
	.recovering = on_recovering,
	.recover = on_recover,
	.last_recover = on_last_recover,
};

/* Only ever a superior. */
static const struct ktm_rm_ops above = {
	.size = sizeof(above),
	.rollback = on_rollback,
	.superior = on_superior,
	.last_recover = on_last_recover,
};

/* ---- running them ---- */

static bool dispatch_all(void)
{
	unsigned int i, handled = 0;
	uint32_t status;
	int ret;

	for (i = 0; i < MAX_RMS; i++) {
		if (!managers[i].rm)
			continue;
		ret = ktm_rm_dispatch(managers[i].rm, &status);
		if (ret < 0)
			FAIL("resource manager %u: %s (%d)", i, ktm_status_text(status), ret);
		handled += (unsigned int)ret;
	}
	return handled;
}

/* Until nothing more happens by itself; what is in memory happens at once. */
static void run_all(void)
{
	while (dispatch_all())
		;
}

static void until_told(const struct manager *m, const char *told)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (strcmp(m->told, told)) {
		if (deadline_passed(&d))
			FAIL("was told '%s', not '%s'", m->told, told);
		if (!dispatch_all())
			nap();
	}
}

static struct manager *start(unsigned int n, const char *device, const guid_t *tm,
			     const struct ktm_rm_ops *ops)
{
	struct manager *m = &managers[n];
	uint32_t status;

	memset(m->told, 0, sizeof(m->told));
	m->guid = guid_of(100 + n);
	m->config = (struct ktm_rm_config){
		.size = sizeof(m->config),
		.flags = device ? 0 : KTM_RM_LOOP_VOLATILE,
		.device = device,
		.tm = device ? NULL : tm,
		.guid = device ? &m->guid : NULL,
	};
	if (ktm_rm_start(&m->rm, &m->config, ops, m, &status))
		FAIL("resource manager %u: %s", n, ktm_status_text(status));
	if (device)
		until_told(m, "L");
	memset(m->told, 0, sizeof(m->told));
	return m;
}

static void end(struct manager *m)
{
	ktm_rm_end(m->rm);
	m->rm = NULL;
}

static int begin(int tm)
{
	int tx = ktm_tx_begin(dev(), tm, "rmphases", NULL, NULL);

	CHECK(tx >= 0);
	return tx;
}

static void expect_outcome(int tx, uint32_t wanted)
{
	uint32_t outcome = 0;

	CHECK_EQ(ktm_tx_wait(tx, 0, PATIENCE_NS, &outcome, NULL), 0);
	CHECK_EQ(outcome, wanted);
}

#define TOLD(m, what)							\
	do {								\
		if (strcmp((m)->told, what))				\
			FAIL("was told '%s', not '%s'", (m)->told, what); \
	} while (0)

static const char *journal;

static void need_journal(void)
{
	journal = disk_given();
	journal_format(journal, TM_GUID);
}

/* ---- phase 0 ---- */

TEST(a_cache_flushes_into_another)
{
	int tm = tm_volatile(), tx;
	guid_t guid = tm_guid(tm);
	struct manager *cache = start(0, NULL, &guid, &all), *store = start(1, NULL, &guid, &all);

	cache->tx = tx = begin(tm);
	cache->flushes_into = store;
	cache->single_phase = KTM_RM_REJECT;
	CHECK_EQ(ktm_rm_enlist(cache->rm, tx, 7, NULL, NULL), 0);
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	run_all();
	TOLD(cache, "10PC");
	TOLD(store, "0PC");
	expect_outcome(tx, KTM_OUTCOME_COMMITTED);
}

TEST(phase_0_is_left_or_refused)
{
	int tm = tm_volatile(), tx, other;
	guid_t guid = tm_guid(tm);
	struct manager *a = start(0, NULL, &guid, &all), *b = start(1, NULL, &guid, &two_phase);

	tx = begin(tm);
	a->preprepare = KTM_RM_READ_ONLY;
	CHECK_EQ(ktm_rm_enlist(a->rm, tx, 0, NULL, NULL), 0);
	CHECK_EQ(ktm_rm_enlist(b->rm, tx, 0, NULL, NULL), 0);
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	run_all();
	TOLD(a, "0");
	TOLD(b, "PC");
	expect_outcome(tx, KTM_OUTCOME_COMMITTED);

	other = begin(tm);
	a->preprepare = KTM_RM_REFUSE;
	CHECK_EQ(ktm_rm_enlist(a->rm, other, 0, NULL, NULL), 0);
	CHECK_EQ(ktm_rm_enlist(b->rm, other, 0, NULL, NULL), 0);
	CHECK_EQ(ktm_tx_commit(other, 0, NULL), 0);
	run_all();
	TOLD(a, "00B");
	TOLD(b, "PCB");
	expect_outcome(other, KTM_OUTCOME_ABORTED);
}

/* ---- single phase ---- */

static void expect_single(struct manager *m, int tm, int reply, const char *told, uint32_t outcome)
{
	int tx = begin(tm);

	memset(m->told, 0, sizeof(m->told));
	m->single_phase = reply;
	CHECK_EQ(ktm_rm_enlist(m->rm, tx, 0, NULL, NULL), 0);
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	run_all();
	TOLD(m, told);
	expect_outcome(tx, outcome);
	close(tx);
}

TEST(the_only_one_decides)
{
	int tm = tm_volatile();
	guid_t guid = tm_guid(tm);
	struct manager *m = start(0, NULL, &guid, &all);

	expect_single(m, tm, KTM_RM_DONE, "1", KTM_OUTCOME_COMMITTED);
	expect_single(m, tm, KTM_RM_REFUSE, "1B", KTM_OUTCOME_ABORTED);
	expect_single(m, tm, KTM_RM_REJECT, "10PC", KTM_OUTCOME_COMMITTED);
}

/* The one that decides goes without a word, and settles it when it is back. */
TEST(the_one_that_decides_goes_and_comes_back)
{
	struct manager *durable, *beside;
	guid_t guid = TM_GUID;
	int tm, tx;

	need_journal();
	tm = tm_online(journal);
	durable = start(0, journal, NULL, &all);
	beside = start(1, NULL, &guid, &two_phase);
	tx = begin(tm);
	CHECK_EQ(ktm_rm_enlist(durable->rm, tx, 5, NULL, NULL), 0);
	CHECK_EQ(ktm_rm_enlist(beside->rm, tx, 0, NULL, NULL), 0);
	durable->single_phase = KTM_RM_LATER;
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	run_all();
	TOLD(beside, "P");
	TOLD(durable, "1");
	end(durable);
	CHECK_EQ(ktm_tx_wait(tx, 0, PATIENCE_NS, NULL, NULL), -ENOTRECOVERABLE);
	run_all();
	TOLD(beside, "PD");

	/* It holds nothing: it may have committed before it died, and says so. */
	durable->single_phase = KTM_RM_DONE;
	durable->recover = KTM_RM_NONE;
	memset(durable->told, 0, sizeof(durable->told));
	CHECK_EQ(ktm_rm_start(&durable->rm, &durable->config, &all, durable, NULL), 0);
	until_told(durable, "VL1");
	expect_outcome(tx, KTM_OUTCOME_COMMITTED);
	TOLD(beside, "PD");
	end(durable);
	end(beside);
	close(tx);
	tm_close(tm, journal);
}

/* ---- a recovery that fails ---- */

/* Its log could not be read: it must not be taken for one that holds nothing. */
TEST(what_is_not_known_is_not_finished)
{
	uint32_t status;
	struct manager *m;
	int tm, tx, ret;

	need_journal();
	tm = tm_online(journal);
	managers[0].recovering = 0;
	m = start(0, journal, NULL, &two_phase);
	tx = begin(tm);
	CHECK_EQ(ktm_rm_enlist(m->rm, tx, 5, NULL, NULL), 0);
	m->commit = KTM_RM_LATER;
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	until_told(m, "PC");
	end(m);

	m->recovering = -ENOMEM;
	m->recover = KTM_RM_NONE;
	memset(m->told, 0, sizeof(m->told));
	CHECK_EQ(ktm_rm_start(&m->rm, &m->config, &with_stream, m, NULL), 0);
	ret = ktm_rm_dispatch(m->rm, &status);
	CHECK_EQ(ret, -ENOMEM);
	TOLD(m, "r");
	CHECK_EQ(ktm_rm_state(m->rm), KTM_RM_OFFLINE);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);

	m->recovering = 0;
	m->recover = KTM_RM_DONE;
	m->commit = KTM_RM_DONE;
	until_told(m, "rrVLC");
	expect_outcome(tx, KTM_OUTCOME_COMMITTED);
	end(m);
	close(tx);
	tm_close(tm, journal);
}

/* ---- superiors ---- */

struct driven {
	int tm, tx;
	struct manager *below, *above;
	guid_t en, sup;
};

/* A transaction with a participant and a superior. */
static struct driven driven(int tm, const char *device, unsigned int flags)
{
	struct driven d = { .tm = tm };
	guid_t guid = tm_guid(tm);

	d.below = start(0, device, &guid, &all);
	d.above = start(1, device, &guid, &above);
	d.tx = begin(tm);
	CHECK_EQ(ktm_rm_enlist(d.below->rm, d.tx, 1, &d.en, NULL), 0);
	CHECK_EQ(ktm_rm_enlist_superior(d.above->rm, d.tx, flags, 2, &d.sup, NULL), 0);
	return d;
}

static void begin_phase_0(const struct driven *d)
{
	uint32_t status = 0;

	CHECK_EQ(ktm_en_preprepare(ktm_rm_descriptor(d->above->rm), &d->sup, &status), 0);
	CHECK_EQ(status, KTM_STATUS_PENDING);
}

TEST(a_superior_drives)
{
	struct driven d = driven(tm_volatile(), NULL, 0);
	uint32_t status;

	CHECK_EQ(ktm_tx_commit(d.tx, KTM_CALL_WAIT, &status), -EBUSY);
	CHECK_EQ(status, KTM_STATUS_SUPERIOR_EXISTS);
	CHECK_EQ(ktm_rm_enlist_superior(d.above->rm, d.tx, 0, 0, NULL, &status), -EBUSY);
	d.above->superior = KTM_RM_COMMIT;
	begin_phase_0(&d);
	run_all();
	TOLD(d.below, "0PC");
	TOLD(d.above, "qpc");
	expect_outcome(d.tx, KTM_OUTCOME_COMMITTED);
}

TEST(a_superior_refuses)
{
	struct driven d = driven(tm_volatile(), NULL, 0);

	d.above->superior = KTM_RM_REFUSE;
	begin_phase_0(&d);
	run_all();
	TOLD(d.below, "0B");
	TOLD(d.above, "qBb");
	expect_outcome(d.tx, KTM_OUTCOME_ABORTED);
}

TEST(a_superior_hears_of_a_refusal)
{
	struct driven d = driven(tm_volatile(), NULL, 0);

	d.above->superior = KTM_RM_COMMIT;
	d.below->prepare = KTM_RM_REFUSE;
	begin_phase_0(&d);
	run_all();
	TOLD(d.below, "0PB");
	TOLD(d.above, "qBb");
	expect_outcome(d.tx, KTM_OUTCOME_ABORTED);
}

static void expect_request(int reply, const char *below, const char *told, uint32_t outcome)
{
	struct driven d = driven(tm_volatile(), NULL, KTM_RM_SUPERIOR_ON_REQUEST);
	uint32_t status;

	d.above->superior = reply;
	CHECK_EQ(ktm_tx_commit(d.tx, 0, &status), 0);
	CHECK_EQ(status, KTM_STATUS_PENDING);
	run_all();
	TOLD(d.below, below);
	TOLD(d.above, told);
	expect_outcome(d.tx, outcome);
}

TEST(a_superior_is_asked_by_a_commit)
{
	expect_request(KTM_RM_COMMIT, "0PC", "Rc", KTM_OUTCOME_COMMITTED);
}

TEST(a_superior_that_is_asked_refuses)
{
	expect_request(KTM_RM_REFUSE, "0PB", "RBb", KTM_OUTCOME_ABORTED);
}

TEST(a_participant_asks_for_the_outcome)
{
	struct driven d = driven(tm_volatile(), NULL, KTM_RM_SUPERIOR_ON_REQUEST);

	d.above->superior = KTM_RM_LATER;
	CHECK_EQ(ktm_tx_commit(d.tx, 0, NULL), 0);
	run_all();
	TOLD(d.above, "R");
	d.above->superior = KTM_RM_COMMIT;
	CHECK_EQ(ktm_request_outcome(ktm_rm_descriptor(d.below->rm), &d.en, NULL), 0);
	run_all();
	TOLD(d.above, "ROc");
	TOLD(d.below, "0PC");
	expect_outcome(d.tx, KTM_OUTCOME_COMMITTED);
	/* Decided: the answer that was put off comes too late, and is refused. */
	d.above->last.kind = KTM_NOTIFY_COMMIT_REQUEST;
	CHECK(ktm_rm_answer(d.above->rm, &d.above->last, KTM_RM_COMMIT, NULL) < 0);
}

/* It has prepared, dies, and is asked when it is back. */
static void superior_comes_back(int reply, const char *below, uint32_t outcome)
{
	struct driven d;

	need_journal();
	d = driven(tm_online(journal), journal, 0);
	d.above->superior = KTM_RM_COMMIT;
	begin_phase_0(&d);
	/* Only as far as the question what to decide. */
	until_told(d.above, "q");
	d.above->superior = KTM_RM_LATER;
	until_told(d.above, "qp");
	end(d.above);
	CHECK_EQ(ktm_tx_wait(d.tx, 0, PATIENCE_NS, NULL, NULL), -ENOTRECOVERABLE);

	d.above->superior = reply;
	memset(d.above->told, 0, sizeof(d.above->told));
	CHECK_EQ(ktm_rm_start(&d.above->rm, &d.above->config, &above, d.above, NULL), 0);
	if (reply == KTM_RM_LATER) {
		until_told(d.above, "QL");
		CHECK_EQ(d.above->last.cookie, 1002);
		CHECK_EQ(ktm_rm_answer(d.above->rm, &d.above->last, KTM_RM_COMMIT, NULL), 0);
	}
	until_told(d.below, below);
	expect_outcome(d.tx, outcome);
	until_told(d.above, outcome == KTM_OUTCOME_COMMITTED ? "QLc" : "QLBb");
	CHECK_EQ(d.above->last.cookie, 1002);
	end(d.below);
	end(d.above);
	close(d.tx);
	tm_close(d.tm, journal);
}

TEST(a_superior_comes_back_and_commits)
{
	superior_comes_back(KTM_RM_COMMIT, "0PC", KTM_OUTCOME_COMMITTED);
}

TEST(a_superior_comes_back_and_refuses)
{
	superior_comes_back(KTM_RM_REFUSE, "0PB", KTM_OUTCOME_ABORTED);
}

TEST(a_superior_comes_back_and_decides_later)
{
	superior_comes_back(KTM_RM_LATER, "0PC", KTM_OUTCOME_COMMITTED);
}

/* ---- rolled forward ---- */

static unsigned int times(const struct manager *m, char what)
{
	unsigned int i, count = 0;

	for (i = 0; m->told[i]; i++)
		count += m->told[i] == what;
	return count;
}

static void until_state(const struct manager *m, enum ktm_rm_state wanted)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (ktm_rm_state(m->rm) != wanted) {
		if (deadline_passed(&d))
			FAIL("state %d, not %d; was told '%s'", ktm_rm_state(m->rm), wanted, m->told);
		if (!dispatch_all())
			nap();
	}
}

/* It recovers what was decided by then, serves nobody, and lets the TM stay where it is. */
TEST(a_tm_is_rolled_forward)
{
	struct manager *m;
	int tm, tx, i;

	need_journal();
	tm = tm_online(journal);
	m = start(0, journal, NULL, &two_phase);
	m->commit = KTM_RM_LATER;
	for (i = 0; i < 2; i++) {
		tx = begin(tm);
		CHECK_EQ(ktm_rm_enlist(m->rm, tx, 0, NULL, NULL), 0);
		CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
		until_told(m, i ? "PCPC" : "PC");
		close(tx);
	}
	end(m);
	tm_close(tm, journal);

	tm = tm_attach(journal);
	CHECK_EQ(ktm_tm_rollforward(tm, -1, 2, NULL), 0);
	memset(m->told, 0, sizeof(m->told));
	CHECK_EQ(ktm_rm_start(&m->rm, &m->config, &two_phase, m, NULL), 0);
	while (times(m, 'V') != 2 || times(m, 'C') != 1 || times(m, 'I') != 1)
		dispatch_all();
	run_all();
	CHECK_EQ(ktm_rm_state(m->rm), KTM_RM_RECOVERING);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	tx = begin(-1);
	CHECK_EQ(ktm_rm_enlist(m->rm, tx, 0, NULL, NULL), -ENOTCONN);
	close(tx);

	memset(m->told, 0, sizeof(m->told));
	m->commit = KTM_RM_DONE;
	CHECK_EQ(ktm_tm_recover(tm, -1, NULL), 0);
	until_state(m, KTM_RM_ONLINE);
	while (times(m, 'C') != 2)
		dispatch_all();
	run_all();
	CHECK_EQ(times(m, 'V'), 2);
	CHECK_EQ(times(m, 'I'), 0);
	CHECK_EQ(tm_info(tm).transactions, 0);
	end(m);
	tm_close(tm, journal);
}

/* ---- while all is frozen ---- */

#define NSEC_PER_SEC	1000000000ull

/* Some signals first, with the other in its wait. */
static void thaw(void *data)
{
	unsigned int i;

	(void)data;
	for (i = 0; i < 50; i++)
		nap();
	CHECK_EQ(ktm_thaw(dev(), NULL), 0);
}

static void freeze(void)
{
	CHECK_EQ(ktm_freeze(dev(), 10 * NSEC_PER_SEC, 60 * NSEC_PER_SEC, NULL), 0);
}

TEST(a_commit_outlasts_a_freeze_and_signals)
{
	int tm = tm_volatile(), tx = begin(tm);
	uint32_t status;
	pid_t helper;

	freeze();
	be_interrupted(true);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT | KTM_WAIT_INTERRUPTIBLE, &status), -EINTR);
	CHECK_EQ(status, KTM_STATUS_INTERRUPTED);
	CHECK_EQ(tx_info(tx).state, KTM_TX_STATE_ACTIVE);
	helper = test_spawn(thaw, NULL);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, &status), 0);
	CHECK_EQ(status, KTM_STATUS_SUCCESS);
	be_interrupted(false);
	test_join(helper);
	expect_outcome(tx, KTM_OUTCOME_COMMITTED);
}

/* What the loop was told to do is done, however often it is disturbed. */
TEST(orders_outlast_a_freeze_and_signals)
{
	struct driven d = driven(tm_volatile(), NULL, 0);
	pid_t helper;

	/* Phase 0 is over, and the superior has not read of it when all is frozen. */
	begin_phase_0(&d);
	while (!*d.below->told)
		CHECK(ktm_rm_dispatch(d.below->rm, NULL) >= 0);
	freeze();
	be_interrupted(true);
	helper = test_spawn(thaw, NULL);
	d.above->superior = KTM_RM_COMMIT;
	while (!*d.above->told)
		CHECK(ktm_rm_dispatch(d.above->rm, NULL) >= 0);
	be_interrupted(false);
	test_join(helper);
	TOLD(d.above, "q");
	/* Once more: all have prepared when the decision has to wait. */
	d.above->superior = KTM_RM_LATER;
	run_all();
	TOLD(d.above, "qp");
	freeze();
	be_interrupted(true);
	helper = test_spawn(thaw, NULL);
	CHECK_EQ(ktm_rm_answer(d.above->rm, &d.above->last, KTM_RM_COMMIT, NULL), 0);
	be_interrupted(false);
	test_join(helper);
	run_all();
	TOLD(d.above, "qpc");
	TOLD(d.below, "0PC");
	expect_outcome(d.tx, KTM_OUTCOME_COMMITTED);
}
