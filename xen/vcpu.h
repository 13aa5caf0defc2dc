/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu.h: one vCPU of a domain. */
#ifndef RS_XEN_VCPU_H
#define RS_XEN_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/connection.h"

struct rs_xen_vcpu {
	bool online;
	bool blocked; /* it halted, and waits for an interrupt */
	uint64_t cpu_time_ns; /* how long it has run */
};

/* -ESRCH: the domain, or that vCPU of it, does not exist. */
int rs_xen_vcpu_read(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
		     struct rs_xen_vcpu *info);

/*
 * Begins single-stepping, or ends it, fast single-stepping too. For that hold the domain paused,
 * and switch views after it: a fast step under way would put its vCPU back into its view.
 */
int rs_xen_vcpu_step(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, bool on);

/*
 * Queues an exception or interrupt, which the vCPU takes when it resumes: call this before
 * the response. `type` is RS_INJECT_*, error_code RS_NO_ERROR_CODE for none; `extra` is CR2
 * for a page fault and the pending debug bits for a debug exception. -EBUSY: one is queued
 * already. Xen drops it if another event is pending on the vCPU by itself.
 */
int rs_xen_vcpu_inject(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, uint8_t vector,
		       uint8_t type, uint32_t error_code, uint8_t insn_length, uint64_t extra);

/* How a vCPU pages at this moment. Pauses that vCPU. */
struct rs_paging;
int rs_xen_vcpu_paging(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
		       struct rs_paging *paging);

#endif
