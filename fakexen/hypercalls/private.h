/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* private.h: what the files of hypercalls/ share. */
#ifndef FAKEXEN_HYPERCALLS_PRIVATE_H
#define FAKEXEN_HYPERCALLS_PRIVATE_H

#include "fakexen/hypercall.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The address in a XEN_GUEST_HANDLE: in the caller's memory. */
#define HANDLE_ADDRESS(handle) ((uint64_t)(uintptr_t)(handle).p)

/* ---- the caller's memory, the log ---- */
int fx_copy_in(const struct fx_caller *caller, void *to, uint64_t from, size_t size);
int fx_copy_out(const struct fx_caller *caller, uint64_t to, const void *from, size_t size);
void fx_host_log(const struct fx_host *host, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Says in the log what is missing; returns -ENOSYS. */
int fx_unmodelled(const struct fx_caller *caller, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- one entry per hypercall ---- */
int64_t fx_domctl(const struct fx_caller *caller, uint64_t address);
int64_t fx_sysctl(const struct fx_caller *caller, uint64_t address);
int64_t fx_memory_op(const struct fx_caller *caller, uint64_t cmd, uint64_t address);
int64_t fx_hvm_op(const struct fx_caller *caller, uint64_t op, uint64_t address);
int64_t fx_altp2m_op(const struct fx_caller *caller, uint64_t address);
int64_t fx_event_channel_op(const struct fx_caller *caller, uint64_t cmd, uint64_t address);
int64_t fx_xen_version(const struct fx_caller *caller, uint64_t cmd, uint64_t address);
int64_t fx_sched_op(const struct fx_caller *caller, uint64_t cmd, uint64_t address);
int64_t fx_dm_hypercall(const struct fx_caller *caller, uint64_t domid, uint64_t count,
	uint64_t address);

/* memory.c: sets the access of pages one by one, and stops at the first error. `gfns`
 * (uint64_t) and `accesses` (uint8_t) are addresses in the caller's memory. */
struct fx_access_list {
	uint64_t gfns, accesses;
	uint32_t start, count;
	uint16_t view;
};
int fx_set_access_list(const struct fx_caller *caller, struct fx_domain *domain,
	const struct fx_access_list *list);

/* ---- domains ---- */
/* By an id in a hypercall's argument: DOMID_SELF is dom0. NULL: -ESRCH. */
struct fx_domain *fx_domain_any(const struct fx_caller *caller, uint32_t id);
/* The domain with the lowest id from `id` on, or NULL. */
struct fx_domain *fx_domain_from(struct fx_model *model, uint32_t id);
/* A free slot, made alive: paused, empty, without vCPUs. NULL: none left. */
struct fx_domain *fx_domain_create(struct fx_model *model, uint32_t id);
/* Makes its vCPUs, down, as at power-on. */
void fx_domain_make_vcpus(struct fx_domain *domain, uint32_t count);
/* Gives back all that a domain holds. It stays, dying, while dom0 has pages mapped. */
void fx_domain_kill(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
/* Frees a dying domain's slot once nothing holds a page of it. */
void fx_domain_reap(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);
void fx_domain_info(const struct fx_domain *domain, struct xen_domctl_getdomaininfo *info);
/* Tells the host that every vCPU may run again. */
void fx_domain_wake(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain);

/* ---- a domctl under way ---- */
struct fx_domctl {
	const struct fx_caller *caller;
	struct fx_domain *domain;       /* NULL where the command has none */
	struct xen_domctl ctl;          /* the caller's, copied in */
	bool copy_back;                 /* and out again */
};
typedef int64_t fx_domctl_handler(struct fx_domctl *op);

/* domain.c */
fx_domctl_handler fx_domctl_create, fx_domctl_destroy, fx_domctl_pause, fx_domctl_unpause,
	fx_domctl_info, fx_domctl_max_vcpus, fx_domctl_max_mem, fx_domctl_set_handle,
	fx_domctl_resume;
/* vcpu_context.c */
fx_domctl_handler fx_domctl_get_vcpu_info, fx_domctl_get_vcpu_context,
	fx_domctl_set_vcpu_context, fx_domctl_debug, fx_domctl_get_affinity;
/* hvm_context.c */
fx_domctl_handler fx_domctl_get_hvm_context, fx_domctl_set_hvm_context,
	fx_domctl_get_hvm_context_partial, fx_domctl_address_size;
/* pages.c */
fx_domctl_handler fx_domctl_page_types, fx_domctl_shadow, fx_domctl_get_paging_pool,
	fx_domctl_set_paging_pool;
/* monitor.c */
fx_domctl_handler fx_domctl_vm_event, fx_domctl_monitor, fx_domctl_access_required,
	fx_domctl_vmtrace;
/* cpu_policy.c */
fx_domctl_handler fx_domctl_get_cpu_policy, fx_domctl_set_cpu_policy;

/* cpu_policy.c: XEN_SYSCTL_get_cpu_policy and _featureset. */
int fx_sysctl_cpu_policy(const struct fx_caller *caller, struct xen_sysctl_cpu_policy *op);
/* Whether a policy can hold that leaf: which there are, and which have subleaves. */
bool fx_cpu_policy_leaf_valid(const struct fx_cpuid_leaf *line);
int fx_sysctl_featureset(const struct fx_caller *caller, struct xen_sysctl_cpu_featureset *op);
/* cpuid.c: the machine's own policy, which dom0's slot holds; a new domain gets the same;
 * and one line of what a domain has, or NULL. */
const struct fx_domain *fx_cpu_policy_machine(struct fx_model *model);
void fx_cpu_policy_default(struct fx_model *model, struct fx_domain *domain);
const struct fx_cpuid_leaf *fx_cpu_policy_leaf(const struct fx_domain *domain, uint32_t leaf,
	uint32_t subleaf);

/* hvm_context.c: what a vCPU is at power-on, in slot `index` of its domain. */
void fx_vcpu_reset(struct fx_vcpu *vcpu, uint32_t index);

#endif
