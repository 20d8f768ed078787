# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by selftests/vm/vm: finds in a kernel log what must not be there,
# whatever the test itself thinks of its result.

# Reports of the kernel about itself.
log_reports=(
	'\bWARNING: '
	'\bBUG: '
	'kernel BUG at'
	'\bOops: '
	'general protection fault'
	'Kernel panic'
	'------------\[ cut here \]'
	'blocked for more than [0-9]+ seconds'
	'INFO: rcu|rcu: INFO'
	'INFO: possible|INFO: suspicious|INFO: trying to register'
	'possible (circular|recursive|irq lock inversion)'
	'suspicious RCU usage'
	'sleeping function called from invalid context'
	'scheduling while atomic'
	'soft lockup|hard LOCKUP'
	'(KASAN|KCSAN|KFENCE|UBSAN|KMSAN): '
	'refcount_t: '
	'list_(add|del) corruption'
	'Bad page (state|map)'
	'unable to handle'
	'Out of memory: '
	'kmem_cache_destroy .* [0-9]+ objects|Objects remaining in'
	'stack guard page was hit|corrupted stack end'
	'unregister_netdevice: waiting'
	'kmemleak: [0-9]+ new suspected memory leaks'
	# From here on they would see nothing.
	'kmemleak: .*detector disabled|lockdep is turned off'
)

# Print the bad lines of a log. Lines of the buffer carry their level as <N>,
# below 4 is an error; none of ktm's own belongs into a run that did not ask
# for it with --allow-log.
scan_log() {
	local pattern allowed=('^$')

	[ ${#allow_log[@]} -eq 0 ] || allowed=("${allow_log[@]}")
	pattern=$(IFS='|' && echo "${log_reports[*]}|^<[0-3]>(\[[^]]*\] )?ktm:")
	grep -aE "$pattern" "$1" | grep -avE "$(IFS='|' && echo "${allowed[*]}")" || true
}

# Did the kernel end at a breakpoint of its own, before any module was loaded?
tripped_over_patching() {
	grep -qaE '\b(Oops: )?int3: [0-9]+ \[#1\]' "$1" && grep -qa 'Modules linked in:' "$1" &&
		! grep -qaE 'Modules linked in: +[a-z]' "$1"
}
