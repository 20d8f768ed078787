/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where an example database keeps its text: the file "text" in a directory,
 * and beside it, until the transaction has ended, a file for each enlistment, named
 * after it. All is on the disk when a function has returned.
 */
#ifndef EXAMPLES_TPS_STORE_H
#define EXAMPLES_TPS_STORE_H

#include <stdbool.h>
#include <sys/types.h>

#include <ktm/zw.h>

/* Opens the directory. False, here and below: errno says why. */
bool store_open(const char *directory);

/* Returns the bytes of the text, at most @size, or -1. Nobody has written one: 0. */
ssize_t store_read(char *data, size_t size);

/* Begins, and goes on with, what an enlistment will put in its place. */
bool store_begin(const GUID *enlistment);
bool store_append(const GUID *enlistment, const char *data, size_t length);

/* All that a commit needs is safe. */
bool store_prepare(void);

/* Puts it in place, or throws it away; nothing happens if it is not there (any more). */
bool store_commit(const GUID *enlistment);
bool store_discard(const GUID *enlistment);

bool store_has(const GUID *enlistment);

/* Calls @visit for each enlistment that left something. */
bool store_each(void (*visit)(GUID *enlistment));

#endif /* EXAMPLES_TPS_STORE_H */
