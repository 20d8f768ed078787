#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=300
#
# That the description of each function that ktm.ko exports says all it has to: the
# reference's name, rights, references, locks, context, each errno; and that nothing else is
# said of a function than of the request that does the same. Then, that this notices what it
# is there for. Which errnos the functions really return is looked at by
# check-called.sh. TAP on standard output.

set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

described() {
	awk -f "$here/described.awk" "$@"
}

count=0 failed=0
# What was found stands in the file: nothing is good.
none() {
	count=$((count + 1))
	if [ -s "$1" ]; then
		sed 's/^/# /' "$1"
		echo "not ok $count $2"
		failed=1
	else
		echo "ok $count $2"
	fi
}

result() {
	: >"$tmp/found"
	[ "$1" -eq 0 ] || echo "not so" >"$tmp/found"
	none "$tmp/found" "$2"
}

echo "TAP version 13"
described "$top"/kernel/*.c >"$tmp/described"
sed -n 's/^bad //p' "$tmp/described" >"$tmp/found"
[ "$(grep -c '^function ' "$tmp/described")" -ge 80 ] || echo "too few functions" >>"$tmp/found"
none "$tmp/found" "each exported function says all it has to"

# REQUEST ERRNO, of the tables of what requests come to.
awk -F'[[:space:]]*[|][[:space:]]*' '
	/^#+ / { request = kind = "" }
	/^### KTM_IOC_/ { request = $0; sub(/^### KTM_IOC_/, "", request) }
	!/^[|]/ { kind = ""; next }
	$2 == "status" && $3 == "errno" { kind = "one"; next }
	$2 == "request" && $3 == "status" { kind = "many"; next }
	kind == "one" { print request, $3 }
	kind == "many" {
		n = split($2, names, /[, ]+/)
		for (i = 1; i <= n; i++)
			print names[i], $4
	}' "$top/Documentation/uapi.md" | sort -u >"$tmp/requests"

# What a request says for any, what kills its caller, who is told nothing then, and what else
# BESIDES names is no difference.
differences() {
	awk -v requests="$tmp/requests" -v besides="$here/BESIDES" '
		BEGIN {
			while ((getline line < requests) > 0)
				says[line] = 1
			while ((getline line < besides) > 0)
				if (line !~ /^#/ && split(line, word, " ") >= 2)
					left_out[word[1] " " word[2]] = 1
		}
		$1 == "function" { request[$2] = $3; next }
		$1 != "pair" || request[$2] == "-" { next }
		$3 == "EINVAL" || $3 == "EINTR" || $3 == "ENOMEM" { next }
		(request[$2] " " $3) in says { next }
		!(($2 " " $3) in left_out) { print $2 ": " request[$2] " does not end with " $3 }
	' "$1"
}
differences "$tmp/described" >"$tmp/found"
none "$tmp/found" "no function returns what its request does not"

# Routines of the reference that user space has, too, are named as there.
sed -n 's/^ \* Reference: //p' "$top"/kernel/*.c | grep -oE '\bZw[A-Za-z]+' | sort -u |
	while read -r name; do
		grep -qE "\\b$name\\(" "$top/userspace/libktm/include/ktm/zw.h" || echo "$name"
	done | grep -vx ZwClose >"$tmp/found"
none "$tmp/found" "the routines of the reference are those of <ktm/zw.h>"

# And the other way round, of a TM's SetInformation but: there is nothing to set. $1: References.
without_a_form() {
	grep -oE '\bZw[A-Za-z]+\(' "$top/userspace/libktm/include/ktm/zw.h" | tr -d '(' | sort -u |
		while read -r name; do
			grep -qE "\\b(Zw|Tm)${name#Zw}\\b" "$1" || echo "$name"
		done | grep -vx ZwSetInformationTransactionManager
}
sed -n 's/^ \* Reference: //p' "$top"/kernel/*.c >"$tmp/references"
without_a_form "$tmp/references" >"$tmp/found"
none "$tmp/found" "each routine of <ktm/zw.h> has a function for drivers"

# ---- that this is noticed ----

# damage PROGRAM FUNCTION...: all sources, with that done to the block of FUNCTION.
damage() {
	awk -v name="$2" "$1" "$top"/kernel/*.c >"$tmp/damaged.c"
	! cmp -s "$tmp/damaged.c" "$tmp/all.c" || return 1
	described "$tmp/damaged.c" >"$tmp/out"
}
cat "$top"/kernel/*.c >"$tmp/all.c"
block='/^\/\*\*$/ { mine = 0 } $0 ~ "^ \\* " name " - " { mine = 1 } /^ \*\/$/ { gone = mine = 0 }'

tried=0 violations=0
noticed() {
	tried=$((tried + 1))
	! grep -q "^bad $1: $2" "$tmp/out" || return 0
	echo "# not noticed: $1: $2"
	violations=$((violations + 1))
}
for name in $(awk '$1 == "function" { print $2 }' "$tmp/described"); do
	for part in Reference Rights Holds Locks Context Return; do
		damage "$block mine && /^ \\* $part:/ { gone = 1; next }
			gone && /^ \\*(\$| [A-Z*])/ { gone = 0 } gone { next } { print }" "$name" ||
			continue
		noticed "$name" "$part: "
	done
done
echo "campaign kernel-api-parts: tried=$tried violations=$violations seed=0"
[ "$violations" -eq 0 ] && [ "$tried" -gt 450 ]
result $? "a part of a description that is missing is noticed"

one=ktm_transaction_query
damage "$block mine && /-EINVAL:/ { print; } { print }" $one
tried=0 violations=0
noticed $one "-EINVAL is said twice"
damage "$block mine && /-EINVAL:/ { sub(/-EINVAL:.*/, \"-EINVAL\") } { print }" $one
noticed $one "no errno and when: -EINVAL"
damage "$block mine && /Return:/ { sub(/or:/, \"or -EBUSY:\") } { print }" $one
noticed $one "Return: an errno that is no item"
damage "$block mine && /^ \\* \\* -/ { next } { print }" $one
noticed $one "Return: a list without an item"
damage "$block mine { sub(/from a callback, too/, \"\") } { print }" $one
noticed $one "Context: does not say whether a callback"
damage "$block mine { sub(/may sleep/, \"fast\") } { print }" $one
noticed $one "Context: does not say whether it sleeps"
damage "$block mine && / \\* $one - / { print \" * other - text\"; next } { print }" $one
noticed $one "no kernel-doc"
echo "campaign kernel-api-form: tried=$tried violations=$violations seed=0"
result "$violations" "a description that cannot be read is noticed"

