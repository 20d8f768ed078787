#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=1200 debug if-time
#
# Tests of the harness itself, TAP on standard output: a harness that lets a
# failure pass would make every other test worth nothing.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

BUILD=${BUILD:-$PWD/build}
read -ra kernels <<<"${KERNELS:-6.1 6.12}"
work=$(mktemp -d "${TMPDIR:-/tmp}/ktm-vm-check.XXXXXX") || exit 1
# What the harness calls temporary is ours to look at.
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
trap 'rm -rf "$work"' EXIT

count=0
failed=0
verdict() {
	local name=$1

	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		head -qn 20 "$work/err" "$work/output" 2>/dev/null | sed 's/^/# /'
		echo "not ok $count - $name"
		failed=1
	fi
}

# Is a machine of ours still there? They all carry our directory in their words.
machines_left() {
	grep -lsz "$work" /proc/[0-9]*/cmdline 2>/dev/null | while read -r file; do
		tr '\0' ' ' 2>/dev/null <"$file" | grep '^qemu-system'
	done
}

# status_is N [OPTION]... -- COMMAND...: the harness ends with N, and with
# nothing left behind.
status_is() {
	local want=$1 got

	shift
	selftests/vm/vm run --kernel "$kernel" --console "$work/console" \
		"$@" >"$work/output" 2>"$work/err" </dev/null
	got=$?
	[ -z "$(machines_left)" ] || { echo "# QEMU is still there"; return 1; }
	[ -z "$(ls -A "$TMPDIR")" ] || { echo "# $TMPDIR is not empty"; return 1; }
	[ $got -eq "$want" ] || { echo "# status $got instead of $want"; return 1; }
}
plain=(--module none --timeout 120)

says() {
	grep -qs -- "$1" "$work/output"
}

status_passed_on() {
	status_is 0 "${plain[@]}" -- true && status_is 7 "${plain[@]}" -- sh -c 'exit 7'
}

right_kernel() {
	status_is 0 "${plain[@]}" -- uname -r &&
		says "^$(scripts/kernels.sh "$kernel" | cut -d' ' -f3)\$"
}

words_arrive() {
	local odd="it's \$HOME \"quoted\" \\ *"

	# shellcheck disable=SC2016
	status_is 0 "${plain[@]}" --env "ODD=$odd" -- \
		sh -c 'printf "%s|%s\n" "$ODD" "$1"' sh "$odd" &&
		[ "$(cat "$work/output")" = "$odd|$odd" ]
}

output_is_exact() {
	# More than any buffer on the way holds, and not one byte else.
	status_is 0 "${plain[@]}" -- seq 1 60000 && seq 1 60000 | cmp -s - "$work/output"
}

files_in_and_out() {
	mkdir -p "$work/dir/sub" "$work/out"
	head -c 300000 /dev/urandom >"$work/dir/sub/data"
	echo file >"$work/file"
	status_is 0 "${plain[@]}" --dir "$work/dir:/root/dir" --file "$work/file" \
		--file "$work/file:/etc/other" --out "$work/out" -- \
		sh -c 'cp dir/sub/data /out/data && cmp file /etc/other && cat file' &&
		says '^file$' && cmp -s "$work/dir/sub/data" "$work/out/data"
}

program_with_libraries() {
	status_is 0 "${plain[@]}" --bin "$(command -v objdump):/bin/host-objdump" -- \
		host-objdump --version && says '^GNU objdump'
}

disks_by_name() {
	local type options=()

	for type in virtio nvme scsi; do
		truncate -s 8M "$work/$type.img"
		options+=(--disk "$work/$type.img,type=$type,serial=my-$type")
	done
	# shellcheck disable=SC2016
	status_is 0 "${plain[@]}" "${options[@]}" -- sh -c \
		'for t in virtio nvme scsi; do echo $t >/dev/disk/ktm/my-$t; done; sync' || return 1
	for type in virtio nvme scsi; do
		[ "$(head -n 1 "$work/$type.img" | tr -d '\0')" = $type ] || return 1
	done
}

snapshot_keeps_the_image() {
	echo before >"$work/snap.img"
	truncate -s 8M "$work/snap.img"
	status_is 0 "${plain[@]}" --disk "$work/snap.img,serial=snap,snapshot=on" -- \
		sh -c 'echo after >/dev/disk/ktm/snap; sync' &&
		[ "$(head -n 1 "$work/snap.img")" = before ]
}

log_records() {
	truncate -s 8M "$work/logged.img"
	status_is 0 "${plain[@]}" --disk "$work/logged.img,serial=logged,log=$work/log" -- \
		sh -c 'echo recorded >/dev/disk/ktm/logged; sync' &&
		grep -qa recorded "$work/log" && grep -qa recorded "$work/logged.img"
}

