// SPDX-License-Identifier: GPL-2.0
/* A resource manager with accounts, and how clients speak to it. */
#define _GNU_SOURCE
#include "store.h"

#include "accounts.h"
#include "bench.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CHANGE, SUM };

struct request {
	uint32_t what;
	uint32_t account;
	int64_t delta;
};

struct reply {
	int64_t value;
	int64_t error;
};

static struct accounts accounts = { .stream = -1, .lock = PTHREAD_MUTEX_INITIALIZER };
static bool asked[MAX_CHANGES];

/* ---- what the transaction manager asks ---- */

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct accounts *a = data;

	(void)rm;
	if (a->stream >= 0)
		accounts_vote(a, event);
	return KTM_RM_DONE;
}

/* With a stream the account is let go of when the record is in it. */
static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct accounts *a = data;

	(void)rm;
	if (a->stream >= 0)
		accounts_done(a, event);
	else
		accounts_end(a, (uint32_t)event->cookie, true);
	return KTM_RM_DONE;
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	accounts_end(data, (uint32_t)event->cookie, false);
	return KTM_RM_DONE;
}

static void on_answered(struct ktm_rm *rm, const struct ktm_rm_event *event, int error,
			uint32_t status, void *data)
{
	struct accounts *a = data;

	(void)rm;
	/* A vote that was refused is a no: ROLLBACK follows. */
	if (event->kind == KTM_NOTIFY_PREPARE && !error)
		a->changes[event->cookie].redo_lsn = event->lsn;
	else if (event->kind == KTM_NOTIFY_COMMIT && !error)
		accounts_end(a, (uint32_t)event->cookie, true);
	else if (event->kind == KTM_NOTIFY_COMMIT)
		die("the end of a commit was refused: %s", ktm_status_text(status));
}

static int on_recovering(struct ktm_rm *rm, void *data)
{
	(void)rm;
	memset(asked, 0, sizeof(asked));
	return accounts_replay(data);
}

static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	uint32_t place = accounts_find(data, &event->enlistment);

	(void)rm;
	if (place == NO_CHANGE)
		return KTM_RM_NONE;
	asked[place] = true;
	event->cookie = place;
	return KTM_RM_DONE;
}

static int on_last_recover(struct ktm_rm *rm, void *data)
{
	(void)rm;
	accounts_drop_unasked(data, asked);
	return 0;
}

/* ---- what clients ask ---- */

/* Not while a transaction is at its end: the one who asks may know that it is over. */
static void sum(struct accounts *a, struct reply *reply)
{
	int i;

	pthread_mutex_lock(&a->lock);
	reply->error = a->open ? -EBUSY : 0;
	for (i = 0; i < ACCOUNTS; i++)
		reply->value += a->balance[i];
	pthread_mutex_unlock(&a->lock);
}

static void change(struct accounts *a, const struct request *r, int tx, struct reply *reply)
{
	uint32_t place;

	if (r->account >= ACCOUNTS || tx < 0) {
		reply->error = -EINVAL;
	} else if (!accounts_hold(a, r->account, r->delta, &place)) {
		reply->error = -EBUSY;
	} else {
		reply->error = ktm_rm_enlist(a->rm, tx, place, NULL, NULL);
		if (reply->error)
			accounts_end(a, place, false);
	}
}

/* False: the client has gone. */
static bool serve(struct accounts *a, int connection)
{
	struct reply reply = { 0 };
	struct request r;
	int tx = -1;

	if (ktm_tx_recv(connection, &r, sizeof(r), &tx) != sizeof(r))
		return false;
	if (r.what == SUM)
		sum(a, &reply);
	else
		change(a, &r, tx, &reply);
	if (tx >= 0)
		close(tx);
	return send(connection, &reply, sizeof(reply), MSG_NOSIGNAL) == sizeof(reply);
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll: %s", strerror(errno));
}

static void serve_all(struct accounts *a, int listener)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];
	int i, n;

	watch(epoll, listener);
	for (;;) {
		n = epoll_wait(epoll, events, 64, -1);
		for (i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener) {
				fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
				if (fd >= 0)
					watch(epoll, fd);
			} else if (!serve(a, fd)) {
				close(fd);
			}
		}
	}
}

/* ---- the process ---- */

