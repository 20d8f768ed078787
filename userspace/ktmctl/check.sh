#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run: timeout=300
#
# ktmctl without the module: what format makes and what it refuses; what is found in a journal. TAP.

set -uo pipefail

export LC_ALL=C.UTF-8
export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$top/build}
ktmctl=$BUILD/userspace/ktmctl/ktmctl
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

count=0
failed=0

check() {
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >log 2>&1; then
		echo "ok $count $name"
	else
		sed 's/^/# /' log
		echo "not ok $count $name"
		failed=1
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2"
}

# expect CODE PATTERN COMMAND...: the exit code, and a line of what is printed.
expect() {
	local code=$1 pattern=$2 output status

	shift 2
	output=$("$@" 2>&1)
	status=$?
	echo "$output"
	echo "exit code $status"
	[ $status -eq "$code" ] && grep -qE -- "$pattern" <<<"$output"
}

# The same, and the file is as it was.
refuses() {
	local file=$1 before

	shift
	before=$(sha256sum <"$file")
	expect 1 "$@" || return 1
	[ "$before" = "$(sha256sum <"$file")" ]
}

guid='[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

usage() {
	local some=5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be

	expect 2 'which command' "$ktmctl" &&
		expect 2 'no command' "$ktmctl" frobnicate &&
		expect 2 'no command' "$ktmctl" format a &&
		expect 2 'format' "$ktmctl" journal &&
		expect 2 'nothing to do with' "$ktmctl" journal frobnicate &&
		expect 2 'which device' "$ktmctl" journal check &&
		expect 2 'which device' "$ktmctl" journal check a b &&
		expect 2 'unknown option' "$ktmctl" journal check --json a &&
		expect 2 'which device' "$ktmctl" journal stat &&
		expect 2 'unknown option' "$ktmctl" journal stat --xml a &&
		expect 2 'which device' "$ktmctl" journal dump &&
		expect 2 'unknown option' "$ktmctl" journal dump --xml a &&
		expect 2 'no GUID' "$ktmctl" journal dump --uow 7 a &&
		expect 2 'no LSN' "$ktmctl" journal dump --from -1 a &&
		expect 2 'no LSN' "$ktmctl" journal dump --from 99999999999999999999 a &&
		expect 2 "no stream's id" "$ktmctl" journal dump --stream x a &&
		expect 2 'which device' "$ktmctl" journal format &&
		expect 2 'which device' "$ktmctl" journal format a b &&
		expect 2 'unknown option' "$ktmctl" journal format --nonsense a &&
		expect 2 'no size' "$ktmctl" journal format --size 12Q a &&
		expect 2 'no size' "$ktmctl" journal format --size 99999999T a &&
		expect 2 'no GUID' "$ktmctl" journal format --tm-guid 1 a &&
		expect 2 'no mode' "$ktmctl" start --mode 8 a &&
		expect 2 'no mode' "$ktmctl" start --mode 40000000600 a &&
		expect 2 'no virtual clock' "$ktmctl" start --until 0 a &&
		expect 2 'no virtual clock' "$ktmctl" recover --until -1 1 &&
		expect 2 'no virtual clock' "$ktmctl" recover --until ' -1' 1 &&
		expect 2 'no virtual clock' "$ktmctl" recover --until 99999999999999999999 1 &&
		expect 2 'no GUID' "$ktmctl" recover 1 &&
		expect 2 'no GUID' "$ktmctl" offline 1 &&
		expect 2 'which transaction manager' "$ktmctl" offline &&
		expect 2 'no GUID' "$ktmctl" rename --tm-guid 1 a &&
		expect 2 'no GUID' "$ktmctl" rename --tm-guid 00000000-0000-0000-0000-000000000000 a &&
		expect 2 'which device' "$ktmctl" rename &&
		expect 2 'which transaction manager, which stream' "$ktmctl" delete-stream &&
		expect 2 'which transaction manager, which stream' "$ktmctl" delete-stream "$some" &&
		expect 2 'which transaction manager, which stream' "$ktmctl" delete-stream "$some" a b &&
		expect 2 'delete-stream: unknown option --all' "$ktmctl" delete-stream --all "$some" a &&
		expect 2 'no GUID' "$ktmctl" delete-stream --force 1 a &&
		expect 2 'empty name' "$ktmctl" delete-stream "$some" '' &&
		expect 2 'no time' "$ktmctl" freeze --for 0 &&
		expect 2 'no time' "$ktmctl" freeze --for 61 &&
		expect 2 'no time' "$ktmctl" freeze --wait -1 &&
		expect 2 'no time' "$ktmctl" freeze --wait ' -18446744073709551615' &&
		expect 2 'no time' "$ktmctl" freeze --wait '' &&
		expect 2 'no arguments' "$ktmctl" freeze now &&
		expect 2 'no arguments' "$ktmctl" thaw now &&
		expect 2 'no arguments' "$ktmctl" status now &&
		expect 2 '^ktmctl: journal check: unknown option --nonsense$' \
			"$ktmctl" journal check --nonsense a &&
		expect 2 '^ktmctl: journal stat: unknown option -x$' "$ktmctl" journal stat -x a &&
		expect 2 '^ktmctl: journal dump: --uow wants a value$' "$ktmctl" journal dump --uow &&
		expect 2 '^ktmctl: status: --json=yes: it takes no value$' "$ktmctl" status --json=yes &&
		expect 2 'which transaction manager' "$ktmctl" offline -- --help &&
		expect 0 'ktmctl journal format' "$ktmctl" --help &&
		expect 0 'ktmctl journal format' "$ktmctl" journal --help &&
		expect 0 'ktmctl journal format' "$ktmctl" journal check -h &&
		expect 0 'ktmctl journal format' "$ktmctl" help &&
		expect 0 'interface [0-9]+ .* journals of version [0-9]+$' "$ktmctl" --version
}

