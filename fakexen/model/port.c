/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port.c: see port.h. A port's two flags, pending and enabled, are the driver's mask:
 *  E1  raise stores pending, then looks at enabled;
 *  E2  unmask stores enabled, then looks at pending;
 * both in one order that all agree on (seq_cst), so that at least one of the two sees the
 * other and delivers; the compare-exchange of enabled lets only one do it. */
#include "fakexen/port.h"

#include <errno.h>

#include "fakexen/atomics.h"
#include "fakexen/vm_event.h"

#define DOM0 0

static struct fx_port *port_of(struct fx_model *model, uint32_t port)
{
	return port && port < FX_DOM0_PORTS ? &model->ports[port] : NULL;
}

/* A dom0 port that belongs to the device, or NULL. */
static struct fx_port *port_of_device(struct fx_model *model, uint32_t device, uint32_t port)
{
	struct fx_port *p = port_of(model, port);

	if (!p || fx_load_acquire(&p->state) == FX_PORT_FREE || p->device != device)
		return NULL;
	return p;
}

static void deliver_if_due(const struct fx_host *host, struct fx_port *p, uint32_t port)
{
	while (fx_load_seq_cst(&p->pending) && fx_load_seq_cst(&p->enabled)) {
		uint32_t enabled = 1;

		if (!fx_replace_seq_cst(&p->enabled, &enabled, 0))
			return;
		if (fx_swap_seq_cst(&p->pending, 0)) {
			host->deliver(host->opaque, p->device, port);
			return;
		}
		fx_store_seq_cst(&p->enabled, 1);
	}
}

void fx_port_raise(struct fx_model *model, const struct fx_host *host, uint32_t port)
{
	struct fx_port *p = port_of(model, port);

	if (!p || fx_load_acquire(&p->state) == FX_PORT_FREE)
		return;
	fx_swap_seq_cst(&p->pending, 1);            /* E1 */
	deliver_if_due(host, p, port);
}

int fx_port_unmask(struct fx_model *model, const struct fx_host *host, uint32_t device,
	uint32_t port)
{
	struct fx_port *p = port_of_device(model, device, port);

	if (!p)
		return -EINVAL;
	fx_swap_seq_cst(&p->enabled, 1);            /* E2 */
	deliver_if_due(host, p, port);
	return 0;
}

void fx_port_settle(struct fx_model *model, const struct fx_host *host, uint32_t port)
{
	struct fx_port *p = port_of(model, port);

	if (p && fx_load_acquire(&p->state) != FX_PORT_FREE)
		deliver_if_due(host, p, port);
}

/* What dom0's port reaches in a domain: its monitor's ring, or a guest that polls. */
static int send_to_domain(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, uint32_t port)
{
	struct fx_port *remote = port < FX_DOMAIN_PORTS ? &domain->ports[port] : NULL;

	if (!remote)
		return -EINVAL;
	if (fx_load_acquire(&remote->state) == FX_PORT_XEN)
		fx_vm_event_resume(model, host, domain);
	else
		fx_store_release(&remote->pending, 1);
	return 0;
}

int fx_port_send(struct fx_model *model, const struct fx_host *host, uint32_t port)
{
	struct fx_port *p = port_of(model, port);

	if (!p)
		return -EINVAL;
	switch (fx_load_acquire(&p->state)) {
	case FX_PORT_UNBOUND:
		return 0;                       /* Xen drops it silently */
	case FX_PORT_INTERDOMAIN:
		break;
	default:
		return -EINVAL;
	}
	if (p->remote_slot != DOM0)
		return send_to_domain(model, host, fx_domain(model, p->remote_slot),
			p->remote_port);
	fx_port_raise(model, host, p->remote_port);
	return 0;
}

/* ---- for the call thread ---- */

static int allocate(struct fx_model *model, uint32_t device)
{
	for (uint32_t port = 1; port < FX_DOM0_PORTS; port++) {
		struct fx_port *p = &model->ports[port];

		if (p->state != FX_PORT_FREE)
			continue;
		p->device = device;
		p->pending = 0;
		p->enabled = 1;
		return port;
	}
	return -ENOSPC;
}

/* The other end of a new interdomain port, if it waits for dom0; it is bound then. */
static int bind_remote(struct fx_model *model, uint32_t slot, uint32_t remote, uint32_t local)
{
	struct fx_port *ports = slot == DOM0 ? model->ports : fx_domain(model, slot)->ports;
	uint32_t count = slot == DOM0 ? FX_DOM0_PORTS : FX_DOMAIN_PORTS;
	struct fx_port *r = &ports[remote < count ? remote : 0];

	if (!remote || remote >= count || r->remote_slot != DOM0 || r->remote_port)
		return -EINVAL;
	switch (r->state) {
	case FX_PORT_XEN:
		r->remote_port = local;
		return 0;
	case FX_PORT_UNBOUND:
		r->remote_port = local;
		fx_store_release(&r->state, FX_PORT_INTERDOMAIN);
		return 0;
	default:
		return -EINVAL;
	}
}

