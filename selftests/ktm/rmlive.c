// SPDX-License-Identifier: GPL-2.0
/*
 * Resource managers that live through the reopening of their TM, streams and all: two processes,
 * each with libktm's loop and a stream of its own, and a volatile one beside them, whose TM's device
 * fails again and again under commits. They are never started anew. Each time the administrator has
 * recovered the TM, all must hold what the transactions' outcomes say, and go on.
 */
#define _GNU_SOURCE
#include <ktm-rm.h>

#include <sys/socket.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define TM_GUID		guid_of(970)
#define PATIENCE_NS	(PATIENCE * 1000000000ull)
#define RMS		3
#define DURABLE		2	/* of them; the last one is volatile */
#define ALL		((1u << RMS) - 1)
#define ALONE		1u	/* the first one, which is asked to commit in a single phase */
#define ROUNDS		8
#define AT_ONCE		3	/* transactions whose fate the failure decides */
#define MOST		256	/* transactions of a test */

/* What a record says of the transaction with that cookie. */
enum said {
	REDO = 1,
	COMMITTED,
};

/* How a member is made to take part in a transaction. */
struct invitation {
	uint64_t cookie;
	bool alone;
};

struct record {
	uint64_t said;
	uint64_t cookie;
};

/* What is shared with the test. */
enum word {
	STATE,
	READ_ANEW,		/* how often */
	SERVED,			/* LAST_RECOVER, how often */
	PAUSE,			/* wait in the middle of reading */
	PAUSED,
	OFFLINE,		/* how often */
	HAS,			/* first of MOST: is this one committed here? */
};

#define WORD(n, word)	shared_word[(n) * (HAS + MOST) + (word)]

/**
 * struct member - a resource manager
 * @n: which one
 * @device: of the TM
 * @guid: its own
 * @socket: [0] of the test, [1] of its process
 * @stream: its stream
 * @redo: of which transactions it has some
 * @single: which it is to commit alone
 * @named: in this recovery, as prepared
 * @said: the record that an answer brings
 * @piece: the same
 */
struct member {
	unsigned int n;
	const char *device;
	guid_t guid;
	int socket[2];
	int stream;
	bool redo[MOST];
	bool single[MOST];
	bool named[MOST];
	struct record said;
	struct iovec piece;
};

static void say(struct member *m, struct ktm_rm_event *event, enum said said)
{
	m->said = (struct record){ .said = said, .cookie = event->cookie };
	m->piece = (struct iovec){ &m->said, sizeof(m->said) };
	event->stream = m->stream;
	event->record = &m->piece;
	event->record_count = 1;
}

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct member *m = data;

	(void)rm;
	m->redo[event->cookie] = true;
	if (m->n >= DURABLE)
		return KTM_RM_DONE;
	say(m, event, REDO);
	event->stream_records = 1;
	event->stream_need = sizeof(m->said);
	return KTM_RM_DONE;
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct member *m = data;

	(void)rm;
	if (!m->redo[event->cookie])
		FAIL("%u is told to commit %llu, of which it has nothing", m->n,
		     (unsigned long long)event->cookie);
	if (m->n < DURABLE)
		say(m, event, COMMITTED);
	WORD(m->n, HAS + event->cookie) = 1;
	return KTM_RM_DONE;
}

/* Asked again behind a failure, it may find its record; that it was flushed is not known. */
static int on_single_phase(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct member *m = data;

	(void)rm;
	CHECK(m->single[event->cookie]);
	if (WORD(m->n, HAS + event->cookie))
		return ktm_stream_flush(m->stream, 0, 0, NULL, NULL) ? -EIO : KTM_RM_DONE;
	say(m, event, COMMITTED);
	WORD(m->n, HAS + event->cookie) = 1;
	return KTM_RM_DONE;
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct member *m = data;

	(void)rm;
	CHECK(!WORD(m->n, HAS + event->cookie));
	m->redo[event->cookie] = false;
	return KTM_RM_DONE;
}

