#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: outcomes.sh CONFIG [FAULTS]
#
# Prints, sorted, how runs of the model can end. FAULTS is how much may go wrong in
# one run; without it, it is that of CONFIGS. Fails if the model breaks a rule.

set -eu
# shellcheck source=selftests/core/promela/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

config=${1:?usage: outcomes.sh CONFIG [FAULTS]}
faults=${2:-$(model_list CONFIGS | awk -v c="$config" '$1 == c { print $2 }')}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

model_verify "$work" "$config" "${faults:?"not in CONFIGS: say how much may go wrong"}"
if ! model_right "$work"; then
	cat "$work/report" >&2
	exit 1
fi
cat "$work/outcomes"
