/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The types and small tools that <ktm/zw.h> and <ktmw32.h> are written in: those
 * of the Windows headers, as far as transaction code needs them. Include one of
 * those two, not this.
 *
 * Handles
 *	A HANDLE is the number of a descriptor. NULL is no handle, and the library
 *	never gives out descriptor 0; INVALID_HANDLE_VALUE is -1. KtmDescriptor() and
 *	KtmHandle() convert: poll(2), sendmsg(2), close(2) and <ktm.h> work on what is
 *	in a handle. Like every descriptor of ktm it is closed by execve(2), unless it
 *	was made with OBJ_INHERIT or bInheritHandle.
 *
 * Strings
 *	A WCHAR is 16 bits, a string UTF-16, as in Windows: sizeof(WCHAR), lengths in
 *	bytes and the layout of every struct stay what ported code takes them for.
 *	u"..." is such a literal in C11, gnu99 and C++11. Code full of L"..." is compiled
 *	with -fshort-wchar, which makes wchar_t the type WCHAR (such code must not pass
 *	wchar_t to the C library, which was compiled without). TEXT("...") fits both.
 *	In the kernel texts are UTF-8; the library converts, and refuses unpaired
 *	surrogates (STATUS_INVALID_PARAMETER).
 *
 * GUIDs
 *	GUID has the fields of Windows, struct ktm_guid the bytes of RFC 4122; both
 *	write the same text. KtmGuidFromNt() and KtmGuidToNt() convert.
 *
 * Times
 *	In units of 100 ns: negative from now on, positive since 1601-01-01 UTC.
 */
#ifndef KTM_NT_H
#define KTM_NT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/ktm.h>

#include <ktm/ntstatus.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what has no meaning here ---- */

#define NTAPI
#define WINAPI
#define APIENTRY
#define CALLBACK
#define NTSYSAPI
#define NTSYSCALLAPI
#define FAR

#define PAGED_CODE()			((void)0)
#define UNREFERENCED_PARAMETER(p)	((void)(p))

/*
 * Annotations. Who has identifiers of these names defines KTM_NO_ANNOTATIONS and
 * includes something that defines those which the headers use: _In_ and so on.
 */
#ifndef KTM_NO_ANNOTATIONS
#define IN
#define OUT
#define OPTIONAL
#define CONST				const
#endif

#ifndef _In_
#define _In_
#define _In_opt_
#define _Out_
#define _Out_opt_
#define _Inout_
#define _Inout_opt_
#define _In_reads_bytes_(n)
#define _In_reads_bytes_opt_(n)
#define _Out_writes_bytes_(n)
#define _Out_writes_bytes_opt_(n)
#define _Inout_updates_bytes_(n)
#define _Must_inspect_result_
#define _Success_(e)
#define _Use_decl_annotations_
#define _IRQL_requires_max_(l)
#endif

/* ---- integers and pointers ---- */

#define VOID				void
#ifndef FALSE
#define FALSE				0
#endif
#ifndef TRUE
#define TRUE				1
#endif

typedef char CHAR, *PCHAR, *LPSTR, *PSTR;
typedef const char *LPCSTR, *PCSTR;
typedef uint8_t UCHAR, *PUCHAR, BYTE, *PBYTE;
typedef int16_t SHORT, *PSHORT;
typedef uint16_t USHORT, *PUSHORT, WORD, *PWORD;
typedef int32_t LONG, *PLONG, INT, *PINT;
typedef uint32_t ULONG, *PULONG, UINT, *PUINT, DWORD, *PDWORD, *LPDWORD;
typedef int64_t LONGLONG, *PLONGLONG, LONG64;
typedef uint64_t ULONGLONG, *PULONGLONG, ULONG64, DWORD64;
typedef intptr_t LONG_PTR, *PLONG_PTR, INT_PTR;
typedef uintptr_t ULONG_PTR, *PULONG_PTR, UINT_PTR, DWORD_PTR;
typedef size_t SIZE_T, *PSIZE_T;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef int BOOL, *PBOOL, *LPBOOL, WINBOOL;
typedef void *PVOID, *LPVOID;
typedef const void *PCVOID, *LPCVOID;

