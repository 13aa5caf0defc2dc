/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* altp2m.c: views, one call of Xen's each. */
#include <errno.h>
#include <string.h>

#include <ringside/event.h>

#include "xen/altp2m.h"
#include "xen/private.h"

/* libxenctrl keeps one-page buffers only: 512 frame numbers. */
#define ACCESS_BATCH 512
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
	if (xc_altp2m_set_domain_state(xen->control, domain, active) == 0)
		return 0;
	return rs_xen_fail_cure(xen, "xc_altp2m_set_domain_state", domain,
				"altp2m is off: boot Xen with altp2m=1 (Intel only), and set "
				"altp2m=\"external\" in the domain's configuration");
}

int rs_xen_altp2m_create(struct rs_xen *xen, uint32_t domain, uint16_t *view)
{
	if (xc_altp2m_create_view(xen->control, domain, XENMEM_access_rwx, view) == 0)
		return 0;
	return rs_xen_fail_cure(xen, "xc_altp2m_create_view", domain,
				"Xen has no view left: detach other programs from the domain");
}

int rs_xen_altp2m_destroy(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	return rs_xen_check(xen, xc_altp2m_destroy_view(xen->control, domain, view),
			    "xc_altp2m_destroy_view", domain);
}

int rs_xen_altp2m_switch(struct rs_xen *xen, uint32_t domain, uint16_t view)
{
	return rs_xen_check(xen, xc_altp2m_switch_to_view(xen->control, domain, view),
			    "xc_altp2m_switch_to_view", domain);
}

int rs_xen_altp2m_access(struct rs_xen *xen, uint32_t domain, uint16_t view, uint64_t first_gfn,
			 uint64_t count, uint32_t access)
{
	uint8_t accesses[ACCESS_BATCH];
	uint64_t gfns[ACCESS_BATCH];

	memset(accesses, (int)access, sizeof(accesses));
	while (count) {
		uint32_t batch = count < ACCESS_BATCH ? (uint32_t)count : ACCESS_BATCH;

		for (uint32_t i = 0; i < batch; i++)
			gfns[i] = first_gfn + i;
		if (xc_altp2m_set_mem_access_multi(xen->control, domain, view, accesses, gfns,
						   batch) < 0)
			return rs_xen_fail_cure(xen, "xc_altp2m_set_mem_access_multi", domain,
						"if memory is short: raise shadow_memory in the "
						"domain's configuration");
		first_gfn += batch;
		count -= batch;
	}
	return 0;
}
