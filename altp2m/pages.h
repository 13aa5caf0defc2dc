/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pages.h: closing pages of a guest, so that what it does there is reported.
 *
 * By altp2m: one view in which the watched pages are closed, and in which all vCPUs live;
 * view 0, the permissive one, is where an instruction is stepped past its fault. Without
 * altp2m: in the host's own map, where a fault can only be emulated. Which of the two is
 * decided when the first page is closed, and the two are never mixed: a change of the host's
 * map wipes what the views say of that page.
 *
 * Calls are serialised by the engine's control lock, but for the reading of `view` and
 * `method`, which do not change once they are set.
 */
#ifndef RS_ALTP2M_PAGES_H
#define RS_ALTP2M_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/engine.h>

struct rs_log;
struct rs_views;
struct rs_xen;

struct rs_pages {
	struct rs_xen *xen;
	const struct rs_log *log;
	uint32_t domain;
	struct rs_views *views; /* the domain's, of which one becomes ours */
	enum rs_page_method wanted;
	enum rs_page_method method; /* AUTO: not decided yet */
	uint16_t view;              /* in which pages are closed; 0: none yet */
};

/*
 * Makes the view, if there is to be one and is none yet, and moves all vCPUs into it.
 * -EOPNOTSUPP: there are no views; text and all.
 */
int rs_pages_begin(struct rs_pages *pages);

/*
 * Sets what the guest may do with pages without being reported (RS_ACCESS_R, _W, _X),
 * in a view: of rs_pages_begin's if that is its number, or another of the domain's; 0 is the
 * host's map. -EFAULT: not one of these pages is RAM.
 */
int rs_pages_set(struct rs_pages *pages, uint16_t view, uint64_t first_gfn, uint64_t count,
		 uint32_t access);

/* Opens pages again, whatever they are by now. */
int rs_pages_open(struct rs_pages *pages, uint16_t view, uint64_t first_gfn, uint64_t count);

#endif
