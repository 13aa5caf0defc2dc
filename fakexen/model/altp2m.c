/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* altp2m.c: views. Each is a table of its own that copies entries of the host's p2m when
 * they are first needed, with the host's access (4.18 and before), and keeps what was set
 * in it until the host's entry is written. View 0 is such a table too. */
#include <errno.h>
#include <string.h>

#include "fakexen/model/altp2m.h"

#define NO_GFN UINT64_MAX

static bool view_used(const struct fx_domain *domain, unsigned int view)
{
	return view < FX_VIEWS && domain->views[view].used;
}

static struct fx_p2m_entry *view_entry(struct fx_domain *domain, unsigned int view, uint64_t gfn)
{
	return &domain->view_p2m[view][gfn];
}

/* ---- life ---- */

static void view_reset(struct fx_domain *domain, unsigned int view)
{
	fx_entries_clear(domain->view_p2m[view], FX_GFNS);
	domain->views[view].min_remapped_gfn = NO_GFN;
	domain->views[view].max_remapped_gfn = 0;
	fx_p2m_changed(domain);
}

static void view_activate(struct fx_domain *domain, unsigned int view, uint8_t access)
{
	struct fx_view *v = &domain->views[view];

	view_reset(domain, view);
	v->used = v->visible = true;
	v->default_access = access;
}

static void view_deactivate(struct fx_domain *domain, unsigned int view)
{
	view_reset(domain, view);
	domain->views[view].used = domain->views[view].visible = false;
}

int fx_altp2m_set_state(struct fx_model *model, struct fx_domain *domain, bool on)
{
	(void)model;
	if (on == domain->altp2m_active)
		return 0;
	if (on) {
		view_activate(domain, 0, domain->default_access);
	} else {
		for (unsigned int view = 0; view < FX_VIEWS; view++)
			if (view_used(domain, view))
				view_deactivate(domain, view);
	}
	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		domain->vcpus[i].view = 0;
		if (!on)
			domain->vcpus[i].ve_notify = false;
	}
	domain->altp2m_active = on;
	fx_p2m_changed(domain);
	return 0;
}

int fx_view_create(struct fx_model *model, struct fx_domain *domain, uint8_t access,
	uint16_t *view)
{
	(void)model;
	if (access == XENMEM_access_default)
		access = domain->default_access;
	else if (access > XENMEM_access_default)
		return -EINVAL;
	for (unsigned int i = 0; i < FX_VIEWS; i++) {
		if (domain->views[i].used)
			continue;
		view_activate(domain, i, access);
		*view = i;
		return 0;
	}
	return -EINVAL;
}

/* Counted anew each time: answers move vCPUs in callers' processes, which may be killed
 * between any two stores. */
static bool view_occupied(const struct fx_domain *domain, unsigned int view)
{
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		if (domain->vcpus[i].view == view)
			return true;
	return false;
}

int fx_view_destroy(struct fx_model *model, struct fx_domain *domain, uint16_t view)
{
	(void)model;
	/* View 0, one that was never made and one that a vCPU is in: all the same to Xen. */
	if (view == 0 || !view_used(domain, view) || view_occupied(domain, view))
		return -EBUSY;
	view_deactivate(domain, view);
	return 0;
}

/* ---- who is in which ---- */

void fx_view_switch_vcpu(struct fx_domain *domain, struct fx_vcpu *vcpu, uint16_t view)
{
	if (domain->altp2m_active && view_used(domain, view))
		vcpu->view = view;
}

int fx_view_set_visible(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	bool visible)
{
	(void)model;
	if (!view_used(domain, view))
		return -EINVAL;
	domain->views[view].visible = visible;
	return 0;
}

int fx_view_switch_domain(struct fx_model *model, struct fx_domain *domain, uint16_t view)
{
	(void)model;
	if (!view_used(domain, view) || !domain->views[view].visible)
		return -EINVAL;
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		fx_view_switch_vcpu(domain, &domain->vcpus[i], view);
	return 0;
}

/* ---- entries ---- */

