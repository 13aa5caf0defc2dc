/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* answer.c: builds responses, and refuses replies that Xen would not honour. */
#include "engine/answer.h"

#include <stddef.h>
#include <string.h>

#include "engine/advance.h"
#include "engine/registers.h"
#include "engine/wire.h"

#define EMULATION_FLAGS (RS_REPLY_NO_WRITE | RS_REPLY_READ_DATA | RS_REPLY_INSTRUCTION)
#define FORK_FLAGS (RS_REPLY_RESET_FORK_STATE | RS_REPLY_RESET_FORK_MEMORY)
#define RESET_FLAGS (RS_REPLY_RESET_VMTRACE | FORK_FLAGS)
#define ALL_FLAGS                                                                         \
	(EMULATION_FLAGS | RESET_FLAGS | RS_REPLY_SET_REGISTERS | RS_REPLY_SWITCH_VIEW | \
	 RS_REPLY_NEXT_INTERRUPT)
#define DATA_OFFSET sizeof(struct rs_wire)

_Static_assert(sizeof(struct rs_reply) <= 32, "a reply is a small value");
_Static_assert(sizeof(struct rs_wire) == offsetof(struct rs_answer, message) + 56,
	       "registers and emulation data begin at byte 56");
_Static_assert(sizeof(struct rs_read_data) <= 384 - 56, "fits messages of version 6");

static struct rs_wire *wire_of(struct rs_answer *answer)
{
	return (struct rs_wire *)answer->message;
}

uint32_t rs_answer_flags(const struct rs_answer *answer)
{
	return ((const struct rs_wire *)answer->message)->flags;
}

uint32_t rs_answer_complete(struct rs_answer *answer, const struct rs_layout *layout)
{
	if (answer->data == RS_ANSWER_EMPTY)
		memset(answer->message + DATA_OFFSET, 0, layout->message_size - DATA_OFFSET);
	return layout->message_size;
}

void rs_answer_resume(struct rs_answer *answer, const struct rs_event *event)
{
	struct rs_wire *wire = wire_of(answer);

	memset(wire, 0, sizeof(*wire));
	wire->version = event->layout->version;
	wire->reason = event->reason;
	wire->vcpu_id = event->vcpu;
	/* Flags on an asynchronous event's answer would hit another event of that vCPU. */
	wire->flags = event->synchronous ? RS_FLAG_VCPU_PAUSED : 0;
	answer->injection.wanted = false;
}

void rs_answer_init(struct rs_answer *answer, struct rs_event *event)
{
	answer->data = RS_ANSWER_EMPTY;
	event->answer = answer;
	rs_answer_resume(answer, event);
}

static const char *add_registers(struct rs_answer *answer, const struct rs_event *event)
{
	const struct rs_registers *registers = (const void *)(answer->message + DATA_OFFSET);
	const char *refusal;

	if (answer->data != RS_ANSWER_REGISTERS)
		return "it sets registers that rs_answer_registers was not asked for";
	if (rs_is_executed(event) && registers->rip == rs_event_rip(event))
		return "the instruction at RIP was executed already, and RIP was not moved on: "
		       "with registers set it would be executed again";
	refusal = rs_registers_check(registers, event);
	if (!refusal)
		wire_of(answer)->flags |= RS_FLAG_SET_REGISTERS;
	return refusal;
}

static const char *add_view(struct rs_wire *wire, uint16_t view,
			    const struct rs_answer_rules *rules)
{
	if (!rules->views)
		return "it switches the view, but altp2m is off";
	if (view >= 32 || !(rules->views & 1U << view))
		return "it switches to a view that does not exist";
	wire->flags |= RS_FLAG_ALTERNATE_P2M;
	wire->altp2m_idx = view;
	return NULL;
}

