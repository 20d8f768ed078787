// SPDX-License-Identifier: LGPL-2.1-or-later
/* How a resource manager is reached from afar. */
#include "zw_internal.h"

_Static_assert(CRM_PROTOCOL_EXPLICIT_MARSHAL_ONLY == KTM_PROTOCOL_EXPLICIT_MARSHAL_ONLY &&
	       CRM_PROTOCOL_DYNAMIC_MARSHAL_INFO == KTM_PROTOCOL_DYNAMIC_MARSHAL_INFO,
	       "the options have one value");

KTM_EXPORT NTSTATUS NTAPI ZwRegisterProtocolAddressInformation(HANDLE handle, PCRM_PROTOCOL_ID id,
							       ULONG size, PVOID information,
							       ULONG options)
{
	struct ktm_guid protocol;
	uint32_t status;

	if (!id)
		return STATUS_INVALID_PARAMETER;
	protocol = KtmGuidFromNt(id);
	ktm_rm_register_protocol(KtmDescriptor(handle), &protocol, options, information, size,
				 &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(RegisterProtocolAddressInformation);

KTM_EXPORT NTSTATUS NTAPI ZwPropagationComplete(HANDLE handle, ULONG cookie, ULONG length,
						PVOID buffer)
{
	uint32_t status;

	ktm_propagation_complete(KtmDescriptor(handle), cookie, buffer, length, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(PropagationComplete);

KTM_EXPORT NTSTATUS NTAPI ZwPropagationFailed(HANDLE handle, ULONG cookie, NTSTATUS cause)
{
	uint32_t status;

	ktm_propagation_failed(KtmDescriptor(handle), cookie, zw_status_from_nt(cause), &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(PropagationFailed);
