// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL of the client, of an RM, and of both, at every step of a commit:
 * what is left is right, and nobody hangs. The same on a volatile TM and, with
 * durable RMs, on one with a journal, where the dead RM comes back.
 */
#include "calls.h"
#include "disk.h"

/* How far the commit has come when somebody dies; also the gates on the way. */
enum step {
	ENLISTED,		/* nobody has called Commit */
	ASKED,			/* PREPARE is out, the victim has read it */
	OTHER_VOTED,		/* the other RM has voted, the victim has not */
	VICTIM_VOTED,		/* the victim has voted, the other RM has not */
	BOTH_VOTED,		/* decided; the victim has not read COMMIT */
	TOLD,			/* the victim has read COMMIT and not answered */
	OTHER_FINISHED,		/* only the victim owes its CommitComplete */
	VICTIM_FINISHED,	/* only the other owes it */
	STEPS
};

static const char *const step_names[STEPS] = {
	"before Commit", "when asked to prepare", "after the other's vote", "after its vote",
	"after both votes", "when told to commit", "after the other's completion",
	"after its completion",
};

/* Gates: what the processes tell each other. */
enum gate {
	CLIENT_READY = 1, RM_READY, COMMIT_NOW, CLIENT_DONE,
	READ_PREPARE, PREPARE_READ, VOTE, VOTED, READ_COMMIT, COMMIT_READ, FINISH, FINISHED
};

#define VICTIM_GUID	guid_of(501)
#define OTHER_GUID	guid_of(502)
#define UOW		guid_of(503)

static guid_t tm_id;
static unsigned int rm_flags;

static int open_rm(const guid_t *g)
{
	int tm = tm_open(&tm_id), rm = rm_create_as(tm, rm_flags, g);

	close(tm);
	if (!(rm_flags & KTM_RM_VOLATILE))
		rm_recover_empty(rm);
	return rm;
}

static void client(void *data)
{
	const unsigned int want = *(unsigned int *)data;
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1,
				     .uow = UOW);

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	go(CLIENT_READY);
	meet(COMMIT_NOW);
	COMMIT(c.fd, KTM_CALL_WAIT, want);
	go(CLIENT_DONE);
	pause();
}

static void victim_rm(void *unused)
{
	guid_t g = VICTIM_GUID, uow = UOW, en;
	int rm, tx;

	(void)unused;
	rm = open_rm(&g);
	tx = tx_open(&uow, KTM_TX_ENLIST);
	en = enlist_key(rm, tx, 42);
	close(tx);
	memcpy((void *)shared_word, &en, sizeof(en));
	go(RM_READY);
	meet(READ_PREPARE);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	go(PREPARE_READ);
	meet(VOTE);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	go(VOTED);
	meet(READ_COMMIT);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	go(COMMIT_READ);
	meet(FINISH);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	go(FINISHED);
	pause();
}

/* Opens the way for the victim up to a step, unless it is dead. */
static void victim_does(enum gate request, enum gate done, bool dead)
{
	go(request);
	if (!dead)
		meet(done);
}

struct world {
	int tm, look, other;
	guid_t en;
	bool client_dead, rm_dead, other_voted, other_told;
};

static void other_votes(struct world *w)
{
	TAKE(w->other, KTM_NOTIFY_PREPARE, w->en);
	ANSWER(w->other, KTM_IOC_PREPARE_COMPLETE, w->en, KTM_STATUS_SUCCESS);
	w->other_voted = true;
}

static void other_finishes(struct world *w)
{
	if (!w->other_told)
		TAKE(w->other, KTM_NOTIFY_COMMIT, w->en);
	w->other_told = true;
	ANSWER(w->other, KTM_IOC_COMMIT_COMPLETE, w->en, KTM_STATUS_SUCCESS);
}

static void advance(struct world *w, enum step to)
{
	if (to >= ASKED) {
		go(COMMIT_NOW);
		victim_does(READ_PREPARE, PREPARE_READ, false);
	}
	if (to == OTHER_VOTED || to >= BOTH_VOTED)
		other_votes(w);
	if (to >= VICTIM_VOTED)
		victim_does(VOTE, VOTED, false);
	if (to >= BOTH_VOTED)
		TX_BECOMES(w->look, KTM_TX_STATE_COMMITTING);
	if (to >= TOLD)
		victim_does(READ_COMMIT, COMMIT_READ, false);
	if (to == OTHER_FINISHED)
		other_finishes(w);
	if (to >= VICTIM_FINISHED)
		victim_does(FINISH, FINISHED, false);
}

static bool must_commit(enum step at, bool client_dies, bool rm_dies)
{
	if (at == ENLISTED)
		return !client_dies && !rm_dies;
	/* Once Commit was called the client is no part of it any more. */
	return !rm_dies || at >= VICTIM_VOTED;
}

/* Those who are left do what is left. */
static void carry_on(struct world *w, enum step at, bool commits)
{
	if (!commits) {
		TAKE(w->other, KTM_NOTIFY_ROLLBACK, w->en);
		ANSWER(w->other, KTM_IOC_ROLLBACK_COMPLETE, w->en, KTM_STATUS_SUCCESS);
		return;
	}
	victim_does(READ_PREPARE, PREPARE_READ, w->rm_dead);
	victim_does(VOTE, VOTED, w->rm_dead);
	if (!w->other_voted)
		other_votes(w);
	victim_does(READ_COMMIT, COMMIT_READ, w->rm_dead);
	if (at != OTHER_FINISHED)
		other_finishes(w);
	victim_does(FINISH, FINISHED, w->rm_dead);
}

