#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/kernels.sh 6.1|6.12...
#
# Get stock Debian kernels into a cache outside the tree and print one line
# "SERIES DIRECTORY VERSION" for each. The directory holds
#
#	vmlinux		uncompressed, for QEMU's -kernel
#	modules/	as /lib/modules/VERSION, but under modules/lib/modules
#	headers/	for make -C headers M=...
#	version		what uname -r says there
#
# A kernel that is in the cache is not fetched again; remove its directory to
# get a newer one. The kernels are downloaded and unpacked, never installed:
# installing the one of the backports would upgrade packages of this machine.

set -euo pipefail

export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/cache.sh"

die() {
	echo "kernels: $*" >&2
	exit 1
}

state=$KTM_CACHE/apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt with a state of its own, so that neither the backports nor fresher lists
# change what this machine would install. Proxy and credentials stay those of
# the machine's configuration.
private=(
	-o "Dir::State::lists=$state/lists"
	-o "Dir::Cache=$state/cache"
	-o "Dir::Etc::preferences=/dev/null"
	-o "Dir::Etc::preferencesparts=/dev/null"
	-o "APT::Sandbox::User=$(id -un)"
	-o "Acquire::Languages=none"
	-o "Acquire::Retries=3"
)
backports=(
	-o "Dir::Etc::sourcelist=$state/sources.list"
	-o "Dir::Etc::sourceparts=/dev/null"
)

# The archives that this machine already uses: ORIGIN|CODENAME|URI|SUITE|COMPONENT
list_archives() {
	apt-get "$@" indextargets 'Created-By: Packages' \
		--format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' |
		awk -F'|' '$1 == "Debian" && $5 == "main"' | sort -u
}

apt_is_ready=
prepare_apt() {
	local archives origin codename uri suite component release

	[ -z "$apt_is_ready" ] || return 0
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"

	archives=$(list_archives)
	if [ -z "$archives" ]; then
		# A machine whose package lists were removed: fetch our own.
		apt-get -q "${private[@]}" update >&2 </dev/null
		archives=$(list_archives "${private[@]}")
	fi
	[ -n "$archives" ] || die "apt knows no archive of Debian on this machine"

	release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$release" ] || die "/etc/os-release does not say which release this is"

	while IFS='|' read -r origin codename uri suite component; do
		echo "deb [signed-by=$keyring] $uri $suite $component"
		[ "$codename" != "$release" ] ||
			echo "deb [signed-by=$keyring] $uri $release-backports $component"
	done <<<"$archives" | sort -u >"$state/sources.list"

	apt-get -q "${private[@]}" "${backports[@]}" update >"$state/update.log" 2>&1 </dev/null || {
		cat "$state/update.log" >&2
		die "apt-get update failed for Debian's archives and its backports"
	}
	apt_is_ready=yes
}

# The newest version of a package whose upstream part belongs to a series.
newest_version() {
	local package=$1 series=$2 version best=

	while read -r version; do
		case $version in
		"$series".*)
			if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then
				best=$version
			fi
			;;
		esac
	done < <(apt-cache "${private[@]}" "${backports[@]}" madison "$package" |
		 awk -F' *[|] *' '{ print $2 }')
	[ -n "$best" ] || die "Debian's archives have no $package of version $series"
	echo "$best"
}

# The packages that PACKAGE=VERSION depends on, narrowed by a pattern.
depends_on() {
	apt-cache "${private[@]}" "${backports[@]}" show --no-all-versions "$1" |
		sed -n 's/^Depends: //p' | tr ',' '\n' | sed -e 's/^ *//' -e 's/[ (].*//' |
		grep -E "$2" | head -n 1
}

fetch() {
	local series=$1 target=$2 work=$3
	local version image headers common kbuild release file

	prepare_apt
	version=$(newest_version linux-image-amd64 "$series")
	image=$(depends_on "linux-image-amd64=$version" '^linux-image-') ||
		die "linux-image-amd64 $version names no kernel"
	release=${image#linux-image-}
	headers=linux-headers-$release
	common=$(depends_on "$headers=$version" '^linux-headers-.*-common$') ||
		die "$headers names no common headers"
	kbuild=$(depends_on "$headers=$version" '^linux-kbuild-') ||
		die "$headers names no linux-kbuild"

	echo "kernels: fetching $image $version" >&2
	mkdir -p "$work/debs" "$work/root"
	(cd "$work/debs" &&
	 apt-get -q "${private[@]}" "${backports[@]}" download "$image=$version" \
		"$headers=$version" "$common=$version" "$kbuild=$version") \
		>"$work/download.log" 2>&1 </dev/null || {
		cat "$work/download.log" >&2
		die "could not download the packages of $image"
	}
	for file in "$work"/debs/*.deb; do
		dpkg -x "$file" "$work/root"
	done

	"$here/extract-vmlinux.sh" "$work/root/boot/vmlinuz-$release" "$work/vmlinux"

	# Both places are in use for modules: before and after the merge of /usr.
	mkdir -p "$work/modules/lib/modules"
	for file in "$work/root/lib/modules/$release" "$work/root/usr/lib/modules/$release"; do
		[ ! -d "$file/kernel" ] || mv "$file" "$work/modules/lib/modules/"
	done
	rm -f "$work/modules/lib/modules/$release"/{build,source}
	depmod -b "$work/modules" "$release"

	# The headers refer to each other by the absolute path that they would
	# be installed in; let them do so by the path where they will be.
	grep -rlsE --include=Makefile '^include /usr/src/' "$work/root/usr/src/$headers" |
		xargs -r sed -i -E "s#^include /usr/src/#include $target/root/usr/src/#"
	if [ -d "$work/root/lib/$kbuild" ] && [ ! -e "$work/root/usr/lib/$kbuild" ]; then
		mkdir -p "$work/root/usr/lib"
		mv "$work/root/lib/$kbuild" "$work/root/usr/lib/"
	fi
	ln -s "root/usr/src/$headers" "$work/headers"
	[ -e "$work/headers/scripts/mod/modpost" ] ||
		die "$headers came without the programs that build modules"

	rm -rf "$work/debs" "$work/root/boot" "$work/download.log"
	echo "$release" >"$work/version"
}

one_kernel() {
	local series=$1 target=$KTM_CACHE/kernels/$1 work=$KTM_CACHE/kernels/.$1.new

	if [ ! -e "$target/complete" ]; then
		rm -rf "$work" "$target"
		mkdir -p "$work"
		fetch "$series" "$target" "$work"
		: >"$work/complete"
		# Nobody takes it for complete before all of it is on the disk.
		sync -f "$work"
		mv -T "$work" "$target"
	fi
	echo "$series $target $(cat "$target/version")"
}

[ $# -gt 0 ] || die "say which: 6.1, 6.12"
for series; do
	case $series in
	6.1 | 6.12) ;;
	*) die "$series is not one of the supported kernels, 6.1 and 6.12" ;;
	esac
done

all_there() {
	local series

	for series; do
		[ -e "$KTM_CACHE/kernels/$series/complete" ] || return 1
	done
}

if ! all_there "$@"; then
	[ -r "$keyring" ] || die "$keyring is missing: run scripts/setup.sh"
	mkdir -p "$KTM_CACHE/kernels"
	exec 9>"$KTM_CACHE/kernels/.lock"
	flock -n 9 || {
		echo "kernels: waiting for another one that is fetching kernels" >&2
		flock -w 1800 9 || die "gave up waiting for it"
	}
fi
for series; do
	one_kernel "$series" 9>&-
done
