/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port.c: an event channel behind the doorbell's four calls.
 *
 * libxenevtchn opens and binds. What is done for each event goes to its descriptor directly, as
 * Linux documents it (<xen/evtchn.h>): the library's calls do no more, and are 13 to 17
 * instructions each. The read is made with syscall(), because libc's is a point of cancellation, which costs
 * 31 in a program with threads; see ring/doorbell.c.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	return 0;
}

void rs_xen_port_unbind(struct rs_xen_port *port)
{
	xenevtchn_unbind(port->xen->events, port->port);
}

static int port_notify(void *context)
{
	const struct rs_xen_port *port = context;
	struct ioctl_evtchn_notify notify = { .port = port->port };

	return ioctl(port->fd, IOCTL_EVTCHN_NOTIFY, &notify) < 0 ? -errno : 0;
}

static int port_unmask(void *context)
{
	const struct rs_xen_port *port = context;

	return write(port->fd, &port->port, sizeof(port->port)) < 0 ? -errno : 0;
}

static int port_pending(void *context)
{
	const struct rs_xen_port *port = context;
	uint32_t rung;

	long size = syscall(SYS_read, port->fd, &rung, sizeof(rung));

	if (size != sizeof(rung))
		return size < 0 ? -errno : -EIO;
	return rung == port->port;
}

static int port_fd(void *context)
{
	return ((const struct rs_xen_port *)context)->fd;
}

const struct rs_doorbell_calls rs_xen_port_calls = {
	.notify = port_notify,
	.unmask = port_unmask,
	.pending = port_pending,
	.fd = port_fd,
};
