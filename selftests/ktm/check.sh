#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=7200 debug if-time
#
# Planted faults: each patch in faults/ breaks the module, or a driver in samples/, in
# one way, and each test that its line "# noticed-by: PROGRAM TEST..." names must then fail in the machine.
# A fault that stays unnoticed fails. Those with a line "# kernel: debug" are for the
# debug kernel. With a line "# report: REGEX" besides, the tests may pass: it is the
# kernel that notices, while they run or when the module goes after them, and its
# log must have the report. A test has 30 seconds, or those of a line "# seconds: N". TAP on
# standard output.
#
# Usage: check.sh [PATTERN]...	only the patches whose names match

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/selftests/lib/share.sh"
export BUILD=${BUILD:-$top/build}
# One kernel of each sort is enough, and those of a sort that this run leaves out
# are left to one that has it.
stock='' debug=''
for kernel in ${KERNELS:-6.1}; do
	case $kernel in
	*-debug) debug=${debug:-$kernel} ;;
	*) stock=${stock:-$kernel} ;;
	esac
done
# With processors for that, faults are tried in two lanes side by side.
lanes=1
[ "$(nproc)" -lt 4 ] || lanes=2
tmp=$(mktemp -d) || exit 1
lanes_pid=
trap '[ -z "$lanes_pid" ] || { kill -TERM "$lanes_pid"; wait "$lanes_pid"; } 2>/dev/null
	rm -rf "$tmp"' EXIT
trap 'exit 143' TERM INT HUP

# What a make around us said about its own jobs is not for the makes below.
unset MAKEFLAGS MFLAGS MAKELEVEL

