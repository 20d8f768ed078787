// SPDX-License-Identifier: GPL-2.0
/* Ours: two resource managers on one transaction manager. */
#include "bench.h"
#include "peer.h"
#include "store.h"
#include "tm.h"

struct self {
	struct tm_handle tm;
	struct store store[2];
};

struct mine {
	const struct self *self;
	int connection[2];
};

static void start(struct peer *peer)
{
	static struct self self;

	tm_start(&self.tm, bench.journal);
	store_start(&self.store[0], &self.tm.guid, false, -1);
	store_start(&self.store[1], &self.tm.guid, false, -1);
	peer->self = &self;
}

static void *connect_client(const struct peer *peer, unsigned int client)
{
	static struct mine mine;

	(void)client;
	mine.self = peer->self;
	mine.connection[0] = store_connect(&mine.self->store[0]);
	mine.connection[1] = store_connect(&mine.self->store[1]);
	return &mine;
}

static bool transfer(void *data, uint32_t from, uint32_t to, int64_t amount)
{
	const struct mine *mine = data;
	int tx = tx_begin(&mine->self->tm);
	bool held;

	store_ask(mine->connection[0], tx, from, -amount);
	store_ask(mine->connection[1], tx, to, amount);
	held = store_hear(mine->connection[0]);
	held &= store_hear(mine->connection[1]);
	if (held)
		tx_commit(tx);
	else
		tx_roll_back(tx);
	close(tx);
	return held;
}

/* What counts is what a store finds in its stream when it starts. */
static int64_t sum(const struct peer *peer)
{
	struct self *self = peer->self;
	int64_t all = 0;
	int i;

	for (i = 0; i < 2; i++) {
		int connection = store_connect(&self->store[i]);

		store_sum(connection);
		close(connection);
		store_restart(&self->store[i]);
		connection = store_connect(&self->store[i]);

		all += store_sum(connection);
		close(connection);
	}
	return all;
}

static void end(struct peer *peer)
{
	struct self *self = peer->self;

	store_end(&self->store[0]);
	store_end(&self->store[1]);
	tm_end(&self->tm);
}

struct peer peer_ktm = {
	.name = "ktm",
	.start = start,
	.connect = connect_client,
	.transfer = transfer,
	.sum = sum,
	.end = end,
};
