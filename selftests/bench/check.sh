#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=1800 if-time
#
# The bench runs and says what it has to say. How fast anything is is not judged here; how
# often the disk flushes is a count, and is.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$top/build}
read -ra kernels <<<"${KERNELS:-6.1}"
work=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -TERM $pid 2>/dev/null; wait; rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP

count=0
failed=0

verdict() {	# NAME COMMAND...
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $count $name"
	else
		sed 's/^/# /' "$work/said"
		echo "not ok $count $name"
		failed=1
	fi
}

# What is wrong with the numbers; SQLite is strict about JSON.
ask() {
	sqlite3 :memory: "SELECT $1 FROM json_each(readfile('$work/bench.json'))" | tee "$work/answer"
}

is_json() {
	[ "$(sqlite3 :memory: "SELECT json_valid(readfile('$work/bench.json'))")" = 1 ]
}

has_rows() {
	ask "json_extract(value, '\$.row')"
	[ "$(sort "$work/answer" | tr '\n' ' ')" = "$rows" ]
}

# Of each row the fields' types; only what has no floor may be without one.
has_numbers() {
	local field

	for field in ours value goal; do
		[ "$(ask "sum(json_type(value, '\$.$field') IN ('integer', 'real') AND
			json_extract(value, '\$.$field') > 0)")" = "$(wc -w <<<"$rows")" ] || return 1
	done
	[ "$(ask "sum(json_type(value, '\$.unit') = 'text')")" = "$(wc -w <<<"$rows")" ] &&
	[ "$(ask "group_concat(json_extract(value, '\$.row'), ' ') FILTER (WHERE
		json_type(value, '\$.floor') = 'null')")" = "forced_writes group_64 bytes_per_tx" ]
}

one_flush_each() {
	[ "$(ask "sum(json_extract(value, '\$.row') = 'forced_writes' AND
		json_extract(value, '\$.value') BETWEEN 0.99 AND 1.01)")" = 1 ]
}

# Two panels with four curves.
has_plot() {
	[ "$(grep -c '<polyline' "$work/bench.svg")" = 8 ] && [ "$(tail -n 1 "$work/bench.svg")" = "</svg>" ]
}

runs() {
	BENCH_KERNEL=${kernels[0]} BENCH_OUT=$work "$here/run" --quick >"$work/table" 2>&1 &
	pid=$!
	wait $pid
	local status=$?
	pid=
	cat "$work/table"
	return $status
}

# ---- the report by itself, on what no machine has measured ----

report() {
	awk -v json="$work/made.json" -v svg="$work/made.svg" -f "$here/report.awk" "$work/made"
}

make_rows() {
	local row

	for row in $rows; do
		printf '@row\t%s\tus\t2\t3\t1.5\t1.4\t1.6\t<=\t%s\n' "$row" "${goal:-1.5}"
	done >"$work/made"
	printf '@point\tktm\t1\t100\t90\t110\n' >>"$work/made"
}

complete_is_good() { make_rows && report && grep -q '"met": true' "$work/made.json"; }
missing_row() { make_rows && sed -i '/group_64/d' "$work/made" && ! report; }
no_plot() { make_rows && sed -i '/@point/d' "$work/made" && ! report; }
missed_goal() { goal=1.4 make_rows && report | grep -q MISSED && grep -q '"met": false' "$work/made.json"; }

rows="bytes_per_tx durable_1client forced_writes group_64 kernel_rm open_100k recovery_1m scale_cpu transfer_vs_sqlite volatile_1rm volatile_2rm "

echo "TAP version 13"
echo "1..9"
verdict "a report of all rows is made" complete_is_good
verdict "one that lacks a row fails" missing_row
verdict "one without a plot fails" no_plot
verdict "a goal that is missed is called missed" missed_goal
verdict "a short bench runs to its end" runs
verdict "bench.json is JSON" is_json
verdict "it has every row, and numbers in each" eval 'has_rows && has_numbers'
verdict "one client's commit costs one flush, by the block layer's count" one_flush_each
verdict "the plot shows four curves for each kind of disk" has_plot
exit $failed
