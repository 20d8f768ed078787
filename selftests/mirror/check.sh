#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run: timeout=300
#
# The mirror headers, <ktm/zw.h> and <ktmw32.h>, against those of mingw-w64: every
# name, every value, each parameter, each struct (compare.pl); as C and as C++; and
# the comparison itself, with headers in which one thing is wrong.

set -uo pipefail

export LC_ALL=C.UTF-8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
ours=$top/userspace/libktm/include
reference=/usr/share/mingw-w64/include
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

count=0
failed=0

# check NAME COMMAND...: what it prints is shown if it fails.
check() {
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $count $name"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $count $name"
		failed=1
	fi
}

# compare HEADERS KIND: literals are 16 bits wide, as they are in Windows.
compare() {
	local headers=$1 kind=$2

	if [ "$kind" = functions ]; then
		perl "$here/compare.pl" "$reference" "$headers" "$kind"
		return
	fi
	perl "$here/compare.pl" "$reference" "$headers" "$kind" >"$work/$kind.c" &&
		gcc -std=gnu17 -fshort-wchar -Werror -I "$headers" -I "$top/uapi" \
			-o "$work/$kind" "$work/$kind.c" && "$work/$kind"
}

# compiles LANGUAGE STANDARD COMPILER...: each header by itself, twice, and all in one file.
compiles() {
	local language=$1 standard=$2 headers

	for headers in 'ktm/zw.h ktm/zw.h' 'ktmw32.h ktmw32.h' 'ktm.h ktm/zw.h ktmw32.h' \
		'ktmw32.h ktm-rm.h ktm/zw.h'; do
		# shellcheck disable=SC2086
		printf '#include <%s>\n' $headers >"$work/header.$language"
		"${@:3}" -x "$language" -std="$standard" -Wall -Wextra -Wpedantic -Werror \
			-I "$ours" -I "$top/uapi" -fsyntax-only "$work/header.$language" || return 1
	done
}

# Literals are WCHARs, with the option and without.
cat >"$work/literals.c" <<'END'
#include <ktmw32.h>

static WCHAR text[] = TEXT("UTF-16");

int main(void)
{
	UNICODE_STRING name = { sizeof(text) - sizeof(WCHAR), sizeof(text), text };
	LPCWSTR path = TRANSACTION_OBJECT_PATH;

	return !(sizeof(text) == 14 && name.Length == 12 && path[1] == 'T' && path[12] == '\\');
}
END

literals() {
	local options

	for options in '-x c -std=c11' '-x c -std=gnu17 -fshort-wchar' '-x c++ -std=c++11' \
		'-x c++ -std=c++20 -fshort-wchar'; do
		# shellcheck disable=SC2086
		gcc -Wall -Wextra -Werror -I "$ours" -I "$top/uapi" $options -o "$work/literals" \
			"$work/literals.c" && "$work/literals" || return 1
	done
}

