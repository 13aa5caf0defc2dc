/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* p2m.h: guest frame numbers to frames: the host's map and altp2m's views of it. All of
 * it is called while the domain's vCPUs stand still, or by the one vCPU whose fault it is
 * with the domain's lock held. */
#ifndef FAKEXEN_P2M_H
#define FAKEXEN_P2M_H

#include "fakexen/model.h"

/* Allocates a zeroed frame for a domain, or FX_NO_FRAME. */
uint32_t fx_frame_allocate(struct fx_model *model, unsigned int slot);
/* Frees it unless a mapping, the p2m or a ring still holds it. */
void fx_frame_release(struct fx_model *model, uint32_t frame);

/* The host's p2m. Setting an entry propagates, as Xen does, into every view that holds
 * the gfn already, wiping what was set there; removing one resets a view whose remapped
 * range contains it. 0 or -errno. */
int fx_p2m_populate(struct fx_model *model, struct fx_domain *domain, uint64_t gfn);
int fx_p2m_remove(struct fx_model *model, struct fx_domain *domain, uint64_t gfn);
int fx_p2m_set_access(struct fx_model *model, struct fx_domain *domain, uint64_t gfn,
	uint8_t access);
/* Takes a page from one gfn to another, as XENMAPSPACE_gmfn does. */
int fx_p2m_move(struct fx_model *model, struct fx_domain *domain, uint64_t from, uint64_t to);
/* The end of a domain: no gfn leads anywhere any more, frames are freed or, if dom0 has
 * them mapped, left to their mappings. */
void fx_p2m_teardown(struct fx_model *model, struct fx_domain *domain);
struct fx_p2m_entry *fx_p2m_entry(struct fx_domain *domain, uint64_t gfn); /* NULL: beyond */

/* Whoever caches translations of the domain has to forget them: done by everything here,
 * and to be done when a vCPU's control registers were set from outside. */
void fx_p2m_changed(struct fx_domain *domain);

/* What a vCPU in `view` finds at gfn: a view copies lazily from the host. With altp2m off,
 * view 0 is the host's p2m itself. Returns NULL where nothing is. */
const struct fx_p2m_entry *fx_view_lookup(struct fx_model *model, struct fx_domain *domain,
	unsigned int view, uint64_t gfn);
/* Whether fx_view_lookup would copy, which takes an exit of its own. */
bool fx_view_lacks(const struct fx_domain *domain, unsigned int view, uint64_t gfn);
/* xenmem_access_t (n2rwx and rx2rw too) to FX_ACCESS_ bits. */
uint8_t fx_access_bits(uint8_t access);

int fx_altp2m_set_state(struct fx_model *model, struct fx_domain *domain, bool on);
int fx_view_create(struct fx_model *model, struct fx_domain *domain, uint8_t access,
	uint16_t *view);
int fx_view_destroy(struct fx_model *model, struct fx_domain *domain, uint16_t view);
int fx_view_switch_domain(struct fx_model *model, struct fx_domain *domain, uint16_t view);
/* One vCPU; an invalid view is silently ignored, as in an answer. */
void fx_view_switch_vcpu(struct fx_domain *domain, struct fx_vcpu *vcpu, uint16_t view);
int fx_view_set_access(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, uint8_t access);
/* What Xen itself does to an entry when it meets a violation (n2rwx, rx2rw, healing
 * without a ring): changes the very table that a vCPU in `view` runs on, which for view 0
 * with altp2m on is not the host's p2m. */
void fx_view_convert(struct fx_model *model, struct fx_domain *domain, unsigned int view,
	uint64_t gfn, uint8_t access);
int fx_view_get_access(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, uint8_t *access);
int fx_view_set_suppress_ve(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, bool suppress);
int fx_view_get_suppress_ve(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, bool *suppress);
int fx_view_set_visible(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	bool visible);
int fx_view_change_gfn(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t old_gfn, uint64_t new_gfn);

#endif
