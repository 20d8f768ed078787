#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=7200 if-time
#
# Planted faults: each patch here breaks the core in one way, and the campaign
# that its line "# noticed-by: PROGRAM [ARGUMENT]..." names (a program of
# selftests/core) must then report violations, or the core itself find what cannot
# be (KTM_CORE_BUG_ON) while it runs. A fault that stays unnoticed fails. TAP on
# standard output.
#
# Usage: check.sh [PATTERN]...	only the patches whose names match

set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
. "$top/selftests/lib/share.sh"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

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

# A copy of what the programs are made from.
copy() {
	mkdir -p "$1/selftests" "$1/userspace"
	cp -r "$top/kernel" "$top/uapi" "$1/"
	cp -r "$top/selftests/core" "$1/selftests/"
	[ ! -d "$top/userspace/common" ] || cp -r "$top/userspace/common" "$1/userspace/"
}

# Says why not if the fault stays unnoticed.
noticed() {
	local patch=$1 dir=$tmp/tree program
	local -a campaign

	read -ra campaign < <(sed -n 's/^# noticed-by: *//p' "$patch")
	program=${campaign[0]:-}
	if [ -z "$program" ] ||
	   ! sed 's/#.*//' "$top/selftests/core/TESTS" | awk '{ print $1 }' |
	   grep -qxF -- "$program"; then
		echo "# its line 'noticed-by' names no program of selftests/core/TESTS"
		return 1
	fi
	rm -rf "$dir"
	copy "$dir"
	if ! patch -d "$dir" -p1 --fuzz=0 <"$patch" >"$tmp/log" 2>&1 ||
	   ! make -C "$dir/selftests/core" BUILD="$dir/build" \
		"$dir/build/selftests/core/$program" >"$tmp/log" 2>&1; then
		echo "# the patch does not apply, or what it makes does not compile:"
		sed 's/^/#   /' "$tmp/log"
		return 1
	fi
	thrice campaign_notices
}

# What is not noticed in ten minutes is a failure, but for a landing: a machine that is that
# slow says nothing about the test.
too_long=2
[ -z "${KTM_UNTIL:-}" ] || too_long=3
campaign_notices() {
	local status line

	timeout --kill-after=10 600 "$dir/build/selftests/core/$program" "${campaign[@]:1}" \
		>"$tmp/log" 2>&1
	status=$?
	if [ $status -eq 134 ] && line=$(grep ': Assertion .* failed\.$' "$tmp/log"); then
		[[ $line =~ /(kernel/core/[^:]*:[0-9]+): ]] || return 1
		echo "# $program: the core finds what cannot be at ${BASH_REMATCH[1]}"
		return 0
	fi
	line=$(grep '^campaign ' "$tmp/log" | tail -n 1)
	echo "# $program: ${line:-no campaign line}, exit status $status"
	# It would take as long once more.
	[ $status -ne 124 ] || return $too_long
	[ $status -ne 0 ] && [ $status -lt 124 ] &&
		[[ $line =~ violations=[1-9][0-9]*\ seed= ]]
}

count=0
failed=0
for patch in "$here"/*.patch; do
	name=$(basename "$patch" .patch)
	wanted "$name" "$@" || continue
	in_share && in_time || continue
	count=$((count + 1))
	noticed "$patch"
	case $? in
	0) echo "ok $count - $name is noticed" ;;
	3) echo "ok $count - $name # SKIP this machine has no time for its campaign" ;;
	*)
		failed=$((failed + 1))
		echo "not ok $count - $name is noticed"
		;;
	esac
done
share_end
echo "1..$count"
[ $count -gt 0 ] && [ $failed -eq 0 ]
