/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* p2m.c: frames, and the host's map of guest frame numbers to them. Semantics are those
 * of xen/arch/x86/mm/p2m.c and p2m-ept.c of 4.17; all entries are of 4 KiB. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "fakexen/model/altp2m.h"

/* ---- frames ---- */

uint32_t fx_frame_allocate(struct fx_model *model, unsigned int slot)
{
	for (uint32_t tried = 0; tried < model->frame_count; tried++) {
		uint32_t frame = model->frame_next;

		model->frame_next = frame + 1 < model->frame_count ? frame + 1 : 0;
		if (fx_frame(model, frame)->owner)
			continue;
		fx_frame(model, frame)->owner = slot + 1;
		fx_domain(model, slot)->total_pages++;
		return frame;
	}
	return FX_NO_FRAME;
}

/* Fresh frames are zero, so freed ones have to become so. The page goes back to the
 * kernel where it can: a guest's memory is most of what a model takes. */
static void wipe(void *page, size_t size)
{
	if (madvise(page, size, MADV_REMOVE))
		memset(page, 0, size);
}

void fx_frame_release(struct fx_model *model, uint32_t frame)
{
	struct fx_frame *entry = fx_frame(model, frame);

	if (!entry->owner || entry->mappings || entry->in_p2m || entry->ring)
		return;
	fx_domain(model, entry->owner - 1)->total_pages--;
	entry->owner = 0;
	wipe(fx_page(model, frame), FX_PAGE);
}

void fx_entries_clear(struct fx_p2m_entry *entries, uint64_t count)
{
	char *from = (char *)entries, *to = (char *)(entries + count);
	char *first = (char *)(((uintptr_t)from + FX_PAGE - 1) & ~(uintptr_t)(FX_PAGE - 1));
	char *last = (char *)((uintptr_t)to & ~(uintptr_t)(FX_PAGE - 1));

	if (first >= last) {
		memset(from, 0, to - from);
		return;
	}
	memset(from, 0, first - from);
	wipe(first, last - first);
	memset(last, 0, to - last);
}

/* ---- the host's p2m ---- */

struct fx_p2m_entry *fx_p2m_entry(struct fx_domain *domain, uint64_t gfn)
{
	return gfn < FX_GFNS ? &domain->p2m[gfn] : NULL;
}

void fx_p2m_changed(struct fx_domain *domain)
{
	/* Read by vCPU threads of the same domain while one of them heals an entry. */
	__atomic_add_fetch(&domain->p2m_generation, 1, __ATOMIC_RELEASE);
}

/* Every write of a host entry goes through here (ept_set_entry). */
static void set_entry(struct fx_domain *domain, uint64_t gfn, uint32_t frame, uint8_t type,
	uint8_t access)
{
	struct fx_p2m_entry *entry = &domain->p2m[gfn];

	if (frame == FX_NO_FRAME)
		*entry = (struct fx_p2m_entry){ .type = FX_P2M_INVALID };
	else
		*entry = (struct fx_p2m_entry){ .frame = frame, .type = type, .access = access,
			.present = true, .ve = entry->present && entry->ve };
	/* The highest gfn that there has ever been: a write to a hole counts too, because
	 * a hole reads as p2m_mmio_dm. Only a removal does not. */
	if (type != FX_P2M_INVALID && gfn > domain->max_gfn)
		domain->max_gfn = gfn;
	fx_views_propagate(domain, gfn, entry);
	fx_p2m_changed(domain);
}

int fx_p2m_populate(struct fx_model *model, struct fx_domain *domain, uint64_t gfn)
{
	struct fx_p2m_entry *entry = fx_p2m_entry(domain, gfn);
	uint32_t frame;

	if (!entry || domain->state == FX_DOMAIN_DYING)
		return -EINVAL;
	if (domain->total_pages >= domain->max_pages)
		return -ENOMEM;
	frame = fx_frame_allocate(model, fx_domain_slot(model, domain));
	if (frame == FX_NO_FRAME)
		return -ENOMEM;
	/* A page that was there stays the domain's, out of everyone's reach. */
	if (entry->present)
		fx_frame(model, entry->frame)->in_p2m = 0;
	fx_frame(model, frame)->in_p2m = 1;
	set_entry(domain, gfn, frame, FX_P2M_RAM_RW, domain->default_access);
	return 0;
}

