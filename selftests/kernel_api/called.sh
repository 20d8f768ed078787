#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: called.sh DESCRIBED ELSEWHERE PROGRAMS LOG...
#
# Hold what the exported functions' descriptions say that they may return (DESCRIBED, from
# described.awk) against what they have returned in the machines. On each stock kernel every
# pair of function and errno must have been shown, and no other one; what needs a kernel with
# checks in it, or cannot be brought about, ELSEWHERE has, with the test (of a program whose
# source is in PROGRAMS) that shows it; if that has run, it must have. A test shows pairs by
# "    ok N FUNCTION -ERRNO STATUS" (KTAP of ktm_test.ko) or "# called FUNCTION ERRNO STATUS"
# before its own "ok N TEST"; a line of ELSEWHERE is FUNCTION ERRNO PROGRAM:TEST, or PROGRAM:*
# of one whose tests see to it by themselves, or - and why nobody can show it. Prints TAP; each kernel whose logs there are is a test.

set -uo pipefail
export LC_ALL=C

[ $# -ge 4 ] || {
	echo "usage: called.sh DESCRIBED ELSEWHERE PROGRAMS LOG..." >&2
	exit 1
}
described=$1 elsewhere=$2 programs=$3
shift 3

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# By the names that drivers use: a macro says THIS_MODULE for them.
sed -n 's/^pair \(__\)\{0,1\}\([a-z_0-9]* [A-Z0-9]*\)$/\2/p' "$described" | sort -u >"$work/wanted"
# FUNCTION ERRNO PROGRAM:TEST...
sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$elsewhere" >"$work/lines"
cut -d' ' -f1,2 "$work/lines" | sort >"$work/elsewhere"

count=0 failed=0
result() {
	count=$((count + 1))
	if [ -s "$work/bad" ]; then
		sed 's/^/# /' "$work/bad"
		echo "not ok $count $1"
		failed=1
	else
		echo "ok $count $1"
	fi
	: >"$work/bad"
}

# shown LOG...: FUNCTION ERRNO PROGRAM:TEST, of tests that passed.
shown() {
	awk '
		{ sub(/\r$/, "") }
		$1 == "##run" { program = $2; n = 0; next }
		/^    ok [0-9]+ [a-z_0-9]+ -E[A-Z0-9]+ / { pairs[++n] = $3 " " substr($4, 2) }
		/^# called [a-z_0-9]+ E[A-Z0-9]+ / { pairs[++n] = $3 " " $4 }
		/^ok [0-9]+ / && !/# *[Ss][Kk][Ii][Pp]/ {
			for (i = 1; i <= n; i++)
				print pairs[i], program ":" $3
		}
		/^(not )?ok / { n = 0 }' "$@" | sort -u
}

# Which line of what was shown will do. A program that has each allocation fail meets one of a call
# that makes few of them in most runs, not in all: there that it has met any must do.
shower() {
	if [[ $3 == *:\* ]]; then
		echo "[a-z_0-9]* $2 ${3%\*}.*"
	else
		echo "$1 $2 $3"
	fi
}

declare -A kernels=()
for log; do
	kernel=$(sed -n 's/.*vm-\([0-9.]*[0-9]\(-debug\)\{0,1\}\)-.*/\1/p' <<<"${log##*/}")
	[ -z "$kernel" ] || kernels[$kernel]+="$log"$'\n'
done

echo "TAP version 13"
echo "1..$((1 + ${#kernels[@]}))"

{
	[ -s "$work/wanted" ] || echo "nothing is described"
	uniq -d "$work/elsewhere" | sed 's/$/: twice in the list of what others show/'
	comm -23 <(uniq "$work/elsewhere") "$work/wanted" | sed 's/$/: no description says so/'
	while read -r function errno test why; do
		case $test in
		-) [ -n "$why" ] || echo "$function $errno: nobody shows it, and nobody says why" ;;
		*:\*) [ -e "$programs/${test%%:*}.c" ] ||
			echo "$function $errno: there is no program ${test%%:*}" ;;
		*:*) grep -qsx "TEST(${test#*:})" "$programs/${test%%:*}.c" ||
			echo "$function $errno: there is no test $test" ;;
		*) echo "$function $errno: names no test" ;;
		esac
	done <"$work/lines"
} >"$work/bad"
result "what others show is described, and they are there"

for kernel in $(printf '%s\n' "${!kernels[@]}" | sort); do
	mapfile -t logs < <(printf '%s' "${kernels[$kernel]}")
	shown "${logs[@]}" >"$work/shown"
	cut -d' ' -f1,2 "$work/shown" | sort -u >"$work/pairs"
	{
		comm -13 "$work/wanted" "$work/pairs" | sed 's/$/: returned, and not described/'
		if [[ $kernel != *-debug ]]; then
			comm -23 "$work/wanted" <(sort -u "$work/pairs" "$work/elsewhere") |
				sed 's/$/: no test has shown it/'
		fi
		while read -r function errno test _; do
			! grep -qE "^##run ${test%%:*}[[:space:]]*\$" "${logs[@]}" ||
				grep -qx "$(shower "$function" "$errno" "$test")" "$work/shown" ||
				echo "$function $errno: $test has not shown it"
		done < <(grep -v ' - ' "$work/lines")
	} >"$work/bad"
	result "$kernel: $(wc -l <"$work/pairs") pairs of function and errno are shown"
done
exit $failed
