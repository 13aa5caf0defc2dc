/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.h: a model with one domain in this process's memory, and the other side of its ring:
 * what a test of the ring, its answers and the runner lies in. */
#ifndef TESTS_FAKEXEN_EVENTS_BED_H
#define TESTS_FAKEXEN_EVENTS_BED_H

#include "fakexen/model.h"
#include "fakexen/p2m.h"
#include "fakexen/port.h"
#include "fakexen/vcpu.h"
#include "fakexen/vm_event.h"

#define BED_DEVICE 5u           /* whose the port is */
#define BED_SLOT 1u             /* of the domain; slot 0 is dom0 */
#define BED_RING_GFN 0xfeff8u

struct bed {
	struct fx_model *model;
	struct fx_domain *domain;
	struct fx_host host;
	uint64_t size, clock;
	unsigned int delivered, woken[FX_VCPUS], logged;
	uint32_t port;
	vm_event_sring_t *page;
	/* the consumer's private indices */
	uint32_t req_cons, rsp_prod;
};

/* A domain of so many vCPUs, all up and in 64-bit mode, without memory. Exits on failure. */
void bed_make(struct bed *bed, unsigned int vcpus);
void bed_destroy(struct bed *bed);
/* Guest pages [gfn, gfn + count). */
void bed_populate(struct bed *bed, uint64_t gfn, uint64_t count);
uint8_t *bed_page(struct bed *bed, uint64_t gfn);
/* Enables the ring, initialises the page, binds the port and unmasks it, as a tool does. */
void bed_enable(struct bed *bed);

/* Reports a guest request (or another event without a payload) of a vCPU. */
int bed_report(struct bed *bed, unsigned int vcpu, bool sync);
int bed_report_reason(struct bed *bed, unsigned int vcpu, uint32_t reason, bool sync);
/* How many requests lie on the ring; the next one, taken. */
uint32_t bed_waiting(const struct bed *bed);
vm_event_request_t bed_take(struct bed *bed);
/* A response for that vCPU, put on the ring. */
void bed_put(struct bed *bed, const vm_event_response_t *response);
void bed_answer(struct bed *bed, unsigned int vcpu, uint32_t flags);
void bed_notify(struct bed *bed);

static inline struct fx_vcpu *bed_vcpu(struct bed *bed, unsigned int vcpu)
{
	return &bed->domain->vcpus[vcpu];
}

static inline bool bed_runnable(struct bed *bed, unsigned int vcpu)
{
	return fx_vcpu_runnable(bed->domain, bed_vcpu(bed, vcpu));
}

#endif