static const char *deny(struct rs_answer *answer, const struct rs_event *event,
			const struct rs_answer_rules *rules)
{
	struct rs_wire *wire = wire_of(answer);

	if (event->kind != RS_CR && event->kind != RS_MSR)
		return "only writes to control registers and MSRs can be denied";
	if (event->kind == RS_CR && event->cr.which == RS_XCR0)
		return "Xen cannot deny a write to XCR0";
	if (!rules->holds_writes)
		return "Xen has done the write already: make the watch with deny = true";
	if (event->kind == RS_CR)
		wire->u.cr.index = event->cr.which;
	wire->flags |= RS_FLAG_DENY;
	return NULL;
}

static const char *inject(struct rs_answer *answer, const struct rs_event *event,
			  const struct rs_reply *reply)
{
	static const uint16_t types = 1 << RS_INJECT_EXTERNAL | 1 << RS_INJECT_NMI |
				      1 << RS_INJECT_HARDWARE_EXCEPTION |
				      1 << RS_INJECT_SOFTWARE_INTERRUPT |
				      1 << RS_INJECT_PRIVILEGED_EXCEPTION |
				      1 << RS_INJECT_SOFTWARE_EXCEPTION;

	if (reply->type > RS_INJECT_SOFTWARE_EXCEPTION || !(types & 1 << reply->type))
		return "there is no interruption of that type";
	if (reply->type == RS_INJECT_HARDWARE_EXCEPTION && reply->vector >= 32)
		return "hardware exceptions have vectors below 32";
	if (reply->type >= RS_INJECT_SOFTWARE_INTERRUPT &&
	    (!reply->insn_length || reply->insn_length > 15))
		return "software interrupts and exceptions need the instruction's length";
	answer->injection = (struct rs_injection){
		.wanted = true,
		.vector = reply->vector,
		.type = reply->type,
		.insn_length = reply->insn_length,
		.error_code = reply->error_code,
		.extra = reply->extra,
	};
	return NULL;
}

static const char *give_back(struct rs_answer *answer, const struct rs_event *event)
{
	const struct rs_debug_event *debug = &event->debug;

	if (event->kind != RS_BREAKPOINT && event->kind != RS_DEBUG)
		return "only breakpoints and debug exceptions can be given back";
	answer->injection = (struct rs_injection){
		.wanted = true,
		.vector = event->kind == RS_BREAKPOINT ? 3 : 1,
		.type = event->kind == RS_BREAKPOINT ? RS_INJECT_SOFTWARE_EXCEPTION : debug->type,
		.insn_length = (uint8_t)debug->insn_length,
		.error_code = RS_NO_ERROR_CODE,
		.extra = event->kind == RS_BREAKPOINT ? 0 : debug->pending_dbg,
	};
	return NULL;
}

/* Flags and data of an emulation, in the order of Xen's preference. */
static const char *add_emulation_data(struct rs_answer *answer, uint32_t flags)
{
	const struct rs_read_data *read = (const void *)(answer->message + DATA_OFFSET);
	struct rs_wire *wire = wire_of(answer);

	switch (flags & EMULATION_FLAGS) {
	case 0:
		return NULL;
	case RS_REPLY_NO_WRITE:
		wire->flags |= RS_FLAG_EMULATE_NOWRITE;
		return NULL;
	case RS_REPLY_READ_DATA:
		if (answer->data != RS_ANSWER_READ_DATA)
			return "rs_answer_read_data was not asked for";
		if (!read->size || read->size > RS_READ_DATA_SIZE_MAX)
			return "the read data has no size, or too great a one";
		wire->flags |= RS_FLAG_SET_EMUL_READ_DATA;
		return NULL;
	case RS_REPLY_INSTRUCTION:
		if (answer->data != RS_ANSWER_INSTRUCTION)
			return "rs_answer_instruction was not asked for";
		wire->flags |= RS_FLAG_SET_EMUL_INSN_DATA;
		return NULL;
	default:
		return "no-write, read data and instruction bytes exclude each other";
	}
}

