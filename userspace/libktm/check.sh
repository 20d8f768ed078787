#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run: timeout=300
#
# The library without the module: header, symbols, manual, installation, and
# the programs in check/. TAP on standard output.

set -uo pipefail

export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$top/build}
lib=$BUILD/userspace/libktm
include=(-I "$here/include" -I "$top/uapi")
warnings=(-Wall -Wextra -Wpedantic -Werror)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

count=0
failed=0

# check NAME COMMAND...: what it prints is shown if it fails.
check() {
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $count $name"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $count $name"
		failed=1
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2"
}

# ---- header

compiles() {
	local language=$1 standard=$2 header

	for header in ktm.h ktm-rm.h ktm/zw.h ktmw32.h; do
		printf '#include <%s>\n#include <%s>\n' $header $header >"$work/header.$language"
		gcc -x "$language" -std="$standard" "${warnings[@]}" "${include[@]}" \
			-fsyntax-only "$work/header.$language" || return 1
	done
}

# ---- symbols: header, map, library and manual name the same functions

# Comments and macros declare nothing.
code() {
	sed -e 's|/\*.*\*/||' -e '/^ \*/d' -e '/^#/d' "$here"/include/*.h
}

# The mirror's have names, and annotations, of Windows.
mirror() {
	cat "$here"/include/ktm/{nt,zw}.h "$here/include/ktmw32.h" |
		sed -n -e 's/^[A-Z]* \(NTAPI\|WINAPI\) \([A-Z][A-Za-z]*\)(.*/\2/p' \
			-e 's/^[A-Z]* \(Ktm[A-Za-z0-9]*\)(.*/\1/p'
}

{
	code | sed -n 's/^.*[ *]\(ktm_[a-z_]*\)(.*/\1/p'
	mirror
} | sort -u >"$work/declared"
# Each function with the release that it came with.
awk '/^KTM_/ { node = $1 } /^\t[A-Za-z0-9_]*;$/ { sub(/;/, "", $1); print $1 "@@" node }' \
	"$here/libktm.map" | sort >"$work/versions"
sed 's/@@.*//' "$work/versions" | sort >"$work/mapped"

exported() {
	nm -D --defined-only --with-symbol-versions "$lib/libktm.so" |
		sed -n 's/^[0-9a-f]* [TW] \(.*\)$/\1/p' | sort
}

all_exported() {
	[ "$(wc -l <"$work/mapped")" -gt 50 ] || return 1
	diff "$work/declared" "$work/mapped" || return 1
	diff "$work/versions" <(exported)
}

# Tables of constants that hold addresses are in .data.rel.ro: read-only once loaded.
# Win32's last error is the exception.
stateless() {
	objdump -t "$lib/libktm.a" >"$work/objects" || return 1
	grep -q ' F \.text.*ktm_enlist$' "$work/objects" || return 1
	# The sixth flag is a d for the sections themselves.
	! awk '!(/ \.tbss/ && / last_error$/) && substr($0, 23, 1) != "d" && !/ \.data\.rel\.ro/ &&
	       /\*COM\*|[ \t]\.(data|bss|tdata|tbss)(\.|[ \t])/' "$work/objects" | grep .
}

all_described() {
	# Nt names are on the pages of the Zw names.
	cat "$here"/man/*.3 | sed -n -e 's/^\.Nm \([A-Za-z0-9_]*\).*/\1/p' |
		sed -e 's/^Zw\(.*\)/&\nNt\1/' | sort >"$work/described"
	uniq -d "$work/described" | sed 's/$/ is described twice/' | grep . && return 1
	diff "$work/mapped" "$work/described"
}

same_sections() {
	local page section sections

	for page in "$here"/man/*.3; do
		sections=$(sed -n 's/^\.Sh //p' "$page" | tr '\n' ,)
		for section in NAME LIBRARY SYNOPSIS DESCRIPTION 'RETURN VALUE' ERRORS THREADS NOTES \
			'SEE ALSO'; do
			[[ ,$sections == *,$section,* ]] || {
				echo "$page lacks $section"
				return 1
			}
		done
	done
}

# Every function's prototype in the manual has as many parameters as in the header.
same_parameters() {
	local header manual

	header=$({ code; cat "$here"/include/ktm/{nt,zw}.h; } |
		sed -e 's|/\*.*\*/||' -e 's/_[A-Za-z]*_bytes_([A-Za-z]*)//' -e '/^typedef/d' | tr '\n\t' '  ' |
		grep -oE '\b(ktm_[a-z_]+|(NTAPI|WINAPI) [A-Z][A-Za-z]+|Ktm[A-Z][A-Za-z0-9]+)\([^()]*\);' |
		sed -e 's/^NTAPI //' -e 's/^WINAPI //' | grep -v '^Nt' | tr -d ' ' |
		awk -F'[(]' '{ n = gsub(/,/, ",", $2) + 1; if ($2 ~ /^(void|VOID)\)/) n = 0
			       print $1, n }' | sort)
	manual=$(cat "$here"/man/*.3 | awk '/^\.Fo / { name = $2; n = 0 }
		/^\.Fa "/ || /^\.Fa void/ { if ($2 != "void") n++ } /^\.Fc/ { print name, n }' | sort)
	[ "$(wc -l <<<"$header")" -gt 150 ] && diff <(echo "$header") <(echo "$manual")
}

pages_clean() {
	local page output

	for page in "$here"/man/*.[37] "$top"/userspace/*/*.8; do
		output=$("$@" "$page" 2>&1)
		[ -z "$output" ] || {
			echo "$page: $output"
			return 1
		}
	done
}

# The errors of each function's page are at least those that conformance.md has tests for.
errnos_as_told() {
	awk -F' *[|] *' '
		function tell(functions, error,    i, n, of) {
			n = split(functions, of, /, */)
			for (i = 1; i <= n; i++) {
				sub(/ .*/, "", of[i])
				if (of[i] ~ /^ktm_/ && error ~ /^E[A-Z]/)
					print of[i], error
			}
		}
		!/^[|]/ { table = ""; next }
		# The functions of a call of the reference stand in the table before its statuses.
		$2 == "native" { table = "functions"; next }
		$2 == "status" { table = "call"; next }
		$2 == "request" && $3 == "status" { table = "request"; next }
		$2 ~ /^-+$/ && $3 ~ /^-+$/ { next }
		table == "functions" { functions = $3 }
		# Keys are for ktm_answer(), which has a page of its own.
		table == "call" && !/answered by key/ { tell(functions, $4) }
		table == "request" && $2 ~ /^STREAM_/ { tell("ktm_" tolower($2), $4) }
	' "$top/Documentation/conformance.md" | sort -u >"$work/told"
	awk 'FNR == 1 { split("", names) }
		/^\.Nm ktm_/ { names[$2] }
		/^\.It Er / { for (name in names) print name, $3 }' "$here"/man/*.3 |
		sort -u >"$work/errnos"
	# The library passes lengths of its own; read(2) has errors of its own.
	cat >>"$work/errnos" <<-'END'
		ktm_read_notifications ENOTTY
		ktm_read_notifications ETIMEDOUT
		ktm_rm_bind_completion EMSGSIZE
		ktm_rm_completion EMSGSIZE
	END
	[ "$(wc -l <"$work/told")" -gt 400 ] &&
		! comm -23 "$work/told" <(sort -u "$work/errnos") | sed 's/$/ is not on its page/' | grep .
}

# ---- porting notes

# Their table of statuses is that of the code.
statuses_as_told() {
	local code name nt

	code=$(sed -n 's/^\t{ STATUS_\([A-Z_]*\), \([A-Z_]*\) },$/\1 \2/p' "$here/win32_status.c")
	sed -n 's/^\t\[KTM_STATUS_\([A-Z_]*\)\] = STATUS_\([A-Z_]*\),$/\1 \2/p' "$here/zw_status.c" |
		while read -r name nt; do
			echo "$name $nt $(sed -n "s/^$nt //p" <<<"$code")"
		done >"$work/code"
	awk -F' *[|] *' '/^[|] `KTM_STATUS_`/ { table = 1; next } !/^[|]/ { table = 0 }
		table && $2 !~ /^-/ { print $2, $3, $4 }' "$top/Documentation/porting.md" >"$work/told"
	[ "$(wc -l <"$work/code")" -gt 45 ] && diff "$work/code" "$work/told"
}

code_compiles() {
	local options

	awk '/^```/ { block = $0 == "```c"; next } block' "$top/Documentation/porting.md" >"$work/ported.c"
	[ -s "$work/ported.c" ] || return 1
	for options in '-x c' '-x c -fshort-wchar' '-x c++'; do
		# shellcheck disable=SC2086
		gcc $options "${warnings[@]}" "${include[@]}" -fsyntax-only "$work/ported.c" || return 1
	done
}

# What streams.md leaves to its reader, and what it is for.
cat >"$work/streams_before.c" <<'END'
#include <ktm-rm.h>
#include <errno.h>

#define min(a, b) ((a) < (b) ? (a) : (b))

struct done {
	struct ktm_guid enlistment;
};

static int stream;
static unsigned char buffer[KTM_MAX_STREAM_RECORD];
struct iovec redo_of(const struct ktm_rm_event *event);
struct iovec done_of(const struct ktm_rm_event *event);
int carry_out(const struct ktm_rm_event *event);
int take(const struct ktm_stream_record *record, const void *data);
int sync_store(void);
uint64_t oldest_undecided(void);
END
cat >"$work/streams_after.c" <<'END'
extern const struct ktm_rm_ops ops;
const struct ktm_rm_ops ops = {
	.prepare = prepare, .commit = commit, .recovering = recovering,
};
extern int (*const now_and_then)(void);
int (*const now_and_then)(void) = sync_now_and_then;
END

streams_code_compiles() {
	awk '/^```/ { block = $0 == "```c"; next } block' "$top/Documentation/streams.md" \
		>"$work/streams_told.c"
	[ -s "$work/streams_told.c" ] || return 1
	cat "$work"/streams_{before,told,after}.c >"$work/streams.c"
	gcc "${warnings[@]}" -Wno-unused-parameter "${include[@]}" -fsyntax-only "$work/streams.c"
}

# ---- installation

install_all() {
	make --no-print-directory -C "$here" install DESTDIR="$work/root" PREFIX=/opt/ktm &&
		install -D -m 644 "$top/uapi/linux/ktm.h" "$work/root/opt/ktm/include/linux/ktm.h"
}

cat >"$work/user.c" <<'END'
#include <ktm-rm.h>
#include <stdio.h>

int main(void)
{
	int ret = ktm_open_device();

	printf("%s\n", ktm_status_text(KTM_STATUS_LOG_FULL));
	return ret < 0 && ret != -2 && ret != -6 && ret != -13;
}
END

# The compiler gets from pkg-config alone where everything is.
builds_installed() {
	local flags

	export PKG_CONFIG_PATH=$work/root/opt/ktm/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root
	flags=$(pkg-config --cflags --libs "$@" libktm) || return 1
	# shellcheck disable=SC2086
	gcc -o "$work/user" "$work/user.c" ${static:-} $flags || return 1
	LD_LIBRARY_PATH=$work/root/opt/ktm/lib "$work/user"
}

builds_static() {
	local static=-static

	builds_installed --static
}

manual_of_every_name() {
	local name

	while read -r name; do
		[ -s "$work/root/opt/ktm/share/man/man3/$name.3" ] || {
			echo "man3/$name.3 is not installed"
			return 1
		}
	done <"$work/mapped"
}

# ---- programs

# The statuses with their numbers and errnos, as the header says them.
statuses() {
	local name number error

	sed -n 's|^\tKTM_STATUS_\([A-Z_]*\)[[:space:]]*= \([0-9]*\),[[:space:]]*/\* \([a-zA-Z]*\).*|\1 \2 \3|p' \
		"$top/uapi/linux/ktm.h" >"$work/names"
	sed -n 's|^\tKTM_STATUS_\([A-Z_]*\)[[:space:]]*= 0,$|\1 0 success|p' "$top/uapi/linux/ktm.h"
	while read -r name number error; do
		echo "$name $number $error"
	done <"$work/names"
}

with_values() {
	local name number error

	{
		echo '#include <errno.h>'
		echo '#include <stdio.h>'
		echo 'int main(void) {'
		while read -r name number error; do
			if [ "$error" = success ]; then
				echo "printf(\"$name $number - 0\\n\");"
			else
				echo "printf(\"$name $number $error %d\\n\", $error);"
			fi
		done
		echo 'return 0; }'
	} >"$work/errno.c"
	gcc -o "$work/errno" "$work/errno.c" && "$work/errno"
}

sanitizers=(-g -fsanitize=address,undefined -fno-sanitize-recover=all)

build_check() {
	statuses | with_values >"$work/statuses" &&
		gcc -std=gnu11 "${sanitizers[@]}" -Wall -Wextra -Werror "${include[@]}" \
			-o "$work/check" "$here"/check/check.c "$here"/*.c -luuid
}

build_mirror() {
	gcc -std=gnu11 "${sanitizers[@]}" -Wall -Wextra -Werror "${include[@]}" -I "$here" \
		-o "$work/mirror" "$here"/check/mirror.c "$here"/*.c -luuid -lpthread
}

build_loop() {
	gcc -std=gnu11 "${sanitizers[@]}" -Wall -Wextra -Werror "${include[@]}" \
		-o "$work/loop" "$here"/check/loop.c \
		"$here"/{rm_answer,rm_loop,rm_recovery,gather,notification,status,call}.c
}

# Its results become ours, under our numbers.
run_program() {
	local line status

	"$@" >"$work/output" 2>&1 </dev/null
	status=$?
	while read -r line; do
		case $line in
		'ok '* | 'not ok '*)
			count=$((count + 1))
			[[ $line == ok* ]] || failed=1
			echo "${line%%[0-9]*}$count ${line#*[0-9] }"
			;;
		1..*) ;;
		campaign*) echo "$line" ;;
		*) echo "# $line" ;;
		esac
	done <"$work/output"
	check "$(basename "$1") ends well" [ $status -eq 0 ]
}

forty_lines() {
	local lines

	lines=$(grep -cvE '^\s*$|^\s*//|^\s*/?\*|^#include|^\s*[{}]\s*$' "$top/userspace/examples/rm40.c")
	echo "$lines lines"
	[ "$lines" -le 40 ]
}

echo "TAP version 13"
check "the headers compile as C11" compiles c c11
if command -v g++ >/dev/null; then
	check "the headers compile as C++11" compiles c++ c++11
	check "the headers compile as C++20" compiles c++ c++20
else
	skip "the headers compile as C++" "no g++"
fi
check "library builds" make --no-print-directory -C "$here" all
check "every function of the headers is exported with its version, and nothing else" all_exported
check "the library keeps no state: nothing in it can be written to" stateless
check "every function has its page in the manual" all_described
check "the manual has the headers' parameters" same_parameters
check "the manual has the errors that tests have shown" errnos_as_told
check "all pages have the same sections" same_sections
if command -v groff >/dev/null; then
	check "groff formats the manual without a warning" pages_clean groff -ww -mdoc -Tutf8 -z
else
	skip "groff formats the manual" "no groff"
fi
if command -v mandoc >/dev/null; then
	check "mandoc finds nothing to complain of" pages_clean mandoc -Tlint -W warning
else
	skip "mandoc checks the manual" "no mandoc"
fi
check "the porting notes have the table of statuses that the code has" statuses_as_told
check "the code in them compiles" code_compiles
check "so does the resource manager of streams.md" streams_code_compiles
check "make install" install_all
check "a program builds and runs with what pkg-config says" builds_installed
check "so does a static one" builds_static
check "every function's name leads to its page" manual_of_every_name
check "the example resource manager has at most 40 lines of code" forty_lines
check "the test of the calls builds" build_check
[ ! -x "$work/check" ] || run_program "$work/check" "$work/statuses"
check "the test of the mirror builds" build_mirror
[ ! -x "$work/mirror" ] || run_program "$work/mirror"
check "the test of the loop builds" build_loop
[ ! -x "$work/loop" ] || run_program "$work/loop"
echo "1..$count"
exit $failed
