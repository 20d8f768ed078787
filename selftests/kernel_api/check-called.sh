#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: check-called.sh LOG...
#
# called.sh with the descriptions of this tree.

set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
described=$(mktemp) || exit 1
trap 'rm -f "$described"' EXIT
awk -f "$here/described.awk" "$here"/../../kernel/*.c >"$described"
bash "$here/called.sh" "$described" "$here/ELSEWHERE" "$here/../ktm" "$@"
