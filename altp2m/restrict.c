/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restrict.c: what views allow, told to Xen.
 *
 * Xen skips a page that is no RAM without a word. Few pages are looked at beforehand, with
 * their neighbours, and what was seen to be RAM is remembered, so that one page more is one
 * hypercall. Of many pages the view itself is asked, afterwards, which is one hypercall for all
 * and one or two more for each gap.
 */
#include <errno.h>
#include <inttypes.h>

#include <ringside/event.h>
#include <ringside/view.h>

#include "altp2m/views.h"
#include "xen/altp2m.h"
#include "xen/error.h"
#include "xen/memory.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define RAM 1
/* Up to so many pages are looked at beforehand: with a block at each end that is four calls. */
#define FEW_PAGES (2 * RS_XEN_MEMORY_TYPES)
#define BLOCK_MASK ((uint64_t)RS_XEN_MEMORY_TYPES - 1)

uint32_t rs_views_allowed(const struct rs_view_map *view, uint64_t gfn)
{
	uint32_t access = ACCESS_ALL;

	for (unsigned int i = 0; i < RS_LAYER_COUNT; i++)
		access &= rs_permissions_get(&view->layers[i], gfn);
	return access;
}

/* -- batches -- */

struct batch {
	struct rs_views *views;
	uint16_t view;
	uint32_t count;
	uint64_t gfns[RS_XEN_ALTP2M_BATCH];
	uint8_t accesses[RS_XEN_ALTP2M_BATCH];
};

static int flush(struct batch *batch)
{
	uint32_t count = batch->count;

	batch->count = 0;
	if (!count)
		return 0;
	return rs_xen_altp2m_access(batch->views->xen, batch->views->domain, batch->view,
				    batch->gfns, batch->accesses, count);
}

static int add(struct batch *batch, uint64_t first, uint64_t last, uint32_t access)
{
	int error = 0;

	for (uint64_t gfn = first; gfn <= last && !error; gfn++) {
		batch->gfns[batch->count] = gfn;
		batch->accesses[batch->count++] = (uint8_t)access;
		if (batch->count == RS_XEN_ALTP2M_BATCH)
			error = flush(batch);
	}
	return error;
}

/* The last page from `first` on for which all layers say the same as for `first`. */
static uint64_t run_end(const struct rs_view_map *view, uint64_t first, uint64_t last)
{
	for (unsigned int i = 0; i < RS_LAYER_COUNT; i++)
		last = rs_permissions_end(&view->layers[i], first, last);
	return last;
}

/* What all layers allow, if one of them said `access`. */
static uint32_t allowed_with(const struct rs_view_map *view, enum rs_view_layer layer, uint64_t gfn,
			     uint32_t access)
{
	for (unsigned int i = 0; i < RS_LAYER_COUNT; i++)
		if (i != layer)
			access &= rs_permissions_get(&view->layers[i], gfn);
	return access;
}

/* As the layers are, with `layer` replaced by `access`. What is open and was open is left. */
static int apply(struct rs_views *views, const struct rs_view_map *view, enum rs_view_layer layer,
		 uint64_t first, uint64_t last, uint32_t access)
{
	struct batch batch = { .views = views, .view = view->index };

	for (uint64_t end; first <= last; first = end + 1) {
		uint32_t before = rs_views_allowed(view, first);
		uint32_t now = allowed_with(view, layer, first, access);
		int error;

		end = run_end(view, first, last);
		if (now == ACCESS_ALL && before == ACCESS_ALL)
			continue;
		error = add(&batch, first, end, now);
		if (error)
			return error;
	}
	return flush(&batch);
}

/* As the layers are, whatever Xen has by now. */
static int apply_again(struct rs_views *views, const struct rs_view_map *view, uint64_t first,
		       uint64_t last)
{
	struct batch batch = { .views = views, .view = view->index };

	for (uint64_t end; first <= last; first = end + 1) {
		int error;

		end = run_end(view, first, last);
		error = add(&batch, first, end, rs_views_allowed(view, first));
		if (error)
			return error;
	}
	return flush(&batch);
}

