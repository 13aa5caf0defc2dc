/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pages.c: pages closed in a view, or in the host's map. */
#include "altp2m/pages.h"

#include <errno.h>
#include <inttypes.h>

#include <ringside/event.h>
#include <ringside/probe.h>

#include "altp2m/views.h"
#include "ring/atomics.h"
#include "xen/altp2m.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/memory.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)

/* With the domain paused: makes the view and moves all vCPUs into it. */
static int enter_view(struct rs_pages *pages)
{
	struct rs_view_map *view;
	struct rs_error_note note;
	int error = rs_views_create(pages->views, &view);

	if (error)
		return error;
	error = rs_views_switch(pages->views, view->index);
	if (error) {
		rs_error_keep(&note);
		rs_views_destroy(pages->views, view);
		rs_error_restore(&note);
		return error;
	}
	/* Read by the thread that runs the engine. */
	rs_store_relaxed(&pages->view, view->index);
	pages->method = RS_PAGE_METHOD_ALTP2M;
	return 0;
}

static int use_views(struct rs_pages *pages)
{
	struct rs_error_note note;
	int error = rs_xen_domain_pause(pages->xen, pages->domain);

	if (error)
		return error;
	error = enter_view(pages);
	rs_error_keep(&note);
	rs_xen_domain_unpause(pages->xen, pages->domain);
	if (error)
		rs_error_restore(&note);
	return error;
}

int rs_pages_begin(struct rs_pages *pages)
{
	enum rs_altp2m state;

	if (pages->method != RS_PAGE_METHOD_AUTO)
		return 0;
	if (pages->wanted == RS_PAGE_METHOD_ALTP2M)
		return use_views(pages);
	if (pages->wanted == RS_PAGE_METHOD_AUTO) {
		state = rs_xen_altp2m_state(pages->xen, pages->domain);
		if (state == RS_ALTP2M_AVAILABLE || state == RS_ALTP2M_ACTIVE)
			return use_views(pages);
		rs_log(pages->log, RS_LOG_WARNING,
		       "domain %u: altp2m is off, so pages are closed in the host's map, where "
		       "faults are emulated, and breakpoints are seen by the guest: boot Xen with "
		       "altp2m=1, and set altp2m=\"external\" in the domain's configuration",
		       pages->domain);
	}
	pages->method = RS_PAGE_METHOD_HOST;
	return 0;
}

static int report_missing(struct rs_pages *pages, uint64_t first_gfn, uint64_t count,
			  const struct rs_missing *missing)
{
	if (missing->count == count)
		return rs_fail(EFAULT,
			       "domain %u: no page from %#" PRIx64 " to %#" PRIx64
			       " is RAM of the guest: nothing there can be watched",
			       pages->domain, first_gfn, first_gfn + count - 1);
	if (missing->count)
		rs_log(pages->log, RS_LOG_WARNING,
		       "domain %u: %" PRIu64 " of %" PRIu64 " pages from %#" PRIx64
		       " on are no RAM and not watched (the first is %#" PRIx64 ")",
		       pages->domain, missing->count, count, first_gfn, missing->first_gfn);
	return 0;
}

static int set_in_host(struct rs_pages *pages, uint64_t first_gfn, uint64_t count, uint32_t access,
		       struct rs_missing *missing)
{
	uint64_t ram;
	int error = rs_xen_memory_count(pages->xen, pages->domain, first_gfn, count, &ram,
					&missing->first_gfn);

	missing->count = count - ram;
	if (error || !ram)
		return error;
	return rs_xen_memory_access(pages->xen, pages->domain, first_gfn, count, access);
}

int rs_pages_set(struct rs_pages *pages, uint16_t view, uint64_t first_gfn, uint64_t count,
		 uint32_t access)
{
	struct rs_missing missing;
	int error;

	if (view)
		error = rs_views_allow(pages->views, pages->views->views[view], RS_LAYER_WATCHES,
				       first_gfn, first_gfn + count - 1, access, &missing);
	else
		error = set_in_host(pages, first_gfn, count, access, &missing);
	return error ? error : report_missing(pages, first_gfn, count, &missing);
}

int rs_pages_open(struct rs_pages *pages, uint16_t view, uint64_t first_gfn, uint64_t count)
{
	struct rs_missing missing;

	if (view)
		return rs_views_allow(pages->views, pages->views->views[view], RS_LAYER_WATCHES,
				      first_gfn, first_gfn + count - 1, ACCESS_ALL, &missing);
	if (pages->method != RS_PAGE_METHOD_HOST)
		return 0;
	return rs_xen_memory_access(pages->xen, pages->domain, first_gfn, count, ACCESS_ALL);
}
