/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port.h: the event channel of a monitor ring, in the shape that ring/doorbell.h wants.
 *
 * notify and unmask are plain system calls that any thread may make; pending and fd are for
 * the one thread that waits.
 */
#ifndef RS_XEN_PORT_H
#define RS_XEN_PORT_H

#include <stdint.h>

#include "ring/doorbell.h"
#include "xen/connection.h"

struct rs_xen_port {
	struct rs_xen *xen;
	uint32_t port; /* our end */
	int fd;        /* of the event channels that the connection has opened */
};

extern const struct rs_doorbell_calls rs_xen_port_calls;

/* Binds to Xen's end, which it returned when the ring was enabled. */
int rs_xen_port_bind(struct rs_xen_port *port, struct rs_xen *xen, uint32_t domain,
		     uint32_t remote);
void rs_xen_port_unbind(struct rs_xen_port *port);

#endif
