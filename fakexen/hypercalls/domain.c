/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* domain.c: the life of a domain: made, paused, shut down, destroyed, and a zombie for as
 * long as dom0 has a page of it mapped (xen/common/domain.c of 4.17). */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"
#include "fakexen/port.h"
#include "fakexen/vcpu.h"
#include "fakexen/vm_event.h"

#define DOM0_SLOT 0
#define PAUSES_MAX 255                  /* of the tools, nested */
#define ADDRESS_BITS 39                 /* guest-physical, as the CPUID policy says */

struct fx_domain *fx_domain_any(const struct fx_caller *caller, uint32_t id)
{
	return fx_domain_find(caller->model, id == DOMID_SELF ? 0 : id);
}

void fx_domain_wake(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		host->wake(host->opaque, fx_domain_slot(model, domain), i);
}

/* ---- birth ---- */

static bool id_is_free(struct fx_model *model, uint32_t id)
{
	return !fx_domain_find(model, id);
}

/* An id goes round before it is used again. */
static uint32_t next_id(struct fx_model *model)
{
	uint32_t id;

	do {
		id = model->next_domid++;
		if (model->next_domid == DOMID_FIRST_RESERVED)
			model->next_domid = 1;
	} while (!id_is_free(model, id));
	return id;
}

struct fx_domain *fx_domain_create(struct fx_model *model, uint32_t id)
{
	for (unsigned int slot = DOM0_SLOT + 1; slot < model->domain_slots; slot++) {
		struct fx_domain *domain = fx_domain(model, slot);

		if (domain->state != FX_DOMAIN_FREE)
			continue;
		domain->id = id ? id : next_id(model);
		domain->pause_count = 1;        /* the tools' first unpause starts it */
		domain->default_access = XENMEM_access_rwx;
		fx_cpu_policy_default(model, domain);
		domain->state = FX_DOMAIN_ALIVE;
		return domain;
	}
	return NULL;
}

void fx_domain_make_vcpus(struct fx_domain *domain, uint32_t count)
{
	for (unsigned int i = 0; i < count; i++)
		fx_vcpu_reset(&domain->vcpus[i], i);
	domain->vcpu_count = count;
}

static bool creation_makes_sense(const struct xen_domctl_createdomain *config)
{
	const uint32_t known = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap |
		XEN_DOMCTL_CDF_s3_integrity | XEN_DOMCTL_CDF_oos_off |
		XEN_DOMCTL_CDF_xs_domain;
	bool hvm = config->flags & XEN_DOMCTL_CDF_hvm;

	/* No IOMMU, no vPMU, no nested virtualisation, no vmtrace on this machine. */
	return !(config->flags & ~known) &&
	       !(config->grant_opts & ~XEN_DOMCTL_GRANT_version_mask) &&
	       !config->iommu_opts && !config->vmtrace_size &&
	       !(config->arch.misc_flags & ~XEN_X86_MSR_RELAXED) &&
	       config->max_vcpus >= 1 && config->max_vcpus <= FX_VCPUS &&
	       (hvm || !(config->flags & XEN_DOMCTL_CDF_hap));
}

int64_t fx_domctl_create(struct fx_domctl *op)
{
	const struct xen_domctl_createdomain *config = &op->ctl.u.createdomain;
	struct fx_model *model = op->caller->model;
	bool chosen = op->ctl.domain > 0 && op->ctl.domain < DOMID_FIRST_RESERVED;
	struct fx_domain *domain;

	if (chosen && !id_is_free(model, op->ctl.domain))
		return -EEXIST;
	if (!creation_makes_sense(config))
		return -EINVAL;
	if ((config->flags & XEN_DOMCTL_CDF_hvm) && !(config->flags & XEN_DOMCTL_CDF_hap))
		return fx_unmodelled(op->caller, "an HVM domain with shadow paging");
	domain = fx_domain_create(model, chosen ? op->ctl.domain : 0);
	if (!domain)
		return -ENOMEM;
	domain->is_hvm = config->flags & XEN_DOMCTL_CDF_hvm;
	domain->max_vcpus = config->max_vcpus;
	domain->emulation_flags = config->arch.emulation_flags;
	memcpy(domain->uuid, config->handle, sizeof(domain->uuid));
	op->ctl.domain = domain->id;
	op->copy_back = true;
	return 0;
}

