/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * privilege.h: handles that are good for one domain only.
 *
 * Linux keeps that with the open device (IOCTL_EVTCHN_RESTRICT_DOMID, IOCTL_PRIVCMD_RESTRICT), so
 * whoever takes this process over has, through these handles, no other domain than that one. What Xen
 * does not let be restricted is libxenctrl's own handle: domctls (pauses, registers, sources, shadow
 * memory), memory operations and altp2m's calls are hypercalls of an unrestricted /dev/xen/privcmd.
 */
#ifndef RS_XEN_PRIVILEGE_H
#define RS_XEN_PRIVILEGE_H

#include <stdint.h>

struct rs_xen;

/*
 * Restricts the handles of event channels, foreign memory and the device model to a domain. What is
 * bound or mapped stays so. What a kernel cannot restrict is logged, and left as it is. For good: nothing
 * of another domain can be bound, mapped or injected by this connection any more.
 */
void rs_xen_restrict(struct rs_xen *xen, uint32_t domain);

#endif
