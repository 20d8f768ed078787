#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=900
#
# The document is enough to write a reader: reader.py, which was written from it alone,
# and ktmctl say the same of the same journals, record by record, damaged ones too.

set -u
set -o pipefail

export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${BUILD:-$(cd "$here/../.." && pwd)/build}
ktmctl=$BUILD/userspace/ktmctl/ktmctl
seed=${KTM_SEED:-1} count=${KTM_IMAGES:-120}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

echo "TAP version 13"
echo "1..3"
status=0
result() {
	if [ "$1" -eq 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		status=1
	fi
}

mkdir "$work/images"
"$BUILD/selftests/reader/images" "$work/images" "$count" "$seed" || exit 1

tried=0 violations=0 records=0 tails=0 faults=0
for image in "$work"/images/*; do
	tried=$((tried + 1))
	/usr/bin/python3 "$here/reader.py" "$image" >"$work/ours" 2>"$work/err" || cat "$work/err"
	"$ktmctl" journal dump --json "$image" >"$work/theirs" 2>/dev/null
	if /usr/bin/python3 "$here/compare.py" "$work/ours" "$work/theirs" >"$work/said" 2>&1; then
		read -r _ n end <"$work/said"
		records=$((records + n))
		[ "$end" = tail ] && tails=$((tails + 1))
		[ "$end" = fault ] && faults=$((faults + 1))
	else
		violations=$((violations + 1))
		echo "# image ${image##*/} of seed $seed:"
		sed 's/^/# /' "$work/said"
	fi
done
echo "campaign journal_reader: tried=$tried violations=$violations seed=$seed"
echo "# $records records; $tails journals whole, $faults refused"
result "$violations" "1 - both readers say the same of $tried journals"
[ "$records" -gt "$tried" ] && [ "$tails" -gt 0 ] && [ "$faults" -gt 0 ]
result $? "2 - there were records, whole journals and damaged ones"

# A comparison that cannot fail says nothing: one number in one record is noticed.
"$ktmctl" journal dump --json "$work/images/1" >"$work/theirs" 2>/dev/null
sed '/"kind":"record"/s/"flags":/"flags":1/' "$work/theirs" >"$work/ours"
! /usr/bin/python3 "$here/compare.py" "$work/ours" "$work/theirs" >/dev/null
result $? "3 - what differs is noticed"
exit $status
