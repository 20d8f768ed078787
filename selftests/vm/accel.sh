# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by selftests/vm/vm: chooses how QEMU runs the guest's processor.

# Does a machine start under KVM? That /dev/kvm exists proves nothing: QEMU was
# seen to hang with it in the firmware. The kernel without a root file system
# panics, and with panic=-1 QEMU then exits: that is the sign of life.
kvm_works() {
	local log=$run/kvm-probe

	grep -qwE 'vmx|svm' /proc/cpuinfo || return 1
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	timeout -s KILL 20 "$qemu" -accel kvm -cpu host -m 256 -nodefaults -no-reboot \
		-display none -serial "file:$log" -kernel "$kernel_dir/vmlinux" \
		-append "console=ttyS0 panic=-1" </dev/null >/dev/null 2>&1 || return 1
	grep -q 'Kernel panic' "$log"
}

# Sets accel to QEMU's options. The answer holds until the next boot.
choose_accel() {
	local known verdict

	known=$KTM_CACHE/vm/accel-$(tr -d '\n' </proc/sys/kernel/random/boot_id)
	verdict=${KTM_ACCEL:-$(cat "$known" 2>/dev/null || true)}
	if [ -z "$verdict" ]; then
		verdict=tcg
		! kvm_works || verdict=kvm
		mkdir -p "$KTM_CACHE/vm"
		rm -f "$KTM_CACHE/vm"/accel-*
		echo "$verdict" >"$known.$$"
		mv "$known.$$" "$known"
	fi
	case $verdict in
	kvm) accel=(-accel kvm -cpu host) ;;
	tcg)
		# What the plain model lacks and the kernel has a use for: a source
		# of randomness, so that nothing waits for it, and the instruction
		# for the log's checksum.
		accel=(-accel tcg,thread=multi -cpu qemu64,+rdrand,+ssse3,+sse4.1,+sse4.2,+popcnt)
		;;
	*) trouble "KTM_ACCEL is neither kvm nor tcg: $verdict" ;;
	esac
}