wanted() {
	local pattern

	[ $# -gt 1 ] || return 0
	for pattern in "${@:2}"; do
		# shellcheck disable=SC2053
		[[ $1 == $pattern ]] && return 0
	done
	return 1
}

# Of the drivers in samples/, which are built again for this only.
is_in_samples() {
	grep -q '^+++ b/samples/' "$1"
}

# A tree with the fault in it, built for one kernel. The tree is the same for all of a lane,
# so that only what this fault and the one before it change is compiled. Sparse has
# seen the sources already.
planted=
build() {
	local tree=$work/tree

	if [ -n "$planted" ]; then
		patch -d "$tree" -p1 -R <"$planted" || rm -rf "$tree"
		planted=
	fi
	if [ ! -d "$tree" ]; then
		mkdir -p "$tree"
		cp -r "$top/Kbuild" "$top/kernel" "$top/uapi" "$top/scripts" "$top/samples" "$tree/"
	fi
	if ! patch -d "$tree" -p1 --fuzz=0 <"$1"; then
		rm -rf "$tree"
		return 1
	fi
	planted=$1
	"$tree/scripts/build-module.sh" "$kernel" "$tree/out-$kernel" || return
	! is_in_samples "$1" ||
		"$tree/scripts/build-module.sh" "$kernel" "$tree/out-$kernel" samples
}

# Says why not if the fault stays unnoticed.
noticed() {
	local program tests report seconds samples=$BUILD/$kernel/samples

	read -r program tests < <(sed -n 's/^# noticed-by: *//p' "$1")
	report=$(sed -n 's/^# report: *//p' "$1")
	seconds=$(sed -n 's/^# seconds: *//p' "$1")
	if [ -z "$tests" ]; then
		echo "# its line 'noticed-by' names no program and test"
		return 1
	fi
	if ! build "$1" >"$work/log" 2>&1; then
		echo "# the patch does not apply, or what it makes does not compile:"
		tail -n 20 "$work/log" | sed 's/^/#   /'
		return 1
	fi
	! is_in_samples "$1" || samples=$work/tree/out-$kernel/samples
	echo "$program 200 $tests" >"$work/tests"
	thrice tests_notice "$(basename "$1" .patch)"
}

# One machine with the tests that must fail. A test that hangs is ended soon: here that,
# too, is a way to fail.
vm_pid=
tests_notice() {
	local test missing=

	rm -f "$work/journal"
	truncate -s 64M "$work/journal"
	"$top/selftests/vm/vm" run --kernel "$kernel" --name "fault-$1" --timeout 300 \
		--module "$work/tree/out-$kernel/ktm.ko" --disk "$work/journal,serial=journal" \
		--env KTM_JOURNAL=/dev/disk/ktm/journal --env "KTM_TEST_SECONDS=${seconds:-30}" \
		--file "$BUILD/$kernel/ktm_test/ktm_test.ko" \
		--file "$samples/ktm_sample_rm/ktm_sample_rm.ko" \
		--file "$samples/ktm_sample_client/ktm_sample_client.ko" \
		--bin "$BUILD/selftests/ktm/$program" --file "$work/tests:/root/tests" \
		--file "$top/selftests/lib/guest-tests.sh" --console "$work/console" \
		-- sh /root/guest-tests.sh >"$work/log" 2>&1 &
	vm_pid=$!
	wait $vm_pid
	vm_pid=
	if [ -n "$report" ]; then
		grep -qE "^vm:   .*($report)" "$work/log" && return 0
		echo "# the kernel reported nothing like '$report'"
		tail -n 20 "$work/log" | sed 's/^/#   /'
		return 1
	fi
	for test in $tests; do
		grep -qE "^not ok [0-9]+ $test\$" "$work/log" && continue
		# It hung so that its program could not end it, and was killed.
		grep -q "^##end $program 137\$" "$work/log" &&
			! grep -qE "^ok [0-9]+ $test\$" "$work/log" && continue
		# The kernel's own report of the trouble ends the machine.
		grep -qE '^vm:.*kernel log has a report of trouble' "$work/log" && continue
		missing+=" $test"
	done
	[ -n "$missing" ] || return 0
	echo "# passed all the same:$missing"
	tail -n 20 "$work/log" | sed 's/^/#   /'
	return 1
}

kernel_for() {
	if grep -q '^# kernel: debug' "$1"; then
		echo "$debug"
	else
		echo "$stock"
	fi
}

# Lane N: whatever no lane has taken yet. Says of each fault that it has been tried.
lane() {
	local i status

	trap '[ -z "$vm_pid" ] || kill -TERM "$vm_pid"; wait; exit 143' TERM
	work=$tmp/lane-$1
	mkdir "$work" || exit 1
	for i in "${!faults[@]}"; do
		mkdir "$tmp/$i" 2>/dev/null || continue
		if ! in_time; then
			echo late >"$tmp/$i/status"
			echo "$i"
			continue
		fi
		kernel=$(kernel_for "${faults[i]}")
		noticed "${faults[i]}" >"$tmp/$i/said"
		status=$?
		echo $status >"$tmp/$i/status"
		echo "$i"
	done
}

all_lanes() {
	local pids=() n

	trap 'kill -TERM "${pids[@]}" 2>/dev/null; wait; exit 143' TERM
	for ((n = 0; n < lanes; n++)); do
		lane "$n" &
		pids+=($!)
	done
	wait
}

faults=()
for patch in "$here"/faults/*.patch; do
	wanted "$(basename "$patch" .patch)" "$@" || continue
	[ -n "$(kernel_for "$patch")" ] || continue
	in_share || continue
	faults+=("$patch")
done

echo "TAP version 13"
exec {tried}< <(all_lanes)
lanes_pid=$!
count=0 failed=0
for i in "${!faults[@]}"; do
	# At the end of what the lanes say, no status is a failure.
	until [ -s "$tmp/$i/status" ]; do
		read -r -u "$tried" _ || break
	done
	status=$(cat "$tmp/$i/status")
	if [ "$status" = late ]; then
		share_late=$((share_late + 1))
		continue
	fi
	cat "$tmp/$i/said"
	name=$(basename "${faults[i]}" .patch)
	count=$((count + 1))
	if [ "$status" = 0 ]; then
		echo "ok $count - $name is noticed"
	else
		failed=$((failed + 1))
		echo "not ok $count - $name is noticed"
	fi
done
share_end
echo "1..$count"
[ $count -gt 0 ] && [ $failed -eq 0 ]
