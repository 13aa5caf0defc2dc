/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sysctl.c: what the tools ask about the machine, and the list of domains. */
#include <errno.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"

#define CPU_KHZ 1000000
#define CREDIT2 6                       /* XEN_SCHEDULER_CREDIT2 */

static uint64_t free_pages(struct fx_model *model)
{
	uint64_t taken = 0;

	for (unsigned int slot = 0; slot < model->domain_slots; slot++)
		taken += fx_domain(model, slot)->total_pages;
	return model->frame_count - taken;
}

static int get_physinfo(const struct fx_caller *caller, struct xen_sysctl_physinfo *info)
{
	memset(info, 0, sizeof(*info));
	info->threads_per_core = info->cores_per_socket = 1;
	info->nr_cpus = info->nr_nodes = 1;
	info->cpu_khz = CPU_KHZ;
	info->capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_pv |
		XEN_SYSCTL_PHYSCAP_hap;
	info->total_pages = caller->model->frame_count;
	info->free_pages = free_pages(caller->model);
	info->max_mfn = caller->model->frame_count - 1;
	return 0;
}

static int list_domains(const struct fx_caller *caller, struct xen_sysctl_getdomaininfolist *list)
{
	struct fx_domain *domain = fx_domain_from(caller->model, list->first_domain);
	uint32_t count = 0;

	while (domain && count < list->max_domains) {
		struct xen_domctl_getdomaininfo info;

		fx_domain_info(domain, &info);
		if (fx_copy_out(caller, HANDLE_ADDRESS(list->buffer) + count * sizeof info, &info,
			    sizeof info))
			return -EFAULT;
		count++;
		domain = fx_domain_from(caller->model, domain->id + 1);
	}
	list->num_domains = count;
	return 0;
}

static int carry_out(const struct fx_caller *caller, struct xen_sysctl *op)
{
	switch (op->cmd) {
	case XEN_SYSCTL_physinfo:
		return get_physinfo(caller, &op->u.physinfo);
	case XEN_SYSCTL_getdomaininfolist:
		return list_domains(caller, &op->u.getdomaininfolist);
	case XEN_SYSCTL_sched_id:
		op->u.sched_id.sched_id = CREDIT2;
		return 0;
	case XEN_SYSCTL_availheap:
		op->u.availheap.avail_bytes = free_pages(caller->model) * FX_PAGE;
		return 0;
	case XEN_SYSCTL_get_cpu_featureset:
		return fx_sysctl_featureset(caller, &op->u.cpu_featureset);
	case XEN_SYSCTL_get_cpu_policy:
		return fx_sysctl_cpu_policy(caller, &op->u.cpu_policy);
	default:
		return fx_unmodelled(caller, "sysctl %u", op->cmd);
	}
}

int64_t fx_sysctl(const struct fx_caller *caller, uint64_t address)
{
	struct xen_sysctl op;
	int result;

	if (fx_copy_in(caller, &op, address, sizeof op))
		return -EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -EACCES;
	result = carry_out(caller, &op);
	/* A featureset that did not fit tells how far it got. */
	if ((!result || result == -ENOBUFS) && fx_copy_out(caller, address, &op, sizeof op))
		return -EFAULT;
	return result;
}
