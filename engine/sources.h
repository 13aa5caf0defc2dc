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
 * Makes these (each of another kind or index) as wanted, whatever they were. If one cannot be
 * switched on, all are again as they were, and the error returned.
 */
int rs_sources_set(struct rs_sources *sources, const struct rs_xen_source *wanted, size_t count);

/* The source of that kind and index is off. */
int rs_sources_unset(struct rs_sources *sources, const struct rs_xen_source *unwanted);

/* All off, one by one: Xen's own clean-up would leave CR3 and descriptor exits on. */
int rs_sources_clear(struct rs_sources *sources);

#endif
