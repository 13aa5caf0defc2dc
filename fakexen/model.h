/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.h: the state of the hypervisor. It lies in one piece of shared memory that the
 * launcher and every shim map, each where it likes: no pointers, only indices. After it
 * come the domains, then the frames (guest memory) in the same memfd.
 *
 * Who may change what:
 * - Everything but the parts named below: the launcher's call thread, while the vCPU
 *   threads stand still (launcher/world.h).
 * - domain->vm_event, and a vCPU's vm_event and pause fields: whoever holds domain->lock.
 *   A notify does so in the caller's process, which may be killed at any instruction:
 *   vm_event.c keeps a redo record (struct fx_answer_record) for that.
 * - ports[]: lock-free, see port.h.
 * - calls[]: see call.h.
 * - A vCPU's cpu state: the thread that runs it. */
#ifndef FAKEXEN_MODEL_H
#define FAKEXEN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fakexen/clock.h"
#include "fakexen/cpu/state.h"
#include "fakexen/host.h"
#include "fakexen/lock.h"
#include "fakexen/xen.h"        /* Xen's public interface headers, in the right order */

/* The release that the model is of. */
#define FX_XEN_MAJOR 4
#define FX_XEN_MINOR 17
#define FX_XEN_EXTRA ".7"

#define FX_PAGE 4096u
#define FX_VCPUS 128
#define FX_VIEWS 10             /* 4.17's MAX_ALTP2M, view 0 included */
#define FX_GFNS (1u << 20)      /* guest frame numbers 0 to 0xfffff */
#define FX_DOM0_PORTS 4096
#define FX_DOMAIN_PORTS 256
#define FX_DEVICES 512          /* open descriptions of /dev/xen/... in all processes */
#define FX_CALLS 64             /* hypercalls under way at once */
#define FX_THREADS 16
#define FX_PARAMS 64            /* HVM_NR_PARAMS is smaller */
#define FX_HISTOGRAM 1024
#define FX_OPEN_REQUESTS 32     /* of a vCPU; more than 8 only after surplus answers */
#define FX_NO_FRAME UINT32_MAX
/* What one side writes is kept from what the other reads all the time: a cache line that
 * changes hands costs as much as a hundred instructions. */
#define FX_OWN_LINE __attribute__((aligned(64)))

/* ---- memory ---- */

enum fx_p2m_type {              /* of Xen's p2m types, those that monitoring can meet */
	FX_P2M_INVALID,         /* nothing there, or (in a view) not copied yet */
	FX_P2M_RAM_RW,
	FX_P2M_MMIO_DM,
	FX_P2M_RAM_SHARED,
};

struct fx_p2m_entry {
	uint32_t frame;         /* index into the frames, if present */
	uint8_t type;
	uint8_t access;         /* xenmem_access_t */
	uint8_t present;        /* there is a frame; in a view: copied or set already */
	uint8_t remapped : 1;   /* in a view: by change_gfn, not an identity copy */
	uint8_t ve : 1;         /* #VE is not suppressed (kept, but nothing raises it) */
};

struct fx_view {
	bool used, visible;
	uint8_t default_access;
	uint64_t min_remapped_gfn, max_remapped_gfn;
};

/* A frame of guest or Xen-heap memory. */
struct fx_frame {
	uint16_t mappings;      /* by processes in dom0 */
	uint16_t owner;         /* domain slot + 1; 0: free */
	uint8_t in_p2m;         /* reachable by a host gfn */
	uint8_t ring;           /* held by an enabled monitor ring */
};

/* ---- event channels (port.h) ---- */

enum fx_port_state { FX_PORT_FREE, FX_PORT_UNBOUND, FX_PORT_INTERDOMAIN, FX_PORT_VIRQ,
		     FX_PORT_XEN /* Xen itself is the owner: a monitor ring's */ };

/* Two cache lines: whoever sends reads the first, and whoever raises writes the second. */
struct fx_port {
	uint32_t state;
	uint32_t remote_slot, remote_port;
	uint32_t virq;
	uint32_t device;                /* dom0's: which open description it belongs to */
	uint32_t pending FX_OWN_LINE;
	uint32_t enabled;               /* dom0's: the evtchn driver's mask */
};

/* ---- vCPUs ---- */

