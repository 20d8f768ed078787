#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=2400 if-time
#
# Power cuts under the module: transactions on a disk whose writes are recorded,
# then many states that a cut may leave of it, each recovered by the module and judged.
# README.md says how. TAP on standard output.
#
# Usage: check.sh				all
#	 check.sh --repeat DIRECTORY STATE	one state of a run that was saved
#
# KTM_CRASH_STATES	states per recording (150)
# KTM_CRASH_NATIVE	states per recording that are recovered without the module (25000)
# KTM_CRASH_TRANSACTIONS	transactions per recording (1300)
# KTM_CRASH_SEED	of all choices (1)
# KTM_CRASH_FAULTS	names of the planted faults to try; "none"; all of them by default

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/selftests/lib/share.sh"
export BUILD=${BUILD:-$top/build}
read -ra kernels <<<"${KERNELS:-6.1 6.12}"
states=${KTM_CRASH_STATES:-150}
native=${KTM_CRASH_NATIVE:-25000}
transactions=${KTM_CRASH_TRANSACTIONS:-1300}
seed=${KTM_CRASH_SEED:-1}
bin=$BUILD/selftests/crash

# The journal is small, so that its ring goes round, and the disk has room for marks behind it. On a
# RAM disk it is a partition: a second one, as large, takes the record of a recovery.
journal_start=$((1 << 20))
journal_bytes=$((1 << 20))
ram_bytes=$((4 << 20))

# Of the states recovered natively so many are read by both readers of the format, too.
read_states=8

# What a make around us said about its own jobs is not for the makes below.
unset MAKEFLAGS MFLAGS MAKELEVEL

# In a machine: the last journal may take a moment to be given up.
unload='{ for i in $(seq 300); do rmmod ktm 2>/dev/null && exit 0; sleep 0.1; done; rmmod ktm; }'

# What the module has to say when the disk fails.
failing='journal on .* is offline: error'

# Run in a machine: KERNEL MODULE NAME [OPTION]... -- COMMAND; its process is ours to end.
vm_pid=
vm() {
	local status

	"$top/selftests/vm/vm" run --kernel "$1" --module "$2" --name "$3" \
		--timeout $((300 + 3 * states)) "${@:4}" &
	vm_pid=$!
	wait $vm_pid
	status=$?
	vm_pid=
	return $status
}

# Record a run of HOW on KERNEL with MODULE into DIRECTORY. From "outside" QEMU records
# a virtio disk, which has a cache and no FUA; "inside" dm-log-writes records an NVMe disk,
# which has FUA ("inside4k": a scsi disk with FUA and sectors of 4 KiB). "steady": the disk never fails. At
# the end the module must unload.
record() {
	local how=$1 kernel=$2 module=$3 dir=$4 steady=${5:-} count type=nvme

	rm -rf "$dir"
	mkdir -p "$dir" || return 1
	echo "$how" >"$dir/how"
	echo "$kernel" >"$dir/kernel"
	truncate -s $journal_bytes "$dir/base" &&
		"$BUILD/userspace/ktmctl/ktmctl" journal format "$dir/base" >/dev/null || return 1
	if [ "$how" = outside ]; then
		truncate -s 32M "$dir/disk" &&
			dd if="$dir/base" of="$dir/disk" bs=$journal_start seek=1 conv=notrunc \
				status=none || return 1
		vm "$kernel" "$module" "crash-$how" --allow-log "$failing" --bin "$bin/crash-workload" \
			--disk "$dir/disk,serial=crash,log=$dir/log,flush=slow" \
			-- sh -c "modprobe -a dm_mod dm_flakey && crash-workload outside /dev/disk/ktm/crash \
				$journal_start:$journal_bytes $transactions $seed $steady && $unload" ||
			return 1
	else
		[ "$how" != inside4k ] || type=scsi,lbs=4096,pbs=4096
		cp "$dir/base" "$dir/disk" && truncate -s 128M "$dir/log.disk" || return 1
		vm "$kernel" "$module" "crash-$how" --allow-log "$failing" --bin "$bin/crash-workload" \
			--disk "$dir/disk,serial=crash,flush=slow,type=$type" \
			--disk "$dir/log.disk,serial=log" -- sh -c \
			"modprobe -a dm_log_writes dm_flakey && crash-workload inside /dev/disk/ktm/crash \
				/dev/disk/ktm/log $transactions $seed $steady && $unload" || return 1
		count=$("$BUILD/cut/ktm-cut" stat "$dir/log.disk" | awk '/^claimed/ { print $2 }') &&
			"$BUILD/cut/ktm-cut" truncate "$dir/log.disk" "$count" "$dir/log" ||
			return 1
	fi
	rm -f "$dir/disk" "$dir/log.disk"
}

