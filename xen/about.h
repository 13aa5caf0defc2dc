/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* about.h: what the hypervisor says of itself: for reports, not for decisions. */
#ifndef RS_XEN_ABOUT_H
#define RS_XEN_ABOUT_H

#include "xen/connection.h"

struct rs_xen_about {
	char changeset[64];     /* "fakexen" of the model */
	char command_line[1024];
	char scheduler[16];     /* "credit2"; "" where it does not say */
};

/* Never fails: what cannot be asked is "". */
void rs_xen_about_read(struct rs_xen *xen, struct rs_xen_about *about);

#endif