/* What consumed answers have asked of a vCPU; it does so when it runs next
 * (Xen: struct arch_vm_event). */
struct fx_vcpu_answer {
	uint32_t emulate_flags;         /* VM_EVENT_FLAG_EMULATE and its kin */
	union {
		struct vm_event_emul_read_data read;
		struct vm_event_emul_insn_data insn;
	} emulation;
	bool set_registers, next_interrupt;
	uint64_t gpr[FX_GPRS], rip, rflags;
	struct {
		bool cr0, cr3, cr4, msr;        /* a deferred write waits */
		uint64_t cr0_value, cr3_value, cr4_value;
		uint32_t msr_index;
		uint64_t msr_value;
	} write;
};

struct fx_vcpu {
	struct fx_cpu_state cpu;
	bool exists, up;                /* VCPUOP_initialise done; VCPUOP_up */
	/* What answers change, and what is read before each entry of the guest. */
	uint32_t vm_event_pause_count FX_OWN_LINE;      /* under domain->lock */
	uint32_t pause_count;           /* XEN_DOMCTL debug and other single pauses */
	bool vm_event_blocked;          /* asynchronous producer held back: ring nearly full */
	bool vm_event_waiting;          /* on the wait queue: no slot for its request */
	uint32_t vm_event_ticket;       /* place in the wait queue */
	bool single_step;               /* v->arch.hvm.single_step */
	bool fast_single_step;
	uint16_t fast_single_step_view;
	uint16_t view;                  /* altp2m index */
	/* Its requests that nobody has answered yet: how many it has put and how many of these are
	 * closed, and when (host time) each was put. Both begin anew when none is open, so that who
	 * has one at a time stays on this line. Xen does not keep book of them, the model does. */
	uint32_t opened, closed;
	uint64_t opened_at[FX_OPEN_REQUESTS];
	struct fx_vcpu_answer answer FX_OWN_LINE;
	bool async_exception_pending;   /* xendevicemodel_inject_event, not yet taken */
	struct fx_injection inject_event;
	uint64_t cpu_time_ns;           /* xc_vcpu_getinfo */
	uint64_t xcr0;                  /* Xen's idea of it: 0 until the first xsetbv */
	uint64_t reported_dr7;          /* DR7 when the vCPU was last scheduled: what events say */
	uint64_t reported_at;           /* host time of its last event */
	/* Vectors that other vCPUs have sent, and whether there are any: atomic. */
	uint32_t interrupts[8], interrupts_any;
	bool ve_notify;                 /* altp2m vcpu_enable_notify */
	uint64_t vcpu_info_gpa;         /* VCPUOP_register_vcpu_info, ~0 */
	/* dom0 has removed a page, from the guest or from what a view shows: its next resume
	 * clears this and does nothing of what answers asked, which then comes late (Xen:
	 * vcpu_ioreq_handle_completion). A hypercall of the vCPU clears it too. */
	bool mapcache_invalidate;
};

/* ---- the monitor ---- */

struct fx_monitor {
	uint16_t cr_enabled, cr_sync, cr_onchange;      /* bit VM_EVENT_X86_CR0 and so on */
	uint64_t cr_mask[4];
	bool msr_bitmaps;               /* exist: from enable to the (tried) disable */
	uint8_t msr_watched[3][1024], msr_onchange[3][1024];    /* 0-1fff, 40000000+, c0000000+ */
	uint8_t msr_intercepted[3][1024];       /* stays: MSR intercepts cannot be removed */
	bool singlestep, software_breakpoint, guest_request, guest_request_sync,
		guest_request_userspace, debug_exception, debug_exception_sync, cpuid,
		descriptor_access, emul_unimplemented, emulate_each_rep, inguest_pagefault_disabled,
		vmexit, vmexit_sync, control_register_writes;
	bool cr3_exiting, descriptor_exiting;   /* intercepts that outlive the clean-up */
};

/* A response that is being applied: what it makes of its vCPU and of the counters, computed
 * first and whole, so that a notify whose caller was killed can be taken up again. Nothing
 * in it is relative: applying it twice is the same as once. */
