#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=1200
#
# A fixed number of devices, mutated from what simulated runs leave, is opened for
# reading and for writing by the journal's core under the sanitizers (fuzz_journal.c says
# what has to hold). A device that breaks something is kept, see the end. Each patch of
# faults/ takes away what keeps that so, and must be noticed.
#
# Usage: check.sh [RUNS [SEED]]

set -u
set -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$top/build}
out=$BUILD/selftests/fuzz
runs=${1:-40000} seed=${2:-${KTM_SEED:-1}}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

echo "TAP version 13"
faults=("$here"/faults/*.patch)
echo "1..$((3 + ${#faults[@]}))"
# What a make around us said about its own jobs is not for the makes below.
unset MAKEFLAGS MFLAGS MAKELEVEL
status=0
result() {
	if [ "$1" -eq 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		status=1
	fi
}

counts() {
	sed -n 's/^opened=\([0-9]*\) refused=\([0-9]*\) replayed=\([0-9]*\)$/\1 \2 \3/p' "$1"
}

# As they are, all seeds can be opened.
mkdir "$work/corpus"
"$out/seeds" "$work/corpus" 60 || exit 1
"$out/fuzz_journal" -runs=0 "$work/corpus" >"$work/log" 2>&1
read -r opened _ _ < <(counts "$work/log")
[ "${opened:-0}" -ge 60 ]
result $? "1 - what runs leave can be opened"

# One line of numbers per second; the rest is of interest when something is wrong.
"$out/fuzz_journal" -runs="$runs" -seed="$seed" -timeout=60 -rss_limit_mb=0 \
	-print_final_stats=1 -artifact_prefix="$out/" "$work/corpus" >"$work/log" 2>&1
failed=$?
tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
violations=0
if [ "$failed" -ne 0 ]; then
	violations=1
	grep -a -m1 -A40 -e '^violation' -e 'ERROR: ' -e 'runtime error' "$work/log" | sed 's/^/# /'
	grep -a 'Test unit written to' "$work/log" | sed 's/^/# /'
fi
echo "campaign fuzz_journal: tried=${tried:-0} violations=$violations seed=$seed"
result "$failed" "2 - no device breaks what has to hold"

# Behind the checksums: journals that are whole in every byte, and say what cannot be.
read -r opened refused replayed < <(counts "$work/log")
echo "# ${opened:-0} opened, ${refused:-0} refused for what records say, ${replayed:-0} records"
[ "${opened:-0}" -gt $((runs / 100)) ] && [ "${refused:-0}" -gt $((runs / 100)) ]
result $? "3 - it gets behind the checksums"

# Says why not if the fault stays unnoticed. The first device that shows it ends the run.
notices() {
	local tree=$work/tree

	rm -rf "$tree" "$work/found" "$work/mutants"
	mkdir -p "$tree/selftests" "$tree/userspace" "$work/found" "$work/mutants"
	cp -r "$top/kernel" "$top/uapi" "$tree/"
	cp -r "$top/userspace/common" "$tree/userspace/"
	cp -r "$top/selftests/core" "$here" "$tree/selftests/"
	if ! patch -d "$tree" -p1 --fuzz=0 <"$1" >"$work/log" 2>&1 ||
	   ! make -C "$tree/selftests/fuzz" BUILD="$work/built" >"$work/log" 2>&1; then
		sed 's/^/#   /' "$work/log"
		return 1
	fi
	"$out/seeds" "$work/mutants" 60
	! "$work/built/selftests/fuzz/fuzz_journal" -runs=$((5 * runs)) -seed="$seed" -timeout=60 \
		-rss_limit_mb=0 -artifact_prefix="$work/found/" "$work/mutants" >"$work/log" 2>&1
}

n=3
for fault in "${faults[@]}"; do
	n=$((n + 1))
	notices "$fault"
	result $? "$n - $(basename "$fault" .patch) is noticed"
done
exit $status
