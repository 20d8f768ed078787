# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# In the guest: run the programs of /root/tests, then unload the module, which
# must work when nobody uses it any more.

while read -r name limit arguments; do
	echo "##run $name"
	# shellcheck disable=SC2086
	timeout -s KILL "$limit" "$name" $arguments </dev/null
	printf '\n##end %s %s\n' "$name" $?
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
