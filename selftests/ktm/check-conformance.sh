#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: check-conformance.sh TABLE UAPI INCLUDE LOG...
#
# Hold Documentation/conformance.md against the headers (UAPI is <linux/ktm.h>, INCLUDE the
# directory of the library's) and against what the tests printed in the machines ("# shows
# ..." before "ok N TEST", see harness.h). On each kernel every row's test must have passed
# and shown the row, and nothing may have been shown that has no row. Prints TAP.

set -uo pipefail
export LC_ALL=C

[ $# -ge 4 ] || {
	echo "usage: check-conformance.sh TABLE UAPI INCLUDE LOG..." >&2
	exit 1
}
table=$1 uapi=$2 include=$3
shift 3

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# What the tables say, one line per thing:
#   name WHAT NAME		a name that some header must have
#   row KEY<tab>TESTS<tab>ALTERNATIVE...
#				KEY is shown by one of TESTS; ALTERNATIVE instead of KEY will do
#   known KEY			nothing has to show it, but it is in order
#   errno STATUS ERRNO
#   bad MESSAGE
awk -F'[[:space:]]*[|][[:space:]]*' '
	function words(text, into)
	{
		gsub(/\([^)]*\)/, "", text)
		gsub(/,/, " ", text)
		return split(text, into, /[[:space:]]+/)
	}
	function names(what, text,   w, n, i)
	{
		n = words(text, w)
		for (i = 1; i <= n; i++)
			if (w[i] != "" && w[i] != "-")
				print "name " what " " w[i]
	}
	# keys: those of which any shows the row, separated by tabs
	function row(keys, tests)
	{
		gsub(/,/, " ", tests)
		if (tests !~ /^[A-Za-z0-9_-]+:[A-Za-z0-9_]+( +[A-Za-z0-9_-]+:[A-Za-z0-9_]+)*$/)
			print "bad line " NR ": names no test"
		else
			print "row " tests "\t" keys
		rows++
		in_call++
	}
	# A heading that names a call, and no row below it.
	function ended()
	{
		if (call != "" && calls && !in_call)
			print "bad " call " has no row"
		call = ""
	}
	/^#/ { ended(); kind = requests = "" }
	/^## / { calls = /^## Calls: / && !/only ours/ }
	/^### / { call = $0; sub(/^### /, "", call); in_call = 0 }
	!/^[|]/ { kind = ""; next }
	$2 ~ /^-+$/ && $3 ~ /^-+$/ { next }
	$2 == "native" { kind = "names"; next }
	$2 == "status" { kind = "call"; next }
	$2 == "request" && $3 == "library" { kind = "own names"; next }
	$2 == "request" { kind = "own"; next }
	$2 == "notification" { kind = "notification"; next }
	$2 == "rule" { kind = "rule"; next }
	$2 == "class" { kind = "class"; next }
	$2 == "right" { kind = "right"; next }
	$2 == "native call" { kind = "called"; next }
	$2 == "function" { kind = "function"; next }
	kind == "names" {
		if ($2 != call)
			print "bad line " NR ": the names of " $2 " stand under " call
		if (call ~ /^(Zw|Nt)/)
			names("native", $2)
		names("library", $3)
		names("win32", $4)
		names("request", $5)
		requests = $5
		next
	}
	kind == "call" {
		# Either name of a native call stands for both.
		native = call
		sub(/^(Zw|Nt)/, "", native)
		print "known " native " STATUS_" $2
	}
	kind == "call" && $3 ~ /^STATUS_/ {
		row((($3 == "STATUS_SUCCESS") ? "native " native : native " " $3), $5)
		next
	}
	kind == "call" {
		print "errno " $3 " " $4
		n = words(requests, r)
		keys = ""
		for (i = 1; i <= n; i++)
			if (r[i] != "")
				keys = keys (keys == "" ? "" : "\t") r[i] " " $3
		row(keys, $5)
		next
	}
	kind == "own names" { names("request", $2); names("library", $3); next }
	kind == "own" {
		print "errno " $3 " " $4
		row($2 " " $3, $5)
		next
	}
	kind == "notification" { names("notification", $2); row("notification " $2, $6); next }
	kind == "rule" { row($2, $3); next }
	kind == "class" {
		names("class", $3)
		if ($4 == "yes")
			row("query " $3, $6)
		if ($5 == "yes")
			row("set " $3, $6)
		next
	}
	kind == "right" {
		names("right", $2)
		right = $2
		tests = $4
		n = words($3, r)
		for (i = 1; i <= n; i++)
			if (r[i] != "")
				row("right " right " " r[i], tests)
		next
	}
	kind == "called" {
		names("native", $2)
		native = $2
		sub(/^(Zw|Nt)/, "", native)
		row("native " native, $3)
		next
	}
	kind == "function" {
		names("win32", $2)
		row("win32 " $2 ($3 == "-" ? "" : " " $3), $4)
		next
	}
	{ print "bad line " NR ": a table that nobody knows" }
	END { ended(); if (!rows) print "bad there are no tables" }' "$table" >"$work/table"

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
	: >"$bad"
}

declare -A kernels=()
for kernel in ${KERNELS:-}; do
	[[ $kernel == *-debug ]] || kernels[$kernel]=
done
for log; do
	# A kernel with checks in it runs some programs more, and none less.
	[[ $log != *-debug-* ]] || continue
	kernel=$(sed -n 's/.*vm-\([0-9.]*[0-9]\)-.*/\1/p' <<<"${log##*/}")
	[ -z "$kernel" ] || kernels[$kernel]+="$log"$'\n'
done

count=0 failed=0
bad=$work/bad
echo "TAP version 13"
echo "1..$((3 + ${#kernels[@]}))"

sed -n 's/^bad //p' "$work/table" >"$bad"
result "$bad" "each row can be read and names a test"

