// SPDX-License-Identifier: GPL-2.0
/* Two-phase commit in user space: its processes, seen by the clients. */
#include "bench.h"
#include "peer.h"
#include "plain.h"

#include <sys/socket.h>

struct self {
	int listener[3];
	pid_t pid[3];
};

struct mine {
	uint64_t tx;
	int coordinator;
	int store[2];
};

static void start(struct peer *peer)
{
	static struct self self;
	struct plain_store_config store[2] = { { .log = "plain-one.log" },
					       { .log = "plain-two.log" } };
	struct plain_coordinator_config coordinator = { .log = "plain-decisions.log" };
	int i;

	for (i = 0; i < 3; i++)
		self.listener[i] = plain_listen();
	for (i = 0; i < 2; i++) {
		store[i].listener = self.listener[i];
		coordinator.stores[i] = self.listener[i];
		self.pid[i] = spawn(plain_store, &store[i]);
	}
	coordinator.listener = self.listener[2];
	self.pid[2] = spawn(plain_coordinator, &coordinator);
	peer->self = &self;
}

static void *connect_client(const struct peer *peer, unsigned int client)
{
	const struct self *self = peer->self;
	static struct mine mine;

	/* The low bits are the client's, see the stores. */
	mine.tx = client;
	mine.store[0] = plain_connect(self->listener[0]);
	mine.store[1] = plain_connect(self->listener[1]);
	mine.coordinator = plain_connect(self->listener[2]);
	return &mine;
}

static void tell(int fd, uint32_t what, uint64_t tx, uint32_t account, int64_t value)
{
	const struct plain_message m = { .what = what, .account = account, .tx = tx,
					 .value = value };

	if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
		die("a process of the plain coordinator has gone");
}

static struct plain_message hear(int fd)
{
	struct plain_message m;

	if (recv(fd, &m, sizeof(m), MSG_WAITALL) != sizeof(m))
		die("a process of the plain coordinator has gone");
	return m;
}

static bool transfer(void *data, uint32_t from, uint32_t to, int64_t amount)
{
	struct mine *mine = data;
	bool held;
	int i;

	mine->tx += 4096;
	tell(mine->store[0], PLAIN_CHANGE, mine->tx, from, -amount);
	tell(mine->store[1], PLAIN_CHANGE, mine->tx, to, amount);
	held = hear(mine->store[0]).what == PLAIN_OK;
	held &= hear(mine->store[1]).what == PLAIN_OK;
	if (!held) {
		for (i = 0; i < 2; i++)
			tell(mine->store[i], PLAIN_FORGET, mine->tx, 0, 0);
		return false;
	}
	tell(mine->coordinator, PLAIN_TRY_COMMIT, mine->tx, 0, 0);
	hear(mine->coordinator);
	return true;
}

static int64_t sum(const struct peer *peer)
{
	const struct self *self = peer->self;
	struct plain_message m;
	int64_t all = 0;
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = plain_connect(self->listener[i]);
		/* A client is told before the stores are. */
		for (;;) {
			tell(fd, PLAIN_SUM, 0, 0, 0);
			m = hear(fd);
			if (m.what == PLAIN_OK)
				break;
			nap_ms(1);
		}
		all += m.value;
		close(fd);
	}
	return all;
}

static void end(struct peer *peer)
{
	struct self *self = peer->self;
	int i;

	/* The coordinator first: it needs the others. */
	for (i = 2; i >= 0; i--) {
		stop(self->pid[i]);
		close(self->listener[i]);
	}
}

struct peer peer_plain = {
	.name = "user-space",
	.start = start,
	.connect = connect_client,
	.transfer = transfer,
	.sum = sum,
	.end = end,
};
