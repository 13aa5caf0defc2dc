/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.c: libxenevtchn behind the doorbell's four calls. */
#include <errno.h>

#include "xen/port.h"
#include "xen/private.h"

int rs_xen_port_bind(struct rs_xen_port *port, struct rs_xen *xen, uint32_t domain,
		     uint32_t remote)
{
	xenevtchn_port_or_error_t local =
		xenevtchn_bind_interdomain(xen->events, domain, remote);

	if (local < 0)
		return rs_xen_fail(xen, "xenevtchn_bind_interdomain", domain);
	port->xen = xen;
	port->port = (uint32_t)local;
	return 0;
}

void rs_xen_port_unbind(struct rs_xen_port *port)
{
	xenevtchn_unbind(port->xen->events, port->port);
}

static int port_notify(void *context)
{
	struct rs_xen_port *port = context;

	return xenevtchn_notify(port->xen->events, port->port) < 0 ? -errno : 0;
}

static int port_unmask(void *context)
{
	struct rs_xen_port *port = context;

	return xenevtchn_unmask(port->xen->events, port->port) < 0 ? -errno : 0;
}

static int port_pending(void *context)
{
	struct rs_xen_port *port = context;
	xenevtchn_port_or_error_t rung = xenevtchn_pending(port->xen->events);

	if (rung < 0)
		return -errno;
	return (uint32_t)rung == port->port;
}

static int port_fd(void *context)
{
	struct rs_xen_port *port = context;

	return xenevtchn_fd(port->xen->events);
}

const struct rs_doorbell_calls rs_xen_port_calls = {
	.notify = port_notify,
	.unmask = port_unmask,
	.pending = port_pending,
	.fd = port_fd,
};
