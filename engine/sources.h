/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sources.h: what Xen has been told to report, as one set.
 *
 * The set that is wanted is computed anew from all watches; only what differs is switched,
 * inside one pause of the domain. Serialised by the engine's control lock.
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
	size_t count;
};

/*
 * Several wishes for one source become the one that serves all: synchronous if any is, only
 * those bits ignored that all ignore, and so on. Sorts and merges in place; returns how many
 * are left.
 */
size_t rs_sources_merge(struct rs_xen_source *wanted, size_t count);

/*
 * Switches Xen over to the wanted set (merged; the array, from malloc, becomes ours). If a
 * source cannot be switched on, those that were on before are again, and the error returned.
 */
int rs_sources_apply(struct rs_sources *sources, struct rs_xen_source *wanted, size_t count);

/* All off, one by one: Xen's own clean-up would leave CR3 and descriptor exits on. */
int rs_sources_clear(struct rs_sources *sources);

#endif
