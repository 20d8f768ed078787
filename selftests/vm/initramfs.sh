# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by selftests/vm/vm: makes the file system that the guest runs from.
# It is two archives one after the other: the base, the same for every run on
# a kernel and therefore cached, and what this run adds.

# For the devices that QEMU shows, in the order of loading; and what a test may
# want, which modprobe finds in the guest.
modules_boot=(virtio_pci virtio_console)
modules_disk_virtio=(virtio_blk)
modules_disk_nvme=(nvme)
modules_disk_scsi=(virtio_scsi sd_mod)
modules_out=(9pnet_virtio 9p)
modules_on_demand=(ext4 loop libcrc32c crc32c_generic brd null_blk scsi_debug overlay
	dm_mod dm_log_writes dm_flakey dm_delay)
# The debug kernel does not have these.
modules_if_there=(nbd)

modprobe_depends() {
	modprobe -d "$kernel_dir/modules" -S "$kernel_release" --show-depends "$@"
}

# The files of modules and of all they need, in the order of loading.
module_files() {
	local name

	for name; do
		modprobe_depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Where a module of the host's cache lies in the guest.
guest_module() {
	local path=${1#"$kernel_dir/modules"}

	echo "${path%.xz}"
}

# Print the path of the base archive for this kernel.
base_initramfs() {
	local all key archive work file target

	all=("${modules_boot[@]}" "${modules_disk_virtio[@]}" "${modules_disk_nvme[@]}"
		"${modules_disk_scsi[@]}" "${modules_out[@]}" "${modules_on_demand[@]}")
	for file in "${modules_if_there[@]}"; do
		modprobe_depends "$file" >/dev/null 2>&1 && all+=("$file")
	done
	key=$({
		echo "$kernel_release ${all[*]}"
		cat "$vm_dir/init" "$vm_dir/initramfs.sh" "$busybox"
	} | sha256sum | head -c 16)
	archive=$KTM_CACHE/vm/base-$kernel-$key.cpio
	if [ -e "$archive" ]; then
		touch "$archive"
		echo "$archive"
		return
	fi

	mkdir -p "$KTM_CACHE/vm"
	work=$(mktemp -d "$KTM_CACHE/vm/.base.XXXXXX")
	mkdir -p "$work"/root/{bin,sbin,usr/bin,usr/sbin,lib,lib64,etc,dev,proc,sys,tmp,run,root,mnt,ktm}
	cp "$busybox" "$work/root/bin/busybox"
	install -m 755 "$vm_dir/init" "$work/root/init"
	"$busybox" --list | while read -r file; do
		[ "$file" = busybox ] || ln -s busybox "$work/root/bin/$file"
	done
	# The kernel calls it by this path.
	ln -s ../bin/busybox "$work/root/sbin/modprobe"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' \
		>"$work/root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$work/root/etc/group"

	while read -r file; do
		target=$work/root$(guest_module "$file")
		mkdir -p "${target%/*}"
		case $file in
		*.xz) xz -dc "$file" >"$target" ;;
		*) cp "$file" "$target" ;;
		esac
		strip --strip-debug "$target"
	done < <(module_files "${all[@]}")
	cp "$kernel_dir/modules/lib/modules/$kernel_release"/modules.{builtin,order} \
		"$kernel_dir/modules/lib/modules/$kernel_release/modules.builtin.modinfo" \
		"$work/root/lib/modules/$kernel_release/"
	depmod -b "$work/root" "$kernel_release"

	(cd "$work/root" && find . -print0 | sort -z |
		cpio -0 -o -H newc -R 0:0 --quiet) >"$work/archive"
	# Two runs may do this at once: the last one to rename wins, both are right.
	mv "$work/archive" "$archive"
	rm -rf "$work"
	find "$KTM_CACHE/vm" -maxdepth 1 -name 'base-*.cpio' -mtime +7 -delete
	echo "$archive"
}

