# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Sourced by scripts: sets KTM_CACHE, the directory for what is fetched or made
# once and used by every clone on this machine.

if [ -z "${KTM_CACHE:-}" ]; then
	if [ -n "${XDG_CACHE_HOME:-}" ]; then
		KTM_CACHE=$XDG_CACHE_HOME/ktm
	else
		# A service or a bare environment has no HOME; the user has one.
		KTM_CACHE=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache/ktm
	fi
fi
export KTM_CACHE