/*
 * The dead RM comes back: whatever the log knows of it and has not heard the end
 * of is sent again, nothing else.
 */
static void come_back(struct world *w, enum step at, bool commits)
{
	guid_t g = VICTIM_GUID, en;
	int rm = rm_open(w->tm, &g);
	struct ktm_call c = ARG(ktm_call);
	struct ktm_answer a = ARG(ktm_answer, .key = 43);
	struct ktm_notification n;

	memcpy(&en, (void *)shared_word, sizeof(en));
	CHECK_EQ(rm_info(rm).online, 0);
	CALL(rm, KTM_IOC_RM_RECOVER, &c, KTM_STATUS_SUCCESS);
	if (at < VICTIM_VOTED || at == VICTIM_FINISHED) {
		TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
		TAKE_NONE(rm);
		return;
	}
	CHECK(commits);
	n = take(rm);
	CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
	CHECK(same(&n.enlistment, &en));
	CHECK_EQ(n.key, 42);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
	TX_IS(w->look, KTM_TX_STATE_COMMITTING);
	a.enlistment = en;
	CALL(rm, KTM_IOC_EN_RECOVER, &a, KTM_STATUS_PENDING);
	n = take(rm);
	CHECK_EQ(n.kind, KTM_NOTIFY_COMMIT);
	CHECK_EQ(n.key, 43);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_IS(w->look, KTM_TX_STATE_COMMITTED);
}

static void one_death(int tm, enum step at, bool client_dies, bool rm_dies)
{
	const bool commits = must_commit(at, client_dies, rm_dies);
	unsigned int want = commits ? KTM_STATUS_SUCCESS : KTM_STATUS_ROLLED_BACK;
	struct world w = { .tm = tm };
	pid_t client_pid, rm_pid;
	guid_t g = OTHER_GUID, uow = UOW;

	printf("# %s%s%s dies %s\n", client_dies ? "client" : "",
	       client_dies && rm_dies ? " and " : "", rm_dies ? "RM" : "", step_names[at]);
	/* Before Commit, the RM's death makes it come too late. */
	if (at == ENLISTED && rm_dies)
		want = KTM_STATUS_ALREADY_ABORTED;
	client_pid = test_spawn(client, &want);
	meet(CLIENT_READY);
	w.look = tx_open(&uow, KTM_TX_QUERY_INFORMATION | KTM_TX_ENLIST);
	w.other = open_rm(&g);
	w.en = enlist(w.other, w.look);
	rm_pid = test_spawn(victim_rm, NULL);
	meet(RM_READY);

	advance(&w, at);
	if (client_dies) {
		test_kill(client_pid);
		w.client_dead = true;
	}
	if (rm_dies) {
		test_kill(rm_pid);
		w.rm_dead = true;
	}
	if (at == ENLISTED)
		TX_BECOMES(w.look, KTM_TX_STATE_ABORTING);
	go(COMMIT_NOW);
	carry_on(&w, at, commits);
	/* A live client's RM answers its ROLLBACK only by dying. */
	if (!commits && !rm_dies)
		test_kill(rm_pid);
	WAIT(w.look, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(w.look).outcome,
		 commits ? KTM_OUTCOME_COMMITTED : KTM_OUTCOME_ABORTED);
	if (!client_dies)
		meet(CLIENT_DONE);
	if (rm_dies && !(rm_flags & KTM_RM_VOLATILE))
		come_back(&w, at, commits);
	TX_BECOMES(w.look, commits ? KTM_TX_STATE_COMMITTED : KTM_TX_STATE_ABORTED);
	TAKE_NONE(w.other);
	SHOWS("close %s", !rm_dies ? "client-dies" : client_dies ? "both-die" : "rm-dies");
}

/* One test per step and victim, so that a failure says where. */
#define DEATH(step, victim, c, r)					\
TEST(volatile_##victim##_##step)					\
{									\
	int tm = tm_volatile();						\
									\
	tm_id = tm_guid(tm);						\
	rm_flags = KTM_RM_VOLATILE;					\
	one_death(tm, step, c, r);					\
}									\
TEST(durable_##victim##_##step)						\
{									\
	struct disk d = disk_make(8 * MIB);				\
	int tm;								\
									\
	journal_format(d.path, guid_of(500));				\
	tm = tm_online(d.path);						\
	tm_id = tm_guid(tm);						\
	rm_flags = 0;							\
	one_death(tm, step, c, r);					\
}

#define DEATHS(step)							\
	DEATH(step, client, true, false)				\
	DEATH(step, rm, false, true)					\
	DEATH(step, both, true, true)

DEATHS(ENLISTED)
DEATHS(ASKED)
DEATHS(OTHER_VOTED)
DEATHS(VICTIM_VOTED)
DEATHS(BOTH_VOTED)
DEATHS(TOLD)
DEATHS(OTHER_FINISHED)
DEATHS(VICTIM_FINISHED)