static void set_entry(struct fx_domain *domain, unsigned int view, uint64_t gfn,
	const struct fx_p2m_entry *from, uint8_t access, bool remapped)
{
	struct fx_p2m_entry *entry = view_entry(domain, view, gfn);
	bool ve = entry->present && entry->ve;

	*entry = *from;
	entry->access = access;
	entry->remapped = remapped;
	entry->ve = ve;
	fx_p2m_changed(domain);
}

/* altp2m_get_effective_entry: the view's entry or, where it has none yet, the host's, if
 * that is ordinary memory. NULL: -ESRCH. */
static const struct fx_p2m_entry *effective_entry(struct fx_domain *domain, unsigned int view,
	uint64_t gfn)
{
	const struct fx_p2m_entry *entry;

	if (gfn >= FX_GFNS)
		return NULL;
	entry = view_entry(domain, view, gfn);
	if (entry->present)
		return entry;
	entry = &domain->p2m[gfn];
	return entry->present && entry->type == FX_P2M_RAM_RW ? entry : NULL;
}

bool fx_view_lacks(const struct fx_domain *domain, unsigned int view, uint64_t gfn)
{
	return gfn < FX_GFNS && domain->altp2m_active && view_used(domain, view) &&
	       !domain->view_p2m[view][gfn].present && domain->p2m[gfn].present;
}

const struct fx_p2m_entry *fx_view_lookup(struct fx_model *model, struct fx_domain *domain,
	unsigned int view, uint64_t gfn)
{
	struct fx_p2m_entry *host, *entry;

	(void)model;
	if (gfn >= FX_GFNS)
		return NULL;
	host = &domain->p2m[gfn];
	if (!domain->altp2m_active || !view_used(domain, view))
		return host->present ? host : NULL;
	entry = view_entry(domain, view, gfn);
	if (entry->present)
		return entry;
	if (!host->present)
		return NULL;
	*entry = *host;         /* no change of what anybody sees: no flush */
	entry->ve = 0;
	return entry;
}

void fx_view_convert(struct fx_model *model, struct fx_domain *domain, unsigned int view,
	uint64_t gfn, uint8_t access)
{
	const struct fx_p2m_entry *entry = fx_view_lookup(model, domain, view, gfn);

	if (!entry)
		return;
	if (!domain->altp2m_active || !view_used(domain, view))
		fx_p2m_set_access(model, domain, gfn, access);
	else
		set_entry(domain, view, gfn, entry, access, entry->remapped);
}

static bool access_translate(const struct fx_domain *domain, uint8_t *access)
{
	if (*access == XENMEM_access_default)
		*access = domain->default_access;
	return *access < XENMEM_access_default;
}

int fx_view_set_access(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, uint8_t access)
{
	const struct fx_p2m_entry *entry;

	if (view && !view_used(domain, view))
		return -EINVAL;
	if (!access_translate(domain, &access))
		return -EINVAL;
	if (gfn == NO_GFN) {            /* what new pages get */
		domain->default_access = access;
		return 0;
	}
	if (!view)
		return fx_p2m_set_access(model, domain, gfn, access);
	entry = effective_entry(domain, view, gfn);
	if (entry)                      /* what is not there is skipped silently */
		set_entry(domain, view, gfn, entry, access, entry->remapped);
	return 0;
}

int fx_view_get_access(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, uint8_t *access)
{
	const struct fx_p2m_entry *entry;

	(void)model;
	if (view && (!domain->altp2m_active || !view_used(domain, view)))
		return -EINVAL;
	if (gfn == NO_GFN) {
		*access = view ? domain->views[view].default_access : domain->default_access;
		return 0;
	}
	if (gfn >= FX_GFNS)
		return -ESRCH;
	entry = view ? view_entry(domain, view, gfn) : &domain->p2m[gfn];
	if (!entry->present)
		return -ESRCH;
	*access = entry->access;
	return 0;
}

