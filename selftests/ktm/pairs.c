// SPDX-License-Identifier: GPL-2.0
/*
 * Transactions of two RMs on a disk that may fail, see pairs.h.
 */
#include "pairs.h"
#include "streams.h"

#define REDO_BYTES	300
#define DONE_BYTES	24

/**
 * enum fate - what somebody has heard of a transaction
 * @UNHEARD: nothing
 * @TOLD: to commit, and has said nothing to that
 * @ENDED: the client, that it is committed: all who take part have finished
 */
enum fate { UNHEARD, TOLD, ENDED };

/* By the pair and the transaction's number, which is the key of both of its enlistments. */
#define FATE(pair, n)		shared_word[(pair) * PAIR_MOST + (n)]
#define BEGUN(pair)		shared_word[PAIRS * PAIR_MOST + (pair)]
/* What was begun before that, the stream of the RM with that number need not have any more. */
#define GIVEN_UP(number)	shared_word[PAIRS * PAIR_MOST + PAIRS + (number)]
#define WORDS			(PAIRS * PAIR_MOST + 3 * PAIRS)

/* Of the RM with that number, about its transaction @n. */
#define REDO(number, n)		((uint64_t)(number) << 32 | (n) << 1)
#define DONE(number, n)		(REDO(number, n) | 1)

static unsigned int read_errors;

unsigned int pair_vote_bytes;

unsigned int pair_begun(unsigned int pair)
{
	return BEGUN(pair);
}

void pair_forget(void)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		shared_word[i] = 0;
	read_errors = 0;
}

int pair_rm(int tm, unsigned int number)
{
	return rm_online(tm, 10 + number);
}

bool pair_went_wrong(unsigned int status)
{
	if (status == KTM_STATUS_SUCCESS || status == KTM_STATUS_PENDING)
		return false;
	if (status != KTM_STATUS_TM_NOT_ONLINE && status != KTM_STATUS_INDOUBT)
		FAIL("status %s", status_name(status));
	return true;
}

/* False: the TM has failed, and nothing waits. */
static bool take_next(int rm, struct ktm_notification *note)
{
	if (!(poll_for(rm, POLLIN | POLLERR) & POLLIN))
		return false;
	*note = take(rm);
	return true;
}

/* An RM that is there and has nothing to recover, whatever fails on the way. */
static int open_rm(int tm, unsigned int number)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS, .mode = 0700,
				     .guid = guid_of(10 + number));
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = c.guid);
	struct ktm_call again = ARG(ktm_call);
	unsigned int status = test_try(tm, KTM_IOC_RM_OPEN, &o);
	struct ktm_notification note;
	int fd = o.fd;

	if (status == KTM_STATUS_RM_NOT_FOUND) {
		status = test_try(tm, KTM_IOC_RM_CREATE, &c);
		fd = c.fd;
	}
	if (pair_went_wrong(status))
		return -1;
	if (pair_went_wrong(test_try(fd, KTM_IOC_RM_RECOVER, &again)) || !take_next(fd, &note)) {
		close(fd);
		return -1;
	}
	CHECK_EQ(note.kind, KTM_NOTIFY_LAST_RECOVER);
	return fd;
}

static unsigned int try_open_stream(int tm, unsigned int number, int *fd)
{
	char name[16];

	snprintf(name, sizeof(name), "rm %u", number);
	return stream_try_open(tm, name, KTM_STREAM_ALL_ACCESS, fd);
}

static int open_stream(int tm, unsigned int number)
{
	char name[16];
	unsigned int status;
	int fd;

	snprintf(name, sizeof(name), "rm %u", number);
	status = try_open_stream(tm, number, &fd);
	if (status == KTM_STATUS_STREAM_NOT_FOUND)
		status = stream_try_create(tm, name, tm_space(tm).bytes / 24, &fd);
	/* It failed in the middle of that: whether there is a stream the next opening shows. */
	if (status == KTM_STATUS_IO_ERROR)
		return -1;
	return pair_went_wrong(status) ? -1 : fd;
}