static const char *emulate(struct rs_answer *answer, const struct rs_event *event,
			   const struct rs_reply *reply)
{
	struct rs_wire *wire = wire_of(answer);

	switch (event->kind) {
	case RS_PAGE:
		/* Of a page fault Xen copies no bytes, and would execute those of an older answer. */
		if (reply->flags & RS_REPLY_INSTRUCTION)
			return "Xen takes instruction bytes for breakpoints only";
		/* Xen looks there whether the page is still closed. */
		memcpy(&wire->u, (const char *)event->message + offsetof(struct rs_wire, u),
		       sizeof(wire->u));
		break;
	case RS_DESCRIPTOR:
		if (reply->flags & RS_REPLY_INSTRUCTION)
			return "Xen takes instruction bytes for breakpoints only";
		break;
	case RS_BREAKPOINT:
		if (!(reply->flags & RS_REPLY_INSTRUCTION))
			return "Xen emulates a breakpoint from instruction bytes only: "
			       "rs_reply_emulate(RS_REPLY_INSTRUCTION)";
		break;
	default:
		return "Xen emulates at page faults, breakpoints and descriptor accesses only";
	}
	if (reply->flags & RS_REPLY_SET_REGISTERS && answer->data != RS_ANSWER_REGISTERS)
		return "registers and emulation data share their place in the answer";
	wire->flags |= RS_FLAG_EMULATE;
	return add_emulation_data(answer, reply->flags);
}

static const char *fast_step(struct rs_answer *answer, const struct rs_event *event,
			     const struct rs_reply *reply, const struct rs_answer_rules *rules)
{
	struct rs_wire *wire = wire_of(answer);
	uint16_t back = reply->return_view == RS_VIEW_SAME ? event->view : reply->return_view;
	const char *refusal;

	if (event->kind != RS_PAGE && event->kind != RS_BREAKPOINT &&
	    event->kind != RS_EMUL_UNIMPLEMENTED)
		return "a fast step leads past page faults and breakpoints only";
	if (!rules->can_step)
		return "this processor cannot single-step";
	if (rules->stepping)
		return "this vCPU single-steps already, and a fast step would end that";
	if (reply->flags & RS_REPLY_SWITCH_VIEW)
		return "a fast step has views of its own: rs_reply_fast_step_in";
	refusal = add_view(wire, back, rules);
	if (refusal)
		return refusal;
	wire->u.fast_singlestep_p2midx = back;
	wire->flags |= RS_FLAG_FAST_SINGLESTEP;
	return add_view(wire, reply->view, rules);
}

static const char *add_action(struct rs_answer *answer, const struct rs_event *event,
			      const struct rs_reply *reply, const struct rs_answer_rules *rules)
{
	switch (reply->action) {
	case RS_ACTION_RESUME:
		return NULL;
	case RS_ACTION_DENY:
		return deny(answer, event, rules);
	case RS_ACTION_GIVE_BACK:
		return give_back(answer, event);
	case RS_ACTION_INJECT:
		return inject(answer, event, reply);
	case RS_ACTION_EMULATE:
		return emulate(answer, event, reply);
	case RS_ACTION_STEP:
		return rules->can_step ? NULL : "this processor cannot single-step";
	case RS_ACTION_FAST_STEP:
		return fast_step(answer, event, reply, rules);
	default:
		return "there is no such action";
	}
}

static const char *add_resets(struct rs_wire *wire, const struct rs_event *event, uint32_t flags,
			      const struct rs_answer_rules *rules)
{
	if (flags & RS_REPLY_RESET_VMTRACE) {
		if (rs_event_vmtrace_pos(event) == UINT64_MAX)
			return "it resets a trace, but this vCPU is not being traced";
		wire->flags |= RS_FLAG_RESET_VMTRACE;
	}
	if (flags & FORK_FLAGS && !rules->can_reset_fork)
		return "it resets a fork, but this Xen has none (4.17, built with memory sharing)";
	if (flags & RS_REPLY_RESET_FORK_STATE)
		wire->flags |= RS_FLAG_RESET_FORK_STATE;
	if (flags & RS_REPLY_RESET_FORK_MEMORY)
		wire->flags |= RS_FLAG_RESET_FORK_MEMORY;
	return NULL;
}

