/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dom0.c: see dom0.h. */
#include "tests/guest/dom0.h"

#include <stdio.h>
#include <stdlib.h>
#include <xenctrl.h>

static xc_interface *control(void)
{
	static xc_interface *handle;

	if (!handle)
		handle = xc_interface_open(NULL, NULL, 0);
	if (!handle) {
		printf("Bail out! xc_interface_open\n");
		exit(1);
	}
	return handle;
}

bool dom0_remove(uint64_t gfn)
{
	xen_pfn_t frame = gfn;

	return !xc_domain_decrease_reservation_exact(control(), DOMAIN, 1, 0, &frame);
}

bool dom0_populate(uint64_t gfn)
{
	xen_pfn_t frame = gfn;

	return !xc_domain_populate_physmap_exact(control(), DOMAIN, 1, 0, 0, &frame);
}

bool dom0_destroy(void)
{
	return !xc_domain_destroy(control(), DOMAIN);
}
