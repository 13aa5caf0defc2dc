/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.c: see registers.h. */
#include "bench/registers.h"

#include "bench/clock.h"
#include "ring/atomics.h"

#define CONTEXT_ROUNDS 32
#define EVENT_ROUNDS 1000

int bench_registers_measure(struct rs_guest *guest, struct counts_registers *found)
{
	struct rs_vcpu_registers registers;
	uint64_t begin, middle;
	int error = rs_guest_pause(guest);

	if (error)
		return error;
	begin = clock_ns();
	for (unsigned int i = 0; i < CONTEXT_ROUNDS && !error; i++)
		error = rs_vcpu_read_registers(guest, 0, &registers);
	middle = clock_ns();
	for (unsigned int i = 0; i < CONTEXT_ROUNDS && !error; i++)
		error = rs_vcpu_write_registers(guest, 0, &registers);
	found->context_read = (middle - begin) / CONTEXT_ROUNDS;
	found->context_write = (clock_ns() - middle) / CONTEXT_ROUNDS;
	rs_guest_resume(guest);
	return error;
}

/* The sixteen general registers, RIP and RFLAGS: what a reply can set. */
static void read_all(const struct rs_event *event, struct rs_registers *to)
{
	to->rax = rs_event_rax(event);
	to->rcx = rs_event_rcx(event);
	to->rdx = rs_event_rdx(event);
	to->rbx = rs_event_rbx(event);
	to->rsp = rs_event_rsp(event);
	to->rbp = rs_event_rbp(event);
	to->rsi = rs_event_rsi(event);
	to->rdi = rs_event_rdi(event);
	to->r8 = rs_event_r8(event);
	to->r9 = rs_event_r9(event);
	to->r10 = rs_event_r10(event);
	to->r11 = rs_event_r11(event);
	to->r12 = rs_event_r12(event);
	to->r13 = rs_event_r13(event);
	to->r14 = rs_event_r14(event);
	to->r15 = rs_event_r15(event);
	to->rip = rs_event_rip(event);
	to->rflags = rs_event_rflags(event);
}

static void measure_event(const struct rs_event *event, struct counts_registers *found)
{
	struct rs_registers answer = *rs_answer_registers(event), here;
	uint64_t begin = clock_ns(), middle;

	for (unsigned int i = 0; i < EVENT_ROUNDS; i++) {
		read_all(event, &here);
		__asm__ volatile("" : : "r"(&here) : "memory");
	}
	middle = clock_ns();
	for (unsigned int i = 0; i < EVENT_ROUNDS; i++) {
		*rs_answer_registers(event) = answer;
		rs_compiler_barrier();
	}
	found->event_write = (clock_ns() - middle + EVENT_ROUNDS - 1) / EVENT_ROUNDS;
	found->event_read = (middle - begin + EVENT_ROUNDS - 1) / EVENT_ROUNDS;
}

struct rs_reply bench_registers_answer(const struct rs_event *event,
				       struct counts_registers *found)
{
	struct rs_registers *registers;

	if (__builtin_expect(!found->event_read, 0))
		measure_event(event, found);
	registers = rs_answer_registers(event);
	if (event->kind == RS_BREAKPOINT)
		registers->rip += event->breakpoint.insn_length;
	return RS_SET_REGISTERS;
}
