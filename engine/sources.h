/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sources.h: what Xen has been told to report, as one set.
 *
 * Only what differs is switched, all of a change inside one pause of the domain. Serialised by
 * the engine's control lock.
 */
#ifndef RS_ENGINE_SOURCES_H
#define RS_ENGINE_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/monitor.h"

struct rs_sources {
	struct rs_xen *xen;
	uint32_t domain;
	struct rs_xen_source *on; /* sorted by kind and index */
	size_t count, room;
};

/*
 * Two wishes for one source become the one that serves both: synchronous if any is, only
 * those bits ignored that both ignore, and so on.
 */
void rs_source_merge(struct rs_xen_source *into, const struct rs_xen_source *other);

/*
 * Makes these as wanted, whatever they were, and the unwanted ones off, inside one pause. If one
 * cannot be made so, the error is returned and what was not yet done is left: who then asks for
 * what there was before gets that.
 */
int rs_sources_set(struct rs_sources *sources, const struct rs_xen_source *wanted, size_t count,
		   const struct rs_xen_source *unwanted, size_t unwanted_count);

/* All off, one by one: Xen's own clean-up would leave CR3 and descriptor exits on. */
int rs_sources_clear(struct rs_sources *sources);

#endif
