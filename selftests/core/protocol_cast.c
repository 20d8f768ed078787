// SPDX-License-Identifier: GPL-2.0
/* The name of a configuration, as selftests/core/promela/README.md has it. */
#include "protocol_outcomes.h"

static const char *flag(const char *p, char letter, u8 bit, u8 *kind)
{
	if (*p != letter)
		return p;
	*kind |= bit;
	return p + 1;
}

/**
 * cast_parse - who plays in a configuration of that name
 * @c: filled
 * @name: as "DpVl-sup"
 * @faults: how much may go wrong in a run
 *
 * Return: whether there is such a configuration.
 */
bool cast_parse(struct cast *c, const char *name, int faults)
{
	const char *p = name;
	u8 late;
	int i;

	memset(c, 0, sizeof(*c));
	c->faults = faults;
	c->cfg.name = name;
	for (i = 0; i < MAX_EN; i++)
		c->cfg.rm[i] = i;
	for (i = 0; i < MAX_SUBS && (*p == 'D' || *p == 'V'); i++) {
		c->kind[i] = KIND_RECOVERY | (*p == 'D' ? KIND_DURABLE : 0);
		p = flag(p + 1, 'p', KIND_P, &c->kind[i]);
		p = flag(p, 's', KIND_S, &c->kind[i]);
		p = flag(p, 'd', KIND_D, &c->kind[i]);
		late = 0;
		p = flag(p, 'l', 1, &late);
		c->late |= late << i;
	}
	c->subs = i;
	if (*p) {
		c->superior = true;
		c->kind[SUP] = KIND_DURABLE | KIND_PHASES | KIND_REST;
		if (!strcmp(p, "-cr"))
			c->kind[SUP] |= KIND_REQUEST;
		else if (strcmp(p, "-sup"))
			return false;
	}
	return i > 0;
}
