/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.h: event channels. dom0's ports carry the state of Linux's evtchn driver: raised
 * while enabled, a port is disabled, and its number goes to its device (host->deliver);
 * raised while disabled it is only pending; unmask enables it and delivers what pends. */
#ifndef FAKEXEN_PORT_H
#define FAKEXEN_PORT_H

#include "fakexen/model.h"

/* Raises a port of dom0. Any thread, any process, no lock. */
void fx_port_raise(struct fx_model *model, const struct fx_host *host, uint32_t port);
/* The evtchn driver's write(): in the caller's context. 0, or -EINVAL when the port is not
 * that device's. */
int fx_port_unmask(struct fx_model *model, const struct fx_host *host, uint32_t device,
	uint32_t port);
/* EVTCHNOP_send by dom0: in the caller's context. A monitor's port drains its ring here. */
int fx_port_send(struct fx_model *model, const struct fx_host *host, uint32_t port);
/* Delivers what pends on an enabled port: to be called for a port that was just bound (Xen
 * raises a new binding at once), and for all ports when a process has died. */
void fx_port_settle(struct fx_model *model, const struct fx_host *host, uint32_t port);

/* The rest is for the call thread. */
int fx_port_bind_interdomain(struct fx_model *model, uint32_t device, uint32_t remote_domid,
	uint32_t remote_port);                                  /* the port or -errno */
int fx_port_bind_unbound(struct fx_model *model, uint32_t device, uint32_t remote_domid);
int fx_port_bind_virq(struct fx_model *model, uint32_t device, uint32_t virq);
int fx_port_unbind(struct fx_model *model, uint32_t device, uint32_t port);
void fx_port_unbind_device(struct fx_model *model, uint32_t device);  /* its last close */
/* Xen's own ports in a domain (alloc_unbound_xen_event_channel): the port or -errno. */
int fx_port_allocate_xen(struct fx_domain *domain);
void fx_port_free_xen(struct fx_model *model, struct fx_domain *domain, uint32_t port);
/* Xen notifies the monitor: raises what is bound to that port of the domain. */
void fx_port_notify_remote(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, uint32_t port);
/* VIRQ_DOM_EXC and others to whoever bound them. */
void fx_port_raise_virq(struct fx_model *model, const struct fx_host *host, uint32_t virq);

#endif
