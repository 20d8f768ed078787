// SPDX-License-Identifier: GPL-2.0
/*
 * The examples written against <ktm/zw.h>: databases and their client, in the style of
 * "Understanding TPS Components", and a superior transaction manager over them, with
 * each of them dying at every step that matters.
 */
#define _GNU_SOURCE
#include <ktm.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "calls.h"
#include "disk.h"
#include "programs.h"

#define ME_A	"00000000-0000-4000-8000-00000000000a"
#define ME_B	"00000000-0000-4000-8000-00000000000b"
#define ME_S	"00000000-0000-4000-8000-00000000000f"

static char work[] = "/tmp/ktm-tps-XXXXXX";
static const char *journal;

static void begin(void)
{
	char command[128];

	journal = disk_given();
	/* The test before gives it up a moment after its last process has gone. */
	snprintf(command, sizeof(command), "ktmctl journal format --force %s >/dev/null 2>&1", journal);
	until_run(command);
	CHECK(mkdtemp(work));
	CHECK_EQ(chdir(work), 0);
	CHECK_EQ(run("mkdir a b s"), 0);
}

/* Returns when the database serves clients, which is after its recovery. */
static pid_t start_db(const char *name, const char *guid)
{
	char log[16], command[64];
	pid_t pid;

	/* The socket of the one before tells nothing about this one. */
	CHECK_EQ(run("rm -f %s/socket", name), 0);
	snprintf(log, sizeof(log), "%s.log", name);
	pid = START(log, "tps-db", journal, guid, name);
	snprintf(command, sizeof(command), "test -S %s/socket", name);
	until_run(command);
	return pid;
}

static void write_text(const char *name, const char *text)
{
	CHECK_EQ(run("tps-client one %s/socket %s '' '' >/dev/null", name, text), 0);
}

/* The database's text is that, and nothing that was begun is left beside it. */
static bool has(const char *name, const char *text)
{
	return !run("printf %%s '%s' | cmp -s - %s/text", text, name) &&
	       run("ls %s | grep -v -e '^text$' -e '^socket$'", name) == 1;
}

/* ---- one database ---- */

TEST(one_database)
{
	pid_t a;

	begin();
	a = start_db("a", ME_A);
	CHECK_EQ(run("tps-client one a/socket red green blue >out"), 0);
	CHECK(has("a", "redgreenblue"));
	CHECK_EQ(run("tps-client one a/socket x y z >out && grep -qx redgreenblue out"), 0);
	CHECK(has("a", "xyz"));
	/* It comes back with what was committed. */
	test_kill(a);
	a = start_db("a", ME_A);
	CHECK_EQ(run("tps-client one a/socket 1 2 3 >out && grep -qx xyz out"), 0);
	test_kill(a);
}

TEST(an_error_of_the_database_rolls_back)
{
	pid_t a;

	begin();
	a = start_db("a", ME_A);
	write_text("a", "before");
	/* The third is one byte more than the database takes. */
	CHECK_EQ(run("tps-client one a/socket x y $(head -c 1023 /dev/zero | tr '\\0' z) 2>why >out"),
		 1);
	CHECK_EQ(run("grep -q 0xc000007f why"), 0);
	CHECK(has("a", "before"));
	CHECK_EQ(run("tps-client one a/socket x y $(head -c 1022 /dev/zero | tr '\\0' z) >out"), 0);
	/* No database there at all. */
	CHECK_EQ(run("tps-client one b/socket x y z 2>why"), 1);
	CHECK_EQ(run("tps-client one 2>/dev/null"), 2);
	test_kill(a);
}

/* ---- two databases ---- */

TEST(two_databases)
{
	pid_t a, b;

	begin();
	a = start_db("a", ME_A);
	b = start_db("b", ME_B);
	write_text("a", "left");
	write_text("b", "right");
	CHECK_EQ(run("tps-client two a/socket b/socket"), 0);
	CHECK(has("a", "right") && has("b", "left"));
	CHECK_EQ(run("tps-client two b/socket a/socket"), 0);
	CHECK(has("a", "left") && has("b", "right"));
	/* One of them is not there: nothing happens at the other. */
	test_kill(b);
	CHECK_EQ(run("tps-client two a/socket b/socket 2>why"), 1);
	CHECK(has("a", "left"));
	b = start_db("b", ME_B);
	/* A second process for the same data is refused. */
	CHECK_EQ(run("tps-db %s " ME_A " a 2>why", journal), 1);
	CHECK_EQ(run("grep -q 0xc0000043 why"), 0);
	CHECK_EQ(run("tps-client two a/socket b/socket"), 0);
	CHECK(has("a", "right") && has("b", "left"));
	test_kill(a);
	test_kill(b);
}

static void exchange_loop(void *data)
{
	int status;
	pid_t pid;

	(void)data;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		pid = START("client.log", "tps-client", "two", "a/socket", "b/socket");
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (status)
			nap();
		else
			shared_word[0]++;
	}
}

/* The loop and the client that it has just started. */
static void kill_loop(pid_t loop)
{
	CHECK_EQ(kill(-loop, SIGKILL), 0);
	while (waitpid(-loop, NULL, 0) > 0)
		;
	CHECK_EQ(errno, ECHILD);
}

/* What was begun has ended: both are as one of the exchanges left them. */
static bool settles(void)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (!(has("a", "left") && has("b", "right")) &&
	       !(has("a", "right") && has("b", "left"))) {
		if (deadline_passed(&d))
			return false;
		nap();
	}
	return true;
}

