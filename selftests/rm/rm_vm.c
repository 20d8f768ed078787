// SPDX-License-Identifier: GPL-2.0
/*
 * Both resource managers as they are run, a client, and the module: one data set
 * in two stores that must agree whatever dies.
 *
 * usage: rm_vm DIRECTORY JOURNAL
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ktm.h>
#include <ktm-rm-client.h>

#include "failing.h"
#include "tap.h"
#include "../../userspace/rm/common/header.h"

/* A net under a test that hangs; nothing is measured by it. */
#define PATIENCE_MS	60000

static char directory[200];
static const char *journal;
static int ktm;

/* ---- the resource managers as processes ---- */

struct manager {
	const char *program;
	const char *store_option;
	const char *store;
	char socket[256];
	pid_t pid;
	int out;
};

static struct manager sqlite = { "ktm-rm-sqlite", "--db", "items.db", "", 0, -1 };
static struct manager files = { "ktm-rm-files", "--store", "store", "", 0, -1 };

static void run_manager(struct manager *m, int out, const char *how, const char *what)
{
	char store[300], schema[300];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(store, sizeof(store), "%s/%s", directory, m->store);
	snprintf(schema, sizeof(schema), "%s/schema.sql", directory);
	dup2(out, 1);
	if (m == &sqlite)
		execlp(m->program, m->program, m->store_option, store, "--socket", m->socket, how,
		       what, "--schema", schema, NULL);
	else
		execlp(m->program, m->program, m->store_option, store, "--socket", m->socket, how,
		       what, "--max-size", "1000000", NULL);
	_exit(127);
}

static void spawn(struct manager *m, const char *how, const char *what)
{
	int p[2];

	snprintf(m->socket, sizeof(m->socket), "%s/%s.sock", directory, m->program);
	if (pipe2(p, O_CLOEXEC))
		die("pipe");
	m->pid = fork();
	if (!m->pid)
		run_manager(m, p[1], how, what);
	close(p[1]);
	m->out = p[0];
}

/* Whether it says that it is ready before it ends or patience does. */
static bool wait_ready(struct manager *m)
{
	struct pollfd p = { .fd = m->out, .events = POLLIN };
	char text[16] = "";

	return poll(&p, 1, PATIENCE_MS) == 1 && read(m->out, text, sizeof(text) - 1) > 0 &&
	       !strncmp(text, "ready", 5);
}

static void start(struct manager *m)
{
	spawn(m, "--device", journal);
	if (!wait_ready(m))
		die("%s does not get ready", m->program);
}

/* Its wait status. */
static int reap(struct manager *m)
{
	int status;

	if (waitpid(m->pid, &status, 0) != m->pid)
		die("waitpid");
	close(m->out);
	m->pid = 0;
	return status;
}

static int stop(struct manager *m, int signal)
{
	kill(m->pid, signal);
	return reap(m);
}

/* ---- clients ---- */

static struct ktm_client *connect_to(const struct manager *m)
{
	struct ktm_client *c;

	if (ktm_client_connect(m->socket, PATIENCE_MS, &c))
		die("cannot connect to %s", m->program);
	return c;
}

/**
 * struct session - a client of both
 * @sql: connection
 * @files: connection
 * @tx: the transaction that is open, or -1
 * @in_sql: its handle there
 * @in_files: and there
 */
struct session {
	struct ktm_client *sql;
	struct ktm_client *files;
	int tx;
	uint64_t in_sql;
	uint64_t in_files;
};

static void session_open(struct session *s)
{
	s->sql = connect_to(&sqlite);
	s->files = connect_to(&files);
	s->tx = -1;
}

static void session_close(struct session *s)
{
	ktm_client_close(s->sql);
	ktm_client_close(s->files);
	if (s->tx >= 0)
		close(s->tx);
}