bool pair_open(int tm, unsigned int number, struct pair *p)
{
	unsigned int i;

	*p = (struct pair){ .number = number, .rm = { -1, -1 }, .s = { -1, -1 } };
	for (i = 0; i < 2; i++) {
		p->rm[i] = open_rm(tm, 2 * number + i);
		if (p->rm[i] >= 0)
			p->s[i] = open_stream(tm, 2 * number + i);
		if (p->s[i] < 0) {
			pair_close(p);
			return false;
		}
	}
	return true;
}

void pair_close(const struct pair *p)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (p->s[i] >= 0)
			close(p->s[i]);
		if (p->rm[i] >= 0)
			close(p->rm[i]);
	}
}

/**
 * struct record - what an answer brings
 * @data: of it
 * @piece: that
 * @append: the same
 */
struct record {
	unsigned char data[REDO_BYTES];
	struct ktm_stream_piece piece;
	struct ktm_stream_append append;
};

static void bring(struct ktm_answer *a, struct record *r, int s, uint64_t tag, unsigned int bytes)
{
	fill(r->data, tag, bytes);
	r->piece = (struct ktm_stream_piece){ .base = (uintptr_t)r->data, .length = bytes };
	r->append = ARG(ktm_stream_append, .count = 1, .pieces = (uintptr_t)&r->piece);
	a->append = (uintptr_t)&r->append;
	a->stream_fd = s;
}

static bool vote_fails(const struct pair *p, unsigned int i, unsigned int n, guid_t en)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = pair_vote_bytes ? (uintptr_t)information : 0,
				  .information_length = pair_vote_bytes,
				  .stream_records = 1, .stream_need = DONE_BYTES);
	struct record r;

	bring(&a, &r, p->s[i], REDO(2 * p->number + i, n), REDO_BYTES);
	return pair_went_wrong(test_try(p->rm[i], KTM_IOC_PREPARE_COMPLETE, &a));
}

/* With a record; in memory, without one, this goes through even if the disk is gone. */
static void complete(int rm, int s, unsigned int number, unsigned int n, guid_t en)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en);
	struct record r;

	bring(&a, &r, s, DONE(number, n), DONE_BYTES);
	if (pair_went_wrong(test_try(rm, KTM_IOC_COMMIT_COMPLETE, &a)))
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
}

/*
 * The next notification; false if the TM has failed and nothing waits, or if it failed before
 * the decision was handed to it: that can be rolled back at once.
 */
static bool take_unless_failed(int rm, unsigned int kind, guid_t en)
{
	struct ktm_notification note;

	if (!(poll_for(rm, POLLIN | POLLERR) & POLLIN))
		return false;
	note = take(rm);
	CHECK(same(&note.enlistment, &en));
	if (kind == KTM_NOTIFY_COMMIT && note.kind == KTM_NOTIFY_ROLLBACK)
		return false;
	CHECK_EQ(note.kind, kind);
	return true;
}

/* Both RMs enlist; the client asks for a commit. */
static bool begin(int tm, const struct pair *p, unsigned int n, int *tx, guid_t en[2])
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm);
	struct ktm_call call = ARG(ktm_call);
	unsigned int i;

	*tx = -1;
	if (pair_went_wrong(test_try(dev(), KTM_IOC_TX_CREATE, &c)))
		return false;
	for (i = 0; i < 2; i++) {
		struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK, .tx_fd = c.fd, .key = n);

		if (pair_went_wrong(test_try(p->rm[i], KTM_IOC_ENLIST, &e)))
			goto close;
		en[i] = e.guid;
	}
	BEGUN(p->number) = n + 1;
	if (pair_went_wrong(test_try(c.fd, KTM_IOC_COMMIT, &call)))
		goto close;
	*tx = c.fd;
	return true;
close:
	close(c.fd);
	return false;
}