void fx_mapcache_invalidate(struct fx_domain *domain)
{
	if (!domain->creation_finished)
		return;
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		domain->vcpus[i].mapcache_invalidate = true;
}

int fx_p2m_remove(struct fx_model *model, struct fx_domain *domain, uint64_t gfn)
{
	struct fx_p2m_entry *entry = fx_p2m_entry(domain, gfn);
	uint32_t frame;

	if (!entry || !entry->present)
		return -ENOENT;
	frame = entry->frame;
	set_entry(domain, gfn, FX_NO_FRAME, FX_P2M_INVALID, domain->default_access);
	fx_frame(model, frame)->in_p2m = 0;
	fx_frame_release(model, frame);
	fx_mapcache_invalidate(domain);
	return 0;
}

int fx_p2m_move(struct fx_model *model, struct fx_domain *domain, uint64_t from, uint64_t to)
{
	struct fx_p2m_entry *source = fx_p2m_entry(domain, from), *target = fx_p2m_entry(domain, to);
	uint32_t frame;

	if (!source || !source->present || !target || domain->state == FX_DOMAIN_DYING)
		return -EINVAL;
	if (source == target)
		return 0;
	frame = source->frame;
	if (target->present)
		fx_p2m_remove(model, domain, to);
	set_entry(domain, from, FX_NO_FRAME, FX_P2M_INVALID, domain->default_access);
	fx_mapcache_invalidate(domain);
	set_entry(domain, to, frame, FX_P2M_RAM_RW, domain->default_access);
	return 0;
}

int fx_p2m_set_access(struct fx_model *model, struct fx_domain *domain, uint64_t gfn,
	uint8_t access)
{
	struct fx_p2m_entry *entry = fx_p2m_entry(domain, gfn);

	(void)model;
	if (!entry)
		return -EINVAL;
	if (entry->present)
		set_entry(domain, gfn, entry->frame, entry->type, access);
	else    /* nothing to protect, but a write all the same: the views hear of it */
		set_entry(domain, gfn, FX_NO_FRAME, FX_P2M_MMIO_DM, access);
	return 0;
}

void fx_p2m_teardown(struct fx_model *model, struct fx_domain *domain)
{
	uint16_t owner = fx_domain_slot(model, domain) + 1;

	fx_altp2m_set_state(model, domain, false);
	fx_entries_clear(domain->p2m, FX_GFNS);
	fx_p2m_changed(domain);
	for (uint32_t frame = 0; frame < model->frame_count; frame++) {
		if (fx_frame(model, frame)->owner != owner)
			continue;
		fx_frame(model, frame)->in_p2m = 0;
		fx_frame_release(model, frame);
	}
}

uint8_t fx_access_bits(uint8_t access)
{
	static const uint8_t bits[] = {
		[XENMEM_access_n] = 0,
		[XENMEM_access_r] = FX_ACCESS_R,
		[XENMEM_access_w] = FX_ACCESS_W,
		[XENMEM_access_rw] = FX_ACCESS_R | FX_ACCESS_W,
		[XENMEM_access_x] = FX_ACCESS_X,
		[XENMEM_access_rx] = FX_ACCESS_R | FX_ACCESS_X,
		[XENMEM_access_wx] = FX_ACCESS_W | FX_ACCESS_X,
		[XENMEM_access_rwx] = FX_ACCESS_R | FX_ACCESS_W | FX_ACCESS_X,
		[XENMEM_access_rx2rw] = FX_ACCESS_R | FX_ACCESS_X,
		[XENMEM_access_n2rwx] = 0,
	};

	return access < sizeof(bits) / sizeof(*bits) ? bits[access] : 0;
}
