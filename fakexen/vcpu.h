/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu.h: running a vCPU. The runner is private to its process (it owns a processor with
 * its caches); the vCPU itself lies in the model. */
#ifndef FAKEXEN_VCPU_H
#define FAKEXEN_VCPU_H

#include "fakexen/model.h"

enum fx_ran {
	FX_RAN,                 /* used its budget, or an event: run it again */
	FX_RAN_BLOCKED,         /* halted: *deadline (host time) or an interrupt ends it; 0: none */
	FX_RAN_PAUSED,          /* paused, down, waiting for the ring: host->wake() ends it */
	FX_RAN_DEAD,            /* its domain is dying or was destroyed */
};

struct fx_runner;
struct fx_code;

int fx_runner_create(struct fx_runner **runner, struct fx_model *model,
	const struct fx_host *host, unsigned int slot, unsigned int vcpu);
void fx_runner_destroy(struct fx_runner *runner);
/* See fx_cpu_use_code: for all runners of one thread. */
void fx_runner_use_code(struct fx_runner *runner, struct fx_code *code);

/* Lets the vCPU do what consumed answers asked of it and then run up to `budget`
 * instructions, or until something stops it. Returns early when model->stop_requests is
 * not 0. The caller must be the only one that runs this vCPU. */
enum fx_ran fx_runner_run(struct fx_runner *runner, uint64_t budget, uint64_t *deadline);

/* Whether anything keeps the vCPU from running (pause counts, ring, down). */
bool fx_vcpu_runnable(const struct fx_domain *domain, const struct fx_vcpu *vcpu);

/* xendevicemodel_inject_event (XEN_DMOP_inject_event): -EBUSY if one is queued already. */
int fx_vcpu_inject(struct fx_domain *domain, uint32_t vcpu,
	const struct xen_dm_op_inject_event *event);
/* XEN_DOMCTL_debug_op. */
int fx_vcpu_debug_op(struct fx_domain *domain, uint32_t vcpu, uint32_t op);

#endif