# Recover the run in DIRECTORY with MODULE. The machine's disks are RAM; and so that
# hundreds of journals can be closed in a minute, it does not wait for grace periods at leisure.
recover() {
	local dir=$1 module=$2 part=

	shift 2
	[ "$(cat "$dir/how")" != outside ] || part="--part $journal_start:$journal_bytes"
	vm "$(cat "$dir/kernel")" "$module" crash-check --bin "$bin/crash-check" \
		--file "$dir/base:/root/base" --file "$dir/log:/root/log" -- sh -c \
		"echo 1 >/sys/kernel/rcu_expedited && modprobe dm_log_writes &&
		 modprobe brd rd_nr=2 rd_size=$((ram_bytes / 1024)) &&
		 crash-check --base base --record log $part --seed $seed $* && $unload"
}

if [ "${1:-}" = --repeat ] && [ $# -eq 3 ]; then
	recover "$2" "${KTM_CRASH_MODULE:-$BUILD/$(cat "$2/kernel")/ktm.ko}" --only "$3"
	exit
fi
[ $# -eq 0 ] || {
	echo "usage: check.sh [--repeat DIRECTORY AT:SEED[:2]]" >&2
	exit 2
}

tmp=$(mktemp -d) || exit 1
trap '[ -z "$vm_pid" ] || kill -TERM $vm_pid; wait; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM INT HUP
export TMPDIR=$tmp

echo "TAP version 13"
count=0 failed=0
result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		failed=1
	fi
}

# What went wrong with a run is kept, and how to see it again is said.
keep() {
	local dir=$1 log=$2 state

	mkdir -p "$BUILD/crash"
	rm -rf "$BUILD/crash/$(basename "$dir")"
	mv "$dir" "$BUILD/crash/"
	state=$(sed -n 's/^# state \([0-9:]*\): .*/\1/p' "$log" | head -n 1)
	[ -z "$state" ] ||
		echo "# repeat: selftests/crash/check.sh --repeat $BUILD/crash/$(basename "$dir") $state"
}

# The same record, and many more states of it, recovered by the core without the module.
recover_natively() {
	local dir=$1 part=()

	[ "$(cat "$dir/how")" != outside ] || part=(--part $journal_start:$journal_bytes)
	mkdir "$dir/states" &&
		"$bin/crash-native" --base "$dir/base" --record "$dir/log" "${part[@]}" --seed "$seed" \
			--states "$native" --twice 3 --keep $((native / read_states + 1)):"$dir/states"
}

# The module is tried with it all the same.
keep_native() {
	local dir=$1 log=$2 state saved=$BUILD/crash/native-$(basename "$1") part=

	rm -rf "$saved"
	mkdir -p "$BUILD/crash" && cp -r "$dir" "$saved" && rm -rf "$saved/states"
	[ "$(cat "$dir/how")" != outside ] || part=" --part $journal_start:$journal_bytes"
	state=$(sed -n 's/^# state \([0-9:]*\): .*/\1/p' "$log" | head -n 1)
	[ -z "$state" ] || echo "# repeat: $bin/crash-native --base $saved/base --record $saved/log$part --seed $seed --only $state"
}

# What the module wrote, as the document's reader and as ktmctl read it.
read_natively() {
	local dir=$1 image tried=0 violations=0 records=0 n end

	for image in "$dir"/states/*; do
		tried=$((tried + 1))
		/usr/bin/python3 "$top/selftests/reader/reader.py" "$image" >"$tmp/ours"
		"$BUILD/userspace/ktmctl/ktmctl" journal dump --json "$image" >"$tmp/theirs"
		if /usr/bin/python3 "$top/selftests/reader/compare.py" "$tmp/ours" "$tmp/theirs" \
			>"$tmp/said" 2>&1 && read -r _ n end <"$tmp/said" && [ "$end" = tail ]; then
			records=$((records + n))
		else
			violations=$((violations + 1))
			echo "# state ${image##*/}:"
			sed 's/^/#   /' "$tmp/said"
		fi
	done
	echo "campaign module_journal_reader: tried=$tried violations=$violations seed=$seed"
	echo "# $records records"
	[ $violations -eq 0 ] && [ $records -gt $tried ]
}

