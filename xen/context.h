/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* context.h: the state of vCPUs as Xen saves and loads it (its HVM context). */
#ifndef RS_XEN_CONTEXT_H
#define RS_XEN_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <ringside/vcpu.h>

#include "xen/connection.h"

/* One record, and its length. -ENOENT, -ENODATA: there is none. -ENOBUFS: it is longer. */
int rs_xen_context_record(struct rs_xen *xen, uint32_t domain, uint16_t type, uint16_t instance,
			  void *record, size_t size, size_t *length);

/* Three records, with that vCPU paused for the moment of each. */
int rs_xen_context_read(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
			struct rs_vcpu_registers *registers);

/*
 * Loads the CPU records of all vCPUs as they are, that vCPU's with these registers: one record
 * alone would take the other vCPUs down. Their XSAVE areas too, which a CPU record resets; no
 * device. Hold the domain paused. Nothing is checked but by Xen.
 */
int rs_xen_context_write(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
			 const struct rs_vcpu_registers *registers);

#endif
