# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by those who try planted faults. There are far more of them than a gate has
# time for, so .ci/run sets KTM_FAULT_SHARE=K/N: of all faults, counted from 0, those whose
# number leaves K when divided by N. Each landing takes the next K. Without it: all.
#
# A machine may be slow, and a gate that is not done in time has shown nothing: from
# KTM_UNTIL on, in seconds since 1970, no other fault is begun, but for the first.

share_seen=0 share_left=0 share_begun=0 share_late=0

# Whether the next fault is to be tried.
in_share() {
	local number=$share_seen

	share_seen=$((share_seen + 1))
	[ -n "${KTM_FAULT_SHARE:-}" ] || return 0
	[ $((number % ${KTM_FAULT_SHARE#*/})) -ne "${KTM_FAULT_SHARE%/*}" ] || return 0
	share_left=$((share_left + 1))
	return 1
}

# Whether there is time to begin one that is in the share.
in_time() {
	share_begun=$((share_begun + 1))
	[ $share_begun -gt 1 ] && [ -n "${KTM_UNTIL:-}" ] || return 0
	[ "$EPOCHSECONDS" -ge "$KTM_UNTIL" ] || return 0
	share_late=$((share_late + 1))
	return 1
}

share_end() {
	local left=$((share_left + share_late))

	[ $share_late -eq 0 ] ||
		echo "# this machine had no time for $share_late planted faults of its share"
	[ $left -eq 0 ] ||
		echo "# $left of $share_seen planted faults are left to make check and other landings"
}

# thrice COMMAND...: until it succeeds, three times at most, or ends with 2 or more. Some
# faults are races, which their tests meet only sometimes. The last status is its own.
thrice() {
	local tries status

	for tries in first second third; do
		"$@"
		status=$?
		if [ $status -eq 0 ]; then
			[ $tries = first ] || echo "# noticed at the $tries try"
			return 0
		fi
		[ $status -lt 2 ] || break
	done
	return $status
}
