/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.h: may a vCPU be given these registers? */
#ifndef RS_ENGINE_REGISTERS_H
#define RS_ENGINE_REGISTERS_H

#include <ringside/reply.h>

/*
 * Xen puts RIP and RFLAGS into the vCPU unseen, and a bad one fails the next VM entry, which
 * crashes the domain. NULL, or a constant sentence that says what is bad (SDM volume 3,
 * 27.3.1.4: checks on guest RIP and RFLAGS).
 */
const char *rs_registers_check(const struct rs_registers *registers,
			       const struct rs_event *event);

#endif
