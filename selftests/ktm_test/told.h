/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOLD_H
#define TOLD_H

#include "participant.h"

struct participant;
struct told;

/* participant.c */
void test_put(struct participant *p, u32 n);
struct ktm_transaction_use *test_transaction(struct participant *p, u32 n);
struct ktm_rm_use *test_rm(struct participant *p, u32 n);

/* told.c */
struct told *told_new(struct participant *p);
bool told_free(struct told *t);
int told_enable(struct told *t, u32 slot, struct ktm_rm_use *rm, u32 how, u32 *status);
int told_commit(struct told *t, u32 slot, struct ktm_transaction_use *tx, u32 how, u32 *status);
int told_script(struct told *t, const struct ktm_test_op *c);
void told_release(struct told *t);
int told_take(struct told *t, struct ktm_test_told *told);

#endif /* TOLD_H */
