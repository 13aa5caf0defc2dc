/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* view.c: views that the user makes: altp2m's, with the engine's lock around them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <ringside/view.h>

#include "engine/options.h"
#include "engine/private.h"
#include "xen/sized.h"

static int create(struct rs_view *view, const struct rs_view_options *options)
{
	struct rs_engine *engine = view->engine;
	int error = rs_views_create(&engine->views, &view->map);

	if (error)
		return error;
	/* What faults there is looked at: past.h. */
	if (!rs_engine_guest(engine))
		error = -EIO;
	if (!error && options->handler)
		error = rs_watch_view(engine, options, view->map->index, &view->watch);
	if (error) {
		rs_views_destroy(&engine->views, view->map);
		return error;
	}
	view->next = engine->own_views;
	engine->own_views = view;
	return 0;
}

int rs_view_create_sized(struct rs_engine *engine, const struct rs_view_options *options,
			 size_t size, struct rs_view **out)
{
	struct rs_view_options known;
	struct rs_view *view;
	int error = rs_options_read(&known, sizeof(known), options, size);

	*out = NULL;
	if (error)
		return error;
	view = calloc(1, sizeof(*view));
	if (!view)
		return rs_fail(ENOMEM, "no memory for a view");
	view->engine = engine;
	pthread_mutex_lock(&engine->control);
	error = create(view, &known);
	pthread_mutex_unlock(&engine->control);
	if (error)
		free(view);
	else
		*out = view;
	return error;
}

static int destroy(struct rs_engine *engine, struct rs_view *view)
{
	struct rs_view **at = &engine->own_views;
	int error;

	if (view->watch_count)
		return rs_fail(EBUSY, "domain %u: view %u has %u page watches: remove them first",
			       engine->domain, view->map->index, view->watch_count);
	error = rs_views_destroy(&engine->views, view->map);
	if (error)
		return error;
	while (*at != view)
		at = &(*at)->next;
	*at = view->next;
	return 0;
}

int rs_view_destroy(struct rs_view *view)
{
	struct rs_engine *engine;
	int error;

	if (!view)
		return 0;
	engine = view->engine;
	pthread_mutex_lock(&engine->control);
	error = destroy(engine, view);
	pthread_mutex_unlock(&engine->control);
	if (error)
		return error;
	rs_unwatch(view->watch);
	free(view);
	return 0;
}

void rs_view_free_all(struct rs_engine *engine)
{
	while (engine->own_views) {
		struct rs_view *view = engine->own_views;

		engine->own_views = view->next;
		free(view);
	}
	rs_views_free(&engine->views);
}

uint16_t rs_view_index(const struct rs_view *view)
{
	return view->map->index;
}

int rs_view_switch(struct rs_engine *engine, uint16_t view)
{
	int error;

	pthread_mutex_lock(&engine->control);
	if (view && (view >= RS_VIEWS_MAX || !(engine->views.mask & 1U << view)))
		error = rs_fail(EINVAL, "domain %u: this engine has no view %u", engine->domain,
				view);
	else
		error = rs_views_switch(&engine->views, view);
	pthread_mutex_unlock(&engine->control);
	return error;
}

int rs_view_set_access(struct rs_view *view, uint64_t first_gfn, uint64_t last_gfn,
		       uint32_t access, struct rs_view_missing *missing)
{
	struct rs_missing found = { 0 };
	int error = rs_options_check_pages(first_gfn, last_gfn, access);

	if (error)
		return error;
	pthread_mutex_lock(&view->engine->control);
	error = rs_views_allow(&view->engine->views, view->map, RS_LAYER_USER, first_gfn, last_gfn,
			       access, missing ? &found : NULL);
	pthread_mutex_unlock(&view->engine->control);
	if (missing)
		*missing = (struct rs_view_missing){ found.count, found.first_gfn };
	return error;
}

int rs_view_set_access_list(struct rs_view *view, const struct rs_view_page *pages, size_t count,
			    struct rs_view_missing *missing)
{
	struct rs_missing found = { 0 };
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = rs_options_check_pages(pages[i].gfn, pages[i].gfn, pages[i].access);
	if (error)
		return error;
	pthread_mutex_lock(&view->engine->control);
	error = rs_views_allow_list(&view->engine->views, view->map, RS_LAYER_USER, pages, count,
				    missing ? &found : NULL);
	pthread_mutex_unlock(&view->engine->control);
	if (missing)
		*missing = (struct rs_view_missing){ found.count, found.first_gfn };
	return error;
}

uint32_t rs_view_access(const struct rs_view *view, uint64_t gfn)
{
	return rs_views_allowed(view->map, gfn);
}

int rs_view_renew(struct rs_view *view, uint64_t *count)
{
	uint64_t pages;
	int error;

	pthread_mutex_lock(&view->engine->control);
	error = rs_views_renew(&view->engine->views, view->map, &pages);
	pthread_mutex_unlock(&view->engine->control);
	if (count)
		*count = pages;
	return error;
}
