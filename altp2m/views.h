/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * views.h: a domain's alternative views, and what each of them allows.
 *
 * Several parties restrict the pages of a view: the user, page watches, hidden breakpoints. Each
 * has a layer of its own, and a page may be used for what all layers allow. The layers say what was
 * asked; Xen may have forgotten it (the guest gave the page away and took another), which
 * rs_views_renew mends.
 *
 * View 0 is Xen's own, the permissive one, and is never restricted. Calls are serialised by the
 * engine's control lock, but for reading `mask` and rs_views_allowed, which any thread may do.
 */
#ifndef RS_ALTP2M_VIEWS_H
#define RS_ALTP2M_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "altp2m/permissions.h"

struct rs_log;
struct rs_view_page; /* ringside/view.h */
struct rs_xen;

/* Views are bits of a word. */
#define RS_VIEWS_MAX 32

enum rs_view_layer {
	RS_LAYER_USER = 0,
	RS_LAYER_WATCHES,
	RS_LAYER_BREAKPOINTS,
};
#define RS_LAYER_COUNT 3

struct rs_view_map {
	uint16_t index; /* Xen's */
	struct rs_permissions layers[RS_LAYER_COUNT];
};

struct rs_views {
	struct rs_xen *xen;
	const struct rs_log *log;
	uint32_t domain;
	bool keeps_pool; /* the domain's shadow memory is not to be raised */
	uint32_t mask;   /* bit by bit: ours */
	struct rs_view_map *views[RS_VIEWS_MAX];
	bool activated;  /* altp2m is on because of us */
	uint32_t pool_mib;         /* of shadow memory before we raised it; 0: we have not */
	struct rs_permissions ram; /* 1: was RAM when we looked */
};

/* Pages that cannot be restricted, being no RAM of the guest. */
struct rs_missing {
	uint64_t count;
	uint64_t first_gfn;
};

void rs_views_init(struct rs_views *views);

/*
 * Makes a view in which everything is allowed. The first one switches altp2m on. Raises the
 * domain's shadow memory if there might be too little for one view more (running out would
 * crash the domain). -EOPNOTSUPP: no altp2m; -ENOSPC: no view left; -ENOMEM: shadow memory.
 */
int rs_views_create(struct rs_views *views, struct rs_view_map **view);

/* -EBUSY: a vCPU is in it. */
int rs_views_destroy(struct rs_views *views, struct rs_view_map *view);

/* All vCPUs go to that view, which is one of ours or 0. */
int rs_views_switch(struct rs_views *views, uint16_t index);

/*
 * Sets what a layer allows of some pages. Xen is told in batches of 512, while the guest runs; a
 * page that is opened and was open costs nothing. *missing says how many of the pages are no RAM:
 * the rest holds. With `missing` NULL one such page is an -EFAULT, and then, as after any
 * other error, all is as it was.
 */
int rs_views_allow(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
		  uint64_t first_gfn, uint64_t last_gfn, uint32_t access,
		  struct rs_missing *missing);

/* The same of pages one by one, in any order, in batches of 512 whatever their numbers. */
int rs_views_allow_list(struct rs_views *views, struct rs_view_map *view, enum rs_view_layer layer,
			const struct rs_view_page *pages, size_t count,
			struct rs_missing *missing);

/* What all layers allow, RS_ACCESS_R, _W and _X. */
uint32_t rs_views_allowed(const struct rs_view_map *view, uint64_t gfn);

/* Tells Xen anew about all pages that are restricted: *count of them. */
int rs_views_renew(struct rs_views *views, struct rs_view_map *view, uint64_t *count);

/*
 * The first half of taking it all back, with the domain paused and no step under way: all vCPUs
 * go to view 0.
 */
int rs_views_leave(struct rs_views *views);

/* The second half, when nobody can report any more: the views go, and what was raised. */
int rs_views_remove(struct rs_views *views);

/* Frees ours. */
void rs_views_free(struct rs_views *views);

#endif