/* -- pages that are no RAM -- */

static void note_missing(struct rs_missing *missing, uint64_t gfn, uint64_t count)
{
	if (!missing->count)
		missing->first_gfn = gfn;
	missing->count += count;
}

/* Looks at the whole block around a page of which nothing is known. */
static int look(struct rs_views *views, uint64_t gfn)
{
	uint64_t bits[RS_XEN_MEMORY_TYPES / 64], block = gfn & ~BLOCK_MASK;
	int error = rs_xen_memory_is_ram(views->xen, views->domain, block, RS_XEN_MEMORY_TYPES,
					 bits);

	for (uint32_t i = 0; i < RS_XEN_MEMORY_TYPES && !error; i++)
		error = rs_permissions_set(&views->ram, block + i, block + i,
					   bits[i / 64] >> i % 64 & 1 ? RAM : 0);
	return error;
}

/* Only RAM is remembered: where there was none some may have come. */
static int look_before(struct rs_views *views, uint64_t first, uint64_t last,
		       struct rs_missing *missing)
{
	uint64_t looked = UINT64_MAX;

	for (uint64_t gfn = first; gfn <= last; gfn++) {
		if (rs_permissions_get(&views->ram, gfn) == RAM)
			continue;
		if ((gfn & ~BLOCK_MASK) != looked) {
			int error = look(views, gfn);

			if (error)
				return error;
			looked = gfn & ~BLOCK_MASK;
		}
		if (rs_permissions_get(&views->ram, gfn) != RAM)
			note_missing(missing, gfn, 1);
	}
	return 0;
}

/* How many pages from `gfn` on, which is missing, are no RAM. */
static int gap_at(struct rs_views *views, uint64_t gfn, uint64_t last, uint64_t *count)
{
	uint64_t bits[RS_XEN_MEMORY_TYPES / 64];

	for (*count = 0; gfn + *count <= last; *count += RS_XEN_MEMORY_TYPES) {
		uint64_t left = last - gfn - *count + 1;
		uint32_t batch = left < RS_XEN_MEMORY_TYPES ? (uint32_t)left : RS_XEN_MEMORY_TYPES;
		int error = rs_xen_memory_is_ram(views->xen, views->domain, gfn + *count, batch,
						 bits);

		if (error)
			return error;
		for (uint32_t i = 0; i < batch; i++) {
			/* RAM of a kind that views do not take counts as a gap of one page. */
			if (bits[i / 64] >> i % 64 & 1) {
				*count += i ? i : !*count;
				return 0;
			}
		}
	}
	*count = last - gfn + 1;
	return 0;
}

static int look_after(struct rs_views *views, const struct rs_view_map *view, uint64_t first,
		      uint64_t last, struct rs_missing *missing)
{
	int error = 0;

	while (first <= last && !error) {
		uint64_t gfn, count = 0;

		error = rs_xen_altp2m_find_missing(views->xen, views->domain, view->index, first,
						   last, &gfn);
		if (!error && gfn != UINT64_MAX)
			error = gap_at(views, gfn, last, &count);
		if (error)
			break;
		if (gfn == UINT64_MAX)
			return rs_permissions_set(&views->ram, first, last, RAM);
		note_missing(missing, gfn, count);
		if (gfn > first)
			error = rs_permissions_set(&views->ram, first, gfn - 1, RAM);
		first = gfn + count;
	}
	return error;
}

/* -- together -- */

static int fail_missing(const struct rs_views *views, uint64_t first, uint64_t last,
			const struct rs_missing *missing)
{
	return rs_fail(EFAULT,
		       "domain %u: %" PRIu64 " of the pages from %#" PRIx64 " to %#" PRIx64
		       " are no RAM of the guest, the first is %#" PRIx64 ": nothing was changed",
		       views->domain, missing->count, first, last, missing->first_gfn);
}

