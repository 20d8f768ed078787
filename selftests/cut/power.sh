# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by whoever takes the power from a virtual machine.

# stop_power PID: the machine stops between two instructions. Frozen first and
# killed then, so that no entry of a log is broken in the middle of its write.
stop_power() {
	local pid=$1 tries task state

	kill -STOP "$pid" 2>/dev/null || return 1
	for ((tries = 0; tries < 1000; tries++)); do
		state=frozen
		for task in /proc/"$pid"/task/*/stat; do
			# "PID (name) STATE ...", and the name may hold anything.
			case $(sed 's/.*) //' "$task" 2>/dev/null) in
			T* | '') ;;
			*) state=running ;;
			esac
		done
		[ $state = running ] || break
		sleep 0.01
	done
	kill -KILL "$pid"
	[ $state = frozen ]
}
