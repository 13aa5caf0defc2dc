/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* about.c: the hypervisor's texts. */
#include <stdio.h>
#include <string.h>

#include "xen/about.h"
#include "xen/private.h"

static const char *scheduler_name(int id)
{
	switch (id) {
	case XEN_SCHEDULER_CREDIT: return "credit";
	case XEN_SCHEDULER_CREDIT2: return "credit2";
	case XEN_SCHEDULER_ARINC653: return "arinc653";
	case XEN_SCHEDULER_RTDS: return "rtds";
	case XEN_SCHEDULER_NULL: return "null";
	default: return "";
	}
}

void rs_xen_about_read(struct rs_xen *xen, struct rs_xen_about *about)
{
	xen_changeset_info_t changeset = "";
	xen_commandline_t command_line = "";
	int scheduler;

	memset(about, 0, sizeof(*about));
	if (xc_version(xen->control, XENVER_changeset, &changeset) >= 0)
		snprintf(about->changeset, sizeof(about->changeset), "%.*s",
			 (int)sizeof(changeset) - 1, changeset);
	if (xc_version(xen->control, XENVER_commandline, &command_line) >= 0)
		snprintf(about->command_line, sizeof(about->command_line), "%.*s",
			 (int)sizeof(command_line) - 1, command_line);
	if (xc_sched_id(xen->control, &scheduler) >= 0)
		snprintf(about->scheduler, sizeof(about->scheduler), "%s",
			 scheduler_name(scheduler));
}