TEST(two_databases_killed_again_and_again)
{
	static const char *const name[] = { "a", "b" };
	static const char *const me[] = { ME_A, ME_B };
	const unsigned int seed = 20261121, rounds = 40;
	unsigned int round, naps, i, victims, violations = 0;
	struct deadline d;
	uint64_t before;
	pid_t db[2], loop;

	begin();
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	srandom(seed);
	for (i = 0; i < 2; i++)
		db[i] = start_db(name[i], me[i]);
	write_text("a", "left");
	write_text("b", "right");
	for (round = 0; round < rounds; round++) {
		d = deadline_in(PATIENCE);
		before = shared_word[0];
		loop = test_spawn(exchange_loop, NULL);
		setpgid(loop, loop);
		while (shared_word[0] == before && !deadline_passed(&d))
			nap();
		CHECK(shared_word[0] != before);
		for (naps = random() % 40; naps; naps--)
			nap();
		/* One of them, or both: then the transaction manager goes too, and its log is read. */
		victims = 1 + random() % 3;
		for (i = 0; i < 2; i++)
			if (victims & 1u << i)
				test_kill(db[i]);
		kill_loop(loop);
		for (i = 0; i < 2; i++)
			if (victims & 1u << i)
				db[i] = start_db(name[i], me[i]);
		violations += !settles();
	}
	printf("campaign tps: tried=%u violations=%u seed=%u\n", rounds, violations, seed);
	CHECK_EQ(violations, 0);
	test_kill(db[0]);
	test_kill(db[1]);
}

/* ---- a superior ---- */

static int superior(const char *what)
{
	return run("tps-superior %s " ME_S " s %s >out 2>why", journal, what);
}

static bool recovers(const char *how)
{
	return !superior("recover") && !run("grep -qx 'recovered: %s' out", how);
}

TEST(superior_commits_and_rolls_back)
{
	pid_t a, b;

	begin();
	a = start_db("a", ME_A);
	b = start_db("b", ME_B);
	CHECK_EQ(superior("commit one a/socket b/socket"), 0);
	CHECK(has("a", "one") && has("b", "one"));
	CHECK_EQ(superior("rollback two a/socket b/socket"), 0);
	CHECK(has("a", "one") && has("b", "one"));
	/* One that refuses rolls the others back. */
	CHECK_EQ(superior("commit three a/socket nowhere"), 1);
	CHECK(has("a", "one"));
	/* A database that is in it already refuses a second time. */
	CHECK_EQ(superior("commit four a/socket a/socket"), 1);
	CHECK_EQ(run("grep -q 0xc0190001 why"), 0);
	CHECK(has("a", "one"));
	CHECK_EQ(superior("recover"), 0);
	CHECK_EQ(run("grep . out"), 1);
	CHECK_EQ(superior("commit five b/socket"), 0);
	CHECK(has("a", "one") && has("b", "five"));
	CHECK_EQ(superior("perhaps"), 2);
	test_kill(a);
	test_kill(b);
}

/* Prepared, and the superior gone: the data is locked until it is back. */
static void is_locked(const char *name)
{
	CHECK_EQ(run("tps-client one %s/socket no no no 2>why >out", name), 1);
	CHECK_EQ(run("grep -q 0xc0190001 why"), 0);
}

/* Its part ends when the databases have been told; they may need a moment more. */
static bool settles_at(const char *text)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (!has("a", text) || !has("b", text)) {
		if (deadline_passed(&d))
			return false;
		nap();
	}
	return true;
}

TEST(superior_dies_before_its_decision)
{
	pid_t a, b;

	begin();
	a = start_db("a", ME_A);
	b = start_db("b", ME_B);
	CHECK_EQ(superior("commit old a/socket b/socket"), 0);
	CHECK_EQ(superior("die-prepared new a/socket b/socket"), 0);
	is_locked("a");
	is_locked("b");
	CHECK(recovers("rolled back"));
	CHECK(settles_at("old"));
	write_text("a", "free");
	test_kill(a);
	test_kill(b);
}

TEST(superior_dies_after_its_decision)
{
	pid_t a, b;

	begin();
	a = start_db("a", ME_A);
	b = start_db("b", ME_B);
	CHECK_EQ(superior("commit old a/socket b/socket"), 0);
	CHECK_EQ(superior("die-decided new a/socket b/socket"), 0);
	is_locked("a");
	CHECK(recovers("committed"));
	CHECK(settles_at("new"));
	/* The decision is not needed any more. */
	CHECK_EQ(run("ls s | grep ."), 1);
	test_kill(a);
	test_kill(b);
}

/* Subordinates die too; with all of them the transaction manager goes and reads its log. */
TEST(superior_and_subordinates_die)
{
	unsigned int both, decided;
	pid_t a, b;

	begin();
	a = start_db("a", ME_A);
	b = start_db("b", ME_B);
	for (both = 0; both < 2; both++) {
		for (decided = 0; decided < 2; decided++) {
			CHECK_EQ(superior("commit old a/socket b/socket"), 0);
			CHECK_EQ(superior(decided ? "die-decided new a/socket b/socket" :
						    "die-prepared new a/socket b/socket"), 0);
			test_kill(a);
			if (both)
				test_kill(b);
			a = start_db("a", ME_A);
			if (both)
				b = start_db("b", ME_B);
			/* Recovered, and in doubt. */
			is_locked("a");
			is_locked("b");
			CHECK(recovers(decided ? "committed" : "rolled back"));
			CHECK(settles_at(decided ? "new" : "old"));
		}
	}
	test_kill(a);
	test_kill(b);
}
