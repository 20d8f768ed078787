# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by run and replay: the disks, the machine, the power cut.

export LC_ALL=C PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"

demo_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$demo_dir/../.." && pwd)
. "$top/selftests/cut/power.sh"
export BUILD=${BUILD:-$top/build}
bin=$BUILD/demo/bin
# Tests work elsewhere than the run that somebody wants to look at.
work=${DEMO_WORK:-$BUILD/demo}
fault=${FAULT:-}
kernel=6.1
# Each store is a disk of its own, so that the flush of one does not make
# durable what another forgot to flush.
disks=(journal sqlite files baseline)
# Far more than a boot takes on a slow machine.
boot_timeout=900

die() {
	echo "demo: $*" >&2
	exit 1
}

build_all() {
	# What a make around us said about its own jobs is not for the one below.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	{
		make --no-print-directory -j2 -C "$top" BUILD="$BUILD" KERNELS=$kernel \
			module-$kernel all-selftests/cut all-selftests/demo && build_store
	} >"$work/build.log" 2>&1 || {
		tail -n 30 "$work/build.log" >&2
		die "could not build; all of it is in $work/build.log"
	}
}

# The driver that is the third resource manager, or with FAULT=sample-NAME a broken one: a
# copy of it is built with the patch of that name (selftests/ktm/faults).
build_store() {
	local tree=$top out=$BUILD/$kernel

	if [[ $fault == sample-* ]]; then
		tree=$work/tree out=$work/tree/out
		rm -rf "$tree"
		mkdir -p "$out"
		cp -r "$top"/{Kbuild,kernel,uapi,scripts,samples} "$tree/"
		cp "$BUILD/$kernel/Module.symvers" "$out/"
		patch -d "$tree" -p1 --fuzz=0 <"$(fault_patch)" || return
	fi
	WERROR=1 "$tree/scripts/build-module.sh" $kernel "$out" samples || return
	store_module=$out/samples/ktm_sample_rm/ktm_sample_rm.ko
}

fault_patch() {
	echo "$top/selftests/ktm/faults/$fault.patch"
}

# splitmix64 as selftests/cut/prng.h has it: dice SEED NUMBER gives 63 bits.
dice() {
	local z=$(($1 ^ ($2 * 0x9e3779b97f4a7c15)))

	z=$((z + 0x9e3779b97f4a7c15))
	z=$(((z ^ ((z >> 30) & 0x3ffffffff)) * 0xbf58476d1ce4e5b9))
	z=$(((z ^ ((z >> 27) & 0x1fffffffff)) * 0x94d049bb133111eb))
	z=$((z ^ ((z >> 31) & 0x1ffffffff)))
	echo $((z & 0x7fffffffffffffff))
}

# Fills vm_args with what is the same for every boot.
guest_options() {
	local program

	vm_args=(--kernel $kernel --timeout $boot_timeout --smp 2 --mem 1024
		--disk "$work/catalogue.img,serial=catalogue,readonly=on"
		--file "$work/manifest:/root/manifest"
		--file "$demo_dir/schema.sql:/root/schema.sql"
		--file "$demo_dir/guest.sh:/root/guest.sh"
		--file "$store_module:/root/ktm_sample_rm.ko")
	[ -z "${RECOVER_SECONDS:-}" ] || vm_args+=(--env "RECOVER_SECONDS=$RECOVER_SECONDS")
	[[ ! $fault =~ ^(files|sqlite)$ ]] ||
		vm_args+=(--file "$bin/unsynced.so:/root/unsynced.so" --env "FAULT=$fault")
	for program in demo-check demo-baseline demo-import demo-keys demo-ready; do
		vm_args+=(--bin "$bin/$program")
	done
	for program in rm/ktm-rm-sqlite rm/ktm-rm-files ktmctl/ktmctl; do
		vm_args+=(--bin "$BUILD/userspace/$program")
	done
}

# What a disk keeps or loses as one. ext4 needs that its superblock does not tear,
# so the disks of the stores have physical blocks of 4096 bytes; the journal's has
# the smallest there are.
declare -A sector=([journal]=512 [sqlite]=4096 [files]=4096 [baseline]=4096)

# disk_options IMAGES LOGS: fills disk_args for the disks IMAGES/NAME.img.
disk_options() {
	local name

	disk_args=()
	for name in "${disks[@]}"; do
		disk_args+=(--disk
			"$1/$name.img,serial=$name,pbs=${sector[$name]},log=$2/$name.log,flush=slow")
	done
}

# cut_disks DIRECTORY SEED TO: from the images and logs of one boot to the
# images behind its power cut, TO/NAME.img each.
cut_disks() {
	local i name

	for i in "${!disks[@]}"; do
		name=${disks[$i]}
		"$BUILD/cut/ktm-cut" apply --seed "$(dice "$2" "$i")" --sector "${sector[$name]}" \
			"$1/$name.base" "$1/$name.log" "$3/$name.img" || return 1
	done
}
