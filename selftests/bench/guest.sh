#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the bench does in the virtual machine: one group of rows after the other.
#
# usage: guest.sh [--quick] [--rounds N]

disk=$(readlink -f /dev/disk/ktm/bench)
journal=${disk}1
raw=${disk}2
files=${disk}3
mnt=/mnt/bench
options=$*

fail()
{
	echo "bench: $*" >&2
	exit 1
}

bench()
{
	# shellcheck disable=SC2086
	ktm-bench $options --disk "$disk" --raw "$raw" --files $mnt "$@" || fail "$* failed"
}

# A log that nothing else has been in.
format()
{
	ktmctl journal format --force "$1" >/dev/null || fail "could not format $1"
}

# NAME DEVICE: a disk over it that takes 5 ms to flush, in no time otherwise.
slow()
{
	dmsetup create "$1" --noudevsync --noudevrules --table \
		"0 $(cat "/sys/class/block/${2#/dev/}/size") delay $2 0 0 $2 0 0 $2 0 5" ||
		fail "could not make $1"
	echo "/dev/dm-$(dmsetup info -c --noheadings -o minor "$1")"
}

modprobe -a ext4 dm_mod dm_delay || fail "modules are missing"
mkdir -p $mnt
echo "@machine	$(uname -r), $(grep -c ^processor /proc/cpuinfo) processors"

bench volatile
insmod /root/ktm_test.ko || fail "the driver is missing"
bench kernel
rmmod ktm_test
bench scale
bench open
bench bytes

format "$journal"
bench --journal "$journal" durable
format "$journal"
bench --journal "$journal" forced

bench --pieces /root/pieces recovery /dev/disk/ktm/log*

mount -t ext4 -o noatime "$files" $mnt || fail "could not mount $files"
format "$journal"
bench --journal "$journal" transfer
echo "@panel	a disk that flushes in no time"
format "$journal"
bench --journal "$journal" curve
umount $mnt

journal=$(slow journal "$journal") || exit 1
files=$(slow files "$files") || exit 1
format "$journal"
bench --journal "$journal" group
mount -t ext4 -o noatime "$files" $mnt || fail "could not mount $files"
echo "@panel	a disk that takes 5 ms to flush (dm-delay)"
format "$journal"
bench --journal "$journal" curve
umount $mnt
