# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by selftests/vm/vm: turns --disk into QEMU's options.

# A comma in a path is doubled for QEMU.
escape() {
	echo "${1//,/,,}"
}

# The host's page cache is all that a guest's flush has to reach: it outlives
# QEMU, and power cuts are made from the recorded log, not by killing it.
file_options=cache.no-flush=on

# --disk PATH[,OPTION=VALUE]...
add_disk() {
	local path=${1%%,*} word n=${#disk_types[@]}
	local type=virtio serial=disk${#disk_types[@]} log= snapshot=off readonly=off format=raw
	local lbs= pbs= blkdebug= flush=fast write_cache=on fua=on cache=$file_options top_node device

	local IFS=,
	for word in ${1#"$path"}; do
		case $word in
		'') ;;
		type=*) type=${word#*=} ;;
		serial=*) serial=${word#*=} ;;
		log=*) log=${word#*=} ;;
		snapshot=*) snapshot=${word#*=} ;;
		readonly=*) readonly=${word#*=} ;;
		format=*) format=${word#*=} ;;
		lbs=*) lbs=${word#*=} ;;
		pbs=*) pbs=${word#*=} ;;
		blkdebug=*) blkdebug=${word#*=} ;;
		flush=*) flush=${word#*=} ;;
		cache=on | cache=off) write_cache=${word#*=} ;;
		fua=on | fua=off) fua=${word#*=} ;;
		*) trouble "--disk does not know $word" ;;
		esac
	done
	[ -e "$path" ] || trouble "there is no disk image $path"
	[ ${#serial} -le 20 ] || trouble "a disk's serial has at most 20 letters: $serial"
	case $flush in
	fast) ;;
	slow)
		# QEMU asks the host for a flush, and gets it a little later.
		slow_flush=$BUILD/cut/slow-flush.so
		[ -e "$slow_flush" ] || trouble "there is no $slow_flush; run make tests"
		cache=cache.no-flush=off
		;;
	*) trouble "--disk does not know flush=$flush" ;;
	esac
	[ -z "$log" ] || [ "$snapshot" = off ] || trouble "a disk has either log= or snapshot=on"

	if [ "$snapshot" = on ]; then
		# Only -drive knows temporary overlays.
		top_node=disk$n
		disk_options+=(-drive
			"if=none,id=disk$n,file=$path,format=$format,snapshot=on,cache=unsafe")
	else
		disk_options+=(-blockdev
			"driver=file,node-name=file$n,filename=$path,read-only=$readonly,$cache")
		top_node=file$n
		if [ "$format" != raw ]; then
			disk_options+=(-blockdev
				"driver=$format,node-name=format$n,file=$top_node,read-only=$readonly")
			top_node=format$n
		fi
		if [ -n "$blkdebug" ]; then
			disk_options+=(-blockdev
				"driver=blkdebug,node-name=debug$n,config=$blkdebug,image=$top_node")
			top_node=debug$n
		fi
		if [ -n "$log" ]; then
			# A log holds one boot: what an earlier one wrote would be
			# read as part of it.
			: >"$log" || trouble "cannot write $log"
			disk_options+=(-blockdev
				"driver=file,node-name=logfile$n,filename=$log,$file_options"
				-blockdev
				"driver=blklogwrites,node-name=log$n,file=$top_node,log=logfile$n,log-super-update-interval=1")
			top_node=log$n
		fi
	fi

	device=serial=$serial
	# QEMU takes a zeroing's space in the log in two steps: one that runs beside
	# another request would leave a log that nobody can read.
	[ -z "$log" ] || [ "$type" != virtio ] || device+=,write-zeroes=off,discard=off
	[ -z "$lbs" ] || device+=,logical_block_size=$lbs
	[ -z "$pbs" ] || device+=,physical_block_size=$pbs
	# It says that it has none: a write that has ended is durable.
	[ "$write_cache" = on ] || device+=,write-cache=off
	[ "$write_cache$type" != offnvme ] || trouble "QEMU's NVMe disks always have a cache"
	[ "$fua" = on ] || [ "$type" = scsi ] || trouble "fua=off is for scsi"
	case $type in
	virtio) disk_options+=(-device "virtio-blk-pci,drive=$top_node,$device") ;;
	nvme) disk_options+=(-device "nvme,drive=$top_node,$device") ;;
	scsi)
		disk_options+=(-device "virtio-scsi-pci,id=scsi$n"
			-device "scsi-hd,bus=scsi$n.0,drive=$top_node,dpofua=$fua,$device")
		;;
	*) trouble "--disk does not know type=$type" ;;
	esac
	disk_types+=("$type")
	disk_serials+=("$serial")
}
