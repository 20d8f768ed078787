// SPDX-License-Identifier: GPL-2.0
/* The floor: a round trip over two pipes. */
#define _GNU_SOURCE
#include "partner.h"

#include "bench.h"

#include <fcntl.h>

struct side {
	unsigned int cpu;
	int from;
	int to;
};

static void answer(void *data)
{
	const struct side *side = data;
	char byte;

	pin(side->cpu);
	while (read(side->from, &byte, 1) == 1) {
		if (write(side->to, &byte, 1) != 1)
			die("a pipe failed: %s", strerror(errno));
	}
}

void partner_start(struct partner *p, unsigned int cpu)
{
	struct side side = { .cpu = cpu };
	int there[2], back[2];

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	side.from = there[0];
	side.to = back[1];
	p->pid = spawn(answer, &side);
	close(there[0]);
	close(back[1]);
	p->to = there[1];
	p->from = back[0];
}

void partner_round_trip(const struct partner *p)
{
	char byte = 0;

	if (write(p->to, &byte, 1) != 1 || read(p->from, &byte, 1) != 1)
		die("a pipe failed: %s", strerror(errno));
}

void partner_end(struct partner *p)
{
	stop(p->pid);
	close(p->to);
	close(p->from);
}