# SOURCE[:GUESTPATH], the default being the last part of the path in DIR.
split_path() {
	source=$1 guest=
	if [ ! -e "$source" ] && [[ $source == *:/* ]]; then
		guest=${source##*:}
		source=${source%:*}
	fi
	[ -e "$source" ] || trouble "there is no $source"
	[ -n "$guest" ] || guest=$2/$(basename "$source")
	guest=${guest#/}
}

add_file() {
	local source guest

	split_path "$1" /root
	[ -f "$source" ] || trouble "$source is not a file"
	mkdir -p "$stage/$(dirname "$guest")"
	cp -L --preserve=mode,timestamps "$source" "$stage/$guest"
}

add_dir() {
	local source guest

	split_path "$1" /root
	[ -d "$source" ] || trouble "$source is not a directory"
	mkdir -p "$stage/$guest"
	cp -a "$source/." "$stage/$guest/"
}

# A program with the libraries it needs. They go where the loader looks without
# being told, whatever directories the program was linked with.
add_program() {
	local source guest line library

	split_path "$1" /bin
	mkdir -p "$stage/$(dirname "$guest")"
	cp -L "$source" "$stage/$guest"
	chmod 755 "$stage/$guest"

	ldd "$source" 2>/dev/null | while read -r line; do
		case $line in
		*'not found'*)
			echo "${line%% *}" >>"$run/missing-libraries"
			continue
			;;
		*'=> /'*) library=${line#*=> } ;;
		/*) library=$line ;;
		*) continue ;;
		esac
		library=${library% (0x*}
		case ${library##*/} in
		ld-linux*) target=$stage/lib64/${library##*/} ;;
		*) target=$stage/lib/x86_64-linux-gnu/${library##*/} ;;
		esac
		[ -e "$target" ] || install -D -m 755 "$library" "$target"
	done
	[ ! -e "$run/missing-libraries" ] ||
		trouble "$source needs libraries that are not here:" \
			$(cat "$run/missing-libraries")
}

# One word for a shell.
quote() {
	printf "'%s'" "${1//\'/\'\\\'\'}"
}

# Write the whole file system of this run to $1.
make_initramfs() {
	local stage=$run/stage target types word file needed source guest target name base

	mkdir -p "$stage/ktm"

	types=("${modules_boot[@]}")
	for word in "${disk_types[@]}"; do
		case $word in
		virtio) types+=("${modules_disk_virtio[@]}") ;;
		nvme) types+=("${modules_disk_nvme[@]}") ;;
		scsi) types+=("${modules_disk_scsi[@]}") ;;
		esac
	done
	[ -z "$out_dir" ] || types+=("${modules_out[@]}")

	if [ "$module" != none ]; then
		[ -f "$module" ] || trouble "there is no $module; run make modules"
		cp "$module" "$run/ktm.ko"
		strip --strip-debug "$run/ktm.ko"
		install -D "$run/ktm.ko" "$stage/lib/ktm.ko"
		needed=$(modinfo -F depends "$module")
		for name in ${needed//,/ }; do
			types+=("$name")
		done
		echo "${module_options[*]}" >"$stage/ktm/module-options"
	fi
	while read -r file; do
		guest_module "$file"
	done < <(module_files "${types[@]}") >"$stage/ktm/modules"

	for word in "${files[@]}"; do add_file "$word"; done
	for word in "${dirs[@]}"; do add_dir "$word"; done
	for word in "${programs[@]}"; do add_program "$word"; done

	printf '%s\n' "${disk_serials[@]}" | sed '/^$/d' >"$stage/ktm/disks"
	[ -z "$out_dir" ] || : >"$stage/ktm/out"
	echo $((timeout > 40 ? timeout - 20 : timeout / 2)) >"$stage/ktm/patience"
	{
		for word in "${environment[@]}"; do
			echo "export ${word%%=*}=$(quote "${word#*=}")"
		done
		printf 'exec'
		for word; do
			printf ' %s' "$(quote "$word")"
		done
		echo
	} >"$stage/ktm/command"

	base=$(base_initramfs)
	(cd "$stage" && find . -mindepth 1 -print0 | sort -z |
		cpio -0 -o -H newc -R 0:0 --quiet) >"$run/added"
	cat "$base" "$run/added" >"$run/initramfs"
	rm -rf "$stage" "$run/added" "$run/ktm.ko"
}
