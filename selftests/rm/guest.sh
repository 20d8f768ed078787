#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the machine: both resource managers, their clients, a journal.

journal=/dev/disk/ktm/journal

ktmctl journal format $journal >&2 || exit 1
mkdir -p /run/rm
rm_vm /run/rm $journal || exit 1
# Nobody has anything open any more.
rmmod ktm