static int begin(struct session *s)
{
	int ret;

	s->tx = ktm_tx_begin(ktm, -1, "rm_vm", NULL, NULL);
	if (s->tx < 0)
		die("cannot begin: %s", strerror(-s->tx));
	ret = ktm_client_join(s->sql, s->tx, &s->in_sql);
	return ret ? ret : ktm_client_join(s->files, s->tx, &s->in_files);
}

static int end(struct session *s, bool commit)
{
	int ret = commit ? ktm_tx_commit(s->tx, KTM_CALL_WAIT, NULL) :
			   ktm_tx_rollback(s->tx, KTM_CALL_WAIT, NULL);

	close(s->tx);
	s->tx = -1;
	return ret;
}

/* The same number under the same key in both stores. */
static int store(struct session *s, int key, int value)
{
	struct ktm_sql_value v[2] = { ktm_sql_integer(key), ktm_sql_integer(value) };
	char name[32], text[32];
	int ret;

	ret = ktm_sql_exec(s->sql, s->in_sql, "REPLACE INTO item(id, value) VALUES(?, ?)", v, 2,
			   NULL);
	snprintf(name, sizeof(name), "items/%d", key);
	snprintf(text, sizeof(text), "%d", value);
	return ret ? ret : ktm_files_put(s->files, s->in_files, name, 0, text, strlen(text));
}

/* -1: not there; -2: an error. */
static long in_sqlite(struct session *s, uint64_t t, int key)
{
	struct ktm_sql_value v = ktm_sql_integer(key);
	struct ktm_sql_result *r;
	long value;

	if (ktm_sql_query(s->sql, t, "SELECT value FROM item WHERE id = ?", &v, 1, &r))
		return -2;
	value = r->rows ? (long)r->values[0].integer : -1;
	ktm_sql_free(r);
	return value;
}

static long in_files(struct session *s, uint64_t t, int key)
{
	char name[32], text[32] = "";
	int fd, ret;

	snprintf(name, sizeof(name), "items/%d", key);
	ret = ktm_files_get(s->files, t, name, &fd);
	if (ret)
		return ret == -ENOENT ? -1 : -2;
	ret = read(fd, text, sizeof(text) - 1);
	close(fd);
	return ret > 0 ? atol(text) : -2;
}

static bool both(struct session *s, int key, long value)
{
	return in_sqlite(s, KTM_NO_TX, key) == value && in_files(s, KTM_NO_TX, key) == value;
}

/* ---- tests ---- */

static void test_commit(void)
{
	struct session a, b;

	session_open(&a);
	session_open(&b);
	check(!begin(&a) && !store(&a, 1, 10), "work");
	check(in_sqlite(&a, a.in_sql, 1) == 10 && in_files(&a, a.in_files, 1) == 10, "own");
	check(both(&b, 1, -1), "invisible until commit");
	check(!begin(&b) && in_sqlite(&b, b.in_sql, 1) == -1 && in_files(&b, b.in_files, 1) == -1,
	      "to another transaction, too");
	check(store(&b, 1, 20) == -EBUSY, "conflict in sqlite: %s", ktm_client_message(b.sql));
	check(ktm_files_put(b.files, b.in_files, "items/1", 0, "x", 1) == -EBUSY, "and in files");
	check(!store(&b, 2, 20), "another item");
	check(!end(&a, true), "commit");
	check(both(&b, 1, 10), "visible in both");
	check(!end(&b, false), "rollback");
	check(both(&a, 2, -1), "nothing in either");
	ok(!failures(), "commit, rollback, conflict, and nothing to be seen before");

	check(!begin(&a) && !store(&a, 3, 30), "work");
	close(a.tx);
	a.tx = -1;
	/* It is rolled back when the RMs have heard of it: then the item is free. */
	check(!begin(&b), "begin");
	while (store(&b, 3, 31) == -EBUSY)
		poll(NULL, 0, 1);
	check(!end(&b, true) && both(&a, 3, 31), "a client that goes away holds nothing");
	ok(!failures(), "a client that closes its transaction");

	check(!begin(&a) && !ktm_client_join(b.files, a.tx, &b.in_files), "join twice");
	check(!ktm_files_put(a.files, a.in_files, "items/4", 0, "4", 1) &&
	      in_files(&b, b.in_files, 4) == 4, "the same work over two connections");
	check(!end(&a, true) && in_files(&b, KTM_NO_TX, 4) == 4, "commit");
	check(in_files(&b, b.in_files, 4) == -2, "the handle ends with the transaction");
	ok(!failures(), "one transaction over two connections");
	session_close(&a);
	session_close(&b);
}