/* 16 bits each, and the type of the literals: see Strings above. */
#if defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#define KTM_TEXT(literal)		L##literal
#elif defined(__cplusplus)
typedef char16_t WCHAR;
#define KTM_TEXT(literal)		u##literal
#else
typedef __CHAR16_TYPE__ WCHAR;
#define KTM_TEXT(literal)		u##literal
#endif
typedef WCHAR *PWCHAR, *PWCH, *PWSTR, *LPWSTR, *LPTSTR, *PTSTR;
typedef const WCHAR *PCWCH, *PCWSTR, *LPCWSTR, *LPCTSTR, *PCTSTR;
#ifndef TEXT
#define TEXT(literal)			KTM_TEXT(literal)
#endif

typedef void *HANDLE, **PHANDLE, **LPHANDLE;
#define INVALID_HANDLE_VALUE		((HANDLE)(LONG_PTR)-1)

typedef ULONG ACCESS_MASK, *PACCESS_MASK;

typedef NTSTATUS *PNTSTATUS;
#define NT_SUCCESS(status)		((NTSTATUS)(status) >= 0)
#define NT_INFORMATION(status)		((ULONG)(status) >> 30 == 1)
#define NT_WARNING(status)		((ULONG)(status) >> 30 == 2)
#define NT_ERROR(status)		((ULONG)(status) >> 30 == 3)

#define INFINITE			0xffffffff
#define MAXULONG			0xffffffff

#define FIELD_OFFSET(type, field)	((LONG)offsetof(type, field))
#define RtlZeroMemory(to, length)	memset((to), 0, (length))
#define RtlCopyMemory(to, from, length)	memcpy((to), (from), (length))
#define ZeroMemory			RtlZeroMemory
#define CopyMemory			RtlCopyMemory