sed 's/^pair ktm_tm_open ENOENT$/pair ktm_tm_open EBUSY/' "$tmp/described" >"$tmp/out"
[ "$(differences "$tmp/out")" = "ktm_tm_open: TM_OPEN does not end with EBUSY" ]
result $? "an errno that the request does not have is noticed"
grep -v ZwCommitTransaction "$tmp/references" >"$tmp/out"
[ "$(without_a_form "$tmp/out")" = ZwCommitTransaction ]
result $? "a routine without a function is noticed"

# ---- what functions have returned: the checker notices what it is there for ----

called() {
	cat >"$tmp/said" <<-'EOF'
	function ktm_one TM_OPEN
	pair ktm_one ENOENT
	pair ktm_one EACCES
	pair __ktm_two EINVAL
	pair __ktm_two ENOMEM
	EOF
	cat >"$tmp/elsewhere" <<-'EOF'
	# a comment
	ktm_two ENOMEM memory:short
	EOF
	mkdir -p "$tmp/programs"
	printf 'TEST(short)\n{\n' >"$tmp/programs/memory.c"
	local kernel

	for kernel in 6.1 6.12; do
		cat >"$tmp/vm-$kernel-boot.log" <<-'EOF'
		##run errors
		    KTAP version 1
		    ok 1 ktm_one -ENOENT TM_NOT_FOUND
		    ok 2 ktm_two -EINVAL INVALID_PARAMETER
		    1..2
		ok 1 all
		# called ktm_one EACCES ACCESS_DENIED
		# called ktm_one 0 SUCCESS
		ok 2 others
		EOF
	done
	cat >"$tmp/vm-6.1-debug-boot.log" <<-'EOF'
	##run memory
	# called ktm_two ENOMEM INSUFFICIENT_RESOURCES
	ok 1 short
	EOF
}

