/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm_event.h: Xen's side of the monitor ring (xen/common/vm_event.c of 4.17), and the
 * sources of its events (xen/common/monitor.c, xen/arch/x86/monitor.c). */
#ifndef FAKEXEN_VM_EVENT_H
#define FAKEXEN_VM_EVENT_H

#include "fakexen/model.h"

/* What a vCPU has to report: the part of a request that depends on the event. */
struct fx_event {
	uint32_t reason;                /* VM_EVENT_REASON_ */
	__typeof__(((vm_event_request_t *)NULL)->u) u;
};

/* Xen's monitor_traps(): claims a slot, puts the request with the vCPU's registers, raises
 * the monitor's port. Called by whoever runs the vCPU.
 *  1: the event is synchronous, and the vCPU now paused;
 *  0: it is not, or nobody listens; the vCPU goes on (and may be blocked, see
 *     fx_vcpu_runnable());
 *  -EAGAIN: no slot is free. The vCPU sleeps on the ring's wait queue; after host->wake()
 *     the same event is to be reported again. */
int fx_vm_event_report(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_vcpu *vcpu, const struct fx_event *event, bool sync);

/* Without the lock, and before it is known whether there will be an event: fetches what the next
 * request is going to be written to, all at once. The other side has written it last. */
void fx_vm_event_prefetch(struct fx_model *model, struct fx_domain *domain);

/* XEN_DOMCTL_vm_event_op of the monitor ring. */
int fx_vm_event_enable(struct fx_model *model, struct fx_domain *domain, uint32_t *xen_port);
int fx_vm_event_disable(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
/* The end of a domain (vm_event_cleanup): sleepers are let go, the ring is given up. */
void fx_vm_event_cleanup(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
/* XEN_DOMCTL_monitor_op: toggles, capabilities. Fills op in where it answers. */
int fx_monitor_domctl(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct xen_domctl_monitor_op *op);

/* Consumes all responses on the ring (vm_event_resume): what a notify of the monitor's
 * port and XEN_VM_EVENT_RESUME do. May run in a caller's process that is killed at any
 * instruction; fx_vm_event_recover() then finishes the work. */
int fx_vm_event_resume(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
/* Called for every domain when a process has died: takes the lock and repairs. */
void fx_vm_event_recover(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
/* Takes domain->lock and, if its holder died, repairs first. */
void fx_domain_lock(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
void fx_domain_unlock(struct fx_domain *domain);

/* Requests that nobody has answered: open ones and those that a disable left behind. */
uint64_t fx_vm_event_missing(const struct fx_domain *domain);

/* HVMOP_guest_request_vm_event, called by a vCPU through vmcall, or (by nobody) dom0. */
void fx_monitor_guest_request(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_vcpu *vcpu);

#endif