typedef union _LARGE_INTEGER {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__extension__ struct {
		ULONG LowPart;
		LONG HighPart;
	};
	struct {
		ULONG LowPart;
		LONG HighPart;
	} u;
#else
	__extension__ struct {
		LONG HighPart;
		ULONG LowPart;
	};
	struct {
		LONG HighPart;
		ULONG LowPart;
	} u;
#endif
	LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

/* ---- GUIDs ---- */

typedef struct _GUID {
	ULONG Data1;
	USHORT Data2;
	USHORT Data3;
	UCHAR Data4[8];
} GUID, *PGUID, *LPGUID;
typedef const GUID *LPCGUID;

#ifdef __cplusplus
typedef const GUID &REFGUID;
#define KTM_REFGUID(guid)		(&(guid))
#else
typedef const GUID *REFGUID;
#define KTM_REFGUID(guid)		(guid)
#endif

#define DEFINE_GUID(name, a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)	\
	__attribute__((__unused__)) static const GUID name = {		\
		a, b, c, { d0, d1, d2, d3, d4, d5, d6, d7 } }

static inline BOOL IsEqualGUID(REFGUID a, REFGUID b)
{
	return !memcmp(KTM_REFGUID(a), KTM_REFGUID(b), sizeof(GUID));
}

static inline struct ktm_guid KtmGuidFromNt(const GUID *from)
{
	struct ktm_guid to;

	to.b[0] = (__u8)(from->Data1 >> 24);
	to.b[1] = (__u8)(from->Data1 >> 16);
	to.b[2] = (__u8)(from->Data1 >> 8);
	to.b[3] = (__u8)from->Data1;
	to.b[4] = (__u8)(from->Data2 >> 8);
	to.b[5] = (__u8)from->Data2;
	to.b[6] = (__u8)(from->Data3 >> 8);
	to.b[7] = (__u8)from->Data3;
	memcpy(to.b + 8, from->Data4, sizeof(from->Data4));
	return to;
}

static inline GUID KtmGuidToNt(const struct ktm_guid *from)
{
	GUID to;

	to.Data1 = (ULONG)from->b[0] << 24 | (ULONG)from->b[1] << 16 |
		   (ULONG)from->b[2] << 8 | from->b[3];
	to.Data2 = (USHORT)(from->b[4] << 8 | from->b[5]);
	to.Data3 = (USHORT)(from->b[6] << 8 | from->b[7]);
	memcpy(to.Data4, from->b + 8, sizeof(to.Data4));
	return to;
}

/* ---- handles ---- */

/* The descriptor in a handle; -1 for NULL and INVALID_HANDLE_VALUE. */
static inline int KtmDescriptor(HANDLE handle)
{
	LONG_PTR value = (LONG_PTR)handle;

	return value > 0 && value <= INT32_MAX ? (int)value : -1;
}

/* A descriptor as a handle; not for descriptor 0. */
static inline HANDLE KtmHandle(int descriptor)
{
	return (HANDLE)(LONG_PTR)descriptor;
}

/* ---- rights that are not of one kind of object ---- */

#define DELETE				0x00010000
#define READ_CONTROL			0x00020000
#define WRITE_DAC			0x00040000
#define WRITE_OWNER			0x00080000
#define SYNCHRONIZE			0x00100000
#define STANDARD_RIGHTS_REQUIRED	0x000f0000
#define STANDARD_RIGHTS_READ		READ_CONTROL
#define STANDARD_RIGHTS_WRITE		READ_CONTROL
#define STANDARD_RIGHTS_EXECUTE		READ_CONTROL
#define STANDARD_RIGHTS_ALL		0x001f0000
#define SPECIFIC_RIGHTS_ALL		0x0000ffff
#define MAXIMUM_ALLOWED			0x02000000
#define GENERIC_READ			0x80000000
#define GENERIC_WRITE			0x40000000
#define GENERIC_EXECUTE			0x20000000
#define GENERIC_ALL			0x10000000

/* ---- strings and the attributes of objects ---- */

typedef struct _UNICODE_STRING {
	USHORT Length;			/* bytes, without a NUL */
	USHORT MaximumLength;
	PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

/* @SourceString may be NULL. */
VOID NTAPI RtlInitUnicodeString(_Out_ PUNICODE_STRING DestinationString,
				_In_opt_ PCWSTR SourceString);

/*
 * Where Windows has access control lists, objects of ktm have an owner, who made
 * them, and a mode, as a file's. A security descriptor is this struct; NULL gives
 * mode 0600.
 */
typedef struct _KTM_SECURITY_DESCRIPTOR {
	ULONG Length;			/* sizeof(KTM_SECURITY_DESCRIPTOR) */
	ULONG Mode;
} KTM_SECURITY_DESCRIPTOR, *PKTM_SECURITY_DESCRIPTOR;
typedef PVOID PSECURITY_DESCRIPTOR;

typedef struct _OBJECT_ATTRIBUTES {
	ULONG Length;			/* sizeof(OBJECT_ATTRIBUTES) */
	HANDLE RootDirectory;		/* NULL */
	PUNICODE_STRING ObjectName;	/* NULL, or see <ktm/zw.h> */
	ULONG Attributes;		/* OBJ_ bits */
	PVOID SecurityDescriptor;	/* NULL, or KTM_SECURITY_DESCRIPTOR */
	PVOID SecurityQualityOfService;	/* NULL */
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;

#define OBJ_INHERIT			0x00000002	/* the descriptor survives execve */
#define OBJ_EXCLUSIVE			0x00000020	/* RM: nobody else may have it open */
#define OBJ_CASE_INSENSITIVE		0x00000040	/* names are GUIDs: always so */
#define OBJ_OPENIF			0x00000080	/* Create opens what is there */
#define OBJ_KERNEL_HANDLE		0x00000200	/* taken and ignored */
#define OBJ_FORCE_ACCESS_CHECK		0x00000400	/* taken: it is always made */

#define InitializeObjectAttributes(p, n, a, r, s)			\
	do {								\
		(p)->Length = sizeof(OBJECT_ATTRIBUTES);		\
		(p)->RootDirectory = (r);				\
		(p)->ObjectName = (n);					\
		(p)->Attributes = (a);					\
		(p)->SecurityDescriptor = (s);				\
		(p)->SecurityQualityOfService = NULL;			\
	} while (0)

#ifdef __cplusplus
}
#endif

#endif /* KTM_NT_H */