bool pair_commit(int tm, const struct pair *p, unsigned int n, int *tx)
{
	guid_t en[2];
	unsigned int i;

	if (!begin(tm, p, n, tx, en))
		return false;
	for (i = 0; i < 2; i++)
		if (!take_unless_failed(p->rm[i], KTM_NOTIFY_PREPARE, en[i]) ||
		    vote_fails(p, i, n, en[i]))
			return false;
	for (i = 0; i < 2; i++) {
		if (!take_unless_failed(p->rm[i], KTM_NOTIFY_COMMIT, en[i]))
			return false;
		FATE(p->number, n) = TOLD;
	}
	for (i = 0; n % 4 && i < 2; i++)
		complete(p->rm[i], p->s[i], 2 * p->number + i, n, en[i]);
	if (n % 4)
		FATE(p->number, n) = ENDED;
	close(*tx);
	return true;
}

/**
 * struct known - what one RM finds after all that, by number of the transaction
 * @redo: the record that came with its vote is in its stream
 * @done: that which came with its completion is
 * @found: the TM tells it to commit, or has told it so when it was tried before
 */
struct known {
	bool redo[PAIR_MOST];
	bool done[PAIR_MOST];
	bool found[PAIR_MOST];
};

/* The record behind @lsn. */
static unsigned int read_next(int s, uint64_t lsn, struct ktm_stream_read *r, unsigned char *data)
{
	unsigned int status, tries = 0;

	do {
		*r = ARG(ktm_stream_read, .mode = KTM_STREAM_NEXT, .lsn = lsn,
			 .buffer = (uintptr_t)data, .length = REDO_BYTES);
		status = test_try(s, KTM_IOC_STREAM_READ, r);
		read_errors += status == KTM_STATUS_IO_ERROR;
	} while (status == KTM_STATUS_IO_ERROR && !tries++);
	return status;
}

/* False: the TM has failed. */
static bool read_stream(int s, unsigned int number, struct known *k)
{
	const struct ktm_stream_info info = stream_info(s);
	unsigned char data[REDO_BYTES], want[REDO_BYTES];
	unsigned int n, status, records = 0;
	struct ktm_stream_read r;
	uint64_t lsn = 0, tag;

	while (!(status = read_next(s, lsn, &r, data))) {
		CHECK(r.lsn > lsn && r.lsn >= info.base_lsn);
		lsn = r.lsn;
		memcpy(&tag, data, sizeof(tag));
		n = (uint32_t)tag >> 1;
		CHECK(n < PAIR_MOST && tag == (REDO(number, n) | (tag & 1)));
		CHECK_EQ(r.length, tag & 1 ? DONE_BYTES : REDO_BYTES);
		fill(want, tag, r.length);
		CHECK(!memcmp(data, want, r.length));
		/* Who is told again may complete it with a second record. */
		CHECK((tag & 1) || !k->redo[n]);
		*(tag & 1 ? &k->done[n] : &k->redo[n]) = true;
		records++;
	}
	if (status != KTM_STATUS_NO_MORE_ENTRIES)
		return !pair_went_wrong(status);
	CHECK_EQ(records, info.records);
	CHECK_EQ(lsn, info.last_lsn);
	return true;
}

static void check_stream(unsigned int number, const struct known *k)
{
	const unsigned int pair = number / 2;
	unsigned int n;

	for (n = GIVEN_UP(number); n < BEGUN(pair); n++) {
		if (!k->redo[n] && (k->found[n] || k->done[n] || FATE(pair, n) != UNHEARD))
			FAIL("what RM %u did in transaction %u is lost", number, n);
		if (!k->done[n] && !k->found[n] && FATE(pair, n) == ENDED)
			FAIL("that RM %u has completed transaction %u is lost", number, n);
		if (k->done[n] && !k->found[n] && FATE(pair, n) == UNHEARD)
			FAIL("RM %u has completed transaction %u, untold", number, n);
	}
}

