/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hvm_record.h: the records of an HVM context, each saved from and loaded into a vCPU (or,
 * for those of the whole domain, vCPU 0's domain). */
#ifndef FAKEXEN_HYPERCALLS_HVM_RECORD_H
#define FAKEXEN_HYPERCALLS_HVM_RECORD_H

#include "fakexen/hypercalls/private.h"

#define FX_RECORD_MAX 1024      /* the longest one: LAPIC_REGS */

struct fx_record {
	uint16_t code;
	uint32_t length;        /* at most: XSAVE's varies */
	bool per_vcpu;
	/* Fills `to`, which is zeroed; its length, or 0: there is nothing to save. NULL: a
	 * device that no domain here has. */
	uint32_t (*save)(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to);
	int (*load)(struct fx_vcpu *vcpu, const void *from, uint32_t length);
};

/* In the order of their codes; NULL at the end. */
const struct fx_record *fx_record_next(const struct fx_record *record);
const struct fx_record *fx_record_find(uint16_t code);

#endif
