// SPDX-License-Identifier: GPL-2.0
/* A store of the plain two-phase commit: accounts, changes that are not decided, a log. */
#include "bench.h"
#include "peer.h"
#include "plain.h"

#define OPEN_CHANGES	4096

/* A transaction changes one account here. */
struct open_change {
	bool used;
	struct plain_message change;
};

/**
 * struct state - the store
 * @balance: of each account
 * @held: by a transaction that has not ended
 * @changes: by transaction; a client has one at a time and the low bits say which client
 * @open: how many are in use
 * @log: redo of what was voted for, and that it was committed
 * @votes: to be sent when the log is durable
 * @nr_votes: how many
 * @coordinator: where they go
 */
struct state {
	int64_t balance[ACCOUNTS];
	bool held[ACCOUNTS];
	struct open_change changes[OPEN_CHANGES];
	unsigned int open;
	struct plain_log log;
	struct plain_message votes[OPEN_CHANGES];
	size_t nr_votes;
	struct plain_link *coordinator;
};

static struct open_change *find(struct state *s, uint64_t tx)
{
	struct open_change *c = &s->changes[tx % OPEN_CHANGES];

	return c->used && c->change.tx == tx ? c : NULL;
}

static uint32_t begin(struct state *s, const struct plain_message *m)
{
	struct open_change *c = &s->changes[m->tx % OPEN_CHANGES];

	if (m->account >= ACCOUNTS || s->held[m->account] || c->used)
		return PLAIN_BUSY;
	s->held[m->account] = true;
	c->used = true;
	c->change = *m;
	s->open++;
	return PLAIN_OK;
}

static void finish(struct state *s, struct open_change *c)
{
	s->held[c->change.account] = false;
	c->used = false;
	s->open--;
}

static void prepare(struct state *s, struct plain_link *link, const struct plain_message *m)
{
	struct open_change *c = find(s, m->tx);

	if (!c)
		die("asked to prepare what is not known");
	plain_log_append(&s->log, &c->change);
	s->coordinator = link;
	s->votes[s->nr_votes++] = (struct plain_message){ .what = PLAIN_PREPARED, .tx = m->tx };
}

/* Its record goes out with the next vote: until then the coordinator's log knows. */
static void commit(struct state *s, const struct plain_message *m)
{
	struct open_change *c = find(s, m->tx);

	if (!c)
		die("asked to commit what is not known");
	s->balance[c->change.account] += c->change.value;
	plain_log_append(&s->log, m);
	finish(s, c);
}

static void answer(struct plain_link *link, uint32_t what, int64_t value)
{
	const struct plain_message m = { .what = what, .value = value };

	plain_send(link, &m);
	plain_flush(link);
}

static void sum(struct state *s, struct plain_link *link)
{
	int64_t all = 0;
	int i;

	for (i = 0; i < ACCOUNTS; i++)
		all += s->balance[i];
	answer(link, s->open ? PLAIN_BUSY : PLAIN_OK, all);
}

static void take(void *data, struct plain_link *link, const struct plain_message *m)
{
	struct state *s = data;

	switch (m->what) {
	case PLAIN_CHANGE:
		answer(link, begin(s, m), 0);
		break;
	case PLAIN_FORGET:
		if (find(s, m->tx))
			finish(s, find(s, m->tx));
		break;
	case PLAIN_PREPARE:
		prepare(s, link, m);
		break;
	case PLAIN_COMMIT:
		commit(s, m);
		break;
	case PLAIN_SUM:
		sum(s, link);
		break;
	default:
		die("a store got a message that is not for it");
	}
}

static void turn_over(void *data)
{
	struct state *s = data;
	size_t i;

	if (!s->nr_votes)
		return;
	plain_log_force(&s->log);
	for (i = 0; i < s->nr_votes; i++)
		plain_send(s->coordinator, &s->votes[i]);
	plain_flush(s->coordinator);
	s->nr_votes = 0;
}

void plain_store(void *data)
{
	const struct plain_store_config *config = data;
	static struct state s;
	struct plain_loop loop = { .take = take, .turn_over = turn_over, .data = &s };
	int i;

	for (i = 0; i < ACCOUNTS; i++)
		s.balance[i] = BALANCE;
	plain_log_open(&s.log, config->log);
	plain_loop_init(&loop);
	plain_loop_run(&loop, config->listener);
}