static void test_at_once(void)
{
	struct session s[8];
	int i, round;

	for (i = 0; i < 8; i++)
		session_open(&s[i]);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 8; i++)
			check(!begin(&s[i]), "begin %d", i);
		for (i = 0; i < 8; i++)
			check(!store(&s[i], 100 + i, round) && !store(&s[i], 200 + i, round),
			      "work %d", i);
		for (i = 7; i >= 0; i--)
			check(!end(&s[i], i != round), "end %d", i);
		for (i = 0; i < 8; i++)
			check(both(&s[0], 100 + i, i == round ? (round ? round - 1 : -1) : round),
			      "round %d, item %d", round, i);
	}
	for (i = 0; i < 8; i++)
		session_close(&s[i]);
	ok(!failures(), "eight transactions at once");
}

/* ---- what a client should not send ---- */

static uint64_t random_state = 1;

static unsigned int rnd(unsigned int below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % below;
}

static int raw_connect(const struct manager *m)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, m->socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		die("cannot connect to %s", m->program);
	return fd;
}

static bool send_raw(int fd, const void *data, size_t size, const int *fds, unsigned int count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		struct cmsghdr *cmsg;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)size;
}

/* The answer's error; -1: the RM hung up or is silent. */
static int answer(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static unsigned char data[RM_PACKET_MAX];
	struct rm_header h;
	struct unpack u;
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		return -1;
	n = recv(fd, data, sizeof(data), 0);
	unpack_init(&u, data, n > 0 ? n : 0);
	header_unpack(&u, &h);
	return u.failed || h.magic != RM_MAGIC || h.length != n ? -1 : (int)h.error;
}

static void test_storm(struct manager *m)
{
	static unsigned char packet[RM_PACKET_MAX + 4096];
	int fd = raw_connect(m), fds[8], i;
	unsigned long tried;
	struct session s;

	random_state = 1;
	for (i = 0; i < 8; i++)
		fds[i] = open(i % 2 ? "/dev/null" : "/", O_RDONLY | O_CLOEXEC);
	for (tried = 0; tried < 2000 && !failing(); tried++) {
		static const uint16_t ops[] = { 0, 1, 16, 17, 18, 19, 20, 32, 33, 999 };
		unsigned int size = RM_HEADER + rnd(200), with = rnd(4) ? 0 : rnd(9);
		struct pack p;

		if (!rnd(20))
			size = 1 + rnd(RM_HEADER);
		if (!rnd(50))
			size = RM_PACKET_MAX - 100 + rnd(4000);
		for (i = 0; i < (int)size; i++)
			packet[i] = rnd(3) ? 0 : rnd(256);
		pack_init(&p, RM_PACKET_MAX);
		header_pack(&p, &(struct rm_header){ .op = ops[rnd(10)], .id = tried,
			    .length = rnd(10) ? size : rnd(100000), .t = rnd(3) });
		if (rnd(10))
			memcpy(packet, p.data, size < RM_HEADER ? size : RM_HEADER);
		pack_free(&p);
		if (!send_raw(fd, packet, size, fds, with)) {
			check(false, "packet %lu cannot be sent: %s", tried, strerror(errno));
			break;
		}
		/* A list of the root and the like are even right. */
		check(answer(fd) >= 0, "packet %lu has no answer", tried);
	}
	for (i = 0; i < 8; i++)
		close(fds[i]);
	close(fd);
	session_open(&s);
	check(!begin(&s) && !store(&s, 5, 50) && !end(&s, true) && both(&s, 5, 50), "goes on");
	check(waitpid(m->pid, NULL, WNOHANG) == 0, "lives");
	session_close(&s);
	campaign(m == &sqlite ? "rm_sqlite_storm" : "rm_files_storm", tried, failures(), 1);
}

