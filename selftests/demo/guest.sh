#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What happens in the virtual machine, once per boot: load, recover, check, go
# on importing. Lines that begin with @ are for selftests/demo/run.
#
# STOP_AFTER=check	ends after recovery and check (selftests/demo/replay)
# FAULT=files|sqlite	the syncs of that resource manager do nothing (check.sh)

journal=/dev/disk/ktm/journal
state=/run/demo
sqlite=$state/sqlite.sock
files=$state/files.sock
recover_seconds=${RECOVER_SECONDS:-180}	# a safety net, not a measure
unsettled=

fail()
{
	echo "FAILED: $*"
	exit 1
}

stage()
{
	echo "@stage $*"
}

mount_store()
{
	mkdir -p "/mnt/$1"
	mount -t ext4 -o "$2" "/dev/disk/ktm/$1" "/mnt/$1" || fail "could not mount $1"
}

mount_all()
{
	modprobe ext4 || fail "no ext4"
	mount_store catalogue ro
	mount_store sqlite rw,noatime
	mount_store files rw,noatime
	mount_store baseline rw,noatime
	mkdir -p $state /mnt/baseline/files
}

# The stores come into being after the journal, so while there are none, what is
# on the device is blank or the remains of a format that the power cut short.
format_journal()
{
	[ ! -e /mnt/sqlite/store ] && [ ! -e /mnt/files/store ] || return 0
	stage format
	ktmctl journal format --force $journal || fail "could not format the journal"
}

preload_for()
{
	[ "$FAULT" != "$1" ] || echo /root/unsynced.so
}

start_managers()
{
	stage recover
	insmod /root/ktm_sample_rm.ko || fail "ktm_sample_rm could not be loaded"
	mkdir -p /mnt/sqlite/store /mnt/files/store
	LD_PRELOAD=$(preload_for sqlite) ktm-rm-sqlite --device $journal --db /mnt/sqlite/store/catalogue.db \
		--schema /root/schema.sql --socket $sqlite &
	sqlite_pid=$!
	LD_PRELOAD=$(preload_for files) ktm-rm-files --device $journal --store /mnt/files/store --socket $files &
	files_pid=$!
	demo-keys attach $journal $recover_seconds &
	wait_for $! || fail "the store of ktm_sample_rm does not recover"
	wait_settled "recovery did not end"
}

# Until the process PID has ended, which it never would if a resource manager had.
wait_for()
{
	while kill -0 "$1" 2>/dev/null; do
		kill -0 $sqlite_pid 2>/dev/null || fail "ktm-rm-sqlite has ended"
		kill -0 $files_pid 2>/dev/null || fail "ktm-rm-files has ended"
		sleep 0.1
	done
	wait "$1"
}

# Sets settled when there is nothing left to do.
wait_settled()
{
	demo-ready $recover_seconds $sqlite $files >$state/settled &
	# What the check finds says more than that something is left over.
	wait_for $! || unsettled=$1
	settled=$(cat $state/settled)
}

check_catalogue()
{
	stage check "$settled"
	demo-keys list >$state/keys || fail "the keys of ktm_sample_rm could not be read"
	checked=$(demo-check --keys $state/keys --acknowledged /root/acknowledged /root/manifest \
		/mnt/sqlite/store/catalogue.db /mnt/files/store/tree)
	status=$?
	echo "$checked" | sed 's/^\([0-9]\)/@check \1/'
	[ $status -eq 0 ] || fail "the check of the catalogue found violations"
	[ -z "$unsettled" ] || fail "$unsettled"
}

check_baseline()
{
	checked=$(demo-check --count-torn /root/manifest /mnt/baseline/catalogue.db \
		/mnt/baseline/files) || fail "the baseline could not be checked"
	echo "@baseline-check $checked"
}

check_kernel_log()
{
	! dmesg | grep -E 'EXT4-fs (error|warning)|I/O error' ||
		fail "a file system or a disk complains"
}

import()
{
	stage import
	demo-baseline --pace $state/pace /root/manifest /mnt/catalogue \
		/mnt/baseline/catalogue.db /mnt/baseline/files &
	baseline_pid=$!
	demo-import --pace $state/pace /root/manifest /mnt/catalogue $sqlite $files ||
		fail "the import failed"
	wait $baseline_pid || fail "the import without transactions failed"
}

stop_managers()
{
	kill $sqlite_pid $files_pid
	wait $sqlite_pid || fail "ktm-rm-sqlite ended with status $?"
	wait $files_pid || fail "ktm-rm-files ended with status $?"
	demo-keys detach || fail "the store of ktm_sample_rm could not be detached"
	rmmod ktm_sample_rm || fail "ktm_sample_rm could not be unloaded"
}

stage booted "$(cut -d' ' -f1 /proc/uptime)"
mount_all
format_journal
start_managers
check_catalogue
check_baseline
check_kernel_log
if [ "$STOP_AFTER" != check ]; then
	import
	wait_settled "the import left something over"
	check_catalogue
	check_baseline
fi
stop_managers
check_kernel_log
stage done