/* The stream is all that counts now: what this process remembers may have gone with the device. */
static int on_recovering(struct ktm_rm *rm, void *data)
{
	struct ktm_stream_record at = { 0 };
	struct ktm_stream_info info;
	struct member *m = data;
	struct record record;
	unsigned int i;
	int ret;

	(void)rm;
	if (m->stream < 0) {
		char name[] = "member 0";

		name[7] += m->n;
		m->stream = ktm_stream_create(ktm_rm_tm_descriptor(rm), name, 128 << 10,
					      KTM_STREAM_ALL_ACCESS, 0, NULL, NULL);
		CHECK(m->stream >= 0);
	}
	WORD(m->n, READ_ANEW)++;
	CHECK_EQ(ktm_stream_query(m->stream, &info, NULL), 0);
	memset(m->redo, 0, sizeof(m->redo));
	memset(m->named, 0, sizeof(m->named));
	for (i = 0; i < MOST; i++)
		WORD(m->n, HAS + i) = 0;
	while ((ret = ktm_stream_read(m->stream, KTM_STREAM_NEXT, at.lsn, &record, sizeof(record),
				      &at, NULL)) > 0) {
		CHECK_EQ(at.length, sizeof(record));
		CHECK(record.cookie < MOST);
		m->redo[record.cookie] = true;
		if (record.said == COMMITTED)
			WORD(m->n, HAS + record.cookie) = 1;
		while (WORD(m->n, PAUSE)) {
			WORD(m->n, PAUSED) = 1;
			nap();
		}
	}
	return ret;
}

static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct member *m = data;

	(void)rm;
	CHECK(event->cookie < MOST);
	/* A vote that survived has its redo in front of it; who decides alone has not voted. */
	if (!m->redo[event->cookie]) {
		CHECK(m->single[event->cookie]);
		return KTM_RM_NONE;
	}
	m->named[event->cookie] = true;
	return KTM_RM_DONE;
}

static int on_last_recover(struct ktm_rm *rm, void *data)
{
	struct member *m = data;
	unsigned int i;

	(void)rm;
	for (i = 0; i < MOST; i++)
		if (!WORD(m->n, HAS + i) && !m->named[i])
			m->redo[i] = false;
	WORD(m->n, SERVED)++;
	return 0;
}

static void on_offline(struct ktm_rm *rm, void *data)
{
	struct member *m = data;

	(void)rm;
	WORD(m->n, OFFLINE)++;
}

static const struct ktm_rm_ops ops = {
	.size = sizeof(ops),
	.prepare = on_prepare,
	.commit = on_commit,
	.rollback = on_rollback,
	.recover = on_recover,
	.last_recover = on_last_recover,
	.offline = on_offline,
	.recovering = on_recovering,
	.single_phase = on_single_phase,
};

/* Who decides alone lives on, and always says how. */
static void on_disconnected(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct member *m = data;

	(void)rm;
	FAIL("%u is told that nobody knows what became of %llu", m->n,
	     (unsigned long long)event->cookie);
}

/* It would forget what it has prepared. */
static int on_volatile_recovering(struct ktm_rm *rm, void *data)
{
	struct member *m = data;

	(void)rm;
	FAIL("%u is volatile, and made to recover", m->n);
}

static const struct ktm_rm_ops volatile_ops = {
	.size = sizeof(volatile_ops),
	.prepare = on_prepare,
	.commit = on_commit,
	.rollback = on_rollback,
	.last_recover = on_volatile_recovering,
	.recovering = on_volatile_recovering,
	.rm_disconnected = on_disconnected,
};

/* A transaction and what goes with it come over the socket; the answer is whether it could be joined. */
static void join_one(struct member *m, struct ktm_rm *rm)
{
	struct invitation in;
	int tx, ret;
	ssize_t got = ktm_tx_recv(m->socket[1], &in, sizeof(in), &tx);

	if (!got)
		_exit(0);
	CHECK_EQ(got, sizeof(in));
	m->single[in.cookie] = in.alone;
	ret = ktm_rm_enlist(rm, tx, in.cookie, NULL, NULL);
	close(tx);
	CHECK_EQ(send(m->socket[1], &ret, sizeof(ret), MSG_NOSIGNAL), sizeof(ret));
}

