#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run: timeout=300
#
# What a reader should never have to say in a review: a licence on each file,
# lines of at most 100 columns, no white space at the end of one, kernel-doc that
# names what it describes, nothing left for later, no address of an archive.
# checkpatch.pl comes with the kernel's source only; Documentation/style.md says
# how to run it and which of its remarks stand.

set -u
set -o pipefail

export LC_ALL=C.UTF-8
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
status=0

# What was found stands in the file: nothing is good.
none() {
	n=$((n + 1))
	if [ -s "$1" ]; then
		echo "not ok $n $2"
		head -n 40 "$1" | sed 's/^/# /'
		status=1
	else
		echo "ok $n $2"
	fi
}

if git ls-files >"$work/all" 2>/dev/null && [ -s "$work/all" ]; then
	:
else
	find . -type f -not -path './build/*' -not -path './.git/*' | sed 's|^\./||' >"$work/all"
fi
grep -v -e '^LICENSES/' -e '\.sha256$' "$work/all" >"$work/ours"
grep -E '\.([ch]|sh|map)$|Makefile$|Kbuild$' "$work/ours" >"$work/code"

echo "TAP version 13"
echo "1..8"

test "$(wc -l <"$work/code")" -gt 50 || echo "only $(wc -l <"$work/code") files were found" >"$work/few"
none "$work/few" "there are files to look at"

while read -r file; do
	head -n 5 "$file" | grep -q 'SPDX-License-Identifier: ' || echo "$file"
done <"$work/code" >"$work/found"
none "$work/found" "each file of code says its licence"

# Strings that people search for are not broken.
while read -r file; do
	expand -t 8 "$file" | awk -v f="$file" 'length > 100 && !/"/ { print f ":" NR ": " length }'
done < <(grep -vE '^selftests/|\.sh$' "$work/code") >"$work/found"
none "$work/found" "outside tests and scripts, lines have at most 100 columns"

xargs -d '\n' grep -nE '[[:blank:]]+$' -- <"$work/code" >"$work/found"
none "$work/found" "no white space at the end of a line"

# The word after a sharp is one of TAP's.
xargs -d '\n' grep -nwE 'TO[D]O|FIX[M]E|X[X]X|HA[C]K' -- <"$work/ours" |
	grep -ve '# TO[D]O' -e '/tap.awk:' >"$work/found"
none "$work/found" "nothing is left for later"

xargs -d '\n' grep -nE 'https?://[a-z.]*(debian|npmjs|pypi)' -- <"$work/ours" >"$work/found"
none "$work/found" "no address of an archive"

kernel_doc=$(find "$("$top/scripts/kernels.sh" 6.1 | cut -d' ' -f2)/root/" \
	-path '*linux-kbuild*/scripts/kernel-doc' | head -n 1)
if [ -n "$kernel_doc" ]; then
	grep -E '^(kernel|uapi|samples)/.*\.[ch]$|^userspace/.*/include/.*\.h$' "$work/ours" |
		while read -r file; do
			perl "$kernel_doc" -none "$file" 2>&1
		done | grep -v '^$' >"$work/found"
else
	echo "the kernel's headers came without kernel-doc" >"$work/found"
fi
none "$work/found" "kernel-doc describes what it stands above"

perl -0777 -e '
	my ($doc, @files) = map { open(my $f, "<", $_) or die "$_: $!\n"; <$f> } @ARGV;
	my $blocks = 0;
	while ($doc =~ /^```c\n(.*?)^```/msg) {
		$blocks++;
		my $block = $1;
		print "not in samples/:\n$block" unless grep { index($_, $block) >= 0 } @files;
	}
	print "it quotes nothing\n" unless $blocks;
' Documentation/kernel-rm.md samples/*/*.[ch] >"$work/found" 2>&1
none "$work/found" "what Documentation/kernel-rm.md quotes is in samples/"
exit $status
