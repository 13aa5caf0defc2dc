/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view.h: alternative views of a guest's memory.
 *
 * In a view each page of the guest has permissions of its own, and each vCPU is in one view at
 * a time: so a page can be closed for one vCPU and open for another, and closed again by moving
 * a vCPU instead of changing pages. View 0 is Xen's own, in which all is open; the engine makes
 * one for its page watches (rs_engine_view), and here is how to make more. Xen has ten, view 0
 * included, up to 4.20.
 *
 * A vCPU is moved by a reply (rs_reply_with_view), all of them by rs_view_switch. The guest
 * cannot move itself, nor see in which view it is. Needs altp2m: Intel's processors, Xen booted
 * with altp2m=1, and altp2m="external" in the guest's configuration.
 */
#ifndef RINGSIDE_VIEW_H
#define RINGSIDE_VIEW_H

#include <ringside/event.h>
#include <ringside/watch.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_engine;
struct rs_view;

/* All 0 is the default. */
struct rs_view_options {
	/*
	 * Gets the faults in this view that no page watch wants, as the handler of a watch does.
	 * NULL: the guest goes on past them (RS_CONTINUE).
	 */
	rs_handler handler;
	void *user;
	rs_watch_gone gone; /* may be NULL; as that of a watch */
};

/* Pages that cannot be restricted, being no RAM of the guest: holes, devices, ballooned ones. */
struct rs_view_missing {
	uint64_t count;
	uint64_t first_gfn; /* if count is not 0 */
};

/* One page and what may be done there: RS_ACCESS_R, _W and _X. */
struct rs_view_page {
	uint64_t gfn;
	uint32_t access;
};

/*
 * Makes a view in which everything is allowed, and in which nobody is. Any thread, handlers too.
 * `options` may be NULL; `size` as in rs_watch_sized. If the domain's shadow memory may be too
 * small for one view more it is raised until the engine detaches (rs_engine_options.
 * keep_shadow_memory: refused instead), since a domain that runs out of it crashes.
 *
 * -EOPNOTSUPP: no altp2m; the text says what helps. -ENOSPC: Xen has no view left. -ENOMEM.
 */
int rs_view_create_sized(struct rs_engine *engine, const struct rs_view_options *options,
			 size_t size, struct rs_view **view) __attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_view_create(struct rs_engine *engine, const struct rs_view_options *options,
	       struct rs_view **view)
{
	return rs_view_create_sized(engine, options, sizeof(*options), view);
}

/*
 * Removes a view. Its handler will not run any more, as after rs_unwatch. Views that are left
 * go when the engine detaches. NULL is nothing.
 *
 * -EBUSY: a vCPU is in it, or page watches are.
 */
int rs_view_destroy(struct rs_view *view);

/* Its number, for replies, and as events name it. Any thread. */
uint16_t rs_view_index(const struct rs_view *view);

/*
 * All vCPUs go to a view of this engine's, or to view 0. Pauses the domain for a moment. Page
 * watches that were made without a view of their own work in rs_engine_view(engine) only.
 * -EINVAL: there is no such view.
 */
int rs_view_switch(struct rs_engine *engine, uint16_t view) __attribute__((warn_unused_result));

/*
 * Sets what vCPUs in that view may do with the pages first to last without being reported:
 * RS_ACCESS_R, _W and _X; W only with R. Page watches may forbid more. Xen is told in batches of
 * 512 pages, while the guest runs. Xen restricts RAM only: *missing says how many of the pages
 * are none, and the rest holds. With `missing` NULL one such page is an -EFAULT.
 *
 * After any error all pages are as they were. -EINVAL: no such range or access. -ENOMEM.
 */
int rs_view_set_access(struct rs_view *view, uint64_t first_gfn, uint64_t last_gfn,
		       uint32_t access, struct rs_view_missing *missing)
	__attribute__((warn_unused_result));

/*
 * The same for pages one by one, in any order; of a page that is named twice the last counts.
 * Runs of pages that follow each other with equal access are told as ranges. Pages before the
 * one that fails keep their new access.
 */
int rs_view_set_access_list(struct rs_view *view, const struct rs_view_page *pages, size_t count,
			    struct rs_view_missing *missing) __attribute__((warn_unused_result));

/* What is allowed there, by rs_view_set_access and by page watches together. Any thread. */
uint32_t rs_view_access(const struct rs_view *view, uint64_t gfn);

/*
 * Xen forgets what a view says of a page when the guest gives it away (ballooning) and when
 * somebody else changes the domain's own map. This tells it all anew. *count (may be NULL): how
 * many pages are restricted.
 */
int rs_view_renew(struct rs_view *view, uint64_t *count) __attribute__((warn_unused_result));

/* -- what Xen has, whoever made it: no engine is needed, and nothing is changed -- */

struct rs_view_probe {
	uint16_t view;
	uint32_t vcpu_count; /* so many are in it now */
};

/*
 * The views of a domain, by name or number, view 0 first; at most `max` are written. Returns how
 * many there are: 0 if altp2m is not in use; or -errno as rs_probe.
 */
int rs_probe_views(const char *domain, struct rs_view_probe *views, size_t max)
	__attribute__((warn_unused_result));

/* A page that the view has not copied from the domain's own map yet. */
#define RS_ACCESS_UNKNOWN 0xff

/*
 * What a view says of `count` pages, RS_ACCESS_R, _W and _X or RS_ACCESS_UNKNOWN; view 0: the
 * domain's own map. One hypercall a page.
 */
int rs_probe_pages(const char *domain, uint16_t view, uint64_t first_gfn, size_t count,
		   uint8_t *access) __attribute__((warn_unused_result));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