int fx_view_set_suppress_ve(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, bool suppress)
{
	const struct fx_p2m_entry *entry;

	if (view && !view_used(domain, view))
		return -EINVAL;
	if (gfn >= FX_GFNS)
		return view ? -ESRCH : -EINVAL;
	if (!view) {                    /* a write of the host's entry, as it is */
		fx_p2m_set_access(model, domain, gfn, domain->p2m[gfn].access);
		domain->p2m[gfn].ve = !suppress;
		return 0;
	}
	entry = effective_entry(domain, view, gfn);
	if (!entry)
		return -ESRCH;
	set_entry(domain, view, gfn, entry, entry->access, entry->remapped);
	view_entry(domain, view, gfn)->ve = !suppress;
	return 0;
}

int fx_view_get_suppress_ve(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t gfn, bool *suppress)
{
	const struct fx_p2m_entry *entry;

	(void)model;
	if (view && !view_used(domain, view))
		return -EINVAL;
	if (gfn >= FX_GFNS)
		return -ESRCH;
	entry = view ? view_entry(domain, view, gfn) : &domain->p2m[gfn];
	if (!entry->present)
		return -ESRCH;
	*suppress = !entry->ve;
	return 0;
}

/* Back to a lazy copy of the host's. Xen takes it out by p2m_remove_entry, as if a page had
 * left the guest. */
static void remove_entry(struct fx_domain *domain, unsigned int view, uint64_t gfn)
{
	if (gfn >= FX_GFNS || !view_entry(domain, view, gfn)->present)
		return;
	memset(view_entry(domain, view, gfn), 0, sizeof(struct fx_p2m_entry));
	fx_mapcache_invalidate(domain);
	fx_p2m_changed(domain);
}

int fx_view_change_gfn(struct fx_model *model, struct fx_domain *domain, uint16_t view,
	uint64_t old_gfn, uint64_t new_gfn)
{
	const struct fx_p2m_entry *entry;
	struct fx_view *v;

	(void)model;
	if (!view_used(domain, view))
		return -EINVAL;
	v = &domain->views[view];
	if (new_gfn == NO_GFN) {
		remove_entry(domain, view, old_gfn);
		return 0;
	}
	if (!effective_entry(domain, view, old_gfn))
		return -ESRCH;
	entry = effective_entry(domain, view, new_gfn);
	if (!entry)
		return -ESRCH;
	/* With the frame comes the access that the new gfn has in this view, or in the host. */
	set_entry(domain, view, old_gfn, entry, entry->access, true);
	view_entry(domain, view, old_gfn)->ve = 0;
	if (new_gfn < v->min_remapped_gfn)
		v->min_remapped_gfn = new_gfn;
	if (new_gfn > v->max_remapped_gfn)
		v->max_remapped_gfn = new_gfn;
	return 0;
}

/* ---- the host's changes ---- */

static bool in_remapped_range(const struct fx_view *view, uint64_t gfn)
{
	return gfn >= view->min_remapped_gfn && gfn <= view->max_remapped_gfn;
}

/* A page that views have remapped to may be gone: the first such view is reset; if there
 * is a second, all others are, Xen says, "reset everything". */
static void reset_others(struct fx_domain *domain, unsigned int but)
{
	for (unsigned int i = 0; i < FX_VIEWS; i++)
		if (i != but && domain->views[i].used)
			view_reset(domain, i);
}

void fx_views_propagate(struct fx_domain *domain, uint64_t gfn,
	const struct fx_p2m_entry *entry)
{
	unsigned int reset = FX_VIEWS;

	if (!domain->altp2m_active)
		return;
	for (unsigned int i = 0; i < FX_VIEWS; i++) {
		if (!domain->views[i].used)
			continue;
		if (!entry->present && in_remapped_range(&domain->views[i], gfn)) {
			if (reset != FX_VIEWS) {
				reset_others(domain, reset);
				return;
			}
			view_reset(domain, i);
			reset = i;
		} else if (view_entry(domain, i, gfn)->present) {
			if (entry->present)
				set_entry(domain, i, gfn, entry, entry->access, false);
			else
				memset(view_entry(domain, i, gfn), 0, sizeof(*entry));
		}
	}
}
