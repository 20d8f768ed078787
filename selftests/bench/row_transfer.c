// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_vs_sqlite: transfers between two stores by 16 clients; and the plot, the same
 * with 1 to 64 clients.
 */
#include "bench.h"
#include "load.h"
#include "peer.h"

#define CLIENTS	16

static struct peer *const peers[] = {
	&peer_ktm, &peer_sqlite_delete, &peer_sqlite_wal, &peer_plain,
};

#define PEERS	(sizeof(peers) / sizeof(peers[0]))

struct mine {
	const struct peer *peer;
	void *connection;
	uint64_t random;
};

static void *prepare(unsigned int client, void *data)
{
	static struct mine mine;

	mine.peer = data;
	mine.connection = mine.peer->connect(mine.peer, client);
	mine.random = client + 1;
	return &mine;
}

/* xorshift64*: where the money goes is the same in each run. */
static uint32_t draw(struct mine *mine)
{
	mine->random ^= mine->random >> 12;
	mine->random ^= mine->random << 25;
	mine->random ^= mine->random >> 27;
	return (uint32_t)((mine->random * 0x2545f4914f6cdd1d) >> 32);
}

static bool once(void *data)
{
	struct mine *mine = data;
	uint32_t from = draw(mine) % ACCOUNTS, to = draw(mine) % ACCOUNTS;

	return mine->peer->transfer(mine->connection, from, to, draw(mine) % 100 + 1);
}

static double throughput(struct peer *peer, unsigned int clients, unsigned int ms)
{
	const struct load load = {
		.clients = clients,
		.ms = ms,
		.prepare = prepare,
		.once = once,
		.data = peer,
	};
	double per_second = load_run(&load, NULL, NULL).per_second;

	if (peer->sum(peer) != 2 * (int64_t)ACCOUNTS * BALANCE)
		die("%s: money was made or lost", peer->name);
	return per_second;
}

static void start_all(void)
{
	size_t i;

	if (!bench.files || !bench.journal)
		die("transfers need --journal and --files");
	for (i = 0; i < PEERS; i++)
		peers[i]->start(peers[i]);
}

static void end_all(void)
{
	size_t i;

	for (i = 0; i < PEERS; i++)
		peers[i]->end(peers[i]);
}

void row_transfer(void)
{
	struct series rate[PEERS] = { { .count = 0 } }, value = { .count = 0 };
	unsigned int i;
	size_t k;

	start_all();
	for (i = 0; i < bench.rounds; i++) {
		for (k = 0; k < PEERS; k++)
			series_add(&rate[k], throughput(peers[k], CLIENTS, enough(200, 1000)));
		series_add(&value, rate[0].value[i] / rate[1].value[i]);
	}
	end_all();
	report("transfer_vs_sqlite", "transfers/s", &rate[1], &rate[0], &value, AT_LEAST, 5);
	for (k = 1; k < PEERS; k++)
		remark("transfer_vs_sqlite", "%s: %.0f transfers a second, %.2f times as many with ktm",
		       peers[k]->name, series_median(&rate[k]),
		       series_median(&rate[0]) / series_median(&rate[k]));
}

void row_curve(void)
{
	const unsigned int rounds = bench.rounds < 2 ? bench.rounds : 2;
	unsigned int clients, i;
	size_t k;

	start_all();
	for (clients = 1; clients <= 64; clients *= enough(8, 2)) {
		struct series rate[PEERS] = { { .count = 0 } };

		for (i = 0; i < rounds; i++)
			for (k = 0; k < PEERS; k++)
				series_add(&rate[k], throughput(peers[k], clients,
								enough(100, 700)));
		for (k = 0; k < PEERS; k++)
			report_point(peers[k]->name, clients, &rate[k]);
	}
	end_all();
}
