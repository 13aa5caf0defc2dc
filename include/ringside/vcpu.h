/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu.h: the registers of a guest's vCPUs, and holding the guest still.
 *
 * Of a vCPU whose event is being handled, most of this is in the event itself, without any call
 * (rs_event_rip and so on, event.h), and its general registers are set by the reply
 * (rs_answer_registers, reply.h). What is here works for any vCPU at any time, by Xen's HVM
 * context, and takes tens of microseconds.
 *
 * Source: xen/include/public/arch-x86/hvm/save.h.
 */
#ifndef RINGSIDE_VCPU_H
#define RINGSIDE_VCPU_H

#include <ringside/event.h>
#include <ringside/guest.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_table_register {
	uint64_t base;
	uint16_t limit; /* bytes, less one */
};

struct rs_vcpu_registers {
	uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	uint64_t cr0, cr2, cr3, cr4;
	uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
	uint64_t efer, star, lstar, cstar, sfmask; /* sfmask: IA32_FMASK */
	uint64_t shadow_gs; /* IA32_KERNEL_GS_BASE */
	uint64_t tsc_aux;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	struct rs_segment cs, ss, ds, es, fs, gs, tr, ldtr;
	struct rs_table_register gdtr, idtr;
	/* These two are read only. */
	uint64_t xcr0;      /* 0: the guest has not set it, or has no XSAVE */
	uint64_t apic_base; /* IA32_APIC_BASE */
};

/*
 * Reads the registers of a vCPU; pauses it for the moment. `size` as in rs_watch_sized.
 * -ENOENT: there is no such vCPU. -ENODATA: the guest has not started it. -ESRCH: the domain is
 * gone.
 */
int rs_vcpu_read_registers_sized(struct rs_guest *guest, uint32_t vcpu,
				 struct rs_vcpu_registers *registers, size_t size)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_vcpu_read_registers(struct rs_guest *guest, uint32_t vcpu, struct rs_vcpu_registers *registers)
{
	return rs_vcpu_read_registers_sized(guest, vcpu, registers, sizeof(*registers));
}

/*
 * Sets the registers of a vCPU to what was read before and then changed. Nothing of the others
 * changes, and no device. The domain is paused meanwhile; hold it paused from the reading on
 * (rs_guest_pause), or what the vCPU did in between is undone. The vCPU's time-stamp counter is
 * set back by the time that the call takes.
 *
 * Not for a vCPU whose event is being handled: what its event holds back or has asked for is
 * done to the new registers. Set those by the reply.
 *
 * -EINVAL: the processor, or Xen, would not take a value; the text names it: RIP, a base or an
 * address that is not canonical, a reserved bit, modes that exclude each other, a new XCR0 or
 * APIC base. Then nothing was changed. Others as above.
 */
int rs_vcpu_write_registers_sized(struct rs_guest *guest, uint32_t vcpu,
				  const struct rs_vcpu_registers *registers, size_t size)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_vcpu_write_registers(struct rs_guest *guest, uint32_t vcpu,
			const struct rs_vcpu_registers *registers)
{
	return rs_vcpu_write_registers_sized(guest, vcpu, registers, sizeof(*registers));
}

/*
 * Reads one record of the domain's HVM context as Xen saves it: `type` is HVM_SAVE_CODE of it, 2
 * is the CPU, 16 the XSAVE area; `instance` the vCPU or 0. *length is how long it is, also if it
 * does not fit (-ENOBUFS). -ENOENT, -ENODATA: there is none.
 */
int rs_guest_read_record(struct rs_guest *guest, uint16_t type, uint16_t instance, void *record,
			 size_t size, size_t *length) __attribute__((warn_unused_result));

/* How to page: from the registers. */
static inline struct rs_paging rs_vcpu_paging(const struct rs_vcpu_registers *registers)
{
	struct rs_paging paging = { registers->cr0, registers->cr3, registers->cr4,
				    registers->efer };

	return paging;
}

/*
 * Pauses the domain: when this returns, no vCPU runs. Nests: each wants its rs_guest_resume, and
 * pauses by other programs count by themselves. What is still paused by this handle is resumed
 * by rs_guest_close; of a program that is killed Xen keeps the pauses (`ringside resume`).
 */
int rs_guest_pause(struct rs_guest *guest) __attribute__((warn_unused_result));
/* -EALREADY: this handle has no pause left. */
int rs_guest_resume(struct rs_guest *guest);

/* For pauses that outlive the handle: it forgets its own; it takes over one that another program
 * has left, so as to resume it (-EALREADY: no tool has the domain paused). */
void rs_guest_leave_paused(struct rs_guest *guest);
int rs_guest_adopt_pause(struct rs_guest *guest);

/*
 * Queues an exception or interrupt for a vCPU, which takes it when it runs next: `type` is
 * RS_INJECT_*, error_code RS_NO_ERROR_CODE for none, as in rs_reply_inject (reply.h). Of a vCPU
 * whose event is being handled, by that reply.
 *
 * -EBUSY: one is queued already. -EINVAL: vector or type make no sense. -ENOENT: no such vCPU.
 */
int rs_vcpu_inject(struct rs_guest *guest, uint32_t vcpu, uint8_t vector, uint8_t type,
		   uint32_t error_code, uint8_t insn_length, uint64_t extra)
	__attribute__((warn_unused_result));

/* Of this moment. */
struct rs_guest_facts {
	bool paused;            /* by whichever program */
	bool dying;             /* it is being destroyed */
	bool ended;             /* it shut down, rebooted or crashed */
	uint32_t vcpu_count;    /* the greatest vCPU number, plus one */
	uint64_t memory_bytes;  /* it has now: less what was ballooned out and is nowhere mapped */
	uint64_t address_max;   /* as rs_guest_address_max, but now */
};

struct rs_vcpu_facts {
	bool online;
	bool blocked;           /* it halted, and waits for an interrupt */
	uint64_t cpu_time_ns;   /* how long it has run */
};

/* -ESRCH: the domain is gone. -ENOENT: there is no such vCPU. `size` as in rs_watch_sized. */
int rs_guest_facts_sized(struct rs_guest *guest, struct rs_guest_facts *facts, size_t size)
	__attribute__((warn_unused_result));
int rs_vcpu_facts_sized(struct rs_guest *guest, uint32_t vcpu, struct rs_vcpu_facts *facts,
			size_t size) __attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int rs_guest_facts(struct rs_guest *guest,
								     struct rs_guest_facts *facts)
{
	return rs_guest_facts_sized(guest, facts, sizeof(*facts));
}

static inline __attribute__((warn_unused_result)) int
rs_vcpu_facts(struct rs_guest *guest, uint32_t vcpu, struct rs_vcpu_facts *facts)
{
	return rs_vcpu_facts_sized(guest, vcpu, facts, sizeof(*facts));
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
