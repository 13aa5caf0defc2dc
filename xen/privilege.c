/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* privilege.c: see privilege.h. */
#include "xen/privilege.h"

#include <errno.h>
#include <string.h>

#include "xen/private.h"

static void note(struct rs_xen *xen, uint32_t domain, int result, const char *call)
{
	if (result)
		rs_log(&xen->log, RS_LOG_INFO,
		       "%s, domain %u: %s: that handle is good for other domains too", call, domain,
		       strerror(errno));
}

void rs_xen_restrict(struct rs_xen *xen, uint32_t domain)
{
	domid_t id = (domid_t)domain;

	note(xen, domain, xenevtchn_restrict(xen->events, id), "xenevtchn_restrict");
	note(xen, domain, xenforeignmemory_restrict(xen->memory, id), "xenforeignmemory_restrict");
	note(xen, domain, xendevicemodel_restrict(xen->model, id), "xendevicemodel_restrict");
}
