#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The two resource managers: without a kernel, then in a machine with the module.
#
# run: timeout=1800 if-time

set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export BUILD=${BUILD:-$top/build}
kernels=${KERNELS:-6.1 6.12}
programs=$BUILD/selftests/rm
# In memory where that is possible: these tests look at what was synced when
# instead of waiting for a disk.
scratch=$(mktemp -d -p /dev/shm ktm-rm.XXXXXX 2>/dev/null || mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -TERM $pid; wait; rm -rf "$scratch"' EXIT
trap 'exit 143' TERM INT HUP

result=0
count=0

# NAME COMMAND...: passes its results on under one count.
run_test() {
	local name=$1 line status

	shift
	"$@" >"$scratch/out" 2>"$scratch/errors" &
	pid=$!
	wait $pid
	status=$?
	pid=
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			count=$((count + 1))
			echo "${line%% [0-9]*} $count $name: ${line#*ok [0-9]* }"
			;;
		1..* | Bail*) ;;
		*) echo "$line" ;;
		esac
	done <"$scratch/out"
	count=$((count + 1))
	if [ $status -eq 0 ] && grep -q '^1\.\.' "$scratch/out"; then
		echo "ok $count $name: came to its end"
	else
		tail -n 40 "$scratch/out" "$scratch/errors" | sed 's/^/# /'
		echo "not ok $count $name: status $status"
		result=1
	fi
}

in_machine() {
	local kernel=$1

	truncate -s 64M "$scratch/journal" || return
	exec "$top/selftests/vm/vm" run --kernel "$kernel" --name "rm-$kernel" --timeout 400 \
		--disk "$scratch/journal,serial=journal" \
		--bin "$programs/rm_vm" --bin "$BUILD/userspace/rm/ktm-rm-files" \
		--bin "$BUILD/userspace/rm/ktm-rm-sqlite" --bin "$BUILD/userspace/ktmctl/ktmctl" \
		--file "$top/selftests/rm/guest.sh" -- sh /root/guest.sh
}

for test in files_test sqlite_test; do
	mkdir "$scratch/$test"
	run_test "$test" "$programs/$test" "$scratch/$test"
done
for kernel in $kernels; do
	run_test "$kernel" in_machine "$kernel"
	rm -f "$scratch/journal"
done
echo "1..$count"
exit $result
