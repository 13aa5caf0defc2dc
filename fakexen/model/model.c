/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c: where things lie in the model's memory, its birth, and finding a domain. */
#include "fakexen/model.h"

#include <string.h>

/* Where the frame table, the domains and the frames begin. */
static uint64_t page_up(uint64_t size)
{
	return (size + FX_PAGE - 1) & ~(uint64_t)(FX_PAGE - 1);
}

static uint64_t domain_stride(void)
{
	_Static_assert(sizeof(struct fx_domain) % _Alignof(struct fx_domain) == 0,
		"domains lie in an array");
	return sizeof(struct fx_domain);
}

static uint64_t frame_table_offset(void)
{
	return page_up(sizeof(struct fx_model));
}

static uint64_t domains_offset(uint32_t frame_count)
{
	return page_up(frame_table_offset() + (uint64_t)frame_count * sizeof(struct fx_frame));
}

static uint64_t frames_offset(unsigned int domain_slots, uint32_t frame_count)
{
	return page_up(domains_offset(frame_count) + domain_slots * domain_stride());
}

uint64_t fx_model_size(unsigned int domain_slots, uint32_t frame_count)
{
	return frames_offset(domain_slots, frame_count) + (uint64_t)frame_count * FX_PAGE;
}

/* dom0 is listed like any domain, but nothing of it runs here. */
static void init_dom0(struct fx_domain *dom0)
{
	dom0->state = FX_DOMAIN_ALIVE;
	dom0->id = 0;
	strcpy(dom0->name, "Domain-0");
	dom0->max_vcpus = dom0->vcpu_count = 1;
	dom0->creation_finished = true;
}

void fx_model_init(struct fx_model *model, unsigned int domain_slots, uint32_t frame_count)
{
	model->size = fx_model_size(domain_slots, frame_count);
	model->frame_table_offset = frame_table_offset();
	model->domains_offset = domains_offset(frame_count);
	model->frames_offset = frames_offset(domain_slots, frame_count);
	model->frame_count = frame_count;
	model->domain_slots = domain_slots;
	model->next_domid = 1;
	for (unsigned int slot = 0; slot < domain_slots; slot++)
		fx_lock_init(&fx_domain(model, slot)->lock);
	init_dom0(fx_domain(model, 0));
}

struct fx_domain *fx_domain_find(struct fx_model *model, uint32_t id)
{
	for (unsigned int slot = 0; slot < model->domain_slots; slot++) {
		struct fx_domain *domain = fx_domain(model, slot);

		if (domain->state != FX_DOMAIN_FREE && domain->id == id)
			return domain;
	}
	return NULL;
}

unsigned int fx_domain_slot(struct fx_model *model, const struct fx_domain *domain)
{
	return domain - fx_domain(model, 0);
}
