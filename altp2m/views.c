/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* views.c: making, entering and removing views. What they allow: restrict.c. */
#include "altp2m/views.h"

#include <errno.h>
#include <stdlib.h>

#include <ringside/error.h>
#include <ringside/event.h>
#include <ringside/probe.h>

#include "ring/atomics.h"
#include "xen/altp2m.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/memory.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
/* A page of a table maps so many pages, or tables. */
#define TABLE_ENTRIES 512
#define PAGE_BYTES 4096
#define PAGES_PER_MIB 256

void rs_views_init(struct rs_views *views)
{
	rs_permissions_init(&views->ram, 0);
}

static int fail_altp2m(const struct rs_views *views, enum rs_altp2m state)
{
	if (state == RS_ALTP2M_DISABLED)
		return rs_fail(EOPNOTSUPP,
			       "domain %u: altp2m is off for it: set altp2m=\"external\" in its "
			       "configuration", views->domain);
	return rs_fail(EOPNOTSUPP, "domain %u: altp2m is off: boot Xen with altp2m=1 (Intel only)",
		       views->domain);
}

/* -- the memory for page tables -- */

/* Of a map of so many pages, each with an entry of its own, and a little for gaps. */
static uint64_t tables_for(uint64_t pages)
{
	uint64_t tables = 8;

	while (pages > 1) {
		pages = (pages + TABLE_ENTRIES - 1) / TABLE_ENTRIES;
		tables += pages;
	}
	return tables;
}

/* The host's map, view 0, our views and one more, if each had all of the guest's pages. */
static int pool_wanted(const struct rs_views *views, uint32_t *mib)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(views->xen, views->domain, &info);
	uint64_t maps = 3 + (uint64_t)__builtin_popcount(views->mask);

	if (!error)
		*mib = (uint32_t)(maps * tables_for(info.memory_bytes / PAGE_BYTES) / PAGES_PER_MIB + 1);
	return error;
}

static int raise_pool(struct rs_views *views, uint32_t now, uint32_t wanted)
{
	int error;

	if (views->keeps_pool)
		return rs_fail(ENOMEM,
			       "domain %u: its shadow memory, %u MiB, may not do for one view more: "
			       "set shadow_memory=%u in its configuration", views->domain, now,
			       wanted);
	error = rs_xen_memory_set_pool(views->xen, views->domain, wanted);
	if (error)
		return rs_fail(ENOMEM,
			       "domain %u: its shadow memory cannot be raised from %u to %u MiB: "
			       "set shadow_memory=%u in its configuration", views->domain, now,
			       wanted, wanted);
	if (!views->pool_mib)
		views->pool_mib = now;
	rs_log(views->log, RS_LOG_INFO, "domain %u: shadow memory raised from %u to %u MiB",
	       views->domain, now, wanted);
	return 0;
}

static int provide_pool(struct rs_views *views)
{
	uint32_t now, wanted;
	int error = pool_wanted(views, &wanted);

	if (error)
		return error;
	if (rs_xen_memory_pool(views->xen, views->domain, &now)) {
		rs_log(views->log, RS_LOG_WARNING,
		       "domain %u: whether its shadow memory does for views is unknown: %s",
		       views->domain, rs_error_text());
		return 0;
	}
	return now < wanted ? raise_pool(views, now, wanted) : 0;
}

static int restore_pool(struct rs_views *views)
{
	uint32_t before = views->pool_mib;

	views->pool_mib = 0;
	return before ? rs_xen_memory_set_pool(views->xen, views->domain, before) : 0;
}

/* -- life -- */

static int activate(struct rs_views *views)
{
	enum rs_altp2m state = rs_xen_altp2m_state(views->xen, views->domain);
	int error;

	if (state == RS_ALTP2M_ACTIVE)
		return 0;
	if (state != RS_ALTP2M_AVAILABLE)
		return fail_altp2m(views, state);
	error = rs_xen_altp2m_activate(views->xen, views->domain, true);
	views->activated = !error;
	return error;
}

/* What activate and provide_pool did, if no view is left. */
static int deactivate(struct rs_views *views)
{
	int error = 0, result;

	if (views->mask)
		return 0;
	if (views->activated)
		error = rs_xen_altp2m_activate(views->xen, views->domain, false);
	views->activated = false;
	result = restore_pool(views);
	return error ? error : result;
}

static int make(struct rs_views *views, struct rs_view_map *view)
{
	int error = rs_xen_altp2m_create(views->xen, views->domain, &view->index);

	if (error)
		return error;
	if (view->index >= RS_VIEWS_MAX) {
		rs_xen_altp2m_destroy(views->xen, views->domain, view->index);
		return rs_fail(ENOSPC, "domain %u: %d views are as many as are handled here",
			       views->domain, RS_VIEWS_MAX);
	}
	for (unsigned int i = 0; i < RS_LAYER_COUNT; i++)
		rs_permissions_init(&view->layers[i], ACCESS_ALL);
	rs_store_release(&views->views[view->index], view);
	rs_store_relaxed(&views->mask, views->mask | 1U << view->index);
	return 0;
}

int rs_views_create(struct rs_views *views, struct rs_view_map **out)
{
	struct rs_view_map *view = calloc(1, sizeof(*view));
	struct rs_error_note note;
	int error;

	*out = NULL;
	if (!view)
		return rs_fail(ENOMEM, "no memory for a view");
	error = activate(views);
	if (!error)
		error = provide_pool(views);
	if (!error)
		error = make(views, view);
	if (!error) {
		*out = view;
		return 0;
	}
	rs_error_keep(&note);
	deactivate(views);
	rs_error_restore(&note);
	free(view);
	return error;
}

static void forget(struct rs_views *views, struct rs_view_map *view)
{
	rs_store_relaxed(&views->mask, views->mask & ~(1U << view->index));
	rs_store_relaxed(&views->views[view->index], (struct rs_view_map *)NULL);
	for (unsigned int i = 0; i < RS_LAYER_COUNT; i++)
		rs_permissions_free(&view->layers[i]);
	free(view);
}

int rs_views_destroy(struct rs_views *views, struct rs_view_map *view)
{
	int error = rs_xen_altp2m_destroy(views->xen, views->domain, view->index);

	if (error)
		return error;
	forget(views, view);
	return deactivate(views);
}

int rs_views_switch(struct rs_views *views, uint16_t index)
{
	return rs_xen_altp2m_switch(views->xen, views->domain, index);
}

int rs_views_leave(struct rs_views *views)
{
	return views->mask ? rs_views_switch(views, 0) : 0;
}

int rs_views_remove(struct rs_views *views)
{
	int error = 0, result;

	/* One by one only if altp2m is somebody else's. */
	for (uint16_t i = 0; i < RS_VIEWS_MAX && !views->activated; i++) {
		result = views->views[i] ? rs_xen_altp2m_destroy(views->xen, views->domain, i) : 0;
		error = error ? error : result;
	}
	rs_store_relaxed(&views->mask, 0);
	result = deactivate(views);
	return error ? error : result;
}

void rs_views_free(struct rs_views *views)
{
	for (unsigned int i = 0; i < RS_VIEWS_MAX; i++)
		if (views->views[i])
			forget(views, views->views[i]);
	rs_permissions_free(&views->ram);
}