int64_t fx_domctl_max_vcpus(struct fx_domctl *op)
{
	if (op->domain->id == 0 || op->ctl.u.max_vcpus.max != op->domain->max_vcpus)
		return -EINVAL;
	if (!op->domain->vcpu_count)
		fx_domain_make_vcpus(op->domain, op->domain->max_vcpus);
	return 0;
}

int64_t fx_domctl_max_mem(struct fx_domctl *op)
{
	op->domain->max_pages = op->ctl.u.max_mem.max_memkb / (FX_PAGE / 1024);
	return 0;
}

int64_t fx_domctl_set_handle(struct fx_domctl *op)
{
	memcpy(op->domain->uuid, op->ctl.u.setdomainhandle.handle, sizeof(op->domain->uuid));
	return 0;
}

/* ---- pausing ---- */

int64_t fx_domctl_pause(struct fx_domctl *op)
{
	if (op->domain->id == 0)
		return -EINVAL;
	if (op->domain->pause_count >= PAUSES_MAX)
		return -EOVERFLOW;
	op->domain->pause_count++;
	return 0;
}

int64_t fx_domctl_unpause(struct fx_domctl *op)
{
	if (!op->domain->pause_count)
		return -EINVAL;
	if (--op->domain->pause_count == 0) {
		op->domain->creation_finished = true;
		fx_domain_wake(op->caller->model, op->caller->host, op->domain);
	}
	return 0;
}

void fx_domain_shutdown(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, uint8_t reason)
{
	if (__atomic_exchange_n(&domain->shutdown, true, __ATOMIC_ACQ_REL))
		return;
	/* Read by hypercalls only, for which this thread has to stand still first. */
	domain->shutdown_reason = reason;
	__atomic_add_fetch(&model->domains_gone, 1, __ATOMIC_RELEASE);
	fx_port_raise_virq(model, host, VIRQ_DOM_EXC);
}

int64_t fx_domctl_resume(struct fx_domctl *op)
{
	if (op->domain->id == 0)
		return -EINVAL;
	op->domain->shutdown = false;
	op->domain->shutdown_reason = 0;
	fx_domain_wake(op->caller->model, op->caller->host, op->domain);
	return 0;
}

int64_t fx_sched_op(const struct fx_caller *caller, uint64_t cmd, uint64_t address)
{
	struct sched_remote_shutdown arguments;
	struct fx_domain *domain;

	if (cmd != SCHEDOP_remote_shutdown)
		return fx_unmodelled(caller, "sched_op %llu of dom0", (unsigned long long)cmd);
	if (fx_copy_in(caller, &arguments, address, sizeof arguments))
		return -EFAULT;
	domain = fx_domain_find(caller->model, arguments.domain_id);
	if (!domain)
		return -ESRCH;
	if (domain->id == 0)
		return -EPERM;
	fx_domain_shutdown(caller->model, caller->host, domain, arguments.reason);
	return 0;
}

/* ---- death ---- */

/* Whoever in dom0 was bound to a port of the domain waits for a new other end. */
static void close_ports(struct fx_model *model, struct fx_domain *domain)
{
	uint32_t slot = fx_domain_slot(model, domain);

	for (unsigned int i = 0; i < FX_DOM0_PORTS; i++) {
		struct fx_port *port = &model->ports[i];

		if (port->state != FX_PORT_INTERDOMAIN || port->remote_slot != slot)
			continue;
		__atomic_store_n(&port->state, FX_PORT_UNBOUND, __ATOMIC_RELEASE);
		port->remote_port = 0;
	}
	for (unsigned int i = 0; i < FX_DOMAIN_PORTS; i++)
		__atomic_store_n(&domain->ports[i].state, FX_PORT_FREE, __ATOMIC_RELEASE);
}

void fx_domain_kill(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	if (domain->state == FX_DOMAIN_DYING)
		return;
	domain->pause_count++;
	domain->state = FX_DOMAIN_DYING;
	fx_vm_event_cleanup(model, host, domain);
	close_ports(model, domain);
	fx_domain_lock(model, host, domain);
	fx_p2m_teardown(model, domain);
	fx_domain_unlock(domain);
	fx_domain_wake(model, host, domain);    /* to find that it is over */
	__atomic_add_fetch(&model->domains_gone, 1, __ATOMIC_RELEASE);
	fx_port_raise_virq(model, host, VIRQ_DOM_EXC);
	fx_domain_reap(model, host, domain);
}

