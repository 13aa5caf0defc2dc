/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reply.h: what a handler wants to happen to the vCPU that waits.
 *
 * A reply is a small value: one action and some flags. Registers and emulation bytes,
 * which are long, are written straight into the event's answer (rs_answer_*), and the
 * reply's flags say that they count. Which event takes which reply:
 *
 *                       cr msr bp  page cpuid desc debug step guest_req interrupt
 *   RS_CONTINUE         x   x   x   x    x     x    x     x      x         x
 *   RS_RESUME           x   x   x   x    x     x    x     x      x         x
 *   RS_DENY             x1  x1
 *   RS_GIVE_BACK                x                   x
 *   rs_reply_inject     x   x   x   x    x     x    x     x      x         x
 *   RS_EMULATE                  x2  x          x
 *   RS_STEP, step in    x   x   x   x    x     x    x     x      x         x
 *   RS_FAST_STEP                x   x
 *   with registers      x3  x3  x   x    x     x    x     x      x3        x
 *   switch view         x   x   x   x    x     x    x     x      x         x
 *   next interrupt      x   x   x   x    x     x    x     x      x         x
 *   reset vmtrace       x4  x4  x4  x4   x4    x4   x4    x4     x4        x4
 *   reset fork          x5  x5  x5  x5   x5    x5   x5    x5     x5        x5
 *
 *   1  the watch was made with `deny`; not XCR0
 *   2  with instruction bytes only (rs_answer_instruction), which no other event takes
 *   3  the instruction at RIP was executed already, and would be executed twice: where the
 *      handler leaves RIP alone, the engine moves it behind that (it reads the instruction, and is
 *      refused if what is there now could not have caused the event); another RIP is taken as it is
 *
 *   4  the vCPU is being traced (rs_event_vmtrace_pos is not ~0): Xen 4.15
 *   5  a Xen 4.17 that was built with memory sharing, as Debian's are not, and a domain that is a
 *      fork: Xen ignores it for any other, and shows nobody which are
 *
 * Asynchronous events (event->synchronous is false: the guest ran on) take RS_CONTINUE only.
 * A reply that Xen would ignore or misunderstand is refused: the engine logs why, counts it
 * (rs_statistics.refused) and does what RS_CONTINUE does.
 */
#ifndef RINGSIDE_REPLY_H
#define RINGSIDE_REPLY_H

#include <ringside/event.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum rs_action {
	/*
	 * What is right for the kind of event: a CR or MSR write takes place; CPUID leaves
	 * its results and moves on; a breakpoint and a synchronous debug exception go to the
	 * guest's own handler (a stale breakpoint, whose byte is no INT3 any more, is
	 * executed again); a descriptor access is emulated; the instruction behind a page
	 * fault is executed with the page open (by a fast single-step in the permissive
	 * view if the page is watched by altp2m, else by Xen's emulator); single-stepping
	 * ends.
	 */
	RS_ACTION_CONTINUE = 0,
	/* Nothing: the vCPU runs on as it is. Most kinds would report again at once. */
	RS_ACTION_RESUME,
	/* The write to the register does not take place. */
	RS_ACTION_DENY,
	/* The exception that was intercepted goes to the guest, whatever the byte in memory. */
	RS_ACTION_GIVE_BACK,
	/* The exception that `vector`, `type` and so on describe goes to the guest. */
	RS_ACTION_INJECT,
	/* Xen's emulator executes the instruction, with the RS_REPLY_* flags of emulation. */
	RS_ACTION_EMULATE,
	/* The vCPU executes one instruction, then reports RS_SINGLESTEP. */
	RS_ACTION_STEP,
	/* The vCPU executes one instruction in `view`, then is in `return_view`; no event. */
	RS_ACTION_FAST_STEP,
	/* Only from a handler: the event is answered by rs_event_reply. */
	RS_ACTION_LATER,
};

