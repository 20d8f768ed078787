#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build all there is, in TAP. The modules are built anew, so that a warning that
# an earlier build has shown is shown again.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

read -ra kernels <<<"$KERNELS"
jobs=-j$(nproc)
log=$(mktemp) || exit 1
installed=$(mktemp -d) || exit 1
trap 'rm -rf "$log" "$installed"' EXIT

# What git sees that nobody committed, less the directory of the build.
tree_state() {
	git rev-parse --git-dir >/dev/null 2>&1 || return 1
	git status --porcelain --ignored | sed '/^!! build\/$/d'
}
before=$(tree_state)

echo "TAP version 13"
echo "1..$((${#kernels[@]} + 4))"
count=0
failed=0

result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count $2"
	else
		sed 's/^/# /' "$log"
		echo "not ok $count $2"
		failed=1
	fi
}

for kernel in "${kernels[@]}"; do
	rm -rf "${BUILD:?}/$kernel"
	make "$jobs" "module-$kernel" WERROR=1 >"$log" 2>&1 &&
		! grep -qi 'warning' "$log" && [ -s "$BUILD/$kernel/ktm.ko" ]
	result $? "ktm.ko for $kernel builds without a warning at W=1 and under sparse"
done
make "$jobs" tests >"$log" 2>&1
result $? "library, programs and tests build"

# What make install puts below DESTDIR, and what each of those is there for.
is_installed() {
	local file kernel

	make "$jobs" install DESTDIR="$installed" PREFIX=/usr >"$log" 2>&1 || return 1
	for file in include/linux/ktm.h include/ktm.h lib/libktm.a lib/libktm.so \
		lib/libktm.so.1 lib/pkgconfig/libktm.pc; do
		[ -s "$installed/usr/$file" ] || { echo "no $file" >>"$log"; return 1; }
	done
	for file in ktmctl ktm-rm-files ktm-rm-sqlite; do
		[ -x "$installed/usr/sbin/$file" ] || { echo "no $file" >>"$log"; return 1; }
	done
	find "$installed" -path '*/udev/rules.d/*.rules' | grep -q . ||
		{ echo "no udev rule" >>"$log"; return 1; }
	for kernel in "${kernels[@]}"; do
		file=$(modinfo -F vermagic "$BUILD/$kernel/ktm.ko" | cut -d' ' -f1)
		[ -s "$installed/lib/modules/$file/updates/ktm.ko" ] || return 1
	done
}
is_installed
result $? "make install puts all there is below DESTDIR"

# From nothing else than that: as Documentation/kernel-api.md says.
driver_builds() {
	local dir=$installed/driver src=$installed/usr/src/ktm headers kernel version

	for kernel in "${kernels[@]}"; do
		headers=$(scripts/kernels.sh "$kernel" | cut -d' ' -f2)/headers
		version=$(modinfo -F vermagic "$BUILD/$kernel/ktm.ko" | cut -d' ' -f1)
		rm -rf "$dir"
		cp -r selftests/ktm_test "$dir"
		make -s -C "$headers" M="$dir" W=1 CONFIG_DEBUG_INFO_BTF_MODULES= \
			KTM_INCLUDE="$src/include" \
			KBUILD_EXTRA_SYMBOLS="$src/$version/Module.symvers" modules \
			>"$log" 2>&1 || return 1
		! grep -qi warning "$log" || return 1
		[ "$(modinfo -F depends "$dir/ktm_test.ko")" = ktm ] || return 1
	done
}
driver_builds
result $? "a driver builds against what make install puts there"

# Someone's own new files are not the build's: only what was there before counts.
if after=$(tree_state); then
	diff <(echo "$before") <(echo "$after") >"$log"
	result $? "the build leaves nothing in the source tree"
else
	result 0 "the build leaves nothing in the source tree # SKIP not a git clone"
fi
exit $failed
