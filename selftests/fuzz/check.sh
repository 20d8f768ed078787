#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=1200 if-time
#
# A fixed number of devices, mutated from what simulated runs leave and from what the
# module wrote in a machine, is opened for reading and for writing by the journal's core under
# the sanitizers (fuzz_journal.c says what has to hold). A device that breaks something is
# kept, see the end. Each patch of faults/ takes away what keeps that so, and must be noticed.
#
# Usage: check.sh [RUNS [SEED]]

set -u
set -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$top/build}
out=$BUILD/selftests/fuzz
read -ra kernels <<<"${KERNELS:-6.1 6.12}"
runs=${1:-40000} seed=${2:-${KTM_SEED:-1}}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

echo "TAP version 13"
faults=("$here"/faults/*.patch)
echo "1..$((5 + ${#faults[@]}))"
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

# What the module writes, step by step.
mkdir "$work/corpus" "$work/written"
"$top/selftests/vm/vm" run --kernel "${kernels[0]}" --name fuzz-written --bin "$out/written" \
	--out "$work/written" -- written >"$work/log" 2>&1
failed=$?
[ $failed -eq 0 ] || sed 's/^/# /' "$work/log"
images=("$work"/written/*)
[ $failed -eq 0 ] && [ ${#images[@]} -ge 30 ]
result $? "1 - the module writes journals: ${#images[@]}"

tried=0 violations=0
for image in "${images[@]}"; do
	tried=$((tried + 1))
	/usr/bin/python3 "$here/../reader/reader.py" "$image" >"$work/ours" 2>"$work/said"
	"$BUILD/userspace/ktmctl/ktmctl" journal dump --json "$image" >"$work/theirs" 2>>"$work/said"
	if ! /usr/bin/python3 "$here/../reader/compare.py" "$work/ours" "$work/theirs" >>"$work/said" ||
	   ! "$BUILD/userspace/ktmctl/ktmctl" journal check "$image" >>"$work/said" 2>&1; then
		violations=$((violations + 1))
		echo "# ${image##*/}:"
		sed 's/^/#   /' "$work/said"
	fi
done
echo "campaign written_journals: tried=$tried violations=$violations seed=0"
result "$violations" "2 - both readers say the same of them, and ktmctl finds nothing wrong"

# As they are, all seeds can be opened.
taken=$("$out/seeds" "$work/corpus" 60 "${images[@]}") || exit 1
"$out/fuzz_journal" -runs=0 "$work/corpus" >"$work/log" 2>&1
read -r opened _ _ < <(counts "$work/log")
echo "# ${opened:-0} can be opened, $taken of them the module's"
[ "${opened:-0}" -ge $((60 + taken)) ] && [ "$taken" -ge 30 ]
result $? "3 - what runs leave can be opened"

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
result "$failed" "4 - no device breaks what has to hold"

# Behind the checksums: journals that are whole in every byte, and say what cannot be.
read -r opened refused replayed < <(counts "$work/log")
echo "# ${opened:-0} opened, ${refused:-0} refused for what records say, ${replayed:-0} records"
[ "${opened:-0}" -gt $((runs / 100)) ] && [ "${refused:-0}" -gt $((runs / 100)) ]
result $? "5 - it gets behind the checksums"

# Says why not if the fault stays unnoticed. The first device that shows it ends the run.
notices() {
	local tree=$work/tree

	rm -rf "$tree" "$work/found" "$work/mutants"
	mkdir -p "$tree/selftests" "$tree/userspace" "$work/found" "$work/mutants"
	cp -r "$top/kernel" "$top/uapi" "$tree/"
	cp -r "$top/userspace/common" "$tree/userspace/"
	cp -r "$top/selftests/core" "$here" "$tree/selftests/"
	if ! patch -d "$tree" -p1 --fuzz=0 <"$1" >"$work/log" 2>&1 ||
	   ! make -C "$tree/selftests/fuzz" BUILD="$work/built" \
		"$work/built/selftests/fuzz/fuzz_journal" >"$work/log" 2>&1; then
		sed 's/^/#   /' "$work/log"
		return 1
	fi
	"$out/seeds" "$work/mutants" 60 "${images[@]}" >"$work/log"
	! "$work/built/selftests/fuzz/fuzz_journal" -runs=$((5 * runs)) -seed="$seed" -timeout=60 \
		-rss_limit_mb=0 -artifact_prefix="$work/found/" "$work/mutants" >"$work/log" 2>&1
}

n=5
for fault in "${faults[@]}"; do
	n=$((n + 1))
	notices "$fault"
	result $? "$n - $(basename "$fault" .patch) is noticed"
done
exit $status