/* A client that sends and never reads, others that go on. */
static void test_stuck(void)
{
	struct pollfd p = { .events = POLLOUT };
	struct rm_header h = { .op = RM_OP_FILES_LIST };
	struct session s;
	struct pack q;
	int sent = 0;

	p.fd = raw_connect(&files);
	pack_init(&q, RM_PACKET_MAX);
	header_pack(&q, &h);
	pack_bytes(&q, "items", 5);
	pack_bytes(&q, "", 0);
	header_set_length(&q);
	while (sent < 100000 && poll(&p, 1, 200) == 1 &&
	       send(p.fd, q.data, q.used, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		sent++;
	check(sent > 0 && sent < 100000, "%d requests without reading an answer", sent);
	session_open(&s);
	check(!begin(&s) && !store(&s, 6, 60) && !end(&s, true) && both(&s, 6, 60), "others go on");
	while (sent > 0 && answer(p.fd) == 0)
		sent--;
	check(!sent, "%d answers are missing", sent);
	close(p.fd);
	pack_free(&q);
	session_close(&s);
	ok(!failures(), "a client that does not read holds up nobody");
}

static void test_rights(void)
{
	struct session s;
	uint64_t t;
	int fd, p[2];

	session_open(&s);
	s.tx = ktm_tx_begin(ktm, -1, NULL, NULL, NULL);
	fd = ktm_narrow(s.tx, KTM_TX_QUERY_INFORMATION, NULL);
	if (fd < 0 || pipe2(p, O_CLOEXEC))
		die("descriptors");
	check(ktm_client_join(s.sql, fd, &t) == -EACCES, "no right to hand on");
	check(ktm_client_join(s.sql, p[0], &t) < 0 && ktm_client_join(s.sql, ktm, &t) < 0,
	      "no transaction");
	close(fd);
	close(p[0]);
	close(p[1]);
	check(!ktm_tx_rollback(s.tx, KTM_CALL_WAIT, NULL), "rollback");
	check(ktm_client_join(s.files, s.tx, &t) == -ESTALE, "an ended one: %s",
	      ktm_client_message(s.files));
	session_close(&s);
	session_open(&s);
	check(!begin(&s) && !store(&s, 8, 1) && !end(&s, true), "and it goes on");
	session_close(&s);
	ok(!failures(), "joining with what is no transaction, or not one's own to hand on");
}

/* ---- death ---- */

#define KEYS	5

/* So far apart are the values of one client from those of the next. */
#define CLIENT_VALUES	1000000L

/* Commits one value under all keys, the next one, and so on; tells of each commit. */
static void client(unsigned int round, int out)
{
	struct session s;
	int value, key;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	session_open(&s);
	for (value = 1;; value++) {
		int ret = begin(&s);

		for (key = 1000; !ret && key < 1000 + KEYS; key++)
			ret = store(&s, key, round * CLIENT_VALUES + value);
		if (!ret)
			ret = end(&s, true);
		if (ret)
			_exit(0);
		if (write(out, &value, sizeof(value)) != sizeof(value))
			_exit(0);
	}
}

/*
 * Both stores hold the same, one transaction's values only, and not those of one
 * before @told, which the client knows to be committed.
 */
static bool agree(struct session *s, unsigned int round, int told)
{
	long first = in_sqlite(s, KTM_NO_TX, 1000);
	int key;

	for (key = 1000; key < 1000 + KEYS; key++) {
		long a = in_sqlite(s, KTM_NO_TX, key), b = in_files(s, KTM_NO_TX, key);

		if (!check(a == first && b == first && a != -2,
			   "round %u, item %d: %ld in sqlite, %ld in files, %ld is the first",
			   round, key, a, b, first))
			return false;
	}
	return check(first >= round * CLIENT_VALUES + told, "round %u: %ld, but %d was committed",
		     round, first, told);
}

static void wait_settled(void)
{
	struct ktm_tm_info info;
	struct ktm_iter iter;
	struct ktm_guid guid;
	int tm, waited;

	for (waited = 0; waited < PATIENCE_MS; waited += 10) {
		unsigned int left = 0;

		ktm_iter_init(&iter, ktm, KTM_KIND_TM);
		while (ktm_iter_next(&iter, &guid, NULL) > 0) {
			tm = ktm_tm_open(ktm, &guid, 0, KTM_TM_QUERY_INFORMATION, NULL);
			if (tm < 0)
				continue;
			if (!ktm_tm_query(tm, &info, NULL))
				left += info.transactions;
			close(tm);
		}
		if (!left)
			return;
		poll(NULL, 0, 10);
	}
	check(false, "transactions are left over");
}

/* A client of its own, which has committed something; [0] of the pipe it tells by. */
static pid_t start_client(unsigned int round, int *out, int *told)
{
	pid_t pid;
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid)
		client(round, p[1]);
	close(p[1]);
	if (read(p[0], told, sizeof(*told)) != sizeof(*told))
		die("the client commits nothing");
	*out = p[0];
	return pid;
}

/* It ends by itself when something has gone wrong for it. */
static void end_client(pid_t pid, int out, int *told)
{
	while (read(out, told, sizeof(*told)) == sizeof(*told))
		;
	close(out);
	waitpid(pid, NULL, 0);
}

/* kill -9 of one, the other, or both, at any moment of a loop of transactions. */
static void test_kill(void)
{
	unsigned long committed = 0;
	unsigned int round;

	random_state = 5;
	for (round = 1; round <= 40 && !failing(); round++) {
		unsigned int who = 1 + rnd(3);
		struct session s;
		int out, told;
		/* Some commits, then some part of one more. */
		pid_t pid = start_client(round, &out, &told);

		usleep(rnd(30000));
		if (who & 1)
			stop(&sqlite, SIGKILL);
		if (who & 2)
			stop(&files, SIGKILL);
		if (who & 1)
			start(&sqlite);
		if (who & 2)
			start(&files);
		/* Its transaction may wait for the RM that was away; its connection is gone. */
		end_client(pid, out, &told);
		committed += told;
		wait_settled();
		session_open(&s);
		agree(&s, round, told);
		session_close(&s);
	}
	check(committed > 20, "only %lu commits", committed);
	campaign("rm_kill", round - 1, failures(), 5);
}

/* ---- the log ---- */

#define LARGE	600000	/* more than an eighth of the default quota */
#define MEDIUM	100000	/* several records */

static int open_tm(void)
{
	struct ktm_guid guid;
	struct ktm_iter iter;
	int tm;

	ktm_iter_init(&iter, ktm, KTM_KIND_TM);
	if (ktm_iter_next(&iter, &guid, NULL) != 1)
		die("no transaction manager");
	tm = ktm_tm_open(ktm, &guid, 0, KTM_TM_QUERY_INFORMATION, NULL);
	if (tm < 0)
		die("cannot open the transaction manager");
	return tm;
}

static void wait_state(int tm, uint32_t state)
{
	struct ktm_tm_info info;
	int waited;

	for (waited = 0; waited < PATIENCE_MS; waited += 10) {
		if (!ktm_tm_query(tm, &info, NULL) && info.state == state)
			return;
		poll(NULL, 0, 10);
	}
	check(false, "the transaction manager does not come to state %u", state);
}

/* Until both have read their logs again. */
static void wait_served(struct session *s)
{
	int waited;

	for (waited = 0; waited < PATIENCE_MS; waited += 10) {
		if (in_sqlite(s, KTM_NO_TX, 1000) != -2 && in_files(s, KTM_NO_TX, 1000) != -2)
			return;
		poll(NULL, 0, 10);
	}
	check(false, "they do not serve again: %s", ktm_client_message(s->files));
}

static bool lives(const struct manager *m)
{
	return waitpid(m->pid, NULL, WNOHANG) == 0;
}

/* The log's device fails at any moment of a loop of transactions, and comes back; both live on. */
static void test_failing(void)
{
	const char *disk = journal;
	unsigned long committed = 0;
	unsigned int round;
	int tm;

	stop(&sqlite, SIGTERM);
	stop(&files, SIGTERM);
	journal = failing_make(disk);
	start(&sqlite);
	start(&files);
	tm = open_tm();
	random_state = 7;
	for (round = 101; round <= 120 && !failing(); round++) {
		struct session s;
		int out, told;
		pid_t pid = start_client(round, &out, &told);

		usleep(rnd(30000));
		failing_set(true);
		wait_state(tm, KTM_TM_STATE_FAILED);
		failing_set(false);
		/* They bring it back themselves. */
		wait_state(tm, KTM_TM_STATE_ONLINE);
		end_client(pid, out, &told);
		committed += told;
		wait_settled();
		check(lives(&sqlite) && lives(&files), "round %u: one has ended", round);
		session_open(&s);
		wait_served(&s);
		agree(&s, round, told);
		session_close(&s);
	}
	check(committed > 10, "only %lu commits", committed);
	close(tm);
	stop(&sqlite, SIGTERM);
	stop(&files, SIGTERM);
	failing_remove();
	journal = disk;
	start(&sqlite);
	start(&files);
	campaign("rm_failing_log", round - 101, failures(), 7);
}

/* Forces of the log; restart areas would add to them. */
static uint64_t count_forces(int tm, uint64_t *restarts)
{
	struct ktm_tm_space space;
	struct ktm_tm_info info;

	if (ktm_tm_space(tm, &space, NULL) || ktm_tm_query(tm, &info, NULL))
		die("cannot ask the transaction manager");
	*restarts = space.restarts;
	return info.forces;
}

/* Two durable resource managers, one after the other: one force per commit is all there is. */
static void test_one_force(void)
{
	uint64_t forces, restarts_before, restarts;
	int i, tm = open_tm();
	struct session s;

	session_open(&s);
	check(!begin(&s) && !store(&s, 60, 0) && !end(&s, true), "the first");
	forces = count_forces(tm, &restarts_before);
	for (i = 1; i <= 20; i++)
		check(!begin(&s) && !store(&s, 60, i) && !end(&s, true), "commit %d", i);
	forces = count_forces(tm, &restarts) - forces;
	check(restarts == restarts_before, "a restart area came between");
	check(forces == 20, "%" PRIu64 " forces for 20 commits over two resource managers", forces);
	check(both(&s, 60, 20), "and all are there");
	session_close(&s);
	close(tm);
	ok(!failures(), "a commit over both resource managers costs one force");
}

static bool has_size(struct session *s, const char *name, off_t size)
{
	struct stat st;
	bool same;
	int fd;

	if (ktm_files_get(s->files, KTM_NO_TX, name, &fd))
		return false;
	same = !fstat(fd, &st) && st.st_size == size;
	close(fd);
	return same;
}

/* Redo of several records, and redo that is too large for the log; then death. */
static void test_large(void)
{
	char *content = calloc(1, LARGE);
	struct session s;

	if (!content)
		die("no memory");
	session_open(&s);
	check(!begin(&s) && !store(&s, 61, 1) &&
	      !ktm_files_put(s.files, s.in_files, "medium", 0, content, MEDIUM) && !end(&s, true),
	      "in the log");
	check(!begin(&s) && !store(&s, 62, 1) &&
	      !ktm_files_put(s.files, s.in_files, "large", 0, content, LARGE) && !end(&s, true),
	      "not in the log");
	check(has_size(&s, "medium", MEDIUM) && has_size(&s, "large", LARGE), "both are there");
	session_close(&s);
	stop(&files, SIGKILL);
	start(&files);
	session_open(&s);
	check(has_size(&s, "medium", MEDIUM) && has_size(&s, "large", LARGE), "after death, too");
	check(both(&s, 61, 1) && both(&s, 62, 1), "with the rows");
	session_close(&s);
	free(content);
	ok(!failures(), "large transactions, in the log and beside it");
}

/* Without a log there is nothing to recover, and nothing to wait for. */
static void test_volatile(void)
{
	struct manager scratch = { "ktm-rm-files", "--store", "scratch", "", 0, -1 };
	char text[KTM_GUID_STRING], option[64];
	struct ktm_guid guid = { { 0 } };
	struct ktm_client *c;
	uint64_t t;
	int tm, tx, fd;

	tm = ktm_tm_create(ktm, -1, KTM_TM_VOLATILE, KTM_TM_ALL_ACCESS, 0, &guid, NULL);
	if (tm < 0)
		die("cannot make a volatile transaction manager");
	snprintf(option, sizeof(option), "--tm=%s", ktm_guid_format(&guid, text));
	spawn(&scratch, "--volatile", option);
	check(wait_ready(&scratch), "ready");
	c = connect_to(&scratch);
	tx = ktm_tx_begin(ktm, -1, "rm_vm", NULL, NULL);
	check(!ktm_client_join(c, tx, &t) && !ktm_files_put(c, t, "a", 0, "x", 1) &&
	      !ktm_tx_commit(tx, KTM_CALL_WAIT, NULL), "commit");
	close(tx);
	check(!ktm_files_get(c, KTM_NO_TX, "a", &fd), "it is there");
	close(fd);
	ktm_client_close(c);
	check(!stop(&scratch, SIGTERM), "ends");
	close(tm);
	ok(!failures(), "a volatile transaction manager serves to try things out");
}

static void test_end(void)
{
	char guid[] = "00000000-0000-4000-8000-00000000000b";
	int status;

	status = stop(&sqlite, SIGTERM);
	check(WIFEXITED(status) && !WEXITSTATUS(status), "sqlite ends with %x", status);
	status = stop(&files, SIGTERM);
	check(WIFEXITED(status) && !WEXITSTATUS(status), "files ends with %x", status);
	check(access(files.socket, F_OK) && access(sqlite.socket, F_OK), "no socket is left");
	spawn(&files, "--tm", guid);
	check(!wait_ready(&files), "no such TM");
	status = reap(&files);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 1, "ends with %x", status);
	start(&files);
	start(&sqlite);
	check(stop(&files, SIGTERM) == 0 && stop(&sqlite, SIGTERM) == 0, "and again");
	ok(!failures(), "SIGTERM ends them cleanly, a wrong transaction manager at once");
}

int main(int argc, char **argv)
{
	char path[300];
	FILE *f;

	if (argc != 3)
		die("usage: rm_vm DIRECTORY JOURNAL");
	snprintf(directory, sizeof(directory), "%s", argv[1]);
	journal = argv[2];
	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "%s/schema.sql", directory);
	f = fopen(path, "w");
	if (!f || fputs("CREATE TABLE item(id INTEGER PRIMARY KEY, value INTEGER NOT NULL);\n",
			f) < 0 ||
	    fclose(f))
		die("cannot write %s", path);
	ktm = ktm_open_device();
	if (ktm < 0)
		die("no " KTM_DEVICE);
	start(&sqlite);
	start(&files);
	test_commit();
	test_at_once();
	test_rights();
	test_storm(&sqlite);
	test_storm(&files);
	test_stuck();
	test_kill();
	test_failing();
	test_one_force();
	test_large();
	test_end();
	test_volatile();
	return done();
}
