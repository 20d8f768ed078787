// SPDX-License-Identifier: GPL-2.0
/*
 * Transactions of two RMs on a disk that may fail, see pairs.h.
 */
#include "pairs.h"

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

unsigned int pair_vote_bytes;

unsigned int pair_begun(unsigned int pair)
{
	return BEGUN(pair);
}

void pair_forget(void)
{
	unsigned int i;

	for (i = 0; i < PAIRS * PAIR_MOST + PAIRS; i++)
		shared_word[i] = 0;
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

static bool vote_fails(int rm, guid_t en)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = pair_vote_bytes ? (uintptr_t)information : 0,
				  .information_length = pair_vote_bytes);

	return pair_went_wrong(test_try(rm, KTM_IOC_PREPARE_COMPLETE, &a));
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
static bool begin(int tm, const int rm[2], unsigned int pair, unsigned int n, int *tx, guid_t en[2])
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm);
	struct ktm_call call = ARG(ktm_call);
	unsigned int i;

	*tx = -1;
	if (pair_went_wrong(test_try(dev(), KTM_IOC_TX_CREATE, &c)))
		return false;
	for (i = 0; i < 2; i++) {
		struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK, .tx_fd = c.fd, .key = n);

		if (pair_went_wrong(test_try(rm[i], KTM_IOC_ENLIST, &e)))
			goto close;
		en[i] = e.guid;
	}
	BEGUN(pair) = n + 1;
	if (pair_went_wrong(test_try(c.fd, KTM_IOC_COMMIT, &call)))
		goto close;
	*tx = c.fd;
	return true;
close:
	close(c.fd);
	return false;
}

bool pair_commit(int tm, const int rm[2], unsigned int pair, unsigned int n, int *tx)
{
	guid_t en[2];
	unsigned int i;

	if (!begin(tm, rm, pair, n, tx, en))
		return false;
	for (i = 0; i < 2; i++)
		if (!take_unless_failed(rm[i], KTM_NOTIFY_PREPARE, en[i]) ||
		    vote_fails(rm[i], en[i]))
			return false;
	for (i = 0; i < 2; i++) {
		if (!take_unless_failed(rm[i], KTM_NOTIFY_COMMIT, en[i]))
			return false;
		FATE(pair, n) = TOLD;
	}
	for (i = 0; n % 4 && i < 2; i++) {
		/* In memory this goes through even now. */
		ANSWER(rm[i], KTM_IOC_COMMIT_COMPLETE, en[i], KTM_STATUS_SUCCESS);
	}
	if (n % 4)
		FATE(pair, n) = ENDED;
	close(*tx);
	return true;
}

/* What an RM hears after all that; @found: by number, whether it has the transaction. */
static void recover_rm(int tm, unsigned int number, bool *found)
{
	guid_t guid = guid_of(10 + number);
	struct ktm_notification note, all[PAIR_MOST];
	int rm = rm_open(tm, &guid);
	unsigned int i, nr = 0;

	memset(found, 0, PAIR_MOST * sizeof(*found));
	rm_recover(rm);
	for (note = take(rm); note.kind == KTM_NOTIFY_RECOVER; note = take(rm)) {
		CHECK(note.key < PAIR_MOST && !found[note.key] && nr < PAIR_MOST);
		found[note.key] = true;
		all[nr++] = note;
	}
	CHECK_EQ(note.kind, KTM_NOTIFY_LAST_RECOVER);
	for (i = 0; i < nr; i++) {
		struct ktm_notification outcome;

		en_recover(rm, all[i].enlistment, all[i].key);
		outcome = take(rm);
		CHECK_EQ(outcome.key, all[i].key);
		/* Its decision is in the log or the TM rolled it back: it has no other way. */
		if (outcome.kind == KTM_NOTIFY_ROLLBACK) {
			CHECK_EQ(FATE(number / 2, outcome.key), UNHEARD);
			found[outcome.key] = false;
			ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, all[i].enlistment, KTM_STATUS_SUCCESS);
		} else {
			CHECK_EQ(outcome.kind, KTM_NOTIFY_COMMIT);
			ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, all[i].enlistment, KTM_STATUS_SUCCESS);
		}
	}
	close(rm);
}

bool pair_check(int tm, unsigned int pair)
{
	bool found[2][PAIR_MOST];
	unsigned int n;

	recover_rm(tm, 2 * pair, found[0]);
	recover_rm(tm, 2 * pair + 1, found[1]);
	for (n = 0; n < BEGUN(pair); n++) {
		if (FATE(pair, n) == TOLD && !(found[0][n] && found[1][n]))
			FAIL("pair %u was told of transaction %u, which is lost", pair, n);
		/* Who has finished may be asked again, or not; else both hear the same. */
		if (FATE(pair, n) == UNHEARD && found[0][n] != found[1][n])
			FAIL("transaction %u of pair %u has two outcomes", n, pair);
		FATE(pair, n) = ENDED;
	}
	return n && found[0][n - 1] && found[1][n - 1];
}

