/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trap_page.c: shadows, and their coming and going in the view. */
#include "altp2m/trap_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/event.h>

#include "altp2m/pages.h"
#include "altp2m/traps.h"
#include "altp2m/views.h"
#include "ring/atomics.h"
#include "xen/altp2m.h"
#include "xen/error.h"
#include "xen/memory.h"

#define ACCESS_RX (RS_ACCESS_R | RS_ACCESS_X)
#define ACCESS_ALL (ACCESS_RX | RS_ACCESS_W)

static struct rs_view_map *view_of(const struct rs_traps *traps)
{
	return traps->pages->views->views[traps->pages->view];
}

/* -- memory -- */

static int map(struct rs_traps *traps, uint64_t gfn, bool writable, void **page)
{
	int error = rs_xen_memory_map(traps->xen, traps->domain, gfn, 1, writable, page);

	/* What Xen says of a page that is no RAM. */
	return error == -EINVAL ? -EFAULT : error;
}

static int make_hidden(struct rs_traps *traps, struct rs_trap_page *page)
{
	void *mapped;
	int error = map(traps, page->gfn, false, &mapped);

	if (error)
		return error;
	page->original = mapped;
	error = rs_shadows_take(&traps->shadows, &page->shadow_gfn);
	if (!error)
		error = map(traps, page->shadow_gfn, true, &mapped);
	if (!error)
		page->shown = mapped;
	return error;
}

static int make_visible(struct rs_traps *traps, struct rs_trap_page *page)
{
	void *mapped;
	int error = map(traps, page->gfn, true, &mapped);

	if (error)
		return error;
	page->shown = mapped;
	page->original = mapped;
	page->saved = malloc(RS_TRAP_PAGE_BYTES);
	return page->saved ? 0 : rs_fail(ENOMEM, "no memory for a page's breakpoints");
}

int rs_trap_page_make(struct rs_traps *traps, uint64_t gfn, struct rs_trap_page **out)
{
	struct rs_trap_page *page = calloc(1, sizeof(*page));
	struct rs_error_note note;
	int error;

	if (!page)
		return rs_fail(ENOMEM, "no memory for a page's breakpoints");
	page->gfn = gfn;
	page->is_hidden = traps->pages->view != 0;
	error = page->is_hidden ? make_hidden(traps, page) : make_visible(traps, page);
	if (!error) {
		*out = page;
		return 0;
	}
	rs_error_keep(&note);
	rs_trap_page_free(traps, page);
	rs_error_restore(&note);
	return error;
}

void rs_trap_page_free(struct rs_traps *traps, struct rs_trap_page *page)
{
	rs_xen_memory_unmap(traps->xen, page->shown, 1);
	if (page->is_hidden)
		rs_xen_memory_unmap(traps->xen, (void *)page->original, 1);
	free(page->saved);
	free(page);
}

/* -- in the view -- */

static int allow(struct rs_traps *traps, uint64_t gfn, uint32_t access)
{
	return rs_views_allow(traps->pages->views, view_of(traps), RS_LAYER_BREAKPOINTS, gfn, gfn,
			      access, NULL);
}

static int show(struct rs_traps *traps, uint64_t gfn, uint64_t shown)
{
	return rs_xen_altp2m_show(traps->xen, traps->domain, traps->pages->view, gfn, shown);
}

static int let_execute(struct rs_traps *traps, uint64_t gfn)
{
	uint8_t access = RS_ACCESS_X;

	return rs_xen_altp2m_access(traps->xen, traps->domain, traps->pages->view, &gfn, &access,
				    1);
}

/* A page of zeros, for a guest that looks where shadows are. */
static int provide_filler(struct rs_traps *traps)
{
	if (traps->filler_gfn)
		return 0;
	return rs_shadows_take(&traps->shadows, &traps->filler_gfn);
}

/* Takes memory of Xen's, for the shadow's own place in the view; what follows does not. */
static int put_in_place(struct rs_traps *traps, struct rs_trap_page *page)
{
	int error = let_execute(traps, page->shadow_gfn);

	return error ? error : show(traps, page->gfn, page->shadow_gfn);
}

static int restrict_shown(struct rs_traps *traps, struct rs_trap_page *page)
{
	/* What the layers allow together, which is execution or nothing. */
	int error = allow(traps, page->gfn, RS_ACCESS_X);

	return error ? error : show(traps, page->shadow_gfn, traps->filler_gfn);
}

/* Only what has been shown: vCPUs feel it (trap_page.h). */
static void take_away(struct rs_traps *traps, struct rs_trap_page *page)
{
	show(traps, page->gfn, RS_XEN_NO_GFN);
	/* Its own number resolves to the shadow again, for the next time. */
	show(traps, page->shadow_gfn, RS_XEN_NO_GFN);
}

int rs_trap_page_show(struct rs_traps *traps, struct rs_trap_page *page)
{
	struct rs_error_note note;
	bool is_there;
	int error;

	if (!page->is_hidden || page->is_shown)
		return 0;
	error = provide_filler(traps);
	if (!error)
		error = allow(traps, page->gfn, ACCESS_RX);
	if (error)
		return error;
	memcpy(page->shown, page->original, RS_TRAP_PAGE_BYTES);
	error = put_in_place(traps, page);
	is_there = !error;
	if (is_there)
		error = restrict_shown(traps, page);
	if (!error) {
		rs_store_relaxed(&page->is_shown, true);
		return 0;
	}
	rs_error_keep(&note);
	if (is_there)
		take_away(traps, page);
	allow(traps, page->gfn, ACCESS_ALL);
	rs_error_restore(&note);
	return error;
}
