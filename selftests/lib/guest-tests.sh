# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# In the guest: run the programs of /root/tests, then unload the module, which
# must work when nobody uses it any more and leave no memory behind.

while read -r name limit arguments; do
	echo "##run $name"
	read -r begun _ </proc/uptime
	# shellcheck disable=SC2086
	timeout -s KILL "$limit" "$name" $arguments </dev/null
	status=$?
	read -r ended _ </proc/uptime
	printf '\n# %s took %s s\n##end %s %s\n' "$name" $((${ended%.*} - ${begun%.*})) \
		"$name" $status
done </root/tests

echo "##run module"
echo "1..1"
if [ ! -d /sys/module/ktm ]; then
	echo "ok 1 ktm is not loaded"
elif rmmod ktm; then
	echo "ok 1 ktm unloads when idle"
else
	echo "# $(grep '^ktm ' /proc/modules)"
	echo "not ok 1 ktm unloads when idle"
fi
echo "##end module 0"

# A kernel that can tell knows now what the module has forgotten: nothing refers to
# it any more. It looks at nothing that is younger than five seconds, and reports what
# two scans have found unchanged.
leaks=/sys/kernel/debug/kmemleak
[ -e $leaks ] || exit 0
echo "##run leaks"
echo "1..1"
# What dead tasks left on their stacks would pass for references: use those again.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	sleep 6 &
done
wait
echo scan >$leaks
echo scan >$leaks
if [ -d /sys/module/ktm ] || grep -q '^unreferenced' $leaks; then
	head -n 100 $leaks | sed 's/^/# /'
	echo "not ok 1 the module leaves no memory behind"
else
	echo "ok 1 the module leaves no memory behind"
fi
echo "##end leaks 0"
