/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foreign.c: dom0's mappings of other domains' pages. A mapping holds its page: what was
 * removed or ballooned away stays good in it, and a destroyed domain stays a zombie. */
#include <errno.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"

int64_t fx_map_foreign(const struct fx_caller *caller, uint32_t domid, uint64_t gfn)
{
	struct fx_domain *domain;
	const struct fx_p2m_entry *entry;
	struct fx_frame *frame;

	if (caller->restricted_to >= 0 && (uint32_t)caller->restricted_to != domid)
		return -EPERM;
	domain = fx_domain_find(caller->model, domid);
	if (!domain)
		return -ESRCH;
	entry = fx_p2m_entry(domain, gfn);
	if (!entry || !entry->present)
		return -EINVAL;
	frame = fx_frame(caller->model, entry->frame);
	if (frame->mappings == UINT16_MAX) {
		fx_host_log(caller->host, "gfn %#llx of domain %u is mapped too often",
			(unsigned long long)gfn, domid);
		return -EINVAL;
	}
	frame->mappings++;
	caller->model->mappings++;
	caller->model->mapped++;
	return entry->frame;
}

void fx_unmap_foreign(struct fx_model *model, const struct fx_host *host, uint32_t frame)
{
	struct fx_frame *entry = fx_frame(model, frame);
	struct fx_domain *domain = fx_domain(model, entry->owner - 1);

	entry->mappings--;
	model->mappings--;
	fx_frame_release(model, frame);
	fx_domain_reap(model, host, domain);
}

int64_t fx_map_resource(const struct fx_caller *caller, uint32_t domid, uint32_t type,
	uint32_t id, uint64_t index)
{
	(void)index;
	if (caller->restricted_to >= 0 && (uint32_t)caller->restricted_to != domid)
		return -EPERM;
	if (!fx_domain_find(caller->model, domid))
		return -ESRCH;
	/* No grant tables, no device model, no trace: as Xen answers for what is not there. */
	fx_unmodelled(caller, "mapping resource %u/%u of domain %u", type, id, domid);
	return -EINVAL;
}
