# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by selftests/run: finds the tests. selftests/README.md describes the
# conventions; each function here calls add_entry NAME TIMEOUT FLAGS COMMAND...

# The lines of a list of tests, without comments.
list_lines() {
	[ ! -e "$1" ] || sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"
}

# Programs on the host: selftests/core/TESTS, "NAME [timeout=N] [if-time] [ARGUMENT]...".
collect_core() {
	local words name limit marks

	while read -ra words; do
		name=${words[0]} limit=600 marks=
		words=("${words[@]:1}")
		while true; do
			case ${words[0]:-} in
			timeout=*) limit=${words[0]#*=} ;;
			if-time) marks=if-time ;;
			*) break ;;
			esac
			words=("${words[@]:1}")
		done
		add_entry "core/$name" "$limit" "$marks" \
			"$BUILD/selftests/core/$name" "${words[@]}"
	done < <(list_lines selftests/core/TESTS)
}

# Scripts on the host. Those that say so are given debug kernels if there are no others.
collect_host() {
	local script options limit marks word name stock=() given

	for word in $KERNELS; do
		[[ $word == *-debug ]] || stock+=("$word")
	done
	for script in selftests/*/check.sh userspace/*/check.sh; do
		[ -e "$script" ] || continue
		name=$(basename "$(dirname "$script")")
		options=$(sed -n 's/^# run: //p' "$script")
		limit=600 marks= given=${stock[*]}
		for word in $options; do
			case $word in
			timeout=*) limit=${word#*=} ;;
			alone | if-time) marks+=" $word" ;;
			debug) [ ${#stock[@]} -gt 0 ] || given=$KERNELS ;;
			esac
		done
		[ -n "$given" ] || continue
		add_entry "host/$name" "$limit" "$marks" env "KERNELS=$given" bash "$script"
	done
}

# Programs in a machine: selftests/ktm/TESTS, "NAME [OPTION=VALUE]... [-- ARG...]".
# Those with the same options share a boot, in the order of the list.
collect_vm() {
	local words word kernel key name kernels own gates time marks tests=0
	local stock_kernels=0
	local -A groups=()
	local -a order=()

	for word in $KERNELS; do
		[[ $word == *-debug ]] || stock_kernels=$((stock_kernels + 1))
	done
	while read -ra words; do
		name=${words[0]}
		key= kernels=$KERNELS own= gates=
		local limit=300 arguments=
		words=("${words[@]:1}")
		while [ ${#words[@]} -gt 0 ]; do
			word=${words[0]}
			words=("${words[@]:1}")
			case $word in
			--)
				arguments=${words[*]}
				break
				;;
			kernels=*) kernels=${word#*=} kernels=${kernels//,/ } ;;
			timeout=*) limit=${word#*=} ;;
			boot=own) own=$name ;;
			gates=debug) gates=yes ;;
			*=*) key+=" $word" ;;
			*) arguments+="$word " ;;
			esac
		done
		tests=$((tests + 1))
		for kernel in $kernels; do
			# A kernel that this run leaves out.
			[[ " $KERNELS " == *" $kernel "* ]] || continue
			# Beside stock kernels a debug kernel gets a part only.
			[[ $kernel != *-debug || $gates || $stock_kernels -eq 0 ]] || continue
			word="$kernel|${own:-}|$key"
			[ -n "${groups[$word]:-}" ] || order+=("$word")
			# A kernel that looks at each step of itself is slow.
			[[ $kernel == *-debug ]] && time=$((limit * 3)) || time=$limit
			groups[$word]+="$name $time $arguments"$'\n'
		done
	done < <(list_lines selftests/ktm/TESTS)

	local i=0
	for word in "${order[@]}"; do
		i=$((i + 1))
		kernel=${word%%|*}
		# The machine may be booted twice in vain (vm --boot-limit).
		time=360 marks=
		# Beside stock kernels the slow ones have to wait.
		[[ $kernel != *-debug ]] || time=720
		[[ $kernel != *-debug || $stock_kernels -eq 0 ]] || marks=if-time
		key=${word##*|}
		own=${word#*|}
		own=${own%%|*}
		name=${own:-$(echo "boot$key" | sed -e 's/[^A-Za-z0-9.=]/-/g')}
		printf '%s' "${groups[$word]}" >"$results/vm-$i"
		# shellcheck disable=SC2086
		add_entry "vm/$kernel/$name" \
			$((time + $(awk '{ s += $2 } END { print s }' "$results/vm-$i"))) "$marks" \
			selftests/lib/vm-tests.sh "$kernel" "$name" "$results/vm-$i" $key
	done
}
