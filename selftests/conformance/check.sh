#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=120
#
# That the checker of Documentation/conformance.md notices what it is there for: each
# of these damages one thing in a table and two logs that are in order. The whole table
# is read too, for what can be said without a machine. TAP on standard output.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
checker=$top/selftests/ktm/check-conformance.sh
uapi=$top/uapi/linux/ktm.h
include=$top/userspace/libktm/include
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
export KERNELS="6.1 6.12"

table() {
	cat >"$tmp/table" <<-'EOF'
	## Calls: some

	### ZwCommitTransaction

	| native | library | Win32 | request |
	| --- | --- | --- | --- |
	| ZwCommitTransaction | ktm_tx_commit | CommitTransaction | COMMIT |

	| status | ours | errno | shown by | when |
	| --- | --- | --- | --- | --- |
	| PENDING | PENDING | 0 | one:begins | begun |
	| INVALID_HANDLE | STATUS_INVALID_HANDLE | - | two:handles | none |

	## Closing

	| rule | shown by | |
	| --- | --- | --- |
	| close some-rule | one:closes | it ends |
	EOF
	local kernel

	for kernel in $KERNELS; do
		cat >"$tmp/vm-$kernel-boot.log" <<-'EOF'
		##run one
		# shows KTM_IOC_COMMIT KTM_STATUS_PENDING
		ok 1 begins
		# shows close some-rule
		ok 2 closes
		ok 3 skipped # SKIP
		##run two
		# shows CommitTransaction STATUS_INVALID_HANDLE
		ok 1 handles
		EOF
	done
}

# The TAP of the checker; what it says of the headers is not for so small a table.
checked() {
	bash "$checker" "$tmp/table" "$uapi" "$include" "$tmp"/vm-*.log
}

count=0 failed=0
result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		grep -v ' that has no row: ' "$tmp/out" | sed 's/^/# /'
		echo "not ok $count $2"
		failed=1
	fi
}

# notices WHAT LINE...: each LINE is in what the checker prints.
notices() {
	local what=$1 line status=0

	shift
	checked >"$tmp/out"
	for line; do
		grep -qxF -- "$line" "$tmp/out" || status=1
	done
	result $status "$what"
	table
}

# damage FILE SED-EXPRESSION: it must change the file.
damage() {
	sed -i.was "$2" "$tmp/$1"
	! cmp -s "$tmp/$1" "$tmp/$1.was" || echo "nothing damaged by $2" >>"$tmp/$1"
	rm "$tmp/$1.was"
}

echo "TAP version 13"
table
notices "what is in order is found in order" "ok 1 each row can be read and names a test" \
	"ok 3 errno is what the header says" "ok 4 6.1: 3 rows are shown, each by its test" \
	"ok 5 6.12: 3 rows are shown, each by its test"
damage table 's/ one:begins / /'
notices "a row without a test" "# line 11: names no test" \
	"not ok 1 each row can be read and names a test"
damage table 's/one:begins/one:begun/'
notices "a test that there is not" "# one:begun: did not run and pass (COMMIT PENDING)" \
	"not ok 4 6.1: 3 rows are shown, each by its test"
damage table 's/one:begins/one:closes/'
notices "a test that shows something else" "# one:closes: does not show COMMIT PENDING"
damage table '/one:begins/d'
notices "a status without a row" "# one:begins shows what has no row: COMMIT PENDING"
damage table '/^| [PI].*:/d'
notices "a call without a row" "# ZwCommitTransaction has no row"
damage table 's/| PENDING | PENDING | 0 /| PENDING | PENDING | EBUSY /'
notices "a wrong errno" "# PENDING: errno EBUSY is not what the header says"
damage table 's/ktm_tx_commit/ktm_tx_comit/'
notices "a name that no header has" "# library that no header has: ktm_tx_comit"
damage table 's/| COMMIT |/| - |/'
notices "a request without a row" "# request that has no row: COMMIT"
damage vm-6.12-boot.log 's/^ok 1 begins/not ok 1 begins/'
notices "a test that failed on one kernel" "ok 4 6.1: 3 rows are shown, each by its test" \
	"not ok 5 6.12: 3 rows are shown, each by its test"
damage vm-6.1-boot.log 's/^ok 1 begins/ok 1 begins # SKIP/'
notices "a test that was skipped" "# one:begins: did not run and pass (COMMIT PENDING)"
damage vm-6.1-boot.log '/^# shows.*PENDING/d'
notices "a test that passed and showed nothing" "# one:begins: does not show COMMIT PENDING"
rm "$tmp/vm-6.12-boot.log"
notices "a kernel that did not run" "not ok 5 6.12: 3 rows are shown, each by its test"

cp "$top/Documentation/conformance.md" "$tmp/table"
rm -f "$tmp"/vm-*
: >"$tmp/vm-none.log"
checked >"$tmp/out"
[ "$(grep -c '^ok [123] ' "$tmp/out")" -eq 3 ]
result $? "the table, the headers and their errnos agree"

# unnamed TABLE: what the reference's pages name and the table does not, "CALL STATUS" each.
unnamed() {
	awk -F'[[:space:]]*[|][[:space:]]*' -v statuses="$here/STATUSES" '
		/^#/ { call = kind = "" }
		/^### / { call = $0; sub(/^### (Zw|Nt)?/, "", call) }
		!/^[|]/ { kind = ""; next }
		$2 == "status" { kind = call; next }
		kind != "" && $2 != "-" { named[kind " " $2] = 1 }
		END {
			while ((getline line < statuses) > 0) {
				if (line ~ /^#/)
					continue
				if (line !~ /^[ \t]/) {
					page = line
					call = line
					sub(/^(Zw|Nt)/, "", call)
					continue
				}
				n = split(line, words, /[ \t]+/)
				for (i = 1; i <= n; i++)
					if (words[i] != "" && !((call " " words[i]) in named))
						print page " " words[i]
			}
		}' "$1"
}
unnamed "$top/Documentation/conformance.md" >"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "each status that the reference names has a row"

# And that this is noticed, of each row: all those of a call with that status go.
tried=0 violations=0
while read -r page status; do
	tried=$((tried + 1))
	awk -v page="$page" -v status="$status" '
		/^#/ { here = $0 == "### " page || $0 == "### Nt" substr(page, 3) }
		!(here && $1 == "|" && $2 == status)' "$top/Documentation/conformance.md" >"$tmp/table"
	unnamed "$tmp/table" | grep -qx "$page $status" || {
		echo "# not noticed: $page $status"
		violations=$((violations + 1))
	}
done < <(awk '/^#/ { next } /^[A-Z]/ { page = $1; next }
	      { for (i = 1; i <= NF; i++) print page, $i }' "$here/STATUSES")
echo "campaign conformance-rows: tried=$tried violations=$violations seed=0"
: >"$tmp/out"
[ "$violations" -eq 0 ] && [ "$tried" -gt 200 ]
result $? "a status that the reference names and the table does not is noticed"
echo "1..$count"
exit $failed
