/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* domctl.c: domctls for which libxenctrl has no public call, through libxencall. */
#include <errno.h>
#include <string.h>

#include "xen/private.h"

int rs_xen_domctl(const struct rs_xen *xen, struct xen_domctl *call)
{
	struct xen_domctl *buffer = xencall_alloc_buffer(xen->call, sizeof(*buffer));
	int result, error;

	if (!buffer)
		return -1;
	call->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	memcpy(buffer, call, sizeof(*buffer));
	result = xencall1(xen->call, __HYPERVISOR_domctl, (uint64_t)(uintptr_t)buffer);
	error = errno;
	memcpy(call, buffer, sizeof(*call));
	xencall_free_buffer(xen->call, buffer);
	errno = error;
	return result;
}