enum {
	RS_REPLY_SET_REGISTERS = 1 << 0,  /* those of rs_answer_registers */
	RS_REPLY_SWITCH_VIEW = 1 << 1,    /* to `view`, this vCPU */
	RS_REPLY_NEXT_INTERRUPT = 1 << 2, /* report the next interrupt (RS_INTERRUPT), once */
	RS_REPLY_NO_WRITE = 1 << 3,       /* RS_ACTION_EMULATE: drop what it writes */
	RS_REPLY_READ_DATA = 1 << 4,      /* RS_ACTION_EMULATE: reads get rs_answer_read_data */
	RS_REPLY_INSTRUCTION = 1 << 5,    /* RS_ACTION_EMULATE: rs_answer_instruction's bytes */
	RS_REPLY_RESET_VMTRACE = 1 << 6,  /* the vCPU's trace begins anew, at position 0 */
	/* A fork is again as it was made: its vCPUs' registers; its memory, what it has changed. */
	RS_REPLY_RESET_FORK_STATE = 1 << 7,
	RS_REPLY_RESET_FORK_MEMORY = 1 << 8,
};

/* Interruption types of rs_reply_inject: SDM volume 3, table 25-18. */
enum {
	RS_INJECT_EXTERNAL = 0,
	RS_INJECT_NMI = 2,
	RS_INJECT_HARDWARE_EXCEPTION = 3,
	RS_INJECT_SOFTWARE_INTERRUPT = 4,
	RS_INJECT_PRIVILEGED_EXCEPTION = 5, /* INT1 */
	RS_INJECT_SOFTWARE_EXCEPTION = 6,   /* INT3, INTO */
};

#define RS_NO_ERROR_CODE UINT32_MAX
/* As return_view of a fast step: the view that the event came from. */
#define RS_VIEW_SAME UINT16_MAX

struct rs_reply {
	uint8_t action; /* enum rs_action */
	uint8_t vector;
	uint8_t type;        /* RS_INJECT_* */
	uint8_t insn_length; /* bytes; of software interrupts and exceptions */
	uint32_t flags;      /* RS_REPLY_* */
	uint16_t view;
	uint16_t return_view;
	uint32_t error_code; /* RS_NO_ERROR_CODE: none */
	uint64_t extra;      /* CR2 of a page fault, pending debug bits of a #DB */
};

static inline struct rs_reply rs_reply_make(enum rs_action action, uint32_t flags)
{
	struct rs_reply reply = { (uint8_t)action, 0, 0, 0, flags, 0, RS_VIEW_SAME,
				  RS_NO_ERROR_CODE, 0 };

	return reply;
}

#define RS_CONTINUE rs_reply_make(RS_ACTION_CONTINUE, 0)
#define RS_RESUME rs_reply_make(RS_ACTION_RESUME, 0)
#define RS_DENY rs_reply_make(RS_ACTION_DENY, 0)
#define RS_GIVE_BACK rs_reply_make(RS_ACTION_GIVE_BACK, 0)
#define RS_EMULATE rs_reply_make(RS_ACTION_EMULATE, 0)
#define RS_STEP rs_reply_make(RS_ACTION_STEP, 0)
/* In the permissive view 0, and back to the view the event came from. */
#define RS_FAST_STEP rs_reply_make(RS_ACTION_FAST_STEP, 0)
/*
 * Keeps the event: the vCPU (if it waits) goes on waiting, and no further event of it is handled,
 * until rs_event_reply. Other watches that want the event are not asked. Of synchronous events
 * eight can be open at a time, kept or not: then all others of the domain wait.
 */
#define RS_LATER rs_reply_make(RS_ACTION_LATER, 0)
/* In place of what the kind does by default: sets what rs_answer_registers holds. */
#define RS_SET_REGISTERS rs_reply_make(RS_ACTION_CONTINUE, RS_REPLY_SET_REGISTERS)

/* RS_REPLY_NO_WRITE, or RS_REPLY_READ_DATA, or RS_REPLY_INSTRUCTION: one of them. */
static inline struct rs_reply rs_reply_emulate(uint32_t flag)
{
	return rs_reply_make(RS_ACTION_EMULATE, flag);
}