static const char *add_flags(struct rs_answer *answer, const struct rs_event *event,
			     const struct rs_reply *reply, const struct rs_answer_rules *rules)
{
	struct rs_wire *wire = wire_of(answer);
	const char *refusal = NULL;

	if (reply->flags & ~(uint32_t)ALL_FLAGS)
		return "it has a flag that does not exist";
	if (reply->flags & EMULATION_FLAGS && reply->action != RS_ACTION_EMULATE)
		return "it has emulation's flags, but does not emulate";
	if (reply->flags & RS_REPLY_SET_REGISTERS)
		refusal = add_registers(answer, event);
	if (!refusal && reply->flags & RS_REPLY_SWITCH_VIEW)
		refusal = add_view(wire, reply->view, rules);
	if (reply->flags & RS_REPLY_NEXT_INTERRUPT)
		wire->flags |= RS_FLAG_GET_NEXT_INTERRUPT;
	if (!refusal && reply->flags & RESET_FLAGS)
		refusal = add_resets(wire, event, reply->flags, rules);
	return refusal;
}

const char *rs_answer_build(struct rs_answer *answer, const struct rs_event *event,
			    const struct rs_reply *reply, const struct rs_answer_rules *rules,
			    bool *stepping)
{
	bool step = reply->action == RS_ACTION_STEP;
	const char *refusal = NULL;

	rs_answer_resume(answer, event);
	*stepping = rules->stepping;
	if (!event->synchronous) {
		if (reply->action != RS_ACTION_RESUME || reply->flags)
			return "the guest did not wait for it: the event is asynchronous";
		return NULL;
	}
	refusal = add_action(answer, event, reply, rules);
	if (!refusal)
		refusal = add_flags(answer, event, reply, rules);
	if (refusal) {
		rs_answer_resume(answer, event);
		return refusal;
	}
	/*
	 * Xen toggles, so a vCPU that steps is left to, and one that has taken its step is
	 * stopped. While it has a step under way other events of its leave that alone.
	 */
	if (step != rules->stepping && (step || event->kind == RS_SINGLESTEP)) {
		wire_of(answer)->flags |= RS_FLAG_TOGGLE_SINGLESTEP;
		*stepping = step;
	}
	return NULL;
}

struct rs_registers *rs_answer_registers(const struct rs_event *event)
{
	struct rs_answer *answer = event->answer;
	struct rs_registers *registers;

	if (!answer || !event->synchronous)
		return NULL;
	registers = (void *)(answer->message + DATA_OFFSET);
	if (answer->data == RS_ANSWER_REGISTERS)
		return registers;
	/* The same order and places in every version: tests/unit/layout.c. */
	memcpy(registers, (const char *)event->message + DATA_OFFSET, sizeof(*registers));
	if (event->kind == RS_CPUID)
		registers->rip += event->cpuid.insn_length;
	/* What the guest gets of its call: it was a hypercall that succeeded. */
	if (event->kind == RS_GUEST_REQUEST)
		registers->rax = 0;
	answer->data = RS_ANSWER_REGISTERS;
	return registers;
}

struct rs_read_data *rs_answer_read_data(const struct rs_event *event)
{
	struct rs_answer *answer = event->answer;
	struct rs_read_data *data;

	if (!answer || !event->synchronous)
		return NULL;
	data = (void *)(answer->message + DATA_OFFSET);
	if (answer->data != RS_ANSWER_READ_DATA)
		memset(data, 0, sizeof(*data));
	answer->data = RS_ANSWER_READ_DATA;
	return data;
}

uint8_t *rs_answer_instruction(const struct rs_event *event)
{
	struct rs_answer *answer = event->answer;
	uint8_t *bytes;

	if (!answer || !event->synchronous)
		return NULL;
	bytes = answer->message + DATA_OFFSET;
	if (answer->data != RS_ANSWER_INSTRUCTION)
		memset(bytes, 0, RS_INSTRUCTION_SIZE);
	answer->data = RS_ANSWER_INSTRUCTION;
	return bytes;
}
