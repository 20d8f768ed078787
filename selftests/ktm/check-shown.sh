#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: check-shown.sh TABLE HEADER LOG...
#
# Hold what the tests have shown ("# shows REQUEST STATUS" in the logs of the
# machines) against the tables of Documentation/uapi.md: every pair there was
# shown on each kernel, no pair was shown that is not there, and each errno is the one
# that the header gives. Prints TAP; each kernel whose logs there are is a test.

set -uo pipefail
export LC_ALL=C

[ $# -ge 3 ] || {
	echo "usage: check-shown.sh TABLE HEADER LOG..." >&2
	exit 1
}
table=$1
header=$2
shift 2

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# All requests, as the header has them.
sed -n 's/^#define KTM_IOC_\([A-Z_]*\)[[:space:]]*KTM_IOC(0x.*/\1/p' "$header" |
	sort >"$work/requests"
# STATUS ERRNO..., from the comments of enum ktm_status; success has none.
sed -n 's/^[[:space:]]*KTM_STATUS_\([A-Z_]*\)[[:space:]]*= [0-9]*,\(.*\)/\1 \2/p' "$header" |
	sed -e 's/\/\* success: 0.*/0/' -e 's/\/\*//' -e 's/\*\///' -e 's/[:,]/ /g' |
	awk '{ printf "%s", $1; n = 0
	       for (i = 2; i <= NF; i++) if ($i ~ /^E[A-Z0-9]+$/ || $i == "0") { printf " %s", $i; n++ }
	       print n ? "" : " 0" }' >"$work/errnos"

# REQUEST STATUS ERRNO, one per pair of the tables.
awk -F'[[:space:]]*[|][[:space:]]*' -v requests="$work/requests" '
	BEGIN { while ((getline line < requests) > 0) all = all " " line }
	/^#+ / { request = ""; kind = "" }
	/^### KTM_IOC_/ { request = $0; sub(/^### KTM_IOC_/, "", request) }
	!/^[|]/ { kind = ""; next }
	$2 == "status" && $3 == "errno" { kind = "one"; next }
	$2 == "request" && $3 == "status" { kind = "many"; next }
	$2 ~ /^-+$/ { next }
	kind == "one" { print request, $2, $3 }
	kind == "many" {
		n = split($2 == "any" ? all : $2, names, /[, ]+/)
		for (i = 1; i <= n; i++) if (names[i] != "") print names[i], $3, $4
	}' "$table" | sort -u >"$work/pairs"
cut -d' ' -f1,2 "$work/pairs" | sort -u >"$work/wanted"
# What is said of the request alone, not of any.
grep -vE ' (INVALID_PARAMETER|OBJECT_TYPE_MISMATCH|FAULT)$' "$work/wanted" >"$work/own"

result() {
	local bad=$1 name=$2

	count=$((count + 1))
	if [ -s "$bad" ]; then
		sed 's/^/# /' "$bad"
		echo "not ok $count $name"
		failed=1
	else
		echo "ok $count $name"
	fi
}

declare -A kernels=()
for log; do
	kernel=$(sed -n 's/.*vm-\([0-9.]*[0-9]\)-.*/\1/p' <<<"${log##*/}")
	[ -z "$kernel" ] || kernels[$kernel]+="$log"$'\n'
done

count=0 failed=0
echo "TAP version 13"
echo "1..$((2 + ${#kernels[@]}))"

[ -s "$work/wanted" ] || echo "no tables in $table" >"$work/bad"
while read -r request status _; do
	grep -qx "$request" "$work/requests" || echo "no such request: $request $status"
done <"$work/pairs" >>"$work/bad"
while read -r request; do
	grep -q "^$request " "$work/own" || echo "no table says what $request comes to"
done <"$work/requests" >>"$work/bad"
result "$work/bad" "the tables name each request"

while read -r request status errno; do
	grep -qE "^$status .*\\b$errno\\b" "$work/errnos" ||
		echo "$request $status: errno $errno is not what the header says"
done <"$work/pairs" >"$work/bad"
result "$work/bad" "the tables and the header agree on the errno of each status"

for kernel in $(printf '%s\n' "${!kernels[@]}" | sort); do
	mapfile -t logs < <(printf '%s' "${kernels[$kernel]}")
	sed -n 's/^# shows KTM_IOC_\([A-Z_]*\) KTM_STATUS_\([A-Z_]*\)\r*$/\1 \2/p' "${logs[@]}" |
		sort -u >"$work/shown"
	{
		comm -23 "$work/wanted" "$work/shown" | sed 's/^/no test has shown: /'
		comm -13 "$work/wanted" "$work/shown" | sed 's/^/shown, and not documented: /'
	} >"$work/bad"
	result "$work/bad" "$kernel: $(wc -l <"$work/wanted") pairs of request and status are shown"
done
exit $failed