# Each name is in its header, and what the headers have is named.
header_names() {
	case $1 in
	request) sed -n 's/^#define KTM_IOC_\([A-Z_]*\)[[:space:]]*KTM_IOC(0x.*/\1/p' "$uapi" ;;
	notification)
		sed -n '/never sent/d; s/^#define KTM_NOTIFY_\([A-Z_]*\)[[:space:]]*0x[0-9a-f]*$/\1/p' \
			"$uapi" | grep -vx ALL
		;;
	class) sed -n 's/^[[:space:]]*KTM_INFO_\([A-Z_]*\)[[:space:]]*= [0-9]*,.*/\1/p' "$uapi" ;;
	right)
		sed -n 's/^#define KTM_\([TRE][MXN]_[A-Z_]*\)[[:space:]]*0x[0-9a-f]\{4\}$/\1/p' "$uapi" |
			grep -v ALL_ACCESS
		;;
	library) grep -ohE '\bktm_[a-z_]+\(' "$include/ktm.h" | tr -d '(' ;;
	native)
		grep -v '^ \*\|^/\*' "$include"/ktm/zw.h "$include"/ktm/nt.h |
			grep -ohE '\b(Zw|Nt)[A-Z][A-Za-z]+\(' | tr -d '('
		;;
	win32)
		grep -v '^ \*\|^/\*' "$include/ktmw32.h" | grep -oE '\b[A-Z][A-Za-z0-9]+\(' |
			tr -d '('
		;;
	esac | sort -u
}
for what in request notification class right library native win32; do
	header_names $what >"$work/header"
	sed -n "s/^name $what //p" "$work/table" | sort -u >"$work/named"
	comm -23 "$work/named" "$work/header" | sed "s/^/$what that no header has: /"
	# What has a row, has it under one of its names; the library has helpers besides.
	case $what in
	request | notification | class | right | win32)
		comm -13 "$work/named" "$work/header" | sed "s/^/$what that has no row: /"
		;;
	native)
		comm -13 <(sed 's/^\(Zw\|Nt\)//' "$work/named" | sort -u) \
			<(sed 's/^\(Zw\|Nt\)//' "$work/header" | sort -u) |
			sed "s/^/call of <ktm\/zw.h> that has no row: /"
		;;
	esac
done >>"$bad"
result "$bad" "the names are those of the headers"

# STATUS: ERRNO..., from the comments of enum ktm_status.
sed -n 's/^[[:space:]]*KTM_STATUS_\([A-Z_]*\)[[:space:]]*= [0-9]*,\(.*\)/\1 \2/p' "$uapi" |
	awk '{ n = 0; printf "%s", $1
	       for (i = 2; i <= NF; i++) { gsub(/[:,]/, "", $i)
		       if ($i ~ /^E[A-Z0-9]+$/) { printf " %s", $i; n++ } }
	       print n ? "" : " 0" }' >"$work/errnos"
sed -n 's/^errno //p' "$work/table" | sort -u | while read -r status errno; do
	grep -qE "^$status .*\\b$errno\\b" "$work/errnos" ||
		echo "$status: errno $errno is not what the header says"
done >>"$bad"
result "$bad" "errno is what the header says"

for kernel in $(printf '%s\n' "${!kernels[@]}" | sort); do
	mapfile -t logs < <(printf '%s' "${kernels[$kernel]}")
	[ ${#logs[@]} -gt 0 ] || logs=(/dev/null)
	# shown TEST<tab>KEY and passed TEST, of the tests that passed.
	awk '
		{ sub(/\r$/, "") }
		$1 == "##run" { program = $2; n = 0; next }
		/^# shows / {
			key = substr($0, 9)
			gsub(/KTM_IOC_|KTM_STATUS_/, "", key)
			sub(/^(Zw|Nt)/, "", key)
			keys[++n] = key
			next
		}
		/^ok [0-9]+ / && !/# *[Ss][Kk][Ii][Pp]/ {
			print "passed " program ":" $3
			for (i = 1; i <= n; i++)
				print "shown " program ":" $3 "\t" keys[i]
		}
		/^(not )?ok / { n = 0 }' "${logs[@]}" | sort -u >"$work/shown"
	awk -F'\t' -v shown="$work/shown" '
		BEGIN {
			while ((getline line < shown) > 0) {
				if (line ~ /^passed /) {
					passed[substr(line, 8)] = 1
				} else {
					split(substr(line, 7), s, "\t")
					by[s[1] "\t" s[2]] = 1
					all[s[2]] = s[1]
				}
			}
		}
		/^known / { row[substr($0, 7)] = 1 }
		!/^row / { next }
		{
			n = split(substr($1, 5), tests, / +/)
			ok = 0
			for (t = 1; t <= n; t++) {
				if (!(tests[t] in passed)) {
					print tests[t] ": did not run and pass (" $2 ")"
					ok = 1
				}
				for (k = 2; k <= NF; k++) {
					row[$k] = 1
					if ((tests[t] "\t" $k) in by)
						ok = 1
					# "any" request will do.
					if ($k ~ /^any /) {
						status = substr($k, 5)
						any[status] = 1
						for (pair in by) {
							split(pair, s, "\t")
							if (s[1] == tests[t] && s[2] ~ " " status "$")
								ok = 1
						}
					}
				}
			}
			if (!ok)
				print substr($1, 5) ": does not show " $2
		}
		END {
			for (key in all) {
				status = key
				sub(/.* /, "", status)
				if (!(key in row) && !(status in any))
					print all[key] " shows what has no row: " key
			}
		}' "$work/table" | sort -u >>"$bad"
	result "$bad" "$kernel: $(grep -c '^row ' "$work/table") rows are shown, each by its test"
done
exit $failed
