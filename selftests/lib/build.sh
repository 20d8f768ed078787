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
echo "1..$((${#kernels[@]} + 6))"
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

dir=$installed/driver
src=$installed/usr/src/ktm

copy_driver() {
	cp -r selftests/ktm_test "$dir"
}

copy_samples() {
	cp -r samples "$dir"
}

# The blocks of a language of Documentation/kernel-api.md.
blocks() {
	awk -v begin="\`\`\`$1" '/^```/ { block = $0 == begin; next } block' \
		Documentation/kernel-api.md
}

# Its examples, with what makes a module of them.
copy_example() {
	mkdir "$dir" || return 1
	{
		blocks c
		cat <<-'END'
			#include <linux/module.h>

			static int fd;
			module_param(fd, int, 0);

			static int __init start(void)
			{
				return begin_rm(fd) ?: stage(fd, NULL) ?: begin(fd) ?: once_more();
			}
			module_init(start);

			static void __exit stop(void)
			{
				ktm_rm_put(rm);
				end();
			}
			module_exit(stop);
			MODULE_DESCRIPTION("the examples of Documentation/kernel-api.md");
			MODULE_LICENSE("GPL");
		END
	} >"$dir/counter.c"
	blocks make | sed "s|/usr/local/src/ktm|$src|" >"$dir/Makefile"
}

# driver_builds NAME COPY: from nothing else than what was installed, as kernel-api.md says.
driver_builds() {
	local headers kernel version

	for kernel in "${kernels[@]}"; do
		headers=$(scripts/kernels.sh "$kernel" | cut -d' ' -f2)/headers
		version=$(modinfo -F vermagic "$BUILD/$kernel/ktm.ko" | cut -d' ' -f1)
		rm -rf "$dir"
		"$2" || return 1
		make -s -C "$headers" M="$dir" W=1 CONFIG_DEBUG_INFO_BTF_MODULES= \
			KTM_INCLUDE="$src/include" \
			KBUILD_EXTRA_SYMBOLS="$src/$version/Module.symvers" modules \
			>"$log" 2>&1 || return 1
		! grep -qi warning "$log" || return 1
		[ "$(modinfo -F depends "$dir/$1.ko")" = ktm ] || return 1
	done
}
driver_builds ktm_test copy_driver
result $? "a driver builds against what make install puts there"
driver_builds ktm_sample_rm/ktm_sample_rm copy_samples
result $? "so do the samples"
driver_builds counter copy_example
result $? "so do the examples of the kernel interface"

# Someone's own new files are not the build's: only what was there before counts.
if after=$(tree_state); then
	diff <(echo "$before") <(echo "$after") >"$log"
	result $? "the build leaves nothing in the source tree"
else
	result 0 "the build leaves nothing in the source tree # SKIP not a git clone"
fi
exit $failed
