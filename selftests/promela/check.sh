#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=1800 if-time
#
# The model of the commit protocol (selftests/core/promela): each configuration obeys
# the rules in every state; each rule that is broken on purpose is noticed; the runs
# of the model can end exactly as those of kernel/core/protocol.c can; and with each
# patch beside this script, whose line "# noticed-in: CONFIG FAULTS" says where, they
# can not.

set -u
set -o pipefail

export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# What a make around us said about its own jobs is not for the makes below.
unset MAKEFLAGS MFLAGS MAKELEVEL
BUILD=${BUILD:-$top/build}
code=$BUILD/selftests/core/protocol_outcomes
# shellcheck source=selftests/core/promela/lib.sh
. "$top/selftests/core/promela/lib.sh"

# What the code prints, and how it ended, into a directory.
code_lines() {
	timeout 600 "$2" "$config" "$faults" >"$1/code.out" 2>"$1/code.err"
	echo $? >"$1/code.status"
	LC_ALL=C sort -u "$1/code.out" >"$1/code.lines"
	rm "$1/code.out"
}

# What the program is made from.
copy() {
	mkdir -p "$1/selftests" "$1/userspace" &&
		cp -r "$top/kernel" "$top/uapi" "$1/" &&
		cp -r "$top/selftests/core" "$1/selftests/" &&
		cp -r "$top/userspace/common" "$1/userspace/"
}

# Run by the script itself, for a line of work, two at a time.
if [ "${1:-}" = one ]; then
	read -r what config faults break how <<<"$3"
	dir=$2/$what-$config-${break:-sound}
	mkdir -p "$dir"
	case $what in
	broken)	LOOK_FOR=$how model_verify "$dir" "$config" "$faults" "-DBREAK_$break" ;;
	ends)	LOOK_FOR=cycles model_verify "$dir" "$config" "$faults" ;;
	sound)	model_verify "$dir" "$config" "$faults" && code_lines "$dir" "$code" ;;
	patched)
		copy "$dir/tree" &&
			patch -d "$dir/tree" -p1 --fuzz=0 <"$here/$break.patch" >"$dir/log" &&
			make -C "$dir/tree/selftests/core" CFLAGS=-O1 BUILD="$dir/build" \
				"$dir/build/selftests/core/protocol_outcomes" >>"$dir/log" &&
			model_verify "$dir" "$config" "$faults" &&
			code_lines "$dir" "$dir/build/selftests/core/protocol_outcomes"
		rm -rf "$dir/tree" "$dir/build"
		;;
	esac 2>"$dir/errors"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

model_list CONFIGS >"$work/configs"
model_list BROKEN >"$work/broken"
for patch in "$here"/*.patch; do
	echo "$(sed -n 's/^# noticed-in: //p' "$patch") $(basename "$patch" .patch)"
done >"$work/patched"
{
	sed 's/^/sound /' "$work/configs"
	sed 's/^/ends /' "$work/configs"
	awk '{ print "broken", $2, $3, $1, $4 }' "$work/broken"
	sed 's/^/patched /' "$work/patched"
} >"$work/jobs"
xargs -d '\n' -P 2 -I '{}' bash "${BASH_SOURCE[0]}" one "$work" '{}' <"$work/jobs"

n=0
bad=0
say() {
	n=$((n + 1))
	if [ "$1" = yes ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		bad=1
	fi
}
# What was said about it, as comments.
show() {
	cat "$@" 2>/dev/null | head -n 30 | sed 's/^/# /'
}

echo "TAP version 13"
states=0
while read -r config faults; do
	dir=$work/sound-$config-sound
	good=no
	if [ -e "$dir/report" ] && model_right "$dir" && [ -s "$dir/outcomes" ]; then
		good=yes
		count=$(model_count "$dir")
		states=$((states + ${count%% *}))
		echo "# $config, at most $faults faults: $count," \
			"$(wc -l <"$dir/outcomes") outcomes"
	else
		show "$dir/errors" "$dir/report"
	fi
	say $good "$config keeps the rules in every state"

	dir=$work/ends-$config-sound
	good=no
	if [ -e "$dir/report" ] && model_right "$dir"; then
		good=yes
	else
		show "$dir/errors" "$dir/report"
	fi
	say $good "$config: every run comes to an end"
done <"$work/configs"

while read -r break config faults _; do
	dir=$work/broken-$config-$break
	good=no
	if ! grep -q "^$config " "$work/configs"; then
		echo "# $config is not among the configurations"
	elif [ -e "$dir/report" ] && ! model_right "$dir"; then
		good=yes
		echo "# $break: $(model_wrong "$dir")"
	else
		show "$dir/errors" "$dir/report"
	fi
	say $good "$break is noticed in $config with $faults faults"
done <"$work/broken"

while read -r config faults; do
	dir=$work/sound-$config-sound
	good=no
	if [ ! -s "$dir/outcomes" ] || [ "$(cat "$dir/code.status")" != 0 ]; then
		show "$dir/code.err"
	elif cmp -s "$dir/outcomes" "$dir/code.lines"; then
		good=yes
	else
		LC_ALL=C comm -23 "$dir/outcomes" "$dir/code.lines" | sed 's/^/model only: /' |
			show -
		LC_ALL=C comm -13 "$dir/outcomes" "$dir/code.lines" | sed 's/^/code only: /' |
			show -
	fi
	say $good "$config: the code can end as the model can, and in no other way"
done <"$work/configs"

# It has run, to its end or to what it found itself, and says something else.
while read -r config faults patch; do
	dir=$work/patched-$config-$patch
	good=no
	if [ -s "$dir/outcomes" ] && [ -s "$dir/code.status" ] &&
	   [ "$(cat "$dir/code.status")" -le 1 ] && ! cmp -s "$dir/outcomes" "$dir/code.lines"; then
		good=yes
		echo "# $patch: $(LC_ALL=C comm -3 "$dir/outcomes" "$dir/code.lines" | wc -l)" \
			"lines differ, exit status $(cat "$dir/code.status")"
	else
		show "$dir/errors" "$dir/log"
	fi
	say $good "$patch in the code is noticed in $config with $faults faults"
done <"$work/patched"

echo "campaign promela: tried=$states violations=$bad seed=0"
echo "1..$n"
exit $bad
