#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=60
#
# Tests of what judges tests: tap.awk, which counts what they say, share.sh, which chooses
# planted faults, and the runner. Each failure that is missed here is one that no gate sees.
# TAP on standard output.

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/share.sh"

count=0 failed=0
is() {
	local name=$1 want=$2 got=$3

	count=$((count + 1))
	if [ "$got" = "$want" ]; then
		echo "ok $count - $name"
	else
		echo "# '$got' instead of '$want'"
		echo "not ok $count - $name"
		failed=1
	fi
}

# counts NAME "PASSED FAILED SKIPPED" STATUS LINE...: of an entry that said that and ended so
counts() {
	local name=$1 want=$2 status=$3

	shift 3
	is "$name" "$want" "$(printf '%s\n' "$@" |
		awk -v status="$status" -v name=entry -f "$here/tap.awk" | head -n 1)"
}

echo "TAP version 13"

# ---- one document ----

counts "all is well" "2 0 0" 0 "TAP version 13" "1..2" "ok 1 a" "ok 2 b"
counts "a plan may come last" "1 0 0" 0 "ok 1 a" "1..1"
counts "a failure" "1 1 0" 1 "1..2" "ok 1 a" "not ok 2 b"
counts "a failure whose program ended well" "1 1 0" 0 "1..2" "ok 1 a" "not ok 2 b"
counts "a skipped test is not a passed one" "1 0 1" 0 "1..2" "ok 1 a" "ok 2 b # SKIP why"
counts "nor is one that may fail" "0 1 0" 0 "1..1" "not ok 1 a # TODO later"
counts "even if it does not" "0 1 0" 0 "1..1" "ok 1 a # TODO later"
counts "a test that is missing" "1 1 0" 0 "1..2" "ok 1 a"
counts "one too many" "2 1 0" 0 "1..1" "ok 1 a" "ok 2 b"
counts "no plan" "1 1 0" 0 "ok 1 a"
counts "two plans" "1 1 0" 0 "1..1" "ok 1 a" "1..1"
counts "nothing at all" "0 1 0" 0 ""
counts "nothing, and it was skipped" "0 0 1" 4 ""
counts "a program that ends badly behind its tests" "1 1 0" 139 "1..1" "ok 1 a"
counts "one that took too long" "1 1 0" 124 "1..2" "ok 1 a"
counts "one that gave up" "1 2 0" 1 "1..2" "ok 1 a" "Bail out! no disk"
counts "subtests do not count" "1 0 0" 0 "1..1" "    1..2" "    ok 1 x" "    not ok 2 y" "ok 1 a"
counts "lines of a serial console" "1 0 0" 0 $'1..1\r' $'ok 1 a\r'
counts "a campaign" "1 0 0" 0 "1..1" "campaign c: tried=9 violations=0 seed=1" "ok 1 a"
counts "one that was violated" "1 1 0" 0 "1..1" "campaign c: tried=9 violations=1 seed=1" "ok 1 a"
counts "one that tried nothing" "1 1 0" 0 "1..1" "campaign c: tried=0 violations=0 seed=1" "ok 1 a"
counts "one that says nothing" "1 1 0" 0 "1..1" "campaign c: done" "ok 1 a"

# ---- those of a machine ----

machine=("##plan a" "##plan b" "##run a" "1..1" "ok 1 x" "##end a 0")
counts "two programs" "2 0 0" 0 "${machine[@]}" "##run b" "1..1" "ok 1 x" "##end b 0"
counts "one of them has failed" "1 1 0" 0 "${machine[@]}" "##run b" "1..1" "not ok 1 x" "##end b 1"
counts "one was not run" "1 1 0" 0 "${machine[@]}"
counts "one did not end" "2 1 0" 0 "${machine[@]}" "##run b" "1..1" "ok 1 x"
counts "one ended badly" "2 1 0" 0 "${machine[@]}" "##run b" "1..1" "ok 1 x" "##end b 1"
counts "the machine did not begin" "0 3 0" 125 "##plan a" "##plan b"
counts "the machine ended badly" "2 1 0" 126 "${machine[@]}" "##run b" "1..1" "ok 1 x" "##end b 0"

# ---- shares of planted faults ----