/* It is asked for one that it had voted for, and hears what came of it. */
static bool take_up(int rm, int s, unsigned int number, const struct ktm_notification *note,
		    struct known *k)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = note->enlistment, .key = note->key);
	struct ktm_notification outcome;

	if (pair_went_wrong(test_try(rm, KTM_IOC_EN_RECOVER, &a)) || !take_next(rm, &outcome))
		return false;
	CHECK_EQ(outcome.key, note->key);
	/* Its decision is in the log or the TM rolled it back: it has no other way. */
	if (outcome.kind == KTM_NOTIFY_ROLLBACK) {
		CHECK(note->key < GIVEN_UP(number) || FATE(number / 2, note->key) == UNHEARD);
		CHECK(!k->found[note->key]);
		ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, note->enlistment, KTM_STATUS_SUCCESS);
		return true;
	}
	CHECK_EQ(outcome.kind, KTM_NOTIFY_COMMIT);
	k->found[note->key] = true;
	complete(rm, s, number, note->key, note->enlistment);
	return true;
}

static bool take_all_up(int rm, int s, unsigned int number, struct known *k)
{
	struct ktm_notification note, all[PAIR_MOST];
	struct ktm_call again = ARG(ktm_call);
	bool heard[PAIR_MOST] = { false };
	unsigned int i, nr = 0;

	if (!read_stream(s, number, k) || pair_went_wrong(test_try(rm, KTM_IOC_RM_RECOVER, &again)))
		return false;
	for (;;) {
		if (!take_next(rm, &note))
			return false;
		if (note.kind != KTM_NOTIFY_RECOVER)
			break;
		CHECK(note.key < PAIR_MOST && !heard[note.key] && nr < PAIR_MOST);
		heard[note.key] = true;
		all[nr++] = note;
	}
	CHECK_EQ(note.kind, KTM_NOTIFY_LAST_RECOVER);
	for (i = 0; i < nr; i++)
		if (!take_up(rm, s, number, &all[i], k))
			return false;
	return true;
}

/* All is over, and what is durable of it is not needed any more. */
static bool give_up(int s, unsigned int number)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark, .lsn = stream_info(s).flushed_lsn);

	GIVEN_UP(number) = BEGUN(number / 2);
	return !m.lsn || !pair_went_wrong(test_try(s, KTM_IOC_STREAM_ADVANCE, &m));
}

static bool recover_rm(int tm, unsigned int number, struct known *k)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = guid_of(10 + number));
	bool done = false;
	int s;

	memset(k->redo, 0, sizeof(k->redo));
	memset(k->done, 0, sizeof(k->done));
	if (pair_went_wrong(test_try(tm, KTM_IOC_RM_OPEN, &o)))
		return false;
	if (!pair_went_wrong(try_open_stream(tm, number, &s))) {
		done = take_all_up(o.fd, s, number, k);
		if (done) {
			check_stream(number, k);
			done = give_up(s, number);
		}
		close(s);
	}
	close(o.fd);
	return done;
}

bool pair_check(int tm, unsigned int pair, bool *committed)
{
	static struct known k[2];
	unsigned int n;

	*committed = false;
	if (!BEGUN(pair))
		return true;
	if (!recover_rm(tm, 2 * pair, &k[0]) || !recover_rm(tm, 2 * pair + 1, &k[1]))
		return false;
	for (n = 0; n < BEGUN(pair); n++) {
		if (FATE(pair, n) == TOLD && !(k[0].found[n] && k[1].found[n]))
			FAIL("pair %u was told of transaction %u, which is lost", pair, n);
		/* Who has finished may be asked again, or not; else both hear the same. */
		if (FATE(pair, n) == UNHEARD && k[0].found[n] != k[1].found[n])
			FAIL("transaction %u of pair %u has two outcomes", n, pair);
		FATE(pair, n) = ENDED;
	}
	*committed = k[0].found[n - 1] && k[1].found[n - 1];
	memset(k, 0, sizeof(k));
	return true;
}

unsigned int pair_read_errors(void)
{
	return read_errors;
}
