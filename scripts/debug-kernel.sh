#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/debug-kernel.sh DEB OUT
#
# Build a kernel with scripts/debug.config from the source package DEB, and leave in
# OUT what scripts/kernels.sh describes. Called by it only, which keeps the result.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
config=$here/debug.config
deb=$1
out=$2
tree=$out/tree

die() {
	echo "debug-kernel: $*" >&2
	exit 1
}

for program in bc bison flex; do
	command -v "$program" >/dev/null || die "$program is missing: run scripts/setup.sh"
done
[ -e /usr/include/gelf.h ] || die "libelf-dev is missing: run scripts/setup.sh"

# What make around us said about its own jobs is not for the kernel's, and its
# result must not depend on who builds it and where.
unset MAKEFLAGS MFLAGS MAKELEVEL KBUILD_OUTPUT ARCH CROSS_COMPILE KCFLAGS
export KBUILD_BUILD_USER=ktm KBUILD_BUILD_HOST=ktm

unpack() {
	local name

	dpkg -x "$deb" "$out/package"
	name=$(basename "$out"/package/usr/src/linux-source-*.tar.xz .tar.xz)
	mkdir -p "$tree"
	tar -C "$tree" --strip-components=1 -xf "$out/package/usr/src/$name.tar.xz"
	rm -rf "$out/package"
}

configure() {
	local line

	KCONFIG_ALLCONFIG=$config make -s -C "$tree" allnoconfig
	# Kconfig drops without a word what it cannot have.
	grep '^CONFIG_' "$config" | while read -r line; do
		grep -qxF "$line" "$tree/.config" || {
			echo "not to be had: $line"
			exit 1
		}
	done
}

# What is needed to build modules: programs, makefiles, headers, symbols.
keep_headers() {
	mkdir "$out/headers"
	(cd "$tree" &&
	 {
		find . arch/x86 -maxdepth 1 -name 'Makefile*'
		find .config Module.symvers include scripts arch/x86/include tools/objtool/objtool \
			! -name '*.o' ! -name '*.cmd' -type f
		find include scripts arch/x86/include -type l
	 } | cpio -pdm --quiet "$out/headers")
}

# All that is said on the way is of interest only if it fails.
exec 3>&2 >"$out/log" 2>&1
trap 'tail -n 30 "$out/log" >&3; echo "debug-kernel: the kernel could not be built" >&3' EXIT

unpack
configure
make -s -C "$tree" "-j$(nproc)" bzImage modules
release=$(make -s -C "$tree" kernelrelease)
# A kernel with KASAN says nothing when it is started as an ELF file.
cp "$tree/arch/x86/boot/bzImage" "$out/vmlinux"
make -s -C "$tree" INSTALL_MOD_PATH="$out/modules" INSTALL_MOD_STRIP=1 modules_install
rm -f "$out/modules/lib/modules/$release"/{build,source}
keep_headers
rm -rf "$tree"
echo "$release" >"$out/version"

trap - EXIT
rm "$out/log"