campaign() {
	local how=$1 kernel=$2 dir=$tmp/$1-$2 status here_tried

	record "$how" "$kernel" "$BUILD/$kernel/ktm.ko" "$dir" >"$tmp/log" 2>&1
	status=$?
	sed 's/^\([^#]\)/# \1/' "$tmp/log"
	result $status "on $kernel, recorded from $how: transactions, closed and killed processes"
	[ $status -eq 0 ] || return
	recover_natively "$dir" >"$tmp/log" 2>&1
	status=$?
	cat "$tmp/log"
	[ $status -eq 0 ] || keep_native "$dir" "$tmp/log"
	here_tried=$(sed -n 's/^campaign .* tried=\([0-9]*\) .*/\1/p' "$tmp/log")
	tried=$((tried + ${here_tried:-0}))
	result $status "on $kernel, recorded from $how: $native power cuts, recovered natively"
	read_natively "$dir"
	result $? "on $kernel, recorded from $how: both readers say the same of what the module wrote"
	rm -rf "$dir/states"
	recover "$dir" "$BUILD/$kernel/ktm.ko" --states "$states" --twice 3 >"$tmp/log" 2>&1
	status=$?
	grep -q '^campaign .* violations=0 ' "$tmp/log" || status=1
	cat "$tmp/log"
	[ $status -eq 0 ] || keep "$dir" "$tmp/log"
	result $status "on $kernel, recorded from $how: recovery after power cuts"
	rm -rf "$dir"
}

tried=0 inside=inside
for kernel in "${kernels[@]}"; do
	campaign outside "$kernel"
	campaign $inside "$kernel"
	inside=inside4k
done
# With both stock kernels 100,000, unless other numbers are asked for.
least=$((2 * ${KTM_CRASH_NATIVE:-25000} * ${#kernels[@]}))
[ "$tried" -ge "$least" ]
result $? "$tried power cuts were recovered natively, of $least at least"

# ---- does it notice mistakes?

tree=$tmp/tree
build_tree() {
	"$tree/scripts/build-module.sh" "${kernels[0]}" "$tree/build" >"$tmp/log" 2>&1
}

# The campaign on a module with one fault must see states that are wrong.
noticed() {
	local patch=$1 how steady

	read -r how steady < <(sed -n 's/^# recorded: //p' "$patch")
	if ! patch -d "$tree" -p1 --fuzz=0 <"$patch" >"$tmp/log" 2>&1 || ! build_tree; then
		echo "# the patch does not apply, or the module does not build:"
		sed 's/^/#   /' "$tmp/log"
		return 1
	fi
	thrice campaign_notices
}

campaign_notices() {
	local line

	if ! record "$how" "${kernels[0]}" "$tree/build/ktm.ko" "$tmp/fault" "$steady" \
		>"$tmp/log" 2>&1; then
		# Who recovers while it is recorded may see it first.
		if grep '^# crash: \(RM [0-9]* \(finds a record\|recovers what\)\|the journal cannot be opened\)' "$tmp/log"; then
			return 0
		fi
		echo "# the run did not come to its end:"
		sed 's/^/#   /' "$tmp/log"
		return 1
	fi
	recover "$tmp/fault" "$tree/build/ktm.ko" --states $((3 * states)) --twice 1 --enough 3 \
		>"$tmp/log" 2>&1
	line=$(grep '^campaign ' "$tmp/log" | tail -n 1)
	grep '^# state ' "$tmp/log" | head -n 2
	# Not as a campaign's line of its own: here violations are what is wanted.
	echo "# with it: ${line:-no campaign line}"
	[[ $line =~ violations=[1-9][0-9]*\ seed= ]]
}

faults=${KTM_CRASH_FAULTS:-$(cd "$here/faults" && echo ./*.patch)}
if [ "$faults" != none ]; then
	mkdir -p "$tree"
	cp -r "$top/Kbuild" "$top/kernel" "$top/uapi" "$top/scripts" "$tree/"
	build_tree || sed 's/^/# /' "$tmp/log"
	for fault in $faults; do
		in_share && in_time || continue
		patch=$here/faults/$(basename "$fault" .patch).patch
		noticed "$patch"
		result $? "$(basename "$patch" .patch) is noticed"
		# Back to what it was, so that only what differs is built again.
		(cd "$top" && cp -r Kbuild kernel uapi "$tree/")
	done
	share_end
fi
echo "1..$count"
[ $failed -eq 0 ]
