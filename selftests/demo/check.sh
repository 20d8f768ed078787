#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the demo's own parts on the host: does demo-check find what it is
# there to find, and does the import without transactions leave what it should?
# Then the demo itself with a few power cuts, and with faults that it must find.
# TAP on standard output.
#
# run: timeout=1800
# run: alone if-time

set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${BUILD:-$here/../../build}/demo/bin
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

count=0
failed=0

verdict()
{
	local name=$1

	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		failed=$((failed + 1))
		echo "not ok $count - $name"
		[ ! -s out ] || sed 's/^/# /' out
	fi
}

# A catalogue of three packages; the last two share a file.
add_document()	# PACKAGE PATH CONTENT
{
	mkdir -p "tree$(dirname "$2")"
	printf '%s' "$3" >"tree$2"
	printf '%s\t1.0\t%s\t%s\t%s\n' "$1" "$2" "${#3}" "$(printf '%s' "$3" | sha256sum | head -c 64)" \
		>>manifest
}
add_document one /usr/share/doc/one/copyright "all mine"
add_document one /usr/share/doc/one/README "read me"
add_document two /usr/share/doc/two/copyright "free"
add_document three /usr/share/doc/three/copyright "free"
add_document three /usr/share/doc/three/NEWS "new"
readme=$(printf 'read me' | sha256sum | head -c 64)
free=$(printf 'free' | sha256sum | head -c 64)

# The index as the import in transactions would leave it (index.h).
make_keys()
{
	local package

	cut -f1 manifest | uniq | while read -r package; do
		grep "^$package	" manifest | cut -f5 >digests
		printf '%s\t1.0 %d %s\n' "$package" "$(wc -l <digests)" \
			"$(tr -d '\n' <digests | sha256sum | head -c 64)"
	done >keys
}

# Every state begins as the import leaves it.
fresh()
{
	rm -rf files db db-*
	mkdir files
	make_keys
	"$bin/demo-baseline" manifest tree db files >imported
}

sql()
{
	sqlite3 db "$1" 2>out
}

check()		# OPTION...
{
	"$bin/demo-check" "$@" manifest db files >out 2>&1
}

finds()		# WORDS [OPTION...]: the check complains, and of this
{
	local words=$1

	shift
	check "$@"
	[ $? -eq 1 ] && grep -q "^VIOLATION: $words" out
}

whole_is_whole()
{
	fresh && printf 'one\nthree\n' >acknowledged &&
	check --acknowledged acknowledged --whole whole &&
	grep -qx "3 packages whole, 0 torn, 0 not there; 5 rows, 4 files, 0 keys; 2 acknowledged" \
		out &&
	[ "$(tr '\n' ' ' <whole)" = "one two three " ] &&
	[ "$(tr '\n' ' ' <imported)" = "@baseline one @baseline two @baseline three " ]
}
verdict "an import that came to its end is whole" whole_is_whole

nothing_is_nothing()
{
	rm -rf files db db-*
	mkdir files
	check && grep -q "^0 packages whole, 0 torn, 3 not there; 0 rows, 0 files" out
}
verdict "no import at all is no violation" nothing_is_nothing

missing_file() { fresh && rm "files/$readme" && finds "a row without its file"; }
verdict "a missing file is found" missing_file

wrong_content()
{
	fresh && printf 'read he' >"files/$readme" &&
	finds "a file whose content is not what its name says"
}
verdict "a file with other content is found" wrong_content

empty_file() { fresh && : >"files/$readme" && finds "a package that is there in part: one"; }
verdict "a file that lost its content makes its package torn" empty_file

orphan()
{
	fresh && sql "DELETE FROM documents WHERE package = 'two' OR package = 'three'" &&
	finds "a file without a row"
}
verdict "a file without a row is found" orphan

foreign_file() { fresh && : >files/notes && finds "a file that no row can name: notes"; }
verdict "a file of another name is found" foreign_file

temporary_file() { fresh && : >"files/.$readme" && check; }
verdict "a temporary file is not mistaken for one" temporary_file

