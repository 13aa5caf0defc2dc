/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* altp2m.c: views, one call of Xen's each. */
#include <errno.h>

#include <ringside/event.h>

#include "xen/altp2m.h"
#include "xen/domain.h"
#include "xen/private.h"

#define VIEW_MAX 10

enum rs_altp2m rs_xen_altp2m_state(struct rs_xen *xen, uint32_t domain)
{
	uint64_t mode = 0;
	bool active = false;

	if (xc_altp2m_get_domain_state(xen->control, domain, &active) == 0)
		return active ? RS_ALTP2M_ACTIVE : RS_ALTP2M_AVAILABLE;
	/* Xen says EINVAL where the domain's mode is "disabled". */
	if (errno == EINVAL &&
	    xc_hvm_param_get(xen->control, domain, HVM_PARAM_ALTP2M, &mode) == 0 && !mode)
		return RS_ALTP2M_DISABLED;
	return RS_ALTP2M_UNSUPPORTED;
}

uint16_t rs_xen_altp2m_view_max(const struct rs_xen *xen)
{
	return VIEW_MAX;
}

int rs_xen_altp2m_activate(struct rs_xen *xen, uint32_t domain, bool active)
{
	int result;

	if (active)
		rs_journal_altp2m(xen->journal, true);
	result = xc_altp2m_set_domain_state(xen->control, domain, active);
	if (active != !result)
		rs_journal_altp2m(xen->journal, false);
	if (!result)
		return 0;
	return rs_xen_fail_cure(xen, "xc_altp2m_set_domain_state", domain,
				"altp2m is off: boot Xen with altp2m=1 (Intel only), and set "
				"altp2m=\"external\" in the domain's configuration");
}

int rs_xen_altp2m_create(struct rs_xen *xen, uint32_t domain, uint16_t *view)
{
	if (xc_altp2m_create_view(xen->control, domain, XENMEM_access_rwx, view) == 0) {
		rs_journal_view(xen->journal, *view, true);
		return 0;
	}
	/* Xen's word for having none left, since nothing else can be wrong. */
	if (errno == EINVAL)
		errno = ENOSPC;
	return rs_xen_fail_cure(xen, "xc_altp2m_create_view", domain,
				"Xen has no view left: detach other programs from the domain");
}

int rs_xen_altp2m_destroy(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	if (xc_altp2m_destroy_view(xen->control, domain, view) == 0) {
		rs_journal_view(xen->journal, view, false);
		return 0;
	}
	return rs_xen_fail_cure(xen, "xc_altp2m_destroy_view", domain,
				"if a vCPU is in it: switch to another view first");
}

/* From 4.14 on, which is as old as Xen may be here. */
static int set_visible(struct rs_xen *xen, uint32_t domain, uint16_t view, bool visible)
{
	return rs_xen_check(xen, xc_altp2m_set_visibility(xen->control, domain, view, visible),
			    "xc_altp2m_set_visibility", domain);
}

static int switch_to(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	return rs_xen_check(xen, xc_altp2m_switch_to_view(xen->control, domain, view),
			    "xc_altp2m_switch_to_view", domain);
}

int rs_xen_altp2m_switch(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	int error, hidden;

	if (!view)
		return switch_to(xen, domain, view);
	error = rs_xen_domain_pause(xen, domain);
	if (error)
		return error;
	error = set_visible(xen, domain, view, true);
	if (!error) {
		error = switch_to(xen, domain, view);
		hidden = set_visible(xen, domain, view, false);
		error = error ? error : hidden;
	}
	rs_xen_domain_unpause(xen, domain);
	return error;
}

int rs_xen_altp2m_access(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t *gfns,
			 uint8_t *accesses, uint32_t count)
{
	if (xc_altp2m_set_mem_access_multi(xen->control, domain, view, accesses, gfns, count) == 0)
		return 0;
	return rs_xen_fail_cure(xen, "xc_altp2m_set_mem_access_multi", domain,
				"if memory is short: raise shadow_memory in the domain's "
				"configuration");
}

int rs_xen_altp2m_find_missing(struct rs_xen *xen, uint32_t domain, uint16_t view,
			       uint64_t first_gfn, uint64_t last_gfn, uint64_t *missing)
{
	xen_pfn_t gfn = 0;
	int32_t code = 0;

	/* That virtualisation exceptions stay suppressed is as it was: the errors are the news. */
	if (xc_altp2m_set_supress_ve_multi(xen->control, domain, view, first_gfn, last_gfn, true,
					   &gfn, &code) < 0)
		return rs_xen_fail(xen, "xc_altp2m_set_supress_ve_multi", domain);
	*missing = code ? gfn : UINT64_MAX;
	return 0;
}

int rs_xen_altp2m_read_access(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t gfn,
			      uint32_t *access)
{
	xenmem_access_t found;

	if (xc_altp2m_get_mem_access(xen->control, domain, view, gfn, &found) == 0) {
		*access = found;
		return 0;
	}
	if (errno == ESRCH)
		return -ENODATA;
	return rs_xen_fail(xen, "xc_altp2m_get_mem_access", domain);
}

int rs_xen_altp2m_show(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t gfn,
		       uint64_t shown)
{
	return rs_xen_check(xen, xc_altp2m_change_gfn(xen->control, domain, view, gfn, shown),
			    "xc_altp2m_change_gfn", domain);
}

bool rs_xen_altp2m_exists(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	xenmem_access_t access;
	bool active = false;

	/* Of no page: what pages get that the view has not copied. */
	return xc_altp2m_get_domain_state(xen->control, domain, &active) == 0 && active &&
	       xc_altp2m_get_mem_access(xen->control, domain, view, ~(xen_pfn_t)0, &access) == 0;
}

int rs_xen_altp2m_view_of(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, uint16_t *view)
{
	return rs_xen_check(xen, xc_altp2m_get_vcpu_p2m_idx(xen->control, domain, vcpu, view),
			    "xc_altp2m_get_vcpu_p2m_idx", domain);
}
