/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recovery.h: an engine that is killed with a request in its hand. */
#ifndef TESTS_XEN_DRIVER_RECOVERY_H
#define TESTS_XEN_DRIVER_RECOVERY_H

#include "tests/xen/driver/bed.h"

/* The request that its handler has. */
enum in_hand {
	IN_HAND_REQUEST, IN_HAND_CR3, IN_HAND_HELD, IN_HAND_MSR, IN_HAND_INT3, IN_HAND_CPUID,
	IN_HAND_PAGE, IN_HAND_DESCRIPTOR, IN_HAND_STEPPING, IN_HAND_TRAP_FLAG, IN_HAND_ICEBP,
	IN_HAND_FULL,
};

/*
 * A child process attaches, with these options, and watches; vCPU 0 gets the command, and by its event
 * the child is killed. With a keeper the vCPU may be done already. False: a check has failed.
 */
bool recovery_kill(struct bed *bed, const struct rs_engine_options *options, enum in_hand what);

/* What the command of IN_HAND_CPUID gives where nobody watches. */
uint64_t recovery_cpuid(struct bed *bed);

/* What CR3 was before this write of `root`. The bed is attached. */
uint64_t recovery_old_cr3(struct bed *bed, uint64_t root);

#endif