half_rows()
{
	fresh && sql "DELETE FROM documents WHERE path LIKE '%one/README'" &&
	rm "files/$readme" && finds "a package that is there in part: one"
}
verdict "a package with half of its rows is found, though rows and files agree" half_rows

shared_file()
{
	fresh && sql "DELETE FROM documents WHERE package = 'two'" && check &&
	grep -q "^2 packages whole, 0 torn, 1 not there" out
}
verdict "a file that two packages share belongs to either" shared_file

wrong_row()
{
	fresh && sql "UPDATE documents SET sha256 = '$free' WHERE path LIKE '%one/README'" &&
	finds "a row that the catalogue does not have"
}
verdict "a row that names another file is found" wrong_row

wrong_version()
{
	fresh && sql "UPDATE documents SET version = '2.0' WHERE package = 'two'" &&
	finds "a row that the catalogue does not have"
}
verdict "a row of another version is found" wrong_version

lost_package()
{
	fresh && sql "DELETE FROM documents WHERE package = 'two'" && echo two >acknowledged &&
	finds "a package that was reported committed is not there whole: two" \
		--acknowledged acknowledged
}
verdict "an acknowledged package that is gone without a trace is found" lost_package

torn_is_counted()
{
	fresh && rm "files/$readme" "files/$free" && check --count-torn &&
	grep -q "^0 packages whole, 3 torn, 0 not there" out
}
verdict "the import without transactions has its torn packages counted" torn_is_counted

goes_on_as_usual()
{
	# As after a cut: the database has the first package, the files are lost.
	fresh && rm "files/$readme" && sql "DELETE FROM documents WHERE package = 'three'" &&
	"$bin/demo-baseline" manifest tree db files >imported &&
	[ "$(cat imported)" = "@baseline three" ] && check --count-torn &&
	grep -q "^2 packages whole, 1 torn" out
}
verdict "started again it goes on with what its database does not know" goes_on_as_usual

# ---- the third participant

# The check with the keys complains of this, the one without them does not.
finds_in_keys()
{
	finds "$1" --keys keys && check
}

keys_are_whole()
{
	fresh && check --keys keys --whole whole &&
	grep -q "^3 packages whole, 0 torn, 0 not there; 5 rows, 4 files, 3 keys; " out &&
	[ "$(tr '\n' ' ' <whole)" = "one two three " ]
}
verdict "rows, files and keys of all packages are whole" keys_are_whole

missing_key()
{
	fresh && sed -i '/^two/d' keys && finds_in_keys "rows without their key: two" &&
	finds "a package that is there in part: two" --keys keys &&
	grep -q "^2 packages whole, 1 torn, 0 not there" out
}
verdict "a missing key is found" missing_key

no_keys()
{
	fresh && : >keys && finds_in_keys "rows without their key: one" &&
	finds "a package that is there in part: three" --keys keys
}
verdict "a store that has lost everything is found" no_keys

extra_key()
{
	fresh && sql "DELETE FROM documents WHERE package = 'two'" &&
	finds_in_keys "a key without its rows: two" &&
	finds "a package that is there in part: two" --keys keys
}
verdict "a key without its rows is found" extra_key

foreign_key()
{
	fresh && printf 'four\t1.0 1 %s\n' "$free" >>keys &&
	finds_in_keys "a key that the catalogue does not have: four"
}
verdict "a key of another name is found" foreign_key

key_twice()
{
	fresh && sed -n 1p keys >>keys && finds_in_keys "a key that is there twice: one"
}
verdict "a key that is there twice is found" key_twice

other_value()
{
	fresh && sed -i "s/^two\t.*/two\t$(grep '^three' keys | cut -f2)/" keys &&
	finds_in_keys "a key with a value that is not its own: two" &&
	finds "a package that is there in part: two" --keys keys
}
verdict "a key with another's value is found" other_value

old_value()
{
	fresh && sed -i 's/^one\t1.0/one\t0.9/' keys &&
	finds_in_keys "a key with a value that is not its own: one"
}
verdict "a key with a value of another version is found" old_value

lost_key()
{
	fresh && sed -i '/^two/d' keys && echo two >acknowledged &&
	finds "a package that was reported committed is not there whole: two" --keys keys \
		--acknowledged acknowledged
}
verdict "an acknowledged package whose key is gone is found" lost_key

