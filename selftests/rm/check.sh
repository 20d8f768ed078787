#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The two resource managers without a kernel.
#
# run: timeout=900

set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=${BUILD:-$top/build}/selftests/rm
# In memory where that is possible: these tests look at what was synced when
# instead of waiting for a disk.
scratch=$(mktemp -d -p /dev/shm ktm-rm.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

status=0
count=0
# Their results under one count.
for test in files_test sqlite_test; do
	mkdir "$scratch/$test"
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			count=$((count + 1))
			[ "${line%%ok*}" = '' ] || status=1
			echo "${line%% [0-9]*} $count $test: ${line#*ok [0-9]* }"
			;;
		1..*) ;;
		*) echo "$line" ;;
		esac
	done < <("$programs/$test" "$scratch/$test" 2>"$scratch/log" ||
		 echo "not ok 0 ended with status $?")
done
echo "1..$count"
exit $status
