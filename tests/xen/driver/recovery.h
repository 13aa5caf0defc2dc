/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recovery.h: an engine that is killed with a request in its hand. */
#ifndef TESTS_XEN_DRIVER_RECOVERY_H
#define TESTS_XEN_DRIVER_RECOVERY_H

#include "tests/xen/driver/bed.h"

#define STEPS 3 /* before an engine that steps is killed */

struct killing {
	struct rs_watch_options watch;
	unsigned int steps; /* that its handler asks for first */
	unsigned int command;
	uint64_t a, b;
};

/*
 * A child process attaches, with these options, and watches; vCPU 0 gets the command, and by its event
 * the child is killed. With a keeper the vCPU may be done already. False: a check has failed.
 */
bool recovery_kill(struct bed *bed, const struct rs_engine_options *options,
		   const struct killing *killing);

/* What CR3 was before this write of `root`. The bed is attached. */
uint64_t recovery_old_cr3(struct bed *bed, uint64_t root);

#endif