/* Makes the slot as new, with its lock held: a notify in some process may have it, or wait for
 * it, and then finds no ring. The p2m's generation goes on, since a runner may still hold
 * translations. */
static void wipe(struct fx_domain *domain)
{
	uint32_t generation = domain->p2m_generation;
	size_t after_lock = offsetof(struct fx_domain, lock) + sizeof(domain->lock);

	memset((char *)domain + after_lock, 0, offsetof(struct fx_domain, p2m) - after_lock);
	memset(domain->name, 0, sizeof(domain->name));
	memset(domain->uuid, 0, sizeof(domain->uuid));
	domain->id = 0;
	domain->p2m_generation = generation + 1;
	domain->state = FX_DOMAIN_FREE;
}

void fx_domain_reap(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	if (domain->state != FX_DOMAIN_DYING || domain->total_pages)
		return;
	fx_domain_lock(model, host, domain);
	wipe(domain);
	fx_domain_unlock(domain);
}

int64_t fx_domctl_destroy(struct fx_domctl *op)
{
	if (op->domain->id == 0)
		return -EINVAL;
	fx_domain_kill(op->caller->model, op->caller->host, op->domain);
	return 0;
}

/* ---- what the tools see of it ---- */

static void vcpus_info(const struct fx_domain *domain, struct xen_domctl_getdomaininfo *info)
{
	uint32_t flags = XEN_DOMINF_blocked;

	info->max_vcpu_id = domain->vcpu_count ? domain->vcpu_count - 1 : XEN_INVALID_MAX_VCPU_ID;
	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		const struct fx_vcpu *vcpu = &domain->vcpus[i];

		info->cpu_time += vcpu->cpu_time_ns;
		if (!vcpu->up)
			continue;
		info->nr_online_vcpus++;
		if (!vcpu->cpu.halted)
			flags &= ~XEN_DOMINF_blocked;
		if (fx_vcpu_runnable(domain, vcpu) && !vcpu->cpu.halted)
			flags |= XEN_DOMINF_running;
	}
	if (info->nr_online_vcpus)
		info->flags |= flags;
}

/* As long as a domain has not shut down its code is all ones, in Xen too. */
static uint32_t shutdown_code(const struct fx_domain *domain)
{
	return domain->shutdown ? domain->shutdown_reason : UINT32_MAX;
}

void fx_domain_info(const struct fx_domain *domain, struct xen_domctl_getdomaininfo *info)
{
	memset(info, 0, sizeof(*info));
	info->domain = domain->id;
	if (domain->id == 0) {
		info->flags = XEN_DOMINF_running;
		info->nr_online_vcpus = domain->vcpu_count;
	} else {
		vcpus_info(domain, info);
	}
	info->flags |= (domain->state == FX_DOMAIN_DYING ? XEN_DOMINF_dying : 0) |
		       (domain->shutdown ? XEN_DOMINF_shutdown : 0) |
		       (domain->pause_count ? XEN_DOMINF_paused : 0) |
		       (domain->is_hvm ? XEN_DOMINF_hvm_guest | XEN_DOMINF_hap : 0) |
		       shutdown_code(domain) << XEN_DOMINF_shutdownshift;
	info->tot_pages = domain->total_pages;
	info->max_pages = domain->max_pages;
	info->shared_info_frame = ~(uint64_t)0; /* no guest has mapped it */
	info->gpaddr_bits = ADDRESS_BITS;
	info->arch_config.emulation_flags = domain->emulation_flags;
	memcpy(info->handle, domain->uuid, sizeof(info->handle));
}

struct fx_domain *fx_domain_from(struct fx_model *model, uint32_t id)
{
	struct fx_domain *best = NULL;

	for (unsigned int slot = 0; slot < model->domain_slots; slot++) {
		struct fx_domain *domain = fx_domain(model, slot);

		if (domain->state == FX_DOMAIN_FREE || domain->id < id)
			continue;
		if (!best || domain->id < best->id)
			best = domain;
	}
	return best;
}

int64_t fx_domctl_info(struct fx_domctl *op)
{
	struct fx_domain *domain = op->domain;

	if (!domain && op->ctl.domain >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	if (!domain)
		domain = fx_domain_from(op->caller->model, op->ctl.domain);
	if (!domain)
		return -ESRCH;
	fx_domain_info(domain, &op->ctl.u.getdomaininfo);
	op->ctl.domain = domain->id;
	op->copy_back = true;
	return 0;
}
