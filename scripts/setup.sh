#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Install those packages of scripts/packages.txt that this machine lacks.
# Says first what it installs; says nothing when there is nothing to do.

set -euo pipefail

# A caller may have given us a bare environment, or a user's PATH without sbin.
export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
	echo "setup: $*" >&2
	exit 1
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
	die "this needs Debian 12: apt-get and dpkg are not here." \
	    "Install by hand what scripts/packages.txt lists."

is_installed() {
	local status

	status=$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) || return 1
	[ "$status" = installed ]
}

missing=()
while read -r name; do
	is_installed "$name" || missing+=("$name")
done < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$here/packages.txt")

[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "these packages are missing, and there is neither root nor sudo to" \
		    "install them: ${missing[*]}"
	as_root=(sudo)
fi

# Another apt may be at work (unattended upgrades): wait for its locks.
apt=(apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)

echo "setup: installing ${missing[*]}"

install_missing() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
		"${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A set-up that was interrupted may have left packages half installed, and the
# package lists may be absent or older than the archive: mend the one, refresh the
# other, try again, and only then complain.
if ! install_missing >"$log" 2>&1; then
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >"$log" 2>&1 \
		</dev/null || cat "$log" >&2
	echo "setup: refreshing apt's package lists"
	for try in 1 2 3; do
		# apt-get update has its own lock, for which apt does not wait.
		if "${as_root[@]}" "${apt[@]}" update >"$log" 2>&1 </dev/null; then
			break
		elif [ $try -eq 3 ]; then
			cat "$log" >&2
			die "apt-get update failed"
		fi
		sleep 20
	done
	if ! install_missing >"$log" 2>&1; then
		cat "$log" >&2
		die "apt-get could not install: ${missing[*]}"
	fi
fi
echo "setup: done"
