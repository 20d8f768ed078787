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
trap 'rm -f "$log"' EXIT

echo "TAP version 13"
echo "1..$((${#kernels[@]} + 1))"
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
exit $failed
