#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of ktm-cut on the host: hand-made logs, and logs that QEMU's own
# blklogwrites filter recorded. TAP on standard output.
#
# What a cut may leave is judged by cut-judge, which knows the rule and none of
# the tool's choices; a test below shows that it does find illegal states.
# SEED=n changes the seeds that are tried.

set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${BUILD:-$here/../../build}/cut
seed=${SEED:-1}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

count=0
failed=0

ok()
{
	count=$((count + 1))
	echo "ok $count - $1"
}

not_ok()
{
	count=$((count + 1))
	failed=$((failed + 1))
	echo "not ok $count - $1"
	[ -s err ] && sed 's/^/# /' err
}

# verdict NAME COMMAND...: the test passes when the command succeeds.
verdict()
{
	local name=$1

	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}

cut_disk()	# SEED LOG OUT [OPTION...]
{
	local s=$1 log=$2 out=$3

	shift 3
	"$bin/ktm-cut" apply --seed "$s" "$@" base "$log" "$out" >cut.txt 2>err
}

# refused NAME WORDS COMMAND...: it must fail, and say these words.
refused()
{
	local name=$1 words=$2

	shift 2
	: >err
	"$@" >out.txt 2>err
	if [ $? -eq 1 ] && grep -q -- "$words" err; then ok "$name"; else not_ok "$name"; fi
}

stat_is()	# LOG NAME VALUE
{
	"$bin/ktm-cut" stat "$1" 2>err | grep -qx "$2 $3"
}

same_as_zero()	# FILE OFFSET LENGTH
{
	cmp -s -n "$3" -i "$2:0" "$1" /dev/zero
}

# The disk of most tests: 1 MiB that is not all zeroes.
{
	head -c 65536 /dev/zero | tr '\0' '\252'
	head -c 983040 /dev/zero
} >base

# ---- each rule by itself

printf 'w 0 8 1\nw 8 8 2\nf\nw 16 8 3\n' | "$bin/mklog" one.log
drop_all_keeps_flushed()
{
	cut_disk 1 one.log out --policy drop-all &&
	printf 'w 0 8 1\nw 8 8 2\n' | "$bin/mklog" flushed.log &&
	"$bin/ktm-cut" apply --seed 1 --policy keep-all base flushed.log want >/dev/null &&
	cmp -s out want && ! cmp -s out base
}
verdict "what a flush covers is there, what it does not cover can be lost" drop_all_keeps_flushed

keep_all_is_what_qemu_left()
{
	cut_disk 1 one.log out --policy keep-all &&
	"$bin/cut-judge" base one.log out | grep -q "^kept 1 lost 0 torn 0 older 0 illegal 0"
}
verdict "keep-all applies every write" keep_all_is_what_qemu_left

entries_counts()
{
	cut_disk 1 one.log out --policy keep-all --entries 1 &&
	"$bin/ktm-cut" truncate one.log 1 first.log &&
	"$bin/ktm-cut" apply --seed 1 --policy keep-all base first.log want >/dev/null &&
	cmp -s out want && stat_is first.log entries 1 && stat_is first.log claimed 1 &&
	cut_disk 1 one.log out --policy drop-all --entries 2 && cmp -s out base
}
verdict "--entries K and truncate both end the log after K entries" entries_counts

printf 'w 0 8 1\npre 8 8 2\n' | "$bin/mklog" pre.log
preflush_covers_what_came_before()
{
	cut_disk 1 pre.log out --policy drop-all &&
	"$bin/cut-judge" base pre.log out | grep -q "^kept 0 lost 1 torn 0 older 0 illegal 0"
}
verdict "a flush that carries data covers what came before it and not that data" \
	preflush_covers_what_came_before

printf 'w 0 8 1\nfua 4 8 2\nw 8 8 3\n' | "$bin/mklog" fua.log
fua_is_durable_alone()
{
	local s

	cut_disk 1 fua.log out --policy drop-all &&
	same_as_zero out 65536 983040 &&
	"$bin/cut-judge" base fua.log out | grep -q "^kept 0 lost 2 torn 0 older 0 illegal 0" ||
		return 1
	for s in $(seq "$seed" $((seed + 99))); do
		cut_disk "$s" fua.log out && "$bin/cut-judge" base fua.log out >/dev/null || return 1
	done
}
verdict "a write with FUA is durable, by itself, and no older write undoes it" fua_is_durable_alone

