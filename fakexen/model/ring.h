/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring.h: what the files of the ring share. All of it under domain->lock. */
#ifndef FAKEXEN_MODEL_RING_H
#define FAKEXEN_MODEL_RING_H

#include "fakexen/model.h"

/* vCPUs that have become runnable, to be told of when the lock is no longer held. */
struct fx_woken {
	uint64_t bits[FX_VCPUS / 64];
	bool any;
};

static inline void fx_woken_add(struct fx_woken *woken, unsigned int vcpu)
{
	woken->bits[vcpu / 64] |= 1ull << (vcpu % 64);
	woken->any = true;
}

/* Tells the host; without the lock. */
void fx_woken_tell(const struct fx_woken *woken, struct fx_model *model,
	const struct fx_host *host, const struct fx_domain *domain);

static inline vm_event_sring_t *fx_ring_page(struct fx_model *model, struct fx_domain *domain)
{
	return (vm_event_sring_t *)fx_page(model, domain->vm_event.ring_frame);
}

/* vm_event_wake(): a slot may have become free. Sleepers first, then blocked producers. */
void fx_vm_event_wake(struct fx_domain *domain, struct fx_woken *woken);
/* Without the lock: brings what fx_answers_drain is about to write into this processor's cache,
 * all at once, so that the lock is held for less. */
void fx_answers_prefetch(struct fx_model *model, struct fx_domain *domain);
/* Consumes what is on the ring, a half consumed response first. */
void fx_answers_drain(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_woken *woken);
/* Makes whole what a killed process left: its response, the counts of sleepers. */
void fx_answers_repair(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_woken *woken);

#endif
