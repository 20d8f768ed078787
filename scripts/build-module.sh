#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/build-module.sh 6.1|6.12|running OUT [DIRECTORY]
#
# Build OUT/ktm.ko for one kernel; with DIRECTORY, the name of one of the tree, the module or the
# modules there, which use the OUT/ktm.ko that was built before: OUT/NAME/NAME.ko, or
# OUT/NAME/*/*.ko. The kernel's build system puts objects beside
# sources, so OUT gets a tree of symbolic links: several kernels can then be
# built for at once, and the source tree stays clean.
#
# Always at W=1 and, where sparse is installed, under sparse. WERROR=1 makes
# every warning an error. KCFLAGS is handed on.

set -euo pipefail

export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
export LC_ALL=C.UTF-8

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

[ $# -eq 2 ] || [ $# -eq 3 ] || {
	echo "usage: build-module.sh 6.1|6.12|running OUT [DIRECTORY]" >&2
	exit 1
}
kernel=$1
out=$2
sources=("$top/Kbuild" "$top/kernel" "$top/uapi")
options=()
name=ktm
if [ $# -eq 3 ]; then
	name=$(basename "$3")
	sources=("$top/$3"/*)
	options+=("KBUILD_EXTRA_SYMBOLS=$out/Module.symvers" "KTM_INCLUDE=$top/kernel/include $top")
	out+=/$name
fi

if [ "$kernel" = running ]; then
	headers=/lib/modules/$(uname -r)/build
	[ -d "$headers" ] || {
		echo "build-module: no headers of the running kernel in $headers" >&2
		exit 1
	}
else
	headers=$("$top/scripts/kernels.sh" "$kernel" | cut -d' ' -f2)/headers
fi

mkdir -p "$out"
# Links to sources that are no more would still be built.
find "$out" -xtype l -delete
cp -rs --remove-destination "${sources[@]}" "$out/"

options+=(W=1)
# Without BTF of its own, which would need pahole and the kernel's vmlinux.
options+=(CONFIG_DEBUG_INFO_BTF_MODULES=)
flags=${KCFLAGS:-}
[ "${WERROR:-}" != 1 ] || flags+=" -Werror"
if command -v sparse >/dev/null; then
	options+=(C=1)
	[ "${WERROR:-}" != 1 ] || options+=("CF=-Wsparse-error")
fi

# What versions the symbols of ktm.ko have now is no dependency for the kernel's build system.
[ $# -ne 3 ] || [ "$out/../Module.symvers" -ot "$out/Module.symvers" ] ||
	rm -f "$out/Module.symvers"

echo "  MODULE  $out"
KCFLAGS=$flags ${MAKE:-make} --no-print-directory -s -C "$headers" M="$out" \
	"${options[@]}" modules