static inline struct rs_reply rs_reply_inject(uint8_t vector, uint8_t type,
					      uint32_t error_code, uint8_t insn_length,
					      uint64_t extra)
{
	struct rs_reply reply = rs_reply_make(RS_ACTION_INJECT, 0);

	reply.vector = vector;
	reply.type = type;
	reply.error_code = error_code;
	reply.insn_length = insn_length;
	reply.extra = extra;
	return reply;
}

/* One instruction in `view`, then the event RS_SINGLESTEP, still in `view`. */
static inline struct rs_reply rs_reply_step_in(uint16_t view)
{
	struct rs_reply reply = rs_reply_make(RS_ACTION_STEP, RS_REPLY_SWITCH_VIEW);

	reply.view = view;
	return reply;
}

static inline struct rs_reply rs_reply_fast_step_in(uint16_t view, uint16_t return_view)
{
	struct rs_reply reply = RS_FAST_STEP;

	reply.view = view;
	reply.return_view = return_view;
	return reply;
}

/* The same reply, and: the registers are set; the view is switched; the next interrupt. */
static inline struct rs_reply rs_reply_with_registers(struct rs_reply reply)
{
	reply.flags |= RS_REPLY_SET_REGISTERS;
	return reply;
}

static inline struct rs_reply rs_reply_with_view(struct rs_reply reply, uint16_t view)
{
	reply.flags |= RS_REPLY_SWITCH_VIEW;
	reply.view = view;
	return reply;
}

static inline struct rs_reply rs_reply_with_next_interrupt(struct rs_reply reply)
{
	reply.flags |= RS_REPLY_NEXT_INTERRUPT;
	return reply;
}

static inline struct rs_reply rs_reply_with_vmtrace_reset(struct rs_reply reply)
{
	reply.flags |= RS_REPLY_RESET_VMTRACE;
	return reply;
}

/* Before anything else that the reply asks for: registers that it sets are set then. */
static inline struct rs_reply rs_reply_with_fork_reset(struct rs_reply reply)
{
	reply.flags |= RS_REPLY_RESET_FORK_STATE | RS_REPLY_RESET_FORK_MEMORY;
	return reply;
}

/* What Xen can set of a vCPU. dr6 and dr7 are there to be read: Xen does not set them. */
struct rs_registers {
	uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rflags, dr6, dr7, rip;
};

/* What the emulated instruction gets when it reads memory, `size` bytes of it. */
#define RS_READ_DATA_SIZE_MAX 324
struct rs_read_data {
	uint32_t size;
	uint8_t bytes[RS_READ_DATA_SIZE_MAX];
};

#define RS_INSTRUCTION_SIZE 16

/*
 * The answer of the event that a handler was given, for its reply to refer to. Called by
 * that handler, before it returns. The three share their place in Xen's message, so one
 * event can have only one of them: the last call counts, and a reply whose flags ask for
 * another one is refused. NULL if the event takes none (asynchronous, or no handler's).
 *
 * rs_answer_registers begins with the event's own registers; of a CPUID with RIP behind the
 * instruction and its results in place, of a guest request with its result, 0, in RAX. RIP must
 * be canonical and RFLAGS legal, or the reply is refused.
 * rs_answer_read_data begins empty. An instruction that reads and writes memory ignores it.
 * rs_answer_instruction: the bytes to be executed in place of those in memory, all sixteen
 * to be filled; begins all zero.
 */
struct rs_registers *rs_answer_registers(const struct rs_event *event);
struct rs_read_data *rs_answer_read_data(const struct rs_event *event);
uint8_t *rs_answer_instruction(const struct rs_event *event);

/*
 * Answers an event that a handler keeps (it has returned RS_LATER or will), or that
 * rs_engine_next gave: exactly once, any time until the engine is detached, from any thread. `event`
 * is the handler's, or a copy of it made while that was valid: who may answer late or twice
 * must have a copy. The rs_answer_* functions work on it until then. Notifies Xen.
 *
 * -EALREADY: it was answered. -ETIMEDOUT: by the engine, at its deadline (options.at_deadline).
 * -EINVAL: it is nobody's event, or the reply is RS_LATER.
 */
int rs_event_reply(const struct rs_event *event, struct rs_reply reply)
	__attribute__((warn_unused_result));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
