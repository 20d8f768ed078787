#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/extract-vmlinux.sh VMLINUZ VMLINUX
#
# Take the uncompressed kernel out of an x86 bzImage. The boot protocol says
# where it is: the setup sectors are followed by the protected-mode code, in
# which payload_offset and payload_length give the compressed image.

set -euo pipefail

die() {
	echo "extract-vmlinux: $*" >&2
	exit 1
}

[ $# -eq 2 ] || die "usage: extract-vmlinux.sh VMLINUZ VMLINUX"
image=$1
out=$2

# An unsigned little-endian number: OFFSET BYTES
field() {
	od -An -v -t "u$2" -j "$1" -N "$2" --endian=little "$image" | tr -d ' '
}

[ "$(field $((0x202)) 4)" = $((0x53726448)) ] || die "$image is not a bzImage"
[ "$(field $((0x206)) 2)" -ge $((0x208)) ] || die "$image has too old a boot protocol"

setup_sectors=$(field $((0x1f1)) 1)
[ "$setup_sectors" -ne 0 ] || setup_sectors=4
start=$(((setup_sectors + 1) * 512 + $(field $((0x248)) 4)))
length=$(field $((0x24c)) 4)

payload() {
	tail -c "+$((start + 1))" "$image" | head -c "$length"
}

# The last four bytes of the payload are the unpacked size, which is no part
# of the compressed stream for the formats that do not carry one themselves.
magic=$(od -An -v -t x1 -j "$start" -N 4 "$image" | tr -d ' ')
case $magic in
fd377a58) unpack=(xz -dc --single-stream) ;;
28b52ffd) unpack=(zstd -dcq) ;;
1f8b*) unpack=(gzip -dc) ;;
*) die "$image is compressed in an unknown way (it begins with $magic)" ;;
esac

# The decompressors complain about those four bytes only after all is unpacked:
# what counts is that an ELF file of the stated size came out.
size=$(field $((start + length - 4)) 4)
payload | "${unpack[@]}" >"$out.new" 2>/dev/null || true
[ "$(stat -c %s "$out.new")" -eq "$size" ] ||
	die "$image did not unpack to the $size bytes that it states"
[ "$(head -c 4 "$out.new" | od -An -t x1 | tr -d ' ')" = 7f454c46 ] ||
	die "what $image holds is not an ELF file"
mv "$out.new" "$out"