timeout_kills() {
	status_is 124 --module none --timeout 25 -- sh -c 'echo begun; sleep 1000' &&
		says '^begun$' && grep -q 'not done after 25 seconds' "$work/err" &&
		grep -q 'sysrq: Show Blocked State' "$work/console"
}

# A QEMU in front of the real one in PATH: its first $1 machines say $2, and stand still then.
standing_still() {
	mkdir -p "$work/still"
	rm -f "$work/still/starts"
	cat >"$work/still/qemu-system-x86_64" <<-END
		#!/bin/bash
		echo start >>"$work/still/starts"
		if [ \$(wc -l <"$work/still/starts") -le $1 ]; then
			echo "[    1.0] nothing more" >"$work/console"
			for word; do
				[[ \$word != *id=status,* ]] || printf '%s' "${2:-}" >"\${word##*path=}"
			done
			exec sleep 1000
		fi
		exec $(command -v qemu-system-x86_64) "\$@"
	END
	chmod +x "$work/still/qemu-system-x86_64"
}

# started N STATUS OPTION...: with that QEMU the harness ends so, after N starts.
started() {
	PATH=$work/still:$PATH status_is "$2" "${@:3}" &&
		[ "$(wc -l <"$work/still/starts")" -eq "$1" ]
}

boots_again() {
	standing_still 1 && started 2 7 "${plain[@]}" --boot-limit 40 -- sh -c 'exit 7' &&
		grep -q 'not booted after 40 seconds; booting again' "$work/err" &&
		grep -q 'the last it said: .*nothing more' "$work/err"
}

boots_three_times() {
	standing_still 9 && started 3 125 "${plain[@]}" --boot-limit 2 -- true &&
		grep -q 'not booted after 2 seconds, 3 times' "$work/err" &&
		started 6 125 --module none --timeout 1 -- true
}

# What hangs with what is tested in it is never given a second chance.
not_again_when_booted() {
	standing_still 9 $'booted\n' && started 1 124 --module none --timeout 4 --boot-limit 2 -- true &&
		! grep -q 'booting again' "$work/err"
}

hangs_in_the_module() {
	standing_still 0 && started 1 124 --module "$(trouble)" --module-option kind=stuck \
		--timeout 45 -- true && grep -q 'not done after 45 seconds' "$work/err"
}

not_started() {
	status_is 125 "${plain[@]}" --qemu -no-such-option -- true &&
		status_is 125 "${plain[@]}" --disk "$work/absent" -- true &&
		status_is 125 --module "$work/absent.ko" -- true &&
		status_is 125 "${plain[@]}" --file "$work/absent" -- true
}

module_refused() {
	echo 'no module' >"$work/bad.ko"
	status_is 125 --timeout 120 --module "$work/file" -- true
}

trouble_seen() {
	status_is 126 --timeout 120 --module "$(trouble)" --module-option "kind=$1" -- \
		sh -c 'echo the command itself is content' &&
		grep -q "$2" "$work/err"
}

no_trouble() {
	status_is 0 --timeout 120 --module "$(trouble)" -- true &&
		status_is 0 --timeout 120 --module "$(trouble)" --module-option kind=error \
			--allow-log 'that was asked for' -- true
}

rcu_stall_is_seen() {
	status_is 126 "${plain[@]}" -- \
		sh -c 'echo "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:" >/dev/kmsg'
}

# start OPTION...: a machine in the background that has begun its command.
start() {
	local tries=0

	# What the machine before said is not taken for this one's: a signal that reaches
	# the shell just forked, before it is the harness, runs our trap in it.
	rm -f "$work/pid" "$work/output"
	selftests/vm/vm run --kernel "$kernel" "${plain[@]}" --console "$work/console" \
		--pidfile "$work/pid" -- sh -c 'echo begun; sleep 1000' \
		>"$work/output" 2>"$work/err" </dev/null &
	harness=$!
	until says '^begun$'; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		sleep 0.1
	done
}

killed_from_outside() {
	start || return 1
	kill -KILL "$(cat "$work/pid")"
	wait $harness
	[ $? -eq 123 ] && [ -z "$(machines_left)" ] && [ -z "$(ls -A "$TMPDIR")" ]
}

signal_cleans_up() {
	start || return 1
	kill -"$1" $harness
	wait $harness
	[ $? -eq "$2" ] && [ -z "$(machines_left)" ] && [ -z "$(ls -A "$TMPDIR")" ]
}

