#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: vm-tests.sh KERNEL NAME LIST [OPTION=VALUE]...
#
# Run the test programs of LIST (NAME TIMEOUT [ARGUMENT]...) in one machine.
# selftests/README.md has the options. The programs' TAP comes out between
# lines ##run NAME and ##end NAME STATUS, which selftests/lib/tap.awk reads.

set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
kernel=$1 name=$2 list=$3
shift 3

disk=virtio size=64M disk_options=
options=() also=()
for word; do
	value=${word#*=}
	case $word in
	disk=*) disk=$value ;;
	size=*) size=$value ;;
	lbs=* | pbs=*) disk_options+=,$word ;;
	also=*) also+=("$value") ;;
	smp=* | mem=*) options+=("--${word%%=*}" "$value") ;;
	bin=*) options+=(--bin "$BUILD/$value") ;;
	ko=*) options+=(--file "$BUILD/$kernel/$value/${value##*/}.ko") ;;
	file=*) options+=(--file "$top/$value") ;;
	allow=*) options+=(--allow-log "$value") ;;
	param=*) options+=(--module-option "$value") ;;
	module=none) options+=(--module none) ;;
	*)
		echo "not ok 1 selftests/ktm/TESTS has an option that nobody knows: $word"
		exit 1
		;;
	esac
done

work=$(mktemp -d) || exit 1
vm_pid=
trap '[ -z "$vm_pid" ] || kill -TERM $vm_pid; wait; rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP

limit=60
while read -r program seconds _; do
	options+=(--bin "$BUILD/selftests/ktm/$program")
	limit=$((limit + seconds))
	# What must come: a program of which nothing is heard has failed.
	echo "##plan $program"
done <"$list"
echo "##plan module"
if [[ $kernel == *-debug ]]; then
	options+=(--env KTM_TEST_SECONDS=720 --env KTM_STRESS=2)
	limit=$((limit + 60))
	echo "##plan leaks"
fi

truncate -s "$size" "$work/journal"
for word in "${also[@]}"; do
	truncate -s "$size" "$work/also-${word%%,*}"
	options+=(--disk "$work/also-${word%%,*},serial=$word")
done
"$top/selftests/vm/vm" run --kernel "$kernel" --name "$name-$kernel" --timeout "$limit" \
	--disk "$work/journal,serial=journal,type=$disk$disk_options" \
	--env KTM_JOURNAL=/dev/disk/ktm/journal --file "$list:/root/tests" \
	--file "$top/selftests/lib/guest-tests.sh" "${options[@]}" \
	-- sh /root/guest-tests.sh &
vm_pid=$!
wait $vm_pid
status=$?
vm_pid=
exit $status
