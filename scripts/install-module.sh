#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/install-module.sh 6.1|6.12|running OUT
#
# Install OUT/ktm.ko where modprobe of that kernel finds it, below DESTDIR. On
# the machine itself a kernel that is not installed there is left out. What drivers need to be
# built against it goes to PREFIX/src/ktm/VERSION.

set -euo pipefail

export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"

kernel=$1
out=$2

# The module knows better than anybody which kernel it was built for.
version=$(modinfo -F vermagic "$out/ktm.ko" | cut -d' ' -f1)
modules=${DESTDIR:-}/lib/modules/$version

if [ -z "${DESTDIR:-}" ] && [ ! -d "$modules/kernel" ]; then
	echo "install: kernel $version is not installed here, leaving out its ktm.ko"
	exit 0
fi
install -D -m 644 "$out/ktm.ko" "$modules/updates/ktm.ko"
install -D -m 644 "$out/Module.symvers" \
	"${DESTDIR:-}${PREFIX:-/usr/local}/src/ktm/$version/Module.symvers"
[ -n "${DESTDIR:-}" ] || depmod "$version"
echo "install: $modules/updates/ktm.ko"