struct fx_answer_record {
	bool valid;
	uint32_t rsp_cons;              /* the ring's new index */
	uint32_t vcpu;                  /* FX_VCPUS: nobody's, the slot is only freed */
	bool answer_changed;            /* else the vCPU's stays as it is */
	struct fx_vcpu_answer answer;
	bool single_step, fast_single_step;
	uint16_t fast_single_step_view, view;
	uint32_t vm_event_pause_count;
	uint32_t open_vcpu;             /* whose request it closes; FX_VCPUS: nobody's */
	uint32_t closed;                /* how many that vCPU then has closed */
	uint64_t answers, rejected, surplus;
	uint32_t bucket;                /* of the histogram, FX_HISTOGRAM: none */
	uint64_t bucket_count, rtt_ns_max, rtt_ns_sum, rtt_count;
};

/* What each request and each response changes: it lies beside the lock, which they have to get
 * hold of anyway. */
struct fx_ring {
	uint32_t req_prod_pvt;
	uint32_t rsp_cons;
	uint32_t blocked, waiting;      /* how many vCPUs are */
};

struct fx_vm_event {                    /* Xen's side of the ring */
	bool enabled;
	uint32_t ring_frame;            /* the page, a frame that is kept while enabled */
	uint64_t ring_gfn;
	uint32_t xen_port;              /* in domain->ports */
	uint32_t last_vcpu_wake_up FX_OWN_LINE;
	uint32_t next_ticket;
	bool draining FX_OWN_LINE;      /* a notify is under way */
	struct fx_answer_record record;
};

/* What --report tells, and the measuring instrument: request put to answer consumed. */
struct fx_statistics {
	uint64_t requests FX_OWN_LINE, events[32];
	uint64_t answers FX_OWN_LINE;   /* consumed, whatever they were */
	uint64_t rejected;              /* of these, with a wrong version or vCPU */
	uint64_t surplus;               /* of these, for a vCPU without an open request */
	uint64_t abandoned;             /* requests that were open when the ring went */
	uint64_t postponed;             /* resumes that left what was asked for a later one */
	uint64_t rtt_ns_max, rtt_ns_sum, rtt_count;
	uint64_t rtt_histogram[FX_HISTOGRAM];   /* histogram.h */
};

/* One line of a CPUID policy, as Xen serialises it: a leaf without subleaves has
 * subleaf XEN_CPUID_NO_SUBLEAF. */
struct fx_cpuid_leaf {
	uint32_t leaf, subleaf, eax, ebx, ecx, edx;
};

enum fx_domain_state { FX_DOMAIN_FREE, FX_DOMAIN_ALIVE, FX_DOMAIN_DYING };

struct fx_domain {
	uint32_t state, id;
	char name[64];
	uint8_t uuid[16];
	struct fx_lock lock FX_OWN_LINE;
	struct fx_ring ring;
	bool is_hvm FX_OWN_LINE;                    /* false: a PV domain, to be refused */
	bool creation_finished;         /* unpaused once: the CPUID policy is fixed */
	uint32_t emulation_flags;       /* XEN_X86_EMU_... */
	uint64_t paging_pool_bytes;
	bool shutdown;
	uint8_t shutdown_reason;
	uint32_t max_vcpus;             /* promised at creation; */
	uint32_t vcpu_count;            /* so many there are: all of them, or none yet */
	uint32_t pause_count;           /* tools' pauses (domain_pause_by_systemcontroller) */
	uint64_t max_pages, total_pages, max_gfn;
	uint64_t params[FX_PARAMS];
	bool access_required, altp2m_active;
	uint8_t default_access;         /* of the host p2m */
	struct fx_view views[FX_VIEWS];
	uint32_t p2m_generation;        /* grows with each change; vCPU threads flush on it */
	struct fx_monitor monitor;
	struct fx_vm_event vm_event;
	struct fx_statistics statistics;
	uint32_t next_slot FX_OWN_LINE; /* of the ring; only vCPUs look, before they take the lock */
	struct fx_port ports[FX_DOMAIN_PORTS] FX_OWN_LINE;
	uint64_t image_base, image_size;        /* of code, for changed_code_bytes */
	uint32_t cpuid_policy_count;
	struct fx_cpuid_leaf cpuid_policy[64];
	struct fx_vcpu vcpus[FX_VCPUS];
	struct fx_p2m_entry p2m[FX_GFNS];
	struct fx_p2m_entry view_p2m[FX_VIEWS][FX_GFNS];
};