copies_equal() {
	[ "$(stat -c %s new)" -eq $((16 << 20)) ] &&
		[ "$(head -c 8 new)" = KTMJRNL1 ] &&
		cmp <(head -c 4096 new) <(tail -c 4096 new)
}

told_guid() {
	local wanted=5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be

	expect 0 "transaction manager $wanted" \
		"$ktmctl" journal format --size 4M --tm-guid $wanted named &&
		refuses named "journal, transaction manager $wanted, made" "$ktmctl" journal format named
}

different_each_time() {
	"$ktmctl" journal format --force new && head -c 4096 new >first
	"$ktmctl" journal format --force new && ! cmp -s first <(head -c 4096 new)
}

too_small() {
	truncate -s 100K small
	refuses small 'too small for a journal .at least [0-9]+ KiB' "$ktmctl" journal format small &&
		expect 1 'too small' "$ktmctl" journal format --size 10K unmade && [ ! -e unmade ]
}

# A damaged journal is still somebody's.
damaged() {
	local place

	for place in 100 3000; do
		cp new damaged
		printf x | dd of=damaged bs=1 seek=$place conv=notrunc status=none
		refuses damaged 'damaged ktm journal' "$ktmctl" journal format damaged || return 1
	done
	cp new damaged
	dd if=/dev/zero of=damaged bs=4096 count=1 conv=notrunc status=none
	refuses damaged 'damaged ktm journal' "$ktmctl" journal format damaged
}

# The second copy of one that has grown is found by the signpost; a file system comes first.
grown_and_damaged() {
	"$ktmctl" journal format --size 4M grown && truncate -s 32M grown &&
		dd if=/dev/zero of=grown bs=4096 count=1 conv=notrunc status=none &&
		refuses grown 'damaged ktm journal' "$ktmctl" journal format grown &&
		dd if=/dev/zero of=grown bs=4096 seek=1023 count=1 conv=notrunc status=none &&
		refuses grown 'no kind that is known' "$ktmctl" journal format grown &&
		"$ktmctl" journal format --force --size 4M grown &&
		printf data | dd of=grown conv=notrunc status=none &&
		refuses grown 'no kind that is known' "$ktmctl" journal format grown
}

file_system() {
	truncate -s 32M ext4
	mkfs.ext4 -q -L mydata ext4 &&
		refuses ext4 'ext4 named "mydata"; nothing was changed' "$ktmctl" journal format ext4 &&
		expect 0 'held ext4' "$ktmctl" journal format --force ext4 &&
		refuses ext4 'a ktm journal' "$ktmctl" journal format ext4
}

