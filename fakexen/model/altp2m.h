/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* altp2m.h: what p2m.c and altp2m.c share. */
#ifndef FAKEXEN_MODEL_ALTP2M_H
#define FAKEXEN_MODEL_ALTP2M_H

#include "fakexen/cpu/cpu.h"
#include "fakexen/p2m.h"

/* The host's entry for gfn has been written: carries it into the views that hold it
 * (p2m_altp2m_propagate_change). */
void fx_views_propagate(struct fx_domain *domain, uint64_t gfn,
	const struct fx_p2m_entry *entry);
/* A page has left a table of the domain's, the host's or a view's (p2m_remove_entry): from 4.15 on
 * device models are to drop their mappings, and each vCPU sees to that first when it goes on
 * (ioreq_request_mapcache_invalidate, which wants the domain to have been started). */
void fx_mapcache_invalidate(struct fx_domain *domain);
/* Makes entries empty, cheaply also where most of them were never touched. */
void fx_entries_clear(struct fx_p2m_entry *entries, uint64_t count);

#endif
