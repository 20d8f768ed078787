#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: catalogue.sh IMAGE MANIFEST
#
# Makes the catalogue that the demo imports: documentation files of Debian
# packages that are installed on this machine, as an ext4 image, and a list of
# them, one line per file, tab-separated, a package's lines together:
#
#	package  version  path  size  SHA-256
#
# The image holds the files at their paths and the list as /manifest.

set -euo pipefail
export LC_ALL=C PATH="${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin"

min_packages=200
max_packages=240	# what a slow machine imports in a few minutes; ktm_sample_rm has 256 keys
max_name=64		# as long as its longest key
max_files=4		# of one package
max_size=32768		# the guest hashes some 10 MB in a second, and does it often

die() {
	echo "catalogue: $*" >&2
	exit 1
}

[ $# -eq 2 ] || die "usage: catalogue.sh IMAGE MANIFEST"
image=$1
manifest=$2
tree=$(mktemp -d "$image.XXXXXX")
trap 'rm -rf "$tree"' EXIT

# Installed packages, one architecture of each: "name version list-of-files".
list_packages() {
	local info=/var/lib/dpkg/info package version arch status list last=

	dpkg-query -W -f '${Package} ${Version} ${Architecture} ${db:Status-Status}\n' | sort |
	while read -r package version arch status; do
		list=$info/$package.list
		[ -e "$list" ] || list=$info/$package:$arch.list
		[ "$status" = installed ] && [ -r "$list" ] && [ "$package" != "$last" ] &&
			[ ${#package} -le $max_name ] ||
			continue
		last=$package
		printf '%s\t%s\t%s\n' "$package" "$version" "$list"
	done
}

# Documentation files of one package: really there, not empty, not too large.
list_files() {
	local path size count=0

	while read -r path; do
		case $path in
		*[!-A-Za-z0-9._+/@:,=~]*) continue ;;
		esac
		[ -f "$path" ] && [ ! -L "$path" ] && [ -r "$path" ] || continue
		size=$(stat -c %s "$path")
		[ "$size" -gt 0 ] && [ "$size" -le $max_size ] || continue
		printf '%s\t%s\n' "$path" "$size"
		count=$((count + 1))
		[ $count -lt $max_files ] || break
	done < <(grep '^/usr/share/doc/[^/]*/.' "$1" || true)
}

packages=0
while IFS=$'\t' read -r package version list; do
	files=$(list_files "$list")
	[ -n "$files" ] || continue
	while IFS=$'\t' read -r path size; do
		mkdir -p "$tree${path%/*}"
		cp --no-preserve=all "$path" "$tree$path"
		printf '%s\t%s\t%s\t%s\n' "$package" "$version" "$path" "$size"
	done <<<"$files"
	packages=$((packages + 1))
	[ $packages -lt $max_packages ] || break
done < <(list_packages) >"$manifest.tmp"

[ $packages -ge $min_packages ] ||
	die "only $packages of the packages installed on this machine have documentation under" \
	    "/usr/share/doc; the demo needs $min_packages. Was dpkg told to leave it out" \
	    "(path-exclude in /etc/dpkg/dpkg.cfg.d)?"

cut -f3 "$manifest.tmp" | sed "s#^#$tree#" | xargs sha256sum | cut -d' ' -f1 |
	paste "$manifest.tmp" - >"$manifest"
rm -f "$manifest.tmp"
cp "$manifest" "$tree/manifest"

# Room for every file in blocks of 4 KiB, its inode, and the file system itself.
files=$(wc -l <"$manifest")
kib=$(du -sk --apparent-size "$tree" | cut -f1)
rm -f "$image"
: >"$image"	# else mkfs says that it makes one
mkfs.ext4 -q -O ^has_journal -N $((files + packages + 200)) -d "$tree" "$image" \
	$((kib * 2 + files * 6 + 4096))k >/dev/null
echo "catalogue: $packages packages, $files files, $kib KiB"
