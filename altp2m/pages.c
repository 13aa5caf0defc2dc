/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pages.c: pages closed in a view, or in the host's map. */
#include "altp2m/pages.h"

#include <errno.h>
#include <inttypes.h>

#include <ringside/event.h>

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
	uint16_t view;
	int error = rs_xen_altp2m_create(pages->xen, pages->domain, &view);

	if (error)
		return error;
	error = rs_xen_altp2m_switch(pages->xen, pages->domain, view);
	if (error) {
		rs_xen_altp2m_destroy(pages->xen, pages->domain, view);
		return error;
	}
	/* Read by the thread that runs the engine. */
	rs_store_relaxed(&pages->view, view);
	return 0;
}

static int use_views(struct rs_pages *pages, enum rs_altp2m state)
{
	int error = rs_xen_domain_pause(pages->xen, pages->domain);

	if (error)
		return error;
	if (state != RS_ALTP2M_ACTIVE) {
		error = rs_xen_altp2m_activate(pages->xen, pages->domain, true);
		pages->activated = !error;
	}
	if (!error)
		error = enter_view(pages);
	if (error && pages->activated) {
		rs_xen_altp2m_activate(pages->xen, pages->domain, false);
		pages->activated = false;
	}
	rs_xen_domain_unpause(pages->xen, pages->domain);
	return error;
}

static int fail_altp2m(const struct rs_pages *pages, enum rs_altp2m state)
{
	if (state == RS_ALTP2M_DISABLED)
		return rs_fail(EOPNOTSUPP,
			       "domain %u: altp2m is off for it: set altp2m=\"external\" in its "
			       "configuration", pages->domain);
	return rs_fail(EOPNOTSUPP, "domain %u: altp2m is off: boot Xen with altp2m=1 (Intel only)",
		       pages->domain);
}

static int decide(struct rs_pages *pages, enum rs_page_method wanted)
{
	enum rs_altp2m state;
	int error;

	if (wanted != RS_PAGE_METHOD_HOST) {
		state = rs_xen_altp2m_state(pages->xen, pages->domain);
		if (state == RS_ALTP2M_AVAILABLE || state == RS_ALTP2M_ACTIVE) {
			error = use_views(pages, state);
			if (!error)
				pages->method = RS_PAGE_METHOD_ALTP2M;
			return error;
		}
		if (wanted == RS_PAGE_METHOD_ALTP2M)
			return fail_altp2m(pages, state);
		rs_log(pages->log, RS_LOG_WARNING,
		       "domain %u: altp2m is off, so pages are closed in the host's map and "
		       "faults are emulated: boot Xen with altp2m=1 and set "
		       "altp2m=\"external\" in the domain's configuration",
		       pages->domain);
	}
	pages->method = RS_PAGE_METHOD_HOST;
	return 0;
}

/* Xen skips what is no RAM without a word, so we look before. */
static int check_ram(struct rs_pages *pages, uint64_t first_gfn, uint64_t count)
{
	uint64_t ram, missing;
	int error = rs_xen_memory_count(pages->xen, pages->domain, first_gfn, count, &ram,
					&missing);

	if (error)
		return error;
	if (!ram)
		return rs_fail(EFAULT,
			       "domain %u: no page from %#" PRIx64 " to %#" PRIx64
			       " is RAM of the guest: nothing there can be watched",
			       pages->domain, first_gfn, first_gfn + count - 1);
	if (ram < count)
		rs_log(pages->log, RS_LOG_WARNING,
		       "domain %u: %" PRIu64 " of %" PRIu64 " pages from %#" PRIx64
		       " on are no RAM and not watched (the first is %#" PRIx64 ")",
		       pages->domain, count - ram, count, first_gfn, missing);
	return 0;
}

static int set_access(struct rs_pages *pages, uint64_t first_gfn, uint64_t count, uint32_t access)
{
	if (pages->method == RS_PAGE_METHOD_ALTP2M)
		return rs_xen_altp2m_access(pages->xen, pages->domain, pages->view, first_gfn,
					    count, access);
	return rs_xen_memory_access(pages->xen, pages->domain, first_gfn, count, access);
}

int rs_pages_set(struct rs_pages *pages, uint64_t first_gfn, uint64_t count, uint32_t access)
{
	int error = check_ram(pages, first_gfn, count);

	if (error)
		return error;
	if (pages->method == RS_PAGE_METHOD_AUTO) {
		error = decide(pages, pages->wanted);
		if (error)
			return error;
	}
	return set_access(pages, first_gfn, count, access);
}

int rs_pages_open(struct rs_pages *pages, uint64_t first_gfn, uint64_t count)
{
	if (pages->method == RS_PAGE_METHOD_AUTO)
		return 0;
	return set_access(pages, first_gfn, count, ACCESS_ALL);
}

int rs_pages_leave(struct rs_pages *pages)
{
	if (!pages->view)
		return 0;
	return rs_xen_altp2m_switch(pages->xen, pages->domain, 0);
}

int rs_pages_remove(struct rs_pages *pages)
{
	uint16_t view = pages->view;

	if (!view)
		return 0;
	rs_store_relaxed(&pages->view, 0);
	if (pages->activated)
		return rs_xen_altp2m_activate(pages->xen, pages->domain, false);
	return rs_xen_altp2m_destroy(pages->xen, pages->domain, view);
}
