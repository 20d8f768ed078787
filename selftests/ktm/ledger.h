/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all processes of a test have heard of each transaction and each enlistment:
 * whoever hears something that goes against what another has heard fails the test.
 */
#ifndef KTM_TEST_LEDGER_H
#define KTM_TEST_LEDGER_H

#include "calls.h"

/* In shared memory, so before the first process is started. */
void ledger_open(void);

/* Somebody was told this outcome of a transaction. */
void ledger_outcome(const guid_t *uow, unsigned int outcome);

/* Its RM is about to vote yes; has it ever been? */
void ledger_vote(const guid_t *enlistment);
bool ledger_voted(const guid_t *enlistment);

/* Transactions of which somebody was told this outcome. */
unsigned int ledger_count(unsigned int outcome);

#endif /* KTM_TEST_LEDGER_H */