printf 'd 0 8\nf\nd 8 8\n' | "$bin/mklog" discard.log
discard_kept_or_lost()
{
	local s seen_kept=0 seen_lost=0

	for s in $(seq "$seed" $((seed + 39))); do
		cut_disk "$s" discard.log out && same_as_zero out 0 4096 || return 1
		if same_as_zero out 4096 4096; then
			seen_kept=1
		elif cmp -s -n 4096 -i 4096 out base; then
			seen_lost=1
		else
			return 1
		fi
	done
	[ $seen_kept$seen_lost = 11 ]
}
verdict "a flushed discard is there, another is kept or lost as a whole" discard_kept_or_lost

# ---- the choices

# Three batches of overlapping writes, the last one without a flush.
{
	for i in $(seq 1 10); do echo "w $((i * 4)) 8 $i"; done
	echo f
	for i in $(seq 11 20); do echo "w $((i * 4)) 16 $i"; done
	echo "mark between"
	echo f
	for i in $(seq 21 40); do echo "w $(((i * 7) % 64)) $((i % 9 + 1)) $i"; done
	echo "d 30 4"
} | "$bin/mklog" many.log

cut_campaign()	# NAME LOG TRIES
{
	local s tried=0 violations=0 fates

	: >verdicts
	for s in $(seq "$seed" $((seed + $3 - 1))); do
		tried=$((tried + 1))
		if ! cut_disk "$s" "$2" out || ! "$bin/cut-judge" base "$2" out >>verdicts; then
			violations=$((violations + 1))
		fi
	done
	fates=$(awk '$1 == "kept" { k += $2; l += $4; t += $6; o += $8 }
		     END { print (k > 0) (l > 0) (t > 0) (o > 0) }' verdicts)
	echo "campaign $1: tried=$tried violations=$violations seed=$seed"
	[ $violations -eq 0 ] && [ "$fates" = 1111 ]
}
verdict "any seed leaves a state that a disk may be in, and every fate comes up" \
	cut_campaign cut-by-hand many.log 300

for i in 1 2 3 4 5 6; do echo "w $((i * 16)) 8 $i"; done | "$bin/mklog" disjoint.log
extremes_come_up()
{
	local s

	for s in $(seq "$seed" $((seed + 199))); do
		cut_disk "$s" disjoint.log out && "$bin/cut-judge" base disjoint.log out || return 1
	done >verdicts
	awk '$2 == 0 && $6 == 0 { none++ }
	     $2 == 6 { all++ }
	     $2 == 1 && $4 == 5 { one++ }
	     END { exit !(none && all && one) }' verdicts
}
verdict "so do the extremes: all lost, all kept, all but one lost" extremes_come_up

# Writes of 8 KiB, the last of which does not begin where a physical block does.
for i in 1 2 3; do echo "w $((i * 32)) 16 $i"; done | cat - <(echo "w 132 16 4") |
	"$bin/mklog" blocks.log

# Of each block of 8 sectors: the last write touches 4 of the first and the third.
changed_as_blocks()
{
	cmp -l base out | awk '
		{ if (!seen[int(($1 - 1) / 512)]++) count[int(($1 - 1) / 4096)]++ }
		END {
			for (b in count)
				if (count[b] != (b == 16 || b == 18 ? 4 : 8))
					exit 1
		}'
}

blocks_stay_whole()
{
	local s torn=0

	for s in $(seq "$seed" $((seed + 99))); do
		cut_disk "$s" blocks.log out --sector 4096 && changed_as_blocks &&
			"$bin/cut-judge" base blocks.log out >verdicts || return 1
		! grep -q "torn [1-9]" verdicts || torn=$((torn + 1))
	done
	[ $torn -gt 20 ] || return 1
	# Without the option the same seeds do tear blocks.
	for s in $(seq "$seed" $((seed + 99))); do
		cut_disk "$s" blocks.log out || return 1
		changed_as_blocks || return 0
	done
	return 1
}
verdict "with --sector 4096 a write tears at physical blocks only" blocks_stay_whole

same_seed_same_bits()
{
	local s

	for s in 0 1 7 18446744073709551615; do
		cut_disk $s many.log out && cut_disk $s many.log again && cmp -s out again || return 1
	done
	# Written down once: what seed 7 means must not change by accident.
	cut_disk 7 many.log out &&
	[ "$(sha256sum <out)" = "$(cat "$here/many-seed-7.sha256")" ]
}
verdict "the same seed and log give the same bits, today and later" same_seed_same_bits

seeds_differ()
{
	local s

	for s in $(seq 1 50); do
		cut_disk "$s" many.log out && sha256sum <out
	done | sort -u | wc -l | { read -r n; [ "$n" -gt 35 ]; }
}
verdict "different seeds give different states" seeds_differ

disks_are_independent()
{
	local s differ=0

	for s in $(seq 1 20); do
		"$bin/ktm-cut" apply --seed "$s" base many.log o1 base many.log o2 >/dev/null 2>err ||
			return 1
		cut_disk "$s" many.log out && cmp -s out o1 || return 1
		cmp -s o1 o2 || differ=$((differ + 1))
	done
	[ $differ -gt 15 ]
}
verdict "two disks of one call get choices of their own" disks_are_independent

judge_sees_a_lost_flush()
{
	# The fault: the power-cut tool forgets the second flush.
	{
		for i in $(seq 1 10); do echo "w $((i * 4)) 8 $i"; done
		echo f
		for i in $(seq 11 20); do echo "w $((i * 4)) 16 $i"; done
	} | "$bin/mklog" broken.log
	cut_disk 1 broken.log out --policy drop-all || return 1
	"$bin/cut-judge" base many.log out >/dev/null
	[ $? -eq 1 ]
}
verdict "the judge finds a state that lost what was flushed" judge_sees_a_lost_flush

judge_sees_foreign_data()
{
	cut_disk 1 many.log out --policy keep-all || return 1
	printf x | dd of=out bs=1 seek=900000 conv=notrunc status=none
	"$bin/cut-judge" base many.log out >/dev/null
	[ $? -eq 1 ]
}
verdict "the judge finds data that nobody wrote" judge_sees_foreign_data

# ---- logs that were cut off, and what is no log

printf 'w 0 8 1\nf\nw 8 8 2\n' | "$bin/mklog" whole.log
torn_entry_left_out()
{
	local size full keep

	full=$(stat -c %s whole.log)
	for keep in 1 511 512 513 4000; do
		size=$((full - 4608 + keep))
		cp whole.log torn.log && truncate -s $size torn.log
		stat_is torn.log entries 2 && stat_is torn.log torn-bytes "$keep" &&
			cut_disk 1 torn.log out --policy keep-all &&
			same_as_zero out 65536 983040 && cmp -s -n 4096 -i 4096 out base || return 1
	done
	truncate -s $((full - 4608)) torn.log
	stat_is torn.log entries 2 && stat_is torn.log torn-bytes 0
}
verdict "an incomplete last entry is left out, wherever it ends" torn_entry_left_out

count_is_not_trusted()
{
	cp whole.log lagging.log
	printf '\001' | dd of=lagging.log bs=1 seek=16 conv=notrunc status=none
	stat_is lagging.log claimed 1 && stat_is lagging.log entries 3
}
verdict "entries are read to the end of the file, whatever the superblock counts" \
	count_is_not_trusted

printf 'w 0 8 1\nhole 9\nf\nw 8 8 2\nhole 1\n' | "$bin/mklog" hole.log
hole_skipped()
{
	stat_is hole.log entries 3 && stat_is hole.log holes 2 &&
	cut_disk 1 hole.log out --policy keep-all && cut_disk 1 whole.log want --policy keep-all &&
	cmp -s out want
}
verdict "the hole of a request under way hides nothing behind it" hole_skipped

empty_is_no_write()
{
	: >empty.log
	stat_is empty.log entries 0 && cut_disk 1 empty.log out && cmp -s out base || return 1
	cp whole.log early.log
	dd if=/dev/zero of=early.log bs=512 count=1 conv=notrunc status=none
	stat_is early.log entries 3
}
verdict "an empty log is no write; a superblock that did not make it is done without" \
	empty_is_no_write

printf 'w 0 1 1\nf\nw 1 2 2\n' | "$bin/mklog" big.log 4096
big_sectors()
{
	stat_is big.log bytes 12288 && cut_disk 1 big.log out --policy keep-all &&
	"$bin/cut-judge" base big.log out | grep -q "^kept 1 .* illegal 0"
}
verdict "the sector size is the superblock's" big_sectors

head -c 8192 /dev/urandom >junk
refused "random bytes are refused" "not a block log: the superblock's magic" cut_disk 1 junk out
rm -f out
cut_disk 1 junk out
verdict "and leave no image behind" test ! -e out
printf 'w 0 8 1\njunk 3\n' | "$bin/mklog" bad.log
refused "junk behind an entry is refused" "unknown flags (at byte 5120)" cut_disk 1 bad.log out
printf 'entry 0 0 0x20 0\n' | "$bin/mklog" bad.log
refused "unknown flags are refused" "unknown flags" cut_disk 1 bad.log out
printf 'entry 0xffffffffffffff 8 0 0\n' | "$bin/mklog" bad.log
refused "a range that wraps is refused" "does not fit any disk" cut_disk 1 bad.log out
printf 'entry 8 0 0 0\n' | "$bin/mklog" bad.log
refused "an entry that does nothing is refused" "does nothing" cut_disk 1 bad.log out
printf 'entry 8 8 4 77\n' | "$bin/mklog" bad.log
refused "a text on what is not a mark is refused" "not a mark" cut_disk 1 bad.log out
printf 'w 2040 8 1\n' | "$bin/mklog" end.log
verdict "the last sectors of the disk can be written" cut_disk 1 end.log out --policy keep-all
printf 'w 2041 8 1\n' | "$bin/mklog" beyond.log
refused "a write beyond the disk is refused" "entry 0 reaches to byte" cut_disk 1 beyond.log out
refused "more entries than there are is refused" "has 3 entries, not 4" \
	cut_disk 1 whole.log out --entries 4
refused "a missing log is an error" "No such file" cut_disk 1 absent.log out
refused "the base is not overwritten" "is the base image itself" \
	"$bin/ktm-cut" apply --seed 1 base whole.log base
usage_errors()
{
	local args

	for args in "" "apply base whole.log out" "apply --seed 1 base whole.log" \
		    "apply --seed -1 base whole.log out" "apply --seed 1 --policy x base whole.log out" \
		    "apply --seed 1 --sector 1000 base whole.log out" \
		    "apply --seed 1 --all --entries 1 base whole.log out" "list" "stat" "mend x"; do
		# shellcheck disable=SC2086
		"$bin/ktm-cut" $args >/dev/null 2>err
		[ $? -eq 2 ] && [ -s err ] || return 1
	done
}
verdict "wrong usage exits 2 with a message" usage_errors

sparse_stays_sparse()
{
	truncate -s 1G huge
	printf 'w 2000000 8 1\nf\nw 100 8 2\nd 1000000 1000000\n' | "$bin/mklog" huge.log
	"$bin/ktm-cut" apply --seed 1 --policy keep-all huge huge.log out >/dev/null 2>err || return 1
	[ "$(stat -c %s out)" -eq 1073741824 ] && [ "$(stat -c %b out)" -lt 1024 ]
}
verdict "holes of a large image stay holes" sparse_stays_sparse

# ---- logs of the real recorder

qemu_log()	# LOG COMMAND...: runs qemu-io commands on a copy of base, recorded in LOG
{
	local log=$1 args=() c

	shift
	cp base disk
	: >"$log"
	for c in "$@"; do args+=(-c "$c"); done
	qemu-io -t writeback --image-opts "${args[@]}" \
		"driver=blklogwrites,log-super-update-interval=1,file.driver=file,file.filename=disk,log.driver=file,log.filename=$log" \
		>qemu.txt 2>err
}

qemu_replays()
{
	# qemu-io flushes once more when it closes the disk.
	qemu_log qemu.log "write -P 1 0 8k" flush "write -P 2 4k 12k" "write -z 64k 4k" \
		"discard 32k 4k" "write -f -P 3 128k 4k" || return 1
	cut_disk 1 qemu.log out --policy keep-all && cmp -s out disk || return 1
	"$bin/ktm-cut" list qemu.log >list.txt && grep -q '^1 flush$' list.txt &&
		grep -q 'write at 4096 length 12288' list.txt &&
		grep -q 'discard at 32768 length 4096' list.txt
}

qemu_cut()
{
	local n i commands=()

	for i in $(seq 1 30); do
		commands+=("write -P $i $((i * 3 % 40))k 4k")
		[ "$i" -eq 12 ] && commands+=(flush)
	done
	qemu_log qemu.log "${commands[@]}" || return 1
	n=$("$bin/ktm-cut" list qemu.log | awk '/flush/ { f = $1 } END { print f }')
	"$bin/ktm-cut" truncate qemu.log "$n" qemu-cut.log && stat_is qemu-cut.log flushes 1 &&
		stat_is qemu-cut.log unflushed 18 && cut_campaign cut-of-qemu qemu-cut.log 100
}

if command -v qemu-io >/dev/null; then
	verdict "a log that QEMU wrote repeats what QEMU did" qemu_replays
	verdict "cuts of a log that QEMU wrote are legal" qemu_cut
else
	for i in "a log that QEMU wrote repeats what QEMU did" "cuts of a log that QEMU wrote are legal"; do
		count=$((count + 1))
		echo "ok $count - $i # SKIP qemu-io is not installed"
	done
fi

# ---- a machine that loses its power

# The machine writes one block after the other, each synced, and says so.
machine_script='
i=0
dd if=/dev/zero of=/tmp/block bs=4096 count=1 2>/dev/null
while [ $i -lt 250 ]; do
	i=$((i + 1))
	echo "block $i" | dd of=/tmp/block conv=notrunc 2>/dev/null
	dd if=/tmp/block of=/dev/disk/ktm/cut bs=4096 seek=$i conv=notrunc,fsync 2>/dev/null
	echo "synced $i"
done
echo "came to its end"'

# Everything that was said before the power went is output of the machine, and
# what it said is synced must be there whatever the seed loses.
vm_cut()
{
	local line pid fd s i tried=0 violations=0 said=0

	head -c 2097152 /dev/zero >vm.base
	cp vm.base vm.img
	exec {fd}< <(exec "$here/../vm/vm" run --kernel 6.1 --module none --timeout 120 --name cut \
		--disk vm.img,serial=cut,log=vm.log,flush=slow --pidfile vm.pid \
		-- sh -c "$machine_script" 2>err)
	pid=$!
	while read -r -t 180 -u "$fd" line; do
		case $line in
		'synced '*) said=${line#synced } said=${said%$'\r'} ;;
		*) return 1 ;;
		esac
		[ "$said" -ne $((40 + seed % 60)) ] || stop_power "$(cat vm.pid)" || return 1
	done
	exec {fd}<&-
	wait "$pid"
	[ $? -eq 123 ] && [ "$said" -ge 40 ] && [ "$said" -lt 250 ] || return 1

	for s in $(seq "$seed" $((seed + 19))); do
		tried=$((tried + 1))
		if ! "$bin/ktm-cut" apply --seed "$s" vm.base vm.log out >cut.txt 2>err ||
		   ! "$bin/cut-judge" vm.base vm.log out >/dev/null; then
			violations=$((violations + 1))
			continue
		fi
		for i in $(seq 1 "$said"); do
			IFS= read -r line < <(tail -c +$((i * 4096 + 1)) out) &&
				[ "$line" = "block $i" ] && continue
			violations=$((violations + 1))
			break
		done
	done 2>/dev/null
	echo "campaign cut-of-a-machine: tried=$tried violations=$violations seed=$seed"
	[ $violations -eq 0 ]
}
. "$here/power.sh"
verdict "what a machine was told is synced survives the loss of its power" vm_cut

echo "1..$count"
exit $((failed != 0))
