/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port.h: the event channel of a monitor ring, in the shape that ring/doorbell.h wants.
 *
 * notify and unmask are plain system calls that any thread may make; pending and fd are for
 * the one thread that waits.
 */
#ifndef RS_XEN_PORT_H
#define RS_XEN_PORT_H

#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/doorbell.h"
#include "xen/connection.h"
#include "xen/interrupt.h"

struct rs_xen_port {
	struct rs_xen *xen;
	uint32_t port; /* our end */
	int fd;        /* of the event channels that the connection has opened */
	struct rs_interrupt *interrupt; /* the connection's; NULL: a test's port has none */
};

extern const struct rs_doorbell_calls rs_xen_port_calls;

/* IOCTL_EVTCHN_NOTIFY of <xen/evtchn.h>, which wants Xen's types; its argument is the port. */
#define RS_XEN_PORT_NOTIFY _IOC(_IOC_NONE, 'E', 4, sizeof(uint32_t))

/*
 * What is done for each event goes to the descriptor directly, as Linux documents it:
 * libxenevtchn's calls do no more, and are 13 to 17 instructions each. The read is made with
 * syscall(), because libc's is a point of cancellation, which costs 31 in a program with threads;
 * see ring/doorbell.h.
 */
static inline int rs_xen_port_notify(void *context)
{
	struct rs_xen_port *port = context;

	return ioctl(port->fd, RS_XEN_PORT_NOTIFY, &port->port) < 0 ? -errno : 0;
}

static inline int rs_xen_port_unmask(void *context)
{
	struct rs_xen_port *port = context;

	return write(port->fd, &port->port, sizeof(port->port)) < 0 ? -errno : 0;
}

static inline int rs_xen_port_pending(void *context)
{
	struct rs_xen_port *port = context;
	uint32_t rung;
	long size = syscall(SYS_read, port->fd, &rung, sizeof(rung));

	/* It is the only port of that descriptor. */
	if (__builtin_expect(size == sizeof(rung), true))
		return 1;
	return size < 0 ? -errno : -EIO;
}

static inline int rs_xen_port_fd(void *context)
{
	return ((const struct rs_xen_port *)context)->fd;
}

/* Of these: where they are known, the compiler inlines them. */
#define RS_XEN_PORT_CALLS                         	{                                         		.notify = rs_xen_port_notify,     		.unmask = rs_xen_port_unmask,     		.pending = rs_xen_port_pending,   		.fd = rs_xen_port_fd,             	}

/* Binds to Xen's end, which it returned when the ring was enabled. */
int rs_xen_port_bind(struct rs_xen_port *port, struct rs_xen *xen, uint32_t domain,
		     uint32_t remote);
void rs_xen_port_unbind(struct rs_xen_port *port);

#endif
