/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pages.c: domctls about a domain's pages as such: what kind each is, and how much memory
 * its page tables (the EPT) may take. */
#include <errno.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"

#define PAGES_AT_ONCE 1024

int64_t fx_domctl_page_types(struct fx_domctl *op)
{
	uint64_t array = HANDLE_ADDRESS(op->ctl.u.getpageframeinfo3.array);
	xen_pfn_t gfns[PAGES_AT_ONCE];
	uint64_t count = op->ctl.u.getpageframeinfo3.num;

	if (count > PAGES_AT_ONCE)
		return -E2BIG;
	if (fx_copy_in(op->caller, gfns, array, count * sizeof(*gfns)))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		const struct fx_p2m_entry *entry = fx_p2m_entry(op->domain, gfns[i]);

		gfns[i] = entry && entry->present ? XEN_DOMCTL_PFINFO_NOTAB
						  : XEN_DOMCTL_PFINFO_XTAB;
	}
	return fx_copy_out(op->caller, array, gfns, count * sizeof(*gfns));
}

/* ---- the paging pool ---- */

#define MIB_SHIFT 20

int64_t fx_domctl_shadow(struct fx_domctl *op)
{
	struct xen_domctl_shadow_op *shadow = &op->ctl.u.shadow_op;

	if (op->domain->id == 0)
		return -EINVAL;
	if (op->domain->state == FX_DOMAIN_DYING)
		return 0;
	if (!op->domain->vcpu_count)
		return -EINVAL;
	switch (shadow->op) {
	case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
		op->domain->paging_pool_bytes = (uint64_t)shadow->mb << MIB_SHIFT;
		break;
	case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
		break;
	default:
		return fx_unmodelled(op->caller, "shadow_op %u", shadow->op);
	}
	shadow->mb = op->domain->paging_pool_bytes >> MIB_SHIFT;
	op->copy_back = true;
	return 0;
}

int64_t fx_domctl_get_paging_pool(struct fx_domctl *op)
{
	if (!op->domain->is_hvm)
		return -EOPNOTSUPP;
	op->ctl.u.paging_mempool.size = op->domain->paging_pool_bytes;
	op->copy_back = true;
	return 0;
}

int64_t fx_domctl_set_paging_pool(struct fx_domctl *op)
{
	if (!op->domain->is_hvm)
		return -EOPNOTSUPP;
	if (op->ctl.u.paging_mempool.size % FX_PAGE)
		return -EINVAL;
	op->domain->paging_pool_bytes = op->ctl.u.paging_mempool.size;
	return 0;
}
