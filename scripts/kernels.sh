#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/kernels.sh 6.1|6.12|6.1-debug...
#
# Get kernels into a cache outside the tree and print one line "NAME DIRECTORY
# VERSION" for each: stock ones of Debian and, as 6.1-debug, one that is built from
# Debian's source with scripts/debug.config. The directory holds
#
#	vmlinux		for QEMU's -kernel: uncompressed, or a bzImage if built here
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

. "$here/apt.sh"

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
	mkdir "$work/root"
	download "$work/debs" "$image=$version" "$headers=$version" "$common=$version" \
		"$kbuild=$version"
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

	rm -rf "$work/debs" "$work/root/boot"
	echo "$release" >"$work/version"
}

# The debug kernel is known by the version of its source and by all that decides
# what is made of it, so that a tree with another configuration gets another one.
debug_key=$(cat "$here/debug.config" "$here/debug-kernel.sh" | sha256sum | head -c 12)

# Print the directory of a kernel that is in the cache.
find_kernel() {
	local found

	case $1 in
	*-debug) found=("$KTM_CACHE/kernels/$1-"*"-$debug_key/complete") ;;
	*) found=("$KTM_CACHE/kernels/$1/complete") ;;
	esac
	[ -e "${found[0]}" ] && echo "${found[0]%/complete}"
}

build() {
	local source=linux-source-${1%-debug} version=$2 work=$3

	download "$work/debs" "$source=$version"
	echo "kernels: building $1 from $source $version, which takes some minutes" >&2
	"$here/debug-kernel.sh" "$work/debs/$source"_*.deb "$work" >&2
	rm -rf "$work/debs"
}

make_kernel() {
	local series=$1 work=$KTM_CACHE/kernels/.$1.new target=$KTM_CACHE/kernels/$1 version

	rm -rf "$work"
	mkdir -p "$work"
	case $series in
	*-debug)
		prepare_apt
		version=$(newest_version "linux-source-${series%-debug}" "${series%-debug}")
		target+=-$version-$debug_key
		rm -rf "$target"
		build "$series" "$version" "$work"
		;;
	*)
		rm -rf "$target"
		fetch "$series" "$target" "$work"
		;;
	esac
	: >"$work/complete"
	# Nobody takes it for complete before all of it is on the disk.
	sync -f "$work"
	mv -T "$work" "$target"
}

# Those of trees that nobody has tested for two weeks.
drop_old_debug_kernels() {
	find "$KTM_CACHE/kernels" -mindepth 2 -maxdepth 2 -path '*-debug-*/complete' -mtime +14 |
		while read -r old; do
			rm -rf "${old%/complete}"
		done
}

one_kernel() {
	local dir

	if ! dir=$(find_kernel "$1"); then
		make_kernel "$1"
		dir=$(find_kernel "$1")
		drop_old_debug_kernels
	fi
	case $1 in
	*-debug) touch "$dir/complete" ;;
	esac
	echo "$1 $dir $(cat "$dir/version")"
}

[ $# -gt 0 ] || die "say which: 6.1, 6.12, 6.1-debug"
for series; do
	case $series in
	6.1 | 6.12 | 6.1-debug) ;;
	*) die "$series is not one of the supported kernels, 6.1, 6.12 and 6.1-debug" ;;
	esac
done

all_there() {
	local series

	for series; do
		find_kernel "$series" >/dev/null || return 1
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