# The signature of a CD lies where the journal writes nothing at first.
old_signature() {
	truncate -s 32M cd
	printf '\1CD001\1' | dd of=cd bs=1 seek=32768 conv=notrunc status=none
	refuses cd 'holds iso9660' "$ktmctl" journal format cd &&
		expect 0 'held iso9660' "$ktmctl" journal format --force cd &&
		[ -z "$(blkid -p -o value -s TYPE cd)" ]
}

# One Linux partition from sector 2048, in the form that DOS gave it.
partition_table() {
	truncate -s 32M table
	printf '\200\0\1\0\203\0\1\0\0\10\0\0\0\100\0\0' |
		dd of=table bs=1 seek=446 conv=notrunc status=none
	printf '\125\252' | dd of=table bs=1 seek=510 conv=notrunc status=none
	refuses table 'partition table .dos.' "$ktmctl" journal format table
}

raw_data() {
	truncate -s 8M front back
	printf data | dd of=front bs=1 seek=60000 conv=notrunc status=none
	printf data | dd of=back bs=1 seek=$(((8 << 20) - 4)) conv=notrunc status=none
	refuses front 'no kind that is known' "$ktmctl" journal format front &&
		refuses back 'no kind that is known' "$ktmctl" journal format back
}

in_use() {
	truncate -s 8M locked
	(
		flock 9
		refuses locked 'in use by another program' "$ktmctl" journal format --force locked
	) 9>>locked
}

not_a_device() {
	mkfifo fifo
	expect 1 'neither a block device' "$ktmctl" journal format --force /dev/null &&
		expect 1 'neither a block device' "$ktmctl" journal format --force . &&
		expect 1 'neither a block device' timeout 10 "$ktmctl" journal format --force fifo &&
		expect 1 'does not exist' "$ktmctl" journal format nothing &&
		expect 1 'No such file|Not a directory' "$ktmctl" journal format --size 4M nothing/there &&
		[ ! -e nothing ]
}

lost_output() {
	local status

	"$ktmctl" --help >/dev/full
	"$ktmctl" journal format --size 4M unseen >/dev/full
	status=$?
	echo "exit code $status"
	[ $status -eq 1 ]
}

no_module() {
	expect 1 'load the module' "$ktmctl" status &&
		expect 1 'load the module' "$ktmctl" status --json &&
		expect 1 'load the module' "$ktmctl" start new &&
		expect 1 'load the module' "$ktmctl" rename new &&
		expect 1 'load the module' "$ktmctl" offline 5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be &&
		expect 1 'load the module' "$ktmctl" delete-stream 5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be a &&
		expect 1 'load the module' "$ktmctl" freeze &&
		expect 1 'load the module' "$ktmctl" thaw &&
		expect 1 'load the module' "$ktmctl" recover 5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be
}

# shellcheck source=check/journal.sh
. "$here/check/journal.sh"
exec 3>&1

echo "TAP version 13"
check "ktmctl builds" make --no-print-directory -C "$here" all
check "wrong usage is exit code 2 and says what is wrong" usage
check "format makes a file and tells its GUID" \
	expect 0 "^new is the journal of transaction manager $guid$" "$ktmctl" journal format --size 16M new
check "both superblocks are there and equal" copies_equal
check "it tells how many transactions fit" \
	expect 0 'room for [1-9][0-9]* open transactions' "$ktmctl" journal format --size 16M again
check "the GUID may be chosen, and is found again" told_guid
check "no two journals are the same" different_each_time
check "what is too small is refused, and no file is left" too_small
check "a journal is not overwritten" refuses new 'a ktm journal' "$ktmctl" journal format new
check "nor is a damaged one" damaged
check "nor is one that has grown and lost its first superblock" grown_and_damaged
check "a file system is named and not overwritten without --force" file_system
check "no signature of an old one is left to be mistaken for it" old_signature
check "a partition table is named" partition_table
check "data of an unknown kind, in front or at the end, is seen" raw_data
check "a file that is in use is refused, forced or not" in_use
check "what is no device is refused" not_a_device
check "output that is lost is no success" lost_output
journal_tests
if [ -e /dev/ktm ]; then
	skip "without the module it says so" "the module is loaded here"
else
	check "without the module it says so" no_module
fi
echo "1..$count"
exit $failed
