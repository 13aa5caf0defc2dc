/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_channel.c: event_channel_op of dom0's tools (the evtchn driver's calls go to
 * port.c directly). */
#include <errno.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/port.h"

/* A port of dom0 that no open device owns. */
#define NO_DEVICE FX_DEVICES

static int allocate_in_domain(struct fx_domain *domain, uint32_t remote_slot)
{
	for (uint32_t port = 1; port < FX_DOMAIN_PORTS; port++) {
		struct fx_port *p = &domain->ports[port];

		if (p->state != FX_PORT_FREE)
			continue;
		p->remote_slot = remote_slot;
		p->remote_port = 0;
		p->pending = 0;
		__atomic_store_n(&p->state, FX_PORT_UNBOUND, __ATOMIC_RELEASE);
		return port;
	}
	return -ENOSPC;
}

static int64_t alloc_unbound(const struct fx_caller *caller, uint64_t address)
{
	struct evtchn_alloc_unbound arguments;
	struct fx_domain *domain, *remote;
	int port;

	if (fx_copy_in(caller, &arguments, address, sizeof arguments))
		return -EFAULT;
	domain = fx_domain_any(caller, arguments.dom);
	remote = fx_domain_any(caller, arguments.remote_dom);
	if (!domain || !remote)
		return -ESRCH;
	if (domain->id == 0)
		port = fx_port_bind_unbound(caller->model, NO_DEVICE, remote->id);
	else
		port = allocate_in_domain(domain, fx_domain_slot(caller->model, remote));
	if (port < 0)
		return port;
	arguments.port = port;
	return fx_copy_out(caller, address, &arguments, sizeof arguments);
}

static int describe(struct fx_model *model, const struct fx_port *port, evtchn_status_t *status)
{
	const struct fx_domain *remote = fx_domain(model, port->remote_slot);

	switch (port->state) {
	case FX_PORT_XEN:
		return -EACCES;
	case FX_PORT_UNBOUND:
		status->status = EVTCHNSTAT_unbound;
		status->u.unbound.dom = remote->id;
		return 0;
	case FX_PORT_INTERDOMAIN:
		status->status = EVTCHNSTAT_interdomain;
		status->u.interdomain.dom = remote->id;
		status->u.interdomain.port = port->remote_port;
		return 0;
	case FX_PORT_VIRQ:
		status->status = EVTCHNSTAT_virq;
		status->u.virq = port->virq;
		return 0;
	default:
		status->status = EVTCHNSTAT_closed;
		return 0;
	}
}

static int64_t get_status(const struct fx_caller *caller, uint64_t address)
{
	evtchn_status_t status;
	struct fx_domain *domain;
	int error;

	if (fx_copy_in(caller, &status, address, sizeof status))
		return -EFAULT;
	domain = fx_domain_any(caller, status.dom);
	if (!domain)
		return -ESRCH;
	if (status.port >= (domain->id ? FX_DOMAIN_PORTS : FX_DOM0_PORTS))
		return -EINVAL;
	status.vcpu = 0;
	error = describe(caller->model, domain->id ? &domain->ports[status.port]
						   : &caller->model->ports[status.port], &status);
	return error ? error : fx_copy_out(caller, address, &status, sizeof status);
}

static int64_t send(const struct fx_caller *caller, uint64_t address)
{
	struct evtchn_send arguments;

	if (fx_copy_in(caller, &arguments, address, sizeof arguments))
		return -EFAULT;
	return fx_port_send(caller->model, caller->host, arguments.port);
}

int64_t fx_event_channel_op(const struct fx_caller *caller, uint64_t cmd, uint64_t address)
{
	switch (cmd) {
	case EVTCHNOP_alloc_unbound:
		return alloc_unbound(caller, address);
	case EVTCHNOP_status:
		return get_status(caller, address);
	case EVTCHNOP_send:
		return send(caller, address);
	default:
		return fx_unmodelled(caller, "event_channel_op %llu", (unsigned long long)cmd);
	}
}
