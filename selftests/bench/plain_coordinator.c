// SPDX-License-Identifier: GPL-2.0
/* The coordinator of the plain two-phase commit. */
#include "bench.h"
#include "plain.h"

#define OPEN_COMMITS	4096
#define STORES		2

/* A commit under way. */
struct commit {
	uint64_t tx;
	unsigned int votes;
	struct plain_link *client;
};

/**
 * struct state - the coordinator
 * @stores: links to them
 * @commits: by transaction; a client has one at a time and the low bits say which client
 * @log: the decisions
 * @decided: in this turn
 * @nr_decided: how many
 */
struct state {
	struct plain_link *stores[STORES];
	struct commit commits[OPEN_COMMITS];
	struct plain_log log;
	struct commit *decided[OPEN_COMMITS];
	size_t nr_decided;
};

static void take(void *data, struct plain_link *link, const struct plain_message *m)
{
	struct commit *c;
	struct state *s = data;
	struct plain_message prepare = { .what = PLAIN_PREPARE, .tx = m->tx };
	int i;

	c = &s->commits[m->tx % OPEN_COMMITS];
	switch (m->what) {
	case PLAIN_TRY_COMMIT:
		*c = (struct commit){ .tx = m->tx, .client = link };
		for (i = 0; i < STORES; i++)
			plain_send(s->stores[i], &prepare);
		break;
	case PLAIN_PREPARED:
		if (c->tx != m->tx)
			die("a vote for what is not known");
		if (++c->votes == STORES)
			s->decided[s->nr_decided++] = c;
		break;
	default:
		die("the coordinator got a message that is not for it");
	}
}

/* The decisions of this turn become durable together; then everybody is told. */
static void decide(struct state *s)
{
	const struct plain_message ok = { .what = PLAIN_OK };
	size_t i;
	int k;

	for (i = 0; i < s->nr_decided; i++) {
		const struct plain_message m = { .what = PLAIN_COMMIT, .tx = s->decided[i]->tx };

		plain_log_append(&s->log, &m);
	}
	plain_log_force(&s->log);
	for (i = 0; i < s->nr_decided; i++) {
		const struct plain_message m = { .what = PLAIN_COMMIT, .tx = s->decided[i]->tx };

		plain_send(s->decided[i]->client, &ok);
		plain_flush(s->decided[i]->client);
		for (k = 0; k < STORES; k++)
			plain_send(s->stores[k], &m);
	}
	s->nr_decided = 0;
}

static void turn_over(void *data)
{
	struct state *s = data;
	int i;

	/* Who has to prepare need not wait for a sync that is not his. */
	for (i = 0; i < STORES; i++)
		plain_flush(s->stores[i]);
	if (!s->nr_decided)
		return;
	decide(s);
	for (i = 0; i < STORES; i++)
		plain_flush(s->stores[i]);
}

void plain_coordinator(void *data)
{
	const struct plain_coordinator_config *config = data;
	static struct state s;
	struct plain_loop loop = { .take = take, .turn_over = turn_over, .data = &s };
	int i;

	plain_log_open(&s.log, config->log);
	plain_loop_init(&loop);
	for (i = 0; i < STORES; i++) {
		s.stores[i] = plain_link(plain_connect(config->stores[i]));
		plain_loop_add(&loop, s.stores[i]);
	}
	plain_loop_run(&loop, config->listener);
}