static void run_member(void *data)
{
	struct member *m = data;
	const bool durable = m->n < DURABLE;
	const struct ktm_rm_config config = {
		.size = sizeof(config), .device = m->device, .guid = durable ? &m->guid : NULL,
		.flags = durable ? 0 : KTM_RM_LOOP_VOLATILE,
	};
	struct ktm_rm *rm;
	uint32_t status;
	int ret;

	close(m->socket[0]);
	m->stream = -1;
	ret = ktm_rm_start(&rm, &config, durable ? &ops : &volatile_ops, m, &status);
	if (ret)
		FAIL("member %u cannot start: %s (%d)", m->n, ktm_status_text(status), ret);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = ktm_rm_fd(rm), .events = POLLIN },
			{ .fd = m->socket[1], .events = POLLIN },
		};

		WORD(m->n, STATE) = ktm_rm_state(rm);
		CHECK(poll(fds, 2, -1) > 0);
		if (fds[0].revents) {
			ret = ktm_rm_dispatch(rm, &status);
			if (ret < 0)
				FAIL("dispatch: %s (%d)", ktm_status_text(status), ret);
		}
		WORD(m->n, STATE) = ktm_rm_state(rm);
		if (fds[1].revents)
			join_one(m, rm);
	}
}

/* ---- the test ------------------------------------------------------------- */

static struct disk d;
static struct flaky f;
static struct member member[RMS];
static pid_t pid[RMS];
static int tm, tx[MOST];
static unsigned int takes_part[MOST];
static unsigned int txs;

static void until(unsigned int n, enum word word, uint64_t value)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (WORD(n, word) != value) {
		if (deadline_passed(&end))
			FAIL("member %u: word %d is %llu, not %llu", n, word,
			     (unsigned long long)WORD(n, word), (unsigned long long)value);
		nap();
	}
}

void test_setup(void)
{
	guid_t guid = TM_GUID;
	unsigned int i;

	d = disk_make(16 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid);
	for (i = 0; i < RMS; i++) {
		member[i] = (struct member){ .n = i, .device = f.path, .guid = guid_of(971 + i) };
		CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, member[i].socket), 0);
		pid[i] = test_spawn(run_member, &member[i]);
		close(member[i].socket[1]);
		if (i < DURABLE)
			until(i, SERVED, 1);
		until(i, STATE, KTM_RM_ONLINE);
	}
	tm = tm_open(&guid);
}

/* @who: bits. */
static int begin_with(unsigned int who)
{
	const struct invitation in = {
		.cookie = txs, .alone = (who & ((1u << DURABLE) - 1)) == ALONE,
	};
	unsigned int i;

	CHECK(txs < MOST);
	tx[txs] = ktm_tx_begin(dev(), -1, "rmlive", NULL, NULL);
	CHECK(tx[txs] >= 0);
	takes_part[txs] = who;
	for (i = 0; i < RMS; i++) {
		int ret;

		if (!(who & 1u << i))
			continue;
		CHECK_EQ(ktm_tx_send(member[i].socket[0], tx[txs], &in, sizeof(in), NULL),
			 sizeof(in));
		CHECK_EQ(recv(member[i].socket[0], &ret, sizeof(ret), 0), sizeof(ret));
		CHECK_EQ(ret, 0);
	}
	return tx[txs++];
}

static int begin(void)
{
	return begin_with(ALL);
}

static void recover(void)
{
	uint32_t status;

	flaky_set(&f, NO_TROUBLE);
	CHECK_EQ(ktm_tm_recover(tm, -1, &status), 0);
}

/* The device is well again, and its administrator knows it. */
static void come_back(unsigned int times)
{
	unsigned int i;

	tm_failed(tm);
	for (i = 0; i < DURABLE; i++)
		until(i, OFFLINE, times);
	until(DURABLE, STATE, KTM_RM_OFFLINE);
	recover();
	for (i = 0; i < DURABLE; i++) {
		until(i, SERVED, 1 + times);
		CHECK_EQ(WORD(i, READ_ANEW), 1 + times);
	}
	for (i = 0; i < RMS; i++)
		until(i, STATE, KTM_RM_ONLINE);
}

/* Each outcome is known, and all who took part hold just that. */
static void check_outcomes(void)
{
	uint32_t outcome;
	unsigned int i, n;

	for (n = 0; n < txs; n++) {
		CHECK_EQ(ktm_tx_wait(tx[n], 0, PATIENCE_NS, &outcome, NULL), 0);
		CHECK(outcome == KTM_OUTCOME_COMMITTED || outcome == KTM_OUTCOME_ABORTED);
		for (i = 0; i < RMS; i++)
			if (outcome == KTM_OUTCOME_COMMITTED && takes_part[n] & 1u << i)
				until(i, HAS + n, 1);
			else
				CHECK_EQ(WORD(i, HAS + n), 0);
	}
}