# Numbers of 20 faults that are begun.
begun() {
	local n numbers=()

	share_seen=0 share_left=0 share_begun=0 share_late=0
	for n in {0..19}; do
		in_share && in_time && numbers+=("$n")
	done
	echo "${numbers[*]}"
	share_end
}
unset KTM_FAULT_SHARE KTM_UNTIL KTM_TURN
all=$(echo {0..19})
is "without a share all are tried" "$all" "$(begun)"
is "a share says what it leaves" "3 9 15
# 17 of 20 planted faults are left to make check and other landings" "$(KTM_FAULT_SHARE=3/6 begun)"
is "each is in one share" "$all" "$(for k in {0..5}; do
	KTM_FAULT_SHARE=$k/6 begun | head -n 1
done | tr ' ' '\n' | sort -n | paste -sd ' ')"
is "where time is left they are begun" "$all" "$(KTM_UNTIL=$((EPOCHSECONDS + 1000)) begun)"
is "where none is left, only the first" "3
# this machine had no time for 2 planted faults of its share
# 19 of 20 planted faults are left to make check and other landings" \
	"$(KTM_FAULT_SHARE=3/6 KTM_UNTIL=1 begun)"

# succeeds_at N COUNT: at the N-th time, told by the file COUNT.
succeeds_at() {
	echo >>"$2"
	[ "$(wc -l <"$2")" -ge "$1" ]
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tries=$work/tries
for n in 1 2 3 4; do
	: >"$tries"
	thrice succeeds_at $n "$tries" >/dev/null
	is "what succeeds at try $n" "$((n > 3)) $((n > 3 ? 3 : n))" "$? $(wc -l <"$tries")"
done

: >"$tries"
hopeless() {
	echo >>"$1"
	return 3
}
thrice hopeless "$tries"
is "what cannot succeed is tried once" "3 1" "$? $(wc -l <"$tries")"

# ---- the runner, in a tree of its own ----

mkdir -p "$work/tree/selftests/core" "$work/build/selftests/core"
cp -r "$here" "$here/../run" "$work/tree/selftests/"
while read -r name words; do
	echo "$name $words" >>"$work/tree/selftests/core/TESTS"
	printf '#!/bin/sh\necho 1..1\necho ok 1 $*\n' >"$work/build/selftests/core/$name"
	chmod +x "$work/build/selftests/core/$name"
done <<END
quick
long timeout=900 with two
campaign if-time timeout=800
other timeout=700 if-time
third if-time timeout=600 and this
END

# runs [VARIABLE=VALUE]...: the runner's status, and the lines that say what it ran
runs() {
	local status

	env BUILD="$work/build" KERNELS=none KTM_JOBS=1 "$@" "$work/tree/selftests/run" core \
		>"$work/out" 2>"$work/begun"
	status=$?
	tail -n 1 "$work/out"
	sed -n 's,^# starting core/,,p' "$work/begun" | paste -sd ' '
	return $status
}
later=$((EPOCHSECONDS + 1000))
is "all is run, the long ones first" "5 passed, 0 failed, 0 skipped
long quick campaign other third" "$(runs)"
is "with their arguments" "ok 1
ok 1 and this
ok 1 with two" "$(grep -h ^ok "$work"/build/logs/core-{quick,third,long}.log | sort)"
is "while there is time, too" "5 passed, 0 failed, 0 skipped
long quick campaign other third" "$(runs KTM_UNTIL=$later KTM_TURN=0)"
is "each time another one begins" "5 passed, 0 failed, 0 skipped
long quick third campaign other" "$(runs KTM_UNTIL=$later KTM_TURN=5)"
is "what may be left is left when the time is out" "2 passed, 0 failed, 3 skipped
long quick" "$(runs KTM_UNTIL=1)"
is "and that is said" "#   core/campaign #   core/other #   core/third" \
	"$(sed -n '/had no time/,/^[^#]/s/^#   /&/p' "$work/out" | paste -sd ' ')"

echo 'echo 1..1; echo not ok 1' >"$work/build/selftests/core/quick"
is "one fails" "4 passed, 1 failed, 0 skipped
long quick campaign other third
1" "$(runs; echo $?)"
echo 'exec sleep 1000' >"$work/build/selftests/core/quick"
sed -i 's/^quick/& timeout=1/' "$work/tree/selftests/core/TESTS"
is "one hangs" "4 passed, 1 failed, 0 skipped
long quick campaign other third
1" "$(runs; echo $?)"
: >"$work/tree/selftests/core/TESTS"
is "there is nothing" "0 passed, 1 failed, 0 skipped

1" "$(runs; echo $?)"

echo "1..$count"
exit $failed
