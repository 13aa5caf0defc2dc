/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hvm.c: hvm_op of dom0: parameters, and what kind of memory a gfn is. */
#include <errno.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"

_Static_assert(HVM_NR_PARAMS <= FX_PARAMS, "a domain holds all of Xen's parameters");

/* ---- parameters ---- */

static bool is_deprecated(uint32_t index)
{
	switch (index) {
	case HVM_PARAM_PAE_ENABLED:
	case HVM_PARAM_DM_DOMAIN:
	case HVM_PARAM_MEMORY_EVENT_CR0:
	case HVM_PARAM_MEMORY_EVENT_CR3:
	case HVM_PARAM_MEMORY_EVENT_CR4:
	case HVM_PARAM_MEMORY_EVENT_INT3:
	case HVM_PARAM_NESTEDHVM:
	case HVM_PARAM_MEMORY_EVENT_SINGLE_STEP:
	case HVM_PARAM_BUFIOREQ_EVTCHN:
	case HVM_PARAM_MEMORY_EVENT_MSR:
		return true;
	default:
		return false;
	}
}

static bool is_set_once(uint32_t index)
{
	switch (index) {
	case HVM_PARAM_VIRIDIAN:
	case HVM_PARAM_IOREQ_PFN:
	case HVM_PARAM_BUFIOREQ_PFN:
	case HVM_PARAM_IOREQ_SERVER_PFN:
	case HVM_PARAM_NR_IOREQ_SERVER_PAGES:
	case HVM_PARAM_ALTP2M:
	case HVM_PARAM_MCA_CAP:
		return true;
	default:
		return false;
	}
}

static int check_value(const struct fx_caller *caller, uint32_t index, uint64_t value)
{
	switch (index) {
	case HVM_PARAM_TIMER_MODE:
		return value > HVMPTM_one_missed_tick_pending ? -EINVAL : 0;
	case HVM_PARAM_ALTP2M:
		return value > XEN_ALTP2M_limited ? -EINVAL : 0;
	case HVM_PARAM_TRIPLE_FAULT_REASON:
		return value > SHUTDOWN_MAX ? -EINVAL : 0;
	case HVM_PARAM_X87_FIP_WIDTH:
		return value != 0 && value != 4 && value != 8 ? -EINVAL : 0;
	case HVM_PARAM_VIRIDIAN:
	case HVM_PARAM_ACPI_S_STATE:
	case HVM_PARAM_VM86_TSS:
	case HVM_PARAM_VM86_TSS_SIZED:
	case HVM_PARAM_MCA_CAP:
		return value ? fx_unmodelled(caller, "setting HVM parameter %u", index) : 0;
	default:
		return 0;
	}
}

static int set_param(const struct fx_caller *caller, struct fx_domain *domain, uint32_t index,
	uint64_t value)
{
	uint64_t old = domain->params[index];
	int error;

	if (is_deprecated(index))
		return -EINVAL;
	if (is_set_once(index) && old && old != value)
		return -EEXIST;
	error = check_value(caller, index, value);
	if (!error)
		domain->params[index] = value;
	return error;
}

static int64_t param_op(const struct fx_caller *caller, bool set, uint64_t address)
{
	struct xen_hvm_param param;
	struct fx_domain *domain;

	if (fx_copy_in(caller, &param, address, sizeof param))
		return -EFAULT;
	if (param.index >= HVM_NR_PARAMS)
		return -EINVAL;
	domain = fx_domain_any(caller, param.domid);
	if (!domain)
		return -ESRCH;
	if (!domain->is_hvm)
		return -EINVAL;
	if (set)
		return set_param(caller, domain, param.index, param.value);
	if (is_deprecated(param.index))
		return -EINVAL;
	param.value = domain->params[param.index];
	return fx_copy_out(caller, address, &param, sizeof param);
}

/* ---- memory types ---- */

static int64_t get_mem_type(const struct fx_caller *caller, uint64_t address)
{
	struct xen_hvm_get_mem_type type;
	struct fx_domain *domain;
	const struct fx_p2m_entry *entry;

	if (fx_copy_in(caller, &type, address, sizeof type))
		return -EFAULT;
	domain = fx_domain_any(caller, type.domid);
	if (!domain)
		return -ESRCH;
	if (!domain->is_hvm)
		return -EINVAL;
	entry = fx_p2m_entry(domain, type.pfn);
	type.mem_type = entry && entry->type == FX_P2M_RAM_RW ? HVMMEM_ram_rw : HVMMEM_mmio_dm;
	return fx_copy_out(caller, address, &type, sizeof type);
}

int64_t fx_hvm_op(const struct fx_caller *caller, uint64_t op, uint64_t address)
{
	switch (op) {
	case HVMOP_set_param:
	case HVMOP_get_param:
		return param_op(caller, op == HVMOP_set_param, address);
	case HVMOP_get_mem_type:
		return get_mem_type(caller, address);
	case HVMOP_flush_tlbs:          /* of the caller, and dom0 is a PV domain */
		return -EINVAL;
	case HVMOP_guest_request_vm_event:      /* nobody monitors dom0 */
		return address ? -EINVAL : 0;
	case HVMOP_altp2m:
		return fx_altp2m_op(caller, address);
	default:
		return fx_unmodelled(caller, "hvm_op %llu", (unsigned long long)op);
	}
}