/* As ktm_rm_run(), and between two turns of it the table is written now and then. */
static void *run_loop(void *data)
{
	struct accounts *a = data;
	struct pollfd fd = { .fd = ktm_rm_fd(a->rm), .events = POLLIN };
	uint32_t status;
	int ret;

	for (;;) {
		if (poll(&fd, 1, -1) < 0)
			die("poll: %s", strerror(errno));
		ret = ktm_rm_dispatch(a->rm, &status);
		if (ret < 0)
			die("a resource manager's loop: %s", ktm_status_text(status));
		ret = accounts_checkpoint(a);
		if (ret)
			die("a table cannot be written: %s", strerror(-ret));
	}
	return NULL;
}

static void run_store(void *data)
{
	const struct ktm_rm_ops ops = {
		.size = sizeof(ops),
		.prepare = on_prepare,
		.commit = on_commit,
		.rollback = on_rollback,
		.recovering = on_recovering,
		.recover = on_recover,
		.last_recover = on_last_recover,
		.answered = on_answered,
	};
	const struct store *s = data;
	const struct ktm_rm_config config = {
		.size = sizeof(config),
		.flags = s->is_volatile ? KTM_RM_LOOP_VOLATILE : 0,
		.tm = &s->tm,
		.guid = &s->guid,
		.wait_ms = 10000,
		.description = "bench",
	};
	struct accounts *a = &accounts;
	pthread_t loop;
	int ret;

	if (s->cpu >= 0)
		pin((unsigned int)s->cpu);
	ret = ktm_rm_start(&a->rm, &config, &ops, a, NULL);
	if (ret)
		die("cannot start a resource manager: %s", strerror(-ret));
	ret = s->is_volatile ? accounts_replay(a) : accounts_open(a);
	if (ret)
		die("cannot open a stream: %s", strerror(-ret));
	if (pthread_create(&loop, NULL, run_loop, a))
		die("cannot make a thread");
	while (ktm_rm_state(a->rm) != KTM_RM_ONLINE)
		nap_ms(1);
	serve_all(a, s->listener);
}

/* ---- from outside ---- */

static void hear(int connection, struct reply *reply)
{
	if (recv(connection, reply, sizeof(*reply), 0) != sizeof(*reply))
		die("a resource manager does not answer");
}

static void ask_sum(int connection, struct reply *reply)
{
	const struct request r = { .what = SUM };

	if (send(connection, &r, sizeof(r), MSG_NOSIGNAL) != sizeof(r))
		die("a resource manager has gone");
	hear(connection, reply);
}

static void store_run(struct store *s)
{
	s->pid = spawn(run_store, s);
	close(store_connect(s));
}

void store_start(struct store *s, const struct ktm_guid *tm, bool is_volatile, int cpu)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	s->tm = *tm;
	s->is_volatile = is_volatile;
	s->cpu = cpu;
	ktm_guid_generate(&s->guid);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* An address without a name: the kernel finds one that is free. */
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&any, sizeof(sa_family_t)) ||
	    listen(s->listener, 256))
		die("cannot listen: %s", strerror(errno));
	store_run(s);
}

void store_restart(struct store *s)
{
	stop(s->pid);
	store_run(s);
}

void store_end(struct store *s)
{
	stop(s->pid);
	close(s->listener);
}

int store_connect(const struct store *s)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	struct reply reply;

	if (fd < 0 || getsockname(s->listener, (struct sockaddr *)&address, &length) ||
	    connect(fd, (struct sockaddr *)&address, length))
		die("cannot connect: %s", strerror(errno));
	/* Only one that serves answers. */
	ask_sum(fd, &reply);
	return fd;
}

void store_ask(int connection, int tx, uint32_t account, int64_t delta)
{
	const struct request r = { .what = CHANGE, .account = account, .delta = delta };
	ssize_t sent = ktm_tx_send(connection, tx, &r, sizeof(r), NULL);

	if (sent != sizeof(r))
		die("cannot send a transaction: %s", strerror((int)-sent));
}

bool store_hear(int connection)
{
	struct reply reply;

	hear(connection, &reply);
	if (reply.error && reply.error != -EBUSY)
		die("a resource manager cannot enlist: %s", strerror((int)-reply.error));
	return !reply.error;
}

bool store_change(int connection, int tx, uint32_t account, int64_t delta)
{
	store_ask(connection, tx, account, delta);
	return store_hear(connection);
}

int64_t store_sum(int connection)
{
	struct reply reply;

	for (;;) {
		ask_sum(connection, &reply);
		if (!reply.error)
			return reply.value;
		nap_ms(1);
	}
}