# One thing wrong in one header, and which comparison has to see it:
# KIND FILE SED-EXPRESSION
mutations() {
	cat <<'END'
functions ktm/zw.h s/^NTSTATUS NTAPI ZwSinglePhaseReject/NTSTATUS NTAPI ZwSinglePhaseAccept/
functions ktm/zw.h s/(_In_ HANDLE TransactionHandle, _In_ BOOLEAN Wait)/(_In_ BOOLEAN Wait, _In_ HANDLE TransactionHandle)/
functions ktm/zw.h s/_Out_ PHANDLE EnlistmentHandle/_In_ PHANDLE EnlistmentHandle/
functions ktm/zw.h s/_Inout_updates_bytes_(ObjectCursorLength)/_In_/
functions ktm/zw.h s/_In_opt_ PVOID EnlistmentKey/_In_ PVOID EnlistmentKey/
functions ktm/zw.h s/_In_ NOTIFICATION_MASK NotificationMask/_In_ ULONG NotificationMask/
functions ktm/zw.h s/^NTSTATUS NTAPI ZwThawTransactions/NTSTATUS NTAPI ZwMeltTransactions/
functions ktmw32.h s/^BOOL WINAPI CommitComplete/BOOL WINAPI CommitDone/
functions ktmw32.h s/^BOOL WINAPI CommitTransaction(_In_ HANDLE/HANDLE WINAPI CommitTransaction(_In_ HANDLE/
functions ktmw32.h s/_In_ DWORD BufferLength, _Out_opt_ LPWSTR/_Out_opt_ LPWSTR/
functions ktmw32.h s/_In_ DWORD dwDesiredAccess, _In_ HANDLE TmHandle/_In_ ACCESS_MASK dwDesiredAccess, _In_ HANDLE TmHandle/
functions ktmw32.h s/_Out_ PTRANSACTION_NOTIFICATION/_In_ PTRANSACTION_NOTIFICATION/
functions ktm/zw.h s/_In_opt_ ULONG IsolationLevel,$/_In_opt_ ULONG IsolationFlags,/
functions ktmw32.h s/_In_ HANDLE ResourceManagerHandle, _In_ HANDLE TransactionHandle/_In_ HANDLE TransactionHandle, _In_ HANDLE ResourceManagerHandle/
prototypes ktm/zw.h s/_In_ NOTIFICATION_MASK NotificationMask/_In_ ULONGLONG NotificationMask/
prototypes ktm/zw.h s/PFN_NT_COMMIT_TRANSACTION/PFN_NT_COMMIT/
constants ktm/ktmtypes.h s/TRANSACTION_NOTIFY_INDOUBT\t.*/TRANSACTION_NOTIFY_INDOUBT 0x00008000/
constants ktm/ktmtypes.h /MAX_RESOURCEMANAGER_DESCRIPTION_LENGTH/d
constants ktm/ktmtypes.h s/ResourceManager\\\\/ResourceManagers\\\\/
constants ktm/ktmtypes.h s/\\\\Enlistment/\\\\enlistment/
constants ktm/zw.h s/TRANSACTION_ENLIST\t*0x0004/TRANSACTION_ENLIST 0x0040/
constants ktm/zw.h s/^\t\t\t\t\t\t TRANSACTIONMANAGER_BIND_TRANSACTION/0/
constants ktm/nt.h s/0x00100000/0x00200000/
constants ktm/winerror.h s/1460/258/
statuses ktm/ntstatus.h s/^#define STATUS_TM_VOLATILE.*/#define STATUS_TM_VOLATILE KTM_NTSTATUS(0xc019003c)/
statuses ktm/ntstatus.h /^#define STATUS_LOG_FULL[^_]/d
statuses ktm/ntstatus.h s/typedef int32_t NTSTATUS/typedef int64_t NTSTATUS/
enums ktm/zw.h s/TransactionOutcomeUndetermined = 1/TransactionOutcomeUndetermined = 0/
enums ktm/zw.h s/^\tTransactionManagerOnlineProbeInformation,//
enums ktm/zw.h s/KTMOBJECT_ENLISTMENT,/KTMOBJECT_PARTICIPANT,/
structs ktm/ktmtypes.h s/^\tLARGE_INTEGER TmVirtualClock;/\tULONG TmVirtualClock;/
structs ktm/ktmtypes.h s/^\tPVOID TransactionKey;/\tULONG_PTR TransactionKey;/
structs ktm/zw.h s/^\tLARGE_INTEGER Timeout;/\tLONGLONG Timeout;/
structs ktm/ktmtypes.h s/^\tWCHAR Description\[/\tCHAR Description[/
structs ktm/ktmtypes.h s/PSAVEPOINT_ID/PSAVEPOINT/
structs ktm/zw.h s/^\tGUID CrmEnlistmentId/\tGUID EnlistmentId/
structs ktm/zw.h s/^\tULONG ObjectIdCount/\tULONGLONG ObjectIdCount/
structs ktm/nt.h s/^\tUSHORT Data3/\tULONG Data3/
END
}

each_is_seen() {
	local kind file expression tried=0 violations=0

	while read -r kind file expression; do
		rm -rf "$work/include"
		cp -r "$ours" "$work/include"
		sed -i -e "$expression" "$work/include/$file"
		tried=$((tried + 1))
		if cmp -s "$ours/$file" "$work/include/$file"; then
			echo "nothing changed: $expression"
		elif compare "$work/include" "$kind" >/dev/null 2>&1; then
			echo "not seen by $kind: $file $expression"
		else
			continue
		fi
		violations=$((violations + 1))
	done < <(mutations)
	echo "campaign mirror-mutations: tried=$tried violations=$violations seed=0"
	[ "$violations" -eq 0 ] && [ "$tried" -gt 30 ]
}

echo "TAP version 13"
check "the headers of mingw-w64 are here" [ -r "$reference/ddk/wdm.h" ]
check "every function has their parameters in their order and direction" compare "$ours" functions
check "every function has their type" compare "$ours" prototypes
check "every constant has their value" compare "$ours" constants
check "every status has their value" compare "$ours" statuses
check "every enumerator has their value" compare "$ours" enums
check "every struct has their layout" compare "$ours" structs
for standard in c99 gnu17; do
	check "the headers compile as $standard" compiles c $standard gcc
	check "the headers compile as $standard with short wchar_t" \
		compiles c $standard gcc -fshort-wchar
done
for standard in c++11 c++20; do
	check "the headers compile as $standard" compiles c++ $standard g++
done
check "literals are what WCHARs are" literals
check "one thing wrong in a header is seen" each_is_seen
sed -n '/^campaign/p' "$work/log"
echo "1..$count"
exit $failed
