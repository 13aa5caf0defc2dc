/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shadows.h: pages of a domain's that its guest knows nothing of, to be shown in its place.
 *
 * They lie one after the other above the guest's greatest frame, where earlier engines had
 * theirs, since Xen resets a view
 * when a page between those that it was remapped to is taken from the domain. They come on
 * top of the domain's memory, and stay until all are given back. Serialised by the caller.
 */
#ifndef RS_ALTP2M_SHADOWS_H
#define RS_ALTP2M_SHADOWS_H

#include <stdint.h>

struct rs_log;
struct rs_xen;

struct rs_shadows {
	struct rs_xen *xen;
	const struct rs_log *log;
	uint32_t domain;
	uint64_t first_gfn;
	uint64_t end_gfn; /* up to before here there have been pages of ours, now or earlier */
	uint32_t count; /* populated; */
	uint32_t taken; /* of these */
	uint64_t max_pages; /* what the domain might have, before ours */
};

/* One more, zeroed. -ENOMEM, -ENOSPC: the text says what helps. */
int rs_shadows_take(struct rs_shadows *shadows, uint64_t *gfn);

/*
 * All back, and the domain's limit as it was. Only when no view is remapped to them and no answer
 * is waited for: whenever a page is taken from a domain, Xen lets its vCPUs do late what answers
 * have asked.
 */
int rs_shadows_release(struct rs_shadows *shadows);

#endif