dead_harness_takes_qemu_along() {
	local tries=0

	start || return 1
	kill -KILL $harness
	wait $harness 2>/dev/null
	while [ -n "$(machines_left)" ]; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || return 1
		sleep 0.1
	done
	rm -rf "${TMPDIR:?}"/*
}

# Of the kernel that the next machine boots.
trouble() {
	echo "$BUILD/selftests/vm/$kernel/trouble.ko"
}

build_trouble() {
	local dir headers

	dir=$(dirname "$(trouble)")
	headers=$(scripts/kernels.sh "$kernel" | cut -d' ' -f2)/headers
	mkdir -p "$dir" && cp selftests/vm/trouble/* "$dir/" &&
		make -s -C "$headers" M="$dir" W=1 CONFIG_DEBUG_INFO_BTF_MODULES= modules \
			>"$work/output" 2>"$work/err"
}

# What only a kernel built for it can tell.
leak_seen() {
	status_is 126 --timeout 300 --module "$(trouble)" --module-option kind=leak -- \
		sh -c 'rmmod trouble; sleep 6; for i in 1 2; do
			echo scan >/sys/kernel/debug/kmemleak; done' &&
		grep -q 'kmemleak: ' "$work/err"
}

debug_kernel() {
	verdict "$kernel: a module for the tests builds" build_trouble
	verdict "$kernel: a warning in the log fails the run" trouble_seen warn 'WARNING: '
	verdict "$kernel: an expected one does not" no_trouble
	verdict "$kernel: a use of freed memory fails the run" \
		trouble_seen freed 'KASAN: .*use-after-free'
	verdict "$kernel: so do locks that are taken in two orders" \
		trouble_seen order 'possible circular locking'
	verdict "$kernel: so does a pointer of RCU's without its lock" \
		trouble_seen rcu 'suspicious RCU usage'
	verdict "$kernel: so does a sleep under a spinlock" \
		trouble_seen sleep 'sleeping function called'
	verdict "$kernel: so does a broken list" trouble_seen list 'list_del corruption'
	verdict "$kernel: so does forgotten memory" leak_seen
}

# Booting again is for what ended before anything was started, and for that breakpoint only.
boots_again_for() {
	printf '%s\n' "$@" >"$work/console"
	(. selftests/vm/scan-log.sh && tripped_over_patching "$work/console")
}
only_early_breakpoints() {
	boots_again_for '[ 1.1] Oops: int3: 0000 [#1] PREEMPT SMP' '[ 1.1] Modules linked in:' &&
		! boots_again_for '[ 9.1] Oops: int3: 0000 [#1]' '[ 9.1] Modules linked in: ktm(OE)' &&
		! boots_again_for '[ 1.1] Oops: 0000 [#1] PREEMPT SMP' '[ 1.1] Modules linked in:' &&
		! boots_again_for '[ 9.1] ktm: loading out-of-tree module'
}
verdict "a machine is booted again for nothing else" only_early_breakpoints

for kernel in "${kernels[@]}"; do
	if [[ $kernel == *-debug ]]; then
		debug_kernel
		continue
	fi
	verdict "$kernel: the command's status is the harness's" status_passed_on
	verdict "$kernel: it is the kernel that was asked for" right_kernel
	verdict "$kernel: output comes whole and nothing else" output_is_exact
	verdict "$kernel: disks of each kind have their names" disks_by_name
	verdict "$kernel: a module for the tests builds" build_trouble
	verdict "$kernel: a warning in the log fails the run" trouble_seen warn 'WARNING: '
	verdict "$kernel: so does a crash of the kernel" trouble_seen oops 'kernel BUG at'
	verdict "$kernel: so does an error of ktm's" trouble_seen error 'ktm: an error'
	verdict "$kernel: an expected one does not" no_trouble
	verdict "$kernel: files go in and come out" files_in_and_out
done

# The rest is the harness alone, whichever stock kernel.
kernel=${kernels[0]}
if [[ $kernel == *-debug ]]; then
	echo "1..$count"
	exit $failed
fi
verdict "words arrive as they are" words_arrive
verdict "a program brings its libraries" program_with_libraries
verdict "a disk with snapshot=on keeps its image" snapshot_keeps_the_image
verdict "a disk with log= records its writes" log_records
verdict "a machine that takes too long is ended, and says what was blocked" timeout_kills
verdict "a machine that stands still in its boot is booted again" boots_again
verdict "one that never boots is said to, after three times" boots_three_times
verdict "one that has booted is not booted again" not_again_when_booted
verdict "nor one in which the module does not come to be loaded" hangs_in_the_module
verdict "a machine that cannot start is said to be" not_started
verdict "so is a module that does not load" module_refused
verdict "a stall report fails the run" rcu_stall_is_seen
verdict "a QEMU killed from outside is told from a failure" killed_from_outside
verdict "a harness that is terminated takes QEMU along" signal_cleans_up TERM 143
verdict "so does one that is hung up" signal_cleans_up HUP 129
verdict "and one that is killed" dead_harness_takes_qemu_along

echo "1..$count"
exit $failed
