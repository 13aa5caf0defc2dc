/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hypercall.h: a hypercall of dom0, executed whole by the call thread while all vCPUs
 * stand still. What is not modelled returns -ENOSYS and is named in the log. */
#ifndef FAKEXEN_HYPERCALL_H
#define FAKEXEN_HYPERCALL_H

#include "fakexen/model.h"

struct fx_caller {
	struct fx_model *model;
	const struct fx_host *host;
	pid_t pid;              /* whose memory the arguments point into */
	int32_t restricted_to;  /* domain id that the device is restricted to, or -1 */
};

/* IOCTL_PRIVCMD_HYPERCALL: result as Xen's (>= 0 or -errno). */
int64_t fx_hypercall(const struct fx_caller *caller, uint64_t op, const uint64_t args[5]);

/* IOCTL_PRIVCMD_DM_OP: the buffers as the driver passes them. */
struct fx_dm_buffer { uint64_t address, size; };
int64_t fx_dm_op(const struct fx_caller *caller, uint32_t domid, uint32_t buffer_count,
	const struct fx_dm_buffer *buffers);

/* IOCTL_PRIVCMD_MMAPBATCH_V2's heart: the frame behind a domain's gfn, counted as mapped
 * once more (-EINVAL, -ESRCH, -EPERM); and its counterpart. */
int64_t fx_map_foreign(const struct fx_caller *caller, uint32_t domid, uint64_t gfn);
void fx_unmap_foreign(struct fx_model *model, const struct fx_host *host, uint32_t frame);
/* IOCTL_PRIVCMD_MMAP_RESOURCE: -EINVAL or the like for what does not exist. */
int64_t fx_map_resource(const struct fx_caller *caller, uint32_t domid, uint32_t type,
	uint32_t id, uint64_t index);

/* For the report: Xen's name of a hypercall (of model->hypercalls' index), of a domctl (of
 * model->domctls'), or NULL. */
const char *fx_hypercall_name(unsigned int op);
const char *fx_domctl_name(unsigned int cmd);

/* ---- for the vCPUs ---- */
/* What CPUID says to a vCPU: the domain's policy, Xen's own leaves (0x40000000), and what
 * depends on the vCPU's state. out: EAX, EBX, ECX, EDX. */
void fx_cpuid(const struct fx_domain *domain, const struct fx_vcpu *vcpu, uint32_t leaf,
	uint32_t subleaf, uint32_t out[4]);
/* SCHEDOP_shutdown and domain_crash() (SHUTDOWN_crash): the domain's vCPUs stop for good,
 * whoever listens to VIRQ_DOM_EXC is told. The first reason stands. Any thread. */
void fx_domain_shutdown(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, uint8_t reason);

/* ---- domains, for the launcher ---- */
/* Takes the machine's CPUID policy, which domains made later get, from a file (cpuid_file.c
 * says how it looks). 0, or -errno with a text in `why`. */
int fx_cpuid_policy_read(struct fx_model *model, const char *path, char *why,
	size_t why_size);
struct fx_domain_options {
	const char *name;
	uint32_t vcpus, memory_mib;
	const char *image;      /* a PVH ELF */
	bool pv;                /* a PV domain: exists, but cannot be monitored */
};
/* Makes a domain with the image loaded and vCPU 0 at its entry; *id is its number. An
 * error's text goes to `why`. */
int fx_domain_boot(struct fx_model *model, const struct fx_host *host,
	const struct fx_domain_options *options, uint32_t *id, char *why, size_t why_size);
/* Bytes of the image's read-only or executable segments that are not as they were. */
uint64_t fx_domain_changed_code(struct fx_model *model, const struct fx_domain *domain);

#endif
