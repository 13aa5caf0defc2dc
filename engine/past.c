/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* past.c: see past.h. */
#include "engine/past.h"

#include "engine/code.h"
#include "engine/others.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/trap.h"
#include "ring/atomics.h"

#define PAGE_BYTES 4096

static enum rs_way way_of_watch(struct rs_engine *engine, const struct rs_event *event)
{
	bool is_trap = event->kind == RS_BREAKPOINT, more;
	enum rs_way way = RS_WAY_AUTO;
	const struct rs_rule *rule;
	uint64_t order = 0;

	rs_rcu_begin();
	rule = rs_table_next(engine->table, is_trap ? RS_TABLE_TRAPS : event->kind,
			     is_trap ? rs_trap_address(event) : rs_table_key(event),
			     is_trap ? 0 : event->page.access, &order, &more);
	if (rule)
		way = rule->options.way;
	rs_rcu_done();
	return way;
}

enum rs_way rs_past_way(struct rs_engine *engine, const struct rs_event *event)
{
	enum rs_way way = RS_WAY_AUTO;

	if (rs_load_relaxed(&engine->ways))
		way = way_of_watch(engine, event);
	if (!way)
		way = engine->way;
	return way ? way : RS_WAY_EMULATE;
}

/* Of an instruction that is fetched, the fault is at it; of page tables, at what they map. */
bool rs_past_is_cause(const struct rs_event *event, const struct rs_instruction *instruction)
{
	uint64_t linear = event->page.gla;

	if (!instruction->length || !(event->page.access & RS_ACCESS_GLA_VALID))
		return false;
	if (linear - rs_event_rip(event) < RS_INSTRUCTION_MAX &&
	    event->page.access & (RS_ACCESS_X | RS_ACCESS_FAULT_IN_GPT))
		return true;
	return rs_instruction_touches(instruction, event, linear);
}

/* Xen's walk of page tables was not compared with the processor's. */
bool rs_past_may_emulate(struct rs_engine *engine, const struct rs_event *event)
{
	const struct rs_instruction *instruction = rs_code_at(engine, event);

	return instruction && instruction->is_proved &&
	       !(event->page.access & RS_ACCESS_FAULT_IN_GPT) &&
	       rs_past_is_cause(event, instruction) &&
	       !(instruction->repeat && rs_others_follow(engine, event, instruction));
}

static const char *refusal_of(const struct rs_instruction *instruction)
{
	switch (instruction->emulation) {
	case RS_EMULATION_FAULTS:
		return "the guest would get a #UD: Xen's emulator does not know this instruction";
	case RS_EMULATION_ENDLESS:
		return "the event would come again and again: Xen's emulator does not get past "
		       "this instruction";
	case RS_EMULATION_PANICS:
		return "the host may panic: Xen's emulator must never execute this instruction";
	default:
		return NULL;
	}
}

static const char *refusal_of_data(const struct rs_event *event, const struct rs_reply *reply,
				   const struct rs_instruction *instruction)
{
	if (reply->flags & RS_REPLY_READ_DATA && event->kind == RS_PAGE &&
	    (event->page.access & RS_ACCESS_X || !instruction->takes_data))
		return "Xen would use the real bytes: it feeds instructions that read memory, and "
		       "do not write to the same place";
	if (reply->flags & RS_REPLY_NO_WRITE && !instruction->takes_no_write)
		return "Xen cannot drop what this instruction writes";
	return NULL;
}

/* The bytes that a handler has written into the answer of a breakpoint. */
static const struct rs_instruction *given(struct rs_engine *engine, const struct rs_event *event)
{
	return rs_code_of(engine, event, rs_answer_instruction(event), RS_INSTRUCTION_SIZE);
}

const char *rs_past_refusal(struct rs_engine *engine, const struct rs_event *event,
			    const struct rs_reply *reply)
{
	const struct rs_instruction *instruction;
	const char *refusal;

	if (event->kind == RS_BREAKPOINT && reply->flags & RS_REPLY_INSTRUCTION &&
	    event->answer->data == RS_ANSWER_INSTRUCTION)
		return refusal_of(given(engine, event));
	if (event->kind != RS_PAGE && event->kind != RS_DESCRIPTOR)
		return NULL;
	instruction = rs_code_at(engine, event);
	if (!instruction)
		return NULL;
	if (!instruction->length)
		return "the instruction cannot be read, and might be one that panics the host";
	refusal = refusal_of(instruction);
	return refusal ? refusal : refusal_of_data(event, reply, instruction);
}

/* In one page, and where it has faulted. */
static bool accesses_once(const struct rs_instruction *instruction, const struct rs_event *event)
{
	const struct rs_operand *operand = instruction->operands;

	return instruction->operand_count == 1 && !instruction->repeat &&
	       event->page.offset + operand->size <= PAGE_BYTES &&
	       rs_operand_linear(instruction, operand, event) == event->page.gla;
}

/* Would rs_settle choose it, whatever the instruction does? */
static bool is_chosen(struct rs_engine *engine, const struct rs_event *event)
{
	return !event->view ||
	       (!rs_load_relaxed(&engine->ways) && engine->way <= RS_WAY_EMULATE &&
		!(event->page.access & RS_ACCESS_FAULT_IN_GPT) &&
		!(rs_load_relaxed(&engine->traps.count) &&
		  rs_traps_covers(&engine->traps, event->page.gfn)));
}

bool rs_past_is_plain(struct rs_engine *engine, const struct rs_event *event, bool is_asked)
{
	const struct rs_instruction *instruction;

	if (!is_asked && !is_chosen(engine, event))
		return false;
	instruction = rs_code_at(engine, event);
	return instruction &&
	       (instruction->is_proved ||
		(!(event->view && !is_asked) && instruction->length &&
		 instruction->emulation <= RS_EMULATION_OWN_DATA)) &&
	       !(event->page.access & RS_ACCESS_X) && accesses_once(instruction, event);
}

bool rs_past_is_single(struct rs_engine *engine, const struct rs_event *event)
{
	const struct rs_instruction *instruction;

	if (event->page.access & RS_ACCESS_X || !(event->page.access & RS_ACCESS_GLA_VALID))
		return false;
	instruction = rs_code_at(engine, event);
	return instruction && instruction->length && accesses_once(instruction, event);
}
