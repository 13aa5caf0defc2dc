/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.h: a vCPU's registers as an event carries them (vm_event_fill_regs). */
#ifndef FAKEXEN_MODEL_REGISTERS_H
#define FAKEXEN_MODEL_REGISTERS_H

#include "fakexen/model.h"

/* Writes every byte of the block. As on real Xen (Intel) DR6 is 0 and DR7 is what it was
 * when the vCPU was last scheduled. */
void fx_registers_fill(struct vm_event_regs_x86 *to, const struct fx_vcpu *vcpu);
/* What SET_REGISTERS takes: the 16 general registers, RFLAGS and RIP. */
void fx_registers_take(struct fx_vcpu_answer *to, const struct vm_event_regs_x86 *from);

#endif
