/* SPDX-License-Identifier: GPL-2.0 */
/* Values in records that no object can have; kernel/ refuses them when it makes objects. */
#ifndef KTMCTL_VALUES_H
#define KTMCTL_VALUES_H

#include "journal_format.h"

/* Of a record that something is made from. NULL: they are good; else what is wrong, in words. */
const char *values_wrong(const struct ktm_jrec *rec);

#endif /* KTMCTL_VALUES_H */
