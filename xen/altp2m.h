/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * altp2m.h: Xen's calls for alternative views of a domain's memory map.
 *
 * View 0 is the domain's own map as the guest sees it; its access is never changed here.
 * A view inherits the host's pages one by one, when they are first touched in it.
 */
#ifndef RS_XEN_ALTP2M_H
#define RS_XEN_ALTP2M_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/probe.h>

#include "xen/connection.h"

/* Never fails: what cannot be asked is unsupported. */
enum rs_altp2m rs_xen_altp2m_state(struct rs_xen *xen, uint32_t domain);

/* Ten views, view 0 among them, in the releases known here. */
uint16_t rs_xen_altp2m_view_max(const struct rs_xen *xen);

/* Off destroys all views and puts every vCPU back into the host's map; safe at any time. */
int rs_xen_altp2m_activate(struct rs_xen *xen, uint32_t domain, bool active);

/*
 * Makes a view in which everything is allowed. -ENOSPC or so: there are no more. On 4.17 a
 * view's own default access is not honoured, so restrictions are set page by page.
 */
int rs_xen_altp2m_create(struct rs_xen *xen, uint32_t domain, uint16_t *view);
int rs_xen_altp2m_destroy(struct rs_xen *xen, uint32_t domain, uint16_t view);

/* All vCPUs go to that view; pauses the domain. */
int rs_xen_altp2m_switch(struct rs_xen *xen, uint32_t domain, uint16_t view);

/*
 * Sets what the guest may do with pages of a view other than 0: RS_ACCESS_R, _W, _X. 512
 * pages a hypercall. Pages that are no RAM are skipped by Xen without a word: count them
 * first (rs_xen_memory_count). On an error some pages before it are done.
 */
int rs_xen_altp2m_access(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t first_gfn,
			 uint64_t count, uint32_t access);

#endif