tried=0 violations=0
# notices LINE FILE SED-EXPRESSION: so damaged, the checker says LINE.
notices() {
	tried=$((tried + 1))
	called
	cp "$tmp/$2" "$tmp/was"
	sed -i "$3" "$tmp/$2"
	bash "$here/called.sh" "$tmp/said" "$tmp/elsewhere" "$tmp/programs" "$tmp"/vm-*.log \
		>"$tmp/out"
	if cmp -s "$tmp/$2" "$tmp/was" || ! grep -qxF -- "# $1" "$tmp/out" ||
		! grep -q '^not ok ' "$tmp/out"; then
		sed 's/^/# /' "$tmp/out"
		echo "# not noticed: $1"
		violations=$((violations + 1))
	fi
}
called
bash "$here/called.sh" "$tmp/said" "$tmp/elsewhere" "$tmp/programs" "$tmp"/vm-*.log >"$tmp/out"
[ "$(grep -c '^ok ' "$tmp/out")" -eq 4 ] && ! grep -q '^not ok' "$tmp/out"
result $? "what is in order is found in order"

log=vm-6.12-boot.log
notices "ktm_one ENOENT: no test has shown it" $log '/-ENOENT/d'
notices "ktm_one EACCES: no test has shown it" $log '/called ktm_one EACCES/d'
notices "ktm_two EINVAL: no test has shown it" $log 's/^    ok 2/    not ok 2/'
notices "ktm_one ENOENT: no test has shown it" $log 's/^ok 1 all/not ok 1 all/'
notices "ktm_one EACCES: no test has shown it" $log 's/^ok 2 others/ok 2 others # SKIP/'
notices "ktm_one EBUSY: returned, and not described" $log 's/one -ENOENT/one -EBUSY/'
notices "ktm_one EIO: returned, and not described" $log 's/called ktm_one EACCES/called ktm_one EIO/'
notices "ktm_one EBUSY: no test has shown it" said 's/ktm_one ENOENT/ktm_one EBUSY/'
notices "ktm_one ENOENT: returned, and not described" said '/ktm_one ENOENT/d'
notices "nothing is described" said d
notices "ktm_two ENOMEM: no test has shown it" elsewhere '/ENOMEM/d'
notices "ktm_two EBUSY: no description says so" elsewhere 's/ENOMEM/EBUSY/'
notices "ktm_two ENOMEM: there is no test memory:long" elsewhere 's/:short/:long/'
notices "ktm_two ENOMEM: there is no program disk" elsewhere 's/memory:short/disk:*/'
notices "ktm_two ENOMEM: names no test" elsewhere 's/memory:short/memory/'
notices "ktm_two ENOMEM: nobody shows it, and nobody says why" elsewhere 's/memory:short/-/'
notices "ktm_two ENOMEM: twice in the list of what others show" elsewhere 'p'
notices "ktm_two ENOMEM: memory:short has not shown it" vm-6.1-debug-boot.log '/called/d'
notices "ktm_two ENOMEM: memory:short has not shown it" vm-6.1-debug-boot.log 's/^ok 1/not ok 1/'
notices "ktm_two ENOMEM: memory:short has not shown it" vm-6.1-debug-boot.log 's/two ENOMEM/two EINVAL/'
notices "ktm_one EIO: returned, and not described" vm-6.1-debug-boot.log 's/two ENOMEM/one EIO/'
echo "campaign kernel-api-called: tried=$tried violations=$violations seed=0"
result "$violations" "what has returned what nobody says, or not what somebody says, is noticed"

# Those of this tree, as far as can be said without a machine.
: >"$tmp/vm-none.log"
bash "$here/check-called.sh" "$tmp/vm-none.log" >"$tmp/out"
sed -n 's/^# //p' "$tmp/out" >"$tmp/found"
none "$tmp/found" "who shows what the tests on a stock kernel cannot is there"
echo "1..$count"
exit $failed