all_or_nothing()
{
	fresh && sql "DELETE FROM documents WHERE package = 'two'" && sed -i '/^two/d' keys &&
	check --keys keys && grep -q "^2 packages whole, 0 torn, 1 not there" out
}
verdict "a package without rows and key is not there, and that is no violation" all_or_nothing

damaged_list()
{
	fresh && echo "one two" >>keys
	check --keys keys
	[ $? -eq 2 ]
}
verdict "what is no list of keys is refused" damaged_list

damaged_manifest()
{
	fresh && printf 'one\t1.0\t/x\n' >broken &&
	"$bin/demo-check" broken db files >out 2>&1
	[ $? -eq 2 ]
}
verdict "what is no manifest is refused" damaged_manifest

catalogue_matches_tree()
{
	"$here/catalogue.sh" "$tmp/catalogue.img" "$tmp/real" >out 2>&1 || return 1
	[ "$(cut -f1 real | uniq | wc -l)" -ge 200 ] &&
	[ "$(cut -f3 real | sort | uniq -d | wc -l)" -eq 0 ] &&
	debugfs -R "dump /manifest $tmp/inside" catalogue.img >/dev/null 2>&1 &&
	cmp -s real inside &&
	debugfs -R "dump $(head -n 1 real | cut -f3) $tmp/first" catalogue.img >/dev/null 2>&1 &&
	[ "$(sha256sum <first | head -c 64)" = "$(head -n 1 real | cut -f5)" ]
}
verdict "the catalogue of this machine has 200 packages, and holds what it lists" \
	catalogue_matches_tree

# ---- the demo itself

demo()		# DIRECTORY, the rest comes from the environment
{
	DEMO_WORK=$tmp/$1 "$here/run" >out 2>&1
}

short_run()
{
	SEED=10 CUTS=3 demo good && grep -qx "Every check passed." out &&
	[ "$(grep -c 'Power cut' out)" -eq 3 ] &&
	grep -qE '^  with transactions: +([0-9]+) of \1 packages are whole, 0 torn;' out &&
	grep -qE ' ([0-9]+) packages are there whole, 0 in part, .* files, \1 keys;' out &&
	grep -q "^The journal's disk flushed " out
}
verdict "three power cuts lose nothing that was reported committed" short_run

# The first cut of this seed comes after a few packages. A manager that lost its
# store may leave transactions that nobody ends: no use in waiting for long.
export RECOVER_SECONDS=20
finds_fault()	# FAULT [WORDS]
{
	SEED=10 CUTS=8 FAULT=$1 demo "$1"
	[ $? -eq 1 ] && grep -q "VIOLATION: ${2:-}" out &&
		grep -q "^To repeat this recovery: " out
}

repeats()	# the recovery that the last run found fault with
{
	local command

	command=$(sed -n 's/^To repeat this recovery: //p' out)
	(cd "$here/../.." && env $command) >out 2>&1
	[ $? -eq 1 ] && grep -q VIOLATION out && tail -n 1 out | grep -q "this recovery failed"
}
verdict "a files manager that does not sync is found out" finds_fault files
verdict "and the command that was printed finds it again" repeats
verdict "an SQLite manager that does not sync is found out" finds_fault sqlite
verdict "a driver that votes before its redo is in the log is found out" \
	finds_fault sample-redo-with-the-commit "rows without their key"
verdict "and the command that was printed finds it again, in the driver" repeats
verdict "a driver that recovers without carrying out its redo is found out" \
	finds_fault sample-redo-is-not-done "rows without their key"

costs_a_flush()
{
	CUTS=0 FAULT=sample-vote-is-flushed demo flushed
	[ $? -eq 1 ] && grep -q "a commit costs more than one flush" out && ! grep -q VIOLATION out
}
verdict "a driver that flushes before it votes is found out" costs_a_flush

no_such_fault()
{
	FAULT=sample-none demo none
	[ $? -eq 1 ] && grep -q "FAULT is files, sqlite or a fault of the driver" out
}
verdict "a fault that there is not is refused" no_such_fault

echo "1..$count"
exit $((failed != 0))
