/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* private.h: the runner's inside, for the files of this folder only.
 *
 * An exit, or a resume, that reports an event may find the ring full. It then returns
 * -EAGAIN, the vCPU sleeps, and when it is let go the event is put first and the same exit
 * is handled again from its beginning, where fx_report() then says what came of the event.
 * So whatever a handler does before it reports must bear being done twice.
 *
 * Once a synchronous event is put its answer may be applied by another thread at any moment:
 * from then on a handler leaves vcpu->answer and the stepping alone. */
#ifndef FAKEXEN_VCPU_PRIVATE_H
#define FAKEXEN_VCPU_PRIVATE_H

#include "fakexen/cpu/cpu.h"
#include "fakexen/vcpu.h"
#include "fakexen/vm_event.h"

enum fx_stage { FX_STAGE_NONE, FX_STAGE_RESUME, FX_STAGE_VMEXIT, FX_STAGE_EXIT };

struct fx_runner {
	struct fx_model *model;
	const struct fx_host *host;
	struct fx_domain *domain;
	struct fx_vcpu *vcpu;
	struct fx_cpu_state *state;
	struct fx_cpu *cpu;
	unsigned int slot, index;

	/* What the processor's translations are of. */
	uint32_t p2m_generation;
	uint16_t view;

	/* What is taken up again when a slot is free. */
	enum fx_stage stage;
	struct fx_cpu_exit exit;
	struct fx_event event;
	bool sync;
	bool reported;                  /* the event is put: `result` is the handler's */
	int result;

	bool must_resume;               /* before the guest is entered again */
	bool emulating;                 /* the exit comes from Xen's emulator */
	bool yielded;                   /* the guest gives way */
	char line[128];                 /* what the guest writes to port 0xe9 */
	unsigned int line_length;
	uint64_t logged_hypercalls;     /* each that is not modelled is named once */
};

/* event.c: as fx_vm_event_report(), for the vCPU that this runner runs. */
int fx_report(struct fx_runner *runner, const struct fx_event *event, bool sync);
/* Whether an event of that reason is due: it is watched, or waited for its slot. */
bool fx_report_due(const struct fx_runner *runner, bool watched, uint32_t reason);
/* hvm_monitor_cr(), hvm_monitor_msr(): 1: the write is held back for the answer, and *held
 * set (NULL: this one cannot be); 0: it is to be done now; -EAGAIN. */
int fx_report_cr(struct fx_runner *runner, unsigned int index, uint64_t value, uint64_t old,
	bool *held);
bool fx_msr_watched(const struct fx_runner *runner, uint32_t msr);
int fx_report_msr(struct fx_runner *runner, uint32_t msr, uint64_t value, uint64_t old,
	bool *held);
/* hvm_monitor_debug() for the three that carry a gfn. */
int fx_report_at_rip(struct fx_runner *runner, uint32_t reason, bool sync, uint8_t type,
	uint32_t insn_length);
uint64_t fx_gfn_of_rip(struct fx_runner *runner);

/* exits.c, register_exits.c, ept.c, io.c, hypercall.c: 0, or -EAGAIN. */
int fx_exit_handle(struct fx_runner *runner);
int fx_exit_cr_write(struct fx_runner *runner, const struct fx_cpu_exit *exit);
int fx_exit_xsetbv(struct fx_runner *runner, const struct fx_cpu_exit *exit);
int fx_exit_msr_write(struct fx_runner *runner, const struct fx_cpu_exit *exit);
int fx_exit_msr_read(struct fx_runner *runner, const struct fx_cpu_exit *exit);
int fx_exit_ept(struct fx_runner *runner, const struct fx_cpu_exit *exit);
int fx_exit_io(struct fx_runner *runner, const struct fx_cpu_exit *exit);
int fx_exit_vmcall(struct fx_runner *runner, const struct fx_cpu_exit *exit);
/* The VMEXIT event: 1: the exit is not to be handled; 0; -EAGAIN. */
int fx_exit_report(struct fx_runner *runner);

struct fx_ept_entry fx_ept_lookup(void *opaque, uint64_t gfn, bool host);

/* register_exits.c: also for writes that answers have let pass. 0, or -EFAULT: an exception
 * is on its way. */
int fx_write_msr(struct fx_runner *runner, uint32_t msr, uint64_t value);
bool fx_msr_write_exits(void *opaque, uint32_t msr);

/* resume.c: hvm_do_resume(): what answers and the tools have asked of the vCPU. */
int fx_resume(struct fx_runner *runner);
/* Emulates the instruction at RIP as hvm_emulate_one_vm_event() does. */
int fx_emulate(struct fx_runner *runner, const struct fx_emulation *how);

/* interrupt.c */
void fx_inject_exception(struct fx_runner *runner, uint8_t vector, bool has_error_code,
	uint32_t error_code);
/* vmx_intr_assist(): on the way into the guest. */
void fx_interrupt_assist(struct fx_runner *runner);
/* Whether a halted vCPU has something to do now; if not, when (host time, 0: never). */
bool fx_interrupt_due(struct fx_runner *runner, uint64_t *deadline);
/* After a write of ICR: to whom the interrupt goes. */
void fx_interrupt_send(struct fx_runner *runner);

/* hypercall.c: hvm_vcpu_down(): the last one to go shuts the domain down. */
void fx_vcpu_down(struct fx_runner *runner);

void fx_domain_crash(struct fx_runner *runner, const char *why);
void fx_log(struct fx_runner *runner, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
