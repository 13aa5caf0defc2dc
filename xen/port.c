/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.c: an event channel behind the doorbell's four calls: libxenevtchn opens and binds. */
#include "xen/port.h"
#include "xen/private.h"

/* It wants Xen's types. */
#include <xen/evtchn.h>

int rs_xen_port_bind(struct rs_xen_port *port, struct rs_xen *xen, uint32_t domain,
		     uint32_t remote)
{
	xenevtchn_port_or_error_t local =
		xenevtchn_bind_interdomain(xen->events, domain, remote);

	if (local < 0)
		return rs_xen_fail(xen, "xenevtchn_bind_interdomain", domain);
	port->xen = xen;
	port->port = (uint32_t)local;
	port->fd = xenevtchn_fd(xen->events);
	port->interrupt = &xen->interrupt;
	return 0;
}

void rs_xen_port_unbind(struct rs_xen_port *port)
{
	xenevtchn_unbind(port->xen->events, port->port);
}

_Static_assert(RS_XEN_PORT_NOTIFY == IOCTL_EVTCHN_NOTIFY &&
	       sizeof(struct ioctl_evtchn_notify) == sizeof(uint32_t), "Linux's own");

const struct rs_doorbell_calls rs_xen_port_calls = RS_XEN_PORT_CALLS;