int fx_port_bind_interdomain(struct fx_model *model, uint32_t device, uint32_t remote_domid,
	uint32_t remote_port)
{
	struct fx_domain *domain = remote_domid ? fx_domain_find(model, remote_domid) : NULL;
	uint32_t slot = DOM0;
	int port, error;

	if (remote_domid) {
		if (!domain)
			return -ESRCH;
		slot = fx_domain_slot(model, domain);
	}
	port = allocate(model, device);
	if (port < 0)
		return port;
	error = bind_remote(model, slot, remote_port, port);
	if (error)
		return error;
	model->ports[port].remote_slot = slot;
	model->ports[port].remote_port = remote_port;
	/* Notifications may have been lost before: Xen raises a new binding at once. */
	model->ports[port].pending = 1;
	fx_store_release(&model->ports[port].state, FX_PORT_INTERDOMAIN);
	return port;
}

int fx_port_bind_unbound(struct fx_model *model, uint32_t device, uint32_t remote_domid)
{
	struct fx_domain *domain = remote_domid ? fx_domain_find(model, remote_domid) : NULL;
	int port;

	if (remote_domid && !domain)
		return -ESRCH;
	port = allocate(model, device);
	if (port < 0)
		return port;
	model->ports[port].remote_slot = domain ? fx_domain_slot(model, domain) : DOM0;
	model->ports[port].remote_port = 0;
	fx_store_release(&model->ports[port].state, FX_PORT_UNBOUND);
	return port;
}

int fx_port_bind_virq(struct fx_model *model, uint32_t device, uint32_t virq)
{
	int port;

	if (virq >= NR_VIRQS)
		return -EINVAL;
	for (uint32_t i = 1; i < FX_DOM0_PORTS; i++)
		if (model->ports[i].state == FX_PORT_VIRQ && model->ports[i].virq == virq)
			return -EEXIST;
	port = allocate(model, device);
	if (port < 0)
		return port;
	model->ports[port].virq = virq;
	fx_store_release(&model->ports[port].state, FX_PORT_VIRQ);
	return port;
}

/* The end of a bound pair that stays: it waits for somebody new. */
static void release_remote(struct fx_model *model, const struct fx_port *closed)
{
	struct fx_port *r;

	if (closed->state != FX_PORT_INTERDOMAIN || !closed->remote_port)
		return;
	r = closed->remote_slot == DOM0 ? &model->ports[closed->remote_port]
					: &fx_domain(model, closed->remote_slot)
						   ->ports[closed->remote_port];
	r->remote_port = 0;
	if (r->state == FX_PORT_INTERDOMAIN)
		fx_store_release(&r->state, FX_PORT_UNBOUND);
}

int fx_port_unbind(struct fx_model *model, uint32_t device, uint32_t port)
{
	struct fx_port *p = port_of_device(model, device, port);

	if (!p)
		return -ENOTCONN;
	release_remote(model, p);
	fx_store_release(&p->state, FX_PORT_FREE);
	return 0;
}

void fx_port_unbind_device(struct fx_model *model, uint32_t device)
{
	for (uint32_t port = 1; port < FX_DOM0_PORTS; port++)
		fx_port_unbind(model, device, port);
}

int fx_port_allocate_xen(struct fx_domain *domain)
{
	for (uint32_t port = 1; port < FX_DOMAIN_PORTS; port++) {
		struct fx_port *p = &domain->ports[port];

		if (p->state != FX_PORT_FREE)
			continue;
		p->remote_slot = DOM0;
		p->remote_port = 0;
		fx_store_release(&p->state, FX_PORT_XEN);
		return port;
	}
	return -ENOSPC;
}

void fx_port_free_xen(struct fx_model *model, struct fx_domain *domain, uint32_t port)
{
	struct fx_port *p = &domain->ports[port];
	struct fx_port *local = port_of(model, p->remote_port);

	if (p->state != FX_PORT_XEN)
		return;
	if (local) {
		local->remote_port = 0;
		fx_store_release(&local->state, FX_PORT_UNBOUND);
	}
	fx_store_release(&p->state, FX_PORT_FREE);
}

void fx_port_notify_remote(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, uint32_t port)
{
	uint32_t local = fx_load_acquire(&domain->ports[port].remote_port);

	if (local)
		fx_port_raise(model, host, local);
}

void fx_port_raise_virq(struct fx_model *model, const struct fx_host *host, uint32_t virq)
{
	for (uint32_t port = 1; port < FX_DOM0_PORTS; port++)
		if (fx_load_acquire(&model->ports[port].state) == FX_PORT_VIRQ &&
			model->ports[port].virq == virq)
			fx_port_raise(model, host, port);
}
