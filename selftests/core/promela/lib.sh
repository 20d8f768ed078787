# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by outcomes.sh and selftests/promela/check.sh: makes a verifier of the
# model for one configuration, and runs it. README.md explains the names.

model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# model_options CONFIG FAULTS: the options -D of ktm.pml, into the array `options`.
model_options() {
	local config=$1 faults=$2 rest=$1 superior=0 n=0
	local durable=0 prepreparing=0 single=0 disconnect=0 late=0 present=0

	case $rest in
	*-sup) superior=1 rest=${rest%-sup} ;;
	*-cr) superior=2 rest=${rest%-cr} ;;
	esac
	while [[ $rest =~ ^([DV])(p?)(s?)(d?)(l?)(.*)$ ]]; do
		[ "${BASH_REMATCH[1]}" = V ] || durable=$((durable | 1 << n))
		[ -z "${BASH_REMATCH[2]}" ] || prepreparing=$((prepreparing | 1 << n))
		[ -z "${BASH_REMATCH[3]}" ] || single=$((single | 1 << n))
		[ -z "${BASH_REMATCH[4]}" ] || disconnect=$((disconnect | 1 << n))
		if [ -n "${BASH_REMATCH[5]}" ]; then
			late=$((late | 1 << n))
		else
			present=$((present | 1 << n))
		fi
		rest=${BASH_REMATCH[6]}
		n=$((n + 1))
	done
	if [ -n "$rest" ] || [ $n -eq 0 ] || [ $n -gt 3 ] || [[ ! $faults =~ ^[0-9]$ ]]; then
		echo "$config $faults: no such configuration" >&2
		return 2
	fi
	options=("-DN=$n" "-DSUPERIOR=$superior" "-DFAULTS=$faults" "-DPRESENT=$present"
		"-DLATE=$late" "-DDURABLE=$durable" "-DPREPREPARE=$prepreparing"
		"-DSINGLE=$single" "-DDISCONNECT=$disconnect")
}

# model_verify DIR CONFIG FAULTS [OPTION]...: explores every state, in DIR, and
# leaves there what the verifier said (report) and the lines of outcome (outcomes).
# Fails if it could not be run, or could neither look at everything nor find an error.
# What it looks for is assertions that fail, and ends that are none; with
# LOOK_FOR=cycles it is runs without an end.
#
# Reduction is off: every step here touches what is shared, so it could save nothing.
# Compiling takes longer than looking, hence -O0.
model_verify() {
	local dir=$1 options build=-DSAFETY run=

	[ "${LOOK_FOR:-}" != cycles ] || build=-DNP run=-l

	model_options "$2" "$3" || return
	mkdir -p "$dir"
	(
		cd "$dir" || exit
		cp "$model/ktm.pml" "$model/lines.h" . || exit
		rm -f ktm.pml.trail report outcomes
		if ! spin -a "${options[@]}" "${@:4}" ktm.pml >build.log 2>&1 ||
			! gcc -O0 -w $build -DNOREDUCE -DMEMLIM=3000 -o pan pan.c >>build.log 2>&1 ||
			! ./pan ${run:+"$run"} -w22 -m10000 >pan.log 2>&1; then
			cat build.log pan.log >&2
			exit 1
		fi
		grep '^client=' pan.log | LC_ALL=C sort -u >outcomes
		grep -v '^client=' pan.log >report
		rm -f pan pan.[bchmpt] pan.log
		# An error ends the search; without one all of it has to have been done.
		grep -q 'errors: 1$' report || {
			grep -q 'errors: 0$' report &&
				! grep -qi 'search depth too small\|not completed\|out of memory' report
		}
	)
}

# model_right DIR: nothing was found.
model_right() {
	grep -q 'errors: 0$' "$1/report"
}

# model_wrong DIR: in words, what was found.
model_wrong() {
	sed -n -e 's/^pan:[0-9]*: //p' "$1/report" | head -n 1 | cut -c 1-70
}

# model_count DIR: "N states, M transitions".
model_count() {
	awk '/states, stored/ { s = $1 } /transitions \(/ { t = $1 }
		END { print s " states, " t " transitions" }' "$1/report"
}

# model_list FILE: its lines, without comments.
model_list() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$model/$1"
}
