#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=600
#
# What README.md tells people to type is what works: its commands are taken out
# of it and run, those that install on the host into a directory of their own,
# the others in a virtual machine.

set -u
set -o pipefail

export LC_ALL=C.UTF-8
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-$top/build}
kernel=6.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

ok() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		[ -s "$work/log" ] && sed 's/^/# /' "$work/log"
		status=1
	fi
	: >"$work/log"
}
status=0

# The shell blocks below a heading of the README.
commands() {
	awk -v heading="## $1" '
		/^## / { inside = $0 == heading }
		/^```/ { block = inside && $0 == "```sh"; next }
		block' "$top/README.md"
}

echo "TAP version 13"
echo "1..6"

# They are what runs this test, so it is only seen that they are targets.
commands "Two commands" >"$work/two"
while read -r make target; do
	[ "$make" = make ] && grep -q "^$target:" "$top/Makefile" || echo "no target: $make $target"
done <"$work/two" >"$work/log"
test -s "$work/two" && ! test -s "$work/log"
ok $? "README: the two commands"

# As a distribution would install it, without touching this machine.
commands "Use it" | grep make | sed "s|sudo ||; s|KERNELS=running|KERNELS=$kernel|" >"$work/install"
(cd "$top" && BUILD=$build DESTDIR=$work/root sh -e "$work/install") </dev/null >"$work/log" 2>&1
ok $? "README: make, make install"
prefix=$work/root/usr/local
programs=$(find "$prefix" -type f -path '*bin/*' '(' -name 'ktm-rm-*' -o -name ktmctl ')')
[ "$(echo "$programs" | wc -w)" = 3 ] && ls "$prefix"/include/{ktm.h,ktm-rm.h,linux/ktm.h} \
	"$prefix"/lib/udev/rules.d/60-ktm.rules >"$work/log" 2>&1 &&
	find "$work/root" -name 'ktm.ko*' | grep -q .
ok $? "README: what is installed is where it belongs"

{
	cat <<'END'
sudo() { "$@"; }
until_true() {
	for i in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	echo "never true: $*"
	return 1
}
online() { ktmctl status | grep -q 'online, durable'; }
both() { test -S sql.socket && test -S files.socket && test "$(ktmctl status | grep -c 'durable, online')" = 2; }
cd /tmp
ln -sf /dev/disk/ktm/journal /dev/vdb
set -e
END
	commands "Use it" | grep -v -e make -e sysusers -e modprobe
	cat <<'END'
until_true online
until_true both
TM=$(ktmctl status | grep -oE '[0-9a-f-]{36}' | head -n 1)
END
	# A person does not type as fast as this: the client waits for the socket.
	commands "A resource manager in 40 lines" |
		sed 's/^sudo rm40-client/until_true test -S value\/socket\n&/'
	cat <<'END'
until_true grep -qx 'a new value' value/value
END
} >"$work/guest.sh"

truncate -s 64M "$work/journal"
options=(--kernel "$kernel" --timeout 300 --module "$build/$kernel/ktm.ko"
	--disk "$work/journal,serial=journal" --file "$work/guest.sh:/guest.sh")
for program in $programs "$build"/userspace/examples/rm40{,-client}; do
	options+=(--bin "$program")
done
grep -q 'ktmctl status' "$work/guest.sh" && grep -q rm40-client "$work/guest.sh" &&
	"$top/selftests/vm/vm" run "${options[@]}" -- sh -x /guest.sh >"$work/log" 2>&1
ok $? "README: a journal, two resource managers, the one in 40 lines"

# What it quotes is what stands in the example.
awk '/^```/ { block = $0 == "```c"; next } block && NF' "$top/README.md" >"$work/quoted"
test -s "$work/quoted" && ! grep -vxFf "$top/userspace/examples/rm40.c" "$work/quoted" >"$work/log"
ok $? "README: its lines of rm40.c are those of rm40.c"

lines=$(sed -e '1,/^ \*\/$/d' -e '/^\s*\/[*\/]/d' -e '/^\s*$/d' -e '/^#include/d' \
	"$top/userspace/examples/rm40.c" | grep -c -v -x -e '[{}]' -e '};')
echo "# rm40.c has $lines lines of code, includes and lone braces not counted" >"$work/log"
[ "$lines" -le 45 ]
ok $? "README: an RM in about 40 lines"
cat "$work/log"
exit $status
