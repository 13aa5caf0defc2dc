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
 * Makes a view in which everything is allowed. -ENOSPC: there are no more. On 4.17 a
 * view's own default access is not honoured, so restrictions are set page by page.
 */
int rs_xen_altp2m_create(struct rs_xen *xen, uint32_t domain, uint16_t *view);
int rs_xen_altp2m_destroy(struct rs_xen *xen, uint32_t domain, uint16_t view);

/*
 * All vCPUs go to that view; pauses the domain. A view other than 0 is visible to the guest's own
 * VMFUNC only for that moment, inside the pause.
 */
int rs_xen_altp2m_switch(struct rs_xen *xen, uint32_t domain, uint16_t view);

/* So many pages a hypercall: libxenctrl keeps one-page buffers only. */
#define RS_XEN_ALTP2M_BATCH 512

/*
 * Sets what the guest may do with pages of a view other than 0: RS_ACCESS_R, _W, _X, for each of
 * up to RS_XEN_ALTP2M_BATCH pages; one hypercall. Pages that are no RAM are skipped by Xen without
 * a word. On an error some pages are done.
 */
int rs_xen_altp2m_access(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t *gfns,
			 uint8_t *accesses, uint32_t count);

/*
 * The first page, of those from first_gfn to last_gfn, that the view cannot have, since it is no
 * ordinary RAM; UINT64_MAX if all can be. One hypercall, whatever the number of pages. It writes
 * the pages' entries anew, as they are: meant for pages that have been set in the view.
 */
int rs_xen_altp2m_find_missing(struct rs_xen *xen, uint32_t domain, uint16_t view,
			       uint64_t first_gfn, uint64_t last_gfn, uint64_t *missing);

/*
 * What the view says of a page: Xen's number, which is RS_ACCESS_* up to 7. -ENODATA: the view
 * has not copied it from the host's map. Of view 0: the host's map.
 */
int rs_xen_altp2m_read_access(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t gfn,
			      uint32_t *access);

/*
 * Shows one page of the domain's in place of another: with it goes the access that `shown` has in
 * this view. RS_XEN_NO_GFN: the view forgets what it has there, and copies the host's again.
 */
#define RS_XEN_NO_GFN UINT64_MAX
int rs_xen_altp2m_show(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t gfn,
		       uint64_t shown);

/* Is there such a view? Never fails: without altp2m there is none. */
bool rs_xen_altp2m_exists(struct rs_xen *xen, uint32_t domain, uint16_t view);

/* In which view a vCPU is. */
int rs_xen_altp2m_view_of(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, uint16_t *view);

#endif
