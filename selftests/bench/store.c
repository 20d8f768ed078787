// SPDX-License-Identifier: GPL-2.0
/* A resource manager with accounts, and how clients speak to it. */
#define _GNU_SOURCE
#include "store.h"

#include "bench.h"

#include <ktm-rm.h>

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MAX_CHANGES	(1 << 16)

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

/* What is to be redone if the transaction commits. */
struct change {
	uint32_t account;
	uint32_t next_free;
	int64_t delta;
};

/**
 * struct accounts - the store itself
 * @rm: the loop
 * @lock: of all that follows: the loop's thread and the one that serves take turns
 * @balance: of each account
 * @held: by a transaction that has not ended
 * @changes: of the transactions that have not ended; their enlistments' cookies are
 *	places in it
 * @free: first one that is not in use
 */
struct accounts {
	struct ktm_rm *rm;
	pthread_mutex_t lock;
	int64_t balance[ACCOUNTS];
	bool held[ACCOUNTS];
	struct change changes[MAX_CHANGES];
	uint32_t free;
};

static struct accounts accounts = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what the transaction manager asks ---- */

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct accounts *a = data;

	(void)rm;
	event->information = &a->changes[event->cookie];
	event->information_length = sizeof(a->changes[0]);
	return KTM_RM_DONE;
}

static int end_change(struct accounts *a, uint64_t place, bool commit)
{
	struct change *change = &a->changes[place];

	pthread_mutex_lock(&a->lock);
	if (commit)
		a->balance[change->account] += change->delta;
	a->held[change->account] = false;
	change->next_free = a->free;
	a->free = (uint32_t)place;
	pthread_mutex_unlock(&a->lock);
	return KTM_RM_DONE;
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return end_change(data, event->cookie, true);
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	return end_change(data, event->cookie, false);
}

/* Each run begins with a table of its own. */
static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	(void)event;
	(void)data;
	return KTM_RM_NONE;
}

/* ---- what clients ask ---- */

static bool hold(struct accounts *a, const struct request *r, uint64_t *place)
{
	bool free;

	pthread_mutex_lock(&a->lock);
	free = !a->held[r->account] && a->free != UINT32_MAX;
	if (free) {
		*place = a->free;
		a->free = a->changes[*place].next_free;
		a->held[r->account] = true;
		a->changes[*place].account = r->account;
		a->changes[*place].delta = r->delta;
	}
	pthread_mutex_unlock(&a->lock);
	return free;
}

static int64_t sum(struct accounts *a)
{
	int64_t all = 0;
	int i;

	pthread_mutex_lock(&a->lock);
	for (i = 0; i < ACCOUNTS; i++)
		all += a->balance[i];
	pthread_mutex_unlock(&a->lock);
	return all;
}

static void change(struct accounts *a, const struct request *r, int tx, struct reply *reply)
{
	uint64_t place;

	if (r->account >= ACCOUNTS || tx < 0) {
		reply->error = -EINVAL;
	} else if (!hold(a, r, &place)) {
		reply->error = -EBUSY;
	} else {
		reply->error = ktm_rm_enlist(a->rm, tx, place, NULL, NULL);
		if (reply->error)
			end_change(a, place, false);
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
		reply.value = sum(a);
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

static void *run_loop(void *data)
{
	struct accounts *a = data;
	int ret = ktm_rm_run(a->rm, NULL);

	die("the resource manager's loop ended: %s", strerror(-ret));
}

static void run_store(void *data)
{
	const struct ktm_rm_ops ops = {
		.size = sizeof(ops),
		.prepare = on_prepare,
		.commit = on_commit,
		.rollback = on_rollback,
		.recover = on_recover,
	};
	const struct store *s = data;
	const struct ktm_rm_config config = {
		.size = sizeof(config),
		.flags = s->is_volatile ? KTM_RM_LOOP_VOLATILE : 0,
		.tm = &s->tm,
		.guid = &s->guid,
		.description = "bench",
	};
	struct accounts *a = &accounts;
	pthread_t loop;
	uint32_t i;
	int ret;

	if (s->cpu >= 0)
		pin((unsigned int)s->cpu);
	for (i = 0; i < ACCOUNTS; i++)
		a->balance[i] = BALANCE;
	for (i = 0; i < MAX_CHANGES; i++)
		a->changes[i].next_free = i + 1 < MAX_CHANGES ? i + 1 : UINT32_MAX;
	ret = ktm_rm_start(&a->rm, &config, &ops, a, NULL);
	if (ret)
		die("cannot start a resource manager: %s", strerror(-ret));
	if (pthread_create(&loop, NULL, run_loop, a))
		die("cannot make a thread");
	while (ktm_rm_state(a->rm) != KTM_RM_ONLINE)
		nap_ms(1);
	serve_all(a, s->listener);
}

/* ---- from outside ---- */

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
	s->pid = spawn(run_store, s);
	close(store_connect(s));
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

	if (fd < 0 || getsockname(s->listener, (struct sockaddr *)&address, &length) ||
	    connect(fd, (struct sockaddr *)&address, length))
		die("cannot connect: %s", strerror(errno));
	/* Only one that serves answers. */
	store_sum(fd);
	return fd;
}

void store_ask(int connection, int tx, uint32_t account, int64_t delta)
{
	const struct request r = { .what = CHANGE, .account = account, .delta = delta };
	ssize_t sent = ktm_tx_send(connection, tx, &r, sizeof(r), NULL);

	if (sent != sizeof(r))
		die("cannot send a transaction: %s", strerror((int)-sent));
}

static void hear(int connection, struct reply *reply)
{
	if (recv(connection, reply, sizeof(*reply), 0) != sizeof(*reply))
		die("a resource manager does not answer");
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
	const struct request r = { .what = SUM };
	struct reply reply;

	if (send(connection, &r, sizeof(r), MSG_NOSIGNAL) != sizeof(r))
		die("a resource manager has gone");
	hear(connection, &reply);
	return reply.value;
}