/* What layers said before is still there, for taking back what was told to Xen. */
static int tell(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
		uint64_t first, uint64_t last, uint32_t access, bool whole, bool looks,
		struct rs_missing *missing)
{
	struct rs_error_note note;
	int error = apply(views, view, layer, first, last, access);

	if (!error && looks)
		error = look_after(views, view, first, last, missing);
	if (!error && whole && missing->count)
		error = fail_missing(views, first, last, missing);
	if (!error)
		return 0;
	rs_error_keep(&note);
	apply_again(views, view, first, last);
	rs_error_restore(&note);
	return error;
}

int rs_views_allow(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
		  uint64_t first_gfn, uint64_t last_gfn, uint32_t access,
		  struct rs_missing *out)
{
	bool few = last_gfn - first_gfn < FEW_PAGES, looks = access != ACCESS_ALL;
	struct rs_missing missing = { 0 };
	int error = rs_permissions_reserve(&view->layers[layer], first_gfn, last_gfn);

	if (!error && few && looks)
		error = look_before(views, first_gfn, last_gfn, &missing);
	if (!error && !out && missing.count)
		error = fail_missing(views, first_gfn, last_gfn, &missing);
	if (!error)
		error = tell(views, view, layer, first_gfn, last_gfn, access, !out, looks && !few,
			     &missing);
	if (error)
		return error;
	if (out)
		*out = missing;
	return rs_permissions_set(&view->layers[layer], first_gfn, last_gfn, access);
}

/* -- pages one by one -- */

static int prepare_list(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
			const struct rs_view_page *pages, size_t count,
			struct rs_missing *missing)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		error = rs_permissions_reserve(&view->layers[layer], pages[i].gfn, pages[i].gfn);
		if (!error && pages[i].access != ACCESS_ALL)
			error = look_before(views, pages[i].gfn, pages[i].gfn, missing);
	}
	return error;
}

static int tell_list(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
		     const struct rs_view_page *pages, size_t count)
{
	struct batch batch = { .views = views, .view = view->index };
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = add(&batch, pages[i].gfn, pages[i].gfn,
			    allowed_with(view, layer, pages[i].gfn, pages[i].access));
	return error ? error : flush(&batch);
}

static void take_back_list(struct rs_views *views, struct rs_view_map *view,
			   const struct rs_view_page *pages, size_t count)
{
	struct batch batch = { .views = views, .view = view->index };
	struct rs_error_note note;

	rs_error_keep(&note);
	for (size_t i = 0; i < count; i++)
		add(&batch, pages[i].gfn, pages[i].gfn, rs_views_allowed(view, pages[i].gfn));
	flush(&batch);
	rs_error_restore(&note);
}

int rs_views_allow_list(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
			const struct rs_view_page *pages, size_t count,
			struct rs_missing *out)
{
	struct rs_missing missing = { 0 };
	int error = prepare_list(views, view, layer, pages, count, &missing);

	if (!error && !out && missing.count)
		error = rs_fail(EFAULT, "domain %u: %" PRIu64 " of %zu pages are no RAM of the "
				"guest, the first is %#" PRIx64 ": nothing was changed",
				views->domain, missing.count, count, missing.first_gfn);
	if (error)
		return error;
	error = tell_list(views, view, layer, pages, count);
	if (error) {
		take_back_list(views, view, pages, count);
		return error;
	}
	for (size_t i = 0; i < count; i++)
		rs_permissions_set(&view->layers[layer], pages[i].gfn, pages[i].gfn,
				   pages[i].access);
	if (out)
		*out = missing;
	return 0;
}

int rs_views_renew(struct rs_views *views, struct rs_view_map *view, uint64_t *count)
{
	uint64_t last = RS_PERMISSIONS_GFN_LIMIT - 1;
	int error = 0;

	*count = 0;
	for (uint64_t gfn = 0, end; gfn <= last && !error; gfn = end + 1) {
		end = run_end(view, gfn, last);
		if (rs_views_allowed(view, gfn) == ACCESS_ALL)
			continue;
		error = apply_again(views, view, gfn, end);
		*count += end - gfn + 1;
	}
	return error;
}