_Static_assert(offsetof(struct fx_domain, ring) + sizeof(struct fx_ring) ==
	offsetof(struct fx_domain, lock) + 64, "the lock and what it guards most are one line");
_Static_assert(offsetof(struct fx_vcpu, opened_at[1]) <=
	offsetof(struct fx_vcpu, vm_event_pause_count) + 64, "one open request is on the line");

/* ---- dom0's side: devices and calls under way (call.h, device.h) ---- */

enum fx_device_kind { FX_DEVICE_FREE, FX_DEVICE_PRIVCMD, FX_DEVICE_HYPERCALL, FX_DEVICE_EVTCHN,
		      FX_DEVICE_GNTDEV };

struct fx_device {
	uint32_t kind;
	uint64_t inode;                 /* of the caller's end: how a shim knows it again */
	int32_t launcher_fd;            /* the launcher's end */
	int32_t restricted_to;          /* domain id, -1: unrestricted */
};

enum fx_call_state { FX_CALL_FREE, FX_CALL_CLAIMED, FX_CALL_POSTED, FX_CALL_RUNNING, FX_CALL_DONE };

/* A hypercall or driver call that the launcher executes on a caller's behalf. */
struct fx_call {
	uint32_t state;                 /* futex word: call.h */
	uint32_t process;               /* number of the caller's process: wire.h */
	uint32_t kind;                  /* call.h */
	uint32_t device;
	uint64_t op, args[5];
	int64_t result;                 /* Xen's or the driver's: >= 0 or -errno */
};

struct fx_thread {                      /* one that runs vCPUs; futex */
	uint32_t word FX_OWN_LINE;
	uint32_t sleeping;
};

struct fx_options {
	bool altp2m;                    /* altp2m=1 on Xen's command line */
	uint32_t capabilities_off;      /* bits of XEN_DOMCTL_MONITOR_EVENT_... not offered */
	uint32_t message_version;       /* that it says, whatever its messages are; 0: theirs */
	uint32_t hypercall_ns;
	uint32_t threads;
};

struct fx_model {
	uint64_t size;                  /* of everything, frames included */
	uint64_t frames_offset;         /* of frame 0 in the memfd */
	/* struct fx_frame frame_table[frame_count]; struct fx_domain domains[domain_slots] */
	uint64_t frame_table_offset, domains_offset;
	struct fx_clock clock;
	uint32_t frame_count, frame_next;
	uint32_t domain_slots;          /* slot 0 is dom0 */
	uint32_t next_domid;
	struct fx_options options;
	uint32_t stop_requests FX_OWN_LINE;     /* launcher/world: vCPU threads stand still */
	uint32_t calls_bell FX_OWN_LINE, calls_server_sleeps;
	uint32_t domains_gone;          /* counts; xenstore's @releaseDomain */
	struct fx_thread threads[FX_THREADS];
	struct fx_port ports[FX_DOM0_PORTS];
	struct fx_device devices[FX_DEVICES];
	struct fx_call calls[FX_CALLS];
	uint64_t hypercalls[64];        /* by number (report) */
	uint64_t domctls[128];          /* by cmd */
	uint64_t notifies, unmasks;
	uint64_t mappings;              /* foreign pages mapped by dom0's processes */
	uint64_t mapped;                /* all that ever were, each as often */
};

static inline struct fx_frame *fx_frame(struct fx_model *model, uint32_t frame)
{
	return (struct fx_frame *)((char *)model + model->frame_table_offset) + frame;
}

static inline struct fx_domain *fx_domain(struct fx_model *model, unsigned int slot)
{
	return (struct fx_domain *)((char *)model + model->domains_offset) + slot;
}

static inline uint8_t *fx_page(struct fx_model *model, uint32_t frame)
{
	return (uint8_t *)model + model->frames_offset + (uint64_t)frame * FX_PAGE;
}

/* The domain of that id (alive or dying), or NULL. */
struct fx_domain *fx_domain_find(struct fx_model *model, uint32_t id);
unsigned int fx_domain_slot(struct fx_model *model, const struct fx_domain *domain);

/* How much shared memory a model of so many domains and frames takes; and its birth in
 * zeroed memory of that size. */
uint64_t fx_model_size(unsigned int domain_slots, uint32_t frame_count);
void fx_model_init(struct fx_model *model, unsigned int domain_slots, uint32_t frame_count);

#endif