static void commit_some(unsigned int count)
{
	uint32_t status;

	while (count--)
		CHECK_EQ(ktm_tx_commit(begin(), KTM_CALL_WAIT, &status), 0);
}

/* Somebody else's write fails; it may be there all the same when the log is read again. */
static void lose_the_log(void)
{
	static unsigned int times;
	char name[32];
	int s;

	snprintf(name, sizeof(name), "nobody's %u", times++);
	CHECK(stream_try_create(tm, name, 4096, &s) != KTM_STATUS_SUCCESS);
	tm_failed(tm);
}

static void tear_down(void)
{
	unsigned int i;

	for (i = 0; i < RMS; i++) {
		test_kill(pid[i]);
		close(member[i].socket[0]);
	}
	for (i = 0; i < txs; i++)
		close(tx[i]);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

TEST(device_fails_again_and_again)
{
	static const enum trouble trouble[] = { FAIL_WRITES, FAIL_FLUSHES, FAIL_ALL };
	unsigned int round, i, aborted = 0;
	uint32_t outcome, status;

	for (round = 1; round <= ROUNDS; round++) {
		commit_some(2);
		for (i = 0; i < AT_ONCE; i++)
			begin();
		/*
		 * The failure comes into the middle of what these do. Whoever has not voted by
		 * then hears nothing before the log has been read, so nobody waits here.
		 */
		if (round % 2)
			flaky_set(&f, trouble[round % 3]);
		for (i = AT_ONCE; i > 1; i--)
			ktm_tx_commit(tx[txs - i], 0, &status);
		if (!(round % 2))
			flaky_set(&f, trouble[round % 3]);
		ktm_tx_commit(tx[txs - 1], 0, &status);
		come_back(round);
		check_outcomes();
	}
	for (i = 0; i < txs; i++) {
		CHECK_EQ(ktm_tx_wait(tx[i], 0, 0, &outcome, NULL), 0);
		aborted += outcome == KTM_OUTCOME_ABORTED;
	}
	printf("# %u transactions, %u of them rolled back\n", txs, aborted);
	CHECK(aborted && aborted < txs);
	commit_some(3);
	check_outcomes();
	tear_down();
}

/*
 * One alone decides, and the device fails while he does: once he was asked, it is his record that
 * says what the outcome is.
 */
TEST(device_fails_under_single_phases)
{
	static const enum trouble trouble[] = { FAIL_WRITES, FAIL_FLUSHES, FAIL_ALL };
	unsigned int round, i;
	uint32_t status;

	for (round = 1; round <= ROUNDS; round++) {
		CHECK_EQ(ktm_tx_commit(begin_with(ALONE), KTM_CALL_WAIT, &status), 0);
		for (i = 0; i < AT_ONCE; i++)
			begin_with(i % 2 ? ALONE : ALONE | 1u << DURABLE);
		if (round % 2)
			flaky_set(&f, trouble[round % 3]);
		for (i = AT_ONCE; i; i--)
			ktm_tx_commit(tx[txs - i], 0, &status);
		if (!(round % 2))
			flaky_set(&f, trouble[round % 3]);
		lose_the_log();
		come_back(round);
		check_outcomes();
	}
	commit_some(3);
	check_outcomes();
	tear_down();
}

/* The device fails once more while they read what they have: they read it again, all of it. */
TEST(device_fails_while_they_read)
{
	unsigned int i, n;
	uint32_t status;

	commit_some(3);
	for (i = 0; i < AT_ONCE; i++)
		begin();
	for (i = AT_ONCE; i; i--)
		ktm_tx_commit(tx[txs - i], 0, &status);
	flaky_set(&f, FAIL_FLUSHES);
	lose_the_log();
	for (i = 0; i < DURABLE; i++) {
		until(i, OFFLINE, 1);
		WORD(i, PAUSE) = 1;
	}
	recover();
	for (i = 0; i < DURABLE; i++)
		until(i, PAUSED, 1);
	for (n = 0; n < 2; n++) {
		flaky_set(&f, FAIL_WRITES);
		lose_the_log();
		recover();
	}
	for (i = 0; i < DURABLE; i++)
		WORD(i, PAUSE) = 0;
	for (i = 0; i < DURABLE; i++)
		until(i, READ_ANEW, 3);
	for (i = 0; i < RMS; i++)
		until(i, STATE, KTM_RM_ONLINE);
	check_outcomes();
	commit_some(3);
	check_outcomes();
	tear_down();
}
