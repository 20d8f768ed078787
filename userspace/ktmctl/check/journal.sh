# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# ktmctl journal check, stat and dump, on journals that mkjournal makes and that are
# damaged then. Sourced by ../check.sh. All of it runs a ktmctl that is built with
# AddressSanitizer and UndefinedBehaviorSanitizer and whose reads can fail.

image_bytes=$((1 << 20))
last_unit=$((image_bytes - 4096))
# Where sound.script has its restart area, and a batch of the log that is known to be durable.
area=8192
middle=$((274432 + 4096))
tail_batch=$((274432 + 3 * 4096))

build_tools() {
	local core=$top/kernel/core common=$top/userspace/common
	local flags=(-std=gnu11 -Wall -Wextra -Werror -O1 -g -I "$core" -I "$common" -I "$top/uapi")
	local sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=all)

	# shellcheck disable=SC2086
	"${CC:-gcc}" "${flags[@]}" -o mkjournal "$here/check/mkjournal.c" "$core"/journal_*.c \
		"$common/crc32c.c" &&
		"${CC:-gcc}" "${flags[@]}" -o hostile "$here/check/hostile.c" "$common/crc32c.c" &&
		"${CC:-gcc}" "${flags[@]}" "${sanitize[@]}" -I "$top/userspace/libktm/include" \
			-Wl,--wrap=pread -o ktmctl-checked "$here/check/bad_medium.c" "$here"/*.c \
			"$core"/journal_*.c "$common/crc32c.c" \
			"$BUILD/userspace/libktm/libktm.a" -lblkid -luuid
}

build_same() {
	local core=$top/kernel/core tests=$top/selftests/core

	"${CC:-gcc}" -std=gnu11 -Wall -Wextra -Werror -O1 -g -fsanitize=address,undefined \
		-fno-sanitize-recover=all -I "$core" -I "$top/uapi" -I "$tests" -I "$here" -o same \
		"$here/check/same.c" "$here"/live.c "$here"/live_records.c \
		"$tests"/journal_model.c "$tests"/journal_history.c "$core"/journal_*.c \
		"$top/userspace/common/crc32c.c"
}

same_as_model() {
	local status

	build_same || return 1
	./same 1 3000 >same.log
	status=$?
	grep -v ^campaign same.log
	grep ^campaign same.log >&3
	return $status
}

journal() {
	./ktmctl-checked journal "$@"
}

# make_image FILE [SCRIPT]; or the script on standard input with "-".
make_image() {
	if [ "${2:-}" = - ]; then
		./mkjournal "$1" $image_bytes
	else
		./mkjournal "$1" $image_bytes <"${2:-$here/check/sound.script}"
	fi
}

# flip FILE BYTE: one bit.
flip() {
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1") || return 1
	printf "\\x$(printf %02x $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

wipe() {
	dd if=/dev/zero of="$1" bs=4096 seek=$(($2 / 4096)) count="$3" conv=notrunc status=none
}

# says CODE FILE LINE...: check's exit code, and each LINE is printed, to the letter; dump
# and stat end as they should, dump's lines are JSON, and nothing has changed the file.
says() {
	local code=$1 file=$2 before line status

	shift 2
	before=$(sha256sum <"$file")
	journal check "$file" >said 2>&1
	status=$?
	cat said
	echo "exit code $status"
	[ $status -eq "$code" ] || return 1
	for line in "$@"; do
		grep -qxF -- "$line" said || { echo "missing: $line"; return 1; }
	done
	ends_as_well "$file" && [ "$before" = "$(sha256sum <"$file")" ]
}

# What check can read to its end, stat can, too; dump shows records that do not fit together
# ($misfit) as any others.
ends_as_well() {
	local status wanted=0

	grep -q '^recovery refuses' said && wanted=4
	journal dump --json "$1" >dumped 2>why
	status=$?
	echo "dump: exit code $status, $(wc -l <dumped) lines"
	python3 "$here/check/json_lines.py" <dumped || return 1
	[ $status -eq $([ "${misfit:-no}" = yes ] && echo 0 || echo $wanted) ] || return 1
	journal stat "$1" >/dev/null 2>why
	status=$?
	echo "stat: exit code $status"
	[ $status -eq $wanted ]
}

same_as() {
	diff -u "$here/check/$1" "$2"
}

sound() {
	make_image sound && says 0 sound 'nothing is wrong' && same_as sound.check said &&
		journal stat sound >out && same_as sound.stat out &&
		journal stat --json sound | python3 -m json.tool >out && same_as sound.stat.json out
}

# Cut off in front and behind, copied, deleted; under a restart area of a running log.
streams() {
	make_image a "$here/check/streams.script" && says 0 a 'nothing is wrong' &&
		same_as streams.check said &&
		journal stat --json a | python3 -m json.tool >out && same_as streams.stat.json out
}

dumped() {
	make_image a "$here/check/streams.script" && journal dump --json a >out &&
		same_as streams.dump.json out &&
		make_image sound && journal dump sound >out && same_as sound.dump out &&
		journal dump --json sound >out && same_as sound.dump.json out
}

filters() {
	make_image sound &&
		journal dump --json --uow 70000000-0000-4000-8000-000000000002 sound >out &&
		[ "$(grep -c 70000000-0000-4000-8000-000000000002 out)" -eq 4 ] &&
		[ "$(wc -l <out)" -eq 4 ] &&
		journal dump --json --stream 9 sound >out && [ "$(wc -l <out)" -eq 4 ] &&
		journal dump --json --stream 0x0000000000000009 --from 16384 sound >out &&
		[ "$(wc -l <out)" -eq 2 ] && grep -q '"data":"776f726c64"' out &&
		journal dump --from 16384 sound >out && head -n 1 out | grep -q '^batch 4 at LSN 16384'
}

# The same as the installed program.
same_program() {
	make_image sound && "$ktmctl" journal check sound >out && same_as sound.check out
}

one_copy() {
	make_image a && flip a 100 && make_image b && flip b $((last_unit + 100)) &&
		make_image c && wipe c 0 1 && make_image d && wipe d $last_unit 1 || return 1
	says 3 a "superblock at byte 0: not good: a superblock's checksum is wrong" \
		"superblock at byte $last_unit: good, generation 1" \
		'recovery makes good what is wrong' &&
		says 3 b "superblock at byte $last_unit: not good: a superblock's checksum is wrong" &&
		says 3 c 'superblock at byte 0: not good: no superblock of a journal' &&
		says 3 d "superblock at byte $last_unit: not good: no superblock of a journal" &&
		KTM_TEST_BAD=0:512:61 says 3 c \
			'superblock at byte 0: not good: a superblock cannot be read: medium error'
}

# It counts only once the first copy is lost; so it is said before that, and mended.
broken_signpost() {
	local broken='signpost at byte 4096: not good: it does not say where the second superblock is'

	make_image a && says 0 a 'signpost at byte 4096: good' 'nothing is wrong' &&
		flip a 5000 && make_image b && wipe b 4096 1 && cp a large &&
		truncate -s $((2 * image_bytes)) large && cp large none && wipe none 0 1 || return 1
	says 3 a "$broken" '  write the signpost again' 'recovery makes good what is wrong' &&
		says 3 b "$broken" '  write the signpost again' &&
		says 3 large "$broken" '  let the log grow with its device, from 774144 to 1822720 bytes' &&
		says 4 none 'wrong at byte 0: no superblock of a journal' &&
		make_image a && KTM_TEST_BAD=4096:512:61 says 3 a "$broken" &&
		KTM_TEST_BAD=4096:512:5 says 3 a "$broken"
}

both_copies() {
	make_image a && flip a 100 && flip a $((last_unit + 100)) &&
		says 4 a "damaged at byte 0: a superblock's checksum is wrong" \
			'recovery refuses this journal and changes nothing' \
			'put back a copy of it, or give up what it holds: see DAMAGED JOURNALS in ktmctl(8)' &&
		grep -q '^\.Sh DAMAGED JOURNALS$' "$here/ktmctl.8"
}

# A crash between the two copies.
older_copy() {
	make_image a && { cat "$here/check/sound.script"; echo 'set generation 2'; echo 'copy 1'; } |
		make_image new - && dd if=new of=a bs=4096 count=1 conv=notrunc status=none &&
		says 0 a 'superblock at byte 0: good, generation 2' \
			"superblock at byte $last_unit: good, generation 1, older than the other"
}

two_journals() {
	make_image a && { cat "$here/check/sound.script"; echo 'set uuid 2'; echo 'copy 1'; } |
		make_image other - && dd if=other of=a bs=4096 count=1 conv=notrunc status=none &&
		says 4 a "damaged at byte $last_unit: the two superblocks belong to different journals"
}

foreign_first() {
	make_image a && head -c 4096 /dev/zero | tr '\0' x | dd of=a conv=notrunc status=none &&
		says 4 a 'wrong at byte 0: something else was written over the first superblock of a journal'
}

other_versions() {
	local field words

	for field in version incompat; do
		{ cat "$here/check/sound.script"; echo "set $field 77"; } | make_image a - || return 1
		words='the journal has features that this version cannot read'
		[ $field = version ] && words='a journal of another version'
		says 4 a "wrong at byte 0: $words" \
			'a version of ktm can use it that knows what it is' || return 1
	done
	{ cat "$here/check/sound.script"; echo "set ro_compat 1"; } | make_image a - || return 1
	journal check a >out
	[ $? -eq 4 ] && grep -qx 'it has features that this version cannot write' out &&
		journal dump --json a >dumped && grep -q '"kind":"tail"' dumped && journal stat a >out
}

damaged_area() {
	make_image a && flip a $((area + 200)) &&
		says 4 a "damaged at byte $area: the restart area is damaged" &&
		{ cat "$here/check/sound.script"; echo 'set restart_crc 7'; } | make_image a - &&
		says 4 a "damaged at byte $area: the restart area is not the one that the superblock means"
}

damaged_middle() {
	make_image a && flip a $((middle + 100)) &&
		says 4 a "damaged at byte $middle, LSN 12288: a batch is damaged that a later one knows to be durable" \
			'  the batch at LSN 16384 (byte 282624) was written when all before LSN 16384 was durable' &&
		make_image a && KTM_TEST_BAD=$middle:512:61 says 4 a \
			"damaged at byte $middle, LSN 12288: a batch is damaged that a later one knows to be durable" \
			"1 place cannot be read (medium error), the first at byte $middle"
}

# The last batch was on its way when the power went.
torn_tail() {
	make_image a && flip a $((tail_batch + 100)) &&
		says 0 a '  behind it a batch was not written to its end' \
			'  write 4096 bytes of the log again, from LSN 16384 on' 'nothing is wrong' &&
		! grep -q 70000000-0000-4000-8000-000000000003 said &&
		make_image a && wipe a $tail_batch 1 && says 0 a '  nothing was written behind it' &&
		make_image a && KTM_TEST_BAD=$tail_batch:4096:61 says 3 a \
			'  what is behind it cannot be read' \
			"1 place cannot be read (medium error), the first at byte $tail_batch"
}

behind_a_gap() {
	{ cat "$here/check/sound.script"; echo 'RM 3 late'; echo batch; } | make_image a - &&
		flip a $((tail_batch + 100)) &&
		says 0 a '  1 batch behind a gap: never durable, and never read' 'nothing is wrong' &&
		{ cat "$here/check/sound.script"; echo break; echo 'RM 3 late'; echo batch; } |
		make_image a - &&
		says 0 a '  the batch behind it does not continue the log' &&
		! grep -q late said
}

ends_early() {
	{ cat "$here/check/sound.script"; echo 'set restart_lsn 28672'; } | make_image a - &&
		says 4 a 'damaged at byte 290816, LSN 24576: the log ends before what its restart area knows of'
}

# LINE WORDS: this record, behind a journal that is sound, is refused with these words.
refused_record() {
	{ cat "$here/check/sound.script"; echo "$1"; echo batch; } | make_image a - &&
		misfit=yes says 4 a 'recovery refuses this journal and changes nothing' &&
		grep -qE "^damaged at byte 290816, LSN [0-9]+: $2\$" said
}

misfits() {
	refused_record 'DECISION 77 1 1 9' 'a decision about a transaction that is not there' &&
		refused_record 'DECISION 3 1 2 9' 'a decision counts other votes than there are' &&
		refused_record 'COMPLETION 2 2 0' 'an enlistment finishes that is not there' &&
		refused_record 'RM_GONE 1' 'a resource manager goes that has unfinished enlistments' &&
		refused_record 'PREPARED 3 4 2 0 5' 'an enlistment votes twice' &&
		refused_record 'SBASE 8 4096' 'a record of a stream that is not there' &&
		refused_record 'CLOCK 9' \
			'a record that belongs into a restart area is in the log' &&
		refused_record 'COMPLETION 3 3 0' 'an enlistment finishes that is not there' &&
		refused_record 'STREAM 265 65536 0 0 0 0 0 two' 'two streams have one GUID or one name' &&
		refused_record 'STREAM 9 65536 0 0 0 0 0 undo' \
			'a stream changes its GUID, name, owner or mode' &&
		refused_record 'PREPARED 5 7 1 2 0 77 100' \
			'an enlistment needs more of its stream than there is' &&
		refused_record 'PREPARED 5 7 1 2 0 9 65537' \
			'an enlistment needs more of its stream than there is' &&
		refused_record 'STREAM 7 2000000000 0 0 0 0 0 huge' \
			'streams may keep more than the log can give them' &&
		refused_record 'PREPARED 5 7 1 6 0' 'an enlistment has flags that are not known' &&
		refused_record 'STREAM 7 65536 0 0 0 0 0 redo' \
			'two streams have one GUID or one name' &&
		refused_record 'STREAM 7 65536 0 0 0 0 0' "a stream's name or quota cannot be"
}

too_much_lives() {
	{
		echo 'RM 1 large'
		for ((i = 1; i < 12; i++)); do
			echo "PREPARED $i $i 1 2 16384"
		done
		echo batch
	} | make_image a - &&
		misfit=yes says 4 a 'wrong at byte 139264: what lives does not fit into a restart extent'
}

damaged_stream() {
	make_image a && flip a $((270336 + 184 + 50)) || return 1
	journal check a >said
	[ $? -eq 4 ] && cat said &&
		grep -qxF "damaged at byte 270520, LSN 4280: record 4336 of stream 0x9: the checksum of a stream's record is wrong" said &&
		grep -qxF 'what is damaged is lost; the rest can be recovered' said &&
		make_image a && wipe a 270336 1 || return 1
	journal check a >said
	[ $? -eq 4 ] && grep -q 'record 4336 of stream 0x9: ' said
}

# The log has given it up; the others are there, and a copy of it cannot be.
lost_record() {
	sed -e 's/ 4440 4384 56 0 / 4440 0 56 4 /' -e '/^SREC 9 1 4440/d' \
		"$here/check/streams.script" >script || return 1
	make_image a script && journal dump --json a >out &&
		grep -q '"srec_lsn":4440,"at_lsn":0,"bytes":56,"flags":4' out || return 1
	journal check a >said
	[ $? -eq 4 ] &&
		grep -qxF 'lost: record 4440 of stream 0x9 could not be read, and the log has given it up' said &&
		[ "$(grep -c '^damaged\|^lost' said)" -eq 1 ] && journal dump a >out &&
		grep -q 'record 4440 is lost, 56 bytes' out || return 1
	# It counts against the quota still.
	journal stat a >out && grep -qF 'stream 0x9 "redo": 3 live records (1 lost), 168 bytes, 384 of quota' out &&
		journal stat --json a >out && grep -q '"used":384,.*"records":3,"lost":1,' out || return 1
	# With a place it would be one of the others, or none.
	sed -e 's/ 4440 0 56 4 / 4440 4384 56 4 /' script >other && make_image a other || return 1
	journal check a >said
	[ $? -eq 4 ] && grep -q 'is lost and has a place' said
}

wrong_places() {
	: >empty && head -c 700 /dev/urandom >small && head -c $image_bytes /dev/urandom >garbage &&
		make_image a && truncate -s $((image_bytes / 2)) a && make_image b &&
		truncate -s $((image_bytes * 2)) b || return 1
	says 4 empty 'wrong at byte 0: the device is too small for a journal' \
		'give the device the size back that it had' &&
		says 4 small 'wrong at byte 0: the device is too small for a journal' &&
		says 4 garbage 'wrong at byte 0: no superblock of a journal' \
			'is it the right device? A copy of its journal can be put back' &&
		says 4 a 'wrong at byte 0: the device is smaller than the superblock says it was' &&
		says 0 b 'nothing is wrong' \
			'  let the log grow with its device, from 774144 to 1822720 bytes'
}

# The device was enlarged, and the power goes while a restart area tells of it. Each step of
# that, and the first copy lost whenever that can be.
grown() {
	local both='good, generation 2' more='from 774144 to 1822720 bytes'

	{ cat "$here/check/sound.script"; echo 'set generation 2'; echo "grow $((2 * image_bytes))"; } \
		>script && make_image both script && { cat script; echo 'copy 1'; } | make_image first - &&
		make_image none && truncate -s $((2 * image_bytes)) none &&
		cp none one && dd if=first of=one bs=4096 count=1 conv=notrunc status=none &&
		cp one torn && flip torn 100 && cp both lost && wipe lost 0 1 &&
		cp none blind && wipe blind 0 2 && cp both cut && truncate -s $image_bytes cut || return 1
	says 0 none "  let the log grow with its device, $more" &&
		says 0 one "superblock at byte 0: $both" \
			"superblock at byte $last_unit: good, generation 1, older than the other" &&
		! grep -q 'let the log grow' said && journal stat one >out &&
		grep -qE '^ring +1822720 bytes' out &&
		says 3 torn "superblock at byte $last_unit: good, generation 1" \
			"  let the log grow with its device, $more" &&
		says 0 both "superblock at byte 0: $both" "superblock at byte $last_unit: $both" &&
		says 3 lost "superblock at byte $last_unit: $both" \
			'superblock at byte 0: not good: no superblock of a journal' &&
		KTM_TEST_BAD=0:512:61 says 3 both "superblock at byte $last_unit: $both" &&
		says 4 blind 'wrong at byte 0: no superblock of a journal' &&
		says 4 cut 'wrong at byte 0: the device is smaller than it was when the log had grown onto it'
}

failing_device() {
	local place

	make_image a || return 1
	for place in 0 $area $middle $tail_batch; do
		KTM_TEST_BAD=$place:4096:5 expect 1 "cannot read at byte [0-9]+: Input/output error" \
			./ktmctl-checked journal check a &&
			KTM_TEST_BAD=$place:4096:5 expect 1 '.' ./ktmctl-checked journal dump a &&
			KTM_TEST_BAD=$place:4096:5 expect 1 'cannot read' ./ktmctl-checked journal stat a ||
			return 1
	done
}

what_is_none() {
	rm -f fifo
	mkfifo fifo
	expect 1 'neither a block device' ./ktmctl-checked journal check /dev/null &&
		expect 1 'neither a block device' ./ktmctl-checked journal dump . &&
		expect 1 'neither a block device' timeout 10 ./ktmctl-checked journal stat fifo &&
		expect 1 'No such file' ./ktmctl-checked journal check nothing
}

# A part of a device, that is to say.
fixed() {
	truncate -s 8M part && "$ktmctl" journal format --force --size 2M part >/dev/null &&
		says 0 part 'nothing is wrong' && ! grep -q 'let the log grow' said &&
		truncate -s 2M whole && "$ktmctl" journal format --force --size 2M whole >/dev/null &&
		truncate -s 4M whole && says 0 whole 'nothing is wrong' &&
		grep -q '^  let the log grow with its device' said
}

# Somebody chose what stands in it. Whatever is said, it ends, and in an orderly way.
hostile() {
	local seed=$1 tried=$2 violations=0 i command status

	make_image pristine || return 1
	for ((i = 0; i < tried; i++)); do
		cp pristine a && ./hostile a $((seed + i)) || return 1
		for command in check stat 'dump --json' dump; do
			# shellcheck disable=SC2086
			timeout 60 ./ktmctl-checked journal $command a >said 2>why
			status=$?
			case $status in
			0 | 3 | 4) [ "$command" != 'dump --json' ] ||
				python3 "$here/check/json_lines.py" <said && continue ;;
			esac
			echo "# seed $((seed + i)), $command: exit code $status"
			sed 's/^/# /' why | head -n 20
			violations=$((violations + 1))
		done
	done >hostile.log
	cat hostile.log
	echo "campaign ktmctl_hostile: tried=$tried violations=$violations seed=$seed" >&3
	[ $violations -eq 0 ]
}

journal_tests() {
	check "the tools that make and read journals build" build_tools
	check "a sound journal: what lives, what recovery would do, how full it is" sound
	check "streams, and a restart area of a running log" streams
	check "all that stands in it is dumped, as text and as JSON" dumped
	check "one transaction, one stream, or what is behind an LSN is dumped" filters
	check "the program that is installed says the same" same_program
	check "one copy of the superblock that is lost is said, and no more" one_copy
	check "a signpost that is broken" broken_signpost
	check "both copies lost" both_copies
	check "copies of two openings are what a crash leaves" older_copy
	check "copies of two journals" two_journals
	check "somebody else's data over the first copy" foreign_first
	check "versions and features that are not known" other_versions
	check "a damaged restart area, or the wrong one" damaged_area
	check "damage in what is known to be durable, and how that is known" damaged_middle
	check "a torn tail is nothing wrong" torn_tail
	check "what is behind a gap, or continues another log" behind_a_gap
	check "a log that ends before its restart area" ends_early
	check "records that do not fit together" misfits
	check "more lives than a restart extent holds" too_much_lives
	check "a stream's record that recovery does not read" damaged_stream
	check "a stream's record that the log has given up" lost_record
	check "devices that are cut, grown, empty, or hold something else" wrong_places
	check "a log that grows with its device, each step of it" grown
	check "a journal that was given a part of its device does not grow" fixed
	check "a device that fails is not called damaged" failing_device
	check "what is no journal at all" what_is_none
	check "what lives is what the tests' own model finds, in random histories" same_as_model
	check "hostile journals do no harm" hostile 1 150
}
