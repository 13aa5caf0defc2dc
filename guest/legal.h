/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* legal.h: may a vCPU have these registers? */
#ifndef RS_GUEST_LEGAL_H
#define RS_GUEST_LEGAL_H

#include <ringside/vcpu.h>

/*
 * What Xen would refuse with a bare EINVAL, or load and then fail the next VM entry by, which
 * crashes the domain (SDM volume 3, 27.3.1: checks on the guest state area). NULL, or a constant
 * sentence that says what is bad. `old` is what the vCPU has now.
 */
const char *rs_registers_illegal(const struct rs_vcpu_registers *registers,
				 const struct rs_vcpu_registers *old);

#endif
